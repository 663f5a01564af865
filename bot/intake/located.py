"""Trees in which every value knows its location in a file, so that files can be merged without losing where things are.

Compose projects are made from several files (overrides, includes, ``extends``, ``env_file``) with variables filled in; the
readers work on trees of :class:`LocatedValue` and hand on the plain tree with :class:`LocatedOrigins`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from bot.intake.compose_select import ProjectFiles
from bot.intake.origins import SpanFile
from bot.intake.spans import Node, NodePosition, ScalarNode, locate
from bot.model.json import JSON, Pointer
from bot.model.nested import NestedValue
from bot.model.resource import Origin, Through


@dataclass(frozen=True, slots=True)
class ValueLocation:
    """The place of one value: file, document, pointer. ``line`` instead of a pointer for ``.env`` files (from 1)."""

    file: str
    document: int
    pointer: Pointer
    through: Through = Through.LITERAL
    name: str | None = None
    line: int | None = None
    unknown: bool = False
    """Its value depends on something that the repository does not say."""
    secret: bool = False
    """Its value holds that of a secret variable."""


@dataclass(frozen=True, slots=True)
class LocatedValue(NestedValue):
    """One value with its location; children of collections have theirs."""

    data: Data
    location: ValueLocation

    @property
    def text(self) -> str | None:
        """Itself, if it is text."""
        return self.data if isinstance(self.data, str) else None


Data: TypeAlias = "None | bool | int | float | str | list[LocatedValue] | dict[str, LocatedValue]"


def located(value: JSON, location: ValueLocation) -> LocatedValue:
    """``value`` with all its children located below ``location``."""
    if isinstance(value, Mapping):
        return LocatedValue({key: located(child, _below(location, key)) for key, child in value.items()}, location)
    if isinstance(value, (list, tuple)):
        return LocatedValue([located(child, _below(location, index)) for index, child in enumerate(value)], location)
    if isinstance(value, (str, bool, int, float)) or value is None:
        return LocatedValue(value, location)
    raise TypeError(type(value).__name__)


def _below(location: ValueLocation, segment: str | int) -> ValueLocation:
    return replace(location, pointer=(*location.pointer, segment))


def mapped(tree: LocatedValue, change: Callable[[LocatedValue], LocatedValue | None]) -> LocatedValue | None:
    """The tree with every scalar replaced by what ``change`` makes of it; None drops it."""
    if isinstance(tree.data, dict):
        entries = ((key, mapped(child, change)) for key, child in tree.data.items())
        return replace(tree, data={key: child for key, child in entries if child is not None})
    if isinstance(tree.data, list):
        items = (mapped(child, change) for child in tree.data)
        return replace(tree, data=[child for child in items if child is not None])
    return change(tree)


@dataclass(frozen=True, slots=True)
class Sources:
    """The files that locations point into, opened when asked. ``data`` holds every file of the repository that was read."""

    data: Mapping[str, bytes]
    open: dict[str, SpanFile] = field(default_factory=dict)

    def file(self, path: str) -> SpanFile:
        """The file with its span trees."""
        if path not in self.open:
            self.open[path] = SpanFile(path, self.data[path])
        return self.open[path]

    def origin(self, location: ValueLocation) -> Origin | None:
        """The span of the value at ``location``."""
        source = self.file(location.file)
        if location.line is not None:
            return _line_origin(source, location)
        node = self._node(location)
        return None if node is None else source.text.origin(node.start, node.end, location.through, location.name)

    def key_line(self, location: ValueLocation) -> int:
        """The line people look for: that of the value's key where it has one."""
        position = self._position(location)
        if position is None:
            return location.line or 1
        return self.file(location.file).text.line((position.key or position.node).start)

    def scalar(self, location: ValueLocation) -> ScalarNode | None:
        """The scalar node at ``location``; None when a collection, an alias or nothing is there."""
        node = self._node(location)
        return node if isinstance(node, ScalarNode) else None

    def _node(self, location: ValueLocation) -> Node | None:
        position = self._position(location)
        return None if position is None or position.remainder else position.node

    def _position(self, location: ValueLocation) -> NodePosition | None:
        """How far its pointer leads in the span tree; None for a line of a ``.env`` file and an empty document."""
        tree = self.file(location.file).documents[location.document] if location.line is None else None
        return None if tree is None else locate(tree, location.pointer)


def _line_origin(source: SpanFile, location: ValueLocation) -> Origin:
    start, end = source.text.line_span(location.line or 1)
    line = source.text.chars[start:end]
    begin = start + line.find("=") + 1
    return source.text.origin(begin, start + len(line), location.through, location.name)


@dataclass(frozen=True, slots=True)
class LocatedOrigins:
    """Origins of a merged tree. ``projects`` are the Compose projects whose files settings name: whoever reads the files again
    needs them.
    """

    tree: LocatedValue
    sources: Sources
    projects: tuple[ProjectFiles, ...] = ()

    def at(self, pointer: Pointer) -> Origin | None:
        location = self.location(pointer)
        return None if location is None else self.sources.origin(location)

    def location(self, pointer: Pointer) -> ValueLocation | None:
        """Where the value at ``pointer`` is written; None when it is not in the tree."""
        child = self.tree.child(pointer)
        return None if child is None else child.location
