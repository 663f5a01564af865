"""Commit messages that say why: subject, reasons, and trailers that a later run finds its own work by.

``Clockwork-Intent``, ``Drift``, ``Severity``, ``Rule`` and ``Reason`` are what flows write; ``git interpret-trailers``
reads them back. Values come from the outside (live values, rule files): line breaks and control characters in them
cannot end a line, so no value can forge a trailer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

INTENT: Final = "Clockwork-Intent"

_TOKEN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*\Z")
_LINE: Final = re.compile(r"(?P<token>[A-Za-z0-9][A-Za-z0-9-]*): (?P<value>.*)\Z")
_INTENT_ID: Final = re.compile(r"[0-9a-f]{32}\Z")
_SUBJECT: Final = 72
_VALUE: Final = 1000
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def compose(subject: str, *, body: str = "", trailers: Iterable[tuple[str, str]] = ()) -> str:
    """A commit message: one subject line, the body, and a last paragraph of trailers in the order given.

    A trailer without a value is left out. Raises ``ValueError`` for a trailer name that Git would not read.
    """
    paragraphs = [one_line(subject, limit=_SUBJECT) or "Update"]
    text = "\n".join(_unlike_a_trailer(one_line(line, limit=_VALUE)) for line in body.splitlines()).strip("\n")
    if text:
        paragraphs.append(text)
    lines = [_trailer(token, value) for token, value in trailers if one_line(value)]
    if lines:
        paragraphs.append("\n".join(lines))
    return "\n\n".join(paragraphs) + "\n"


def parse(message: str) -> Mapping[str, Sequence[str]]:
    """The trailers of a message by name: its last paragraph, when every line of it is one and it is not the subject."""
    paragraphs = [part for part in re.split(r"\n[ \t]*\n", message.rstrip()) if part.strip()]
    if len(paragraphs) < 2:
        return {}
    trailers: dict[str, list[str]] = {}
    for line in paragraphs[-1].split("\n"):
        match = _LINE.match(line)
        if match is None:
            return {}
        trailers.setdefault(match["token"], []).append(match["value"])
    return trailers


def intents_in(message: str) -> frozenset[str]:
    """The ids of the intents whose work a commit says it is. Whoever asks must also trust the commit's author."""
    return frozenset(value for value in parse(message).get(INTENT, ()) if _INTENT_ID.match(value))


def one_line(text: str, *, limit: int = _VALUE) -> str:
    """``text`` on one line, printable, at most ``limit`` characters, blanks collapsed."""
    # What is printable holds nothing of these kinds, and nearly all is (str.isprintable).
    plain = text if text.isprintable() else "".join(" " if unicodedata.category(c) in _UNSEEN else c for c in text)
    collapsed = " ".join(plain.split())
    return collapsed if len(collapsed) <= limit else collapsed[: limit - 1].rstrip() + "…"


def _trailer(token: str, value: str) -> str:
    if not _TOKEN.match(token):
        raise ValueError(f"{token!r} is not the name of a trailer")
    return f"{token}: {one_line(value)}"


def _unlike_a_trailer(line: str) -> str:
    """A line of the body that could be taken for a trailer of ours is indented, which no trailer is."""
    return f"  {line}" if line.lower().startswith(INTENT.lower()) else line
