"""Two values side by side, cut around what is different, so that both never look alike. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import Final

from bot.model.json import JSON, plain

_CONTEXT: Final = 12
"""Characters that are shown before the first difference where the beginning is cut away."""
_LONG_LINE: Final = 200
_MOST_LINES: Final = 60
_CUT: Final = "…"


def contrasted(before: str, after: str, limit: int) -> tuple[str, str]:
    """Both texts with at most ``limit`` characters, cut to the same part: that of the first difference."""
    if max(len(before), len(after)) <= limit:
        return before, after
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
    start = max(0, same - _CONTEXT) if same + _CONTEXT > limit // 2 else 0
    return _window(before, start, limit), _window(after, start, limit)


def _window(text: str, start: int, limit: int) -> str:
    head = _CUT if start else ""
    remainder = text[start:]
    room = limit - len(head)
    return f"{head}{remainder}" if len(remainder) <= room else f"{head}{remainder[: room - 1]}{_CUT}"


def changed_lines(before: str, after: str) -> int:
    """How many lines of a text of several lines are different, those that come or go included."""
    rows = difflib.SequenceMatcher(a=before.splitlines(), b=after.splitlines(), autojunk=False).get_opcodes()
    return sum(max(a_end - a, b_end - b) for tag, a, a_end, b, b_end in rows if tag != "equal")


def value_diff(before: JSON, after: JSON) -> tuple[str, ...]:
    """The lines of a unified diff of two values, without its heading: each in one line where it is short, in its own lines
    where it has several, with three lines around each change. None is a side that is not there.
    """
    old, new = _lines(before), _lines(after)
    if len(old) <= 1 and len(new) <= 1:
        old_text, right = contrasted("".join(old), "".join(new), _LONG_LINE)
        return (*(f"-{old_text}" for _ in old), *(f"+{right}" for _ in new))
    rows = list(difflib.unified_diff(old, new, lineterm="", n=3))[2:]
    shown_rows = [*_shortened(rows[:_MOST_LINES])]
    return (
        (*shown_rows, f"… and {len(rows) - _MOST_LINES} more lines") if len(rows) > _MOST_LINES else tuple(shown_rows)
    )


@dataclass(frozen=True, slots=True)
class PatchedFile:
    """One file of a unified diff: the names of its two sides, and its hunks."""

    heads: tuple[str, ...]
    lines: tuple[str, ...]


def patched_files(patch: str) -> tuple[PatchedFile, ...]:
    """The files of a unified diff (GNU diffutils manual, "Detailed Description of Unified Format"): two names, then hunks.
    A line that was taken away may look like a name; it stands before no hunk.
    """
    lines = patch.rstrip("\n").split("\n") if patch.strip() else []
    bounds = [*(at for at in range(len(lines)) if _is_file(lines[at : at + 3])), len(lines)]
    files = [PatchedFile((), tuple(lines[: bounds[0]]))]
    files += [PatchedFile(tuple(lines[a : a + 2]), tuple(lines[a + 2 : b])) for a, b in pairwise(bounds)]
    return tuple(file for file in files if file.lines)


def _is_file(lines: Sequence[str]) -> bool:
    return [line[:4].strip() for line in lines] == ["---", "+++", "@@ -"]


def _lines(value: JSON) -> list[str]:
    if value is None:
        return []
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    if not isinstance(value, str) and len(text) > _LONG_LINE:
        text = json.dumps(plain(value), ensure_ascii=False, indent=2)
    return text.splitlines() or [""]


def _shortened(rows: Sequence[str]) -> list[str]:
    """Rows of a diff, the long ones cut; a removed row right before an added one is cut to the same part."""
    short_rows: list[str] = []
    for index, row in enumerate(rows):
        pair = rows[index + 1] if row[:1] == "-" and index + 1 < len(rows) and rows[index + 1][:1] == "+" else None
        last = rows[index - 1] if row[:1] == "+" and index and rows[index - 1][:1] == "-" else None
        if pair is not None:
            short_rows.append("-" + contrasted(row[1:], pair[1:], _LONG_LINE)[0])
        elif last is not None:
            short_rows.append("+" + contrasted(last[1:], row[1:], _LONG_LINE)[1])
        else:
            short_rows.append(_window(row, 0, _LONG_LINE))
    return short_rows
