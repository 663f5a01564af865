"""What a change does to the objects that a target is sent: the same guardrails, asked about what tools print.

A privilege that a chart's value, an image or a patch brings stands in no manifest. It stands in what is rendered. Made by
:mod:`bot.flows.rendering`; detectors read it beside the files of the change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from bot.intake.lined_node import LinedNode
from bot.model.finding import FileStatus
from bot.model.json import JSON, Pointer, Tree, value_at
from bot.model.paths import format_path

if TYPE_CHECKING:
    from bot.model.resource import ResourceId
    from bot.model.target import NotCompared

Locate: TypeAlias = "Callable[[ResourceId, Pointer], tuple[str | None, int | None]]"
"""File and line of the head that set a rendered value. Asking may render again."""


@dataclass(frozen=True)
class RenderedChange:
    """The objects of one target that differ, before and after. No slots: derived values are cached on the instance.

    ``status`` is that of the target. ``failures`` are units that rendered before and do not after: what they were is in
    neither side, since a unit that cannot be rendered removes nothing. ``unrendered`` are others that the change touches
    and that cannot be rendered.
    """

    target: str
    before: Mapping[ResourceId, Tree]
    after: Mapping[ResourceId, Tree]
    status: FileStatus = FileStatus.MODIFIED
    failures: tuple[NotCompared, ...] = ()
    unrendered: tuple[NotCompared, ...] = ()
    locate: Locate = lambda _resource, _pointer: (None, None)

    @cached_property
    def nodes_before(self) -> NumberedNodes:
        """The objects before."""
        return NumberedNodes.of(self.before)

    @cached_property
    def nodes_after(self) -> NumberedNodes:
        """The objects after."""
        return NumberedNodes.of(self.after)


@dataclass(frozen=True, slots=True)
class NumberedNodes:
    """Rendered objects as detectors read documents. They have no lines: a node's ``line`` is its number in ``locations``."""

    documents: tuple[LinedNode, ...]
    locations: Sequence[tuple[ResourceId, Pointer]]
    trees: Mapping[ResourceId, Tree] = field(repr=False)

    @classmethod
    def of(cls, trees: Mapping[ResourceId, Tree]) -> NumberedNodes:
        """Nodes for all ``trees``."""
        numbered_places: list[tuple[ResourceId, Pointer]] = []
        return cls(
            tuple(_node(tree, resource, (), numbered_places) for resource, tree in trees.items()),
            numbered_places,
            trees,
        )

    def shown(self, number: int) -> str:
        """The value of a node behind its path, for a reader; its path alone where it is a whole tree."""
        resource, pointer = self.locations[number]
        value = value_at(self.trees[resource], pointer)
        path = format_path(pointer)
        return path if isinstance(value, (Mapping, list, tuple)) else f"{path}: {_raw(value)}"


def _node(
    value: JSON, resource: ResourceId, pointer: Pointer, numbered_places: list[tuple[ResourceId, Pointer]]
) -> LinedNode:
    number = len(numbered_places)
    numbered_places.append((resource, pointer))
    if isinstance(value, Mapping):
        return LinedNode(
            {key: _node(child, resource, (*pointer, key), numbered_places) for key, child in value.items()},
            number,
            number,
        )
    if isinstance(value, (list, tuple)):
        return LinedNode(
            [_node(child, resource, (*pointer, at), numbered_places) for at, child in enumerate(value)], number, number
        )
    scalar = value if value is None or isinstance(value, (str, bool, int, float)) else str(value)
    return LinedNode(scalar, number, number, _raw(value))


def _raw(value: JSON) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, default=str)
