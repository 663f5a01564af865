"""Strings with ``${}`` and ``%{}`` in them to text (HCL native syntax specification, "Templates").

Part of :mod:`bot.assembly.evaluate`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.assembly.evaluator import Evaluator
from bot.assembly.faults import CHARACTERS, LONGEST_TEXT
from bot.assembly.loops import bound, pairs
from bot.assembly.values import Piece, Trace, Value, as_text, composed, kind_of, pieces_of
from bot.intake.syntax import Directive, Interpolation, Part, Template, TextPart
from bot.model.resource import Through

_MOST_PIECES: Final = 100
"""A text of more pieces is not traced into them: nobody would follow an edit of it."""


def render_template(at: Evaluator, node: Template) -> Value:
    """The text of a template. One that is nothing but ``${expr}`` is the value itself ("Template Interpolation Unwrapping")."""
    if node.literal is not None:
        return Value(composed(node.literal), Trace(at.origin(node)))
    if len(node.parts) == 1 and isinstance(node.parts[0], Interpolation) and not node.marker:
        return at.value(node.parts[0].expression)
    parts = node.parts
    if all(isinstance(part, TextPart) for part in parts):
        full_text = "".join(part.value for part in parts if isinstance(part, TextPart))
        return Value(composed(full_text), Trace(at.origin(node)))
    writer = _Writer(node, [], [])
    writer.write(at, parts)
    return writer.done(at)


def _joined(node: Template, pieces: Sequence[Piece]) -> Iterator[Piece]:
    """The pieces with neighbours made one where they are one stretch of the file, which in heredocs is part of a line."""
    pending: Piece | None = None
    for piece in pieces:
        combined = None if pending is None else _joined_piece(pending, piece)
        if combined is not None and not (node.marker and "\n" in combined.text):
            pending = combined
            continue
        if pending is not None:
            yield pending
        pending = piece
    if pending is not None:
        yield pending


def _joined_piece(before: Piece, after: Piece) -> Piece | None:
    """Two pieces of bare text as one where no other text stands between them."""
    if not (before.bare and after.bare and before.use and after.use and before.use.end == after.use.start):
        return None
    stretch = replace(before.use, end=after.use.end)
    return Piece(before.text + after.text, stretch, stretch, bare=True)


@dataclass(slots=True)
class _Writer:
    """Writes parts into pieces of text."""

    node: Template
    texts: list[str]
    pieces: list[Piece]
    length: int = 0
    secret: bool = False

    def done(self, at: Evaluator) -> Value:
        """The whole text, traced."""
        pieces = tuple(_joined(self.node, self.pieces)) if len(self.pieces) <= _MOST_PIECES else ()
        uses = {piece.use for piece in pieces if piece.use and piece.use != piece.literal}
        (only,) = uses if len(uses) == 1 else (None,)
        through = Through.EXPRESSION if only is None or only.through is Through.LITERAL else only.through
        origin = at.origin(self.node, through, only.name if only else None)
        return Value(composed("".join(self.texts)), Trace(origin, None, pieces, self.secret))

    def write(self, at: Evaluator, parts: Sequence[Part]) -> None:
        index = 0
        while index < len(parts):
            part = parts[index]
            if isinstance(part, TextPart):
                self._add(at, part.value)
                self._trace(at, part)
            elif isinstance(part, Interpolation):
                self._interpolate(at, part)
            else:
                index = self._directive(at, parts, index)
            index += 1

    def _add(self, at: Evaluator, text: str) -> None:
        self.length += len(text)
        if self.length > LONGEST_TEXT:
            at.fault(self.node, f"this template makes more than {LONGEST_TEXT} characters")
        at.spend(self.node, len(text) // CHARACTERS)
        self.texts.append(text)

    def _trace(self, at: Evaluator, part: TextPart) -> None:
        if part.value and len(self.pieces) <= _MOST_PIECES:
            origin = at.text.origin(part.start, part.end)
            self.pieces.append(Piece(part.value, origin, origin, bare=True))

    def _interpolate(self, at: Evaluator, part: Interpolation) -> None:
        value = at.value(part.expression)
        text = as_text(value)
        if text is None:
            at.fault(part.expression, f"a {kind_of(value)} cannot stand in text", "text, a number or a truth value")
        self.secret = self.secret or value.sensitive
        self._add(at, text)
        if len(self.pieces) <= _MOST_PIECES:
            origin = value.trace.origin
            self.pieces += pieces_of(value, text, at.text.origin(part.start, part.end, origin.through, origin.name))

    def _directive(self, at: Evaluator, parts: Sequence[Part], index: int) -> int:
        """Carry out the directive at ``index``; the index of the one that closes it."""
        opening = parts[index]
        middle, end = _closing(parts, index)
        if not isinstance(opening, Directive) or end is None or opening.expression is None:
            at.fault(self.node, "a template directive is not closed or not opened", "'%{if}' ... '%{endif}'")
        if opening.keyword == "if":
            split = middle if middle is not None else end
            is_true, reason = at.decision(opening.expression)
            self.secret = self.secret or reason.sensitive
            self.write(at, parts[index + 1 : split] if is_true else parts[split + 1 : end])
            return end
        source = at.value(opening.expression)
        self.secret = self.secret or source.trace.sensitive
        for key, value in pairs(at, opening.expression, source):
            at.spend(self.node)
            self.write(at.within(bound(opening.names, key, value)), parts[index + 1 : end])
        return end


def _closing(parts: Sequence[Part], index: int) -> tuple[int | None, int | None]:
    """Where the else (if any) and the end of the directive at ``index`` are."""
    depth, middle = 0, None
    for at in range(index, len(parts)):
        part = parts[at]
        if not isinstance(part, Directive):
            continue
        if part.keyword in {"if", "for"}:
            depth += 1
        elif part.keyword in {"endif", "endfor"}:
            depth -= 1
            if depth == 0:
                return middle, at
        elif part.keyword == "else" and depth == 1:
            middle = at
    return middle, None
