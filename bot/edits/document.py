"""A YAML or JSON document being edited: its text, its span tree, and where its nodes end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bot.edits.style import FileStyle
from bot.intake.spans import MappingNode, Node, ScalarNode, SequenceNode


@dataclass(frozen=True, slots=True)
class EditedDocument:
    """The text being edited and the span tree of the document that the edit is in."""

    chars: str
    root: Node
    house: FileStyle

    def with_span(self, start: int, end: int, text: str) -> str:
        """The whole text with one span replaced."""
        return self.chars[:start] + text + self.chars[end:]


def content_end(chars: str, node: Node) -> int:
    """Where the content of a node really ends: before the blank lines that libyaml counts to a literal block."""
    last = last_node(node)
    start = min(last.start, last.end)  # libyaml says that an anchor without a value ends before it starts
    return start + len(chars[start : last.end].rstrip())


def last_node(node: Node) -> Node:
    """The node that a block collection ends with, however deep."""
    while isinstance(node, (MappingNode, SequenceNode)) and not node.flow and node.items:
        item = node.items[-1]
        node = item[1] if isinstance(item, tuple) else item
    return node


_KEEPING: Final = re.compile(r"[|>][1-9]?\+")


def keeps_blank_lines(chars: str, node: Node) -> bool:
    """Whether it ends with a block whose header keeps trailing lines (YAML 1.2.2, section 8.1.1.2: ``+``)."""
    last = last_node(node)
    return isinstance(last, ScalarNode) and bool(_KEEPING.match(chars, last.start))
