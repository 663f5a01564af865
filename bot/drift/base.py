"""What was applied last: the tree that was recorded when it was applied from Git, else the resource's own memory of it.

Used by the judges to tell what was removed from Git from what was added live; where nothing tells, that is unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from bot.drift.shapes import Form, Shape
from bot.drift.walk import label_of
from bot.model.json import JSON, Tree, elements, value_at
from bot.model.paths import Item, Path


@dataclass
class Base:
    """The base of one resource: ``recorded``, else what it ``remembers`` itself, which is asked only if that matters."""

    recorded: Tree | None
    shape: Shape
    remembers: Callable[[], Tree | None] = lambda: None

    @cached_property
    def tree(self) -> Tree | None:
        """The base as a tree; None where there is none."""
        return self.recorded if self.recorded is not None else self.remembers()

    def has(self, path: Path) -> bool:
        """Whether the base has something at ``path``."""
        value: JSON = self.tree
        shape = self.shape
        for part in path:
            value, shape = _step(value, shape, part)
        return value is not None and value not in ([], {}, "")


def _step(value: JSON, shape: Shape, part: str | int | Item) -> tuple[JSON, Shape]:
    if isinstance(part, Item):
        keyed = shape if shape.form is Form.KEYED else Shape(Form.KEYED, keys=(("name", None),))
        return next(
            (element for element in elements(value) if label_of(element, keyed) == part.key), None
        ), keyed.element
    return value_at(value, (part,)), shape.child(part) if isinstance(part, str) else shape.element
