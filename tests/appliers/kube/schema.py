"""Types as structured-merge-diff has them (``schema/elements.go``): scalars, lists and maps, granular or atomic.

They are read from three notations: the table of the published kinds (``schema.json``), the YAML schemas of
structured-merge-diff's own cases, and the ``openAPIV3Schema`` of a CustomResourceDefinition.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

JSON: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class ListType:
    """``keys`` of an associative list of maps; an associative list without keys is a set."""

    element: TypeRef
    associative: bool = False
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StructField:
    type: TypeRef
    default: JSON = None


@dataclass(frozen=True, slots=True)
class MapType:
    """``element`` is the type of fields that have no name of their own; None refuses them."""

    fields: Mapping[str, StructField] = field(default_factory=dict)
    element: TypeRef | None = None
    atomic: bool = False
    required: tuple[str, ...] = ()

    def of(self, name: str) -> TypeRef | None:
        """The type of a field."""
        known = self.fields.get(name)
        return self.element if known is None else known.type


@dataclass(frozen=True, slots=True)
class Atom:
    """What a value may be. More than one is set where the type is deduced from the value."""

    scalar: str | None = None
    list: ListType | None = None
    map: MapType | None = None

    def for_value(self, value: JSON) -> Atom:
        """The one that applies to a value, as ``deduceAtom`` has it."""
        if isinstance(value, Mapping) and self.map is not None:
            return Atom(map=self.map)
        if isinstance(value, list) and self.list is not None:
            return Atom(list=self.list)
        if isinstance(value, str | int | float) and self.scalar is not None:
            return Atom(scalar=self.scalar)
        return self


@dataclass(frozen=True, slots=True)
class TypeRef:
    """A name of a schema's type or an atom in place; ``relationship`` overrules how the named type merges."""

    name: str | None = None
    atom: Atom | None = None
    relationship: str | None = None


@dataclass(frozen=True)
class Schema:
    """Types by name."""

    types: Mapping[str, Atom]

    def resolve(self, ref: TypeRef | None) -> Atom:
        """The atom of a reference.

        Raises:
            KeyError: for a name that the schema has not.
        """
        if ref is None:
            return Atom()
        atom = ref.atom if ref.atom is not None else self.types[ref.name or ""]
        if ref.relationship is None:
            return atom
        return _overruled(atom, ref.relationship)


UNTYPED: Final = "__untyped_deduced_"
"""A value without a schema: maps merge by field, lists are atomic."""
_ATOMIC: Final = "__untyped_atomic_"


def _untyped(name: str, *, atomic: bool) -> Atom:
    inside = TypeRef(name=_ATOMIC)
    return Atom(
        scalar="untyped",
        list=ListType(element=inside),
        map=MapType(element=inside if atomic else TypeRef(name=name), atomic=atomic),
    )


DEDUCED: Final[Mapping[str, Atom]] = {UNTYPED: _untyped(UNTYPED, atomic=False), _ATOMIC: _untyped(_ATOMIC, atomic=True)}


def _overruled(atom: Atom, relationship: str) -> Atom:
    changed_list = atom.list and replace(atom.list, associative=relationship == "associative")
    changed_map = atom.map and replace(atom.map, atomic=relationship == "atomic")
    return Atom(scalar=atom.scalar, list=changed_list, map=changed_map)


def from_document(document: JSON) -> Schema:
    """A schema in structured-merge-diff's own notation (``schema/schemaschema.go``)."""
    return Schema({each["name"]: _atom(each) for each in document["types"]} | dict(DEDUCED))


def _atom(written: JSON) -> Atom:
    listed, mapped = written.get("list"), written.get("map")
    return Atom(
        scalar=written.get("scalar"),
        list=listed
        and ListType(
            element=_ref(listed.get("elementType", {})),
            associative=listed.get("elementRelationship") == "associative",
            keys=tuple(listed.get("keys", ())),
        ),
        map=mapped
        and MapType(
            fields={
                each["name"]: StructField(_ref(each["type"]), each.get("default")) for each in mapped.get("fields", ())
            },
            element=_ref(mapped["elementType"]) if mapped.get("elementType") else None,
            atomic=mapped.get("elementRelationship") == "atomic",
        ),
    )


def _ref(written: JSON) -> TypeRef:
    if "namedType" in written:
        return TypeRef(name=written["namedType"], relationship=written.get("elementRelationship"))
    return TypeRef(atom=_atom(written))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind that is served. ``group`` is empty for the core group."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    type: TypeRef
    subresources: frozenset[str] = frozenset({"status"})
    custom: bool = False
    names: Mapping[str, Any] = field(default_factory=dict, compare=False, hash=False)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


@cache
def published() -> tuple[Schema, tuple[Kind, ...]]:
    """The built-in types and kinds."""
    table = json.loads(Path(__file__).with_name("schema.json").read_bytes())
    types = {name: Atom(map=_struct(written)) for name, written in table["types"].items()}
    kinds = (
        Kind(group, version, kind, plural, namespaced, _notation(of))
        for group, version, kind, plural, namespaced, of in table["kinds"]
    )
    return Schema(types | dict(DEDUCED)), tuple(kinds)


def _struct(written: Mapping[str, Any]) -> MapType:
    fields = {}
    for name, notation in written["fields"].items():
        text, default = (notation, None) if isinstance(notation, str) else notation
        fields[name] = StructField(_notation(text), default)
    required = tuple(written.get("required", ()))
    return MapType(fields=fields, atomic=written.get("atomic", False), required=required)


def _notation(text: str) -> TypeRef:
    if text.startswith("@"):
        return TypeRef(name=text[1:])
    if text.startswith("["):
        how, _, element = text[1:].partition("] ")
        keys = () if how in {"set", "atomic"} else tuple(how.split(","))
        return TypeRef(atom=Atom(list=ListType(_notation(element), associative=how != "atomic", keys=keys)))
    if text.startswith("{"):
        how, _, element = text[1:].partition("} ")
        return TypeRef(atom=Atom(map=MapType(element=_notation(element), atomic=how == "atomic")))
    if text.startswith("atomic "):
        return replace(_notation(text.removeprefix("atomic ")), relationship="atomic")
    return TypeRef(name=UNTYPED) if text == "untyped" else TypeRef(atom=Atom(scalar=text))


def from_open_api(schema: Mapping[str, Any]) -> TypeRef:
    """The type of a structural schema (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/)."""
    if schema.get("x-kubernetes-int-or-string") or not schema.get("type"):
        return (
            TypeRef(atom=Atom(scalar="untyped")) if schema.get("x-kubernetes-int-or-string") else TypeRef(name=UNTYPED)
        )
    match schema["type"]:
        case "array":
            return TypeRef(atom=Atom(list=_array(schema)))
        case "object":
            return TypeRef(atom=Atom(map=_object(schema)))
        case "string" | "boolean" as scalar:
            return TypeRef(atom=Atom(scalar=scalar))
        case _:
            return TypeRef(atom=Atom(scalar="numeric"))


def _array(schema: Mapping[str, Any]) -> ListType:
    how = schema.get("x-kubernetes-list-type", "atomic")
    keys: Sequence[str] = schema.get("x-kubernetes-list-map-keys", ()) if how == "map" else ()
    return ListType(from_open_api(schema.get("items", {})), associative=how != "atomic", keys=tuple(keys))


def _object(schema: Mapping[str, Any]) -> MapType:
    fields = {
        name: StructField(from_open_api(inside), inside.get("default"))
        for name, inside in schema.get("properties", {}).items()
    }
    extra = schema.get("additionalProperties")
    element = from_open_api(extra if isinstance(extra, Mapping) else {}) if extra else None
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        element = TypeRef(name=UNTYPED)
    atomic = schema.get("x-kubernetes-map-type") == "atomic"
    return MapType(fields, element, atomic=atomic, required=tuple(schema.get("required", ())))


def of_custom(schema: Mapping[str, Any]) -> TypeRef:
    """The type of a custom kind: its own schema with the metadata that every object has."""
    own = _object({"type": "object", **schema})
    head = {"apiVersion": StructField(_notation("string")), "kind": StructField(_notation("string"))}
    meta = {"metadata": StructField(TypeRef(name="meta.v1.ObjectMeta"))}
    return TypeRef(atom=Atom(map=replace(own, fields=dict(own.fields) | head | meta)))
