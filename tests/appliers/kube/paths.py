"""Sets of fields: which fields a manager owns, and how ``managedFields`` and messages write them.

A path is a tuple of elements in the spelling of ``fieldsV1``: ``f:NAME``, ``k:{KEYS}``, ``v:VALUE``, ``i:INDEX``
(``fieldpath/serialize-pe.go`` of structured-merge-diff; ``FieldsV1`` in the API reference of meta/v1). A set is a frozenset
of paths.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from tests.appliers.kube.schema import Atom, ListType, Schema

Path: TypeAlias = tuple[str, ...]
FieldSet: TypeAlias = frozenset[Path]


def compact(value: Any) -> str:
    """A value as compact JSON with sorted keys; whole floats are written as integers, to which they are equal."""
    return json.dumps(_whole(value), separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def _whole(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _whole(inner) for name, inner in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Unindexable(Exception):
    """An element that an associative list cannot tell from others."""


def item_element(schema: Schema, listed: ListType, item: Any) -> str:
    """The path element of an item of an associative list.

    Raises:
        Unindexable: with the words of ``typed/helpers.go``.
    """
    if not listed.associative:
        raise Unindexable("invalid indexing of non-associative list")
    if not listed.keys:
        return _set_element(item)
    if item is None:
        raise Unindexable("associative list with keys may not have a null element")
    if not isinstance(item, Mapping):
        raise Unindexable("associative list with keys may not have non-map elements")
    keys = {key: value for key in listed.keys if (value := _key_value(schema, listed, item, key)) is not None}
    if not keys:
        names = "[" + " ".join(json.dumps(key) for key in listed.keys) + "]"
        raise Unindexable(
            f"associative list with keys has an element that omits all key fields {names}"
            " (and doesn't have default values for any key fields)"
        )
    return "k:" + compact(keys)


def _set_element(item: Any) -> str:
    if isinstance(item, Mapping):
        raise Unindexable("associative list without keys has an element that's a map type")
    if isinstance(item, list):
        raise Unindexable("not supported: associative list with lists as elements")
    if item is None:
        raise Unindexable("associative list without keys has an element that's an explicit null")
    return "v:" + compact(item)


def _key_value(schema: Schema, listed: ListType, item: Mapping[str, Any], key: str) -> Any:
    if key in item:
        return item[key]
    atom = schema.resolve(listed.element)
    known = atom.map.fields.get(key) if atom.map else None
    return known.default if known else None


def with_prefix(paths: Iterable[Path], element: str) -> FieldSet:
    """What is below an element, without it."""
    return frozenset(path[1:] for path in paths if len(path) > 1 and path[0] == element)


def without(paths: FieldSet, roots: FieldSet) -> FieldSet:
    """The paths that neither are nor lie below one of ``roots``: ``RecursiveDifference``."""
    return frozenset(path for path in paths if not any(path[: len(root)] == root for root in roots))


def leaves(paths: FieldSet) -> FieldSet:
    """The paths that no other path continues."""
    parents = {path[:depth] for path in paths for depth in range(1, len(path))}
    return frozenset(path for path in paths if path not in parents)


def named_members(paths: FieldSet, schema: Schema, atom: Atom) -> FieldSet:
    """``paths`` and, of the fields that the schema names, those that lead to them: ``EnsureNamedFieldsAreMembers``."""
    return frozenset(paths | set(_leading(paths, schema, atom, ())))


def _leading(paths: Iterable[Path], schema: Schema, atom: Atom, prefix: Path) -> Iterator[Path]:
    below: dict[str, list[Path]] = {}
    for path in paths:
        if len(path) > 1:
            below.setdefault(path[0], []).append(path[1:])
    for element, rest in below.items():
        inner = Atom()
        if element.startswith("f:") and atom.map is not None:
            name = element[2:]
            if name in atom.map.fields:
                yield (*prefix, element)
            inner = schema.resolve(atom.map.of(name))
        elif element.startswith("k:") and atom.list is not None:
            inner = schema.resolve(atom.list.element)
        yield from _leading(rest, schema, inner, (*prefix, element))


def to_fields(paths: FieldSet) -> dict[str, Any]:
    """``fieldsV1`` of a set. A field that is a member and has members below has a ``.`` among them."""
    tree: dict[str, Any] = {}
    for path in sorted(paths, key=_order):
        below = tree
        for element in path:
            below = below.setdefault(element, {})
        below["."] = {}
    return {element: _trimmed(inner) for element, inner in tree.items() if element != "."} | (
        {".": {}} if "." in tree else {}
    )


def _trimmed(tree: dict[str, Any]) -> dict[str, Any]:
    if set(tree) == {"."}:
        return {}
    member: dict[str, Any] = {".": {}} if "." in tree else {}
    return member | {element: _trimmed(inner) for element, inner in tree.items() if element != "."}


def from_fields(fields: Mapping[str, Any]) -> FieldSet:
    """The set that a ``fieldsV1`` writes."""
    return frozenset(_members(fields, ()))


def _members(fields: Mapping[str, Any], prefix: Path) -> Iterator[Path]:
    for element, inner in fields.items():
        if element == ".":
            yield prefix
        elif inner:
            yield from _members(inner, (*prefix, element))
        else:
            yield (*prefix, element)


_RANK = {"f": 0, "k": 1, "v": 2, "i": 3}


def _order(path: Path) -> tuple[tuple[int, str], ...]:
    return tuple((_RANK[element[0]], element[2:]) for element in path)


def ordered(paths: FieldSet) -> list[Path]:
    """The paths as ``Set.Iterate`` gives them: at each depth the members first, then what is below."""
    inner: list[Path] = []
    for element in sorted({path[0] for path in paths if len(path) > 1}, key=lambda each: _order((each,))):
        inner += [(element, *rest) for rest in ordered(with_prefix(paths, element))]
    return sorted((path for path in paths if len(path) == 1), key=_order) + inner


def display(path: Path) -> str:
    """A path as messages have it: ``.spec.containers[name="a"].image`` (``fieldpath/element.go``)."""
    return "".join(_display(element) for element in path)


def _display(element: str) -> str:
    kind, text = element[0], element[2:]
    match kind:
        case "f":
            return f".{text}"
        case "k":
            pairs = json.loads(text).items()
            return "[" + ",".join(f"{key}={compact(value)}" for key, value in pairs) + "]"
        case "v":
            return f"[={text}]"
        case _:
            return f"[{text}]"
