"""Goes down the declared and the live tree together and tells where they differ in meaning.

It knows shapes and nothing of platforms: whether something that is only live was put there by a person, a controller
or the server is for the judges (:mod:`bot.drift.kubernetes.objects`, :mod:`bot.drift.compose.services`) to say, which take the
differences from here. What is equal is left at the first glance, so a walk costs by what differs.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from bot.drift.canonical import SCALARS, absent, canonical, resolved, same, spelled
from bot.drift.shapes import ANY, FilledBy, Form, Shape
from bot.drift.typed_texts import QUANTITY_FIELDS, durations_agree, quantities_agree
from bot.model.json import JSON, Pointer, Tree, get
from bot.model.paths import Item, Path

Step: TypeAlias = str | int | Item | Tree
"""One step as ``managedFields`` counts: a key, the element of a keyed list, or the value of a set."""

Tally: TypeAlias = defaultdict[str, int]
"""How many live fields are passed over, by why (:data:`bot.model.drift.LEFT_OUT`)."""

ORDER: Final = Shape(name="order")
"""The shape of a difference that is about the order of a list: its values are the labels of the elements."""

# looked up once: an enum member costs more than all the rest of a step
_MAP: Final = Form.MAP
_IGNORED: Final = FilledBy.IGNORED
_SERVER: Final = FilledBy.SERVER
_ALLOCATED: Final = FilledBy.ALLOCATED
_UNKNOWN: Final = FilledBy.UNKNOWN

_REFERENCE: Final = re.compile(r"(?<!\$)(?:\$\$)*\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
"""A variable in use; ``$$`` is one dollar sign (``third_party/forked/golang/expansion`` of Kubernetes)."""


class Side(Enum):
    """On which side a value is."""

    BOTH = "both"
    DESIRED = "desired"
    OBSERVED = "observed"


@dataclass(slots=True, eq=False)
class Location:
    """Where the walk stands: a link to the location around it. Its names are worked out only when somebody asks."""

    above: Location | None
    part: str | int | Item
    step: Step
    at: str | int

    def entry(self, key: str) -> Location:
        return Location(self, key, key, key)

    def element(self, label: str, index: int, element: JSON) -> Location:
        step: Step = element if isinstance(element, (dict, Mapping)) else Item(label)
        return Location(self, Item(label), step, index)

    def index(self, index: int) -> Location:
        return Location(self, index, index, index)

    def _links(self) -> list[Location]:
        links: list[Location] = []
        location = self
        while location.above is not None:
            links.append(location)
            location = location.above
        return links[::-1]

    @property
    def path(self) -> Path:
        """The canonical path."""
        return tuple(link.part for link in self._links())

    @property
    def steps(self) -> tuple[Step, ...]:
        """The way as ``managedFields`` counts it."""
        return tuple(link.step for link in self._links())

    @property
    def names(self) -> frozenset[str]:
        """The keys on the way."""
        return frozenset(link.part for link in self._links() if isinstance(link.part, str))

    @property
    def pointer(self) -> Pointer:
        """The place in the declared tree."""
        return tuple(link.at for link in self._links())


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. ``declared``: the mapping or list around it is in the declared tree too.

    An element of a keyed list that is only live has the list's pointer with index -1 at its end.
    """

    side: Side
    location: Location
    desired: JSON
    observed: JSON
    shape: Shape
    declared: bool = True


def walk(
    desired: Tree, observed: Tree, shape: Shape, *, filled: bool = False, left_out: Tally | None = None
) -> list[Difference]:
    """Every difference between two trees of one shape, outermost where a whole part is missing.

    ``filled``: also what the server fills in where Git is silent, each field as a whole; only who wrote it tells more.
    ``left_out`` counts the live fields that are passed over.
    """
    run = _Walk(defaultdict(int) if left_out is None else left_out, filled=filled)
    if desired != observed:
        run.mapping(desired, observed, shape, Location(None, "", "", ""))
    return run.differences


class _Walk:
    def __init__(self, left_out: Tally, *, filled: bool) -> None:
        self.differences: list[Difference] = []
        self._left_out = left_out
        self._silent = (_IGNORED, _ALLOCATED) if filled else (_IGNORED, _ALLOCATED, _SERVER)

    def _note(self, side: Side, location: Location, desired: JSON, observed: JSON, shape: Shape) -> None:
        self.differences.append(Difference(side, location, desired, observed, shape))

    def value(self, desired: JSON, observed: JSON, shape: Shape, location: Location) -> None:
        """Both are there and not equal at first glance."""
        if type(desired) is dict and type(observed) is dict:
            self.mapping(desired, observed, shape, location)
        elif isinstance(desired, SCALARS) or isinstance(observed, SCALARS):
            self._leaf(desired, observed, shape, location)
        elif isinstance(desired, (list, tuple)) and isinstance(observed, (list, tuple)):
            self._list(desired, observed, resolved(shape, desired, observed), location)
        elif isinstance(desired, Mapping) and isinstance(observed, Mapping):
            self.mapping(desired, observed, shape, location)
        else:
            self._leaf(desired, observed, shape, location)

    def _leaf(self, desired: JSON, observed: JSON, shape: Shape, location: Location) -> None:
        """Both as a whole."""
        if not (same(desired, observed, shape) or _agree(desired, observed, shape, location)):
            self._note(Side.BOTH, location, desired, observed, shape)

    def mapping(self, desired: Tree, observed: Tree, shape: Shape, location: Location) -> None:
        """Entry by entry; in a map every key counts, in a struct only what says something."""
        if shape.form is _MAP:
            self._map(desired, observed, shape, location)
            return
        fields, item_shape = shape.fields, shape.item or ANY
        for key, value in desired.items():
            live = observed.get(key)
            if value == live or value is None:
                continue
            child = fields.get(key, item_shape)
            if child.filled is _IGNORED:
                continue
            if live is not None:
                self.value(value, live, child, Location(location, key, key, key))
            elif not absent(value, child, observed, desired):
                self._desired_only(value, child, location.entry(key))
        for key, live in observed.items():
            if live is None or desired.get(key) is not None:
                continue
            child = fields.get(key, item_shape)
            if child.default is not None and child.default.value == live:
                self._left_out["default"] += 1
            elif child.filled in self._silent:
                self._pass(child)
            elif absent(live, child, observed, desired):
                self._left_out["default"] += 1
            else:
                self._observed_only(live, child, location.entry(key), declared=True)

    def _pass(self, shape: Shape) -> None:
        """Pass over a field that is silent by its shape; what is never desired state is no setting that was left out."""
        if shape.filled is not _IGNORED:
            self._left_out["allocated" if shape.filled is _ALLOCATED else "server"] += 1

    def _map(self, desired: Tree, observed: Tree, shape: Shape, location: Location) -> None:
        child = shape.element
        for key, value in desired.items():
            if key not in observed:
                self._desired_only(value, child, location.entry(key))
            elif value != observed[key]:
                self.value(value, observed[key], child, location.entry(key))
        for key, live in observed.items():
            if key not in desired and child.filled in self._silent:
                self._pass(child)
            elif key not in desired:
                self._observed_only(live, child, location.entry(key), declared=True)

    def _desired_only(self, value: JSON, shape: Shape, location: Location) -> None:
        if shape.form is _MAP and isinstance(value, (dict, Mapping)):
            self.mapping(value, {}, shape, location)
        elif shape.form is Form.KEYED and isinstance(value, (list, tuple)):
            self._list(value, (), shape, location)
        else:
            self._note(Side.DESIRED, location, value, None, shape)

    def _observed_only(self, live: JSON, shape: Shape, location: Location, *, declared: bool) -> None:
        if shape.filled is _SERVER:
            self.differences.append(Difference(Side.OBSERVED, location, None, live, shape, declared=declared))
        elif isinstance(live, (dict, Mapping)) and _parts(shape):
            for key, entry in live.items():
                child = shape.child(key)
                if child.filled in self._silent:
                    self._pass(child)
                elif shape.form is not _MAP and absent(entry, child, live):
                    self._left_out["default"] += 1
                else:
                    self._observed_only(entry, child, location.entry(key), declared=False)
        elif isinstance(live, (list, tuple)) and shape.form is Form.KEYED:
            for label, element in _labelled(live, shape):
                at = location.element(label, -1, element)
                self.differences.append(Difference(Side.OBSERVED, at, None, element, shape.element, declared=False))
        else:
            self.differences.append(Difference(Side.OBSERVED, location, None, live, shape, declared=declared))

    def _list(self, desired: Sequence[JSON], observed: Sequence[JSON], shape: Shape, location: Location) -> None:
        if shape.form is Form.KEYED:
            self._keyed(desired, observed, shape, location)
        elif canonical(desired, shape) != canonical(observed, shape):
            pairs, element = _paired(desired, observed, shape), shape.element
            separately = shape.form is not Form.SET and len(desired) == len(observed)
            if separately and all(
                same(desired_element, two, element) or _agree(desired_element, two, element, location)
                for _, desired_element, two in pairs
            ):
                return
            if separately and all(
                isinstance(side, (dict, Mapping)) for _, side_element, two in pairs for side in (side_element, two)
            ):
                for index, first, two in pairs:
                    if first != two:
                        self.value(first, two, element, location.index(index))
            else:
                self._note(Side.BOTH, location, desired, observed, shape)

    def _keyed(self, desired: Sequence[JSON], observed: Sequence[JSON], shape: Shape, location: Location) -> None:
        live = dict(_labelled(observed, shape))
        labelled = _labelled(desired, shape)
        for index, (label, element) in enumerate(labelled):
            if label not in live:
                self._note(Side.DESIRED, location.element(label, index, element), element, None, shape.element)
            elif element != live[label]:
                self.value(element, live[label], shape.element, location.element(label, index, live[label]))
        labels = [label for label, _ in labelled]
        if labels == [*live]:
            return
        declared_labels = set(labels)
        for label, element in live.items():
            if label not in declared_labels:
                self._note(Side.OBSERVED, location.element(label, -1, element), None, element, shape.element)
        if _disordered(labels, [*live], desired, observed, shape):
            self._note(Side.BOTH, location, labels, [*live], ORDER)


def _paired(desired: Sequence[JSON], observed: Sequence[JSON], shape: Shape) -> list[tuple[int, JSON, JSON]]:
    """The elements that belong together, with the place in the declared list: by their order; where that means nothing,
    only those that say the same nowhere on the other side.
    """
    if not shape.unordered:
        return [(index, *pair) for index, pair in enumerate(zip(desired, observed, strict=False))]
    spelling_counts = Counter(spelled(canonical(element, shape.element)) for element in desired)
    unpaired: list[JSON] = []
    for element in observed:
        spelling = spelled(canonical(element, shape.element))
        if spelling_counts[spelling]:
            spelling_counts[spelling] -= 1
        else:
            unpaired.append(element)
    unpaired_declared: list[tuple[int, JSON]] = []
    for index, element in reversed([*enumerate(desired)]):
        spelling = spelled(canonical(element, shape.element))
        if spelling_counts[spelling]:
            spelling_counts[spelling] -= 1
            unpaired_declared.append((index, element))
    return [
        (index, first, second) for (index, first), second in zip(reversed(unpaired_declared), unpaired, strict=False)
    ]


def _agree(desired: JSON, observed: JSON, shape: Shape, location: Location) -> bool:
    """Whether both mean the same by the field's own agreement; where no table knows the field, as durations and, where no
    definition tells its type either, by the names around it as quantities.
    """
    if shape.agrees is not None and shape.agrees(desired, observed):
        return True
    if shape.filled is not _UNKNOWN or shape.verbatim:
        return False
    if durations_agree(desired, observed):
        return True
    undefined = shape.form is Form.ANY and shape.canonical is None
    return undefined and quantities_agree(desired, observed) and not QUANTITY_FIELDS.isdisjoint(location.names)


def _parts(shape: Shape) -> bool:
    """Whether a live-only mapping of this shape is told part by part: it groups things that belong to several writers."""
    if shape.form is Form.STRUCT:
        return shape.name.endswith(("Spec", "Metadata", "Template"))
    return shape.form is Form.MAP or (shape.form is Form.ANY and shape.filled is _UNKNOWN)


def _labelled(elements: Sequence[JSON], shape: Shape) -> list[tuple[str, JSON]]:
    """Each element with the text of its key; a key that comes again gets its number."""
    labelled = [(label_of(element, shape), element) for element in elements]
    if len({label for label, _ in labelled}) == len(labelled):
        return labelled
    label_counts: dict[str, int] = {}
    for index, (label, element) in enumerate(labelled):
        label_counts[label] = count = label_counts.get(label, 0) + 1
        labelled[index] = (label if count == 1 else f"{label}~{count}", element)
    return labelled


def label_of(element: JSON, shape: Shape) -> str:
    """The key of one element of a keyed list as text: ``web``, ``1935/TCP``."""
    if not isinstance(element, (dict, Mapping)):
        return str(element)
    if len(shape.keys) == 1:
        return str(_part(element, *shape.keys[0]))
    parts = [_part(element, name, default) for name, default in shape.keys]
    return "/".join([str(part) for part in parts if part is not None and part != ""])


def _part(element: Tree, name: str, default: JSON) -> JSON:
    value = element.get(name) if "." not in name else get(element, *name.split("."))
    return default if value is None else value


def _disordered(
    labels: list[str], live: list[str], desired: Sequence[JSON], observed: Sequence[JSON], shape: Shape
) -> bool:
    """Whether the order of common elements differs where order means something."""
    if shape.expanding:
        common = set(labels) & set(live)
        return _resolved_names(desired, common) != _resolved_names(observed, common)
    if not shape.ordered:
        return False
    return [label for label in labels if label in live] != [label for label in live if label in labels]


def _resolved_names(elements: Sequence[JSON], among: set[str]) -> set[tuple[str, str]]:
    """Who refers to whom: a ``$(NAME)`` resolves only to a variable that stands before it."""
    seen_names: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    for element in elements:
        name = element.get("name") if isinstance(element, (dict, Mapping)) else None
        if isinstance(element, (dict, Mapping)) and isinstance(name, str) and name in among:
            value = element.get("value")
            if isinstance(value, str) and "$(" in value:
                pairs.update((name, reference) for reference in _REFERENCE.findall(value) if reference in seen_names)
            seen_names.add(name)
    return pairs
