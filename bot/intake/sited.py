"""Trees in which every value knows its place in a file, so that files can be merged without losing where things are.

Compose projects are made from several files (overrides, includes, ``extends``, ``env_file``) with variables filled in; the
readers work on :class:`Sited` trees and hand on the plain tree with :class:`SitedOrigins`.
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
class Site:
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
class Sited(NestedValue):
    """One value with its site; children of collections are sited themselves."""

    data: Data
    site: Site

    @property
    def text(self) -> str | None:
        """Itself, if it is text."""
        return self.data if isinstance(self.data, str) else None


Data: TypeAlias = "None | bool | int | float | str | list[Sited] | dict[str, Sited]"


def sited(value: JSON, site: Site) -> Sited:
    """``value`` with all its children sited below ``site``."""
    if isinstance(value, Mapping):
        return Sited({key: sited(child, _below(site, key)) for key, child in value.items()}, site)
    if isinstance(value, (list, tuple)):
        return Sited([sited(child, _below(site, index)) for index, child in enumerate(value)], site)
    if isinstance(value, (str, bool, int, float)) or value is None:
        return Sited(value, site)
    raise TypeError(type(value).__name__)


def _below(site: Site, segment: str | int) -> Site:
    return replace(site, pointer=(*site.pointer, segment))


def mapped(tree: Sited, change: Callable[[Sited], Sited | None]) -> Sited | None:
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
    """The files that sites point into, opened when asked. ``data`` holds every file of the repository that was read."""

    data: Mapping[str, bytes]
    open: dict[str, SpanFile] = field(default_factory=dict)

    def file(self, path: str) -> SpanFile:
        """The file with its span trees."""
        if path not in self.open:
            self.open[path] = SpanFile(path, self.data[path])
        return self.open[path]

    def origin(self, site: Site) -> Origin | None:
        """The span of the value at ``site``."""
        source = self.file(site.file)
        if site.line is not None:
            return _line_origin(source, site)
        node = self._node(site)
        return None if node is None else source.text.origin(node.start, node.end, site.through, site.name)

    def key_line(self, site: Site) -> int:
        """The line people look for: that of the value's key where it has one."""
        position = self._position(site)
        if position is None:
            return site.line or 1
        return self.file(site.file).text.line((position.key or position.node).start)

    def scalar(self, site: Site) -> ScalarNode | None:
        """The scalar node at ``site``; None when a collection, an alias or nothing is there."""
        node = self._node(site)
        return node if isinstance(node, ScalarNode) else None

    def _node(self, site: Site) -> Node | None:
        position = self._position(site)
        return None if position is None or position.rest else position.node

    def _position(self, site: Site) -> NodePosition | None:
        """How far the site's pointer leads in the span tree; None for a line of a ``.env`` file and an empty document."""
        tree = self.file(site.file).documents[site.document] if site.line is None else None
        return None if tree is None else locate(tree, site.pointer)


def _line_origin(source: SpanFile, site: Site) -> Origin:
    start, end = source.text.line_span(site.line or 1)
    line = source.text.chars[start:end]
    begin = start + line.find("=") + 1
    return source.text.origin(begin, start + len(line), site.through, site.name)


@dataclass(frozen=True, slots=True)
class SitedOrigins:
    """Origins of a merged tree. ``projects`` are the Compose projects whose files settings name: whoever reads the files again
    needs them.
    """

    tree: Sited
    sources: Sources
    projects: tuple[ProjectFiles, ...] = ()

    def at(self, pointer: Pointer) -> Origin | None:
        site = self.site(pointer)
        return None if site is None else self.sources.origin(site)

    def site(self, pointer: Pointer) -> Site | None:
        """Where the value at ``pointer`` is written; None when it is not in the tree."""
        child = self.tree.child(pointer)
        return None if child is None else child.site
