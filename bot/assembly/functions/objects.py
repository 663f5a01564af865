"""Functions of objects. What they pass on still knows where it is written."""

from __future__ import annotations

from bot.assembly.faults import Misuse
from bot.assembly.functions.arguments import entries, fields, items, key, unified
from bot.assembly.values import Value
from bot.model.json import JSON


def names(value: JSON) -> JSON:
    """The keys in order."""
    return sorted(fields(value))


def values(value: Value) -> tuple[Value, ...]:
    """The values in the order of their keys."""
    return tuple(child for _, child in sorted(entries(value).items()))


def merge(*objects: Value) -> dict[str, Value]:
    """The entries of all objects; a later one wins, null has none."""
    result: dict[str, Value] = {}
    for value in objects:
        result |= entries(value) if value.data is not None else {}
    return result


def lookup(value: Value, name: Value, *default: Value) -> Value:
    """The entry called ``name``, or the default."""
    entry = entries(value).get(key(name))
    if entry is not None:
        return entry
    if not default:
        raise Misuse(f"finds no {key(name)!r} and was given no default")
    return default[0]


def zipped(names: Value, values: Value) -> dict[str, Value]:
    """An object of keys and values from two lists."""
    if values.unique:
        raise Misuse("takes values in an order; tolist() makes a list of a set")
    if len(items(names)) != len(items(values)):
        raise Misuse("takes two lists of the same length")
    return {key(name): value for name, value in zip(items(names), items(values), strict=True)}


def transpose(value: Value) -> dict[str, Value]:
    """For each text in the lists of an object, the keys of the lists it is in."""
    result: dict[str, list[Value]] = {}
    for name, members in sorted(entries(value).items()):
        for item in items(members):
            result.setdefault(key(item), []).append(Value(name, members.trace))
    return {name: Value(tuple(result[name]), value.trace) for name in sorted(result)}


def as_map(value: Value) -> Value | dict[str, Value]:
    """The entries as one type; null stays null."""
    if value.data is None:
        return value
    children = unified(list(entries(value).values()))
    return dict(zip(entries(value), children, strict=True))
