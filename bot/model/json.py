"""JSON values and their types, and typed looks into JSON of which nothing is promised.

Live objects come from machines of every version. Each function answers with an empty value of the type that was asked
for when something else (or nothing) is there, so that one strange field never switches the others off. The plain types
are tried first: an abstract one costs ten times as much, and this is called a million times for ten thousand objects.
The functions are imported by their own names, everywhere. Used by the conversions of live objects and by the observers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from operator import attrgetter
from typing import TypeAlias, TypeGuard

JSON: TypeAlias = "None | bool | int | float | str | Sequence[JSON] | Mapping[str, JSON]"
"""A JSON-like value. Mappings have string keys; sequences are lists or tuples."""

Tree: TypeAlias = Mapping[str, JSON]

Pointer: TypeAlias = tuple[str | int, ...]
"""The raw place of a value in a tree: mapping keys and list indexes, as JSON Pointer has them (RFC 6901)."""


def mapping(value: JSON) -> Tree:
    """``value`` if it is a mapping, else an empty one."""
    return value if isinstance(value, (dict, Mapping)) else {}


def elements(value: JSON) -> Sequence[JSON]:
    """``value`` if it is a list, else an empty one."""
    return value if isinstance(value, (list, Sequence)) and not isinstance(value, str) else ()


def mappings(value: JSON) -> Iterator[Tree]:
    """The mappings in a list; other elements are skipped."""
    return (element for element in elements(value) if isinstance(element, (dict, Mapping)))


def text(value: JSON) -> str:
    """``value`` if it is text, the digits of a whole number, else empty."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def texts(value: JSON) -> tuple[str, ...]:
    """The text elements of a list; a lone text counts as a list of one."""
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(element for element in elements(value) if isinstance(element, str))


def several(value: JSON) -> Sequence[JSON]:
    """The elements of a list, a lone value as a list of one; null is none."""
    return elements(value) if is_list(value) else () if value is None else (value,)


def integer(value: JSON) -> int:
    """``value`` if it is a whole number, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def get(tree: Tree, *keys: str) -> JSON:
    """The value below nested mappings, None where the way ends early."""
    value: JSON = tree
    for key in keys:
        if not isinstance(value, (dict, Mapping)):
            return None
        value = value.get(key)
    return value


def value_at(value: JSON, pointer: Pointer) -> JSON:
    """What stands at ``pointer`` below ``value``; None where that is nothing."""
    for part in pointer:
        if isinstance(part, str):
            value = mapping(value).get(part)
        else:
            items = elements(value)
            value = items[part] if -1 < part < len(items) else None
    return value


def exists_at(value: JSON, pointer: Pointer) -> bool:
    """Whether an entry stands at ``pointer`` below ``value``, be it null."""
    if not pointer:
        return True
    around, last = value_at(value, pointer[:-1]), pointer[-1]
    return last in mapping(around) if isinstance(last, str) else -1 < last < len(elements(around))


def is_list(value: object) -> TypeGuard[Sequence[JSON]]:
    """Whether a value is a JSON array."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def texts_in(value: JSON) -> Iterator[str]:
    """Every text in ``value``; no keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, Mapping)):
        for entry in value.values():
            yield from texts_in(entry)
    elif isinstance(value, (list, Sequence)):
        for element in value:
            yield from texts_in(element)


def written_texts(value: JSON, at: Pointer = ()) -> Iterator[tuple[Pointer, str]]:
    """Every text in ``value`` with its place; no keys."""
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from written_texts(entry, (*at, key))
    elif isinstance(value, Sequence):
        for index, element in enumerate(value):
            yield from written_texts(element, (*at, index))


def read_json(source: str | bytes) -> JSON:
    """The value of a JSON text; None where it is none, or nests deeper than Python's reader goes (:exc:`RecursionError`)."""
    try:
        value: JSON = json.loads(source)
    except (ValueError, RecursionError):
        return None
    return value


def canonical(value: object) -> bytes:
    """``value`` in the one JSON text that digests are made of: sorted keys, no blanks, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=jsonable).encode()


def jsonable(value: object) -> JSON:
    """What :func:`json.dumps` makes of a value that it does not know by itself (its ``default``)."""
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, Sequence) else str(value)


def plain(value: JSON) -> JSON:
    """``value`` with dictionaries and lists for whatever mappings and sequences it is made of; the numbers that JSON does
    not know (RFC 8259, section 6) as text.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(entry) for entry in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def facts(value: object, names: str) -> dict[str, JSON]:
    """What ``value`` holds under ``names``, as JSON says it: times in ISO 8601, words of closed lists as their text.

    A name may be ``key=way.to.it`` where the key is another one.
    """
    name_parts = (name.partition("=") for name in names.split())
    return {key: _as_fact(attrgetter(attribute or key)(value)) for key, _, attribute in name_parts}


def _as_fact(value: object) -> JSON:
    match value:
        case datetime():
            return value.isoformat()
        case Enum():
            return _as_fact(value.value)
        case Mapping():
            return {str(key): _as_fact(entry) for key, entry in value.items()}
        case tuple() | list():
            return [_as_fact(element) for element in value]
        case None | bool() | int() | float() | str():
            return value
    raise TypeError(f"{type(value).__name__} is nothing that JSON says")


def moment(value: JSON) -> datetime | None:
    """An RFC 3339 time in UTC; None for Go's zero time and for anything else.

    Nanoseconds, which engines write and :meth:`datetime.fromisoformat` refuses, are cut to microseconds.
    """
    moment_text = text(value)
    if not moment_text or moment_text.startswith("0001-"):
        return None
    head, dot, tail = moment_text.partition(".")
    if dot:
        digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
        moment_text = f"{head}.{digits[:6]}{tail[len(digits) :]}"
    try:
        at = datetime.fromisoformat(moment_text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
