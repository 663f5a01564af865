"""Arguments of functions as what the function takes: text, numbers, lists, objects; and elements of one type.

Conversions are those of Terraform's type system (go-cty, docs/convert.md): numbers and truth values become text, text
that spells one becomes a number, null becomes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from bot.assembly.faults import Misuse
from bot.assembly.numbers import number_text, parse_number
from bot.assembly.values import Data, Value, as_text, bool_of, composed, kind_of
from bot.model.json import JSON

_COLLECTIONS: Final = frozenset({"list", "object"})


def text(value: JSON) -> str:
    """``value`` as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return composed(value)
    if isinstance(value, (int, float)):
        return number_text(value)
    raise Misuse("takes text")


def number(value: JSON) -> int | float:
    """``value`` as a number."""
    if isinstance(value, str):
        parsed = parse_number(value)
        if parsed is None:
            raise Misuse(f"takes a number, not {value!r}")
        return parsed
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Misuse("takes a number")
    return value


def integer(value: JSON) -> int:
    """``value`` as a whole number."""
    result = number(value)
    if result != int(result):
        raise Misuse("takes a whole number")
    return int(result)


def truth(value: JSON) -> bool:
    """``value`` as true or false."""
    result = bool_of(value)
    if result is None:
        raise Misuse("takes true or false")
    return result


def elements(value: JSON) -> list[JSON]:
    """The elements of a list."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise Misuse("takes a list")
    return list(value)


def fields(value: JSON) -> Mapping[str, JSON]:
    """The entries of an object."""
    if not isinstance(value, Mapping):
        raise Misuse("takes an object")
    return value


def items(value: Value) -> tuple[Value, ...]:
    """The traced elements of a list."""
    if not isinstance(value.data, tuple):
        raise Misuse("takes lists")
    return value.data


def entries(value: Value) -> dict[str, Value]:
    """The traced entries of an object."""
    if not isinstance(value.data, dict):
        raise Misuse("takes objects")
    return value.data


def key(value: Value) -> str:
    """A key of an object."""
    name = as_text(value)
    if name is None:
        raise Misuse("takes text as a key")
    return name


def as_texts(values: Iterable[Value]) -> tuple[Value, ...]:
    """``values`` as texts; null stays null."""
    return _refilled(values, lambda value: text(value.plain()))


def unified(values: Sequence[Value]) -> tuple[Value, ...]:
    """``values`` with one type, as the elements of a list have: texts where one of them is text.

    Source: Terraform, "Types and Values", section "Conversion of complex types". Raises :class:`Misuse` when no type
    holds them all.
    """
    kinds = {kind_of(value) for value in values} - {"null"}
    if kinds == {"list"}:
        return _unified_lists(values)
    if kinds == {"object"}:
        return _unified_objects(values)
    if len(kinds) < 2:
        return tuple(values)
    if "string" in kinds and not kinds & _COLLECTIONS:
        return as_texts(values)
    raise Misuse(f"takes elements of one type, not {' and '.join(sorted(kinds))}")


def _refilled(values: Iterable[Value], data: Callable[[Value], Data]) -> tuple[Value, ...]:
    return tuple(value if value.data is None else replace(value, data=data(value)) for value in values)


def _unified_lists(values: Sequence[Value]) -> tuple[Value, ...]:
    lists = [value.elements for value in values if value.data is not None]
    if len({len(value_list) for value_list in lists}) == 1:
        columns = [unified(column) for column in zip(*lists, strict=True)]
        rows = iter([tuple(row) for row in zip(*columns, strict=True)] if columns else [() for _ in lists])
        return _refilled(values, lambda _: next(rows))
    flat = iter(unified([item for value_list in lists for item in value_list]))
    return _refilled(values, lambda value: tuple(next(flat) for _ in value.elements))


def _unified_objects(values: Sequence[Value]) -> tuple[Value, ...]:
    objects = [value.mapping for value in values if value.data is not None]
    if len({frozenset(entry) for entry in objects}) == 1:
        columns = {name: iter(unified([entry[name] for entry in objects])) for name in objects[0]}
        return _refilled(values, lambda value: {name: next(columns[name]) for name in value.mapping})
    flat = iter(unified([item for entry in objects for item in entry.values()]))
    return _refilled(values, lambda value: {name: next(flat) for name in value.mapping})
