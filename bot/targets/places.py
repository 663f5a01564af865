"""Places of a rendered object as differences name them: elements of lists by their keys. Used by this package and
:mod:`bot.forge.ignored`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.drift.shapes import Form, Shape
from bot.drift.walk import label_of
from bot.model.json import JSON, Pointer, mapping
from bot.model.paths import Item, Path


def canonical(path: Path, value: JSON, shape: Shape) -> Iterator[Path]:
    """``path`` with the keys of list elements instead of their indices, as differences name them.

    Where no table tells by what a list is keyed, both are meant.
    """
    if not path:
        yield ()
        return
    part, *remaining = path
    if isinstance(part, int) and isinstance(value, Sequence) and not isinstance(value, str):
        element = value[part] if part < len(value) else None
        name = mapping(element).get("name")
        labels: list[int | Item] = [part, Item(name)] if isinstance(name, str) else [part]
        if shape.form is Form.KEYED and element is not None:
            labels = [Item(label_of(element, shape))]
        yield from (
            (label, *below) for label in labels for below in canonical(tuple(remaining), element, shape.element)
        )
    elif isinstance(part, str) and part != "*":
        key = str(part)
        yield from ((key, *below) for below in canonical(tuple(remaining), mapping(value).get(key), shape.child(key)))
    else:
        segment = str(part) if isinstance(part, int) else part  # a number may be a key of a mapping too
        yield from ((segment, *below) for below in canonical(tuple(remaining), None, shape.element))


def named_by(pointer: Pointer, shape: Shape) -> Iterator[Pointer]:
    """The elements of lists that are known by the value at ``pointer``: it is their key, a part of that, or all of them."""
    for depth, part in enumerate(pointer):
        if isinstance(part, int):
            keys = {tuple(name.split(".")) for name, _ in shape.keys} or {("name",)}
            if pointer[depth + 1 :] in {(), *keys}:
                yield pointer[: depth + 1]
            shape = shape.element
        else:
            shape = shape.child(part)
