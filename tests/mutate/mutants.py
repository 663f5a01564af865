"""The small changes that can be made to a source file, each as a replaced span of bytes.

Pure. Every mutant is another program that still compiles. Nothing is changed where a change says
nothing about behaviour: docstrings, annotations, decorators, prose, imports, and the inside of f-strings (their columns
are wrong before Python 3.12).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_COMPARISONS: Final = {
    "<": ("<=", ">"),
    "<=": ("<", ">"),
    ">": (">=", "<"),
    ">=": (">", "<"),
    "==": ("!=",),
    "!=": ("==",),
    "in": ("not in",),
    "not in": ("in",),
    "is": ("is not",),
    "is not": ("is",),
}
_COMPARISON: Final = re.compile(rb"not\s+in\b|is\s+not\b|in\b|is\b|[<>=!]=|[<>]")
_ARITHMETIC: Final[dict[type[ast.operator], tuple[bytes, bytes]]] = {
    ast.Add: (b"+", b"-"),
    ast.Sub: (b"-", b"+"),
    ast.Mult: (b"*", b"//"),
    ast.Div: (b"/", b"*"),
    ast.FloorDiv: (b"//", b"*"),
    ast.Mod: (b"%", b"*"),
    ast.BitOr: (b"|", b"&"),
    ast.BitAnd: (b"&", b"|"),
}
_WORD: Final = re.compile(r"\S{1,40}")
"""A string that code compares with or looks up; longer ones, and those with blanks, are prose."""


@dataclass(frozen=True, slots=True, order=True)
class Mutant:
    """One change: bytes ``start`` to ``end`` of ``file`` become ``text``.

    ``function`` is the qualified name of what holds it (empty: the module). ``before`` and ``after`` are the lines it
    touches, without indentation, as people and ``equivalents.toml`` name it.
    """

    file: str
    line: int
    start: int
    end: int
    text: bytes
    kind: str
    function: str
    end_line: int
    before: str
    after: str

    def applied(self, source: bytes) -> bytes:
        """The file with this change."""
        return source[: self.start] + self.text + source[self.end :]


def mutants(file: str, source: bytes) -> list[Mutant]:
    """Every mutant of one file, in the order of the file."""
    written = _Source(source)
    changes = {
        (change.start, change.end, change.text): change for change in _Walk(written).changes(ast.parse(source), "")
    }
    return sorted(
        written.mutant(file, change) for change in changes.values() if source[change.start : change.end] != change.text
    )


@dataclass(frozen=True, slots=True)
class _Change:
    start: int
    end: int
    text: bytes
    kind: str
    function: str


class _Source:
    """Bytes of a file, addressed by the AST's lines and columns (which count UTF-8 bytes)."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def text(self, node: ast.expr | ast.stmt) -> bytes:
        start, end = self.span(node)
        return self.source[start:end]

    def line(self, offset: int) -> int:
        return self.source.count(b"\n", 0, offset) + 1

    def mutant(self, file: str, change: _Change) -> Mutant:
        first = self.source.rfind(b"\n", 0, change.start) + 1
        last = self.source.find(b"\n", max(change.end - 1, change.start))
        last = len(self.source) if last < 0 else last
        after = self.source[first : change.start] + change.text + self.source[change.end : last]
        return Mutant(
            file=file,
            line=self.line(change.start),
            start=change.start,
            end=change.end,
            text=change.text,
            kind=change.kind,
            function=change.function,
            end_line=self.line(max(change.end - 1, change.start)),
            before=self.source[first:last].decode().strip(),
            after=after.decode().strip(),
        )


class _Walk:
    """Every change below a node, with the name of the function it is in."""

    def __init__(self, source: _Source) -> None:
        self._source = source

    def changes(self, node: ast.AST, function: str) -> Iterator[_Change]:
        if isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom) or _is_prose(node) or _is_for_types(node):
            return
        for start, end, text, kind in self._here(node):
            yield _Change(start, end, text, kind, function)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            function = f"{function}.{node.name}" if function else node.name
        for child in _behaviour(node):
            yield from self.changes(child, function)

    def _here(self, node: ast.AST) -> Iterator[tuple[int, int, bytes, str]]:
        match node:
            case ast.Compare():
                yield from self._comparison(node)
            case ast.BoolOp():
                yield from self._boolean(node)
            case ast.BinOp():
                yield from self._arithmetic(node)
            case ast.UnaryOp(op=ast.Not()):
                yield (*self._source.span(node), b"(" + self._source.text(node.operand) + b")", "not")
            case ast.UnaryOp(op=ast.USub()):
                yield (*self._source.span(node), self._source.text(node.operand), "arithmetic")
            case ast.If() | ast.While() | ast.IfExp() | ast.Assert():
                yield from self._condition(node.test)
            case ast.comprehension():
                for test in node.ifs:
                    yield (*self._source.span(test), b"True", "condition")
            case ast.Return(value=ast.expr() as value):
                yield from self._returned(value)
            case ast.Constant():
                yield from self._constant(node)
            case ast.Continue():
                yield (*self._source.span(node), b"break", "branch")
            case ast.Break():
                yield (*self._source.span(node), b"continue", "branch")
            case ast.AugAssign() | ast.Raise():
                yield (*self._source.span(node), b"pass", "branch")
            case ast.Expr(value=ast.Call()):
                yield (*self._source.span(node), b"pass", "branch")
            case _:
                pass

    def _comparison(self, node: ast.Compare) -> Iterator[tuple[int, int, bytes, str]]:
        left = node.left
        for right in node.comparators:
            start, end = self._source.span(left)[1], self._source.span(right)[0]
            operator = _COMPARISON.search(self._source.source, start, end)
            assert operator is not None
            name = " ".join(operator[0].decode().split())
            kind = "membership" if "in" in name.split() else "comparison"
            for other in _COMPARISONS[name]:
                yield operator.start(), operator.end(), other.encode(), kind
            left = right

    def _boolean(self, node: ast.BoolOp) -> Iterator[tuple[int, int, bytes, str]]:
        word, other = (b"and", b"or") if isinstance(node.op, ast.And) else (b"or", b"and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            start, end = self._source.span(left)[1], self._source.span(right)[0]
            at = self._source.source.index(word, start, end)
            yield at, at + len(word), other, "boolean"
        for value in node.values:
            yield (*self._source.span(value), b"True" if isinstance(node.op, ast.And) else b"False", "boolean")

    def _arithmetic(self, node: ast.BinOp) -> Iterator[tuple[int, int, bytes, str]]:
        if type(node.op) not in _ARITHMETIC or _is_prose(node.left) or _is_prose(node.right):
            return
        sign, other = _ARITHMETIC[type(node.op)]
        start, end = self._source.span(node.left)[1], self._source.span(node.right)[0]
        at = self._source.source.index(sign, start, end)
        yield at, at + len(sign), other, "arithmetic"

    def _condition(self, test: ast.expr) -> Iterator[tuple[int, int, bytes, str]]:
        """Never and always taken: the branch is deleted, or nothing guards it."""
        span = self._source.span(test)
        yield (*span, b"False", "branch")
        yield (*span, b"True", "condition")

    def _returned(self, value: ast.expr) -> Iterator[tuple[int, int, bytes, str]]:
        span = self._source.span(value)
        # None is as false as False, and who asks for more than truth would be told by mypy
        if not (isinstance(value, ast.Constant) and (value.value is None or value.value is False)):
            yield (*span, b"None", "return")
        if isinstance(value, ast.Compare | ast.BoolOp):
            yield (*span, b"not (" + self._source.text(value) + b")", "return")

    def _constant(self, node: ast.Constant) -> Iterator[tuple[int, int, bytes, str]]:
        span = self._source.span(node)
        if isinstance(node.value, bool):
            yield (*span, str(not node.value).encode(), "constant")
        elif isinstance(node.value, int | float):
            yield (*span, repr(node.value + 1).encode(), "constant")
        elif isinstance(node.value, str) and node.value and re.match(rb"""["'](?!["'])""", self._source.text(node)):
            yield span[0] + 1, span[0] + 1, b"XX", "constant"


def _is_prose(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and not _WORD.fullmatch(node.value)


def _is_for_types(node: ast.AST) -> bool:
    """A block that only type checkers read, the list of public names, and a call that only tells mypy."""
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.Call(func=ast.Name(id="cast" | "assert_never" | "TypeVar" | "NewType")):
            return True
        case _:
            return False


def _behaviour(node: ast.AST) -> Iterator[ast.AST]:
    """The children that decide what a program does: no annotations, decorators, docstrings, nor what ``zip`` insists on."""
    skipped = {"annotation", "returns", "decorator_list", "type_params", "bases", "type_comment"}
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or name in skipped:
                continue
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue
            if isinstance(child, ast.keyword) and child.arg == "strict":
                continue
            yield child
