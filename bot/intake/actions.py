"""Expressions of GitHub Actions, ``${{ … }}``, as trees.

Source: GitHub documentation, "Evaluate expressions in workflows and actions" (literals, operators, functions) and "Contexts
reference" (property and index syntax). Names are compared without case there, so they are lower case here. Linear in the
text; nothing is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

_DEEPEST: Final = 50
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>[+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)(?![\w.]))|"
    r"(?P<name>[A-Za-z_][\w-]*)|(?P<sign>\|\||&&|==|!=|<=|>=|[<>!()\[\].,*]))"
)
ANY: Final = "*"
"""A part of a path that may be any: a wildcard, a number, or an index that is computed."""


@dataclass(frozen=True, slots=True)
class ExpressionLiteral:
    """A text, number, truth value or null; ``text`` is None for all but a text."""

    text: str | None


@dataclass(frozen=True, slots=True)
class ContextReference:
    """A value of a context, ``github.event.issue``: its names in lower case, :data:`ANY` for what is not a name."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; ``name`` is in lower case."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ExpressionOperation:
    """``left sign right``; a negation has no left side."""

    sign: str
    left: Expression | None
    right: Expression


@dataclass(frozen=True, slots=True)
class Part:
    """What is taken out of a value that is no context: ``fromJSON(x).name``."""

    of: Expression
    path: tuple[str, ...]


Expression: TypeAlias = ExpressionLiteral | ContextReference | Call | ExpressionOperation | Part


@dataclass(frozen=True, slots=True)
class Embedded:
    """An expression within a text. ``tree`` is None where it does not parse; ``start`` counts characters from 0."""

    start: int
    text: str
    tree: Expression | None


class _Unreadable(Exception):
    """The text is no expression."""


def embedded(text: str) -> Iterator[Embedded]:
    """Every ``${{ … }}`` of a text. One ends where the braces close outside of quotes, as the runner reads it."""
    at = 0
    while (start := text.find("${{", at)) >= 0:
        end = _end(text, start + 3)
        if end is None:
            return
        inner = text[start + 3 : end]
        yield Embedded(start, inner.strip(), parse(inner))
        at = end + 2


_QUOTE_OR_END: Final = re.compile(r"'|\}\}")


def _end(text: str, at: int) -> int | None:
    quoted = False
    for match in _QUOTE_OR_END.finditer(text, at):
        if match[0] == "'":
            quoted = not quoted
        elif not quoted:
            return match.start()
    return None


def parse(text: str) -> Expression | None:
    """The expression; None where the text is none, or is nested deeper than fifty times."""
    try:
        reader = _Reader(_tokens(text))
        tree = reader.any_of(0)
        reader.finish()
    except _Unreadable:
        return None
    return tree


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at, text = 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise _Unreadable
        tokens.append(_Token(match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return tokens


_COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})


@dataclass(slots=True)
class _Reader:
    """Recursive descent: ``||`` binds loosest, then ``&&``, comparisons, ``!``, and what follows a value."""

    tokens: list[_Token]
    at: int = 0

    def finish(self) -> None:
        if self.at != len(self.tokens):
            raise _Unreadable

    def any_of(self, depth: int) -> Expression:
        tree = self.all_of(depth)
        while self._takes("||"):
            tree = ExpressionOperation("||", tree, self.all_of(depth))
        return tree

    def all_of(self, depth: int) -> Expression:
        tree = self._compared(depth)
        while self._takes("&&"):
            tree = ExpressionOperation("&&", tree, self._compared(depth))
        return tree

    def _compared(self, depth: int) -> Expression:
        tree = self._negated(depth)
        while (sign := self._sign()) in _COMPARISONS:
            self.at += 1
            tree = ExpressionOperation(sign, tree, self._negated(depth))
        return tree

    def _negated(self, depth: int) -> Expression:
        if depth > _DEEPEST:
            raise _Unreadable
        if self._takes("!"):
            return ExpressionOperation("!", None, self._negated(depth + 1))
        return self._followed(self._value(depth), depth)

    def _value(self, depth: int) -> Expression:
        if self._takes("("):
            tree = self.any_of(depth + 1)
            self._expect(")")
            return tree
        token = self._next()
        match token.kind:
            case "text":
                return ExpressionLiteral(token.text[1:-1].replace("''", "'"))
            case "number":
                return ExpressionLiteral(None)
            case "name" if token.text.lower() in {"true", "false", "null", "nan", "infinity"}:
                return ExpressionLiteral(None)
            case "name" if self._takes("("):
                return Call(token.text.lower(), self._arguments(depth))
            case "name":
                return ContextReference((token.text.lower(),))
            case _:
                raise _Unreadable

    def _arguments(self, depth: int) -> tuple[Expression, ...]:
        arguments: list[Expression] = []
        if self._takes(")"):
            return ()
        arguments.append(self.any_of(depth + 1))
        while self._takes(","):
            arguments.append(self.any_of(depth + 1))
        self._expect(")")
        return tuple(arguments)

    def _followed(self, tree: Expression, depth: int) -> Expression:
        path: list[str] = []
        while True:
            if self._takes("."):
                token = self._next()
                if token.kind != "name" and token.text != "*":
                    raise _Unreadable
                path.append(token.text.lower())
            elif self._takes("["):
                path.append(ANY if self._takes("*") else _index(self.any_of(depth + 1)))
                self._expect("]")
            else:
                break
        if not path:
            return tree
        return ContextReference((*tree.path, *path)) if isinstance(tree, ContextReference) else Part(tree, tuple(path))

    def _sign(self) -> str:
        if self.at < len(self.tokens) and self.tokens[self.at].kind == "sign":
            return self.tokens[self.at].text
        return ""

    def _takes(self, sign: str) -> bool:
        has_sign = self._sign() == sign
        self.at += has_sign
        return has_sign

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            raise _Unreadable

    def _next(self) -> _Token:
        if self.at >= len(self.tokens):
            raise _Unreadable
        self.at += 1
        return self.tokens[self.at - 1]


def parts_of(tree: Expression) -> Iterator[Expression]:
    """An expression with all that it is made of, in the order in which it is written."""
    yield tree
    match tree:
        case Call(arguments=arguments):
            for argument in arguments:
                yield from parts_of(argument)
        case ExpressionOperation(left=left, right=right):
            yield from () if left is None else parts_of(left)
            yield from parts_of(right)
        case Part(of=of):
            yield from parts_of(of)
        case ExpressionLiteral() | ContextReference():
            return
        case _ as never:
            assert_never(never)


def _index(tree: Expression) -> str:
    """A text names a part; a number, or what is computed, may be any."""
    return tree.text.lower() if isinstance(tree, ExpressionLiteral) and tree.text is not None else ANY
