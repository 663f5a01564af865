"""Charts rendered by Helm: its own library in a confined process where that is installed, else the ``helm`` program.

``lookup`` answers nothing and no repository is asked: a chart is rendered from the files of the commit alone, for the
Kubernetes version and the API versions that settings name (``.Capabilities``). What a chart makes anew each time (random
passwords, certificates) is found by rendering it twice; it is not comparable.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bot.errors import Invalid
from bot.model.filetree import FileTree
from bot.model.hooks import HELM_HOOK, HOOK_RUNS
from bot.model.json import JSON, Pointer, Tree, mapping, text, texts
from bot.model.resource import SourceError
from bot.model.target import CAPABILITIES, NotCompared, RenderedObject, Rendering, Unit
from bot.model.wording import counted
from bot.processes import ProcessEnd
from bot.renderers import charts, tools, values
from bot.renderers.charts import Chart
from bot.renderers.confined import Jail, write_files
from bot.renderers.helm_process import SECONDS, HelmProcess, Manifests, RenderFailure
from bot.renderers.objects import as_json, described, is_hook, one_line, parsed, titled
from bot.targets import scopes
from bot.targets.documents import Documents

_LOADED_CHARTS: Final = 200
"""Charts on disk and loaded; then everything begins anew."""
_SOURCE: Final = "# Source: "
"""How ``helm template`` begins each document: with the template it comes from (``renderResources`` in helm's
``pkg/action/action.go``).
"""
_TEMPLATE: Final = re.compile(r"(?P<template>[\w.-]+/(?:[\w./-]+/)?[\w.-]+\.(?:ya?ml|tpl|txt|json))(?::(?P<line>\d+))?")
"""A template and a line in what Helm says: ``template: shop/templates/web.yaml:12:5: executing …``, ``parse error at
(shop/templates/web.yaml:3)``, ``YAML parse error on shop/templates/web.yaml`` (``cleanupParseError`` and
``cleanupExecError`` in its ``pkg/engine/engine.go``; ``SortManifests`` in its ``pkg/release/v1/util/manifest_sorter.go``).
"""
_MANIFESTS: Final = (".yaml", ".yml", ".json", ".tpl")
_CHANGES: Final = "its template makes a new value each time it is rendered"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The cluster that charts are rendered for: ``v1.33.0``, and API versions beyond those of Kubernetes itself. Empty:
    what Helm takes without a cluster.
    """

    kube_version: str = ""
    api_versions: tuple[str, ...] = ()

    @staticmethod
    def of(unit: Unit, default: Tree = MappingProxyType({})) -> Capabilities:
        """The cluster of a unit; what ``default`` says of it, the options of one of its charts, comes first."""
        settings = mapping(unit.spec.get(CAPABILITIES))
        return Capabilities(
            text(default.get("kubeVersion")) or text(settings.get("kubeVersion")),
            texts(default.get("apiVersions")) or texts(settings.get("apiVersions")),
        )

    @property
    def version(self) -> str:
        """The version in full, as Helm has it (``ParseKubeVersion`` in its ``pkg/chart/common/capabilities.go``)."""
        number, *suffixes = re.split(r"(?=[-+])", self.kube_version.removeprefix("v"), maxsplit=1)
        return f"v{number}{'.0' * (2 - number.count('.'))}{''.join(suffixes)}" if number else ""


@dataclass(frozen=True, slots=True)
class Release:
    """What a chart is rendered as. ``crds``: whether those of its ``crds`` folder are applied each time, and not only once.

    ``defaults`` takes the place of the chart's ``values.yaml``; ``capabilities`` that of the unit's. ``schema``: whether
    values are checked against the schemas of charts.
    """

    chart: str
    name: str
    namespace: str
    values: Tree
    crds: bool = False
    defaults: bytes | None = None
    capabilities: Capabilities | None = None
    schema: bool = True


@dataclass(slots=True)
class Helm:
    """Renders charts; one worker process for all of them. Safe to use from several threads, which wait for one another."""

    jail: Jail
    documents: Documents
    _worker: HelmProcess | None = None
    _written: dict[str, Path] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def render(self, unit: Unit, tree: FileTree) -> Rendering:
        """The objects of the chart in ``unit.path`` with the values files and values of its spec."""
        paths = texts(unit.spec.get("valueFiles"))
        merged_values: dict[str, JSON] = {}
        for path in paths:
            data = tree.read(path)
            if data is None:
                return _failed(unit, f"the values file {path} is not there", paths)
            try:
                merged_values = values.merged(merged_values, values.read(path, data))
            except Invalid as exc:
                return Rendering(inputs=frozenset(paths), error=NotCompared(titled(unit), exc.message, path, 1))
        merged_values = values.merged(merged_values, mapping(unit.spec.get("values")))
        name = text(unit.spec.get("releaseName")) or unit.name
        release = Release(unit.path, name, unit.namespace or "default", merged_values)
        rendering = self.release(unit, release, tree)
        return replace(rendering, inputs=rendering.inputs | set(paths))

    def release(self, unit: Unit, release: Release, tree: FileTree) -> Rendering:
        """The objects of one release of a chart of this repository. None of them gets a namespace here."""
        chart = charts.chart(self.documents.on(tree), release.chart, release.values, defaults=release.defaults)
        if isinstance(chart, NotCompared):
            file, line = (chart.file, chart.line) if chart.file else (unit.file, unit.line)
            inputs = frozenset(path for path in [charts.metadata(tree, release.chart)] if path)
            return Rendering(inputs=inputs, error=replace(chart, subject=titled(unit), file=file, line=line))
        inputs = frozenset(chart.files.values())
        chart = chart if release.schema else chart.without("values.schema.json")
        answers = [self.manifests(unit, chart, release, tree)]
        if chart.changing and isinstance(answers[0], Manifests):
            answers.append(self.manifests(unit, chart, release, tree))
        rendered: list[list[RenderedObject]] = []
        for answer in answers:
            objects = answer if isinstance(answer, NotCompared) else _objects(unit, chart, answer, crds=release.crds)
            if isinstance(objects, NotCompared):
                return Rendering(inputs=inputs, error=objects)
            rendered.append(objects)
        hooks = [rendered_object for rendered_object in rendered[0] if is_hook(rendered_object.tree, HELM_HOOK)]
        kept_objects, *again = [
            [manifest for manifest in manifests if not is_hook(manifest.tree, HELM_HOOK)] for manifests in rendered
        ]
        left_out = [_hook(unit, hook) for hook in hooks]
        if again:
            kept_objects, changing = _steady(unit, kept_objects, again[0])
            left_out += changing
        once_only = (
            []
            if release.crds
            else [o for answer in answers[:1] if isinstance(answer, Manifests) for o in _crds(chart, answer)]
        )
        if once_only:
            left_out.append(_once(unit, once_only))
        return Rendering(
            tuple(kept_objects),
            inputs,
            tuple(left_out),
            cluster_kinds=_cluster_kinds(once_only),
            hooks=tuple(hooks),
            once=tuple(once_only),
        )

    def manifests(self, unit: Unit, chart: Chart, release: Release, tree: FileTree) -> Manifests | NotCompared:
        """The texts that Helm renders, or why there are none, with the template that it blames."""
        with self._lock:
            answer = self._templated(chart, release, tree, release.capabilities or Capabilities.of(unit))
        if isinstance(answer, Manifests):
            return answer
        file, line = _blamed(chart, answer.reason) or (unit.file, unit.line)
        return NotCompared(titled(unit), answer.reason, file, line, missing_tool=answer.missing, again=answer.again)

    def _templated(
        self, chart: Chart, release: Release, tree: FileTree, capabilities: Capabilities
    ) -> Manifests | RenderFailure:
        request: dict[str, JSON] = {
            "values": release.values,
            "name": release.name,
            "namespace": release.namespace,
            "kube_version": capabilities.version,
            "api_versions": list(capabilities.api_versions),
        }
        if tools.helm_library():
            if self._worker is None or not self._worker.alive:
                self._worker = HelmProcess(self.jail)
            return self._worker.ask({**request, "chart": str(self._written_out(chart, tree))})
        program = tools.helm()
        if program is None:
            return RenderFailure(f"neither helm nor its library is installed. {tools.HELM_ADVICE}", missing=True)
        return self._by_program(program, self._written_out(chart, tree), release, capabilities)

    def _written_out(self, chart: Chart, tree: FileTree) -> Path:
        """What Helm is told to load: a folder, or the archive that is all of a packed chart."""
        folder = self._folder(chart, tree)
        return folder / os.path.basename(chart.folder) if chart.packed else folder  # noqa: PTH119 - a repository path

    def _folder(self, chart: Chart, tree: FileTree) -> Path:
        """The chart's files on disk, written once for the same contents."""
        key = chart.id(tree)
        if key not in self._written:
            if len(self._written) >= _LOADED_CHARTS:
                self._forget()
            folder = self.jail.root / "trees" / f"chart-{key}" / (os.path.basename(chart.folder) or "chart")  # noqa: PTH119 - a repository path
            folder.mkdir(parents=True, exist_ok=True)
            write_files(folder, chart.contents(tree))
            self._written[key] = folder
        return self._written[key]

    def _forget(self) -> None:
        for folder in self._written.values():
            shutil.rmtree(folder.parent, ignore_errors=True)
        self._written.clear()
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _by_program(
        self, program: Path, folder: Path, release: Release, capabilities: Capabilities
    ) -> Manifests | RenderFailure:
        values_path = folder.parent / "values.json"
        values_path.write_text(as_json(release.values), encoding="utf-8")
        argv: list[str | Path] = [self.jail.tool(program), "template", release.name, folder]
        argv += ["--namespace", release.namespace, "--include-crds", "--values", values_path]
        if capabilities.version:
            argv += ["--kube-version", capabilities.version]
        for version in capabilities.api_versions:
            argv += ["--api-versions", version]
        ended = self.jail.run(argv, seconds=SECONDS)
        if ended.ending is not ProcessEnd.EXITED or ended.exit_code != 0:
            stopped = ended.ending is not ProcessEnd.NOT_FOUND and (ended.exit_code or 0) < 0
            message = one_line(ended.stderr.replace(f"{folder.parent}/", "")) or f"it ended by {ended.ending.value}"
            return RenderFailure(f"helm: {message}", missing=ended.ending is ProcessEnd.NOT_FOUND, again=stopped)
        return by_source(ended.stdout.decode("utf-8", "replace"))


def _failed(unit: Unit, reason: str, inputs: Iterable[str]) -> Rendering:
    return Rendering(inputs=frozenset(inputs), error=NotCompared(titled(unit), reason, unit.file, unit.line))


def _objects(unit: Unit, chart: Chart, answer: Manifests, *, crds: bool) -> list[RenderedObject] | NotCompared:
    """The objects in what Helm rendered, template by template, after those of the ``crds`` folder if they are wanted."""
    rendered = _crds(chart, answer) if crds else []
    for template, printed in answer.templates.items():
        if not template.endswith(_MANIFESTS):
            continue
        file = chart.source(template) or unit.file
        objects = parsed(printed, partial(_at, file))
        if isinstance(objects, SourceError):
            reason = f"what {template} renders is not valid YAML: line {objects.line}: {objects.message}"
            return NotCompared(titled(unit), reason, file, 1)
        rendered += objects
    return rendered


def _crds(chart: Chart, answer: Manifests) -> list[RenderedObject]:
    """The objects of the chart's ``crds`` folder. One that cannot be read is as good as none: Helm never looked into it."""
    definitions: list[RenderedObject] = []
    for file, printed in answer.crds:
        objects = parsed(printed, partial(_at, chart.source(file) or file))
        definitions += [] if isinstance(objects, SourceError) else objects
    return definitions


def _cluster_kinds(crds: Iterable[RenderedObject]) -> frozenset[tuple[str, str]]:
    declarations = [scopes.declared(crd.tree) for crd in crds]
    return frozenset(kind for kind, namespaced in filter(None, declarations) if not namespaced)


def _once(unit: Unit, crds: list[RenderedObject]) -> NotCompared:
    """Helm docs, "Custom Resource Definitions", Limitations: CRDs are never installed on upgrade."""
    reason = "Helm installs what is in a chart's crds folder once and never updates it"
    return NotCompared(f"{titled(unit)}: {counted(len(crds), 'CRD')}", reason, crds[0].file, 1, hook=True)


def _hook(unit: Unit, rendered: RenderedObject) -> NotCompared:
    return NotCompared(f"{titled(unit)}: {described(rendered.tree)}", HOOK_RUNS, rendered.file, 1, hook=True)


def _steady(
    unit: Unit, first: list[RenderedObject], again: list[RenderedObject]
) -> tuple[list[RenderedObject], list[NotCompared]]:
    """``first`` with what is another in a second rendering marked as not comparable; objects of changing names left out."""
    steady: list[RenderedObject] = []
    left_out: list[NotCompared] = []
    for index, rendered in enumerate(first):
        twin = again[index] if index < len(again) else None
        if twin is None or described(twin.tree) != described(rendered.tree):
            reason = "its name or kind is another one each time it is rendered"
            left_out.append(NotCompared(f"{titled(unit)}: {described(rendered.tree)}", reason, rendered.file, 1))
            continue
        changing = dict.fromkeys(_differences(rendered.tree, twin.tree, ()), _CHANGES)
        steady.append(replace(rendered, opaque={**rendered.opaque, **changing}) if changing else rendered)
    return steady, left_out


def _differences(before: JSON, right: JSON, at: Pointer) -> Iterator[Pointer]:
    """Where two renderings differ: a mapping as a whole where it has other keys each time."""
    if isinstance(before, Mapping) and isinstance(right, Mapping):
        if at and before.keys() != right.keys():
            yield at
            return
        for key in {**before, **right}:
            yield from _differences(before.get(key), right.get(key), (*at, key))
    elif isinstance(before, list) and isinstance(right, list) and len(before) == len(right):
        for index, pair in enumerate(zip(before, right, strict=True)):
            yield from _differences(*pair, (*at, index))
    elif before != right:
        yield at


def _blamed(chart: Chart, reason: str) -> tuple[str, int] | None:
    """The template and line that Helm names; the last one is where it went wrong, the others are what called it."""
    blamed = None
    for match in _TEMPLATE.finditer(reason):
        path = chart.source(match["template"])
        if path is not None and (match["line"] or blamed is None or path != blamed[0]):
            blamed = path, int(match["line"] or 1)
    return blamed


def by_source(printed: str) -> Manifests:
    """What ``helm template`` printed, by the template each document comes from. CRDs are named after their files too."""
    parts: dict[str, list[str]] = {}
    for index, document in enumerate(re.split(r"^---\s*$\n?", printed, flags=re.MULTILINE)):
        first = document.strip("\n").partition("\n")[0]
        template = first.removeprefix(_SOURCE) if first.startswith(_SOURCE) else f"output/{index}.yaml"
        parts.setdefault(template, []).append(document)
    joined = {template: "\n---\n".join(documents) for template, documents in parts.items()}
    crds = {
        template: template_text for template, template_text in joined.items() if "crds" in template.split("/")[1:-1]
    }
    return Manifests({t: chart_template for t, chart_template in joined.items() if t not in crds}, tuple(crds.items()))


def _at(file: str, _tree: Tree) -> tuple[str, int]:
    return file, 1
