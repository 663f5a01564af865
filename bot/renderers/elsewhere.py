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


def obtained(request: UpstreamRequest, tree: FileTree, unit: Unit, subject: str) -> UpstreamFiles | NotCompared:
    """The files of a request; or why there are none, with ``subject`` before the reason. They may name others in their turn."""
    answer = tree.ask(request)
    if isinstance(answer, NotFetched):
        return missing(unit, subject, answer)
    return replace(answer, tree=answer.tree.with_upstream(tree.ask))


def missing(unit: Unit, subject: str, answer: NotFetched) -> NotCompared:
    """Why a unit is not compared: ``subject`` was not fetched."""
    reason = f"{subject} is not fetched: {answer.reason}"
    return NotCompared(titled(unit), reason, unit.file, unit.line, again=answer.again)


def moved(
    rendering: Rendering, unit: Unit, source: UpstreamSource, *, inputs: frozenset[str] = frozenset()
) -> Rendering:
    """What was rendered from another place, told of by the object of this repository that names that. ``inputs`` are the
    files of this repository that had a part in it.
    """

    def retold(out: NotCompared) -> NotCompared:
        origin = f" ({out.file}:{out.line} of {source.url})" if out.file and out.file != unit.file else ""
        return replace(out, reason=f"{out.reason}{origin}", file=unit.file, line=unit.line)

    return replace(
        rendering,
        objects=tuple(replace(rendered, file=unit.file, line=unit.line) for rendered in rendering.objects),
        inputs=inputs,
        left_out=tuple(map(retold, rendering.left_out)),
        error=None if rendering.error is None else retold(rendering.error),
    )


def settled(rendering: Rendering, unit: Unit, documents: Documents) -> Rendering:
    """What was rendered with parts of other places laid into the tree, told of by files of the repository alone: the
    kustomization that names the first of them.
    """

    def origin_of(path: str) -> tuple[str, int]:
        file = file_of(documents, path.partition(MOUNTS)[0].rstrip("/"))
        return (file, 1) if file is not None else (unit.file, unit.line)

    def retold(out: NotCompared) -> NotCompared:
        if not is_mounted(out.file):
            return out
        file, line = origin_of(out.file)
        mounted_path = out.file.rpartition(f"{MOUNTS}/")[2].partition("/")[2]
        return replace(out, reason=f"{out.reason} ({mounted_path}:{out.line} of a remote base)", file=file, line=line)

    def placed(rendered: RenderedObject) -> RenderedObject:
        if not is_mounted(rendered.file):
            return rendered
        file, line = origin_of(rendered.file)
        return replace(rendered, file=file, line=line)

    return replace(
        rendering,
        objects=tuple(map(placed, rendering.objects)),
        inputs=frozenset(path for path in rendering.inputs if not is_mounted(path)),
        left_out=tuple(map(retold, rendering.left_out)),
        error=None if rendering.error is None else retold(rendering.error),
    )
