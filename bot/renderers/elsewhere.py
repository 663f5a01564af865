"""Units and parts of them that lie in other places: asked for through the tree, rendered, and told of by what names them.

Nothing here reaches out: whoever made the tree decides what may be had (:mod:`bot.upstream`), and tools see copies as ever.
People find no file of another repository in theirs, so objects, errors and what is left out begin at the object that named it.
"""

from __future__ import annotations

from dataclasses import replace

from bot.model.filetree import MOUNTS, FileTree, is_mounted
from bot.model.target import NotCompared, RenderedObject, Rendering, Unit
from bot.model.upstream import NotFetched, UpstreamFiles, UpstreamRequest, UpstreamSource
from bot.renderers.objects import titled
from bot.targets.documents import Documents
from bot.targets.kustomization import file_of


def obtained(request: UpstreamRequest, tree: FileTree, unit: Unit, what: str) -> UpstreamFiles | NotCompared:
    """The files of a request; or why there are none, with ``what`` before the reason. They may name others in their turn."""
    answer = tree.ask(request)
    if isinstance(answer, NotFetched):
        return missing(unit, what, answer)
    return replace(answer, tree=answer.tree.with_upstream(tree.ask))


def missing(unit: Unit, what: str, answer: NotFetched) -> NotCompared:
    """Why a unit is not compared: ``what`` was not fetched."""
    reason = f"{what} is not fetched: {answer.reason}"
    return NotCompared(titled(unit), reason, unit.file, unit.line, again=answer.again)


def moved(
    rendering: Rendering, unit: Unit, source: UpstreamSource, *, inputs: frozenset[str] = frozenset()
) -> Rendering:
    """What was rendered from another place, told of by the object of this repository that names that. ``inputs`` are the
    files of this repository that had a part in it.
    """

    def told(out: NotCompared) -> NotCompared:
        inside = f" ({out.file}:{out.line} of {source.url})" if out.file and out.file != unit.file else ""
        return replace(out, reason=f"{out.reason}{inside}", file=unit.file, line=unit.line)

    return replace(
        rendering,
        objects=tuple(replace(each, file=unit.file, line=unit.line) for each in rendering.objects),
        inputs=inputs,
        left_out=tuple(map(told, rendering.left_out)),
        error=None if rendering.error is None else told(rendering.error),
    )


def settled(rendering: Rendering, unit: Unit, documents: Documents) -> Rendering:
    """What was rendered with parts of other places laid into the tree, told of by files of the repository alone: the
    kustomization that names the first of them.
    """

    def begun(path: str) -> tuple[str, int]:
        file = file_of(documents, path.partition(MOUNTS)[0].rstrip("/"))
        return (file, 1) if file is not None else (unit.file, unit.line)

    def told(out: NotCompared) -> NotCompared:
        if not is_mounted(out.file):
            return out
        file, line = begun(out.file)
        inside = out.file.rpartition(f"{MOUNTS}/")[2].partition("/")[2]
        return replace(out, reason=f"{out.reason} ({inside}:{out.line} of a remote base)", file=file, line=line)

    def placed(made: RenderedObject) -> RenderedObject:
        if not is_mounted(made.file):
            return made
        file, line = begun(made.file)
        return replace(made, file=file, line=line)

    return replace(
        rendering,
        objects=tuple(map(placed, rendering.objects)),
        inputs=frozenset(path for path in rendering.inputs if not is_mounted(path)),
        left_out=tuple(map(told, rendering.left_out)),
        error=None if rendering.error is None else told(rendering.error),
    )
