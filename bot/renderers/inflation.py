"""``helmCharts`` of a kustomization, rendered before kustomize sees it: each template becomes one of its resources.

kustomize would start ``helm`` on the machine's own files and pull charts that are not there. Sources:
kubectl.docs.kubernetes.io, "helmCharts"; ``HelmChart`` in kustomize's ``api/types/helmchartargs.go`` and
``HelmChartInflationGenerator.go``.
"""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import Final

from bot.errors import Invalid
from bot.model.filetree import MOUNTS
from bot.model.hooks import HELM_HOOK
from bot.model.json import JSON, Tree, elements, mapping, mappings, text, texts
from bot.model.resource import SourceError
from bot.model.target import NotCompared, Unit
from bot.renderers import charts, elsewhere, values
from bot.renderers.helm import Capabilities, Helm, Release
from bot.renderers.helm_process import Manifests
from bot.renderers.objects import as_json, is_hook, parsed, titled
from bot.targets.documents import Documents, ManifestDocument
from bot.targets.kustomization import KustomizationFiles, chart_folder
from bot.targets.paths import joined
from bot.targets.upstream import chart_request

_HOME: Final = ".clockwork-charts"
"""The folder beside a kustomization that templates are put into, each below a number and its own repository path."""


def source(path: str) -> str | None:
    """The template that a file of :func:`inflated` was rendered from; None for any other file."""
    before, separator, after = path.partition(f"{_HOME}/")
    return after.partition("/")[2] if separator and (not before or before.endswith("/")) else None


def inflated(unit: Unit, parts: KustomizationFiles, documents: Documents, helm: Helm) -> dict[str, bytes] | NotCompared:
    """The files that take the place of all ``helmCharts``: templates, and kustomizations that name them."""
    files: dict[str, bytes] = {}
    for folder, file in parts.folders.items():
        document = next(iter(documents.of(file)), None)
        entries = list(mappings(document.tree.get("helmCharts"))) if document else []
        if document is None or not entries:
            continue
        added: list[str] = []
        for number, entry in enumerate(entries):
            objects = _rendered(unit, folder, document, entry, documents=documents, helm=helm)
            if isinstance(objects, NotCompared):
                return objects
            for path, data in objects.items():
                added.append(f"{_HOME}/{number}/{path}")
                files[posixpath.join(folder, added[-1])] = data
        tree = {key: value for key, value in document.tree.items() if key not in {"helmCharts", "helmGlobals"}}
        tree["resources"] = [*elements(tree.get("resources")), *added]
        files[file] = as_json(tree).encode()
    return files


def _rendered(
    unit: Unit, folder: str, document: ManifestDocument, entry: Tree, *, documents: Documents, helm: Helm
) -> dict[str, bytes] | NotCompared:
    name = text(entry.get("name"))

    def left_out(reason: str) -> NotCompared:
        return NotCompared(titled(unit), reason, document.file, document.line)

    path = chart_folder(folder, document.tree, entry)
    if path is None:
        return left_out(f"the chart {name} leads out of the repository")
    located = replace(unit, file=document.file, line=document.line)
    on, folder_of_chart = documents, path
    if charts.metadata(documents.tree, path) is None:
        repo = text(entry.get("repo"))
        if not repo:
            return left_out(f"the chart {name} is not in {path}, and names no repo to fetch it from")
        request = chart_request(repo, name, text(entry.get("version")))
        fetched = elsewhere.obtained(
            request, documents.tree, located, f"the chart {name} of {repo} is not in {path}, and"
        )
        if isinstance(fetched, NotCompared):
            return fetched
        on, folder_of_chart = documents.on(fetched.tree), ""
    if not text(entry.get("releaseName")) or entry.get("nameTemplate"):
        return left_out(f"the chart {name} has no releaseName, so Helm makes up another one each time")
    try:
        chart_values = _values(folder, entry, documents, on.tree.read(posixpath.join(folder_of_chart, "values.yaml")))
    except Invalid as exc:
        return left_out(exc.message)
    release = Release(
        folder_of_chart,
        text(entry.get("releaseName")),
        text(entry.get("namespace")) or "default",
        chart_values,
        crds=entry.get("includeCRDs") is True,
        capabilities=Capabilities.of(unit, entry),
    )
    chart = charts.chart(on, folder_of_chart, chart_values)
    if isinstance(chart, NotCompared):
        local = chart.file if on is documents else ""
        return replace(chart, subject=titled(unit), file=local or document.file, line=chart.line or document.line)
    answer = helm.manifests(located, chart, release, on.tree)
    if isinstance(answer, NotCompared):
        return answer if on is documents else replace(answer, file=located.file, line=located.line)
    files = _files(chart, answer, entry, crds=release.crds)
    return files if on is documents else {f"{MOUNTS}/{name}/{path}": data for path, data in files.items()}


def _files(chart: charts.Chart, answer: Manifests, entry: Tree, *, crds: bool) -> dict[str, bytes]:
    """The texts that hold objects, by the template's repository path. Without hooks where the entry says so."""
    files: dict[str, bytes] = {}
    for template, printed in [*answer.templates.items(), *(answer.crds if crds else ())]:
        if not template.endswith((".yaml", ".yml", ".json", ".tpl")):
            continue
        objects = parsed(printed, lambda _tree: ("", 1))
        path = chart.source(template) or template
        path = path if path.endswith((".yaml", ".yml", ".json")) else f"{path}.yaml"
        if isinstance(objects, SourceError):
            files[path] = printed.encode()  # kustomize says what is wrong with it
            continue
        trees = [rendered.tree for rendered in objects if not _is_skipped(rendered.tree, entry)]
        if len(trees) == len(objects) and trees:
            files[path] = printed.encode()
        elif trees:
            files[path] = "\n---\n".join(as_json(tree) for tree in trees).encode()
    return files


def _is_skipped(tree: Tree, entry: Tree) -> bool:
    if not is_hook(tree, HELM_HOOK):
        return False
    hook = text(mapping(mapping(tree.get("metadata")).get("annotations")).get(HELM_HOOK))
    return entry.get("skipHooks") is True or (entry.get("skipTests") is True and "test" in hook)


def _values(folder: str, entry: Tree, documents: Documents, defaults: bytes | None) -> dict[str, JSON]:
    """``valuesFile`` with ``valuesInline`` as ``valuesMerge`` says, then ``additionalValuesFiles``. ``defaults`` are the
    chart's own ``values.yaml``. Raises ``Invalid``.
    """
    file, inline = text(entry.get("valuesFile")), mapping(entry.get("valuesInline"))
    merged_values: dict[str, JSON] = {}
    if file:
        merged_values = dict(_read(folder, file, documents))
    elif inline:
        merged_values = dict(values.read("values.yaml", defaults or b""))
    match text(entry.get("valuesMerge")) or "override":
        case "override":
            merged_values = values.merged(merged_values, inline)
        case "merge":
            merged_values = values.merged(inline, merged_values)
        case "replace":
            merged_values = dict(inline) if inline else merged_values
        case other:
            raise Invalid(f"valuesMerge is {other}, and not override, merge or replace")
    for source_tree in texts(entry.get("additionalValuesFiles")):
        merged_values = values.merged(merged_values, _read(folder, source_tree, documents))
    return merged_values


def _read(folder: str, file: str, documents: Documents) -> Tree:
    path = joined(folder, file)
    data = None if path is None else documents.tree.read(path)
    if path is None or data is None:
        raise Invalid(f"the values file {file} is not in this repository")
    return values.read(path, data)
