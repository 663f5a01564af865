"""Kustomizations, built by kustomize itself on exactly the files that they are made from.

``buildMetadata: [originAnnotations]`` makes kustomize say from which file each object came (kubectl.docs.kubernetes.io,
"buildMetadata"); the annotations are taken off again. What a controller adds to a kustomization before it builds it
(Flux's patches, Argo CD's images) is written into the copy's kustomization file, as the controllers do it. Helm charts
(``helmCharts``) are rendered by :mod:`bot.renderers.helm` and come to kustomize as resources: it would start a program
and fetch what is not there.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

from bot.errors import Invalid, Unavailable
from bot.model.filetree import FileTree
from bot.model.json import Tree, get, mapping, text, texts
from bot.model.resource import SourceError
from bot.model.target import NotCompared, RenderedObject, Rendering, Unit
from bot.processes import ProcessEnd, ProcessResult
from bot.renderers import elsewhere, inflation, tools
from bot.renderers.bases import with_bases
from bot.renderers.confined import Jail
from bot.renderers.helm import Helm
from bot.renderers.objects import as_json, described, one_line, opened, parsed, titled
from bot.renderers.opaque import is_sops
from bot.targets.documents import Documents, ManifestDocument
from bot.targets.kustomization import KustomizationFiles, closure, file_of
from bot.targets.paths import joined

ORIGIN: Final = "config.kubernetes.io/origin"
"""Where an object came from (``OriginAnnotationKey`` in kustomize's ``api/internal/utils/annotations.go``); its fields are
those of ``Origin`` in ``api/resource/origin.go``.
"""
_MANAGED_BY: Final = "managedByLabel"
"""An option of ``buildMetadata`` (``BuildMetadataOptions`` in kustomize's ``api/types/kustomization.go``)."""
_MANAGED_LABEL: Final = "app.kubernetes.io/managed-by"
"""The label that it sets (``ManagedbyLabelKey`` in kustomize's ``api/konfig/general.go``)."""
_VERSIONED: Final = "it names the version of kustomize that built it"
_PATH: Final = re.compile(r"^path: (.+)$", re.MULTILINE)
_CONFIGURED_IN: Final = re.compile(r"^configuredIn: (.+)$", re.MULTILINE)
_GENERATED: Final = re.compile(r"^  kind: \w+Generator$", re.MULTILINE)
"""In an origin's ``configuredBy``. A transformer stands there where a patch took the origin away."""
_NAMED: Final = re.compile(r"[\w@.+-]+(?:/[\w@.+-]+)*|\.\.?(?:/[\w@.+-]+)+")
_LINE: Final = re.compile(r"\bline (\d+)")
SECONDS: Final = 60.0
_LINK: Final = "is, or leads through, a symbolic link, and those are not followed"
_MOST: Final = 20_000
"""Files of one build. Ten thousand resources are a lot; more is no target."""


KustomizationEdit: TypeAlias = Callable[[Tree], Tree]
"""What a controller makes of a kustomization before it builds it. Raises ``Invalid`` where it would not."""


@dataclass(frozen=True, slots=True)
class Kustomize:
    """Builds kustomizations in ``jail``; ``helm`` renders the charts that they name."""

    jail: Jail
    documents: Documents
    helm: Helm

    def render(
        self, unit: Unit, tree: FileTree, edit: KustomizationEdit | None = None, *, anywhere: bool = False
    ) -> Rendering:
        """The objects of the kustomization at ``unit.path``.

        ``anywhere``: files outside of a kustomization's own folder may be read, as Flux allows and kustomize does not.
        They are of this repository in any case: where no wall of the kernel holds, kustomize's own rule stays on.
        """
        on = self.documents.on(tree)
        main = file_of(on, unit.path) or posixpath.join(unit.path, "kustomization.yaml")
        if (error := on.error(main)) is not None:
            return Rendering(inputs=frozenset({main}), error=NotCompared(titled(unit), error.message, main, error.line))
        complete = with_bases(unit, tree, self.documents)
        if isinstance(complete, NotCompared):
            source_files = frozenset(path for path in closure(on, unit.path).files)
            return elsewhere.settled(Rendering(inputs=source_files, error=complete), unit, on)
        own_tree, on = on, self.documents.on(complete.tree)
        kustomization = _kustomization_tree(on, main)
        try:
            edited = kustomization if edit is None else edit(kustomization)
        except Invalid as exc:
            refused = NotCompared(titled(unit), exc.message, unit.file, unit.line)
            return Rendering(inputs=frozenset({main}), error=refused)
        build_metadata = frozenset(texts(edited.get("buildMetadata")))
        edited_tree = complete.tree.with_changes({main: _written(kustomization, edited, complete.tree.read(main))})
        parts = complete.parts if edit is None else closure(self.documents.on(edited_tree), unit.path)
        inputs = frozenset(parts.files)
        if (problem := _before(unit, parts, self.documents.on(edited_tree))) is not None:
            return elsewhere.settled(Rendering(inputs=inputs, error=problem), unit, own_tree)
        inflated = inflation.inflated(unit, parts, self.documents.on(edited_tree), self.helm)
        if isinstance(inflated, NotCompared):
            return elsewhere.settled(Rendering(inputs=inputs, error=inflated), unit, own_tree)
        files = {path: edited_tree.read(path) or b"" for path in parts.files - parts.charts} | inflated
        built = self._built(unit, inputs, files, on, anywhere=anywhere)
        finished = replace(built, objects=tuple(_as_asked(rendered, build_metadata) for rendered in built.objects))
        return elsewhere.settled(finished, unit, own_tree)

    def _built(
        self, unit: Unit, inputs: frozenset[str], files: Mapping[str, bytes], documents: Documents, *, anywhere: bool
    ) -> Rendering:
        try:
            program = tools.kustomize()
        except Unavailable as exc:
            reason = f"{exc.message}. {exc.advice}"
            return Rendering(
                inputs=inputs, error=NotCompared(titled(unit), reason, unit.file, unit.line, missing_tool=True)
            )
        tool = self.jail.tool(program.path)
        anywhere = anywhere and self.jail.holds(tool)
        with self.jail.files(files) as top:
            folder: str | Path = top / unit.path
            argv: list[str | Path] = [tool, *program.arguments, folder]
            argv.append(f"--load-restrictor=LoadRestrictions{'None' if anywhere else 'RootOnly'}")
            ended = self.jail.run(argv, seconds=SECONDS)
        if ended.ending is not ProcessEnd.EXITED or ended.exit_code != 0:
            message = re.sub(rf"\S*/trees/{top.name}(?:/|\b)", "", _KLOG.sub(r"error: \1", ended.stderr))
            return Rendering(inputs=inputs, error=_failed(unit, ended, message, documents, inputs))
        objects = parsed(ended.stdout, lambda tree: _object_origin(tree, unit, documents, inputs))
        if isinstance(objects, SourceError):
            reason = f"its output cannot be read: {objects.message}"
            return Rendering(inputs=inputs, error=NotCompared(titled(unit), reason, unit.file, unit.line))
        hidden = [rendered for rendered in objects if _is_hidden(rendered)]
        left_out = tuple(
            NotCompared(described(hidden_object.tree), _HIDDEN, hidden_object.file, hidden_object.line)
            for hidden_object in hidden
        )
        return Rendering(
            tuple(shown_object for shown_object in objects if not _is_hidden(shown_object)), inputs, left_out
        )


_KLOG: Final = re.compile(r'^E\d{4} [\d:.]+ +\d+ \S+\] "command failed" err="(.*)"$', re.MULTILINE)
"""How ``kubectl`` tells an error when its log is not read by a person (k8s.io/component-base, ``cli/run.go``)."""
_GO_ENDED: Final = re.compile(r" fp=0x[0-9a-f]+ sp=0x[0-9a-f]+ pc=0x[0-9a-f]+")
"""In what Go's runtime prints of calls when it gives up, as it does without memory, and not for a panic of the program's own
(runtime, ``traceback.go``). What it says first, "out of memory", is not among the last lines, which alone are kept.
"""
_HIDDEN: Final = "it is generated from an encrypted file, and its name from what that holds"


def _is_hidden(rendered: RenderedObject) -> bool:
    """Whether an object was generated from encrypted content: decrypted, its name would end in another hash."""
    note = text(_annotations(rendered.tree).get(ORIGIN))
    return _GENERATED.search(note) is not None and is_sops(rendered.opaque)


def _before(unit: Unit, parts: KustomizationFiles, documents: Documents) -> NotCompared | None:
    """What can be told without building: a file that is no YAML, a cycle, references that lead nowhere."""
    for file in parts.folders.values():
        if (error := documents.error(file)) is not None:
            return NotCompared(titled(unit), error.message, error.file, error.line)
    if parts.cycle is not None:
        reason = f"{parts.cycle.text} leads back to a kustomization that it is a part of (a cycle)"
        return NotCompared(titled(unit), reason, parts.cycle.file, parts.cycle.line)
    for references, problem in (
        (parts.outside, "leads out of the repository"),
        (parts.missing, "is not there"),
        (parts.remote, "is on the network, and nothing is fetched for this field or in this form"),
    ):
        if references:
            first = references[0]
            path = joined(posixpath.dirname(first.file), first.text)
            is_link = path is not None and documents.tree.links(path)
            reason = f"{first.text} {_LINK if is_link else problem}"
            return NotCompared(titled(unit), reason, first.file, first.line)
    if len(parts.files) > _MOST:
        reason = f"it is made from {len(parts.files)} files, more than {_MOST}"
        return NotCompared(titled(unit), reason, unit.file, unit.line)
    return None


def _failed(unit: Unit, ended: ProcessResult, stderr: str, documents: Documents, inputs: frozenset[str]) -> NotCompared:
    message = one_line(stderr)
    stopped = (ended.exit_code or 0) < 0 or "out of memory" in stderr or _GO_ENDED.search(stderr) is not None
    match ended.ending:
        case ProcessEnd.TIMEOUT:
            return _problem(unit, f"kustomize did not finish within {SECONDS:g} s", again=True)
        case ProcessEnd.TOO_LARGE:
            return _problem(unit, "kustomize printed more than any target needs")
        case ProcessEnd.NOT_FOUND:
            return _problem(unit, f"kustomize could not be started: {message}", missing_tool=True)
        case ProcessEnd.EXITED if stopped:
            return _problem(unit, "kustomize was stopped at its limit of memory or processor time", again=True)
        case ProcessEnd.EXITED:
            file, line = blamed(message, unit.path, inputs) or (file_of(documents, unit.path) or unit.file, 1)
            return NotCompared(titled(unit), f"kustomize: {message or 'it failed and said nothing'}", file, line)


def _problem(unit: Unit, reason: str, *, missing_tool: bool = False, again: bool = False) -> NotCompared:
    return NotCompared(titled(unit), reason, unit.file, unit.line, missing_tool=missing_tool, again=again)


def blamed(message: str, folder: str, inputs: frozenset[str]) -> tuple[str, int] | None:
    """The input that a message of kustomize names last, with the line after it: messages go from the outside in. Paths in
    them are relative to the build's folder, to that of the kustomization named before, or whole.
    """
    location, at = None, folder
    for match in _NAMED.finditer(message):
        for base in (at, folder, ""):
            path = posixpath.normpath(posixpath.join(base, match[0]))
            if path in inputs:
                line = _LINE.search(message, match.end())
                location = path, int(line[1]) if line else 1
                at = posixpath.dirname(path)
                break
    return location


def _kustomization_tree(documents: Documents, path: str) -> Tree:
    document = documents.of(path)
    return document[0].tree if document else {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}


def _written(kustomization: Tree, edited: Tree, data: bytes | None) -> bytes:
    """The kustomization file of the copy: with origins asked for, and with what the controller makes of it."""
    plain = data is not None and not data.lstrip().startswith(b"{") and b"\n---" not in data
    if data is not None and plain and edited == kustomization and "buildMetadata" not in kustomization:
        return data + b"\nbuildMetadata: [originAnnotations]\n"  # as it is written: lines in messages are its own
    build_metadata = texts(edited.get("buildMetadata"))
    return as_json(
        {**edited, "buildMetadata": [*build_metadata, *({"originAnnotations"} - {*build_metadata})]}
    ).encode()


def _object_origin(tree: Tree, unit: Unit, documents: Documents, inputs: frozenset[str]) -> tuple[str, int]:
    """The file and line that an object began at, as its origin annotation tells. A patch that replaces all annotations
    takes it away: then the only input that declares such an object.
    """
    note = text(_annotations(tree).get(ORIGIN))
    origin = _PATH.search(note) or (_CONFIGURED_IN.search(note) if _GENERATED.search(note) else None)
    path = posixpath.normpath(posixpath.join(unit.path, origin[1].strip("'\""))) if origin else ""
    path = inflation.source(path) or path
    if path in documents.tree:
        return path, _line(tree, path, documents)
    candidates = [] if origin else [p for p in sorted(inputs) if any(_is_source(d, tree) for d in documents.of(p))]
    return (candidates[0], _line(tree, candidates[0], documents)) if len(candidates) == 1 else (unit.file, unit.line)


def _line(tree: Tree, path: str, documents: Documents) -> int:
    """The line of the document of ``path`` that an object was made from: of its kind, and with its name in it."""
    candidates = [(document.line, source) for document in documents.of(path) for source in _written_in(document.tree)]
    of_kind = [(line, candidate) for line, candidate in candidates if candidate.get("kind") == tree.get("kind")]
    of_name = [(line, candidate) for line, candidate in of_kind if _may_become(candidate, tree)]
    return next((line for line, _ in (*of_name, *of_kind)), 1)


def _written_in(tree: Tree) -> Iterator[Tree]:
    """The objects of a document; the document itself where it is none (a patch without a version)."""
    yield from opened(tree) if "apiVersion" in tree else iter([tree])


def _is_source(document: ManifestDocument, tree: Tree) -> bool:
    """Whether an object may have begun in a document."""
    return any(_may_become(source, tree) for source in _written_in(document.tree))


def _may_become(source: Tree, tree: Tree) -> bool:
    """Whether an object may have been written so: prefixes and suffixes may have been put to its name."""
    source_name = text(get(source, "metadata", "name"))
    same = source.get("kind") == tree.get("kind")
    return same and bool(source_name) and source_name in text(get(tree, "metadata", "name"))


def _annotations(tree: Tree) -> Tree:
    return mapping(get(tree, "metadata", "annotations"))


def _as_asked(rendered: RenderedObject, build_metadata: frozenset[str]) -> RenderedObject:
    """The object without the annotation that was only asked for here; with the label that tells kustomize's version (which
    a controller's own may not be) marked, where the repository asks for it.
    """
    if _MANAGED_BY in build_metadata and _MANAGED_LABEL in mapping(get(rendered.tree, "metadata", "labels")):
        rendered = replace(rendered, opaque={**rendered.opaque, ("metadata", "labels", _MANAGED_LABEL): _VERSIONED})
    notes = _annotations(rendered.tree)
    if "originAnnotations" in build_metadata or ORIGIN not in notes:
        return rendered
    other_notes = {key: value for key, value in notes.items() if key != ORIGIN}
    bare = {key: value for key, value in mapping(rendered.tree.get("metadata")).items() if key != "annotations"}
    return replace(
        rendered, tree={**rendered.tree, "metadata": bare | ({"annotations": other_notes} if other_notes else {})}
    )
