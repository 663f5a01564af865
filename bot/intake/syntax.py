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
class Literal:
    """A number, ``true``, ``false`` or ``null``."""

    start: int
    end: int
    value: None | bool | int | float


@dataclass(frozen=True, slots=True)
class TextPart:
    """Literal text in a template, escapes resolved."""

    start: int
    end: int
    value: str


@dataclass(frozen=True, slots=True)
class Interpolation:
    """``${expr}``; the strip marks take white space off the neighbouring text."""

    start: int
    end: int
    expression: Expression
    strip_left: bool = False
    strip_right: bool = False


@dataclass(frozen=True, slots=True)
class Directive:
    """``%{...}``: ``word`` is if, else, endif, for or endfor; joined into a tree when evaluated."""

    start: int
    end: int
    word: str
    expression: Expression | None = None
    names: tuple[str, ...] = ()
    strip_left: bool = False
    strip_right: bool = False


Part: TypeAlias = TextPart | Interpolation | Directive


@dataclass(frozen=True, slots=True)
class Template:
    """A quoted string or a heredoc (``marker`` set; ``flush`` for ``<<-``)."""

    start: int
    end: int
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
class ListExpression:
    """``[a, b]``."""

    start: int
    end: int
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ObjectItem:
    """``key = value`` in an object."""

    start: int
    end: int
    key: Expression
    value: Expression


@dataclass(frozen=True, slots=True)
class ObjectExpression:
    """``{ key = value }``. A bare word as key is that word."""

    start: int
    end: int
    items: tuple[ObjectItem, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """A bare word: the root of a reference."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """``target.name``."""

    start: int
    end: int
    target: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """``target[key]``."""

    start: int
    end: int
    target: Expression
    key: Expression


@dataclass(frozen=True, slots=True)
class Splat:
    """``target[*]`` or ``target.*`` with what is taken of each element."""

    start: int
    end: int
    target: Expression
    steps: tuple[str | Expression, ...]


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """``name(arguments)``; ``spread`` when the last argument is followed by ``...``."""

    start: int
    end: int
    name: str
    arguments: tuple[Expression, ...]
    spread: bool = False


@dataclass(frozen=True, slots=True)
class Unary:
    """``-x`` or ``!x``."""

    start: int
    end: int
    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """``left operator right``."""

    start: int
    end: int
    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Conditional:
    """``condition ? yes : no``."""

    start: int
    end: int
    condition: Expression
    yes: Expression
    no: Expression


@dataclass(frozen=True, slots=True)
class ForExpression:
    """``[for v in xs : value if c]``, or with ``key`` ``{for k, v in xs : key => value... if c}``."""

    start: int
    end: int
    names: tuple[str, ...]
    collection: Expression
    key: Expression | None
    value: Expression
    condition: Expression | None
    grouped: bool = False


@dataclass(frozen=True, slots=True)
class Parentheses:
    """``(x)``."""

    start: int
    end: int
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
class Assignment:
    """``name = expression`` in a body."""

    start: int
    end: int
    name: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class BlockLabel:
    """One label of a block."""

    start: int
    end: int
    value: str


@dataclass(frozen=True, slots=True)
class Block:
    """``kind "label" { ... }``. ``body.start`` is after the opening brace, ``body.end`` at the closing one."""

    start: int
    end: int
    kind: str
    labels: tuple[BlockLabel, ...]
    body: Body


@dataclass(frozen=True, slots=True)
class Body:
    """The content of a file or block, in order."""

    start: int
    end: int
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
