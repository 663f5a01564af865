"""Kustomizations, built by kustomize itself on exactly the files that they are made from.

``buildMetadata: [originAnnotations]`` makes kustomize say from which file each object came (kustomize docs,
"buildMetadata"); the annotations are taken off again. What a controller adds to a kustomization before it builds it
(Flux's patches, Argo CD's images) is written into the copy's kustomization file, as the controllers do it.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.errors import Unavailable
from bot.model.filetree import FileTree
from bot.model.json import JSON, Tree
from bot.model.resource import SourceError
from bot.model.target import NotCompared, RenderedObject, Rendering, Unit
from bot.processes import ProcessEnd
from bot.renderers import tools
from bot.renderers.confined import SECONDS, Jail
from bot.renderers.objects import one_line, parsed
from bot.targets.documents import Documents
from bot.targets.kustomization import Closure, closure, file_of

ORIGIN: Final = "config.kubernetes.io/origin"
_TRANSFORMED: Final = "alpha.config.kubernetes.io/transformations"
_PATH: Final = re.compile(r"^path: (.+)$", re.MULTILINE)
_CONFIGURED_IN: Final = re.compile(r"^configuredIn: (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Additions:
    """What a controller writes into the kustomization before it builds: keys that replace, and lists that are appended
    to.
    """

    replaced: Tree = field(default_factory=dict)
    appended: Mapping[str, tuple[JSON, ...]] = field(default_factory=dict)
    written: bool = False
    """Whether a folder without a kustomization gets one."""


NOTHING: Final = Additions()


@dataclass(frozen=True, slots=True)
class Kustomize:
    """Builds kustomizations in ``jail``."""

    jail: Jail
    documents: Documents

    def render(
        self, unit: Unit, tree: FileTree, additions: Additions = NOTHING, *, anywhere: bool = False
    ) -> Rendering:
        """The objects of the kustomization at ``unit.path``.

        ``anywhere``: files outside of a kustomization's own folder may be read, as Flux allows and kustomize does not.
        """
        main = file_of(self.documents.on(tree), unit.path) or posixpath.join(unit.path, "kustomization.yaml")
        if (error := self.documents.on(tree).error(main)) is not None:
            return Rendering(
                inputs=frozenset({main}), error=NotCompared(unit.how or unit.name, error.message, main, error.line)
            )
        written = _written(self.documents.on(tree), main, tree.read(main) or b"", additions)
        documents = self.documents.on(tree.with_changes({main: written}))
        parts = closure(documents, unit.path)
        if (problem := _before(unit, parts, documents)) is not None:
            return Rendering(inputs=frozenset(parts.files), error=problem)
        files = {path: documents.tree.read(path) or b"" for path in parts.files}
        return self._built(unit, parts, files, self.documents.on(tree), anywhere=anywhere)

    def _built(
        self, unit: Unit, parts: Closure, files: Mapping[str, bytes], documents: Documents, *, anywhere: bool
    ) -> Rendering:
        inputs = frozenset(parts.files)
        try:
            program = tools.kustomize()
        except Unavailable as exc:
            return Rendering(inputs=inputs, error=_problem(unit, f"{exc.message}. {exc.advice}", missing_tool=True))
        with self.jail.files(files) as top:
            argv = [self.jail.tool(program.path), *program.words, posixpath.join(top, unit.path)]
            argv += [f"--load-restrictor=LoadRestrictions{'None' if anywhere else 'RootOnly'}"]
            if parts.charts:
                argv += self._with_charts()
            ended = self.jail.run(argv)
        if ended.ending is not ProcessEnd.EXITED or ended.exit_code != 0:
            said = one_line(ended.stderr.replace(f"{top}/", "").replace(top, "."))
            return Rendering(inputs=inputs, error=_failed(unit, ended.ending, said, documents))
        made = parsed(ended.stdout, lambda tree: _place(tree, unit, documents))
        if isinstance(made, SourceError):
            return Rendering(inputs=inputs, error=_problem(unit, f"its output cannot be read: {made.message}"))
        return Rendering(tuple(_bare(each, documents, unit) for each in made), inputs)

    def _with_charts(self) -> list[str]:
        helm = tools.helm()
        return [] if helm is None else ["--enable-helm", f"--helm-command={self.jail.tool(helm)}"]


def _before(unit: Unit, parts: Closure, documents: Documents) -> NotCompared | None:
    """What can be told without building: no kustomization, a file that is no YAML, references that lead nowhere."""
    for path in sorted(parts.files):
        error = (
            documents.error(path)
            if path.rpartition("/")[0] in parts.folders and "kustomization" in path.lower()
            else None
        )
        if error is not None:
            return NotCompared(unit.how or unit.name, error.message, error.file, error.line)
    for references, what in (
        (parts.outside, "leads out of the repository"),
        (parts.missing, "is not there"),
        (parts.remote, "is on the network, from where nothing is fetched"),
    ):
        if references:
            first = references[0]
            return NotCompared(unit.how or unit.name, f"{first.text} {what}", first.file, first.line)
    return None


def _problem(unit: Unit, reason: str, *, missing_tool: bool = False) -> NotCompared:
    return NotCompared(unit.how or unit.name, reason, unit.file, unit.line, missing_tool=missing_tool)


def _failed(unit: Unit, ending: ProcessEnd, said: str, documents: Documents) -> NotCompared:
    match ending:
        case ProcessEnd.TIMEOUT:
            return _problem(unit, f"kustomize did not finish within {SECONDS:g} s")
        case ProcessEnd.TOO_LARGE:
            return _problem(unit, "kustomize printed more than any target needs")
        case ProcessEnd.NOT_FOUND:
            return _problem(unit, f"kustomize could not be started: {said}", missing_tool=True)
        case ProcessEnd.EXITED:
            file = file_of(documents, unit.path) or unit.file
            return NotCompared(unit.how or unit.name, f"kustomize: {said or 'it failed and said nothing'}", file, 1)


def _written(documents: Documents, path: str, data: bytes, additions: Additions) -> bytes:
    """The kustomization file of the copy: with origins asked for, and with what the controller adds."""
    held = documents.of(path)
    tree: dict[str, JSON] = (
        dict(held[0].tree) if held else {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    )
    simple = not additions.replaced and not additions.appended and "buildMetadata" not in tree
    if simple and held and not data.lstrip().startswith(b"{") and data.count(b"\n---") == 0:
        return data + b"\nbuildMetadata: [originAnnotations]\n"
    tree.update(additions.replaced)
    for key, values in additions.appended.items():
        before = tree.get(key)
        tree[key] = [*(before if isinstance(before, (list, tuple)) else ()), *values]
    tree["buildMetadata"] = ["originAnnotations"]
    return json.dumps(tree).encode()


def _place(tree: Tree, unit: Unit, documents: Documents) -> tuple[str, int]:
    """The file and line that an object began at, as its origin annotation tells."""
    note = _annotations(tree).get(ORIGIN)
    if not isinstance(note, str):
        return unit.file, unit.line
    written = _PATH.search(note) or _CONFIGURED_IN.search(note)
    path = posixpath.normpath(posixpath.join(unit.path, written[1].strip("'\""))) if written else ""
    if path not in documents.tree:
        return unit.file, unit.line
    return path, _line(tree, path, documents)


def _line(tree: Tree, path: str, documents: Documents) -> int:
    """The line of the document of ``path`` that an object was made from: of its kind, and with its name in it."""
    meta = tree.get("metadata")
    name = str(meta.get("name", "")) if isinstance(meta, Mapping) else ""
    of_kind = [document for document in documents.of(path) if document.tree.get("kind") == tree.get("kind")]
    for document in of_kind:
        own = document.tree.get("metadata")
        if isinstance(own, Mapping) and own.get("name") and str(own["name"]) in name:
            return document.line
    return of_kind[0].line if of_kind else 1


def _annotations(tree: Tree) -> Tree:
    meta = tree.get("metadata")
    held = meta.get("annotations") if isinstance(meta, Mapping) else None
    return held if isinstance(held, Mapping) else {}


def _bare(made: RenderedObject, documents: Documents, unit: Unit) -> RenderedObject:
    """The object without the annotations that were only asked for here."""
    file = file_of(documents, unit.path)
    asked = documents.of(file)[0].tree.get("buildMetadata") if file and documents.of(file) else None
    own = asked if isinstance(asked, (list, tuple)) else ()
    gone = {ORIGIN} - ({ORIGIN} if "originAnnotations" in own else set())
    gone |= {_TRANSFORMED} - ({_TRANSFORMED} if "transformerAnnotations" in own else set())
    notes = _annotations(made.tree)
    meta = made.tree.get("metadata")
    if not gone & set(notes) or not isinstance(meta, Mapping):
        return made
    kept = {key: value for key, value in notes.items() if key not in gone}
    bare = {key: value for key, value in meta.items() if key != "annotations"} | ({"annotations": kept} if kept else {})
    opaque = {
        at: why
        for at, why in made.opaque.items()
        if at[:2] != ("metadata", "annotations") or (at[2:3] and at[2] in kept)
    }
    return RenderedObject({**made.tree, "metadata": bare}, made.file, made.line, opaque)
