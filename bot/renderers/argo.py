"""Argo CD's ``Application``, rendered as its repository server renders it: each source by what its folder holds.

Source: argo-cd docs, "Tools" (detection), "Kustomize", "Helm", "Directory", "Multiple Sources for an Application".
Jsonnet and configuration management plug-ins are said to be unsupported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from bot.errors import Invalid
from bot.model.filetree import FileTree
from bot.model.json import JSON, Tree
from bot.model.target import NotCompared, RenderedObject, Rendering, Unit
from bot.renderers import directory, values
from bot.renderers.helm import Helm, Release
from bot.renderers.kustomize import Additions, Kustomize
from bot.renderers.objects import ARGO_HOOK, is_hook, with_namespace
from bot.targets.argo import sources
from bot.targets.documents import Documents
from bot.targets.flux import below, mappings, text
from bot.targets.kustomization import file_of
from bot.targets.paths import joined

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
            if "ref" in source and not text(source, "path"):
                continue  # only names files for the others
            part = self._source(unit, source, tree)
            if part.error is not None:
                return Rendering(inputs=part.inputs, error=part.error)
            parts.append(part)
        objects = [with_namespace(each, unit.namespace) for part in parts for each in part.objects]
        hooks = [_hook(unit, each) for each in objects if is_hook(each.tree, ARGO_HOOK)]
        return Rendering(
            tuple(each for each in objects if not is_hook(each.tree, ARGO_HOOK)),
            frozenset().union(*(part.inputs for part in parts)),
            (*(left for part in parts for left in part.left_out), *hooks),
        )

    def _source(self, unit: Unit, source: Tree, tree: FileTree) -> Rendering:
        path = joined("", text(source, "path") or ".")
        if text(source, "chart"):
            reason = (
                f"its chart {text(source, 'chart')} comes from {text(source, 'repoURL')}, from where nothing is fetched"
            )
            return Rendering(error=NotCompared(unit.how, reason, unit.file, unit.line))
        if path is None or not tree.under(path):
            reason = f"{text(source, 'path')} of {text(source, 'repoURL')} is not in this repository"
            return Rendering(error=NotCompared(unit.how, reason, unit.file, unit.line))
        if "plugin" in source:
            return Rendering(
                error=NotCompared(unit.how, "configuration management plug-ins are not run", unit.file, unit.line)
            )
        here = replace(unit, path=path)
        if below(source, "helm") or _has(tree, path, "Chart.yaml"):
            return self._chart(here, source, tree)
        if below(source, "kustomize") or file_of(self.documents.on(tree), path) is not None:
            return self.kustomize.render(here, tree, _additions(below(source, "kustomize")))
        return directory.render(here, tree, self.documents, below(source, "directory"))

    def _chart(self, unit: Unit, source: Tree, tree: FileTree) -> Rendering:
        spec = below(source, "helm")
        try:
            given, files = _values(spec, unit, tree)
        except Invalid as exc:
            return Rendering(error=NotCompared(unit.how, exc.message, unit.file, unit.line))
        name = text(spec, "releaseName") or text(unit.spec, "application", "name") or unit.name
        space = text(spec, "namespace") or unit.namespace or "default"
        release = Release(unit.path, name, space, given, crds=spec.get("skipCrds") is not True)
        made = self.helm.release(unit, release, tree)
        return Rendering(made.objects, made.inputs | files, made.left_out, made.error)


def _values(spec: Tree, unit: Unit, tree: FileTree) -> tuple[dict[str, JSON], frozenset[str]]:
    """Value files, then ``values``, ``valuesObject`` and ``parameters``, the later over the earlier ("Helm": "Values")."""
    given: dict[str, JSON] = {}
    read: set[str] = set()
    listed = spec.get("valueFiles")
    for each in listed if isinstance(listed, (list, tuple)) else ():
        path = _value_file(str(each), unit)
        data = None if path is None else tree.read(path)
        if path is None or data is None:
            if spec.get("ignoreMissingValueFiles") is True:
                continue
            raise Invalid(f"the values file {each} is not in this repository")
        read.add(path)
        given = values.merged(given, values.read(path, data))
    if text(spec, "values"):
        given = values.merged(given, values.read("helm.values", text(spec, "values")))
    given = values.merged(given, below(spec, "valuesObject"))
    for each in mappings(spec.get("parameters")):
        value = text(each, "value")
        given = values.at_path(
            text(each, "name"), value if each.get("forceString") is True else values.typed(value), given
        )
    if mappings(spec.get("fileParameters")):
        raise Invalid("fileParameters are not read here")
    return given, frozenset(read)


def _value_file(written: str, unit: Unit) -> str | None:
    """A values file by its repository path: below the chart, from the top, or of a source by its ``ref``."""
    if "://" in written:
        return None
    if written.startswith("$"):
        return joined("", written.partition("/")[2])
    return joined("", written.lstrip("/")) if written.startswith("/") else joined(unit.path, written)


def _additions(spec: Tree) -> Additions:
    replaced: dict[str, JSON] = {
        key: text(spec, key) for key in ("namePrefix", "nameSuffix", "namespace") if text(spec, key)
    }
    if below(spec, "commonLabels"):
        replaced["commonLabels"] = below(spec, "commonLabels")
    if below(spec, "commonAnnotations"):
        replaced["commonAnnotations"] = below(spec, "commonAnnotations")
    appended: dict[str, tuple[JSON, ...]] = {}
    images = spec.get("images")
    if isinstance(images, (list, tuple)):
        appended["images"] = tuple(_image(each) for each in images if isinstance(each, str))
    for key in ("replicas", "patches"):
        if listed := mappings(spec.get(key)):
            appended[key] = tuple(listed)
    components = spec.get("components")
    if isinstance(components, (list, tuple)):
        appended["components"] = tuple(each for each in components if isinstance(each, str))
    return Additions(replaced, appended)


def _image(written: str) -> JSON:
    """``[name=]new[:tag][@digest]``, as ``kustomize edit set image`` takes it."""
    match = _IMAGE.fullmatch(written)
    if match is None:
        return {"name": written}
    image: dict[str, JSON] = {"name": match["name"] or match["new"]}
    if match["name"]:
        image["newName"] = match["new"]
    if match["tag"]:
        image["newTag"] = match["tag"]
    if match["digest"]:
        image["digest"] = match["digest"]
    return image


def _has(tree: FileTree, folder: str, name: str) -> bool:
    return (f"{folder}/{name}" if folder else name) in tree


def _hook(unit: Unit, made: RenderedObject) -> NotCompared:
    meta = made.tree.get("metadata")
    name = meta.get("name") if isinstance(meta, Mapping) else ""
    return NotCompared(
        f"{unit.how}: {made.tree.get('kind')} {name}", "a hook runs once and is not kept", made.file, made.line
    )
