"""Commands that people write in comments: ``/clockwork retry`` and its siblings, at the start of a line.

Pure. The comment flow parses each new comment, asks whether its author may write to the repository, and only then acts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Verb(StrEnum):
    """What a command asks for."""

    RETRY = "retry"
    """Make a rejected or failed proposal again."""
    HALT = "halt"
    RESUME = "resume"
    SUSPEND = "suspend"
    """Leave one task alone until told otherwise or until a time."""
    UNSUSPEND = "unsuspend"
    IGNORE = "ignore"
    """Never propose this drift again."""
    RESTORE = "restore"
    APPLY = "apply"
    EXPLAIN = "explain"


@dataclass(frozen=True, slots=True)
class Command:
    """One command. ``argument`` is the rest of its line, hostile text of at most 500 characters."""

    verb: Verb
    argument: str = ""


@dataclass(frozen=True, slots=True)
class UnknownCommand:
    """A line that speaks to Clockwork with a word it does not know."""

    name: str


_LINE: Final = re.compile(
    r"^/clockwork(?:[ \t]+(?P<verb>[^\s]{1,40}))?(?:[ \t]+(?P<rest>[^\r\n]{0,500}))?[ \t]*$", re.MULTILINE
)
_FENCED: Final = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n.*?(?:^ {0,3}(?P=fence)[`~]*[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_MAX_BODY: Final = 65_536


def parse(body: str) -> Command | UnknownCommand | None:
    """The first command in a comment; None when there is none.

    Only the very start of a line counts: quoted lines, indented lines, fenced blocks and HTML comments are somebody
    showing a command, not giving one.
    """
    plain = _COMMENT.sub("", _FENCED.sub("", body[:_MAX_BODY].replace("\r\n", "\n")))
    match = _LINE.search(plain)
    if match is None:
        return None
    verb_text = (match["verb"] or "").lower()
    argument = (match["rest"] or "").strip()
    return Command(Verb(verb_text), argument) if verb_text in set(Verb) else UnknownCommand(verb_text)
