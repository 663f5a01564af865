"""Splices of HCL text, in the hand of the file. Used for ``.cw`` and Terraform sources.

Every function takes a parsed file and gives its whole new text; callers parse and evaluate the result again.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from bot.edits.hcl_nodes import assignment_of, element_of, item_called, item_of
from bot.edits.hcl_text import escaped, inline, key_text, quoted, written
from bot.edits.style import indentation, line_end
from bot.errors import Refused
from bot.intake.syntax import (
    Assignment,
    Block,
    Expression,
    FunctionCall,
    ListExpression,
    ObjectExpression,
    ObjectItem,
    Parsed,
    Template,
    walk,
)
from bot.model.json import JSON
from bot.model.resource import Origin


def _spliced(parsed: Parsed, start: int, end: int, text: str) -> str:
    chars = parsed.text.chars
    return chars[:start] + text.replace("\r\n", "\n").replace("\n", parsed.text.newline) + chars[end:]


def replaced(parsed: Parsed, node: Expression, value: JSON) -> str:
    """``node`` becomes ``value``. A heredoc stays one when the text allows it."""
    chars = parsed.text.chars
    indent = indentation(chars, node.start)
    if isinstance(node, Template) and node.marker and isinstance(value, str):
        heredoc = _heredoc(parsed, node, value)
        if heredoc is not None:
            return _spliced(parsed, node.start, node.end, heredoc)
    return _spliced(parsed, node.start, node.end, written(value, indent, _step(parsed)))


def part_replaced(parsed: Parsed, origin: Origin, text: str) -> str:
    """The part of a template that ``origin`` spans becomes literal ``text``, escaped as that template needs it.

    Raises :class:`~bot.errors.Refused` where that cannot be: heredocs are changed within a line.
    """
    start, end = parsed.text.char(origin.start), parsed.text.char(origin.end)
    around = [
        node for node in walk(parsed.body) if isinstance(node, Template) and node.start < start and end < node.end
    ]
    if not around:
        raise Refused(f"{origin.file}:{origin.line}: the text is no longer where it was")
    template = min(around, key=lambda node: node.end - node.start)
    if not template.marker:
        return _spliced(parsed, start, end, quoted(text)[1:-1])
    if "\n" in text or "\n" in parsed.text.chars[start:end] or "\r" in text:
        raise Refused(f"{origin.file}:{origin.line}: lines of a heredoc are not changed one by one")
    return _spliced(parsed, start, end, escaped(text))


def _heredoc(parsed: Parsed, node: Template, value: str) -> str | None:
    lines = value.split("\n")
    if not value.endswith("\n") or "\r" in value or any(line.strip() == node.marker for line in lines):
        return None
    old = parsed.text.chars[node.start : node.end]
    opening, *body, closing = old.split("\n")
    text_lines = [line for line in body if line.strip()]
    widths = [len(line) - len(line.lstrip(" \t")) for line in text_lines]
    prefix = text_lines[0][: min(widths)] if node.flush and text_lines else ""
    if node.flush and all(line.startswith((" ", "\t")) or not line for line in lines):
        return None
    escaped_lines = [prefix + escaped(line) if line else line for line in lines[:-1]]
    return "\n".join([opening.rstrip("\r"), *escaped_lines, closing])


def _step(parsed: Parsed) -> str:
    """One level of indentation in this file."""
    for block in parsed.body.blocks:
        for item in block.body.items:
            lead = indentation(parsed.text.chars, item.start)
            if lead:
                return lead
    return "  "


def merged(parsed: Parsed, node: Expression, key: str, value: JSON) -> str:
    """``node`` with an entry laid over it by ``merge``."""
    last = _last_argument(node, "merge")
    return (
        with_item(parsed, last, key, value)
        if isinstance(last, ObjectExpression)
        else _called(parsed, node, "merge", {key: value})
    )


def concatenated(parsed: Parsed, node: Expression, value: JSON) -> str:
    """``node`` with an element behind it by ``concat``."""
    return _called(parsed, node, "concat", [value])


def _called(parsed: Parsed, node: Expression, function: str, argument: JSON) -> str:
    last = _last_argument(node, function)
    if last is not None:
        return _spliced(parsed, last.end, last.end, f", {inline(argument)}")
    written_so_far = parsed.text.chars[node.start : node.end]
    return _spliced(parsed, node.start, node.end, f"{function}({written_so_far}, {inline(argument)})")


def _last_argument(node: Expression, function: str) -> Expression | None:
    if isinstance(node, FunctionCall) and node.name == function and not node.spread and node.arguments:
        return node.arguments[-1]
    return None


def with_item(parsed: Parsed, node: ObjectExpression, key: str, value: JSON) -> str:
    """An object with one more item, or with the item of that key replaced."""
    chars = parsed.text.chars
    item = item_called(parsed, node, key)
    if item is not None:
        return replaced(parsed, item.value, value)
    if not node.items:
        indent = indentation(chars, node.start)
        step = indent + _step(parsed)
        return _spliced(
            parsed,
            node.start,
            node.end,
            f"{{\n{step}{key_text(key)} = {written(value, step, _step(parsed))}\n{indent}}}",
        )
    last = node.items[-1]
    if not _has_line(parsed, node, last):
        return _spliced(parsed, last.end, last.end, f", {_key_like(parsed, last, key)} = {inline(value)}")
    indent = indentation(chars, last.start)
    name = _aligned(parsed, last.key.start, last.key.end, _key_like(parsed, last, key))
    end = line_end(chars, last.end)
    tail = chars[last.end : end]
    closed = "," in tail.split("#")[0]
    lead = "," if _commas(parsed, node) and not closed else ""
    text = f"\n{indent}{name}= {written(value, indent, _step(parsed))}{',' if closed else ''}"
    return _spliced(parsed, last.end, end, lead + tail + text)


def _has_line(parsed: Parsed, node: Expression, last: Expression | ObjectItem) -> bool:
    """Whether the last part of a collection stands on another line than each end of it."""
    chars = parsed.text.chars
    return "\n" in chars[node.start : last.start] and "\n" in chars[last.end : node.end]


def _commas(parsed: Parsed, node: ObjectExpression) -> bool:
    chars = parsed.text.chars
    gaps = [chars[item.end : following.start] for item, following in itertools.pairwise(node.items)]
    return bool(gaps) and all("," in gap for gap in gaps)


def _key_like(parsed: Parsed, sibling: ObjectItem, key: str) -> str:
    return quoted(key) if parsed.text.chars[sibling.key.start] == '"' else key_text(key)


def _aligned(parsed: Parsed, start: int, end: int, name: str) -> str:
    """``name`` padded so that its equals sign stands under its sibling's."""
    equals = parsed.text.chars.find("=", end)
    width = equals - start if equals >= 0 and "\n" not in parsed.text.chars[end:equals] else 0
    return name.ljust(width) if width > len(name) else f"{name} "


def with_element(parsed: Parsed, node: ListExpression, value: JSON) -> str:
    """A list with one more element."""
    chars = parsed.text.chars
    if not node.items:
        return _spliced(parsed, node.start, node.end, f"[{inline(value)}]")
    last = node.items[-1]
    if not _has_line(parsed, node, last):
        return _spliced(parsed, last.end, last.end, f", {inline(value)}")
    indent = indentation(chars, last.start)
    comma = chars.find(",", last.end, node.end)
    closed = comma >= 0 and not chars[last.end : comma].strip()
    at = comma + 1 if closed else last.end
    end = line_end(chars, at)
    text = f"\n{indent}{written(value, indent, _step(parsed))}{',' if closed else ''}"
    return _spliced(parsed, last.end, end, "," + chars[at:end] + text)


def with_attribute(parsed: Parsed, block: Block, name: str, value: JSON) -> str:
    """A block with one more attribute, after the attributes it has."""
    chars = parsed.text.chars
    step = _step(parsed)
    indent = indentation(chars, block.start) + step
    if not block.body.assignments or "\n" not in chars[block.start : block.end]:
        return _opened(parsed, block, f"{name} = {written(value, indent, step)}")
    last = block.body.assignments[-1]
    indent = indentation(chars, last.start)
    label = _aligned(parsed, last.start, last.start + len(last.name), name)
    end = line_end(chars, last.end)
    return _spliced(parsed, end, end, f"\n{indent}{label}= {written(value, indent, step)}")


def with_block(parsed: Parsed, block: Block, kind: str, entries: Mapping[str, JSON]) -> str:
    """A block with one more nested block at its end."""
    step = _step(parsed)
    indent = indentation(parsed.text.chars, block.start) + step
    width = max(map(len, entries), default=0)
    lines = [f"{indent}{step}{key:{width}} = {written(value, indent + step, step)}" for key, value in entries.items()]
    return _opened(parsed, block, "\n".join([f"{kind} {{", *lines, f"{indent}}}"]))


def _opened(parsed: Parsed, block: Block, item: str) -> str:
    """An item put last into a block, which is opened over several lines if it was in one."""
    chars = parsed.text.chars
    outer = indentation(chars, block.start)
    indent = outer + _step(parsed)
    if not block.body.items:
        return _spliced(parsed, block.body.start, block.end, f"\n{indent}{item}\n{outer}}}")
    if "\n" in chars[block.start : block.end]:
        end = line_end(chars, block.body.items[-1].end)
        return _spliced(parsed, end, end, f"\n{indent}{item}")
    block_text = chars[block.body.start : block.end - 1].strip()
    return _spliced(parsed, block.body.start, block.end, f"\n{indent}{block_text}\n{indent}{item}\n{outer}}}")


def without(parsed: Parsed, node: Expression) -> str:
    """The file without the attribute, object item or list element whose whole value ``node`` is.

    Raises :class:`~bot.errors.Refused` where it is no such value.
    """
    if (assignment := assignment_of(parsed, node)) is not None:
        return without_assignment(parsed, assignment)
    if (item := item_of(parsed, node)) is not None:
        return without_item(parsed, *item)
    if (element := element_of(parsed, node)) is not None:
        return without_element(parsed, *element)
    raise Refused(f"{parsed.text.file}:{parsed.text.line(node.start)}: nothing can be removed here")


def without_item(parsed: Parsed, node: ObjectExpression, item: ObjectItem) -> str:
    """An object without one of its items."""
    if _alone(parsed, item.start, item.end):
        return _without_lines(parsed, item.start, item.end)
    return _without_one(parsed, node.items, node.items.index(item))


def without_element(parsed: Parsed, node: ListExpression, index: int) -> str:
    """A list without one of its elements."""
    item, chars = node.items[index], parsed.text.chars
    if not _alone(parsed, item.start, item.end) or len(node.items) == 1:
        return _without_one(parsed, node.items, index)
    rest = _without_lines(parsed, item.start, item.end)
    if index + 1 < len(node.items) or chars[item.end : line_end(chars, item.end)].lstrip().startswith(","):
        return rest
    before = node.items[index - 1].end
    comma = chars.find(",", before, item.start)
    return rest if comma < 0 or chars[before:comma].strip() else rest[:comma] + rest[comma + 1 :]


def without_assignment(parsed: Parsed, item: Assignment | Block) -> str:
    """A body without one of its attributes or blocks, and without the comments above it and at the end of its line."""
    if _alone(parsed, item.start, item.end):
        return _without_lines(parsed, item.start, item.end)
    return _spliced(parsed, item.start, item.end, "")


def _without_one(parsed: Parsed, items: Sequence[Expression | ObjectItem], index: int) -> str:
    """The text up to the next sibling goes with it; that from the one before where it is the last."""
    if index + 1 < len(items):
        return _spliced(parsed, items[index].start, items[index + 1].start, "")
    return _spliced(parsed, items[index - 1].end if index else items[index].start, items[index].end, "")


def _alone(parsed: Parsed, start: int, end: int) -> bool:
    """Whether nothing else is on its lines but a comma and a comment."""
    chars = parsed.text.chars
    before = chars[chars.rfind("\n", 0, start) + 1 : start]
    after = chars[end : line_end(chars, end)].lstrip(" \t,")
    return not before.strip() and (not after or after.startswith(("#", "//")))


def _without_lines(parsed: Parsed, start: int, end: int) -> str:
    """Without the lines and the comment right above them in their column; one that begins the file is about all of it."""
    chars = parsed.text.chars
    first = line_start = chars.rfind("\n", 0, start) + 1
    column = start - line_start
    while first > 0:
        above = chars.rfind("\n", 0, first - 1) + 1
        if chars[above : above + column].strip() or not chars.startswith(("#", "//"), above + column):
            break
        first = above
    after = chars.find("\n", end)
    return chars[: first or line_start] + (chars[after + 1 :] if after >= 0 else "")
