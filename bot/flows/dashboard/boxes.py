"""Check boxes in an issue's body: written, found again, and who ticked them. Pure.

What a box orders stands in a comment beside it, so that its text may change. Whoever may edit the issue could write a box
that nobody offered: it orders nothing that the same person could not order in a comment.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import quote, unquote

from bot.model.codehost import BodyEdit


class BoxVerb(StrEnum):
    """What a box orders when it is ticked."""

    APPROVE = "approve"
    """Open this pull request now, however many are open."""
    RETRY = "retry"
    IGNORE = "ignore"
    """Do not make this proposal for seven days."""
    RESTORE = "restore"
    """Give the steps to restore what Git says, instead of proposing what runs."""
    ADOPT = "adopt"
    """The opposite of restore."""
    SUSPEND = "suspend"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Box:
    """One check box. ``task`` is empty for everything; ``fingerprint`` is empty where the order is about the task."""

    verb: BoxVerb
    task: str = ""
    fingerprint: str = ""

    @property
    def text(self) -> str:
        """The comment that names the order: no character of a task ends it or looks like its end."""
        fields = (self.verb.value, self.fingerprint or "-", quote(self.task, safe="/#").replace("-", "%2D"))
        return f"<!-- clockwork {' '.join(fields).rstrip()} -->"


_BOX: Final = re.compile(
    r"^(?P<start>[ ]*[-*+][ ]+\[)(?P<tick>[ xX])\][ ]+<!-- clockwork (?P<verb>[a-z]+) (?P<fingerprint>[0-9a-f-]+)"
    r"(?: (?P<task>\S+))? -->",
    re.MULTILINE,
)


def ticked(body: str) -> tuple[Box, ...]:
    """The boxes that are ticked, in their order."""
    return tuple(box for match in _BOX.finditer(body) if match["tick"] != " " and (box := _box(match)) is not None)


def tick(body: str, boxes: Collection[Box]) -> str:
    """``body`` with these boxes ticked, as far as it has them."""
    return _BOX.sub(lambda match: _ticked(match) if _box(match) in boxes else match[0], body)


def _ticked(match: re.Match[str]) -> str:
    return f"{match['start']}x{match[0][len(match['start']) + 1 :]}"


def _box(match: re.Match[str]) -> Box | None:
    if match["verb"] not in set(BoxVerb):
        return None
    fingerprint = "" if match["fingerprint"] == "-" else match["fingerprint"]
    return Box(BoxVerb(match["verb"]), unquote(match["task"] or ""), fingerprint)


def ticker(box: Box, edits: Sequence[BodyEdit]) -> BodyEdit | None:
    """The edit in which somebody else than us ticked a box that is ticked now; None where that cannot be told.

    ``edits`` are oldest first. Of the last row of edits in which it is ticked it is the first one. Where we put back a tick
    that we had written over, whoever made it did so before that.
    """
    first: BodyEdit | None = None
    for edit in reversed(edits):
        if edit.body is None:
            return _only_editor(edits)
        if box in ticked(edit.body):
            first = None if edit.by_us else edit
        elif first is not None or not edit.by_us:
            break
    return first


def _only_editor(edits: Sequence[BodyEdit]) -> BodyEdit | None:
    """The last edit where one person alone edited since we wrote; what an edit said may be deleted from the history."""
    since: list[BodyEdit] = []
    for edit in reversed(edits):
        if edit.by_us:
            break
        since.append(edit)
    return since[0] if len({(edit.editor, edit.editor_id) for edit in since}) == 1 else None
