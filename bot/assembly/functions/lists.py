"""Functions of lists. What they pass on still knows where it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.assembly.faults import MOST_ELEMENTS, Misuse
from bot.assembly.functions.arguments import as_texts, elements, integer, items, text, truth, unified
from bot.assembly.functions.encoding import json_text
from bot.assembly.graphemes import graphemes
from bot.assembly.values import Value, equal
from bot.model.json import JSON


def length(value: JSON) -> JSON:
    """How many characters, elements or entries there are."""
    if isinstance(value, str):
        return len(graphemes(text(value)))
    if isinstance(value, (Sequence, dict)):
        return len(value)
    raise Misuse("takes text, a list or an object")


def all_true(values: JSON) -> JSON:
    """Whether all elements are true; null is not, none at all are."""
    return all(_truths(values))


def any_true(values: JSON) -> JSON:
    """Whether one element is true."""
    return any(_truths(values))


def _truths(values: JSON) -> list[bool]:
    return [value is not None and truth(value) for value in elements(values)]


def in_order(values: JSON) -> JSON:
    """Texts in the order of their code points."""
    return sorted(text(value) for value in elements(values))


def contains(values: Value, value: Value) -> bool:
    """Whether one of ``values`` is ``value``, of the same type."""
    return _position(values, value) is not None


def index(values: Value, value: Value) -> int:
    """The first position of ``value`` in ``values``."""
    position = _position(values, value)
    if position is None:
        raise Misuse("finds no such element")
    return position


def _position(values: Value, value: Value) -> int | None:
    if value.data is None:
        raise Misuse("takes a value to look for that is not null")
    return next((position for position, item in enumerate(items(values)) if equal(item, value)), None)


def concat(*lists: Value) -> tuple[Value, ...]:
    """The elements of all lists."""
    return tuple(item for value_list in lists for item in items(value_list))


def backwards(values: Value) -> tuple[Value, ...]:
    """The elements from last to first."""
    return items(values)[::-1]


def element(values: Value, position: Value) -> Value:
    """The element at a position that is counted round the end of the list."""
    members = items(values)
    if not members:
        raise Misuse("takes a list that is not empty")
    return members[integer(position.plain()) % len(members)]


def coalesce(*values: Value) -> Value:
    """The first value that is neither null nor empty text, as the type that all of them have."""
    for value in unified(values):
        if value.data is not None and value.data != "":
            return value
    raise Misuse("was given nothing but null and empty text")


def coalesce_lists(*lists: Value) -> Value:
    """The first list that is not empty."""
    filled = [value for value in lists if items(value)]
    if filled:
        return filled[0]
    raise Misuse("was given nothing but empty lists")


def flatten(values: Value) -> tuple[Value, ...]:
    """The elements of lists in lists, however deep."""
    result: list[Value] = []
    for item in items(values):
        result += flatten(item) if isinstance(item.data, tuple) else (item,)
        if len(result) > MOST_ELEMENTS:
            raise Misuse(f"makes at most {MOST_ELEMENTS} elements")
    return tuple(result)


def cut(values: Value, start: Value, end: Value) -> tuple[Value, ...]:
    """The elements from ``start`` to before ``end``."""
    members, first, last = items(values), integer(start.plain()), integer(end.plain())
    if not 0 <= first <= last <= len(members):
        raise Misuse("takes a list and two positions in it")
    return members[first:last]


def chunks(values: Value, size: Value) -> tuple[Value, ...]:
    """Lists of ``size`` elements each, the last one of what is left; a size of 0 makes one list."""
    members, count = unified(items(values)), integer(size.plain())
    if count < 0:
        raise Misuse("takes a size that is not below zero")
    starts = range(0, len(members), count or max(1, len(members)))
    return tuple(
        replace(values, unique=False, data=members[start : start + (count or len(members))]) for start in starts
    )


def compact(values: Value) -> tuple[Value, ...]:
    """Texts without empty ones and null."""
    return tuple(item for item in as_texts(items(values)) if item.data is not None and item.data != "")


def only(values: Value) -> Value | None:
    """The only element of a list; None of an empty one."""
    members = items(values)
    if len(members) > 1:
        raise Misuse("takes a list of at most one element")
    return members[0] if members else None


def matching(values: Value, keys: Value, chosen_value: Value) -> tuple[Value, ...]:
    """The values whose key, at the same position, is among the chosen ones."""
    members, key_items = unified(items(values)), items(keys)
    if len(members) != len(key_items):
        raise Misuse("takes as many keys as values")
    same = unified((*key_items, *items(chosen_value)))
    choices = {json_text(choice.plain()) for choice in same[len(key_items) :]}
    pairs = zip(members, same[: len(key_items)], strict=True)
    return tuple(value for value, name in pairs if json_text(name.plain()) in choices)


def as_list(values: Value) -> Value | tuple[Value, ...]:
    """The elements as one type; null stays null."""
    return values if values.data is None else unified(items(values))
