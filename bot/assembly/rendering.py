"""Strings with ``${}`` and ``%{}`` in them to text. Part of :mod:`bot.assembly.evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.assembly.faults import LONGEST_TEXT
from bot.assembly.values import Trace, Value, as_text, kind_of
from bot.intake.syntax import Directive, Expression, Interpolation, Part, Template, TextPart
from bot.model.resource import Through

if TYPE_CHECKING:
    from bot.assembly.evaluate import Evaluation


def render_template(at: Evaluation, node: Template) -> Value:
    """The text of a template. One that is nothing but ``${expr}`` is the value of the expression itself."""
    if node.literal is not None:
        return Value(node.literal, Trace(at.origin(node)))
    if len(node.parts) == 1 and isinstance(node.parts[0], Interpolation) and not node.marker:
        return at.value(node.parts[0].expression)
    parts = _stripped(node.parts)
    if all(isinstance(part, TextPart) for part in parts):
        return Value("".join(part.value for part in parts if isinstance(part, TextPart)), Trace(at.origin(node)))
    writer = _Writer(node, [])
    writer.write(at, parts)
    text = "".join(piece for piece, _ in writer.pieces)
    secret = any(value.sensitive for _, value in writer.pieces if value is not None)
    trace = Trace(at.origin(node, Through.EXPRESSION), sensitive=secret)
    return Value(text, _invertible(trace, writer.pieces))


def _invertible(trace: Trace, pieces: Sequence[tuple[str, Value | None]]) -> Trace:
    """The trace of a text around one value: its literal can be found back."""
    values = [(index, value) for index, (_, value) in enumerate(pieces) if value is not None]
    if len(values) != 1 or values[0][1].trace.literal is None:
        return trace
    index, value = values[0]
    before = "".join(text for text, _ in pieces[:index])
    after = "".join(text for text, _ in pieces[index + 1 :])
    inner = value.trace.around or ("", "")
    return replace(
        trace,
        literal=value.trace.literal,
        around=(before + inner[0], inner[1] + after),
        origin=replace(trace.origin, through=value.trace.origin.through, name=value.trace.origin.name),
    )


def _stripped(parts: Sequence[Part]) -> list[Part]:
    """The parts after ``~`` took white space off their neighbours."""
    made = list(parts)
    for index, part in enumerate(parts):
        if isinstance(part, TextPart):
            continue
        if part.strip_left and index > 0:
            made[index - 1] = _trimmed(made[index - 1], left=False)
        after = index + 1
        while part.strip_right and after < len(made):
            made[after] = _trimmed(made[after], left=True)
            neighbour = made[after]
            if not isinstance(neighbour, TextPart) or neighbour.value:
                break
            after += 1
    return made


def _trimmed(part: Part, *, left: bool) -> Part:
    if not isinstance(part, TextPart):
        return part
    return replace(part, value=part.value.lstrip() if left else part.value.rstrip())


@dataclass(slots=True)
class _Writer:
    """Writes parts into pieces of text, each with the value it came from (None for literal text)."""

    node: Template
    pieces: list[tuple[str, Value | None]]
    length: int = 0

    def write(self, at: Evaluation, parts: Sequence[Part]) -> None:
        index = 0
        while index < len(parts):
            part = parts[index]
            if isinstance(part, TextPart):
                self._add(at, part.value, None)
            elif isinstance(part, Interpolation):
                self._interpolate(at, part.expression)
            else:
                index = self._directive(at, parts, index)
            index += 1

    def _add(self, at: Evaluation, text: str, value: Value | None) -> None:
        self.length += len(text)
        if self.length > LONGEST_TEXT:
            at.fault(self.node, f"this template makes more than {LONGEST_TEXT} characters")
        self.pieces.append((text, value))

    def _interpolate(self, at: Evaluation, expression: Expression) -> None:
        value = at.value(expression)
        text = as_text(value)
        if text is None:
            at.fault(expression, f"a {kind_of(value)} cannot stand in text", "text, a number or a truth value")
        self._add(at, text, value)

    def _directive(self, at: Evaluation, parts: Sequence[Part], index: int) -> int:
        """Carry out the directive at ``index``; the index of the one that closes it."""
        opening = parts[index]
        middle, end = _closing(parts, index)
        if not isinstance(opening, Directive) or end is None or opening.expression is None:
            at.fault(self.node, "a template directive is not closed or not opened", "'%{if}' ... '%{endif}'")
        if opening.word == "if":
            split = middle if middle is not None else end
            chosen = parts[index + 1 : split] if at.condition(opening.expression) else parts[split + 1 : end]
            self.write(at, chosen)
            return end
        source = at.value(opening.expression)
        for key, value in at._pairs(opening.expression, source):  # noqa: SLF001 (the same loop as in expressions)
            at._spend(self.node)  # noqa: SLF001
            names = (
                {opening.names[0]: value}
                if len(opening.names) == 1
                else dict(zip(opening.names, (key, value), strict=True))
            )
            self.write(replace(at, bound={**at.bound, **names}), parts[index + 1 : end])
        return end


def _closing(parts: Sequence[Part], index: int) -> tuple[int | None, int | None]:
    """Where the else (if any) and the end of the directive at ``index`` are."""
    depth, middle = 0, None
    for at in range(index, len(parts)):
        part = parts[at]
        if not isinstance(part, Directive):
            continue
        if part.word in {"if", "for"}:
            depth += 1
        elif part.word in {"endif", "endfor"}:
            depth -= 1
            if depth == 0:
                return middle, at
        elif part.word == "else" and depth == 1:
            middle = at
    return middle, None
