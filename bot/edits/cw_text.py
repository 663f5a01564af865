"""The one part of a template to change so that its text becomes another. Part of :mod:`bot.edits.cw`.

Of ``"${local.registry}/web:${var.tag}"`` and the text that runs, ``registry/web:2``, follows that ``var.tag`` is ``2`` now:
all other parts read as they did. What else the literal gives is not known here; the caller assembles and looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby

from bot.assembly.numbers import number_text
from bot.assembly.values import Piece
from bot.model.json import JSON
from bot.model.resource import Origin


class Within(Enum):
    """What kind of text is changed; earlier ones say better what happened."""

    LITERAL = "literal"
    """A literal of its own: a variable's default, a local."""
    TEXT = "text"
    """Text of a template."""
    USE = "use"
    """A ``${}`` of the template gives way to text."""


@dataclass(frozen=True, slots=True)
class TextChange:
    """What is at ``origin`` is to say ``text``."""

    origin: Origin
    within: Within
    text: str


def changes(pieces: Sequence[Piece], target: str) -> Iterator[TextChange]:
    """Every single change that makes the text of ``pieces`` read ``target``, the one that says most first."""
    for position, bare in ((Within.LITERAL, False), (Within.TEXT, True)):
        for origin in dict.fromkeys(piece.literal for piece in pieces if piece.literal and piece.bare is bare):
            text = solved([(piece.text, piece.literal == origin) for piece in pieces], target)
            if text is not None:
                yield TextChange(origin, position, text)
    parts = [
        (use, "".join(piece.text for piece in use_pieces), all(piece.literal == use for piece in use_pieces))
        for use, use_pieces in (
            (use, list(use_pieces)) for use, use_pieces in groupby(pieces, key=lambda piece: piece.use)
        )
    ]
    for origin in dict.fromkeys(use for use, _, bare in parts if use is not None and not bare):
        text = solved([(text, use == origin) for use, text, _ in parts], target)
        if text is not None:
            yield TextChange(origin, Within.USE, text)


def solved(parts: Sequence[tuple[str, bool]], target: str) -> str | None:
    """The text that makes ``target`` when it stands in all the marked places; None when there is none."""
    marked = sum(is_unknown for _, is_unknown in parts)
    room = (len(target) - sum(len(text) for text, is_unknown in parts if not is_unknown)) // marked
    start = 0
    for text, is_own in parts:
        if is_own:
            break
        start += len(text)
    solution = target[start : start + room]
    return solution if "".join(solution if is_unknown else text for text, is_unknown in parts) == target else None


def scalar_text(value: JSON) -> str:
    """A value as a template writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value) if isinstance(value, (int, float)) else str(value)


def read_back(text: str, kind: type[bool | int | float]) -> JSON:
    """``text`` as the truth value or number that a template writes so; the text itself when there is none."""
    if kind is bool:
        return {"true": True, "false": False}.get(text, text)
    try:
        number = float(text)
    except ValueError:
        return text
    if number != number or abs(number) >= 2**53:  # noqa: PLR0124 (not a number)
        return text
    plain_number = int(number) if number == int(number) else number
    return plain_number if scalar_text(plain_number) == text else text
