"""A patch as rows a page can colour."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.sandbox.objects import FileDiff
from bot.sandbox.records import AnnotationRow

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)")
_MOST_ROWS = 3000
_KINDS = {"+": "added", "-": "removed", " ": "same", "\\": "note"}


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One line of a unified diff. ``kind`` is added, removed, same, note or hunk; numbers are None on the other side."""

    kind: str
    old: int | None
    new: int | None
    text: str
    annotations: tuple[AnnotationRow, ...] = ()


@dataclass(frozen=True, slots=True)
class FileView:
    """One file of a diff with its rows; ``cut`` when there are more than a page can show."""

    file: FileDiff
    rows: tuple[DiffRow, ...]
    cut: bool
    elsewhere: tuple[AnnotationRow, ...]
    """Annotations on lines that the diff does not show."""

    @property
    def blocks(self) -> tuple[str, ...]:
        """Five small squares in proportion to added and removed lines, as GitHub draws them."""
        total = self.file.additions + self.file.deletions
        added = round(5 * self.file.additions / total) if total else 0
        removed = 5 - added if total else 0
        return ("added",) * added + ("removed",) * removed + ("none",) * (5 - added - removed)


def view(file: FileDiff, annotations: Sequence[AnnotationRow] = ()) -> FileView:
    """``file`` ready to be shown, with ``annotations`` (of any file) at their lines."""
    file_annotations = [annotation for annotation in annotations if annotation.path == file.path]
    by_line: dict[int, list[AnnotationRow]] = {}
    for annotation in file_annotations:
        by_line.setdefault(annotation.end_line, []).append(annotation)
    rows = _rows(file.patch or "", by_line)
    shown_ids = {annotation.id for row in rows for annotation in row.annotations}
    elsewhere = tuple(annotation for annotation in file_annotations if annotation.id not in shown_ids)
    return FileView(file, tuple(rows[:_MOST_ROWS]), len(rows) > _MOST_ROWS, elsewhere)


def _rows(patch: str, by_line: dict[int, list[AnnotationRow]]) -> list[DiffRow]:
    rows: list[DiffRow] = []
    old = new = 0
    for line in patch.split("\n") if patch else ():
        hunk = _HUNK.match(line)
        if hunk is not None:
            old, new = int(hunk[1]), int(hunk[2])
            rows.append(DiffRow("hunk", None, None, line))
            continue
        kind = _KINDS.get(line[:1], "same")
        on_old, on_new = kind in ("same", "removed"), kind in ("same", "added")
        line_annotations = tuple(by_line.get(new, ())) if on_new else ()
        rows.append(DiffRow(kind, old if on_old else None, new if on_new else None, line[1:], line_annotations))
        old, new = old + on_old, new + on_new
    return rows
