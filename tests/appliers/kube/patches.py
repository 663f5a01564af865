"""The three kinds of patches that know of no owner: JSON patch, JSON merge patch and strategic merge patch.

RFC 6902; RFC 7386;
https://github.com/kubernetes/community/blob/main/contributors/devel/sig-api-machinery/strategic-merge-patch.md
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from tests.appliers.kube.schema import Atom, Kind, ListType, Schema, TypeRef
from tests.appliers.kube.typed import equal


class Unpatchable(Exception):
    """A patch that does not fit the object; ``test`` where an operation ``test`` failed."""

    def __init__(self, message: str, *, malformed: bool = False) -> None:
        super().__init__(message)
        self.malformed = malformed


def merge_patch(value: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(value) if isinstance(value, Mapping) else {}
    for name, inner in patch.items():
        if inner is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), inner)
    return merged


def json_patch(value: Any, operations: Any) -> Any:
    """RFC 6902.

    Raises:
        Unpatchable: where an operation cannot be done.
    """
    if not isinstance(operations, list):
        raise Unpatchable("cannot unmarshal object into Go value of type jsonpatch.Patch", malformed=True)
    value = copy.deepcopy(value)
    for operation in operations:
        value = _operated(value, operation)
    return value


def _operated(value: Any, operation: Mapping[str, Any]) -> Any:
    path = operation["path"]
    match operation["op"]:
        case "test":
            if not equal(_at(value, _tokens(path), path), operation.get("value")):
                raise Unpatchable(f"testing value {path} failed: test failed")
        case "add":
            return _placed(value, path, copy.deepcopy(operation["value"]), insert=True)
        case "replace":
            _at(value, _tokens(path), path)
            return _placed(value, path, copy.deepcopy(operation["value"]), insert=False)
        case "remove":
            _taken(value, path)
        case "move":
            return _placed(value, path, _taken(value, operation["from"]), insert=True)
        case "copy":
            source = operation["from"]
            return _placed(value, path, copy.deepcopy(_at(value, _tokens(source), source)), insert=True)
        case other:
            raise Unpatchable(f"Unexpected kind: {other}")
    return value


def _tokens(path: str) -> list[str]:
    return [token.replace("~1", "/").replace("~0", "~") for token in path.split("/")[1:]]


def _at(value: Any, tokens: Sequence[str], path: str) -> Any:
    for token in tokens:
        try:
            value = value[int(token)] if isinstance(value, list) else value[token]
        except (KeyError, IndexError, ValueError, TypeError) as why:
            raise Unpatchable(f"path {path} does not exist: missing value") from why
    return value


def _placed(value: Any, path: str, new: Any, *, insert: bool) -> Any:
    tokens = _tokens(path)
    if not tokens:
        return new
    holder, last = _at(value, tokens[:-1], path), tokens[-1]
    if isinstance(holder, list):
        index = len(holder) if last == "-" else int(last)
        holder[index : index if insert else index + 1] = [new]
    elif isinstance(holder, dict):
        holder[last] = new
    else:
        raise Unpatchable(f"path {path} does not exist: missing path")
    return value


def _taken(value: Any, path: str) -> Any:
    tokens = _tokens(path)
    holder = _at(value, tokens[:-1], path)
    taken = _at(holder, tokens[-1:], path)
    del holder[int(tokens[-1]) if isinstance(holder, list) else tokens[-1]]
    return taken


def strategic_patch(schema: Schema, kind: Kind, value: Any, patch: Any) -> Any:
    """Lists merge by their keys, or are replaced where they are atomic; ``$patch`` directives are followed."""
    return _strategic(schema, kind.type, value, patch)


def _strategic(schema: Schema, ref: TypeRef | None, value: Any, patch: Any) -> Any:
    atom = schema.resolve(ref)
    if isinstance(patch, Mapping):
        return _strategic_map(schema, atom, value, patch)
    if isinstance(patch, list) and atom.list is not None and atom.list.associative and atom.scalar is None:
        return _strategic_list(schema, atom.list, value if isinstance(value, list) else [], patch)
    return patch


def _strategic_map(schema: Schema, atom: Atom, value: Any, patch: Mapping[str, Any]) -> dict[str, Any] | None:
    directive = patch.get("$patch")
    if directive == "replace":
        return {name: inner for name, inner in patch.items() if name != "$patch"}
    if directive == "delete":
        return None
    merged = dict(value) if isinstance(value, Mapping) else {}
    for name, inner in patch.items():
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.partition("/")[2]
            merged[field] = [each for each in merged.get(field, []) if each not in inner]
        elif name == "$retainKeys":
            merged = {key: each for key, each in merged.items() if key in inner}
        elif name.startswith("$setElementOrder/"):
            continue
        elif inner is None:
            merged.pop(name, None)
        else:
            of = atom.map.of(name) if atom.map is not None else None
            merged[name] = _strategic(schema, of, merged.get(name), inner)
    for name, order in patch.items():
        if name.startswith("$setElementOrder/"):
            _reorder(schema, atom, merged, name.partition("/")[2], order)
    return {name: inner for name, inner in merged.items() if inner is not None}


def _reorder(schema: Schema, atom: Atom, merged: dict[str, Any], field: str, order: list[Any]) -> None:
    listed = schema.resolve(atom.map.of(field)).list if atom.map is not None else None
    if listed is None or field not in merged:
        return
    key = _merge_key(listed)
    ranks = [each[key] if key and isinstance(each, Mapping) else each for each in order]

    def rank(item: Any) -> int:
        name = item.get(key) if key and isinstance(item, Mapping) else item
        return ranks.index(name) if name in ranks else len(ranks)

    merged[field] = sorted(merged[field], key=rank)


def _merge_key(listed: ListType) -> str | None:
    """The first of the keys is the patch merge key: of ports it is ``containerPort`` or ``port``."""
    return listed.keys[0] if listed.keys else None


def _strategic_list(schema: Schema, listed: ListType, value: list[Any], patch: list[Any]) -> list[Any]:
    key = _merge_key(listed)
    if key is None:
        return value + [each for each in patch if each not in value]
    if any(isinstance(each, Mapping) and each.get("$patch") == "replace" for each in patch):
        return [each for each in patch if each != {"$patch": "replace"}]
    merged = list(value)
    for item in patch:
        if key not in item:
            raise Unpatchable(f"map: {item} does not contain declared merge key: {key}", malformed=True)
        at = next((i for i, each in enumerate(merged) if each.get(key) == item[key]), None)
        new = _strategic(schema, listed.element, merged[at] if at is not None else {}, item)
        if new is None:
            merged = [each for i, each in enumerate(merged) if i != at]
        elif at is None:
            merged.append(new)
        else:
            merged[at] = new
    return merged
