"""Helm values put together as Helm does it: files and settings over one another, ``--set`` paths, a chart's own below
all.

Source: Helm docs, "Values Files" and "The Format and Limitations of --set"; a null takes a key of the chart away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from bot.errors import Invalid
from bot.intake.scalars import Dialect
from bot.intake.text import NotText, Text
from bot.intake.yamltree import Broken, load
from bot.model.json import JSON, Tree

_WHOLE: Final = re.compile(r"[-+]?[1-9]\d{0,17}")
_DEEPEST: Final = 100
_PART: Final = re.compile(r"(?P<key>(?:\\.|[^.\[\]\\])+)|\[(?P<index>\d{1,4})\]")


def merged(below: Tree, above: Tree) -> dict[str, JSON]:
    """``above`` laid over ``below``: mappings entry by entry, everything else as a whole."""
    result = dict(below)
    for key, value in above.items():
        held = result.get(key)
        result[key] = merged(held, value) if isinstance(held, Mapping) and isinstance(value, Mapping) else value
    return result


def read(name: str, data: bytes | str) -> Tree:
    """The mapping in a values file; empty for an empty one. Raises ``Invalid`` with file and line."""
    try:
        text = Text.of(name, data) if isinstance(data, bytes) else Text(name, data)
        documents = load(text, Dialect.KUBERNETES)
    except NotText as exc:
        raise Invalid(f"{name}: {exc}") from exc
    except Broken as exc:
        raise Invalid(f"{name}:{exc.error.line}: {exc.error.message}") from exc
    value = documents[0].value if documents and documents[0] is not None else {}
    if not isinstance(value, Mapping):
        raise Invalid(f"{name}:1: values are a mapping")
    return value


def at_path(path: str, value: JSON, over: Tree) -> dict[str, JSON]:
    """``over`` with ``value`` at a ``--set`` path: ``a.b``, ``a[0].c``, a dot in a key behind a backslash. Raises
    ``Invalid``.
    """
    parts: list[str | int] = []
    position = 0
    for match in _PART.finditer(path):
        if path[position : match.start()].strip("."):
            break
        position = match.end()
        parts.append(re.sub(r"\\(.)", r"\1", match["key"]) if match["key"] is not None else int(match["index"]))
    if not parts or position != len(path) or not isinstance(parts[0], str) or len(parts) > _DEEPEST:
        raise Invalid(f"{path!r} is no path of a Helm value")
    result = _put(over, parts, value)
    return result if isinstance(result, dict) else {}


def _put(held: JSON, parts: Sequence[str | int], value: JSON) -> JSON:
    if not parts:
        return value
    first, rest = parts[0], parts[1:]
    if isinstance(first, str):
        mapping = dict(held) if isinstance(held, Mapping) else {}
        mapping[first] = _put(mapping.get(first), rest, value)
        return mapping
    listed = list(held) if isinstance(held, Sequence) and not isinstance(held, str) else []
    listed += [None] * (first + 1 - len(listed))
    listed[first] = _put(listed[first], rest, value)
    return listed


def typed(text: str) -> JSON:
    """What ``--set`` makes of a text: a whole number, a boolean, null, a list ``{a,b}``, or the text itself (``typedVal`` in
    helm's ``pkg/strvals/parser.go``: no fractions, and nothing that begins with a zero).
    """
    if text.startswith("{") and text.endswith("}"):
        return [typed(each.strip()) for each in text[1:-1].split(",")] if text != "{}" else []
    named: dict[str, JSON] = {"true": True, "false": False, "null": None, "0": 0}
    if text.lower() in named:
        return named[text.lower()]
    return int(text) if _WHOLE.fullmatch(text) else text.replace("\\,", ",")


def single(text: str) -> JSON:
    """A value of ``targetPath``: text where it stands in quotes, else as :func:`typed` (helm-controller docs, "Values
    references").
    """
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else typed(text)
