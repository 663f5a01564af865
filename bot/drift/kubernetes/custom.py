"""The shape that objects of a kind are compared by: built in, told by a definition, or by settings alone.

Asked by :mod:`bot.drift.kubernetes.objects`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.drift.kubernetes.kinds import is_known, shape_of
from bot.drift.options import ComparisonOptions
from bot.drift.shapes import Form, Shape
from bot.model.resource import ResourceId


def shape_for(id_: ResourceId, options: ComparisonOptions) -> Shape:
    """The shape of a kind: built in, else from its CRD, else with the list keys that the options name."""
    if is_known(id_.group, id_.kind):
        return shape_of(id_.group, id_.kind)
    known = options.shapes.get((id_.group, id_.kind))
    if known is not None:
        return known
    keys = options.list_map_keys.get((id_.group, id_.kind))
    return shape_of("", "") if keys is None else _with_keys(shape_of("", ""), keys)


def _with_keys(shape: Shape, keys: Mapping[str, tuple[str, ...]]) -> Shape:
    for path, names in keys.items():
        shape = _keyed_at(shape, path.split("."), names)
    return shape


def _keyed_at(shape: Shape, words: list[str], names: tuple[str, ...]) -> Shape:
    """``shape`` with a keyed list at the dotted path ``words`` (``[]`` behind a word goes into a list's elements)."""
    if not words:
        return Shape(Form.KEYED, item=shape.element, keys=tuple((name, None) for name in names))
    word, *rest = words
    name = word.removesuffix("[]")
    child = shape.child(name)
    inside = word.endswith("[]")
    inner = replace(child, item=_keyed_at(child.element, rest, names)) if inside else _keyed_at(child, rest, names)
    return replace(shape, fields={**shape.fields, name: inner})
