"""Functions of sets: lists with each element once, in the order that Terraform shows them in."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce

from bot.assembly.faults import MOST_ELEMENTS, Misuse
from bot.assembly.functions.arguments import items, unified
from bot.assembly.functions.encoding import json_text
from bot.assembly.values import Value


def distinct(values: Value) -> tuple[Value, ...]:
    """Each element once, as one type, in the order of the list."""
    return _once(unified(items(values)))


def as_set(values: Value) -> Value | tuple[Value, ...]:
    """The elements as a set; null stays null."""
    return values if values.data is None else as_members(unified(items(values)))


def union(*sets: Value) -> tuple[Value, ...]:
    """What is in one of the sets."""
    return as_members([item for members in _same_type(sets) for item in members])


def intersection(*sets: Value) -> tuple[Value, ...]:
    """What is in all of the sets."""
    first, *other_sets = _same_type(sets)
    return as_members(
        reduce(lambda members, members_of_set: _among(members, members_of_set, member=True), other_sets, first)
    )


def difference(first: Value, second: Value) -> tuple[Value, ...]:
    """What is in the first set and not in the second."""
    return as_members(_among(*_same_type((first, second)), member=False))


def product(*sets: Value) -> tuple[Value, ...]:
    """All ways to take one element of each list, in their order; a set where one of them is a set."""
    members = [unified(items(value)) for value in sets]
    if math.prod(map(len, members)) > MOST_ELEMENTS:
        raise Misuse(f"makes at most {MOST_ELEMENTS} elements")
    combinations = (replace(sets[0], unique=False, data=combination) for combination in itertools.product(*members))
    return as_members(combinations) if any(value.unique for value in sets) else tuple(combinations)


def _same_type(sets: Sequence[Value]) -> list[tuple[Value, ...]]:
    """The elements of all sets as one type."""
    flat = iter(unified([item for value in sets for item in items(value)]))
    return [tuple(itertools.islice(flat, len(value.elements))) for value in sets]


def _key(value: Value) -> str:
    return json_text(value.plain())


def _once(values: Iterable[Value]) -> tuple[Value, ...]:
    unique_values: dict[str, Value] = {}
    for value in values:
        unique_values.setdefault(_key(value), value)
    return tuple(unique_values.values())


def _among(values: Iterable[Value], other_values: Iterable[Value], *, member: bool) -> tuple[Value, ...]:
    other_keys = {_key(value) for value in other_values}
    return tuple(value for value in values if (_key(value) in other_keys) is member)


def as_members(values: Iterable[Value]) -> tuple[Value, ...]:
    """Each element once, in go-cty's order (cty/set_internals.go, ``Less``): false before true, numbers, texts, null last."""
    return tuple(sorted(_once(values), key=_rank))


def _rank(value: Value) -> tuple[bool, float, str]:
    if isinstance(value.data, (int, float)):
        return (False, value.data, "")
    return (value.data is None, 0, value.data if isinstance(value.data, str) else _hashed(value))


def _hashed(value: Value) -> str:
    """What go-cty sorts elements with parts by (``appendSetHashBytes``, same file); of an object only the values count."""
    match value.data:
        case None:
            return "~"
        case bool():
            return "T" if value.data else "F"
        case int() | float():
            return f"{value.data:.10g}"
        case tuple():
            return f"[{''.join(f'{_hashed(item)};' for item in value.data)}]"
        case dict():
            return f"<{''.join(f'{_hashed(value.data[name])};' for name in sorted(value.data))}>"
        case _:
            return json_text(value.plain())
