"""Values of ``.cw`` files: each knows where it is written, how it got to its place, and whether it is secret."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

from bot.assembly.numbers import number_text, parse_number
from bot.model.json import JSON
from bot.model.nested import NestedValue
from bot.model.resource import Origin, Through


class ValueForm(Enum):
    """How a rendered value relates to the ``.cw`` value it comes from."""

    PLAIN = "plain"
    """It is that value."""
    SECONDS = "seconds"
    """A whole number of seconds made from a duration."""
    FIXED = "fixed"
    """Made in a way that cannot be turned round."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a template's text and where it is written.

    ``literal`` is the literal that says it (a variable's default, a local); for ``bare`` text it is the stretch itself,
    between the quotes of its template. ``use`` is the part of the outermost template that it stands in. Either is None
    where there is no such place.
    """

    text: str
    literal: Origin | None = None
    use: Origin | None = None
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """``origin`` is the place in the resource that gives the value; ``literal`` the literal (or template) it comes from,
    where that is another place (a variable's default, a line of a ``.cwvars`` file, a local). ``pieces`` are the text of
    a template, in order; there are none when the value is no such text. ``form`` says how a renderer changed the value
    on its way out.
    """

    origin: Origin
    literal: Origin | None = None
    pieces: tuple[Piece, ...] = ()
    sensitive: bool = False
    form: ValueForm = ValueForm.PLAIN

    @property
    def source(self) -> Origin | None:
        """The literal or template it comes from, wherever that is."""
        is_here = self.origin.through is Through.LITERAL or self.pieces
        return self.literal or (self.origin if is_here else None)


@dataclass(frozen=True, slots=True)
class Value(NestedValue):
    """One value with its trace. Lists are tuples of values, objects mappings of values; ``unique``: the list is a set, in the
    order in which Terraform goes through it.
    """

    data: Data
    trace: Trace
    unique: bool = False

    @property
    def sensitive(self) -> bool:
        """Whether it, or anything in it, is secret."""
        return any(value.trace.sensitive for value in self.parts())

    def characters(self) -> int:
        """How much text is in it."""
        return sum(len(value.data) if isinstance(value.data, str) else 1 for value in self.parts())

    def retraced(self, change: Callable[[Trace], Trace]) -> Value:
        """The same value whose parts have the traces that ``change`` makes of theirs; those that share one go on doing so."""
        return _retraced(self, change, {})

    def moved(self, origin: Origin, through: Through, name: str | None = None) -> Value:
        """The same value as it arrives at another place; its literal stays where it is."""
        moved_origin = replace(origin, through=through, name=name)
        return self.retraced(lambda old: Trace(moved_origin, old.source, old.pieces, old.sensitive, old.form))

    def secret(self) -> Value:
        """The same value, never to be shown."""
        return self.retraced(lambda old: replace(old, sensitive=True))


def _retraced(value: Value, change: Callable[[Trace], Trace], made: dict[int, Trace]) -> Value:
    """``made`` has the new traces by the identity of the old ones, all of which live as long as the value does."""
    old, data = value.trace, value.data
    trace = made.get(id(old)) or made.setdefault(id(old), change(old))
    if isinstance(data, dict):
        return Value({key: _retraced(child, change, made) for key, child in data.items()}, trace)
    if isinstance(data, tuple):
        return Value(tuple([_retraced(child, change, made) for child in data]), trace, value.unique)
    return Value(data, trace)


def decided_by(value: Value, *reasons: Value) -> Value:
    """``value``, which is secret where one of the ``reasons`` for taking it is: whoever sees it would learn of that."""
    return value.secret() if any(reason.sensitive for reason in reasons) else value


def pieces_of(value: Value, text: str, use: Origin | None) -> tuple[Piece, ...]:
    """The pieces that ``value``, which reads as ``text``, adds to the text it is put into at ``use``."""
    trace = value.trace
    if trace.pieces:
        return tuple(replace(piece, use=use) for piece in trace.pieces)
    return (Piece(text, trace.source, use),)


Data: TypeAlias = "None | bool | int | float | str | tuple[Value, ...] | dict[str, Value]"


def traced(plain: JSON, trace: Trace) -> Value:
    """A plain value all of whose parts have the same trace."""
    if isinstance(plain, Mapping):
        return Value({key: traced(child, trace) for key, child in plain.items()}, trace)
    if isinstance(plain, (list, tuple)):
        return Value(tuple(traced(child, trace) for child in plain), trace)
    if plain is None or isinstance(plain, (bool, int, float, str)):
        return Value(plain, trace)
    raise TypeError(type(plain).__name__)


def composed(text: str) -> str:
    """``text`` in Unicode's composed form, as all of Terraform's text is (go-cty, docs/types.md, ``cty.String``)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def kind_of(value: Value) -> str:
    """What people call its type."""
    match value.data:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case tuple():
            return "list"
        case _:
            return "object"


def as_text(value: Value) -> str | None:
    """The text a template makes of it; None for collections and null."""
    match value.data:
        case bool():
            return "true" if value.data else "false"
        case str():
            return value.data
        case int() | float():
            return number_text(value.data)
        case _:
            return None


def as_number(value: Value) -> int | float | None:
    """The number it is or spells."""
    if isinstance(value.data, bool):
        return None
    if isinstance(value.data, (int, float)):
        return value.data
    return parse_number(value.data) if isinstance(value.data, str) else None


def as_bool(value: Value) -> bool | None:
    """The truth value it is or spells."""
    return bool_of(value.data)


def bool_of(data: object) -> bool | None:
    """The truth value that ``data`` is or spells (go-cty, docs/convert.md: ``true``, ``false``, ``1`` and ``0``)."""
    if isinstance(data, bool):
        return data
    return {"true": True, "1": True, "false": False, "0": False}.get(data) if isinstance(data, str) else None


def equal(left: Value, right: Value) -> bool:
    """HCL's equality (specification, "Comparison Operators"): same type, same value; all numbers are one type."""
    return kind_of(left) == kind_of(right) and left.unique == right.unique and left.plain() == right.plain()
