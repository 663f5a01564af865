"""Flux's ``Kustomization`` and ``HelmRelease``, rendered as its controllers render them.

A ``Kustomization`` is kustomize on a folder with what its spec adds (kustomize-controller docs: "Target namespace",
"Patches", "Images", "Components"), then variables substituted, then "Common metadata" set; a folder without a
kustomization gets one that takes in every manifest below it ("Generating a kustomization.yaml"). A ``HelmRelease`` is
Helm with values put together ("Values", "Values references") and kustomize on what it prints ("Post renderers").
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from bot.errors import Invalid
from bot.model.filetree import FileTree
from bot.model.json import JSON, Tree, elements, get, mapping, mappings, text, texts
from bot.model.target import NotCompared, RenderedObject, Rendering, Unit
from bot.model.upstream import UpstreamFiles, UpstreamKind, UpstreamRequest
from bot.renderers import elsewhere, values
from bot.renderers.helm import Helm, Release
from bot.renderers.kustomize import KustomizationEdit, Kustomize
from bot.renderers.objects import as_json, described, titled
from bot.renderers.opaque import unresolved
from bot.renderers.strvals import editable, escaped, set_in
from bot.renderers.substitution import substituted
from bot.targets.documents import Documents
from bot.targets.flux import SIFTED, SUBSTITUTED, sifting
from bot.targets.kustomization import FILE_NAMES, file_of
from bot.targets.paths import joined
from bot.targets.sourceignore import NAME as SOURCEIGNORE
from bot.targets.sourceignore import artifact
from bot.targets.upstream import REQUEST, requested

_RECONCILE: Final = "kustomize.toolkit.fluxcd.io/reconcile"
_SSA: Final = "kustomize.toolkit.fluxcd.io/ssa"
_MISSING: Final = re.compile(r"(\S+) is not there\Z")
_LONGEST_NAME: Final = 53
_QUOTES: Final = "'\""
_UNKNOWN: Final = "a variable in it is substituted from what cannot be read here"


@dataclass(frozen=True, slots=True)
class Flux:
    """Renders Flux's objects with kustomize and Helm."""

    kustomize: Kustomize
    helm: Helm
    documents: Documents

    def kustomization(self, unit: Unit, tree: FileTree) -> Rendering:
        """The objects that a ``Kustomization`` applies, of this repository or of another one that its source names."""
        asked = requested(unit.spec)
        if asked is None:
            return self._kustomization(unit, tree)
        kind = "another repository" if asked[0].kind is UpstreamKind.GIT else "an artifact"
        files = elsewhere.obtained(asked[0], tree, unit, f"its source is {kind}, {asked[0].url}, and")
        if isinstance(files, NotCompared):
            return Rendering(error=files)
        return elsewhere.moved(self._kustomization(replace(unit, path=asked[1]), files.tree), unit, files.source)

    def _kustomization(self, unit: Unit, tree: FileTree) -> Rendering:
        """The same, from the files that the source in ``tree`` takes."""
        taken = artifact(tree, mapping(unit.spec.get(SIFTED)))
        if not taken.under(unit.path):
            lost = (
                ", as far as Flux has it: .sourceignore or spec.ignore leaves it out" if tree.under(unit.path) else ""
            )
            reason = f"spec.path names {unit.path or '.'}, which is not in {_place(unit)}{lost}"
            return Rendering(error=NotCompared(titled(unit), reason, unit.file, unit.line))
        laid = _with_generated(unit.path, taken, self.documents)
        if isinstance(laid, NotCompared):
            return Rendering(inputs=frozenset({laid.file}), error=replace(laid, subject=titled(unit)))
        rendering = self.kustomize.render(unit, laid, _edit(unit, laid), anywhere=True)
        inputs = frozenset(path for path in rendering.inputs if path in taken) | set(taken.under(f"**/{SOURCEIGNORE}"))
        try:
            objects = [_finished(each, unit.spec) for each in rendering.objects]
        except Invalid as exc:
            return Rendering(inputs=inputs, error=NotCompared(titled(unit), exc.message, unit.file, unit.line))
        left = [*rendering.left_out, *(out for each in objects if (out := _left_out(each)) is not None)]
        kept = tuple(each for each in objects if _left_out(each) is None)
        error = None if rendering.error is None else _with_hidden(rendering.error, unit.path, tree, taken)
        return Rendering(kept, inputs, tuple(left), error)

    def release(self, unit: Unit, tree: FileTree) -> Rendering:
        """The objects that a ``HelmRelease`` installs. Its chart may lie in another place."""
        held = mapping(get(unit.spec, "source", "object"))
        taken = artifact(tree, sifting(held))
        chart = _chart(unit.spec, taken, unit)
        if isinstance(chart, str):
            return self._release(unit, chart, taken)
        if isinstance(chart, NotCompared):
            return Rendering(error=replace(chart, subject=titled(unit), file=unit.file, line=unit.line))
        folder = _folder_in(unit.spec)
        return elsewhere.moved(self._release(unit, folder, _taken(held, chart.tree)), unit, chart.source)

    def _release(self, unit: Unit, chart: str, tree: FileTree) -> Rendering:
        spec = unit.spec
        try:
            given = _values(spec)
            files = _value_files(spec, tree)
        except Invalid as exc:
            return Rendering(error=NotCompared(titled(unit), exc.message, unit.file, unit.line))
        defaults = None if files is None else as_json(files).encode()
        release = Release(
            chart,
            _release_name(unit),
            unit.namespace or "default",
            given,
            crds=_updates_crds(spec),
            defaults=defaults,
            schema=get(spec, "upgrade", "disableSchemaValidation") is not True,
        )
        rendering = self.helm.release(unit, release, tree)
        rendering = replace(rendering, inputs=rendering.inputs | set(_value_paths(spec)))
        renderers = [each for each in mappings(spec.get("postRenderers")) if mapping(each.get("kustomize"))]
        if rendering.error is None and renderers:
            rendering = self._post(unit, rendering, renderers)
        return replace(rendering, objects=tuple(_with_metadata(each, spec) for each in rendering.objects))

    def _post(self, unit: Unit, rendering: Rendering, renderers: Sequence[Tree]) -> Rendering:
        """The rendering patched by its ``postRenderers``, each a kustomization over what came before."""
        for renderer in renderers:
            files = {f"{number}.json": as_json(made.tree).encode() for number, made in enumerate(rendering.objects)}
            files["kustomization.yaml"] = as_json({"resources": list(files)}).encode()
            apart = FileTree({}, lambda _blob: b"", files)
            built = self.kustomize.render(replace(unit, path=""), apart, _post_edit(mapping(renderer["kustomize"])))
            if built.error is not None:
                blamed = replace(built.error, file=unit.file, line=unit.line)
                return Rendering(inputs=rendering.inputs, error=blamed)
            rendering = replace(rendering, objects=tuple(_as_before(each, rendering.objects) for each in built.objects))
        return rendering


def _as_before(made: RenderedObject, before: Sequence[RenderedObject]) -> RenderedObject:
    """A patched object with the origin of the one that it was, whose file is called by its number."""
    stem = posixpath.splitext(made.file)[0]
    if not stem.isdecimal() or int(stem) >= len(before):
        return made
    own = before[int(stem)]
    return replace(made, file=own.file, line=own.line, opaque={**own.opaque, **made.opaque})


def _with_hidden(error: NotCompared, folder: str, tree: FileTree, taken: FileTree) -> NotCompared:
    """The error, with the hint that what is not there was left out of Flux's artifact."""
    missing = _MISSING.match(error.reason)
    path = None if missing is None else joined(posixpath.dirname(error.file) or folder, missing[1])
    if path is None or path in taken or not (path in tree or tree.under(path)):
        return error
    return replace(error, reason=f"{error.reason} for Flux: .sourceignore or spec.ignore leaves it out")


def _with_generated(folder: str, tree: FileTree, documents: Documents) -> FileTree | NotCompared:
    """``tree`` with a kustomization in ``folder`` that takes in every manifest below it, where it has none.

    Or why Flux makes none: a YAML file that holds no objects (``scanManifests`` of fluxcd/pkg's
    ``kustomize_generator.go``).
    """
    on = documents.on(tree)
    if file_of(on, folder) is not None:
        return tree
    listed: list[str] = []
    for path in _manifests(folder, tree):
        if path in tree:
            if (error := on.error(path)) is not None:
                return NotCompared("", error.message, path, error.line)
            stray = next((each for each in on.of(path) if not _is_object(each.tree)), None)
            if stray is not None:
                reason = "it is no Kubernetes object (without apiVersion, kind and a name), so Flux applies nothing"
                return NotCompared("", reason, path, stray.line)
        listed.append(posixpath.relpath(path, folder or "."))
    path = posixpath.join(folder, "kustomization.yaml")
    made = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": listed}
    return tree.with_changes({path: as_json(made).encode()})


def _is_object(tree: Tree) -> bool:
    named = bool(get(tree, "metadata", "name") or get(tree, "metadata", "generateName"))
    return bool(tree.get("kind") and tree.get("apiVersion")) and (named or str(tree["kind"]).endswith("List"))


def _manifests(folder: str, tree: FileTree) -> Iterator[str]:
    """What Flux lists: folders with a kustomization as such, with nothing below them, else YAML files; in order."""
    held = ""
    holders = {path.rpartition("/")[0] for path in tree.under(folder) if path.rpartition("/")[2] in FILE_NAMES}
    for path in tree.under(folder):
        if held and path.startswith(held + "/"):
            continue
        parts = posixpath.dirname(path).split("/")
        above = ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
        held = next((each for each in above if each in holders and each != folder), "")
        if held:
            yield held
        elif path.endswith((".yaml", ".yml")):
            yield path


def _edit(unit: Unit, tree: FileTree) -> KustomizationEdit:
    spec = unit.spec
    replaced: dict[str, JSON] = {}
    for key, own in (("namespace", "targetNamespace"), ("namePrefix", "namePrefix"), ("nameSuffix", "nameSuffix")):
        if text(spec.get(own)):
            replaced[key] = text(spec.get(own))
    if asked := texts(spec.get("buildMetadata")):
        replaced["buildMetadata"] = asked
    lists = _lists(spec, ("patches", "patchesStrategicMerge", "patchesJson6902"))
    components = [
        each
        for each in texts(spec.get("components"))
        if spec.get("ignoreMissingComponents") is not True or tree.under(joined(unit.path, each) or "\0")
    ]
    if components:
        lists["components"] = tuple(components)
    return partial(_edited, replaced=replaced, lists=lists, images=tuple(mappings(spec.get("images"))))


def _post_edit(spec: Tree) -> KustomizationEdit:
    """``postRenderers[].kustomize`` (helm-controller docs, "Post renderers")."""
    lists = _lists(spec, ("patches", "patchesStrategicMerge", "patchesJson6902"))
    return partial(_edited, replaced={}, lists=lists, images=tuple(mappings(spec.get("images"))))


def _edited(
    held: Tree, *, replaced: Tree, lists: Mapping[str, tuple[JSON, ...]], images: Sequence[Tree]
) -> Mapping[str, JSON]:
    appended: dict[str, JSON] = {key: [*elements(held.get(key)), *added] for key, added in lists.items()}
    merged: dict[str, JSON] = {"images": _merged_images(mappings(held.get("images")), images)} if images else {}
    return {**held, **replaced, **appended, **merged}


def _merged_images(held: Iterable[Tree], added: Sequence[Tree]) -> list[JSON]:
    """Images of a controller over those of the file, by name: a new name, and the tag and digest as one ("Images";
    ``GenerateManifest`` in fluxcd/pkg's ``kustomize_generator.go``).
    """
    merged: list[Tree] = list(held)
    for image in added:
        index = next((i for i, each in enumerate(merged) if each.get("name") == image.get("name")), None)
        if index is None:
            merged.append(image)
            continue
        over = dict(merged[index])
        if image.get("newName"):
            over["newName"] = image["newName"]
        if image.get("newTag") or image.get("digest"):
            over = {key: value for key, value in over.items() if key not in {"newTag", "digest"}}
            over |= {key: image[key] for key in ("newTag", "digest") if image.get(key)}
        merged[index] = over
    return list(merged)


def _lists(spec: Tree, keys: Sequence[str]) -> dict[str, tuple[JSON, ...]]:
    """Patches as kustomize takes them: those that Flux's API has as YAML objects become texts."""
    made: dict[str, tuple[JSON, ...]] = {}
    for key in keys:
        entries: list[JSON] = []
        for each in mappings(spec.get(key)):
            if key == "patchesStrategicMerge":
                entries.append(as_json(each))
            elif key == "patchesJson6902" and not isinstance(each.get("patch"), str):
                entries.append({**each, "patch": as_json(each.get("patch"))})
            else:
                entries.append(each)
        if entries:
            made[key] = tuple(entries)
    return made


def _finished(made: RenderedObject, spec: Tree) -> RenderedObject:
    """The object with variables substituted and common metadata set. Raises ``Invalid``."""
    variables = mapping(spec.get(SUBSTITUTED))
    known = variables.get("known") is True
    given = mapping(variables.get("values"))
    # without any variable Flux substitutes nothing, not even defaults, unless told to (``SubstituteVariables`` of fluxcd/pkg)
    if variables.get("on") is True and (given or not known or variables.get("always") is True):
        tree = substituted(made.tree, given, known=known)
        left = {} if known else dict.fromkeys(unresolved(tree), _UNKNOWN)
        made = replace(made, tree=tree, opaque={**made.opaque, **left})
    return _with_metadata(made, spec)


def _with_metadata(made: RenderedObject, spec: Tree) -> RenderedObject:
    """The object with ``commonMetadata`` set, over what it says itself."""
    common = mapping(spec.get("commonMetadata"))
    added = {part: mapping(common.get(part)) for part in ("labels", "annotations") if mapping(common.get(part))}
    if not added:
        return made
    meta = mapping(made.tree.get("metadata"))
    laid = {part: {**mapping(meta.get(part)), **entries} for part, entries in added.items()}
    return replace(made, tree={**made.tree, "metadata": {**meta, **laid}})


def _left_out(made: RenderedObject) -> NotCompared | None:
    """Objects that Flux is told to leave alone (kustomize-controller docs, "Controlling the apply behavior of
    resources"), in whatever case (``AnyInMetadata`` in fluxcd/pkg's ``ssa/utils/meta.go``).
    """
    for part in ("annotations", "labels"):
        notes = mapping(get(made.tree, "metadata", part))
        for key, words in ((_RECONCILE, {"disabled"}), (_SSA, {"ifnotpresent", "ignore"})):
            if text(notes.get(key)).lower() in words:
                return NotCompared(described(made.tree), f"{key}: {notes[key]}", made.file, made.line)
    return None


def _place(unit: Unit) -> str:
    return "its source" if requested(unit.spec) else "this repository"


def _taken(held: Tree, tree: FileTree) -> FileTree:
    """What the source of a chart takes of what was fetched: a packed chart is not looked into (source-controller docs,
    ``OCIRepository``, "Layer selector").
    """
    copied = text(get(held, "spec", "layerSelector", "operation")) == "copy"
    return tree if copied or text(held.get("kind")) == "HelmRepository" else artifact(tree, sifting(held))


def _folder_in(spec: Tree) -> str:
    """The folder of a chart in what its source holds: a Git repository has many, an archive is one."""
    source = mapping(spec.get("source"))
    if text(get(source, "object", "kind")) != "GitRepository":
        return ""
    sought = mapping(source.get("chart")) or mapping(get(spec, "chart", "spec"))
    return joined("", text(sought.get("chart")).lstrip("/") or ".") or ""


def _chart(spec: Tree, tree: FileTree, unit: Unit) -> str | UpstreamFiles | NotCompared:
    """The folder of the chart, where it is in this repository; the files of its source, where that is elsewhere."""
    source = mapping(spec.get("source"))
    held = mapping(source.get("object"))
    sought = mapping(source.get("chart")) or mapping(get(spec, "chart", "spec"))
    kind, chart = text(held.get("kind")) or text(source.get("kind")), text(sought.get("chart"))
    named = f"{kind} {text(get(held, 'metadata', 'name')) or text(source.get('name'))}".strip()
    if (request := UpstreamRequest.of(mapping(source.get(REQUEST)))) is not None:
        whose = "another repository, " if source.get("elsewhere") else ""
        name = chart or posixpath.basename(request.url)
        what = f"its chart {name} comes from {whose}{text(get(held, 'spec', 'url'))}, and"
        return elsewhere.obtained(request, tree, unit, what)
    if kind == "GitRepository" or (kind == "" and chart.startswith((".", "/"))):
        path = joined("", chart.lstrip("/") or ".")
        if path is not None and (path in tree or tree.under(path)):
            return path
        return NotCompared("", f"the chart {chart} of {named} is not in this repository")
    if not held:
        return NotCompared("", f"its chart comes from {named or 'a source'}, which is not in this repository")
    return NotCompared("", f"its chart {chart} comes from {named}, and charts of such a source are not fetched")


def _updates_crds(spec: Tree) -> bool:
    """Whether CRDs of the chart are applied each time: ``Skip`` is the default of an upgrade ("CRDs")."""
    return text(get(spec, "upgrade", "crds")) == "CreateReplace"


def _values(spec: Tree) -> dict[str, JSON]:
    """``valuesFrom`` in order, then ``values``; what goes to a ``targetPath`` lies over what was there before, inline values
    too (helm-controller docs, "Values references"; ``ChartValuesFromReferences`` in fluxcd/pkg's ``chartutil/values.go``).

    Merging shares mappings as it does there: only so does a path inside of inline values outlast the last merge.
    """
    inline = {key: editable(value) for key, value in mapping(spec.get("values")).items()}
    given: dict[str, JSON] = {}
    for each in mappings(spec.get("inputs")):
        path, written = text(each.get("targetPath")), text(each.get("text"))
        if path:
            given = values.merged(given, inline)
            _set_at(given, path, written, literal=each.get("literal") is True)
        else:
            read = {key: editable(value) for key, value in values.read("valuesFrom", written).items()}
            given = values.merged(given, read)
    return values.merged(given, inline)


def _set_at(given: dict[str, JSON], path: str, written: str, *, literal: bool) -> None:
    """``ReplacePathValue`` and ``ReplacePathLiteralValue``: a line of ``--set``, text where it stands in quotes."""
    if literal:
        set_in(given, f"{path}={escaped(written)}", str)
    elif written[:1] == written[-1:] and written[:1] in {"'", '"'}:
        set_in(given, f"{path}={written.strip(_QUOTES)}", str)
    else:
        set_in(given, f"{path}={written}")


def _value_paths(spec: Tree) -> list[str]:
    chart = mapping(get(spec, "source", "chart")) or mapping(get(spec, "chart", "spec"))
    return [path for each in texts(chart.get("valuesFiles")) if (path := joined("", each.lstrip("/"))) is not None]


def _value_files(spec: Tree, tree: FileTree) -> Tree | None:
    """``valuesFiles`` of the chart merged: they take the place of its ``values.yaml`` and are paths of its source
    (source-controller docs, ``HelmChart``, "Values files"). None where there are none.
    """
    chart = mapping(get(spec, "source", "chart")) or mapping(get(spec, "chart", "spec"))
    given: dict[str, JSON] = {}
    listed = texts(chart.get("valuesFiles"))
    for each in listed:
        path = joined("", each.lstrip("/"))
        data = None if path is None else tree.read(path)
        if path is None or data is None:
            if chart.get("ignoreMissingValuesFiles") is True:
                continue
            raise Invalid(f"the values file {each} of its chart is not there")
        given = values.merged(given, values.read(path, data))
    return given if listed else None


def _release_name(unit: Unit) -> str:
    """``releaseName``, else the target namespace and the name ("Release name"); what is longer than Helm takes is cut and
    told apart by a hash (``ShortenName`` in helm-controller's ``internal/release/name.go``).
    """
    given, space = text(unit.spec.get("releaseName")), text(unit.spec.get("targetNamespace"))
    name = given or (f"{space}-{unit.name}" if space else unit.name)
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: _LONGEST_NAME - 13]}-{digest}"
