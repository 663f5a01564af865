"""What values that know their place have in common, wherever they are from: their parts, and themselves without places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Self

from bot.model.json import JSON, Pointer


class NestedValue:
    """A value whose ``data`` is a scalar, a list (or tuple) of such values, or a dict of them."""

    __slots__ = ()
    data: object

    @property
    def mapping(self) -> Mapping[str, Self]:
        """Its entries; empty for anything but a mapping."""
        return self.data if isinstance(self.data, dict) else {}

    @property
    def elements(self) -> Sequence[Self]:
        """Its elements; empty for anything but a list."""
        return self.data if isinstance(self.data, (list, tuple)) else ()

    def plain(self) -> JSON:
        """The value without places."""
        if isinstance(self.data, dict):
            return {key: child.plain() for key, child in self.data.items()}
        if isinstance(self.data, (list, tuple)):
            return [child.plain() for child in self.data]
        scalar: JSON = self.data  # type: ignore[assignment]  # all that is left of what ``data`` may be
        return scalar

    def child(self, pointer: Pointer) -> Self | None:
        """The value below at ``pointer``; None when there is none."""
        child: Self | None = self
        for segment in pointer:
            if child is None:
                return None
            if isinstance(segment, str):
                child = child.mapping.get(segment)
            else:
                child = child.elements[segment] if segment < len(child.elements) else None
        return child

    def parts(self) -> Iterator[Self]:
        """Itself and every value below, without recursion and in no order."""
        todo = [self]
        while todo:
            value = todo.pop()
            yield value
            data = value.data
            if isinstance(data, str):  # most are texts
                continue
            if isinstance(data, dict):
                todo += data.values()
            elif isinstance(data, (list, tuple)):
                todo += data

    def size(self) -> int:
        """How many values it is made of."""
        return sum(1 for _ in self.parts())

    def walk(self, at: Pointer = ()) -> Iterator[tuple[Pointer, Self]]:
        """Itself and every value below, with pointers."""
        yield at, self
        for key, child in self.mapping.items():
            yield from child.walk((*at, key))
        for index, child in enumerate(self.elements):
            yield from child.walk((*at, index))
