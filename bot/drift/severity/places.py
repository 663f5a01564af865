"""The places of two objects that a row about fields names, each beside the one that it was before.

Used by :mod:`bot.drift.severity.fields`. Elements of lists belong together by their name, else when they are alike, else by
their order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final

from bot.drift.canonical import spelled
from bot.drift.walk import Location
from bot.model.globs import name_matches
from bot.model.json import JSON, Tree, elements, mapping
from bot.model.paths import Item, Path

_MOST: Final = 2000
"""So many places of one pattern are looked at in one object."""


def identity(element: JSON) -> str:
    """By what an element of a list is known again: its name, else all of it."""
    return f"name {mapping(element)['name']}" if _is_named(element) else spelled(element)


@dataclass(frozen=True, slots=True)
class PairedPlace:
    """What stands at one place on both sides, which is at ``location``. Each part of ``at`` is every name that the step has on
    a path, None for any.

    ``added`` and ``removed``: it lies in an element of a list that is only live, or only declared.
    """

    declared: JSON
    live: JSON
    location: Location = field(default_factory=lambda: Location(None, "", "", ""), compare=False)
    at: tuple[frozenset[str] | None, ...] = ()
    added: bool = False
    removed: bool = False

    @property
    def lone(self) -> bool:
        return self.added or self.removed

    def entry(self, key: str) -> PairedPlace:
        before, now = mapping(self.declared).get(key), mapping(self.live).get(key)
        location = self.location.entry(key)
        return PairedPlace(before, now, location, (*self.at, frozenset({key})), self.added, self.removed)

    def elements(self) -> Iterator[PairedPlace]:
        """The elements of both lists, each beside the one of its name, else beside one like it, else in order."""
        before, now = [*elements(self.declared)], [*elements(self.live)]
        for first, second in _paired(before, now):
            steps = {str(index) for index in (first, second) if index is not None}
            element_before = None if first is None else before[first]
            element_now = None if second is None else now[second]
            name = mapping(element_now if element_before is None else element_before).get("name")
            at = None if name is None else frozenset({*steps, str(name)})
            index = -1 if first is None else first
            location = (
                self.location.index(index) if name is None else self.location.element(str(name), index, element_now)
            )
            added, removed = self.added or first is None, self.removed or second is None
            yield PairedPlace(element_before, element_now, location, (*self.at, at), added, removed)

    def touches(self, names: Sequence[str]) -> bool:
        """Whether a difference at ``names`` is this place, lies in it or holds it."""
        return all(step is None or name in step for step, name in zip(self.at, names, strict=False))


def _paired(before: Sequence[JSON], now: Sequence[JSON]) -> Iterator[tuple[int | None, int | None]]:
    """The indexes of elements that belong together, None where there is no other."""
    unpaired: defaultdict[str, list[int]] = defaultdict(list)
    for index, element in reversed([*enumerate(now)]):
        unpaired[identity(element)].append(index)
    nameless: list[int] = []
    for index, element in enumerate(before):
        if candidates := unpaired[identity(element)]:
            yield index, candidates.pop()
        elif _is_named(element):
            yield index, None
        else:
            nameless.append(index)
    added = sorted(index for indexes in unpaired.values() for index in indexes)
    yield from ((None, index) for index in added if _is_named(now[index]))
    yield from zip_longest(nameless, (index for index in added if not _is_named(now[index])))


def _is_named(element: JSON) -> bool:
    return mapping(element).get("name") is not None


def differ(pattern: Path, declared: Tree, live: Tree) -> bool:
    """Whether the trees may differ at a place of ``pattern``: what is equal up to where it names several is told at once."""
    return _first(declared, pattern) != _first(live, pattern)


def paired_places(pattern: Path, declared: Tree, live: Tree) -> list[PairedPlace]:
    """The places of ``pattern`` in both trees: ``*`` is any entry, ``[*]`` any element."""
    pairs = [PairedPlace(declared, live)]
    for part in pattern:
        pairs = [below for paired_place in pairs for below in _below(paired_place, part)][:_MOST]
    return pairs


def _first(tree: Tree, pattern: Path) -> JSON:
    """What stands where ``pattern`` names one place no longer."""
    value: JSON = tree
    for part in pattern:
        if not isinstance(part, str) or "*" in part or not isinstance(value, (dict, Mapping)):
            break
        value = value.get(part)
    return value


def _below(paired_place: PairedPlace, part: str | int | Item) -> Iterable[PairedPlace]:
    if isinstance(part, Item):
        return paired_place.elements()
    key = str(part)
    if "*" not in key:
        return (paired_place.entry(key),)
    return [
        paired_place.entry(name)
        for name in {**mapping(paired_place.declared), **mapping(paired_place.live)}
        if name_matches(key, name)
    ]
