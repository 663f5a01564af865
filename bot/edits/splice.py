"""New values in a document as text: where to cut and what to put there, in the hand of the file.

Each function proposes whole new texts, the most faithful first; :mod:`bot.edits.plain` keeps the first that reads back as
intended. Offsets are characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from bot.edits.document import EditedDocument, content_end
from bot.edits.style import (
    block,
    column,
    flow,
    indentation,
    line_end,
    literal,
    pretty_json,
    scalar,
)
from bot.intake.spans import AliasNode, MappingNode, Node, NodePosition, ScalarNode, SequenceNode
from bot.model.json import JSON


def is_collection(value: JSON) -> bool:
    """Whether a value is written over several lines in block style: a mapping or list that holds something."""
    return bool(value) and isinstance(value, (dict, list, tuple))


def replaced(doc: EditedDocument, position: NodePosition, value: JSON) -> Iterator[str]:
    """The value at ``position`` becomes ``value``."""
    node = position.node
    if doc.house.json or _in_flow(position):
        yield from _inline(doc, node, value, in_flow=True)
    elif is_collection(value) and position.key is not None:
        start, end, comment = behind_key(doc, position.key, node)
        lines = _below(doc, position.key, value)
        yield doc.with_span(start, end, comment + doc.house.newline + doc.house.newline.join(lines))
        yield from _inline(doc, node, value)
    elif is_collection(value):
        indent = " " * column(doc.chars, node.head)
        lines = block(value, doc.house)
        yield doc.with_span(node.head, content_end(doc.chars, node), (doc.house.newline + indent).join(lines))
        yield from _inline(doc, node, value)
    elif isinstance(node, (MappingNode, SequenceNode)) and not node.flow and position.key is not None:
        start, end, comment = behind_key(doc, position.key, node)
        yield doc.with_span(start, end, f" {flow(value, doc.house)}{comment}")
    elif isinstance(node, (MappingNode, SequenceNode)) and not node.flow:
        yield doc.with_span(node.head, end_with_comment(doc.chars, node), flow(value, doc.house))
    else:
        yield from _scalar_texts(doc, position, value)


def behind_key(doc: EditedDocument, key: Node, node: Node) -> tuple[int, int, str]:
    """Where all that stands behind a key begins and ends, and the comment in it that is about the key: the one on its line, or
    behind a bracket that closes. A comment at the end of a block is about the block's last entry.
    """
    chars = doc.chars
    start = chars.index(":", key.end) + 1
    first, end = line_end(chars, start), end_with_comment(chars, node)
    if end > first and _is_block(node):
        return start, end, comment_in(chars[start:first])
    return start, end, comment_in(chars[content_end(chars, node) : end])


def end_with_comment(chars: str, node: Node) -> int:
    """Where a node ends with the comment at the end of its last line."""
    end = content_end(chars, node)
    last = line_end(chars, end)
    return last if comment_in(chars[end:last]) else end


def _is_block(node: Node) -> bool:
    return (
        node.style in {"|", ">"} if isinstance(node, ScalarNode) else not isinstance(node, AliasNode) and not node.flow
    )


_COMMENT: Final = re.compile(r"[ \t]+#.*")


def comment_in(line: str) -> str:
    """The comment of the rest of a line that holds no text, with the blanks before it."""
    match = _COMMENT.search(line)
    return match[0] if match else ""


def _in_flow(position: NodePosition) -> bool:
    return position.parent is not None and position.parent.flow


def _inline(doc: EditedDocument, node: Node, value: JSON, *, in_flow: bool = False) -> Iterator[str]:
    quote = node.style if isinstance(node, ScalarNode) and node.style in {"'", '"'} else ""
    start = _start(node, value)
    if doc.house.json:
        yield doc.with_span(start, node.end, pretty_json(value, doc.house, indentation(doc.chars, node.head)))
    lead = _lead(doc, start, node.end)
    flat = in_flow or isinstance(value, (dict, list, tuple))
    text = flow(value, doc.house, quote=quote) if flat else scalar(value, quote=quote)
    yield doc.with_span(start, node.end, lead + text)
    yield doc.with_span(start, node.end, lead + flow(value, doc.house, quote='"'))


def _lead(doc: EditedDocument, start: int, end: int) -> str:
    """A blank where there was no text: in a block, such a node begins right behind its colon, dash or anchor."""
    return " " if start == end and not doc.chars[start - 1].isspace() else ""


_TYPES: Final = {"bool": bool, "float": float, "int": int, "null": type(None)}
"""YAML 1.2.2, section 10.3.2: the type of what a tag may stand before; before text all others stand."""


def _start(node: Node, value: JSON) -> int:
    """Where the new text begins: behind an anchor, and behind a tag that is true of the new value too."""
    if not isinstance(node, ScalarNode):
        return node.head
    keeps_tag = node.tag is None or type(value) is _TYPES.get(node.tag.removeprefix("tag:yaml.org,2002:"), str)
    return min(node.start, node.end) if keeps_tag else node.head


def _scalar_texts(doc: EditedDocument, position: NodePosition, value: JSON) -> Iterator[str]:
    node = position.node
    block_node = node if isinstance(node, ScalarNode) and node.style in {"|", ">"} else None
    if isinstance(value, str) and (block_node is not None or "\n" in value):
        yield from _blocks(doc, position, block_node, value)
    if block_node is not None:
        end = content_end(doc.chars, block_node)
        comment = comment_in(doc.chars[node.start : line_end(doc.chars, node.start)])
        yield doc.with_span(_start(node, value), end, scalar(value) + comment)
        return
    yield from _inline(doc, node, value)


def _blocks(doc: EditedDocument, position: NodePosition, old: ScalarNode | None, value: str) -> Iterator[str]:
    """A literal block (and, for a folded one, one long line per paragraph) in place of the old scalar."""
    node = position.node
    start = _start(node, value)
    indent = _block_indent(doc, position, doc.chars[old.start : old.end] if old is not None else "")
    lines = literal(value, replace(doc.house, step=len(indent) or doc.house.step))
    if not lines:
        return
    end = content_end(doc.chars, node)
    if old is None:
        comment = comment_in(doc.chars[end : line_end(doc.chars, end)])
        end = line_end(doc.chars, end) if comment else end
    else:
        comment = comment_in(doc.chars[old.start : line_end(doc.chars, old.start)])
    lines[0] += comment
    if old is not None and old.style == ">":
        body = [line.lstrip() and indent + line.lstrip() for line in lines[1:]]
        folded = [f">{lines[0][1:]}", *(part for line in body for part in ((line, "") if line else ("",)))][:-1]
        yield doc.with_span(start, end, doc.house.newline.join(folded))
    yield doc.with_span(start, end, _lead(doc, start, end) + doc.house.newline.join(lines))


def _block_indent(doc: EditedDocument, position: NodePosition, old: str) -> str:
    for line in old.split("\n")[1:]:
        if line.strip():
            return line[: len(line) - len(line.lstrip(" "))]
    anchor = position.key.start if position.key is not None else position.node.head
    return " " * (column(doc.chars, anchor) + (doc.house.step if position.key is not None else 0))


def _below(doc: EditedDocument, key: Node, value: JSON) -> list[str]:
    shift = doc.house.step if isinstance(value, dict) else doc.house.dash
    indent = " " * (column(doc.chars, key.start) + shift)
    return [indent + line if line else line for line in block(value, doc.house)]
