"""Values as HCL text. Used by :mod:`bot.edits.hcl`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from bot.edits.style import number
from bot.model.json import JSON

_IDENTIFIER: Final = re.compile(r"[^\W\d][\w-]*\Z")
_SPECIAL: Final = re.compile(r'["\\\x00-\x1f\x7f\u2028\u2029\ufeff]')
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def quoted(text: str) -> str:
    """Text as a quoted HCL string, which has fewer escapes than JSON (specification, "Template Expressions")."""
    escaped_text = _SPECIAL.sub(lambda char: _ESCAPES.get(char[0], f"\\u{ord(char[0]):04x}"), text)
    return f'"{escaped(escaped_text)}"'


def written(value: JSON, indent: str = "", step: str = "  ") -> str:
    """A value as an HCL expression; objects over several lines, indented from ``indent``."""
    match value:
        case None | bool():
            return json.dumps(value)
        case str():
            return quoted(value)
        case float():
            return number(value)
        case int():
            return str(value)
        case Mapping():
            inner = indent + step
            width = max((len(key_text(key)) for key in value), default=0)
            lines = [f"{inner}{key_text(key):{width}} = {written(item, inner, step)}" for key, item in value.items()]
            return "\n".join(["{", *lines, indent + "}"]) if lines else "{}"
        case _:
            return f"[{', '.join(written(item, indent, step) for item in value)}]"


def key_text(key: str) -> str:
    """A key of an object: a bare word where HCL takes it for one (specification, "Identifiers", "Collection Values")."""
    return key if _IDENTIFIER.match(key) and key not in {"for", "null", "true", "false"} else quoted(key)


def inline(value: JSON) -> str:
    """A value as an HCL expression in one line."""
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{key_text(key)} = {inline(item)}" for key, item in value.items()) + " }"
            if value
            else "{}"
        )
    return written(value)


def escaped(text: str) -> str:
    """Text in which no template begins: ``$${`` is ``${`` (HCL native syntax specification, "Template Literals")."""
    return re.sub(r"([$%])(?=\{)", r"\1\1", text)
