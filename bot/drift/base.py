"""What was applied last: the tree that was recorded, else the object's own memory of it. Used by the judges.

In order: the base that was handed in (what was last applied from Git), the ``last-applied-configuration`` annotation
together with the fields of a deployer's server-side apply, and for objects without either the fields that a deployer
wrote by update. Where nothing tells, a removal is "unknown".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.drift.shapes import Form, Shape
from bot.drift.walk import label_of
from bot.model.json import JSON, Tree, get
from bot.model.paths import Item, Path

_ANNOTATION: Final = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(slots=True)
class Base:
    """The base of one object, parsed only where a comparison asks. ``recorded`` wins over ``observed``'s annotation."""

    recorded: Tree | None
    observed: Tree
    shape: Shape
    _parsed: Tree | None = None
    _looked: bool = False

    @property
    def tree(self) -> Tree | None:
        """The base as a tree; None where there is none."""
        if not self._looked:
            self._looked = True
            self._parsed = self.recorded if self.recorded is not None else last_applied(self.observed)
        return self._parsed

    def holds(self, path: Path) -> bool:
        """Whether the base has something at ``path``."""
        value: JSON = self.tree
        shape = self.shape
        for part in path:
            value, shape = _step(value, shape, part)
            if value is None:
                return False
        return value is not None and value not in ([], {}, "")


def _step(value: JSON, shape: Shape, part: str | int | Item) -> tuple[JSON, Shape]:
    if isinstance(part, Item):
        keyed = shape if shape.form is Form.KEYED else Shape(Form.KEYED, keys=(("name", None),))
        elements = value if isinstance(value, (list, tuple)) else ()
        return next((one for one in elements if label_of(one, keyed) == part.key), None), keyed.element
    if isinstance(part, int):
        inside = isinstance(value, (list, tuple)) and part < len(value)
        return (value[part] if inside else None), shape.element  # type: ignore[index]  # a list, as just tested
    return (value.get(part) if isinstance(value, (dict, Mapping)) else None), shape.child(part)


def last_applied(observed: Tree) -> Tree | None:
    """The object in ``kubectl apply``'s annotation; None where there is none or it does not parse."""
    written = get(observed, "metadata", "annotations")
    text = written.get(_ANNOTATION) if isinstance(written, (dict, Mapping)) else None
    if not isinstance(text, str):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
