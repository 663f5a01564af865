"""Argo CD's ``Application``, rendered as its repository server renders it: each source by what its folder holds.

Source: argo-cd docs, "Tool Detection", "Kustomize", "Helm", "Directory", "Multiple Sources for an Application".
Jsonnet and configuration management plug-ins are said to be unsupported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from bot.errors import Invalid
from bot.model.filetree import FileTree
from bot.model.json import JSON, Tree, get, mapping, mappings, text, texts
from bot.model.target import NotCompared, RenderedObject, Rendering, Unit
from bot.renderers import charts, directory, elsewhere, values
from bot.renderers.helm import Capabilities, Helm, Release
from bot.renderers.kustomize import Additions, Kustomize
from bot.renderers.objects import ARGO_HOOK, HELM_HOOK, described, is_hook, titled
from bot.targets.argo import is_here, sources
from bot.targets.documents import Documents
from bot.targets.kustomization import file_of
from bot.targets.paths import joined
from bot.targets.upstream import argo_source

_IMAGE: Final = re.compile(r"(?:(?P<name>[^=]+)=)?(?P<new>[^@]+?)(?::(?P<tag>[^:/@]+))?(?:@(?P<digest>.+))?")


@dataclass(frozen=True, slots=True)
class Argo:
    """Renders applications with kustomize and Helm."""

    kustomize: Kustomize
    helm: Helm
    documents: Documents

    def application(self, unit: Unit, tree: FileTree) -> Rendering:
        """The objects of all sources of an application."""
        parts: list[Rendering] = []
        for source in sources(unit.spec):
            if "ref" in source and not text(source.get("path")) and not text(source.get("chart")):
                continue  # only names files for the others
            part = self._source(unit, source, tree)
            if part.error is not None:
                return Rendering(inputs=part.inputs, error=part.error)
            parts.append(part)
        objects = [each for part in parts for each in part.objects]
        hooks = [each for each in objects if _is_hook(each.tree)]
        return Rendering(
            tuple(each for each in objects if not _is_hook(each.tree)),
            frozenset().union(*(part.inputs for part in parts)),
            (*(left for part in parts for left in part.left_out), *(_left_out(unit, each) for each in hooks)),
            cluster_kinds=frozenset().union(*(part.cluster_kinds for part in parts)),
        )

    def _source(self, unit: Unit, source: Tree, tree: FileTree) -> Rendering:
        def failed(reason: str) -> Rendering:
            return Rendering(error=NotCompared(titled(unit), reason, unit.file, unit.line))

        written, url = text(source.get("path")), text(source.get("repoURL"))
        if "plugin" in source:
            return failed("configuration management plug-ins are not run")
        path = joined("", "." if text(source.get("chart")) else written or ".")
        if path is None or (is_ours(source, unit) and not tree.under(path)):
            return failed(f"{written or 'a source'} of {url} is not in this repository")
        if is_here(source, tree, texts(unit.spec.get("own"))):
            return self._folder(replace(unit, path=path), source, tree, tree)
        request, what = argo_source(source), f"its source is another repository, {url}, and"
        if text(source.get("chart")):
            what = f"its chart {text(source.get('chart'))} comes from {url}, and"
        if request is None:
            return failed(f"{written or 'a source'} of {url} is not in this repository")
        files = elsewhere.obtained(request, tree, unit, what)
        if isinstance(files, NotCompared):
            return Rendering(error=files)
        if not files.tree.under(path):
            return failed(f"{written} is not in {files.source}")
        made = self._folder(replace(unit, path=path), source, files.tree, tree)
        return elsewhere.moved(made, unit, files.source)

    def _folder(self, here: Unit, source: Tree, tree: FileTree, own: FileTree) -> Rendering:
        """A folder by what it holds. ``own`` is this repository, where values files may come from."""
        helm, kustomize = mapping(source.get("helm")), mapping(source.get("kustomize"))
        if charts.metadata(tree, here.path) is not None or (helm and not kustomize):
            return self._chart(here, helm, tree, own)
        if kustomize or file_of(self.documents.on(tree), here.path) is not None:
            return self.kustomize.render(here, tree, _additions(kustomize, here.path, tree))
        return directory.render(here, tree, self.documents, mapping(source.get("directory")))

    def _chart(self, unit: Unit, spec: Tree, tree: FileTree, own: FileTree) -> Rendering:
        try:
            given, files = _values(spec, unit, tree, own)
        except Invalid as exc:
            return Rendering(error=NotCompared(titled(unit), exc.message, unit.file, unit.line))
        release = Release(
            unit.path,
            text(spec.get("releaseName")) or text(get(unit.spec, "application", "name")) or unit.name,
            text(spec.get("namespace")) or unit.namespace or "default",
            given,
            crds=spec.get("skipCrds") is not True,
            capabilities=_capabilities(spec, self.helm),
        )
        rendering = self.helm.release(unit, release, tree)
        return replace(rendering, inputs=rendering.inputs | files)


def _capabilities(spec: Tree, helm: Helm) -> Capabilities:
    own = helm.capabilities
    return Capabilities(
        text(spec.get("kubeVersion")) or own.kube_version, texts(spec.get("apiVersions")) or own.api_versions
    )


def _values(spec: Tree, unit: Unit, tree: FileTree, own: FileTree) -> tuple[dict[str, JSON], frozenset[str]]:
    """Value files in order, then ``values``, which ``valuesObject`` replaces, then ``parameters`` and ``fileParameters``;
    the later over the earlier (argo-cd docs, "Helm", "Helm Value Precedence").
    """
    given: dict[str, JSON] = {}
    read: set[str] = set()
    for each in texts(spec.get("valueFiles")):
        path = value_file(each, unit)
        data = None if path is None else (own if each.startswith("$") else tree).read(path)
        if path is None or data is None:
            if spec.get("ignoreMissingValueFiles") is True:
                continue
            raise Invalid(f"the values file {each} is not in this repository")
        read.add(path)
        given = values.merged(given, values.read(path, data))
    inline = mapping(spec.get("valuesObject")) or values.read("helm.values", text(spec.get("values")))
    given = values.merged(given, inline)
    for parameter in mappings(spec.get("parameters")):
        value = text(parameter.get("value"))
        given = values.at_path(
            text(parameter.get("name")), value if parameter.get("forceString") is True else values.typed(value), given
        )
    for parameter in mappings(spec.get("fileParameters")):
        path = value_file(text(parameter.get("path")), unit)
        data = None if path is None else tree.read(path)
        if path is None or data is None:
            raise Invalid(f"the file {text(parameter.get('path'))} of a file parameter is not in this repository")
        read.add(path)
        given = values.at_path(text(parameter.get("name")), data.decode("utf-8", "replace"), given)
    return given, frozenset(read)


def is_ours(source: Tree, unit: Unit) -> bool:
    """Whether a source is this repository by its URL, whatever lies at its path."""
    own = texts(unit.spec.get("own"))
    return bool(own) and is_here(source, None, own)


def value_file(written: str, unit: Unit) -> str | None:
    """A values file by its repository path: below the chart, from the top, or of a source of this repository by its
    ``ref``. None for any other.
    """
    if "://" in written:
        return None
    if written.startswith("$"):
        name, _, path = written.partition("/")
        named = [each for each in sources(unit.spec) if text(each.get("ref")) == name[1:]]
        ours = any(is_here({**each, "path": ""}, None, texts(unit.spec.get("own"))) for each in named)
        return joined("", path) if ours else None
    return joined("", written.lstrip("/")) if written.startswith("/") else joined(unit.path, written)


def _additions(spec: Tree, folder: str, tree: FileTree) -> Additions:
    """What ``kustomize edit`` writes for the options of a source (argo-cd docs, "Kustomize")."""
    replaced: dict[str, JSON] = {
        key: text(spec.get(key)) for key in ("namePrefix", "nameSuffix", "namespace") if text(spec.get(key))
    }
    appended: dict[str, tuple[JSON, ...]] = {}
    if labels := mapping(spec.get("commonLabels")):
        entry: dict[str, JSON] = {"pairs": labels}
        if spec.get("labelWithoutSelector") is not True:
            entry["includeSelectors"] = True
        if spec.get("labelIncludeTemplates") is True:
            entry["includeTemplates"] = True
        appended["labels"] = (entry,)
    if annotations := mapping(spec.get("commonAnnotations")):
        replaced["commonAnnotations"] = annotations
    for key in ("replicas", "patches"):
        if listed := tuple(mappings(spec.get(key))):
            appended[key] = listed
    missing = spec.get("ignoreMissingComponents") is True
    components = [c for c in texts(spec.get("components")) if not missing or tree.under(joined(folder, c) or "\0")]
    if components:
        appended["components"] = tuple(components)
    return Additions(replaced, appended, tuple(image(each) for each in texts(spec.get("images"))))


def image(written: str) -> Tree:
    """``[name=]new[:tag][@digest]``, as ``kustomize edit set image`` takes it."""
    match = _IMAGE.fullmatch(written)
    if match is None:
        return {"name": written}
    entry: dict[str, JSON] = {"name": match["name"] or match["new"]}
    if match["name"]:
        entry["newName"] = match["new"]
    if match["tag"]:
        entry["newTag"] = match["tag"]
    if match["digest"]:
        entry["digest"] = match["digest"]
    return entry


def _is_hook(tree: Tree) -> bool:
    return is_hook(tree, ARGO_HOOK) or is_hook(tree, HELM_HOOK)


def _left_out(unit: Unit, made: RenderedObject) -> NotCompared:
    title = f"{titled(unit)}: {described(made.tree)}"
    return NotCompared(title, "a hook runs once and is not kept", made.file, made.line)
