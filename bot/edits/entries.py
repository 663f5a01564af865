"""Entries and elements put into a collection of a document, and taken out of it, in the hand of the file.

As in :mod:`bot.edits.splice`, each function proposes whole new texts, the most faithful first.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.edits.document import EditedDocument, content_end, keeps_blank_lines
from bot.edits.splice import behind_key, comment_in, end_with_comment, replaced
from bot.edits.style import block, column, double, entry, flow, indentation, line_end, pretty_json, quote_of, scalar
from bot.intake.spans import MappingNode, Node, NodePosition, SequenceNode, key_of, target
from bot.model.json import JSON


def added(doc: EditedDocument, position: NodePosition, key: str | None, value: JSON) -> Iterator[str]:
    """The collection at ``position`` gets one more entry (``key``) or element (None). Null counts as an empty collection."""
    node = target(position.node)
    if isinstance(node, (MappingNode, SequenceNode)) and node.items:
        yield from _added_flow(doc, node, key, value) if node.flow else _added_block(doc, node, key, value)
    else:
        yield from replaced(doc, position, [value] if key is None else {key: value})


def _added_block(doc: EditedDocument, node: MappingNode | SequenceNode, key: str | None, value: JSON) -> Iterator[str]:
    indent = " " * column(doc.chars, node.start)
    if isinstance(node, MappingNode):
        quote = quote_of([child for _, child in node.items])
        key_quote = quote_of([name for name, _ in node.items])
        lines = entry(str(key), value, doc.house, quote=quote, key_quote=key_quote)
    else:
        lines = _element_lines(doc, node, value)
    text = [indent + line if line else line for line in lines]
    newline = doc.house.newline
    if keeps_blank_lines(doc.chars, node):
        end = node.end
        yield doc.with_span(end, end, newline.join(text) + newline)
    end = line_end(doc.chars, content_end(doc.chars, node))
    yield doc.with_span(end, end, newline + newline.join(text))
    if end == len(doc.chars):  # a literal block keeps its last line end only where the file has one
        yield doc.with_span(end, end, newline + newline.join(text) + newline)


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
    stop = line_end(doc.chars, last_end)
    comment = comment_in(doc.chars[last_end:stop])
    between = doc.chars[last_end:stop].removesuffix(comment).strip()
    if several_lines and comment and between in {"", ","}:  # which is about the last entry
        yield doc.with_span(last_end, stop, f",{comment}{doc.house.newline}{indent}{text}{between}")
    yield doc.with_span(last_end, last_end, gap + text)


def _pairs(node: MappingNode | SequenceNode) -> list[tuple[Node, Node]]:
    return node.items if isinstance(node, MappingNode) else []


def removed(doc: EditedDocument, position: NodePosition, container: NodePosition) -> Iterator[str]:
    """The entry or element at ``position`` of ``container`` is gone, with the comment at the end of its line."""
    match position.parent:
        case MappingNode() | SequenceNode() as parent if len(parent.items) == 1:
            yield from _emptied(doc, parent, container)
        case MappingNode(flow=True) | SequenceNode(flow=True) as parent:
            yield from _removed_lines(doc, parent, _index(parent, position))
            yield _removed_flow(doc, parent, _index(parent, position))
        case MappingNode() | SequenceNode() as parent:
            yield _removed_block(doc, parent, _index(parent, position))


def _index(parent: MappingNode | SequenceNode, position: NodePosition) -> int:
    nodes = [child for _, child in parent.items] if isinstance(parent, MappingNode) else parent.items
    return next(index for index, node in enumerate(nodes) if node is position.node)


def _span(parent: MappingNode | SequenceNode, index: int) -> tuple[int, int, Node]:
    item = parent.items[index]
    first, last = item if isinstance(item, tuple) else (item, item)
    return first.head, last.end, last


def _emptied(doc: EditedDocument, parent: MappingNode | SequenceNode, container: NodePosition) -> Iterator[str]:
    empty = "{}" if isinstance(parent, MappingNode) else "[]"
    if parent.flow:
        yield doc.with_span(parent.start, parent.end, empty)
    elif container.key is not None:
        start, end, comment = behind_key(doc, container.key, parent)
        yield doc.with_span(start, end, f" {empty}{comment}")
    else:
        yield doc.with_span(parent.start, end_with_comment(doc.chars, parent), empty)


def _removed_lines(doc: EditedDocument, parent: MappingNode | SequenceNode, index: int) -> Iterator[str]:
    """Where lines of a flow collection have comments: the entry's own lines go, with its comments and no others."""
    start, end, _ = _span(parent, index)
    chars, line_stop = doc.chars, line_end(doc.chars, end)
    line_start = chars.rfind("\n", 0, start) + 1
    remainder = chars[end:line_stop].strip().removeprefix(",").strip()
    last = index + 1 == len(parent.items)
    following = parent.end if last else _span(parent, index + 1)[0]
    if (
        "#" not in chars[parent.start : parent.end]
        or line_stop >= following
        or (remainder and not remainder.startswith("#"))
    ):
        return
    if chars[line_start:start].strip():  # behind the opening bracket
        if not last and chars[line_stop:following].strip():
            yield doc.with_span(start, line_stop, "")
        return
    line_start = _own_comments(chars, line_start, start - line_start)
    without_line = doc.with_span(line_start, line_stop + len(doc.house.newline), "")
    before = _span(parent, index - 1)[1]
    comma = chars.find(",", before)
    yield without_line[:comma] + without_line[comma + 1 :] if last and not chars[before:comma].strip() else without_line


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
    end = line_end(doc.chars, content_end(doc.chars, last))
    if doc.chars[line_start:start].strip(" \t"):  # first key of a list element: "- key: value"
        following = _span(parent, index + 1)[0] if index + 1 < len(parent.items) else end
        if isinstance(parent, SequenceNode):
            following = _dash(doc.chars, parent, following)
        return _with_comments_above(doc, doc.with_span(start, following, ""), line_start, doc.chars[end:following])
    line_start = _own_comments(doc.chars, line_start, start - line_start)
    after = end + len(doc.house.newline)
    if end == len(doc.chars):
        line_start -= len(doc.house.newline)
    return doc.with_span(line_start, after, "")


def _with_comments_above(doc: EditedDocument, chars: str, line_start: int, between: str) -> str:
    """``chars`` with the comments on lines of their own in ``between``, which are about what followed what is gone, above the
    line that begins at ``line_start``.
    """
    comments = [line.strip() for line in between.splitlines()[1:] if line.strip().startswith("#")]
    indent = indentation(doc.chars, line_start)
    comment_lines = "".join(f"{indent}{comment}{doc.house.newline}" for comment in comments)
    return chars[:line_start] + comment_lines + chars[line_start:]


def _own_comments(chars: str, line_start: int, indent: int) -> int:
    """Where the comment of an entry begins whose own line begins at ``line_start``: the lines right above it in its column.
    What begins a file or document is about all of it.
    """
    first = line_start
    while first > 0:
        above = chars.rfind("\n", 0, first - 1) + 1
        line = chars[above:first].strip()
        if not line.startswith("#") or chars[above : above + indent].strip() or chars[above + indent] != "#":
            break
        first = above
    return line_start if first == 0 or chars[:first].rstrip().endswith("---") else first


def _dash(chars: str, parent: SequenceNode, head: int) -> int:
    """The dash of the element that starts at ``head``: in the column of the first one, on this line or above."""
    indent = column(chars, parent.start)
    line = chars.rfind("\n", 0, head) + 1
    while line > 0 and chars[line + indent] != "-":
        line = chars.rfind("\n", 0, line - 1) + 1
    return line + indent
