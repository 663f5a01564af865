"""Fields that others hold with another value, and which of them nobody asked us to change. Pure; for the Kubernetes applier.

A comparison leaves out what an autoscaler sets, what ignore rules hide, and what is only spelled otherwise. An apply would
still meet the owners of such fields. They are left to them, as the Kubernetes docs have it for replicas ("Server-Side
Apply", "Transferring ownership"), as long as they are as they were when that was judged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

from bot.appliers.kubernetes_refusals import HeldField
from bot.model.json import JSON, Pointer, Tree, elements, exists_at, mapping, plain, value_at

_KEYS: Final = re.compile(r'\[((?:\w+=(?:"(?:[^"\\]|\\.)*"|[\w.+-]+),?)+)\]')
_KEY: Final = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[\w.+-]+)')
_INDEX: Final = re.compile(r"\[(\d+)\]")


def pointer_of(path: str, tree: JSON) -> Pointer | None:
    """Where a path as conflicts write it (``.spec.containers[name="web"].image``) leads in ``tree``; None where it leads
    nowhere, or to the element of a set.

    Format: ``Path.String`` of structured-merge-diff (``fieldpath/element.go``). Names of fields are not quoted, so the
    longest that the tree has is meant.
    """
    pointer: list[str | int] = []
    while path:
        step = _field(path, tree) if path.startswith(".") else _element(path, tree)
        if step is None:
            return None
        part, length = step
        pointer.append(part)
        tree, path = value_at(tree, (part,)), path[length:]
    return tuple(pointer)


def _field(path: str, tree: JSON) -> tuple[str, int] | None:
    names = [
        name for name in mapping(tree) if path.startswith(f".{name}") and path[len(name) + 1 :][:1] in {"", ".", "["}
    ]
    longest = max(names, key=len, default=None)
    return None if longest is None else (longest, len(longest) + 1)


def _element(path: str, tree: JSON) -> tuple[int, int] | None:
    items = elements(tree)
    if match := _INDEX.match(path):
        return (int(match[1]), match.end()) if int(match[1]) < len(items) else None
    if match := _KEYS.match(path):
        keys = {name: json.loads(value) for name, value in _KEY.findall(match[1])}
        exact = [index for index, element in enumerate(items) if keys.items() <= mapping(element).items()]
        fits = exact or [index for index, element in enumerate(items) if _may_have(mapping(element), keys)]
        return (fits[0], match.end()) if len(fits) == 1 else None
    return None


def _may_have(element: Tree, keys: Mapping[str, JSON]) -> bool:
    """Whether it has these keys, or leaves them to their defaults."""
    return bool(element) and all(element.get(name, value) == value for name, value in keys.items())


def unrelated_fields(
    held_by_others: Iterable[HeldField], pointers: Iterable[Pointer], live: Tree, live_before: Tree | None
) -> tuple[HeldField, ...]:
    """Those of ``held_by_others`` that no field of ``pointers`` touches and that are in ``live`` as in ``live_before``."""
    touched = tuple(pointers)
    return tuple(field for field in held_by_others if _is_unasked(field, touched, live, live_before))


def _is_unasked(held_field: HeldField, pointers: tuple[Pointer, ...], live: Tree, live_before: Tree | None) -> bool:
    pointer = pointer_of(held_field.field, live)
    before = pointer_of(held_field.field, live_before)
    if not pointer or not before or value_at(live, pointer) != value_at(live_before, before):
        return False
    return not any(
        pointer[: len(pointer_named)] == pointer_named or pointer_named[: len(pointer)] == pointer
        for pointer_named in pointers
    )


def leaving_out(body: Tree, fields: Iterable[HeldField]) -> Tree:
    """``body`` without these fields."""
    remaining = plain(body)
    for field in fields:
        pointer = pointer_of(field.field, remaining)
        if pointer and exists_at(remaining, pointer):
            match value_at(remaining, pointer[:-1]), pointer[-1]:
                case dict() as entries, str() as key:
                    del entries[key]
                case list() as items, int() as index:
                    del items[index]
    return mapping(remaining)
