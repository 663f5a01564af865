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
    listed = elements(tree)
    if match := _INDEX.match(path):
        return (int(match[1]), match.end()) if int(match[1]) < len(listed) else None
    if match := _KEYS.match(path):
        keys = {name: json.loads(value) for name, value in _KEY.findall(match[1])}
        exact = [index for index, element in enumerate(listed) if keys.items() <= mapping(element).items()]
        fits = exact or [index for index, element in enumerate(listed) if _may_have(mapping(element), keys)]
        return (fits[0], match.end()) if len(fits) == 1 else None
    return None


def _may_have(element: Tree, keys: Mapping[str, JSON]) -> bool:
    """Whether it has these keys, or leaves them to their defaults."""
    return bool(element) and all(element.get(name, value) == value for name, value in keys.items())


def unasked(
    held: Iterable[HeldField], named: Iterable[Pointer], live: Tree, seen: Tree | None
) -> tuple[HeldField, ...]:
    """Those of the ``held`` fields that no named one touches, and that are in ``live`` what they were when they were seen."""
    touched = tuple(named)
    return tuple(field for field in held if _is_unasked(field, touched, live, seen))


def _is_unasked(held: HeldField, named: tuple[Pointer, ...], live: Tree, seen: Tree | None) -> bool:
    pointer = pointer_of(held.field, live)
    before = pointer_of(held.field, seen)
    if not pointer or not before or value_at(live, pointer) != value_at(seen, before):
        return False
    return not any(pointer[: len(each)] == each or each[: len(pointer)] == pointer for each in named)


def leaving_out(body: Tree, fields: Iterable[HeldField]) -> Tree:
    """``body`` without these fields."""
    left = plain(body)
    for field in fields:
        pointer = pointer_of(field.field, left)
        if pointer and exists_at(left, pointer):
            match value_at(left, pointer[:-1]), pointer[-1]:
                case dict() as entries, str() as key:
                    del entries[key]
                case list() as listed, int() as index:
                    del listed[index]
    return mapping(left)
