"""How a file is written, and new values in that same hand: indentation, dashes, quotes, line ends.

Everything here proposes text; :mod:`bot.edits.plain` parses the result and takes only what reads back as intended.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.intake.scalars import reads_as_text
from bot.intake.spans import MappingNode, Node, ScalarNode, SequenceNode
from bot.model.json import JSON, jsonable

# YAML 1.2.2: how plain text may begin (7.3.3) and what ends it (": ", " #"), what flow collections add to that (7.4),
# and characters that must be escaped (5.1). Everything proposed here is parsed again, so that a gap costs a quote, no value.
_PLAIN: Final = re.compile(r"[^\s\-?:,\[\]{}#&*!|>'\"%@`][^\n\r]*\Z|[-?:][^\s,\[\]{}][^\n\r]*\Z")
_NOT_PLAIN: Final = re.compile(
    r": |:\Z|\s#|\s\Z|[\t\u2028\u2029]|[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_NOT_FLOW: Final = re.compile(r"[,\[\]{}]|\A[-?:]")
_UNPRINTABLE: Final = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class FileStyle:
    """The habits of one file. ``step`` and ``dash`` are columns; ``colon`` and ``comma`` are JSON's separators."""

    newline: str = "\n"
    step: int = 2
    dash: int = 2
    json: bool = False
    pretty: bool = True
    colon: str = ": "
    comma: str = ", "


def column(chars: str, offset: int) -> int:
    """The column of ``offset``, from 0."""
    return offset - (chars.rfind("\n", 0, offset) + 1)


def line_end(chars: str, offset: int) -> int:
    """Where the line of ``offset`` ends, before its line break."""
    end = chars.find("\n", offset)
    if end < 0:
        return len(chars)
    return end - 1 if end > offset and chars[end - 1] == "\r" else end


def indentation(chars: str, offset: int) -> str:
    """The white space that the line of ``offset`` starts with."""
    start = chars.rfind("\n", 0, offset) + 1
    return chars[start : start + len(chars[start:]) - len(chars[start:].lstrip(" \t"))]


def house(chars: str, root: Node | None, newline: str, *, is_json: bool) -> FileStyle:
    """The habits that a document shows; the usual ones where it shows none."""
    if is_json:
        deeper = re.search(r"\n([ \t]+)\S", chars)
        loose = re.search(r'"\s*:(\s*)', chars)
        tight = loose is not None and loose[1] == ""
        width = len(deeper[1]) if deeper else 2
        return FileStyle(
            newline, width, width, True, deeper is not None, ":" if tight else ": ", "," if tight else ", "
        )
    step = dash = None
    for parent, child, key in _nested(root):
        if isinstance(child, MappingNode) and isinstance(parent, MappingNode) and key is not None:
            step = step or column(chars, child.start) - column(chars, key.start)
        if isinstance(child, SequenceNode) and key is not None and dash is None:
            dash = column(chars, child.start) - column(chars, key.start)
    return FileStyle(newline, step or 2, 2 if dash is None else dash)


def _nested(root: Node | None) -> Iterator[tuple[Node, Node, Node | None]]:
    """Block collections in block collections: parent, child, key."""
    todo: list[Node] = [root] if root is not None else []
    while todo:
        parent = todo.pop()
        if isinstance(parent, MappingNode):
            for key, child in parent.items:
                if isinstance(child, (MappingNode, SequenceNode)) and not child.flow and child.items:
                    yield parent, child, key
            todo += [child for _, child in reversed(parent.items)]
        elif isinstance(parent, SequenceNode):
            todo += reversed(parent.items)


def quote_of(siblings: Sequence[Node]) -> str:
    """The quote that all texts among ``siblings`` are written in; empty when they are not all in the same."""
    styles = {
        node.style for node in siblings if isinstance(node, ScalarNode) and (node.style or reads_as_text(node.value))
    }
    return next(iter(styles)) if len(styles) == 1 and styles <= {"'", '"'} else ""


def scalar(value: JSON, *, quote: str = "", flow: bool = False) -> str:
    """One line of YAML for a scalar. ``quote`` is used for text where it can be; plain text is quoted when it must be."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return number(value)
        case str():
            return _text(value, quote, flow=flow)
        case _:
            return str(value)


def number(value: float) -> str:
    """A float as YAML and JSON take it."""
    if math.isnan(value) or math.isinf(value):
        return ".nan" if math.isnan(value) else ("-.inf" if value < 0 else ".inf")
    text = repr(value)
    mantissa, mark, exponent = text.partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent}" if mark else text


def _text(value: str, quote: str, *, flow: bool) -> str:
    if (
        quote == "'"
        and "\n" not in value
        and not _NOT_PLAIN.search(value.replace("\t", " ").replace("#", "").strip(" :"))
    ):
        return "'" + value.replace("'", "''") + "'"
    plain = _PLAIN.match(value) and not _NOT_PLAIN.search(value) and reads_as_text(value)
    if quote != '"' and plain and not value.startswith(("---", "...")) and not (flow and _NOT_FLOW.search(value)):
        return value
    return double(value)


def double(value: str) -> str:
    """Text in double quotes; JSON's escapes are YAML's too (YAML 1.2.2, section 7.3.1)."""
    quoted = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda character: f"\\u{ord(character[0]):04x}", quoted)


def flow(value: JSON, manner: FileStyle, *, quote: str = "") -> str:
    """A value in one line."""
    if manner.json:
        return json.dumps(value, ensure_ascii=False, separators=(manner.comma, manner.colon), default=jsonable)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{scalar(key, flow=True)}: {flow(item, manner, quote=quote)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(flow(item, manner, quote=quote) for item in value)}]"
    return scalar(value, quote=quote, flow=True)


def pretty_json(value: JSON, manner: FileStyle, indent: str) -> str:
    """A JSON value over several lines, the first one without indentation."""
    if not manner.pretty or not isinstance(value, (Mapping, list, tuple)):
        return flow(value, manner)
    unit: int | str = "\t" if indent.startswith("\t") else manner.step
    text = json.dumps(value, ensure_ascii=False, indent=unit, separators=(",", manner.colon), default=jsonable)
    return text.replace("\n", manner.newline + indent)


def block(value: JSON, manner: FileStyle, *, quote: str = "") -> list[str]:
    """A value as lines of block style, without outer indentation."""
    if isinstance(value, Mapping) and value:
        return [line for key, item in value.items() for line in entry(key, item, manner, quote=quote)]
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        return [line for item in value for line in _dashed(block(item, manner, quote=quote))]
    if isinstance(value, str) and "\n" in value:
        return literal(value, manner) or [double(value)]
    return [
        flow(value, manner, quote=quote) if isinstance(value, (Mapping, list, tuple)) else scalar(value, quote=quote)
    ]


def entry(key: str, value: JSON, manner: FileStyle, *, quote: str = "", key_quote: str = "") -> list[str]:
    """One mapping entry as lines of block style."""
    name = scalar(key, quote=key_quote)
    lines = block(value, manner, quote=quote)
    if isinstance(value, Mapping) and value:
        return [f"{name}:", *_indented(lines, manner.step)]
    if isinstance(value, (list, tuple)) and value:
        return [f"{name}:", *_indented(lines, manner.dash)]
    return [f"{name}: {lines[0]}", *lines[1:]]


def _dashed(lines: list[str]) -> list[str]:
    """An element; the indentation that a literal's header names counts from the dash on, which is two columns more."""
    hinted = _HINTED.fullmatch(lines[0])
    first = f"|{int(hinted[1]) + 2}{hinted[2]}" if hinted else lines[0]
    return [f"- {first}", *_indented(lines[1:], 2)]


_HINTED: Final = re.compile(r"\|([1-7])([+-]?)")


def _indented(lines: list[str], columns: int) -> list[str]:
    return [" " * columns + line if line else line for line in lines]


def literal(value: str, manner: FileStyle) -> list[str]:
    """A literal block: its header (YAML 1.2.2, section 8.1.1), then its lines, indented; empty where there is none."""
    body = value.rstrip("\n")
    if not body or "\r" in value or _UNPRINTABLE.search(value) or re.search(r"[\x00-\x08\x0b-\x1f]|[ \t]\Z", body):
        return []
    chomp = {0: "-", 1: ""}.get(len(value) - len(body), "+")
    hint = str(manner.step) if body[0] in " \n\t" else ""
    blank_lines = [""] * (len(value) - len(body) - 1)
    return [f"|{hint}{chomp}", *_indented(body.split("\n"), manner.step), *blank_lines]
