"""The syntax tree of ``.cw`` and Terraform files (HCL native syntax). Spans are character offsets, end exclusive.

Made by :mod:`bot.intake.cw`, evaluated by :mod:`bot.assembly`, edited by :mod:`bot.edits`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TypeAlias

from bot.intake.text import Text
from bot.model.resource import SourceError


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the text: character offsets, end exclusive."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Literal(Span):
    """A number, ``true``, ``false`` or ``null``."""

    value: None | bool | int | float


@dataclass(frozen=True, slots=True)
class TextPart(Span):
    """Literal text in a template, escapes resolved."""

    value: str


@dataclass(frozen=True, slots=True)
class Interpolation(Span):
    """``${expr}``; the strip marks take white space off the neighbouring text."""

    expression: Expression
    strip_left: bool = False
    strip_right: bool = False


@dataclass(frozen=True, slots=True)
class Directive(Span):
    """``%{...}``: ``keyword`` is if, else, endif, for or endfor; joined into a tree when evaluated."""

    keyword: str
    expression: Expression | None = None
    names: tuple[str, ...] = ()
    strip_left: bool = False
    strip_right: bool = False


Part: TypeAlias = TextPart | Interpolation | Directive


@dataclass(frozen=True, slots=True)
class Template(Span):
    """A quoted string or a heredoc (``marker`` set; ``flush`` for ``<<-``)."""

    parts: tuple[Part, ...]
    marker: str = ""
    flush: bool = False

    @property
    def literal(self) -> str | None:
        """Its text when nothing has to be evaluated."""
        if self.marker or not all(isinstance(part, TextPart) for part in self.parts):
            return None
        return "".join(part.value for part in self.parts if isinstance(part, TextPart))


@dataclass(frozen=True, slots=True)
class ListExpression(Span):
    """``[a, b]``."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ObjectItem(Span):
    """``key = value`` in an object."""

    key: Expression
    value: Expression


@dataclass(frozen=True, slots=True)
class ObjectExpression(Span):
    """``{ key = value }``. A bare word as key is that word."""

    items: tuple[ObjectItem, ...]


@dataclass(frozen=True, slots=True)
class Name(Span):
    """A bare word: the root of a reference."""

    name: str


@dataclass(frozen=True, slots=True)
class Attribute(Span):
    """``target.name``."""

    target: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Index(Span):
    """``target[key]``."""

    target: Expression
    key: Expression


@dataclass(frozen=True, slots=True)
class Splat(Span):
    """``target[*]`` or ``target.*`` with what is taken of each element."""

    target: Expression
    steps: tuple[str | Expression, ...]


@dataclass(frozen=True, slots=True)
class FunctionCall(Span):
    """``name(arguments)``; ``spread`` when the last argument is followed by ``...``."""

    name: str
    arguments: tuple[Expression, ...]
    spread: bool = False


@dataclass(frozen=True, slots=True)
class Unary(Span):
    """``-x`` or ``!x``."""

    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary(Span):
    """``left operator right``."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Conditional(Span):
    """``condition ? yes : no``."""

    condition: Expression
    yes: Expression
    no: Expression


@dataclass(frozen=True, slots=True)
class ForExpression(Span):
    """``[for v in xs : value if c]``, or with ``key`` ``{for k, v in xs : key => value... if c}``."""

    names: tuple[str, ...]
    collection: Expression
    key: Expression | None
    value: Expression
    condition: Expression | None
    grouped: bool = False


@dataclass(frozen=True, slots=True)
class Parentheses(Span):
    """``(x)``."""

    inner: Expression


Expression: TypeAlias = (
    Literal
    | Template
    | ListExpression
    | ObjectExpression
    | Name
    | Attribute
    | Index
    | Splat
    | FunctionCall
    | Unary
    | Binary
    | Conditional
    | ForExpression
    | Parentheses
)


@dataclass(frozen=True, slots=True)
class Assignment(Span):
    """``name = expression`` in a body."""

    name: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class BlockLabel(Span):
    """One label of a block."""

    value: str


@dataclass(frozen=True, slots=True)
class Block(Span):
    """``kind "label" { ... }``. ``body.start`` is after the opening brace, ``body.end`` at the closing one."""

    kind: str
    labels: tuple[BlockLabel, ...]
    body: Body


@dataclass(frozen=True, slots=True)
class Body(Span):
    """The content of a file or block, in order."""

    items: tuple[Assignment | Block, ...]

    @property
    def assignments(self) -> tuple[Assignment, ...]:
        """Its attributes."""
        return tuple(item for item in self.items if isinstance(item, Assignment))

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Its blocks."""
        return tuple(item for item in self.items if isinstance(item, Block))

    def get(self, name: str) -> Assignment | None:
        """The attribute called ``name``."""
        return next((item for item in self.assignments if item.name == name), None)


@dataclass(frozen=True, slots=True)
class Parsed:
    """One file: what could be read of it and every mistake in it."""

    text: Text
    body: Body
    errors: tuple[SourceError, ...]
    cut_off: bool = False
    """Whether the text stops inside a block, a bracket, a string or a heredoc."""


def children(node: object) -> Iterator[object]:
    """The nodes directly below ``node``."""
    if isinstance(node, tuple):
        yield from node
    elif hasattr(node, "__dataclass_fields__"):
        for part in fields(node):  # type: ignore[arg-type]  # every node is a dataclass
            below = getattr(node, part.name)
            if isinstance(below, tuple) or hasattr(below, "__dataclass_fields__"):
                yield below


def walk(node: object) -> Iterator[object]:
    """``node`` and every node below it, without recursion."""
    todo = [node]
    while todo:
        current = todo.pop()
        if not isinstance(current, tuple):
            yield current
        todo += children(current)
