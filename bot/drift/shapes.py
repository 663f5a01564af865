"""What a field is: a mapping, a list that compares by key, a set, a quantity, something the server fills in.

A :class:`Shape` is a node of a schema that the walk (:mod:`bot.drift.walk`) goes down together with the two trees. The
tables of fields are data (:mod:`bot.drift.kubernetes.kinds` for Kubernetes, :mod:`bot.drift.compose.shape` for Compose) in
a small notation that :func:`compile_shape` reads; CRDs bring theirs (:mod:`bot.drift.kubernetes.crds`). Where a table says
nothing, :data:`ANY` compares whatever is found by its own form, so an unknown field never switches off what is known.

Notation of one field: a type name of the table (``PodSpec``), a comparator (``quantity``), ``map`` with the shape of its
values, ``list`` in order, ``set`` without order, ``keyed[name]`` or ``keyed[port,protocol=TCP]`` by key; in front of it
``server:`` (filled in by the platform when Git is silent, so that only a person's writing counts), ``allocated:`` (given
out by the platform alone when Git is silent: an address, a node's name), ``controller:`` (controllers may fill it in),
``ignored:`` (never compared), ``zero:`` (0, false and empty are values here, not absence), ``ordered:`` (a keyed list
whose order means something too), ``expanding:`` (a keyed list whose elements may use earlier ones as ``$(NAME)``, so that
only the order of those means something). Fields with the same notation may stand in one row of their type, names
separated by blanks; a later row overrules an earlier one. A type whose name ends in Spec, Metadata or Template groups
what belongs to several writers, so that a live-only one is told part by part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from bot.drift import images, values
from bot.model.json import JSON, Tree


class Form(Enum):
    """How two values of a shape are laid beside each other."""

    ANY = "any"
    LEAF = "leaf"
    STRUCT = "struct"
    MAP = "map"
    LIST = "list"
    SET = "set"
    KEYED = "keyed"


class FilledBy(Enum):
    """Who writes the field when Git is silent about it."""

    NOBODY = "nobody"
    """Neither server nor controllers: what is there, somebody put there."""
    SERVER = "server"
    """The server: silence in Git means that anything is fine which no person wrote."""
    ALLOCATED = "allocated"
    """The server alone: silence in Git means that anything is fine, whoever sent the request."""
    CONTROLLER = "controller"
    """Controllers may: silence in Git means that only a person's writing counts."""
    UNKNOWN = "unknown"
    """Not in any table: only a named writer tells."""
    IGNORED = "ignored"
    """Never desired state: status, identities, bookkeeping."""


Derive = Callable[[Tree], JSON]


@dataclass(frozen=True, slots=True)
class Default:
    """The value that an absent field means: ``value``, or ``derive`` from the mapping that the field is in.

    ``source`` names the function or page that says so.
    """

    source: str
    value: JSON = None
    derive: Derive | None = None

    def of(self, parent: Tree) -> JSON:
        """The value that absence means inside ``parent``; None where it means nothing."""
        return self.value if self.derive is None else self.derive(parent)


@dataclass(slots=True)
class Shape:
    """One node of a schema. Frozen by agreement once compiled (types may refer to themselves).

    ``keys`` of a keyed list are (field, value when absent). ``zero``: 0, false and empty differ from absence.
    """

    form: Form = Form.ANY
    filled: FilledBy = FilledBy.UNKNOWN
    canonical: values.Canonical | None = None
    fields: Mapping[str, Shape] = field(default_factory=dict)
    item: Shape | None = None
    keys: tuple[tuple[str, JSON], ...] = ()
    default: Default | None = None
    zero: bool = False
    ordered: bool = False
    unordered: bool = False
    expanding: bool = False
    agrees: Callable[[JSON, JSON], bool] | None = None
    """Whether a declared value is met by a live one although both are spelled differently."""
    name: str = ""

    @property
    def verbatim(self) -> bool:
        """Whether it is kept as it was sent: what a chart is given is a text where a text was meant."""
        return self.zero and self.form is Form.ANY

    def child(self, key: str) -> Shape:
        """The shape of the entry ``key``; :data:`ANY` where nothing is known."""
        shape = self.fields.get(key)
        if shape is not None:
            return shape
        return self.item or ANY

    @property
    def element(self) -> Shape:
        """The shape of a list's elements."""
        return self.item or ANY


ANY: Final = Shape()


def _anything() -> Shape:
    """A field that a table names and whose parts it leaves to their own forms: nobody fills them in."""
    inner_shape = Shape(filled=FilledBy.NOBODY)
    inner_shape.item = inner_shape
    return inner_shape


_ANYTHING: Final = _anything()


def _free() -> Shape:
    """Everything inside is kept as it was sent, so that 0, false and what is empty are values there."""
    inner_shape = Shape(zero=True)
    inner_shape.item = inner_shape
    return Shape(item=inner_shape)


FREE: Final = _free()
"""Any JSON of which nothing is known but that nobody reads it into types, such as the values of a chart."""

AGREEMENTS: Final[Mapping[str, Callable[[JSON, JSON], bool]]] = {"image": images.agrees}

COMPARATORS: Final[Mapping[str, values.Canonical]] = {
    "quantity": values.quantity,
    "duration": values.duration,
    "intstr": values.int_or_string,
    "mode": values.octal,
    "image": images.image,
    "base64": values.base64_text,
    "text": values.text,
    "boolean": values.boolean,
    "size": values.size,
    "number": values.number,
}

Types = Mapping[str, Mapping[str, str]]
Defaults = Mapping[str, Mapping[str, Default]]

_MARKS: Final = frozenset({"zero", "ordered", "unordered", "expanding"})
_KEYED: Final = re.compile(r"keyed\[([^\]]+)\] ?(.*)\Z")


def compile_shape(root: str, types: Types, defaults: Defaults, comparators: Mapping[str, Shape] | None = None) -> Shape:
    """The shape of the type ``root`` with every type it refers to. ``comparators`` are those of this table alone."""
    return _Compiler(types, defaults, comparators or {}).named(root)


@dataclass(slots=True)
class _Compiler:
    types: Types
    defaults: Defaults
    comparators: Mapping[str, Shape]
    done: dict[str, Shape] = field(default_factory=dict)

    def named(self, name: str) -> Shape:
        if name in self.done:
            return self.done[name]
        fields: dict[str, Shape] = {}  # filled below: a type that refers to itself has copies of its shape in them
        shape = self.done[name] = Shape(Form.STRUCT, FilledBy.NOBODY, fields=fields, name=name)
        field_defaults = self.defaults.get(name, {})
        rows = {**dict.fromkeys(field_defaults, "leaf"), **self.types[name]}
        fields.update(
            (key, self._field(text, field_defaults.get(key))) for keys, text in rows.items() for key in keys.split()
        )
        return shape

    def _field(self, text: str, default: Default | None = None) -> Shape:
        filled, marks = FilledBy.NOBODY, set[str]()
        while (mark := text.partition(":"))[1] and " " not in mark[0]:
            text = mark[2]
            if mark[0] in _MARKS:
                marks.add(mark[0])
            else:
                filled = FilledBy(mark[0])
        return replace(
            self._form(text),
            filled=filled,
            default=default,
            zero="zero" in marks,
            ordered="ordered" in marks,
            unordered="unordered" in marks,
            expanding="expanding" in marks,
        )

    def _form(self, text: str) -> Shape:
        if match := _KEYED.match(text):
            keys = tuple(_key(part) for part in match[1].split(","))
            return Shape(Form.KEYED, FilledBy.NOBODY, item=self._field(match[2] or "leaf"), keys=keys)
        form, _, remainder = text.partition(" ")
        match form:
            case "map" | "list" | "set":
                return Shape(Form(form), FilledBy.NOBODY, item=self._field(remainder or "leaf"))
            case "any":
                return _ANYTHING
            case "leaf":
                return Shape(Form.LEAF, FilledBy.NOBODY)
            case _ if form in COMPARATORS:
                return Shape(Form.LEAF, FilledBy.NOBODY, canonical=COMPARATORS[form], agrees=AGREEMENTS.get(form))
            case _ if form in self.comparators:
                return self.comparators[form]
            case _:
                return self.named(form)


def _key(text: str) -> tuple[str, JSON]:
    name, equals_sign, value = text.partition("=")
    return (name, value if equals_sign else None)
