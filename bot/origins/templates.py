"""Values that a chart's template says itself: its line is changed, where it holds that value and nothing that is made.

A template is no YAML, so it is changed line by line, and only where a line reads as one field or one element of a list.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from bot.edits.style import scalar
from bot.model.filetree import FileTree
from bot.model.json import JSON
from bot.origins.changes import FileEdit, LineEdit
from bot.origins.desire import DesiredEdit
from bot.origins.fitting import text_of
from bot.origins.slots import Slot

_MOST: Final = 4
"""Lines that are tried."""
_FIELD: Final = re.compile(
    r"""(?P<before>\s*(?:-\s+)?(?:["']?(?P<key>[\w./-]+)["']?:\s+)?)"""
    r"""(?P<value>"[^"\\{}]*"|'[^'{}]*'|[^\s"'{}\[\]#&*!|>%@`-][^{}#]*?)(?P<after>\s*(?:\s\#.*)?)\Z"""
)
_ACTION: Final = "{{"
"""What begins an action of a template (Go docs, ``text/template``)."""


def literal_slots(desire: DesiredEdit, tree: FileTree) -> list[Slot]:
    """The lines of the object's own template that say its value under its name. What lies in a chart's ``charts`` folder is
    somebody else's.
    """
    file = desire.provenance.file
    if not desire.provenance.is_template or not _is_plain(desire.old) or _is_vendored(file, tree):
        return []
    last = desire.pointer[-1]
    lines = (tree.read(file) or b"").decode(errors="replace").splitlines()
    matches_by_line = [
        (number, match)
        for number, line in enumerate(lines, 1)
        if (match := _FIELD.match(line)) is not None and match["key"] == (last if isinstance(last, str) else None)
    ]
    same = [(number, match) for number, match in matches_by_line if _unquoted(match["value"]) == text_of(desire.old)]
    terms = (str(last),)
    return [
        Slot(file, desire.old, terms, "template", _line(file, number, match), line=number)
        for number, match in same[:_MOST]
    ]


def _line(file: str, number: int, match: re.Match[str]) -> Callable[[JSON], Iterator[tuple[FileEdit, ...]]]:
    """Another value in its place, in the same quotes; none that a template would take for an action."""
    quote = match["value"][0] if match["value"][0] in "\"'" else ""

    def edits_for(value: JSON) -> Iterator[tuple[FileEdit, ...]]:
        if _is_plain(value):
            text = scalar(text_of(value) if quote else value, quote=quote)
            yield (LineEdit(file, number, f"{match['before']}{text}{match['after']}"),)

    return edits_for


def _is_plain(value: JSON) -> bool:
    """Whether a value stands in one line and is no action."""
    if value is None or isinstance(value, (Mapping, list, tuple)):
        return False
    return "\n" not in text_of(value) and _ACTION not in text_of(value)


def _unquoted(text: str) -> str:
    return text[1:-1] if text[0] in "\"'" else text


def _is_vendored(file: str, tree: FileTree) -> bool:
    """Whether a template is one of a chart that another one holds (Helm docs, "Chart Dependencies")."""
    chart = file.partition("/templates/")[0]
    above = posixpath.dirname(chart)
    return posixpath.basename(above) == "charts" and posixpath.join(posixpath.dirname(above), "Chart.yaml") in tree
