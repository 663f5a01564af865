"""What people did to a text of ours stays when the text is written anew: ticks of steps that are still there, and notes."""

from __future__ import annotations

import re
from typing import Final

NOTES: Final = "<!-- clockwork notes -->"
"""The line below which everything is the readers' own."""
_BOX: Final = re.compile(r"^(?P<start>[ ]*[-*+][ ]+)\[(?P<tick>[ xX])\](?P<step>[ ].*)$", re.MULTILINE)


def with_notes(body: str, notes: str) -> str:
    """``body`` with the line, and the readers' own notes below it."""
    return (
        f"{body.rstrip()}\n\n---\n**Notes.** What you write below this line stays.\n{NOTES}\n{notes.strip()}".rstrip()
    )


def notes_of(body: str) -> str:
    """What readers wrote below the line."""
    return body.partition(NOTES)[2].strip()


def with_readers_edits(body: str, before: str) -> str:
    """``body``, a text without notes, as people left it: the steps that were ticked in ``before`` are, and their notes stay."""
    own_text, _, _ = before.partition(NOTES)
    done_steps = {match["step"].strip() for match in _BOX.finditer(own_text) if match["tick"] != " "}
    ticked = _BOX.sub(lambda match: _ticked(match) if match["step"].strip() in done_steps else match[0], body)
    return with_notes(ticked, notes_of(before))


def _ticked(match: re.Match[str]) -> str:
    return f"{match['start']}[x]{match['step']}"
