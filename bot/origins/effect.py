"""What changes between two renderings, and whether that is what was wanted.

An object may get another name because of what it holds (a generated ConfigMap, kustomize docs, "configMapGenerator"): then the
new one is compared under its old name, and those who only follow the new name are told apart from those who change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.edits.values import applied, at, ordered, same
from bot.errors import Refused
from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.generated import base_name, with_names
from bot.model.json import JSON, Pointer, Tree
from bot.model.resource import ResourceId
from bot.origins.manifests import name_key, position
from bot.origins.scene import Noise, ObjectId, Objects

_ABSENT: Final = object()
_STRINGS: Final = frozenset({"labels", "annotations", "matchLabels", "nodeSelector", "data", "stringData"})
"""Mappings of texts, in which null is an empty text and no absence (Go docs, ``encoding/json``: null into a string)."""


@dataclass(frozen=True, slots=True)
class SideEffects:
    """The objects that change beside what is wanted. ``renamed`` are of the goal's target; ``followers`` are those of
    ``moves`` that only follow from what is wanted.
    """

    moves: frozenset[ObjectId] = frozenset()
    renamed: Mapping[ResourceId, ResourceId] = field(default_factory=dict)
    followers: frozenset[ObjectId] = frozenset()
    through: frozenset[ResourceId] = frozenset()

    @property
    def is_clean(self) -> bool:
        """Whether nothing moves that need not."""
        return self.moves == self.followers


@dataclass(frozen=True, slots=True)
class Comparison:
    """Compares renderings for one goal of ``target``. ``desired`` are its objects as they may become: after the edits so
    far, and after all. ``carriers`` may change as they must, and ``brought`` are objects that a wanted carrier brings
    along.
    """

    target: str
    desired: Mapping[ResourceId, tuple[JSON, ...]]
    noise: Noise
    carriers: frozenset[ResourceId] = frozenset()
    brought: frozenset[ResourceId] = frozenset()

    def effect(self, before: Objects, after: Objects) -> SideEffects:
        """What changes from ``before`` to ``after``, which holds the targets that were rendered again."""
        renamed = dict(self._renamed(before.get(self.target, {}), after.get(self.target, {})))
        names = {old.name: new.name for old, new in renamed.items()}
        moves: set[ObjectId] = set()
        followers: set[ObjectId] = set()
        through: set[ResourceId] = set()
        expected = {*renamed, *renamed.values(), *self.brought}
        for name, id_, old, new in self._differing(before, after):
            is_target = name == self.target
            if is_target and id_ in self.carriers and id_ not in self.desired:
                through.add(id_)
                continue
            as_desired = is_target and old is not None and new is not None and self._as_desired(id_, old, new, names)
            if as_desired and (id_ in self.desired or not names):
                continue
            moves.add((name, id_))
            if as_desired or (is_target and id_ in expected):
                followers.add((name, id_))
        goals = {old: new for old, new in renamed.items() if old in self.desired}
        return SideEffects(frozenset(moves), goals, frozenset(followers), frozenset(through))

    def _as_desired(self, id_: ResourceId, old: Tree, new: Tree, names: Mapping[str, str]) -> bool:
        """Whether an object changed as the goal wants it, or as far as others got another name."""
        noisy = self.noise.get((self.target, id_), frozenset())
        before, now = with_names(_without(old, noisy), names), _without(new, noisy)
        goals = self.desired.get(id_, (old,))
        return any(between(before, now, with_names(_without(desired, noisy), names)) for desired in goals)

    def is_reached(self, id_: ResourceId, now: Tree, desired: JSON, names: Mapping[str, str]) -> bool:
        """Whether an object is all that is desired of it, under its new name where it got one. ``names`` are new by old."""
        noisy = self.noise.get((self.target, id_), frozenset())
        return is_whole(_without(now, noisy), with_names(_without(desired, noisy), names))

    def _renamed(
        self, before: Mapping[ResourceId, Tree], after: Mapping[ResourceId, Tree]
    ) -> Iterator[tuple[ResourceId, ResourceId]]:
        """Generated objects that got another name, by the old one: those that are wanted otherwise, and those from which
        carriers take values (``valuesFrom``).
        """
        for old, new in successors(before, after).items():
            goals = [_nameless(document) for document in self.desired.get(old, ())]
            now = _nameless(after[new])
            if any(between(_nameless(before[old]), now, goal) for goal in goals) or (not goals and self.carriers):
                yield old, new

    def _differing(self, before: Objects, after: Objects) -> Iterator[tuple[str, ResourceId, Tree | None, Tree | None]]:
        for target, objects in after.items():
            earlier_objects = before.get(target, {})
            for id_ in {**earlier_objects, **objects}:
                old, new = earlier_objects.get(id_), objects.get(id_)
                if old is new or (old is not None and new is not None and alike(old, new)):
                    continue
                pointers = self.noise.get((target, id_))
                if (
                    pointers
                    and old is not None
                    and new is not None
                    and alike(_without(old, pointers), _without(new, pointers))
                ):
                    continue
                yield target, id_, old, new


def successors(before: Mapping[ResourceId, Tree], after: Mapping[ResourceId, Tree]) -> dict[ResourceId, ResourceId]:
    """The generated objects that have another name after a change of what they hold, by their old ones."""
    new_ids = [candidate for candidate in after if candidate not in before]
    pairs: dict[ResourceId, ResourceId] = {}
    for old in before:
        name = base_name(old.name)
        if old in after or name == old.name:
            continue
        kin = [new for new in new_ids if new._replace(name=old.name) == old and base_name(new.name) == name]
        if len(kin) == 1:
            pairs[old] = kin[0]
    return pairs


def desired_tree(tree: JSON, edits: Iterable[Edit]) -> JSON:
    """An object after all edits that are wanted of it. Raises :class:`~bot.errors.Refused` where one does not fit."""
    for edit in ordered(list(edits)):
        tree = applied(tree, edit)
    return tree


def is_applied(edit: Edit, original: Tree, now: Tree) -> bool:
    """Whether ``now``, a later rendering of ``original``, says what ``edit`` of ``original`` wants."""
    match edit:
        case SetValue(pointer, value):
            return any(_agree(_value(now, spot), value) for spot in (pointer, position(pointer, original, now)))
        case AddEntry(pointer, None, value):
            values_there = _value(now, position(pointer, original, now))
            return isinstance(values_there, (list, tuple)) and any(same(current, value) for current in values_there)
        case AddEntry(pointer, key, value):
            around = position(pointer, original, now)
            return _agree(_value(now, None if around is None else (*around, str(key))), value)
        case RemoveEntry(pointer):
            return _is_gone(pointer, original, now)


def _is_gone(pointer: Pointer, original: Tree, now: Tree) -> bool:
    element = _value(original, pointer)
    if element is _ABSENT:
        return True
    around = position(pointer[:-1], original, now)
    current = _value(now, around)
    if isinstance(pointer[-1], str):
        if _STRINGS.intersection(pointer[-2:-1]):
            return not isinstance(current, Mapping) or pointer[-1] not in current
        return _is_blank(current.get(pointer[-1], _ABSENT)) if isinstance(current, Mapping) else True
    before = _value(original, pointer[:-1])
    return _count(element, current) < _count(element, before)


def _count(element: object, elements: object) -> int:
    """How often a list holds an element: by its name where it has one, for one of another value is still there."""
    if not isinstance(elements, (list, tuple)):
        return 0
    if isinstance(element, Mapping) and "name" in element:
        return sum(isinstance(entry, Mapping) and entry.get("name") == element["name"] for entry in elements)
    return sum(same(entry, element) for entry in elements)


def _value(tree: JSON, pointer: Pointer | None) -> object:
    if pointer is None:
        return _ABSENT
    try:
        return at(tree, pointer)
    except KeyError:
        return _ABSENT


def _is_blank(value: object) -> bool:
    """What Kubernetes does not tell apart from nothing at all: null, and an empty mapping or list that lost its last
    entry.
    """
    return value is _ABSENT or value is None or (isinstance(value, (Mapping, list, tuple)) and not value)


def _agree(left: object, right: object) -> bool:
    if left is _ABSENT or right is _ABSENT:
        return _is_blank(left) and _is_blank(right)
    return same(left, right)


def between(before: object, now: object, desired: object) -> bool:
    """Whether ``now`` differs from ``before`` only towards ``desired``, at least in part of it. Elements with names may
    stand in another order.
    """
    if _agree(now, before) or _agree(now, desired):
        return True
    if _agree(before, desired):
        return False
    if _is_blank(now) and (_is_blank(before) or _is_blank(desired)):
        return True
    value_triple = [{} if _is_blank(value) and isinstance(now, Mapping) else value for value in (before, now, desired)]
    if all(isinstance(value, Mapping) for value in value_triple):
        return _between_mappings(*value_triple)
    list_values = [[] if _is_blank(value) else value for value in (before, now, desired)]
    if all(isinstance(value, (list, tuple)) for value in list_values):
        return _between_lists(*list_values)
    return False


def is_whole(now: object, desired: object) -> bool:
    """Whether ``now`` is all that is desired and no more. Elements with names may stand in another order."""
    if _agree(now, desired) or (_is_blank(now) and _is_blank(desired)):
        return True
    if isinstance(now, Mapping) and isinstance(desired, Mapping):
        return all(is_whole(now.get(key, _ABSENT), desired.get(key, _ABSENT)) for key in {**now, **desired})
    if not isinstance(now, (list, tuple)) or not isinstance(desired, (list, tuple)) or len(now) != len(desired):
        return False
    entries_by_name = _by_name(now), _by_name(desired)
    return is_whole(*entries_by_name) if None not in entries_by_name else all(map(is_whole, now, desired))


def _between_mappings(before: object, now: object, desired: object) -> bool:
    if not isinstance(before, Mapping) or not isinstance(now, Mapping) or not isinstance(desired, Mapping):
        return False
    return all(
        between(before.get(key, _ABSENT), now.get(key, _ABSENT), desired.get(key, _ABSENT))
        for key in {**before, **now, **desired}
    )


def _between_lists(before: object, now: object, desired: object) -> bool:
    entries_by_name = [_by_name(value) for value in (before, now, desired)]
    if all(value is not None for value in entries_by_name):
        return _between_mappings(*entries_by_name)
    if (
        not isinstance(before, (list, tuple))
        or not isinstance(now, (list, tuple))
        or not isinstance(desired, (list, tuple))
    ):
        return False
    return len(before) == len(now) == len(desired) and all(map(between, before, now, desired))


def _by_name(elements: object) -> Mapping[str, JSON] | None:
    """A list whose elements all have names of their own, by them."""
    if not isinstance(elements, (list, tuple)):
        return None
    keys = [name_key(element) for element in elements]
    if not all(key == "name" for key in keys):
        return None
    by_name = {str(element["name"]): element for element in elements}
    return by_name if len(by_name) == len(elements) else None


def alike(left: JSON, right: JSON) -> bool:
    """As ``same``, and quicker where things differ."""
    return left == right and same(left, right)


def _nameless(tree: JSON) -> JSON:
    meta = tree.get("metadata") if isinstance(tree, Mapping) else None
    if not isinstance(tree, Mapping) or not isinstance(meta, Mapping):
        return tree
    return {**tree, "metadata": {key: value for key, value in meta.items() if key != "name"}}


def _without(tree: JSON, pointers: Iterable[Pointer]) -> JSON:
    for pointer in pointers:
        try:
            tree = applied(tree, SetValue(pointer, None))
        except Refused:
            continue
    return tree


def differences(left: JSON, right: JSON, pointer: Pointer = ()) -> Iterator[Pointer]:
    """The places at which two values differ; the list itself where its length does."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for key in {**left, **right}:
            if key not in left or key not in right:
                yield (*pointer, key)
            else:
                yield from differences(left[key], right[key], (*pointer, key))
    elif isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)) and len(left) == len(right):
        for index, (first_element, second_element) in enumerate(zip(left, right, strict=True)):
            yield from differences(first_element, second_element, (*pointer, index))
    elif not same(left, right):
        yield pointer
