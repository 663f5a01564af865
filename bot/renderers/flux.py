"""Flux's ``Kustomization`` and ``HelmRelease``, rendered as its controllers render them.

A ``Kustomization`` is kustomize on a folder with what its spec adds (kustomize-controller docs: "Target namespace",
"Patches", "Images", "Components", "Common metadata"), then variables substituted; a folder without a kustomization gets
one that takes in every manifest below it ("Generating a kustomization.yaml"). A ``HelmRelease`` is Helm with values put
together ("Values").
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.errors import Invalid
from bot.model.filetree import FileTree
from bot.model.json import JSON, Tree
from bot.model.target import NotCompared, RenderedObject, Rendering, Unit
from bot.renderers import values
from bot.renderers.helm import Helm, Release
from bot.renderers.kustomize import Additions, Kustomize
from bot.renderers.opaque import unresolved
from bot.renderers.substitution import substituted
from bot.targets.documents import Documents
from bot.targets.flux import SUBSTITUTED, below, mappings, text
from bot.targets.kustomization import FILE_NAMES, file_of
from bot.targets.paths import joined

_RECONCILE: Final = "kustomize.toolkit.fluxcd.io/reconcile"
_SSA: Final = "kustomize.toolkit.fluxcd.io/ssa"


@dataclass(frozen=True, slots=True)
class Flux:
    """Renders Flux's objects with kustomize and Helm."""

    kustomize: Kustomize
    helm: Helm
    documents: Documents

    def kustomization(self, unit: Unit, tree: FileTree) -> Rendering:
        """The objects that a ``Kustomization`` applies."""
        rendering = self.kustomize.render(
            unit, _with_generated(unit.path, tree, self.documents), _additions(unit), anywhere=True
        )
        inputs = frozenset(path for path in rendering.inputs if path in tree)
        objects = [_filled(each, below(unit.spec, SUBSTITUTED)) for each in rendering.objects]
        left = [*rendering.left_out, *(out for each in objects if (out := _left_out(each)) is not None)]
        kept = tuple(each for each in objects if _left_out(each) is None)
        return Rendering(kept, inputs, tuple(left), rendering.error)

    def release(self, unit: Unit, tree: FileTree) -> Rendering:
        """The objects that a ``HelmRelease`` installs."""
        spec = unit.spec
        chart = _chart(spec, tree)
        if not isinstance(chart, str):
            return Rendering(error=replace(chart, subject=unit.how, file=unit.file, line=unit.line))
        try:
            given = _values(spec)
            files = _value_files(spec, chart, tree)
        except Invalid as exc:
            return Rendering(error=NotCompared(unit.how, exc.message, unit.file, unit.line))
        release = Release(chart, _release_name(unit), unit.namespace or "default", values.merged(files, given))
        rendering = self.helm.release(unit, release, tree)
        renderers = mappings(spec.get("postRenderers"))
        if rendering.error is not None or not renderers:
            return rendering
        return self._post(unit, rendering, renderers)

    def _post(self, unit: Unit, rendering: Rendering, renderers: Sequence[Tree]) -> Rendering:
        """The rendering patched by its ``postRenderers``, each a kustomization over what came before."""
        for renderer in renderers:
            spec = below(renderer, "kustomize")
            listed = json.dumps(
                {"apiVersion": "v1", "kind": "List", "items": [o.tree for o in rendering.objects]}, default=dict
            )
            lists = {
                key: tuple(mappings(spec.get(key)))
                for key in ("patches", "images", "patchesStrategicMerge", "patchesJson6902")
            }
            made = FileTree(
                {},
                lambda _blob: b"",
                {"objects.json": listed.encode(), "kustomization.yaml": b"resources: [objects.json]\n"},
            )
            files = {each.tree.get("kind"): each.file for each in rendering.objects}
            built = self.kustomize.render(
                replace(unit, path=""), made, Additions(appended={k: v for k, v in lists.items() if v})
            )
            if built.error is not None:
                return Rendering(inputs=rendering.inputs, error=replace(built.error, file=unit.file, line=unit.line))
            objects = tuple(
                replace(o, file=files.get(o.tree.get("kind"), unit.file) or unit.file) for o in built.objects
            )
            rendering = Rendering(objects, rendering.inputs, rendering.left_out)
        return rendering


def _with_generated(folder: str, tree: FileTree, documents: Documents) -> FileTree:
    """``tree`` with a kustomization in ``folder`` that takes in every manifest below it, where it has none."""
    if file_of(documents.on(tree), folder) is not None:
        return tree
    listed = sorted(_manifests(folder, tree, documents.on(tree)))
    path = posixpath.join(folder, "kustomization.yaml")
    lines = ["apiVersion: kustomize.config.k8s.io/v1beta1", "kind: Kustomization", "resources:"]
    body = "\n".join([*lines, *(f"- {json.dumps(posixpath.relpath(each, folder or '.'))}" for each in listed)])
    return tree.with_changes({path: (body if listed else body + " []").encode() + b"\n"})


def _manifests(folder: str, tree: FileTree, documents: Documents) -> Iterator[str]:
    """What ``generate`` of Flux's kustomize package lists: folders with a kustomization as such, else files of objects."""
    holders = {path.rpartition("/")[0] for path in tree.under(folder) if path.rpartition("/")[2] in FILE_NAMES}
    for path in tree.under(folder):
        holder = next((h for h in holders if path.startswith(h + "/")), None)
        if (
            holder is None
            and path.endswith((".yaml", ".yml"))
            and any(document.tree.get("kind") for document in documents.of(path))
        ):
            yield path
    yield from (each for each in holders if not any(each.startswith(o + "/") for o in holders if o != each))


def _additions(unit: Unit) -> Additions:
    spec = unit.spec
    replaced: dict[str, JSON] = {}
    if text(spec, "targetNamespace"):
        replaced["namespace"] = text(spec, "targetNamespace")
    for key in ("namePrefix", "nameSuffix"):
        if text(spec, key):
            replaced[key] = text(spec, key)
    appended: dict[str, tuple[JSON, ...]] = {}
    for key in ("patches", "patchesStrategicMerge", "patchesJson6902", "images"):
        if listed := mappings(spec.get(key)):
            appended[key] = tuple(listed)
    components = spec.get("components")
    if isinstance(components, Sequence) and not isinstance(components, str):
        appended["components"] = tuple(each for each in components if isinstance(each, str))
    common = below(spec, "commonMetadata")
    if below(common, "labels"):
        appended["labels"] = ({"pairs": below(common, "labels")},)
    if below(common, "annotations"):
        replaced["commonAnnotations"] = below(common, "annotations")
    return Additions(replaced, appended)


def _filled(made: RenderedObject, variables: Tree) -> RenderedObject:
    if variables.get("on") is not True:
        return made
    known = variables.get("known") is True
    tree = substituted(made.tree, below(variables, "values"), known=known)
    left = (
        dict.fromkeys(unresolved(tree), "a variable in it is substituted from what cannot be read here")
        if not known
        else {}
    )
    return replace(made, tree=tree, opaque={**made.opaque, **left})


def _left_out(made: RenderedObject) -> NotCompared | None:
    """Objects that Flux is told to leave alone (kustomize-controller docs, "Controlling the apply behavior of
    resources").
    """
    meta = below(made.tree, "metadata")
    subject = f"{text(made.tree, 'kind')} {text(meta, 'name')}"
    for notes in (below(meta, "annotations"), below(meta, "labels")):
        if notes.get(_RECONCILE) == "disabled":
            return NotCompared(subject, f"{_RECONCILE}: disabled", made.file, made.line)
        if notes.get(_SSA) in {"IfNotPresent", "Ignore"}:
            return NotCompared(subject, f"{_SSA}: {notes[_SSA]}", made.file, made.line)
    return None


def _chart(spec: Tree, tree: FileTree) -> str | NotCompared:
    """The folder of the chart, where it is in this repository; why not, where it comes from elsewhere."""
    source = below(spec, "source")
    held = below(source, "object")
    wanted = below(source, "chart") or below(spec, "chart", "spec")
    kind = text(held, "kind") or text(source, "kind")
    if kind == "GitRepository" or (kind == "" and text(wanted, "chart").startswith((".", "/"))):
        path = joined("", text(wanted, "chart").lstrip("/") or ".")
        if path is not None and tree.under(path):
            return path
        return NotCompared(
            "",
            f"the chart {text(wanted, 'chart')} of {kind} {text(held, 'metadata', 'name')} is not in this repository",
        )
    if not held:
        named = f"{kind} {text(source, 'name')}".strip()
        return NotCompared("", f"its chart comes from {named or 'a source'}, which is not in this repository")
    url = text(held, "spec", "url")
    name = text(wanted, "chart") or posixpath.basename(url)
    return NotCompared("", f"its chart {name} comes from {url}, from where nothing is fetched")


def _values(spec: Tree) -> dict[str, JSON]:
    """``valuesFrom`` in order, then ``values`` (helm-controller docs, "Values")."""
    given: dict[str, JSON] = {}
    for each in mappings(spec.get("inputs")):
        path, written = text(each, "targetPath"), text(each, "text")
        given = (
            values.at_path(path, values.typed(written), given)
            if path
            else values.merged(given, values.read("valuesFrom", written))
        )
    return values.merged(given, below(spec, "values"))


def _value_files(spec: Tree, chart: str, tree: FileTree) -> Mapping[str, JSON]:
    """``chart.spec.valuesFiles``, which for a chart of a Git repository are paths in it."""
    listed = below(spec, "chart", "spec").get("valuesFiles")
    given: Mapping[str, JSON] = {}
    for each in listed if isinstance(listed, (list, tuple)) else ():
        path = joined("", str(each).lstrip("/"))
        data = None if path is None else tree.read(path)
        if data is None:
            raise Invalid(f"the values file {each} of the chart {chart} is not there")
        given = values.merged(given, values.read(str(each), data))
    return given


def _release_name(unit: Unit) -> str:
    """``releaseName``, else the target namespace and the name ("Release name")."""
    spec = unit.spec
    if text(spec, "releaseName"):
        return text(spec, "releaseName")
    return f"{text(spec, 'targetNamespace')}-{unit.name}" if text(spec, "targetNamespace") else unit.name
