"""Flux's ``Kustomization``, rendered as kustomize-controller renders it.

It is kustomize on a folder with what its spec adds, then variables substituted, then "Common metadata" set; a folder
without a kustomization gets one that takes in every manifest below it (its docs, "Generating a kustomization.yaml").
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from bot.errors import Invalid
from bot.model.filetree import FileTree
from bot.model.json import Tree, get, mapping, text
from bot.model.target import NotCompared, RenderedObject, Rendering, Unit
from bot.model.upstream import UpstreamKind
from bot.renderers import elsewhere, flux_kustomize
from bot.renderers.kustomize import Kustomize
from bot.renderers.objects import as_json, described, titled
from bot.renderers.opaque import unresolved
from bot.renderers.substitution import substituted
from bot.targets.documents import Documents
from bot.targets.flux import SIFTED, SUBSTITUTED
from bot.targets.kustomization import file_of
from bot.targets.paths import joined
from bot.targets.signs import KUSTOMIZATIONS
from bot.targets.sourceignore import NAME as SOURCEIGNORE
from bot.targets.sourceignore import artifact
from bot.targets.upstream import requested

_RECONCILE: Final = "kustomize.toolkit.fluxcd.io/reconcile"
_SSA: Final = "kustomize.toolkit.fluxcd.io/ssa"
_MISSING: Final = re.compile(r"(\S+) is not there\Z")
_UNKNOWN: Final = "a variable in it is substituted from what cannot be read here"


@dataclass(frozen=True, slots=True)
class FluxKustomization:
    """Renders ``Kustomization`` objects of Flux."""

    kustomize: Kustomize
    documents: Documents

    def render(self, unit: Unit, tree: FileTree) -> Rendering:
        """The objects that a ``Kustomization`` applies, of this repository or of another one that its source names."""
        request = requested(unit.spec)
        if request is None:
            return self._render(unit, tree)
        kind = "another repository" if request[0].kind is UpstreamKind.GIT else "an artifact"
        files = elsewhere.obtained(request[0], tree, unit, f"its source is {kind}, {request[0].url}, and")
        if isinstance(files, NotCompared):
            return Rendering(error=files)
        return elsewhere.moved(self._render(replace(unit, path=request[1]), files.tree), unit, files.source)

    def _render(self, unit: Unit, tree: FileTree) -> Rendering:
        """The same, from the files that the source in ``tree`` takes."""
        sifted = artifact(tree, mapping(unit.spec.get(SIFTED)))
        if not sifted.under(unit.path):
            hint = (
                ", as far as Flux has it: .sourceignore or spec.ignore leaves it out" if tree.under(unit.path) else ""
            )
            reason = f"spec.path names {unit.path or '.'}, which is not in {_repository_of(unit)}{hint}"
            return Rendering(error=NotCompared(titled(unit), reason, unit.file, unit.line))
        complete_tree = _with_generated(unit.path, sifted, self.documents)
        if isinstance(complete_tree, NotCompared):
            return Rendering(inputs=frozenset({complete_tree.file}), error=replace(complete_tree, subject=titled(unit)))
        rendering = self.kustomize.render(unit, complete_tree, flux_kustomize.edit(unit, complete_tree), anywhere=True)
        inputs = frozenset(path for path in rendering.inputs if path in sifted) | set(
            sifted.under(f"**/{SOURCEIGNORE}")
        )
        try:
            objects = [_finished(rendered, unit.spec) for rendered in rendering.objects]
        except Invalid as exc:
            return Rendering(inputs=inputs, error=NotCompared(titled(unit), exc.message, unit.file, unit.line))
        left_out = [*rendering.left_out, *(out for rendered in objects if (out := _left_out(rendered)) is not None)]
        kept_objects = tuple(rendered for rendered in objects if _left_out(rendered) is None)
        error = None if rendering.error is None else _with_hidden(rendering.error, unit.path, tree, sifted)
        return Rendering(kept_objects, inputs, tuple(left_out), error)


def _with_hidden(error: NotCompared, folder: str, tree: FileTree, sifted: FileTree) -> NotCompared:
    """The error, with the hint that what is not there was left out of Flux's artifact."""
    missing = _MISSING.match(error.reason)
    path = None if missing is None else joined(posixpath.dirname(error.file) or folder, missing[1])
    if path is None or path in sifted or not (path in tree or tree.under(path)):
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
    resources: list[str] = []
    for path in _manifests(folder, tree):
        if path in tree:
            if (error := on.error(path)) is not None:
                return NotCompared("", error.message, path, error.line)
            stray = next((document for document in on.of(path) if not _is_object(document.tree)), None)
            if stray is not None:
                reason = "it is no Kubernetes object (without apiVersion, kind and a name), so Flux applies nothing"
                return NotCompared("", reason, path, stray.line)
        resources.append(posixpath.relpath(path, folder or "."))
    path = posixpath.join(folder, "kustomization.yaml")
    kustomization = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": resources}
    return tree.with_changes({path: as_json(kustomization).encode()})


def _is_object(tree: Tree) -> bool:
    has_name = bool(get(tree, "metadata", "name") or get(tree, "metadata", "generateName"))
    return bool(tree.get("kind") and tree.get("apiVersion")) and (has_name or str(tree["kind"]).endswith("List"))


def _manifests(folder: str, tree: FileTree) -> Iterator[str]:
    """What Flux lists: folders with a kustomization as such, with nothing below them, else YAML files; in order."""
    holding_folder = ""
    holders = {path.rpartition("/")[0] for path in tree.under(folder) if path.rpartition("/")[2] in KUSTOMIZATIONS}
    for path in tree.under(folder):
        if holding_folder and path.startswith(holding_folder + "/"):
            continue
        parts = posixpath.dirname(path).split("/")
        above = ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
        holding_folder = next((holder for holder in above if holder in holders and holder != folder), "")
        if holding_folder:
            yield holding_folder
        elif path.endswith((".yaml", ".yml")):
            yield path


def _finished(rendered: RenderedObject, spec: Tree) -> RenderedObject:
    """The object with variables substituted and common metadata set. Raises ``Invalid``."""
    variables = mapping(spec.get(SUBSTITUTED))
    complete = variables.get("known") is True
    variable_values = mapping(variables.get("values"))
    # without any variable Flux substitutes nothing, not even defaults, unless told to (``SubstituteVariables`` of fluxcd/pkg)
    if variables.get("on") is True and (variable_values or not complete or variables.get("always") is True):
        tree = substituted(rendered.tree, variable_values, complete=complete)
        unresolved_places = {} if complete else dict.fromkeys(unresolved(tree), _UNKNOWN)
        rendered = replace(rendered, tree=tree, opaque={**rendered.opaque, **unresolved_places})
    return flux_kustomize.with_metadata(rendered, spec)


def _left_out(rendered: RenderedObject) -> NotCompared | None:
    """Objects that Flux is told to leave alone (kustomize-controller docs, "Controlling the apply behavior of
    resources"), in whatever case (``AnyInMetadata`` in fluxcd/pkg's ``ssa/utils/meta.go``).
    """
    for part in ("annotations", "labels"):
        notes = mapping(get(rendered.tree, "metadata", part))
        for key, values in ((_RECONCILE, {"disabled"}), (_SSA, {"ifnotpresent", "ignore"})):
            if text(notes.get(key)).lower() in values:
                return NotCompared(described(rendered.tree), f"{key}: {notes[key]}", rendered.file, rendered.line)
    return None


def _repository_of(unit: Unit) -> str:
    return "its source" if requested(unit.spec) else "this repository"
