"""Terraform and ``.cw`` files as blocks and attributes, by tree-sitter: fast on any input, no recursion of ours.

Used to compare protections and exposure before and after a change, and to see whether a file parses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tree_sitter import Node as Syntax
    from tree_sitter import Parser

_MAX_BYTES: Final = 600_000


@dataclass(frozen=True, slots=True)
class Attribute:
    """``name = text``. Lines count from 1; ``text`` is the expression as written, with white space collapsed."""

    name: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Block:
    """One block: its type, labels, attributes and nested blocks."""

    type: str
    labels: tuple[str, ...]
    line: int
    attributes: list[Attribute] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    @property
    def address(self) -> str:
        """``aws_s3_bucket.logs`` for a resource, the type with its labels otherwise."""
        parts = self.labels if self.type == "resource" else (self.type, *self.labels)
        return ".".join(parts)

    def attribute(self, name: str) -> Attribute | None:
        return next((found for found in self.attributes if found.name == name), None)

    def nested(self, kind: str) -> Iterator[Block]:
        """The nested blocks of that type, also as ``dynamic "type"`` blocks."""
        for block in self.blocks:
            if block.type == kind:
                yield block
            elif block.type == "dynamic" and block.labels == (kind,):
                yield from block.nested("content")


def first_error(text: str) -> int | None:
    """The line (from 1) of the first syntax error, None when the text parses (or is too large to say)."""
    data = text.encode()
    if len(data) > _MAX_BYTES:
        return None
    tree = _parser().parse(data)
    if not tree.root_node.has_error:
        return None
    node = tree.root_node
    while True:
        child = next((one for one in node.children if one.has_error or one.is_missing or one.is_error), None)
        if child is None:
            return int(node.start_point[0]) + 1
        if child.is_error or child.is_missing:
            return int(child.start_point[0]) + 1
        node = child


def parse_blocks(text: str) -> tuple[Block, ...]:
    """The top-level blocks; empty for text that is no HCL or too large. Broken parts are left out."""
    data = text.encode()
    if len(data) > _MAX_BYTES:
        return ()
    root = Block("", (), 1)
    stack: list[tuple[Syntax, Block, int]] = [(_parser().parse(data).root_node, root, 0)]
    while stack:
        node, owner, depth = stack.pop()
        if depth > 200:
            continue
        for child in reversed(node.children):
            match child.type:
                case "block":
                    made = _block(child)
                    owner.blocks.append(made)
                    stack.append((child, made, depth + 1))
                case "attribute":
                    owner.attributes.append(_attribute(child))
                case "body" | "config_file":
                    stack.append((child, owner, depth + 1))
    _order(root)
    return tuple(root.blocks)


def _order(root: Block) -> None:
    stack = [root]
    while stack:
        block = stack.pop()
        block.blocks.sort(key=lambda one: one.line)
        block.attributes.sort(key=lambda one: one.line)
        stack.extend(block.blocks)


def _block(node: Syntax) -> Block:
    words = [_source(child).strip('"') for child in node.children if child.type in {"identifier", "string_lit"}]
    return Block(words[0] if words else "", tuple(words[1:]), node.start_point[0] + 1)


def _attribute(node: Syntax) -> Attribute:
    name = _source(node.children[0])
    value = " ".join(_source(node.children[-1]).split())
    return Attribute(name, value, node.start_point[0] + 1)


def _source(node: Syntax) -> str:
    return (node.text or b"").decode("utf-8", "replace")


@lru_cache(maxsize=1)
def _parser() -> Parser:
    import tree_sitter_hcl
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_hcl.language()))
