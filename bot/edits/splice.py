"""One step of an edit as text: where to cut and what to put there, in the hand of the file.

Each function proposes whole new texts, the most faithful first; :mod:`bot.edits.plain` keeps the first that reads back as
intended. Offsets are characters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bot.edits.style import (
    House,
    block,
    column,
    double,
    entry,
    flow,
    indentation,
    literal,
    pretty_json,
    quote_of,
    scalar,
)
from bot.intake.spans import MappingNode, Node, NodePosition, ScalarNode, SequenceNode, key_of, target
from bot.model.json import JSON


@dataclass(frozen=True, slots=True)
class EditedDocument:
    """The text being edited and the span tree of the document that the edit is in."""

    chars: str
    root: Node
    house: House

    def with_span(self, start: int, end: int, text: str) -> str:
        """The whole text with one span replaced."""
        return self.chars[:start] + text + self.chars[end:]


def is_collection(value: JSON) -> bool:
    """Whether a value is written over several lines in block style: a mapping or list that holds something."""
    return bool(value) and isinstance(value, (dict, list, tuple))


def replaced(doc: EditedDocument, place: NodePosition, value: JSON) -> Iterator[str]:
    """The value at ``place`` becomes ``value``."""
    node = place.node
    if doc.house.json or _in_flow(place):
        yield from _inline(doc, node, value, in_flow=True)
    elif is_collection(value) and place.key is not None:
        colon = doc.chars.index(":", place.key.end)
        lines = _below(doc, place.key, value)
        yield doc.with_span(colon + 1, _end(doc.chars, node), doc.house.newline + doc.house.newline.join(lines))
        yield from _inline(doc, node, value)
    elif is_collection(value):
        indent = " " * column(doc.chars, node.head)
        lines = block(value, doc.house)
        yield doc.with_span(node.head, _end(doc.chars, node), (doc.house.newline + indent).join(lines))
        yield from _inline(doc, node, value)
    elif isinstance(node, (MappingNode, SequenceNode)) and not node.flow and place.key is not None:
        colon = doc.chars.index(":", place.key.end)
        yield doc.with_span(colon + 1, _end(doc.chars, node), " " + flow(value, doc.house))
    else:
        yield from _scalar_texts(doc, place, value)


def _in_flow(place: NodePosition) -> bool:
    return place.parent is not None and place.parent.flow


def _inline(doc: EditedDocument, node: Node, value: JSON, *, in_flow: bool = False) -> Iterator[str]:
    quote = node.style if isinstance(node, ScalarNode) and node.style in {"'", '"'} else ""
    start = node.start if isinstance(node, ScalarNode) else node.head
    if doc.house.json:
        yield doc.with_span(start, node.end, pretty_json(value, doc.house, indentation(doc.chars, node.head)))
    lead = "" if node.end > node.head or doc.chars[node.head - 1 : node.head].isspace() else " "
    flat = in_flow or isinstance(value, (dict, list, tuple))
    text = flow(value, doc.house, quote=quote) if flat else scalar(value, quote=quote)
    starts = [start, node.head] if isinstance(node, ScalarNode) and node.tag and not node.anchor else [start]
    for first in starts:  # a written tag stays where it can
        yield doc.with_span(first, node.end, lead + text)
        yield doc.with_span(first, node.end, lead + flow(value, doc.house, quote='"'))


def _scalar_texts(doc: EditedDocument, place: NodePosition, value: JSON) -> Iterator[str]:
    node = place.node
    style = node.style if isinstance(node, ScalarNode) else ""
    if isinstance(value, str) and (style in {"|", ">"} or "\n" in value):
        yield from _blocks(doc, place, value)
    if style in {"|", ">"} and isinstance(node, ScalarNode):
        ending = doc.chars[node.start : node.end]
        tail = ending[len(ending.rstrip()) :]
        yield doc.with_span(node.start, node.end, scalar(value) + tail)
        return
    yield from _inline(doc, node, value)


def _blocks(doc: EditedDocument, place: NodePosition, value: str) -> Iterator[str]:
    """A literal block (and, for a folded one, one long line per paragraph) in place of the old scalar."""
    node = place.node
    start = node.start if isinstance(node, ScalarNode) else node.head
    old = doc.chars[start : node.end]
    was_block = isinstance(node, ScalarNode) and node.style in {"|", ">"}
    indent = _block_indent(doc, place, old if was_block else "")
    lines = literal(value, replace(doc.house, step=len(indent) or doc.house.step))
    if not lines:
        return
    end = node.end if not was_block else start + len(old.rstrip())
    if was_block and old.startswith(">"):
        body = [line.lstrip() and indent + line.lstrip() for line in lines[1:]]
        folded = [f">{lines[0][1:]}", *(part for line in body for part in (line, ""))][:-1]
        yield doc.with_span(start, end, doc.house.newline.join(folded))
    lead = " " if start == node.end and not doc.chars[start - 1].isspace() else ""
    yield doc.with_span(start, end, lead + doc.house.newline.join(lines))


def _block_indent(doc: EditedDocument, place: NodePosition, old: str) -> str:
    for line in old.split("\n")[1:]:
        if line.strip():
            return line[: len(line) - len(line.lstrip(" "))]
    anchor = place.key.start if place.key is not None else place.node.head
    return " " * (column(doc.chars, anchor) + (doc.house.step if place.key is not None else 0))


def _below(doc: EditedDocument, key: Node, value: JSON) -> list[str]:
    shift = doc.house.step if isinstance(value, dict) else doc.house.dash
    indent = " " * (column(doc.chars, key.start) + shift)
    return [indent + line if line else line for line in block(value, doc.house)]


def _end(chars: str, node: Node) -> int:
    """Where the content of a node really ends: before the blank lines that libyaml counts to a literal block."""
    found = node
    while isinstance(found, (MappingNode, SequenceNode)) and not found.flow and found.items:
        last = found.items[-1]
        found = last[1] if isinstance(last, tuple) else last
    if isinstance(found, ScalarNode) and found.style in {"|", ">"}:
        return found.start + len(chars[found.start : found.end].rstrip())
    return found.end


def _keeps_blank_lines(chars: str, node: Node) -> bool:
    while isinstance(node, (MappingNode, SequenceNode)) and not node.flow and node.items:
        last = node.items[-1]
        node = last[1] if isinstance(last, tuple) else last
    return isinstance(node, ScalarNode) and node.style in {"|", ">"} and "+" in chars[node.start : node.start + 3]


def _line_end(chars: str, offset: int) -> int:
    end = chars.find("\n", offset)
    if end < 0:
        return len(chars)
    return end - 1 if end > offset and chars[end - 1] == "\r" else end


def added(doc: EditedDocument, place: NodePosition, key: str | None, value: JSON) -> Iterator[str]:
    """The collection at ``place`` gets one more entry (``key``) or element (None). Null counts as an empty collection."""
    node = target(place.node)
    if isinstance(node, (MappingNode, SequenceNode)) and node.items:
        yield from _added_flow(doc, node, key, value) if node.flow else _added_block(doc, node, key, value)
    else:
        yield from replaced(doc, place, [value] if key is None else {key: value})


def _added_block(doc: EditedDocument, node: MappingNode | SequenceNode, key: str | None, value: JSON) -> Iterator[str]:
    indent = " " * column(doc.chars, node.start)
    if isinstance(node, MappingNode):
        quote = quote_of([child for _, child in node.items])
        key_quote = quote_of([name for name, _ in node.items])
        lines = entry(key or "", value, doc.house, quote=quote, key_quote=key_quote)
    else:
        lines = _element_lines(doc, node, value)
    text = [indent + line if line else line for line in lines]
    newline = doc.house.newline
    if _keeps_blank_lines(doc.chars, node):
        end = node.end
        yield doc.with_span(end, end, newline.join(text) + newline)
    end = _line_end(doc.chars, _end(doc.chars, node))
    yield doc.with_span(end, end, newline + newline.join(text))


def _element_lines(doc: EditedDocument, node: SequenceNode, value: JSON) -> list[str]:
    """A new element as lines; each entry of a mapping in the quotes that its siblings' entries of that name have."""
    if not isinstance(value, dict) or not value:
        return block([value], doc.house, quote=quote_of(node.items))
    pairs = [pair for item in node.items if isinstance(item, MappingNode) for pair in item.items]
    lines: list[str] = []
    for key, item in value.items():
        quote = quote_of([child for name, child in pairs if key_of(name) == key])
        lines += entry(key, item, doc.house, quote=quote)
    return [("- " if index == 0 else "  ") + line if line else line for index, line in enumerate(lines)]


def _added_flow(doc: EditedDocument, node: MappingNode | SequenceNode, key: str | None, value: JSON) -> Iterator[str]:
    last = node.items[-1]
    last_start = last[0].start if isinstance(last, tuple) else last.start
    last_end = last[1].end if isinstance(last, tuple) else last.end
    values = [item[1] if isinstance(item, tuple) else item for item in node.items]
    several_lines = "\n" in doc.chars[node.start : last_start]
    indent = indentation(doc.chars, last_start)
    quote = quote_of(values)
    text = (
        pretty_json(value, doc.house, indent)
        if doc.house.json and several_lines
        else flow(value, doc.house, quote=quote)
    )
    if key is not None:
        name = double(key) if doc.house.json else scalar(key, flow=True, quote=quote_of([k for k, _ in _pairs(node)]))
        text = f"{name}{doc.house.colon if doc.house.json else ': '}{text}"
    gap = "," + doc.house.newline + indent if several_lines else doc.house.comma
    yield doc.with_span(last_end, last_end, gap + text)


def _pairs(node: MappingNode | SequenceNode) -> list[tuple[Node, Node]]:
    return node.items if isinstance(node, MappingNode) else []


def removed(
    doc: EditedDocument, parent: MappingNode | SequenceNode, place: NodePosition, container: NodePosition
) -> Iterator[str]:
    """The entry or element at ``place`` is gone, with the comment at the end of its line."""
    if len(parent.items) == 1:
        yield from _emptied(doc, parent, container)
    elif parent.flow:
        yield _removed_flow(doc, parent, _index(parent, place))
    else:
        yield _removed_block(doc, parent, _index(parent, place))


def _index(parent: MappingNode | SequenceNode, place: NodePosition) -> int:
    nodes = [child for _, child in parent.items] if isinstance(parent, MappingNode) else parent.items
    return next(index for index, node in enumerate(nodes) if node is place.node)


def _span(parent: MappingNode | SequenceNode, index: int) -> tuple[int, int, Node]:
    item = parent.items[index]
    first, last = item if isinstance(item, tuple) else (item, item)
    return first.head, last.end, last


def _emptied(doc: EditedDocument, parent: MappingNode | SequenceNode, container: NodePosition) -> Iterator[str]:
    empty = "{}" if isinstance(parent, MappingNode) else "[]"
    if parent.flow:
        yield doc.with_span(parent.start, parent.end, empty)
    elif container.key is not None:
        colon = doc.chars.index(":", container.key.end)
        end = _end(doc.chars, parent)
        yield doc.with_span(colon + 1, _line_end(doc.chars, end), f" {empty}")
        yield doc.with_span(colon + 1, end, f" {empty}")
    else:
        yield doc.with_span(parent.start, _end(doc.chars, parent), empty)


def _removed_flow(doc: EditedDocument, parent: MappingNode | SequenceNode, index: int) -> str:
    start, end, _ = _span(parent, index)
    if index + 1 < len(parent.items):
        return doc.with_span(start, _span(parent, index + 1)[0], "")
    _, before, _ = _span(parent, index - 1)
    return doc.with_span(before, end, "")


def _removed_block(doc: EditedDocument, parent: MappingNode | SequenceNode, index: int) -> str:
    start, _, last = _span(parent, index)
    if isinstance(parent, SequenceNode):
        start = _dash(doc.chars, parent, start)
    line_start = doc.chars.rfind("\n", 0, start) + 1
    end = _line_end(doc.chars, _end(doc.chars, last))
    if doc.chars[line_start:start].strip(" \t"):  # first key of a list element: "- key: value"
        following = _span(parent, index + 1)[0] if index + 1 < len(parent.items) else end
        if isinstance(parent, SequenceNode):
            following = _dash(doc.chars, parent, following)
        return doc.with_span(start, following, "")
    after = end + len(doc.house.newline) if end < len(doc.chars) else end
    if end == len(doc.chars) and line_start > 0:
        line_start -= len(doc.house.newline)
    return doc.with_span(line_start, after, "")


def _dash(chars: str, parent: SequenceNode, head: int) -> int:
    """The dash of the element that starts at ``head``: in the column of the first one, on this line or above."""
    indent = column(chars, parent.start)
    line = chars.rfind("\n", 0, head) + 1
    while line > 0 and not (line + indent <= head and chars[line + indent] == "-"):
        line = chars.rfind("\n", 0, line - 1) + 1
    return line + indent
