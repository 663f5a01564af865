"""The one form of a tree that all its spellings share: defaults dropped, keyed lists and sets sorted, values spelled alike.

Two trees mean the same exactly when their canonical forms are equal; the form of a form is the form itself. The walk
(:mod:`bot.drift.walk`) uses it where a value counts as a whole and to tell "absent" from "there, but saying nothing".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from bot.drift.shapes import ANY, Default, FilledBy, Form, Shape
from bot.model.json import JSON, Tree

SCALARS: Final = (str, int, float)
"""Told first: asking these whether they are a Mapping costs more than all the rest."""

_NAMED: Final = Shape(Form.KEYED, keys=(("name", None),), item=ANY)


def canonical(value: JSON, shape: Shape) -> JSON:
    """``value`` in the form that every spelling of its meaning shares."""
    if not isinstance(value, SCALARS):
        if isinstance(value, (dict, Mapping)):
            return _mapping(value, shape)
        if isinstance(value, (list, tuple)):
            return _list(value, shape)
    return value if shape.canonical is None else shape.canonical(value)


def _mapping(value: Tree, shape: Shape) -> JSON:
    if shape.form is Form.MAP:
        return {key: canonical(entry, shape.element) for key, entry in value.items()}
    result: dict[str, JSON] = {}
    for key, entry in value.items():
        child = shape.child(key)
        if child.filled is not FilledBy.IGNORED:
            form = canonical(entry, child)
            if not absent(form, child, value):
                result[key] = form
    return result


def _list(value: Sequence[JSON], shape: Shape) -> JSON:
    shape = resolved(shape, value)
    elements = [canonical(element, shape.element) for element in value]
    if shape.form is Form.SET:
        return [element for _, element in sorted({spelled(element): element for element in elements}.items())]
    if shape.unordered or (shape.form is Form.KEYED and not shape.ordered):
        return sorted(elements, key=spelled)
    return elements


def spelled(value: JSON) -> str:
    """A text that is equal for equal values; the order of sets."""
    return json.dumps(value, sort_keys=True, default=str)


def absent(value: JSON, shape: Shape, *parents: Tree) -> bool:
    """Whether ``value`` says no more than its absence would, inside any of ``parents``."""
    if value is None:
        return True
    if shape.default is not None and _usual(value, shape, shape.default, parents):
        return True
    if shape.zero:
        return False
    if not isinstance(value, SCALARS):
        return not value or (shape.form is Form.STRUCT and not canonical(value, shape))
    return not value and (shape.default is None or shape.default.of(parents[0] if parents else {}) in _NOTHING)


def is_default(value: JSON, shape: Shape, parent: Tree) -> bool:
    """Whether the tables say that absence means ``value`` inside ``parent``."""
    return shape.default is not None and _usual(value, shape, shape.default, (parent,))


def _usual(value: JSON, shape: Shape, default: Default, parents: tuple[Tree, ...]) -> bool:
    if default.derive is None:
        parents = parents[:1]
    default_values = (default.of(parent) for parent in parents or ({},))
    return any(
        value == usual_value or canonical(value, shape) == canonical(usual_value, shape)
        for usual_value in default_values
    )


_NOTHING: Final = (None, 0, False, "")


def resolved(shape: Shape, *lists: Sequence[JSON]) -> Shape:
    """The shape of a list of which nothing is known: keyed by ``name`` where every element has one of its own."""
    if shape.form is not Form.ANY:
        return shape
    if not all(_named(elements) for elements in lists):
        return shape
    return _NAMED if shape.item is None else replace(_NAMED, item=shape.item)


def _named(elements: Sequence[JSON]) -> bool:
    names = [element.get("name") for element in elements if isinstance(element, (dict, Mapping))]
    return (
        len(names) == len(elements) and all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    )


def same(value: JSON, other: JSON, shape: Shape) -> bool:
    """Whether both mean the same where a ``shape`` is expected."""
    if value == other:
        return True
    first, second = canonical(value, shape), canonical(other, shape)
    return first == second or (
        not shape.verbatim
        and isinstance(first, SCALARS)
        and isinstance(second, SCALARS)
        and _scalar_text(first) == _scalar_text(second)
    )


def _scalar_text(value: str | float) -> str:
    """A scalar as YAML writes it with or without quotes: ``80`` and ``"80"``, ``true`` and ``"true"``; NaN is NaN."""
    return str(value).lower() if isinstance(value, bool) else str(value)
