"""YAML text to plain values that remember their lines, so that a mistake in a rule file can name its line.

Called by :mod:`bot.policy.rules`. Stricter than YAML itself: a mapping with the same key twice is a mistake, because the
first of two rules with one key would silently vanish.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import yaml

from bot.errors import Invalid
from bot.model.json import JSON

Loc: TypeAlias = Sequence[str | int]
"""A place inside a document: mapping keys and list indexes."""

_MAX_BYTES = 1_000_000
_MAX_DEPTH = 40
_MAX_PLACES = 50_000


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its ``value`` and the line (from 1) of every place in it."""

    file: str
    value: JSON
    lines: Mapping[tuple[str | int, ...], int]

    def line(self, loc: Loc) -> int:
        """The line of the deepest part of ``loc`` that is written in the file."""
        place = tuple(loc)
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read(data: bytes, file: str) -> Document:
    """The one document in ``data``. Raises ``Invalid`` with file and line for broken YAML and duplicate keys."""
    if len(data) > _MAX_BYTES:
        raise Invalid(f"{file}: {len(data)} bytes is too large for a rule file (at most {_MAX_BYTES})")
    try:
        root = yaml.compose(data.decode("utf-8-sig"), Loader=yaml.CSafeLoader)
    except UnicodeDecodeError as exc:
        raise Invalid(f"{file}:1: not UTF-8 text (byte {exc.start})") from exc
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark else 1
        raise Invalid(f"{file}:{line}: not valid YAML: {exc.problem or exc.context}") from exc
    except yaml.YAMLError as exc:
        raise Invalid(f"{file}:1: not valid YAML: {exc}") from exc
    reader = _Reader(file)
    value = None if root is None else reader.value(root, ())
    return Document(file, value, reader.lines)


class _Reader:
    """Turns YAML nodes into plain values and notes where each is written."""

    def __init__(self, file: str) -> None:
        self.lines: dict[tuple[str | int, ...], int] = {}
        self._file = file
        self._constructor = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, place: tuple[str | int, ...]) -> JSON:
        line = self.lines.setdefault(place, node.start_mark.line + 1)
        if len(place) > _MAX_DEPTH or len(self.lines) > _MAX_PLACES:
            raise Invalid(
                f"{self._file}:{line}: too deep or too long (at most {_MAX_DEPTH} levels, {_MAX_PLACES} values)"
            )
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*place, at)) for at, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, place: tuple[str | int, ...]) -> dict[str, JSON]:
        found: dict[str, JSON] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise Invalid(f"{self._file}:{line}: a key must be a plain word")
            key = str(key_node.value)
            if key in found:
                raise Invalid(f"{self._file}:{line}: the key {key!r} appears twice", advice="Keep one of them.")
            self.lines[(*place, key)] = line
            found[key] = self.value(value_node, (*place, key))
        return found

    def _scalar(self, node: yaml.Node) -> JSON:
        try:
            value = self._constructor.construct_object(node)
        except (yaml.YAMLError, ValueError) as exc:
            raise Invalid(f"{self._file}:{node.start_mark.line + 1}: cannot read the value {node.value!r}") from exc
        return value if isinstance(value, bool | int | float | str) or value is None else str(value)
