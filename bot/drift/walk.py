"""Goes down the declared and the live tree together and tells where they differ in meaning.

It knows shapes and nothing of platforms: whether something that is only live was put there by a person, a controller
or the server is for the judges (:mod:`bot.drift.kubernetes`, :mod:`bot.drift.services`) to say, which take the
findings from here. What is equal is left at the first glance, so a walk costs by what differs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from bot.drift.canonical import absent, canonical, resolved, same
from bot.drift.shapes import Filled, Form, Shape
from bot.model.resource import JSON, Item, Path, Pointer, Tree

Step: TypeAlias = str | int | Tree
"""One step as ``managedFields`` counts: a key, or the element of a keyed list."""

ORDER: Final = Shape(name="order")
"""The shape of a finding that is about the order of a list: its values are the labels of the elements."""

_REFERENCE: Final = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")


class Side(Enum):
    """On which side a value is."""

    BOTH = "both"
    DESIRED = "desired"
    OBSERVED = "observed"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the walk stands: canonical path, steps for ownership, pointer into the declared tree."""

    path: Path = ()
    steps: tuple[Step, ...] = ()
    pointer: Pointer = ()

    def entry(self, key: str) -> Place:
        return Place((*self.path, key), (*self.steps, key), (*self.pointer, key))

    def element(self, label: str, index: int, element: JSON) -> Place:
        step = element if isinstance(element, (dict, Mapping)) else index
        return Place((*self.path, Item(label)), (*self.steps, step), (*self.pointer, index))

    def index(self, index: int) -> Place:
        return Place((*self.path, index), (*self.steps, index), (*self.pointer, index))


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. ``declared``: the mapping or list around it is in the declared tree too.

    An element of a keyed list that is only live has the list's pointer with index -1 at its end.
    """

    side: Side
    place: Place
    desired: JSON
    observed: JSON
    shape: Shape
    declared: bool = True


def walk(desired: Tree, observed: Tree, shape: Shape) -> list[Finding]:
    """Every difference between two trees of one shape, outermost where a whole part is missing."""
    found = _Walk()
    if desired != observed:
        found.mapping(desired, observed, shape, Place())
    return found.findings


class _Walk:
    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def _note(self, side: Side, place: Place, desired: JSON, observed: JSON, shape: Shape) -> None:
        self.findings.append(Finding(side, place, desired, observed, shape))

    def value(self, desired: JSON, observed: JSON, shape: Shape, place: Place) -> None:
        """Both are there and not equal at first glance."""
        if isinstance(desired, (dict, Mapping)) and isinstance(observed, (dict, Mapping)):
            self.mapping(desired, observed, shape, place)
        elif isinstance(desired, (list, tuple)) and isinstance(observed, (list, tuple)):
            self._list(desired, observed, resolved(shape, desired, observed), place)
        elif not (same(desired, observed, shape) or (shape.agrees is not None and shape.agrees(desired, observed))):
            self._note(Side.BOTH, place, desired, observed, shape)

    def mapping(self, desired: Tree, observed: Tree, shape: Shape, place: Place) -> None:
        """Entry by entry; in a map every key counts, in a struct only what says something."""
        is_map = shape.form is Form.MAP
        for key, value in desired.items():
            child = shape.child(key)
            if child.filled is Filled.IGNORED or (value is None and not is_map):
                continue
            live = observed.get(key)
            if live is None and not (is_map and key in observed):
                if is_map or not absent(value, child, observed, desired):
                    self._desired_only(value, child, place.entry(key))
            elif value != live:
                self.value(value, live, child, place.entry(key))
        for key, live in observed.items():
            if key in desired and (is_map or desired[key] is not None):
                continue
            child = shape.child(key)
            if child.filled is Filled.IGNORED or child.filled is Filled.SERVER:
                continue
            if is_map or not absent(live, child, observed, desired):
                self._observed_only(live, child, place.entry(key), declared=True)

    def _desired_only(self, value: JSON, shape: Shape, place: Place) -> None:
        if shape.form is Form.MAP and isinstance(value, (dict, Mapping)):
            self.mapping(value, {}, shape, place)
        elif shape.form is Form.KEYED and isinstance(value, (list, tuple)):
            self._list(value, (), shape, place)
        else:
            self._note(Side.DESIRED, place, value, None, shape)

    def _observed_only(self, live: JSON, shape: Shape, place: Place, *, declared: bool) -> None:
        if isinstance(live, (dict, Mapping)) and _parts(shape):
            for key, entry in live.items():
                child = shape.child(key)
                skipped = child.filled is Filled.IGNORED or child.filled is Filled.SERVER
                if not skipped and (shape.form is Form.MAP or not absent(entry, child, live)):
                    self._observed_only(entry, child, place.entry(key), declared=False)
        elif isinstance(live, (list, tuple)) and shape.form is Form.KEYED:
            for label, element in _labelled(live, shape):
                at = place.element(label, -1, element)
                self.findings.append(Finding(Side.OBSERVED, at, None, element, shape.element, declared=False))
        else:
            self.findings.append(Finding(Side.OBSERVED, place, None, live, shape, declared=declared))

    def _list(self, desired: Sequence[JSON], observed: Sequence[JSON], shape: Shape, place: Place) -> None:
        if shape.form is Form.KEYED:
            self._keyed(desired, observed, shape, place)
        elif canonical(desired, shape) != canonical(observed, shape):
            pairs = list(zip(desired, observed, strict=False))
            apart = shape.form is not Form.SET and len(desired) == len(observed)
            if apart and all(isinstance(side, (dict, Mapping)) for pair in pairs for side in pair):
                for index, (one, other) in enumerate(pairs):
                    if one != other:
                        self.value(one, other, shape.element, place.index(index))
            else:
                self._note(Side.BOTH, place, desired, observed, shape)

    def _keyed(self, desired: Sequence[JSON], observed: Sequence[JSON], shape: Shape, place: Place) -> None:
        live = dict(_labelled(observed, shape))
        wanted = {label: (index, element) for index, (label, element) in enumerate(_labelled(desired, shape))}
        for label, (index, element) in wanted.items():
            if label not in live:
                self._note(Side.DESIRED, place.element(label, index, element), element, None, shape.element)
            elif element != live[label]:
                self.value(element, live[label], shape.element, place.element(label, index, live[label]))
        for label, element in live.items():
            if label not in wanted:
                self._note(Side.OBSERVED, place.element(label, -1, element), None, element, shape.element)
        if _disordered([*wanted], [*live], desired, observed, shape):
            self._note(Side.BOTH, place, [*wanted], [*live], ORDER)


def _parts(shape: Shape) -> bool:
    """Whether a live-only mapping of this shape is told part by part: it groups things that belong to several writers."""
    if shape.form is Form.STRUCT:
        return shape.name.endswith(("Spec", "Metadata", "Template"))
    return shape.form in {Form.MAP, Form.ANY}


def _labelled(elements: Sequence[JSON], shape: Shape) -> list[tuple[str, JSON]]:
    """Each element with the text of its key; a key that comes again gets its number."""
    labelled: list[tuple[str, JSON]] = []
    seen: dict[str, int] = {}
    for element in elements:
        label = label_of(element, shape)
        seen[label] = count = seen.get(label, 0) + 1
        labelled.append((label if count == 1 else f"{label}~{count}", element))
    return labelled


def label_of(element: JSON, shape: Shape) -> str:
    """The key of one element of a keyed list as text: ``web``, ``1935/TCP``."""
    if not isinstance(element, (dict, Mapping)):
        return str(element)
    keys = shape.keys
    if len(keys) == 1 and "." not in keys[0][0]:
        return str(element.get(keys[0][0], keys[0][1]))
    parts = (_part(element, name, usual) for name, usual in keys)
    return "/".join(str(part) for part in parts if part is not None and part != "")


def _part(element: Tree, name: str, usual: JSON) -> JSON:
    value: JSON = element
    for word in name.split("."):
        value = value.get(word) if isinstance(value, (dict, Mapping)) else None
    return usual if value is None else value


def _disordered(
    wanted: list[str], live: list[str], desired: Sequence[JSON], observed: Sequence[JSON], shape: Shape
) -> bool:
    """Whether the order of common elements differs where order means something."""
    if shape.element.name == "EnvVar":
        common = set(wanted) & set(live)
        return _resolved_names(desired, common) != _resolved_names(observed, common)
    if not shape.ordered:
        return False
    return [label for label in wanted if label in live] != [label for label in live if label in wanted]


def _resolved_names(elements: Sequence[JSON], among: set[str]) -> set[tuple[str, str]]:
    """Who refers to whom: a ``$(NAME)`` resolves only to a variable that stands before it."""
    seen: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    for element in elements:
        if isinstance(element, (dict, Mapping)) and element.get("name") in among:
            name, value = str(element["name"]), element.get("value")
            if isinstance(value, str) and "$(" in value:
                pairs.update((name, other) for other in _REFERENCE.findall(value) if other in seen)
            seen.add(name)
    return pairs
