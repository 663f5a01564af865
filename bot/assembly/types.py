"""Types of variables (``list(string)``, ``object({...})``) and of schema fields, and values converted to them.

Source: Terraform documentation, "Type Constraints" and "Types and Values".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, TypeAlias

from bot.assembly.faults import Misuse
from bot.assembly.functions.arguments import unified
from bot.assembly.functions.sets import as_members
from bot.assembly.values import Value, as_bool, as_number, as_text, kind_of
from bot.intake.syntax import Expression, FunctionCall, ListExpression, Name, ObjectExpression

_DURATION: Final = re.compile(r"([0-9]+(\.[0-9]+)?(us|ms|s|m|h))+\Z")
"""Compose Specification, "Specifying durations"."""
_SIZE: Final = re.compile(r"[0-9]+(\.[0-9]+)?([kKmMgGtT]([iI]?[bB]?)|[bB])?\Z")
"""Compose Specification, "Specifying byte values"; larger units and fractions as Docker takes them (go-units, size.go)."""


class ScalarType(Enum):
    """Types without parts; the value is what messages call them."""

    STRING = "text"
    NUMBER = "a number"
    INTEGER = "a whole number"
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
class TupleOf:
    """A list with as many elements as there are types, each of its own."""

    items: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Structure:
    """An object with these keys; those in ``optional`` may be absent, and are then what ``defaults`` say or null."""

    fields: Mapping[str, Type]
    optional: frozenset[str]
    defaults: Mapping[str, Expression] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few texts."""

    choices: tuple[str, ...]


Type: TypeAlias = ScalarType | ListOf | MapOf | TupleOf | Structure | OneOf


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
        case TupleOf(items):
            return f"a list of {len(items)} elements"
        case Structure(fields):
            return f"an object with {', '.join(sorted(fields))}"
        case OneOf(choices):
            return ", ".join(choices[:-1]) + f" or {choices[-1]}"


DefaultMaker: TypeAlias = Callable[[Expression], Value]
"""What the default of an optional attribute comes to."""


def _nothing(_default: Expression) -> Value:
    raise TypeError


def converted(value: Value, kind: Type, finish: DefaultMaker = _nothing) -> Value:
    """``value`` as ``kind``, traces kept; null stays null. ``finish`` evaluates defaults of optional attributes, which only the
    types of variables have. Raises :class:`Mismatch`.
    """
    if value.data is None or kind is ScalarType.ANY:
        return value
    match kind:
        case ScalarType():
            return _scalar(value, kind)
        case OneOf(choices):
            if value.data not in choices:
                open_text = isinstance(value.data, str) and not value.sensitive
                shown_value = repr(value.data) if open_text else f"a {'secret' if value.sensitive else kind_of(value)}"
                raise Mismatch(value, f"{shown_value} is not possible here", describe(kind))
            return value
        case ListOf(item):
            if not isinstance(value.data, tuple):
                raise _wrong(value, kind)
            items = _alike(value, kind, tuple(converted(child, item, finish) for child in value.data))
            return replace(value, data=as_members(items) if kind.unique else items, unique=kind.unique)
        case MapOf(item):
            if not isinstance(value.data, dict):
                raise _wrong(value, kind)
            children = _alike(value, kind, tuple(converted(child, item, finish) for child in value.data.values()))
            return replace(value, data=dict(zip(value.data, children, strict=True)))
        case TupleOf(kinds):
            if not isinstance(value.data, tuple) or value.unique or len(value.data) != len(kinds):
                raise _wrong(value, kind)
            pairs = zip(value.data, kinds, strict=True)
            return replace(value, data=tuple(converted(child, inner, finish) for child, inner in pairs))
        case Structure():
            return _structure(value, kind, finish)


def _alike(value: Value, kind: ListOf | MapOf, children: tuple[Value, ...]) -> tuple[Value, ...]:
    """``children`` of a list or map, which are of one type also where ``any`` says that it may be each."""
    if kind.item is not ScalarType.ANY:
        return children
    try:
        return unified(children)
    except Misuse:
        raise Mismatch(value, "its elements have several types", "elements of one type") from None


def _wrong(value: Value, kind: Type) -> Mismatch:
    return Mismatch(value, f"this is a {kind_of(value)}", describe(kind))


def _structure(value: Value, kind: Structure, finish: DefaultMaker) -> Value:
    """The object with all its attributes: an optional one that is absent or null is its default."""
    if not isinstance(value.data, dict):
        raise _wrong(value, kind)
    missing = [name for name in kind.fields if name not in value.data and name not in kind.optional]
    if missing:
        raise Mismatch(value, f"this object has no {missing[0]}", describe(kind))
    entries: dict[str, Value] = {}
    for name, inner in kind.fields.items():
        child = value.data.get(name)
        if (child is None or child.data is None) and name in kind.defaults:
            child = finish(kind.defaults[name])
            child = child.secret() if value.trace.sensitive else child
        elif child is None:
            child = Value(None, replace(value.trace, literal=None, pieces=()))
        entries[name] = converted(child, inner, finish)
    return replace(value, data=entries)


def _scalar(value: Value, kind: ScalarType) -> Value:
    if kind is ScalarType.COMMAND and isinstance(value.data, tuple):
        return converted(value, ListOf(ScalarType.STRING))
    conversion = _CONVERT[kind](value)
    if conversion is None:
        raise (
            _wrong(value, kind) if kind in _BY_TYPE or kind_of(value) in {"list", "object"} else _mismatch(value, kind)
        )
    return value if type(conversion) is type(value.data) else replace(value, data=conversion)


def _mismatch(value: Value, kind: ScalarType) -> Mismatch:
    return Mismatch(value, f"{'a secret value' if value.sensitive else repr(value.data)} does not fit", describe(kind))


def _whole_number(value: Value) -> int | None:
    number = as_number(value)
    return int(number) if number is not None and number == int(number) else None


def _port(value: Value) -> int | None:
    number = _whole_number(value)
    return number if number is not None and 0 < number < 65536 else None


def _matching(pattern: re.Pattern[str]) -> Callable[[Value], str | None]:
    def matching_error(value: Value) -> str | None:
        text = as_text(value)
        return text if text is not None and pattern.match(text) else None

    return matching_error


_BY_TYPE: Final = frozenset({ScalarType.STRING, ScalarType.BOOL, ScalarType.COMMAND})
_CONVERT: Final[Mapping[ScalarType, Callable[[Value], bool | int | float | str | None]]] = {
    ScalarType.STRING: as_text,
    ScalarType.COMMAND: as_text,
    ScalarType.NUMBER: as_number,
    ScalarType.INTEGER: _whole_number,
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
        case FunctionCall(name="list" | "set", arguments=(item,)):
            return ListOf(parse_type(item), unique=node.name == "set")
        case FunctionCall(name="map", arguments=(item,)):
            return MapOf(parse_type(item))
        case FunctionCall(name="tuple", arguments=(ListExpression(items=kinds),)):
            return TupleOf(tuple(map(parse_type, kinds)))
        case FunctionCall(name="object", arguments=(ObjectExpression(items=items),)):
            quoted = next((item.key for item in items if not isinstance(item.key, Name)), None)
            if quoted is not None:
                raise NoType(quoted)
            fields = {item.key.name: item.value for item in items if isinstance(item.key, Name)}
            optional = {
                name for name, value in fields.items() if isinstance(value, FunctionCall) and value.name == "optional"
            }
            attributes = {name: parse_type(_required(value)) for name, value in fields.items()}
            return Structure(attributes, frozenset(optional), _defaults(fields))
        case _:
            raise NoType(node)


def defaults_of(kind: Type) -> Iterator[tuple[Type, Expression]]:
    """The defaults of optional attributes anywhere in a type, each with the type that it must have, which is asked first."""
    match kind:
        case ListOf(item) | MapOf(item):
            yield from defaults_of(item)
        case TupleOf(kinds):
            for inner in kinds:
                yield from defaults_of(inner)
        case Structure():
            for name, inner in kind.fields.items():
                yield from defaults_of(inner)
                if name in kind.defaults:
                    yield inner, kind.defaults[name]
        case ScalarType() | OneOf():
            return


def _required(node: Expression) -> Expression:
    """The type of an attribute, which alone may be ``optional``."""
    match node:
        case FunctionCall(name="optional", arguments=(item,) | (item, _)):
            return item
        case _:
            return node


def _defaults(fields: Mapping[str, Expression]) -> Mapping[str, Expression]:
    """The second arguments of ``optional``."""
    return {
        name: call.arguments[1]
        for name, call in fields.items()
        if isinstance(call, FunctionCall) and call.name == "optional" and len(call.arguments) > 1
    }
