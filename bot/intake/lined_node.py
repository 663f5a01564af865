"""A value of YAML or JSON that knows its lines. :mod:`bot.intake.lined` makes them; who only looks at some loads no parser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bot.model.dataclass import dataclass

if TYPE_CHECKING:
    from bot.intake.scalars import Scalar


@dataclass(slots=True, eq=False)
class LinedNode:
    """One value with the line it begins on (from 1) and its text as written. Shared where an alias stands for it."""

    value: Scalar | dict[str, LinedNode] | list[LinedNode]
    line: int
    end_line: int = 0
    """Of a scalar: where the next token may begin, so a block scalar's is below its text."""
    raw: str = ""
    """The text of a scalar without its quotes; empty for a collection."""
    key_lines: Mapping[str, int] | None = None
    """The lines of the keys of a mapping; None for any other value."""

    def get(self, *path: str) -> LinedNode | None:
        """The node below ``path`` of mapping keys; None when there is none."""
        node: LinedNode | None = self
        for key in path:
            if node is None or not isinstance(node.value, dict):
                return None
            node = node.value.get(key)
        return node

    def having(self, value: Scalar, *path: str) -> LinedNode | None:
        """The node below ``path`` where it is exactly ``value``: 1 is not true."""
        node = self.get(*path)
        return node if node is not None and node.value == value and type(node.value) is type(value) else None

    def text_at(self, *path: str) -> str:
        """The text as written below ``path``; empty when there is none."""
        node = self.get(*path)
        return "" if node is None else node.raw

    def items(self, *path: str) -> Iterator[tuple[str, LinedNode]]:
        """The entries of the mapping below ``path``; nothing for any other value."""
        node = self.get(*path)
        if node is not None and isinstance(node.value, dict):
            yield from node.value.items()

    def elements(self, *path: str) -> Sequence[LinedNode]:
        """The elements of the list below ``path``; nothing for any other value."""
        node = self.get(*path)
        return node.value if node is not None and isinstance(node.value, list) else ()

    def child(self, part: str | int) -> LinedNode | None:
        """What a key or an index leads to."""
        if isinstance(part, str):
            return self.get(part)
        return self.value[part] if isinstance(self.value, list) and part < len(self.value) else None

    def line_of(self, location: Sequence[str | int]) -> int:
        """The line of the last part of ``location`` that is written, its key's for an entry. Parts that are not are passed
        over: pydantic puts the names of alternatives among them.
        """
        node, line = self, self.line
        for part in location:
            child = node.child(part)
            if child is not None:
                line = (node.key_lines or {}).get(str(part), child.line)
                node = child
        return line
