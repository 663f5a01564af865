"""JSON text to values and to span trees, for manifests written in JSON. The trees are those of :mod:`bot.intake.spans`."""

from __future__ import annotations

import json
import re
from typing import Final

from bot.intake.spans import MappingNode, Node, ScalarNode, SequenceNode, attach
from bot.intake.text import Text
from bot.intake.yamltree import Broken, Loaded
from bot.model.json import JSON

_TOKEN: Final = re.compile(
    r'[ \t\r\n]*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<mark>[\[\]{},:])|(?P<word>[^\s\[\]{},:"]+))'
)
_BLANK: Final = re.compile(r"[ \t\r\n]*")


def load_json(text: Text) -> Loaded | None:
    """The value of a JSON file; None when it holds nothing. Raises :class:`~bot.intake.yamltree.Broken`."""
    if not text.chars.strip():
        return None
    try:
        value: JSON = json.loads(text.chars)
    except json.JSONDecodeError as exc:
        raise Broken(text.error_at(exc.lineno, exc.colno, f"not valid JSON: {exc.msg}")) from exc
    except RecursionError as exc:
        raise Broken(text.error_at(1, 1, "nested too deep")) from exc
    first = _BLANK.match(text.chars)
    line, _ = text.position(first.end() if first else 0)
    items = value.get("items") if isinstance(value, dict) else None
    return Loaded(value, line, _item_lines(text) if isinstance(items, list) else ())


def _item_lines(text: Text) -> tuple[int, ...]:
    """The lines of the elements of the top-level ``items``: found with the C scanner, one element at a time."""
    decoder, chars = json.JSONDecoder(), text.chars
    at = chars.index("{") + 1
    while True:
        at = _blank(chars, at, ",")
        key, at = decoder.raw_decode(chars, at)
        at = _blank(chars, at, ":")
        if key == "items":
            return _element_lines(chars, at + 1, decoder)
        _, at = decoder.raw_decode(chars, at)


def _element_lines(chars: str, at: int, decoder: json.JSONDecoder) -> tuple[int, ...]:
    lines: list[int] = []
    line, counted_to = 1, 0
    at = _blank(chars, at, ",")
    while chars[at] != "]":
        line, counted_to = line + chars.count("\n", counted_to, at), at
        lines.append(line)
        _, at = decoder.raw_decode(chars, at)
        at = _blank(chars, at, ",")
    return tuple(lines)


def _blank(chars: str, at: int, also: str) -> int:
    while chars[at].isspace() or chars[at] == also:
        at += 1
    return at


def span_tree(text: Text) -> Node:
    """The span tree of a JSON file that :func:`load_json` has accepted."""
    stack: list[MappingNode | SequenceNode] = []
    keys: list[Node | None] = []
    at = 0
    while True:
        token = _TOKEN.match(text.chars, at)
        if token is None:
            raise Broken(text.error(at, "not valid JSON", "a value"))
        at = token.end()
        start = at - len(token[0].lstrip(" \t\r\n"))
        mark = token["mark"]
        if mark in {",", ":"}:
            continue
        if mark in {"{", "["}:
            stack.append(
                MappingNode(start, start, start, flow=True)
                if mark == "{"
                else SequenceNode(start, start, start, flow=True)
            )
            keys.append(None)
            continue
        node: Node
        if mark:
            node = stack.pop()
            node.end = at
            keys.pop()
        else:
            quoted = token["string"]
            node = ScalarNode(start, start, at, json.loads(quoted) if quoted else token["word"], '"' if quoted else "")
        if not stack:
            return node
        attach(stack[-1], keys, node)
