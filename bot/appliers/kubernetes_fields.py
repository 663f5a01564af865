"""Puts single fields of a live object back: where a path of the comparison leads, and the JSON Patch that mends it.

Pure; used by :mod:`bot.appliers.kubernetes`. A JSON Patch (RFC 6902) and no server-side apply: an apply that names few
fields takes the field manager's others away, and one under another name would own them for good (Kubernetes docs,
"Server-Side Apply", "Removing a field"). Each patch tests first that the object is the one that was read (uid and
resource version), that the elements of lists on the way are the ones that are meant, and that the value is the one that
was seen; so it changes all of the named fields or nothing.

A path is followed through the lists of the live object by the keys of the kind's shape. Where two elements have the key,
where a list has another length than the declared one, or where the path is masked, nobody knows what is meant: that is
``Refused``, with the path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from bot.drift.canonical import absent, resolved, same
from bot.drift.masking import HIDDEN
from bot.drift.shapes import FilledBy, Form, Shape
from bot.drift.walk import label_of
from bot.errors import Refused, Stale
from bot.model.drift import Drift, DriftKind
from bot.model.json import JSON, Pointer, Tree, elements, exists_at, get, mapping, plain, value_at
from bot.model.paths import Item, Path
from bot.model.resource import ResourceId

ADDITIONS: Final = frozenset({DriftKind.ADDED, DriftKind.REMOVED})
"""What is only live."""
MENDED: Final = ADDITIONS | {DriftKind.CHANGED, DriftKind.MISSING, DriftKind.IMAGE_MOVED}
_ALIASES: Final = {"serviceAccountName": "serviceAccount"}
"""Fields that the server keeps under two names (Kubernetes API, PodSpec: ``serviceAccount`` is a deprecated alias)."""
_NEW: Final = -1
"""The index of an element that a list does not have."""


@dataclass(frozen=True, slots=True)
class FieldSpot:
    """Where a path leads in one tree, be there something or not; an element that a list does not have has the index -1.

    ``keys`` are the merge keys of the list elements on the way, each with its pointer.
    """

    pointer: Pointer
    exists: bool
    value: JSON
    shape: Shape
    keys: tuple[tuple[Pointer, JSON], ...] = ()


def located(tree: Tree, path: Path, shape: Shape) -> FieldSpot:
    """Where ``path`` leads in ``tree``, which need not have it. ``Refused`` where that is not clear."""
    pointer: list[str | int] = []
    keys: list[tuple[Pointer, JSON]] = []
    value: JSON = tree
    for segment in path:
        match segment:
            case str():
                shape = shape.child(segment)
                pointer.append(segment)
                value = mapping(value).get(segment)
            case Item(label):
                items = elements(value)
                shape = resolved(shape, items)
                index = _index(items, label, shape)
                pointer.append(index)
                value = items[index] if index != _NEW else None
                keys += _merge_keys(value, tuple(pointer), shape)
                shape = shape.element
            case int():
                items = elements(value)
                pointer.append(segment if segment < len(items) else _NEW)
                value = items[segment] if segment < len(items) else None
                shape = shape.element
    return FieldSpot(tuple(pointer), value is not None, value, shape, tuple(keys))


def _index(items: Sequence[JSON], label: str, shape: Shape) -> int:
    if shape.form is not Form.KEYED:
        raise Refused("its list has no keys")
    indexes = [index for index, element in enumerate(items) if label_of(element, shape) == label]
    if len(indexes) > 1:
        raise Refused(f"{len(indexes)} elements have the key {label}")
    if not indexes and "~" in label:
        raise Refused("several elements have its key")
    return indexes[0] if indexes else _NEW


def _merge_keys(element: JSON, pointer: Pointer, shape: Shape) -> list[tuple[Pointer, JSON]]:
    """The key fields that the element really has: a default that is left out cannot be tested."""
    if not isinstance(element, Mapping):
        return [] if element is None else [(pointer, element)]
    fields = [(name.split("."), get(element, *name.split("."))) for name, _ in shape.keys]
    return [((*pointer, *segments), value) for segments, value in fields if value is not None]


@dataclass(slots=True)
class _Patch:
    """A JSON Patch in the making, with the object as it is after the steps so far: made of dictionaries and lists. A step
    has a copy of its value, since later steps change what the object holds.
    """

    tree: JSON
    steps: list[Tree] = field(default_factory=list)

    def test(self, pointer: Pointer) -> None:
        step: Tree = {"op": "test", "path": _written(pointer), "value": plain(value_at(self.tree, pointer))}
        if step not in self.steps:
            self.steps.append(step)

    def add(self, pointer: Pointer, value: JSON) -> None:
        """A new entry, or a new element before the one at that index."""
        self.steps.append({"op": "add", "path": _written(pointer), "value": plain(value)})
        match value_at(self.tree, pointer[:-1]), pointer[-1]:
            case list() as items, int() as index:
                items.insert(index, value)
            case dict() as entries, str() as key:
                entries[key] = value

    def replace(self, pointer: Pointer, value: JSON) -> None:
        self.steps.append({"op": "replace", "path": _written(pointer), "value": plain(value)})
        match value_at(self.tree, pointer[:-1]), pointer[-1]:
            case list() as items, int() as index:
                items[index] = value
            case dict() as entries, str() as key:
                entries[key] = value

    def remove(self, pointer: Pointer) -> None:
        self.steps.append({"op": "remove", "path": _written(pointer)})
        match value_at(self.tree, pointer[:-1]), pointer[-1]:
            case list() as items, int() as index:
                del items[index]
            case dict() as entries, str() as key:
                del entries[key]


def _written(pointer: Pointer) -> str:
    """RFC 6901."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in pointer)


@dataclass(frozen=True, slots=True)
class NamedFields:
    """The named fields of one object: what Git declares of them (``raw`` as written, ``declared`` as the server stores it),
    what of them ran when the change was planned (None: there was no object).
    """

    id: ResourceId
    shape: Shape
    raw: Tree
    declared: Tree
    live_at_plan: Tree | None
    drifts: tuple[Drift, ...]

    def patch(self, live: Tree, kinds: frozenset[DriftKind] = MENDED) -> tuple[tuple[Tree, ...], tuple[str, ...]]:
        """The steps after which ``live`` has what Git says in every named field of those ``kinds``, and the paths that
        they change; no steps where it has. ``Refused`` for a path that is not clear, ``Stale`` for a field that is neither
        as it was seen nor as it should be.
        """
        patch = _Patch(plain(live))
        changed: list[str] = []
        for drift in self._named(kinds):
            if not self._is_done(drift, live):
                self._mend(drift, patch)
                changed.append(drift.where)
        if not changed:
            return (), ()
        guard = _Patch(plain(live))
        for name in ("uid", "resourceVersion"):
            guard.test(("metadata", name))
        return (*guard.steps, *patch.steps), tuple(changed)

    def check(self, live: Tree) -> None:
        """Raise ``Stale`` where a named field is neither as it was seen nor as it should be, ``Refused`` where an addition
        is not clear. What server-side apply sets needs no path.
        """
        for drift in self._named(MENDED):
            try:
                self._is_done(drift, live)
            except Refused:
                if drift.kind in ADDITIONS:
                    raise

    def are_clear(self, live: Tree) -> bool:
        """Whether every named field is one place of ``live``."""
        return len(self.pointers(live)) == len(self._named(MENDED))

    def pointers(self, live: Tree) -> tuple[Pointer, ...]:
        """Where the named fields are in ``live``, those that are clear."""
        pointers: list[Pointer] = []
        for drift in self._named(MENDED):
            with suppress(Refused):
                pointers.append(self._spot(drift, live).pointer)
        return tuple(pointers)

    def left(self, live: Tree) -> tuple[str, ...]:
        """The paths of the named fields that are not as they should be, or of which nobody knows."""
        return tuple(drift.where for drift in self._named(MENDED) if not self._is_known_done(drift, live))

    def _is_known_done(self, drift: Drift, live: Tree) -> bool:
        try:
            return self._is_done(drift, live)
        except (Refused, Stale):
            return False

    def _named(self, kinds: frozenset[DriftKind]) -> list[Drift]:
        return [drift for drift in self.drifts if drift.path and drift.kind in kinds]

    def _is_done(self, drift: Drift, live: Tree) -> bool:
        spot = self._spot(drift, live)
        if drift.kind in ADDITIONS:
            is_done = not spot.exists or self._is_servers(drift, spot, live)
        elif self._is_order(drift, spot):
            is_done = self._reordered(drift, spot) == [*elements(spot.value)]
        else:
            value = self._value(drift)
            agrees = spot.shape.agrees
            is_done = spot.exists and (
                same(value, spot.value, spot.shape) or (agrees is not None and agrees(value, spot.value))
            )
        if not is_done and self.live_at_plan is not None and not self._is_as_seen(drift, spot):
            raise Stale(f"{self.id}: {drift.where} is neither what was seen when this was planned nor what Git says")
        return is_done

    def _is_servers(self, drift: Drift, spot: FieldSpot, live: Tree) -> bool:
        """Whether a value that nobody declares says no more than its absence, or the server gave out another one since."""
        if absent(spot.value, spot.shape, mapping(value_at(live, spot.pointer[:-1]))):
            return True
        is_server_filled = spot.shape.filled in {FilledBy.SERVER, FilledBy.ALLOCATED}
        return is_server_filled and self.live_at_plan is not None and not self._is_as_seen(drift, spot)

    def _is_order(self, drift: Drift, spot: FieldSpot) -> bool:
        """Whether it is about the order of a list that compares by key: all else about such a list is told by element."""
        if drift.kind is not DriftKind.CHANGED or not spot.exists:
            return False
        lists = elements(spot.value), elements(self._declared(drift.path).value)
        shape = resolved(spot.shape, *lists)
        if shape.form is not Form.KEYED or not all(lists):
            return False
        if [label_of(element, shape) for element in lists[1]] != [*elements(drift.desired)]:
            raise Refused(
                f"{self.id}: {drift.where} was compared as a whole, and its elements have keys here",
                advice="put it back by hand",
            )
        return True

    def _is_as_seen(self, drift: Drift, spot: FieldSpot) -> bool:
        before = self._spot(drift, self.live_at_plan or {})
        return before.exists is spot.exists and same(before.value, spot.value, spot.shape)

    def _spot(self, drift: Drift, tree: Tree) -> FieldSpot:
        try:
            _check_readable(drift.path)
            spot = located(tree, drift.path, self.shape)
            for depth, segment in enumerate(drift.path):
                if isinstance(segment, int):
                    _check_length(located(tree, drift.path[:depth], self.shape), self._declared(drift.path[:depth]))
        except Refused as exc:
            raise Refused(
                f"{self.id}: {drift.where} is not clear in what runs: {exc.message}", advice="put it back by hand"
            ) from exc
        return spot

    def _declared(self, path: Path) -> FieldSpot:
        spot = located(self.raw, path, self.shape)
        return spot if spot.exists else located(self.declared, path, self.shape)

    def _value(self, drift: Drift) -> JSON:
        """What Git says there."""
        try:
            spot = self._declared(drift.path)
        except Refused as exc:
            raise Refused(f"{self.id}: {drift.where} is not clear in Git: {exc.message}") from exc
        if not spot.exists:
            raise Refused(f"{self.id}: Git does not say {drift.where}", advice="plan again")
        return plain(spot.value)

    def _mend(self, drift: Drift, patch: _Patch) -> None:
        """Add the steps for one field that is not as it should be, with tests of what they rely on."""
        spot = self._spot(drift, mapping(patch.tree))
        for pointer, _ in spot.keys:
            patch.test(pointer)
        if spot.exists:
            patch.test(spot.pointer)
        if drift.kind in ADDITIONS:
            patch.remove(spot.pointer)
            self._remove_alias(spot, patch)
        elif self._is_order(drift, spot):
            patch.replace(spot.pointer, self._reordered(drift, spot))
        elif spot.exists:
            patch.replace(spot.pointer, self._value(drift))
        else:
            self._add(drift, spot, patch)

    def _remove_alias(self, spot: FieldSpot, patch: _Patch) -> None:
        """The server fills a field in again from its other name (``Convert_v1_PodSpec_To_core_PodSpec``)."""
        alias = (*spot.pointer[:-1], _ALIASES.get(str(spot.pointer[-1]), ""))
        if alias[-1] and exists_at(patch.tree, alias):
            patch.test(alias)
            patch.remove(alias)

    def _add(self, drift: Drift, spot: FieldSpot, patch: _Patch) -> None:
        """Put in what is missing, with what has to be around it."""
        value, pointer = self._value(drift), spot.pointer
        while not exists_at(patch.tree, pointer[:-1]) or value_at(patch.tree, pointer[:-1]) is None:
            last = pointer[-1]
            value, pointer = ([value] if isinstance(last, int) else {last: value}), pointer[:-1]
        if pointer[-1] == _NEW:
            pointer = (*pointer[:-1], self._index(drift.path[: len(pointer)], patch))
        elif isinstance(pointer[-1], int):
            raise Refused(f"{self.id}: {drift.where} is not clear in what runs: its list is shorter there")
        patch.add(pointer, value)

    def _index(self, path: Path, patch: _Patch) -> int:
        """Where in its list a missing element belongs: behind the nearest that Git has before it."""
        around = located(mapping(patch.tree), path[:-1], self.shape)
        items, shape = elements(around.value), resolved(around.shape, elements(around.value))
        labels = [label_of(element, shape) for element in items]
        declared = [label_of(element, shape) for element in elements(self._declared(path[:-1]).value)]
        label = path[-1]
        own_index = declared.index(label.key) if isinstance(label, Item) and label.key in declared else len(declared)
        before = [labels.index(label_key) + 1 for label_key in declared[:own_index] if label_key in labels]
        after = [labels.index(label_key) for label_key in declared[own_index + 1 :] if label_key in labels]
        return before[-1] if before else after[0] if after else len(labels)

    def _reordered(self, drift: Drift, spot: FieldSpot) -> list[JSON]:
        """The live elements, those that Git has too in its order on the places that they take now."""
        items = [*elements(spot.value)]
        shape = resolved(spot.shape, items)
        labels = [label_of(element, shape) for element in items]
        declared = [label_of(element, shape) for element in elements(self._declared(drift.path).value)]
        if len(set(labels)) < len(labels) or len(set(declared)) < len(declared):
            raise Refused(f"{self.id}: {drift.where} is not clear in what runs: elements share a key")
        common = iter([label for label in declared if label in labels])
        return [
            items[labels.index(next(common))] if label in declared else items[index]
            for index, label in enumerate(labels)
        ]


def _check_length(live: FieldSpot, declared: FieldSpot) -> None:
    if len(elements(live.value)) != len(elements(declared.value)):
        raise Refused("its list has another length there than in Git")


def _check_readable(path: Path) -> None:
    """Reports show a digest for what in a path is a secret (:class:`bot.drift.masking.Mask`)."""
    names = (segment.key if isinstance(segment, Item) else str(segment) for segment in path)
    if any(name.startswith("hmac-sha256:") or name == HIDDEN for name in names):
        raise Refused("a secret is in its name")
