"""Flux's ``HelmRelease``, rendered as helm-controller renders it.

It is Helm with values put together (its docs, "Values", "Values references") and kustomize on what that prints ("Post
renderers").
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.errors import Invalid
from bot.model.filetree import FileTree
from bot.model.json import JSON, Tree, get, mapping, mappings, text, texts
from bot.model.target import NotCompared, RenderedObject, Rendering, Unit
from bot.model.upstream import UpstreamFiles, UpstreamRequest
from bot.renderers import elsewhere, flux_kustomize, values
from bot.renderers.helm import Helm, Release
from bot.renderers.kustomize import Kustomize
from bot.renderers.objects import as_json, titled
from bot.renderers.strvals import editable, escaped, set_in
from bot.targets.flux import source_filters
from bot.targets.paths import joined
from bot.targets.sourceignore import artifact
from bot.targets.upstream import REQUEST

_LONGEST_NAME: Final = 53
_QUOTES: Final = "'\""


@dataclass(frozen=True, slots=True)
class FluxRelease:
    """Renders ``HelmRelease`` objects of Flux."""

    kustomize: Kustomize
    helm: Helm

    def render(self, unit: Unit, tree: FileTree) -> Rendering:
        """The objects that a ``HelmRelease`` installs. Its chart may lie in another place."""
        source_object = mapping(get(unit.spec, "source", "object"))
        sifted = artifact(tree, source_filters(source_object))
        chart = _chart(unit.spec, sifted, unit)
        if isinstance(chart, str):
            return self._render(unit, chart, sifted)
        if isinstance(chart, NotCompared):
            return Rendering(error=replace(chart, subject=titled(unit), file=unit.file, line=unit.line))
        folder = _folder_in(unit.spec)
        return elsewhere.moved(self._render(unit, folder, _artifact(source_object, chart.tree)), unit, chart.source)

    def _render(self, unit: Unit, chart: str, tree: FileTree) -> Rendering:
        spec = unit.spec
        try:
            release_values = _values(spec)
            files = _value_files(spec, tree)
        except Invalid as exc:
            return Rendering(error=NotCompared(titled(unit), exc.message, unit.file, unit.line))
        defaults = None if files is None else as_json(files).encode()
        release = Release(
            chart,
            _release_name(unit),
            unit.namespace or "default",
            release_values,
            crds=_updates_crds(spec),
            defaults=defaults,
            schema=get(spec, "upgrade", "disableSchemaValidation") is not True,
        )
        rendering = self.helm.release(unit, release, tree)
        rendering = replace(rendering, inputs=rendering.inputs | set(_value_paths(spec)))
        renderers = [renderer for renderer in mappings(spec.get("postRenderers")) if mapping(renderer.get("kustomize"))]
        if rendering.error is None and renderers:
            rendering = self._post(unit, rendering, renderers)
        return replace(
            rendering, objects=tuple(flux_kustomize.with_metadata(rendered, spec) for rendered in rendering.objects)
        )

    def _post(self, unit: Unit, rendering: Rendering, renderers: Sequence[Tree]) -> Rendering:
        """The rendering patched by its ``postRenderers``, each a kustomization over what came before."""
        for renderer in renderers:
            files = {
                f"{number}.json": as_json(rendered.tree).encode() for number, rendered in enumerate(rendering.objects)
            }
            files["kustomization.yaml"] = as_json({"resources": list(files)}).encode()
            scratch = FileTree({}, lambda _blob: b"", files)
            built = self.kustomize.render(
                replace(unit, path=""), scratch, flux_kustomize.post_edit(mapping(renderer["kustomize"]))
            )
            if built.error is not None:
                blamed = replace(built.error, file=unit.file, line=unit.line)
                return Rendering(inputs=rendering.inputs, error=blamed)
            rendering = replace(
                rendering, objects=tuple(_as_before(built_object, rendering.objects) for built_object in built.objects)
            )
        return rendering


def _as_before(rendered: RenderedObject, before: Sequence[RenderedObject]) -> RenderedObject:
    """A patched object with the origin of the one that it was, whose file is called by its number."""
    stem = posixpath.splitext(rendered.file)[0]
    if not stem.isdecimal() or int(stem) >= len(before):
        return rendered
    original = before[int(stem)]
    return replace(rendered, file=original.file, line=original.line, opaque={**original.opaque, **rendered.opaque})


def _artifact(source_object: Tree, tree: FileTree) -> FileTree:
    """What the source of a chart takes of what was fetched: a packed chart is not looked into (source-controller docs,
    ``OCIRepository``, "Layer selector").
    """
    copied = text(get(source_object, "spec", "layerSelector", "operation")) == "copy"
    return (
        tree
        if copied or text(source_object.get("kind")) == "HelmRepository"
        else artifact(tree, source_filters(source_object))
    )


def _folder_in(spec: Tree) -> str:
    """The folder of a chart in what its source holds: a Git repository has many, an archive is one."""
    source = mapping(spec.get("source"))
    if text(get(source, "object", "kind")) != "GitRepository":
        return ""
    chart_spec = mapping(source.get("chart")) or mapping(get(spec, "chart", "spec"))
    return joined("", text(chart_spec.get("chart")).lstrip("/") or ".") or ""


def _chart(spec: Tree, tree: FileTree, unit: Unit) -> str | UpstreamFiles | NotCompared:
    """The folder of the chart, where it is in this repository; the files of its source, where that is elsewhere."""
    source = mapping(spec.get("source"))
    source_object = mapping(source.get("object"))
    chart_spec = mapping(source.get("chart")) or mapping(get(spec, "chart", "spec"))
    kind, chart = text(source_object.get("kind")) or text(source.get("kind")), text(chart_spec.get("chart"))
    title = f"{kind} {text(get(source_object, 'metadata', 'name')) or text(source.get('name'))}".strip()
    if (request := UpstreamRequest.of(mapping(source.get(REQUEST)))) is not None:
        qualifier = "another repository, " if source.get("elsewhere") else ""
        name = chart or posixpath.basename(request.url)
        subject = f"its chart {name} comes from {qualifier}{text(get(source_object, 'spec', 'url'))}, and"
        return elsewhere.obtained(request, tree, unit, subject)
    if kind == "GitRepository" or (kind == "" and chart.startswith((".", "/"))):
        path = joined("", chart.lstrip("/") or ".")
        if path is not None and (path in tree or tree.under(path)):
            return path
        return NotCompared("", f"the chart {chart} of {title} is not in this repository")
    if not source_object:
        return NotCompared("", f"its chart comes from {title or 'a source'}, which is not in this repository")
    return NotCompared("", f"its chart {chart} comes from {title}, and charts of such a source are not fetched")


def _updates_crds(spec: Tree) -> bool:
    """Whether CRDs of the chart are applied each time: ``Skip`` is the default of an upgrade ("CRDs")."""
    return text(get(spec, "upgrade", "crds")) == "CreateReplace"


def _values(spec: Tree) -> dict[str, JSON]:
    """``valuesFrom`` in order, then ``values``; what goes to a ``targetPath`` lies over what was there before, inline values
    too (helm-controller docs, "Values references"; ``ChartValuesFromReferences`` in fluxcd/pkg's ``chartutil/values.go``).

    Merging shares mappings as it does there: only so does a path inside of inline values outlast the last merge.
    """
    inline = {key: editable(value) for key, value in mapping(spec.get("values")).items()}
    merged_values: dict[str, JSON] = {}
    for tree in mappings(spec.get("inputs")):
        path, value_text = text(tree.get("targetPath")), text(tree.get("text"))
        if path:
            merged_values = values.merged(merged_values, inline)
            _set_at(merged_values, path, value_text, literal=tree.get("literal") is True)
        else:
            read = {key: editable(value) for key, value in values.read("valuesFrom", value_text).items()}
            merged_values = values.merged(merged_values, read)
    return values.merged(merged_values, inline)


def _set_at(into: dict[str, JSON], path: str, value_text: str, *, literal: bool) -> None:
    """``ReplacePathValue`` and ``ReplacePathLiteralValue``: a line of ``--set``, text where it stands in quotes."""
    if literal:
        set_in(into, f"{path}={escaped(value_text)}", str)
    elif value_text[:1] == value_text[-1:] and value_text[:1] in {"'", '"'}:
        set_in(into, f"{path}={value_text.strip(_QUOTES)}", str)
    else:
        set_in(into, f"{path}={value_text}")


def _value_paths(spec: Tree) -> list[str]:
    chart = mapping(get(spec, "source", "chart")) or mapping(get(spec, "chart", "spec"))
    return [path for file in texts(chart.get("valuesFiles")) if (path := joined("", file.lstrip("/"))) is not None]


def _value_files(spec: Tree, tree: FileTree) -> Tree | None:
    """``valuesFiles`` of the chart merged: they take the place of its ``values.yaml`` and are paths of its source
    (source-controller docs, ``HelmChart``, "Values files"). None where there are none.
    """
    chart = mapping(get(spec, "source", "chart")) or mapping(get(spec, "chart", "spec"))
    merged_values: dict[str, JSON] = {}
    value_files = texts(chart.get("valuesFiles"))
    for file in value_files:
        path = joined("", file.lstrip("/"))
        data = None if path is None else tree.read(path)
        if path is None or data is None:
            if chart.get("ignoreMissingValuesFiles") is True:
                continue
            raise Invalid(f"the values file {file} of its chart is not there")
        merged_values = values.merged(merged_values, values.read(path, data))
    return merged_values if value_files else None


def _release_name(unit: Unit) -> str:
    """``releaseName``, else the target namespace and the name ("Release name"); what is longer than Helm takes is cut and
    told apart by a hash (``ShortenName`` in helm-controller's ``internal/release/name.go``).
    """
    name_given, space = text(unit.spec.get("releaseName")), text(unit.spec.get("targetNamespace"))
    name = name_given or (f"{space}-{unit.name}" if space else unit.name)
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: _LONGEST_NAME - 13]}-{digest}"
