"""Types of variables (``list(string)``, ``object({...})``) and of schema fields, and values converted to them.

Source: Terraform documentation, "Type Constraints" and "Types and Values".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, TypeAlias

from bot.assembly.values import Value, as_bool, as_number, as_text, kind_of
from bot.intake.syntax import Expression, FunctionCall, ListExpression, Name, ObjectExpression, Template

_DURATION: Final = re.compile(r"([0-9]+(\.[0-9]+)?(us|ms|s|m|h))+\Z")
"""Compose Specification, "Specifying durations"."""
_SIZE: Final = re.compile(r"[0-9]+(\.[0-9]+)?([kKmMgGtT]([iI]?[bB]?)|[bB])?\Z")
"""Compose Specification, "Specifying byte values"; larger units and fractions as Docker takes them (go-units, size.go)."""


class ScalarType(Enum):
    """Types without parts; the value is what messages call them."""

    STRING = "text"
    NUMBER = "a number"
    WHOLE = "a whole number"
    BOOL = "true or false"
    ANY = "any value"
    DURATION = 'a duration such as "10s" or "1m30s"'
    SIZE = 'a size such as "512m" or "2g"'
    PORT = "a port from 1 to 65535"
    COMMAND = "text or a list of texts"


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list (or set, when ``unique``)."""

    item: Type
    unique: bool = False


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object with any keys."""

    item: Type


@dataclass(frozen=True, slots=True)
class Structure:
    """An object with these keys; those in ``optional`` may be absent."""

    fields: Mapping[str, Type]
    optional: frozenset[str]


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few texts."""

    choices: tuple[str, ...]


Type: TypeAlias = ScalarType | ListOf | MapOf | Structure | OneOf


@dataclass(frozen=True, slots=True)
class Mismatch(Exception):
    """``value`` is not what was expected."""

    value: Value
    message: str
    expected: str


def describe(kind: Type) -> str:
    """What messages call a type."""
    match kind:
        case ScalarType():
            return kind.value
        case ListOf(item):
            return f"a list of {describe(item).removeprefix('a ')}"
        case MapOf(item):
            return f"an object of {describe(item).removeprefix('a ')}"
        case Structure(fields):
            return f"an object with {', '.join(sorted(fields))}"
        case OneOf(choices):
            return ", ".join(choices[:-1]) + f" or {choices[-1]}"


def converted(value: Value, kind: Type) -> Value:
    """``value`` as ``kind``, traces kept; null stays null. Raises :class:`Mismatch`."""
    if value.data is None or kind is ScalarType.ANY:
        return value
    match kind:
        case ScalarType():
            return _scalar(value, kind)
        case OneOf(choices):
            if value.data not in choices:
                shown = repr(value.data) if isinstance(value.data, str) else f"a {kind_of(value)}"
                raise Mismatch(value, f"{shown} is not possible here", describe(kind))
            return value
        case ListOf(item):
            if not isinstance(value.data, tuple):
                raise _wrong(value, kind)
            return replace(value, data=tuple(converted(child, item) for child in value.data))
        case MapOf(item):
            if not isinstance(value.data, dict):
                raise _wrong(value, kind)
            return replace(value, data={key: converted(child, item) for key, child in value.data.items()})
        case Structure(fields, optional):
            return _structure(value, kind, fields, optional)


def _wrong(value: Value, kind: Type) -> Mismatch:
    return Mismatch(value, f"this is a {kind_of(value)}", describe(kind))


def _structure(value: Value, kind: Type, fields: Mapping[str, Type], optional: frozenset[str]) -> Value:
    if not isinstance(value.data, dict):
        raise _wrong(value, kind)
    missing = [name for name in fields if name not in value.data and name not in optional]
    if missing:
        raise Mismatch(value, f"this object has no {missing[0]}", describe(kind))
    known = {name: child for name, child in value.data.items() if name in fields}
    return replace(value, data={name: converted(child, fields[name]) for name, child in known.items()})


def _scalar(value: Value, kind: ScalarType) -> Value:
    if kind is ScalarType.COMMAND and isinstance(value.data, tuple):
        return converted(value, ListOf(ScalarType.STRING))
    made = _CONVERT[kind](value)
    if made is None:
        raise _wrong(value, kind) if kind in _BY_TYPE or kind_of(value) in {"list", "object"} else _bad(value, kind)
    return value if type(made) is type(value.data) else replace(value, data=made)


def _bad(value: Value, kind: ScalarType) -> Mismatch:
    return Mismatch(value, f"{'a secret value' if value.sensitive else repr(value.data)} does not fit", describe(kind))


def _whole(value: Value) -> int | None:
    number = as_number(value)
    return int(number) if number is not None and number == int(number) else None


def _port(value: Value) -> int | None:
    number = _whole(value)
    return number if number is not None and 0 < number < 65536 else None


def _matching(pattern: re.Pattern[str]) -> Callable[[Value], str | None]:
    def made(value: Value) -> str | None:
        text = as_text(value)
        return text if text is not None and pattern.match(text) else None

    return made


_BY_TYPE: Final = frozenset({ScalarType.STRING, ScalarType.BOOL, ScalarType.COMMAND})
_CONVERT: Final[Mapping[ScalarType, Callable[[Value], bool | int | float | str | None]]] = {
    ScalarType.STRING: as_text,
    ScalarType.COMMAND: as_text,
    ScalarType.NUMBER: as_number,
    ScalarType.WHOLE: _whole,
    ScalarType.BOOL: as_bool,
    ScalarType.DURATION: _matching(_DURATION),
    ScalarType.SIZE: _matching(_SIZE),
    ScalarType.PORT: _port,
}
_NAMES: Final[Mapping[str, Type]] = {
    "string": ScalarType.STRING,
    "number": ScalarType.NUMBER,
    "bool": ScalarType.BOOL,
    "any": ScalarType.ANY,
    "list": ListOf(ScalarType.ANY),
    "set": ListOf(ScalarType.ANY, unique=True),
    "map": MapOf(ScalarType.ANY),
}


class NoType(ValueError):
    """An expression that is no type; ``node`` is the part that is not."""

    def __init__(self, node: Expression) -> None:
        super().__init__("not a type")
        self.node = node


def parse_type(node: Expression) -> Type:
    """The type that ``type = ...`` of a variable writes. Raises :class:`NoType`."""
    match node:
        case Name(name=name) if name in _NAMES:
            return _NAMES[name]
        case Template() if node.literal in _NAMES:
            return _NAMES[node.literal or ""]
        case FunctionCall(name="list" | "set", arguments=(item,)):
            return ListOf(parse_type(item), unique=node.name == "set")
        case FunctionCall(name="map", arguments=(item,)):
            return MapOf(parse_type(item))
        case FunctionCall(name="tuple", arguments=(ListExpression(),)):
            return ListOf(ScalarType.ANY)
        case FunctionCall(name="object", arguments=(ObjectExpression(items=items),)):
            fields = {
                key.name: value for key, value in ((item.key, item.value) for item in items) if isinstance(key, Name)
            }
            optional = {
                name for name, value in fields.items() if isinstance(value, FunctionCall) and value.name == "optional"
            }
            return Structure({name: parse_type(value) for name, value in fields.items()}, frozenset(optional))
        case FunctionCall(name="optional", arguments=(item, *_)):
            return parse_type(item)
        case _:
            raise NoType(node)
