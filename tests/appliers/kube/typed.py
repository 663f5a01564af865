"""Values with a type: which fields they have, what two of them differ in, and how one is merged into the other.

Written from the cases and the behaviour of structured-merge-diff's ``typed`` package.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tests.appliers.kube.paths import FieldSet, Path, Unindexable, display, item_element, with_prefix
from tests.appliers.kube.schema import Atom, ListType, MapType, Schema, TypeRef

ABSENT: Final = object()
"""No value at all, which is not null."""


class NotOfType(Exception):
    """A value that its type does not allow; the message has every fault on a line of its own."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))


@dataclass(frozen=True, slots=True)
class Typed:
    """A value, its type and the schema that names the type."""

    value: Any
    type: TypeRef = field(repr=False)
    schema: Schema = field(repr=False, compare=False)

    def fields(self) -> FieldSet:
        """The fields that the value has: ``ToFieldSet``."""
        return frozenset(_fields(self.schema, self.schema.resolve(self.type), self.value, ()))

    def compare(self, other: Typed) -> Comparison:
        """What ``other`` changes."""
        walk = _Compare(self.schema)
        walk.values(self.type, self.value, other.value, ())
        return Comparison(frozenset(walk.removed), frozenset(walk.modified), frozenset(walk.added))

    def merge(self, other: Typed) -> Typed:
        """This value with ``other`` laid over it.

        Raises:
            NotOfType: where a list of ``other`` has the same item twice.
        """
        merged = _Merge(self.schema).values(self.type, self.value, other.value)
        return replace(self, value=None if merged is ABSENT else merged)

    def remove(self, paths: FieldSet) -> Typed:
        """This value without the fields and items at ``paths``."""
        return replace(self, value=_removed(self.schema, self.type, self.value, paths))

    def checked(self, *, duplicates: bool = False) -> Typed:
        """Itself.

        Raises:
            NotOfType: where the value is not what its type says; ``duplicates`` lets items be there twice.
        """
        faults = list(_faults(self.schema, self.type, self.value, (), duplicates=duplicates))
        if faults:
            raise NotOfType(faults)
        return self


@dataclass(frozen=True, slots=True)
class Comparison:
    """No field is in more than one of them."""

    removed: FieldSet
    modified: FieldSet
    added: FieldSet


def equal(left: Any, right: Any) -> bool:
    """Whether two values are the same: a whole float is its integer, a boolean is no number."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _fields(schema: Schema, atom: Atom, value: Any, path: Path) -> Iterator[Path]:
    atom = atom.for_value(value)
    if atom.map is not None:
        yield from _map_fields(schema, atom.map, value, path)
    elif atom.scalar is not None or (atom.list is not None and not atom.list.associative):
        yield path
    elif atom.list is not None:
        yield from _list_fields(schema, atom.list, value or (), path)


def _map_fields(schema: Schema, mapped: MapType, value: Any, path: Path) -> Iterator[Path]:
    if mapped.atomic:
        yield path
        return
    for name, inner in (value or {}).items():
        below = (*path, f"f:{name}")
        of = mapped.of(name)
        if of is not None:
            yield from _fields(schema, schema.resolve(of), inner, below)
        if inner is None or inner == {} or name not in mapped.fields:
            yield below


def _list_fields(schema: Schema, listed: ListType, value: Sequence[Any], path: Path) -> Iterator[Path]:
    items = by_element(schema, listed, value)
    atom = schema.resolve(listed.element)
    for element, same in items.items():
        if len(same) == 1:
            yield from _fields(schema, atom, same[0], (*path, element))
        yield (*path, element)


def by_element(schema: Schema, listed: ListType, items: Iterable[Any]) -> dict[str, list[Any]]:
    """The items of an associative list by their path element; those that have none are left out."""
    grouped: dict[str, list[Any]] = {}
    for item in items:
        try:
            grouped.setdefault(item_element(schema, listed, item), []).append(item)
        except Unindexable:
            continue
    return grouped


def _faults(schema: Schema, ref: TypeRef | None, value: Any, path: Path, *, duplicates: bool) -> Iterator[str]:
    atom = schema.resolve(ref).for_value(value)
    if atom.map is not None:
        yield from _map_faults(schema, atom.map, value, path, duplicates=duplicates)
    elif atom.scalar is not None:
        fault = _scalar_fault(atom.scalar, value)
        if fault:
            yield f"{display(path)}: {fault}"
    elif atom.list is not None:
        yield from _list_faults(schema, atom.list, value, path, duplicates=duplicates)


def _map_faults(schema: Schema, mapped: MapType, value: Any, path: Path, *, duplicates: bool) -> Iterator[str]:
    if value is None:
        return
    if not isinstance(value, Mapping):
        yield f"{display(path)}: expected map, got {_told(value)}"
        return
    for name, inner in value.items():
        of, below = mapped.of(name), (*path, f"f:{name}")
        if of is None:
            yield f"{display(below)}: field not declared in schema"
        else:
            yield from _faults(schema, of, inner, below, duplicates=duplicates)


def _list_faults(schema: Schema, listed: ListType, value: Any, path: Path, *, duplicates: bool) -> Iterator[str]:
    if value is None:
        return
    if not isinstance(value, list):
        yield f"{display(path)}: expected list, got {_told(value)}"
        return
    seen: set[str] = set()
    for index, item in enumerate(value):
        try:
            element = item_element(schema, listed, item) if listed.associative else f"i:{index}"
        except Unindexable as why:
            yield f"{display(path)}: element {index}: {why}"
            return
        if element in seen and not duplicates:
            yield f"{display(path)}: duplicate entries for key {display((element,))}"
        seen.add(element)
        yield from _faults(schema, listed.element, item, (*path, element), duplicates=duplicates)


def _scalar_fault(scalar: str, value: Any) -> str | None:
    allowed: dict[str, tuple[type, ...]] = {"numeric": (int, float), "string": (str,), "boolean": (bool,)}
    types = allowed.get(scalar, (str, int, float, bool))
    wrong_bool = scalar == "numeric" and isinstance(value, bool)
    if value is None or (isinstance(value, types) and not wrong_bool):
        return None
    wanted = {"numeric": "numeric (int or float)", "untyped": "any scalar", "quantity": "any scalar"}.get(
        scalar, scalar
    )
    return f"expected {wanted}, got {_told(value)}"


def _told(value: Any) -> str:
    return f"&value.valueUnstructured{{Value:{value!r}}}"


class _Compare:
    """Two values walked together; what differs is collected."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.removed: set[Path] = set()
        self.modified: set[Path] = set()
        self.added: set[Path] = set()

    def values(self, ref: TypeRef | None, old: Any, new: Any, path: Path) -> None:
        atom = self._schema.resolve(ref)
        left, right = (atom if each is ABSENT else atom.for_value(each) for each in (old, new))
        if new is ABSENT:
            leaf = self._atom(left, old, new, path)
        elif old is ABSENT or left == right:
            leaf = self._atom(right, old, new, path)
        else:
            self._atom(left, old, new, path)
            leaf = self._atom(right, old, new, path)
        if not leaf and old is ABSENT:
            self.added.add(path)
        elif not leaf and new is ABSENT:
            self.removed.add(path)

    def _atom(self, atom: Atom, old: Any, new: Any, path: Path) -> bool:
        """Whether the two were compared as one leaf."""
        if atom.map is not None:
            olds, news = (each if isinstance(each, Mapping) else {} for each in (old, new))
            if not atom.map.atomic and (olds or news):
                for name in [*olds, *(each for each in news if each not in olds)]:
                    below = (*path, f"f:{name}")
                    self.values(atom.map.of(name), olds.get(name, ABSENT), news.get(name, ABSENT), below)
                return False
        elif atom.scalar is None and atom.list is not None:
            before, after = (each if isinstance(each, list) else [] for each in (old, new))
            if atom.list.associative and (before or after):
                self._items(atom.list, before, after, path)
                return False
        self._leaf(old, new, path)
        return True

    def _leaf(self, old: Any, new: Any, path: Path) -> None:
        if old is ABSENT:
            self.added.add(path)
        elif new is ABSENT:
            self.removed.add(path)
        elif not equal(old, new):
            self.modified.add(path)

    def _items(self, listed: ListType, old: list[Any], new: list[Any], path: Path) -> None:
        olds, news = by_element(self._schema, listed, old), by_element(self._schema, listed, new)
        for element in [*olds, *(each for each in news if each not in olds)]:
            before, after, below = olds.get(element, []), news.get(element, []), (*path, element)
            match len(before) > 1, len(after) > 1:
                case False, False:
                    self.values(listed.element, _first(before), _first(after), below)
                case True, True:
                    self._leaf(before, after, below)
                case True, False:
                    if after:
                        self.values(listed.element, ABSENT, after[0], below)
                    self.removed.add(below)
                case _:
                    if before:
                        self.values(listed.element, before[0], ABSENT, below)
                    self.added.add(below)


def _first(items: Sequence[Any]) -> Any:
    return items[0] if items else ABSENT


class _Merge:
    """One value laid over another; the one on top wins at leaves."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def values(self, ref: TypeRef | None, under: Any, over: Any) -> Any:
        atom = self._schema.resolve(ref).for_value(under if over is ABSENT else over)
        if atom.map is not None:
            return self._maps(atom.map, under, over)
        if atom.scalar is None and atom.list is not None:
            return self._lists(atom.list, under, over)
        return under if over is ABSENT else over

    def _maps(self, mapped: MapType, under: Any, over: Any) -> Any:
        below, above = (each if isinstance(each, Mapping) else {} for each in (under, over))
        if mapped.atomic or not (below or above):
            return under if over is ABSENT else over
        names = [*below, *(each for each in above if each not in below)]
        merged = {
            name: self.values(mapped.of(name), below.get(name, ABSENT), above.get(name, ABSENT)) for name in names
        }
        return {name: value for name, value in merged.items() if value is not ABSENT} or ABSENT

    def _lists(self, listed: ListType, under: Any, over: Any) -> Any:
        below, above = (each if isinstance(each, list) else [] for each in (under, over))
        if not listed.associative or not (below or above):
            return under if over is ABSENT else over
        over_items = by_element(self._schema, listed, above)
        twice = [element for element, items in over_items.items() if len(items) > 1]
        if twice:
            raise NotOfType([f"duplicate entries for key {display((element,))}" for element in twice])
        tops = {element: items[0] for element, items in over_items.items()}
        return self._zipped(listed, below, tops)

    def _zipped(self, listed: ListType, below: list[Any], tops: Mapping[str, Any]) -> list[Any]:
        """The items in the order of the list on top, each item of the other before the shared one that followed it."""
        elements = [item_element(self._schema, listed, item) for item in below]
        under = by_element(self._schema, listed, below)
        shared = iter([element for element in tops if element in under])
        order = list(tops)
        merged: list[Any] = []
        done: set[str] = set()
        left = right = 0
        following = next(shared, None)
        while left < len(elements) or right < len(order):
            mine = elements[left] if left < len(elements) else None
            theirs = order[right] if right < len(order) else None
            if mine is not None and mine not in tops:
                merged.append(self.values(listed.element, below[left], ABSENT))
                left += 1
                continue
            if mine is not None and theirs is not None and mine != theirs and following not in {None, mine}:
                left += 1
                continue
            if mine is not None and (mine in done or mine == theirs):
                left += 1
                if mine != theirs:
                    continue
            if theirs is not None:
                same = under.get(theirs, [])
                merged.append(self.values(listed.element, same[0] if len(same) == 1 else ABSENT, tops[theirs]))
                done.add(theirs)
                right += 1
                following = next(shared, None) if following == theirs else following
        return merged


def _removed(schema: Schema, ref: TypeRef | None, value: Any, paths: FieldSet) -> Any:
    atom = schema.resolve(ref).for_value(value)
    if atom.map is not None and isinstance(value, Mapping):
        return None if not value or atom.map.atomic else _fields_removed(schema, atom.map, value, paths)
    if atom.scalar is None and atom.list is not None and isinstance(value, list):
        return None if not value or not atom.list.associative else _items_removed(schema, atom.list, value, paths)
    return value


def _fields_removed(
    schema: Schema, mapped: MapType, value: Mapping[str, Any], paths: FieldSet
) -> dict[str, Any] | None:
    kept = {}
    for name, inner in value.items():
        element = f"f:{name}"
        if (element,) in paths:
            continue
        below = with_prefix(paths, element)
        kept[name] = _removed(schema, mapped.of(name), inner, below) if below else inner
    return kept or None


def _items_removed(schema: Schema, listed: ListType, value: list[Any], paths: FieldSet) -> list[Any] | None:
    kept = []
    for item in value:
        element = item_element(schema, listed, item)
        if (element,) in paths:
            continue
        below = with_prefix(paths, element)
        kept.append(_removed(schema, listed.element, item, below) if below else item)
    return kept or None
