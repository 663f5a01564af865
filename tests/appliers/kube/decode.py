"""What a server makes of the text of an object before anything else: built-in kinds pass through Go's types.

Null, empty lists and maps, and zero values that their Go fields omit are gone afterwards; quantities are in their canonical
form; fields that a type has not are dropped with a warning, or refused under ``fieldValidation=Strict``
(https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation). Custom kinds are pruned by their schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from tests.appliers.kube.schema import Atom, Kind, MapType, Schema, TypeRef

_ZERO_OMITTED: Final = frozenset(
    [
        *("hostNetwork", "hostPID", "hostIPC", "stdin", "stdinOnce", "tty", "paused", "minReadySeconds"),
        *("publishNotReadyAddresses", "readOnly", "initialDelaySeconds", "value", "hostPort", "priorityClassName"),
        *(
            "hostname",
            "subdomain",
            "subPath",
            "nodeName",
            "loadBalancerIP",
            "externalName",
            "namespace",
            "generateName",
        ),
        *("apiGroup", "serviceName", "globalDefault", "description", "nodePort"),
    ]
)
"""Scalars whose Go field is no pointer and has ``omitempty``: their zero value is not written (types.go of k8s.io/api)."""
_SUFFIXES: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_QUANTITY: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]))?")


def decoded(schema: Schema, kind: Kind, body: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The object as the server has it, and the unknown fields that it dropped, as ``spec.foo``."""
    unknown: list[str] = []
    value = _value(schema, kind.type, body, "", unknown, typed=not kind.custom)
    return value, unknown


def _value(schema: Schema, ref: TypeRef | None, value: Any, path: str, unknown: list[str], *, typed: bool) -> Any:
    atom = schema.resolve(ref).for_value(value)
    if atom.map is not None and isinstance(value, Mapping):
        return _map(schema, atom.map, value, path, unknown, typed=typed)
    if atom.scalar is None and atom.list is not None and isinstance(value, list):
        element = atom.list.element
        return [_value(schema, element, each, f"{path}[{i}]", unknown, typed=typed) for i, each in enumerate(value)]
    return canonical_quantity(value) if atom.scalar == "quantity" and value is not None else value


def _map(
    schema: Schema, mapped: MapType, value: Mapping[str, Any], path: str, unknown: list[str], *, typed: bool
) -> dict[str, Any]:
    kept = {}
    for name, inner in value.items():
        below = f"{path}.{name}" if path else name
        of = mapped.of(name)
        if of is None:
            unknown.append(below)
            continue
        plain = _value(schema, of, inner, below, unknown, typed=typed or below == "metadata")
        if not (typed and _omitted(schema.resolve(of), name, plain, mapped)):
            kept[name] = plain
    return kept


def _omitted(atom: Atom, name: str, value: Any, holder: MapType) -> bool:
    if value is None:
        return True
    if isinstance(value, list) and not value:
        return atom.list is not None and atom.map is None
    if isinstance(value, Mapping) and not value:
        return atom.map is not None and not atom.map.fields and atom.list is None
    return name in _ZERO_OMITTED and name in holder.fields and not value


def canonical_quantity(value: Any) -> str:
    """A quantity as the server writes it: ``1000m`` is ``1``, ``1024Mi`` is ``1Gi``, ``0.5`` is ``500m``.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
    """
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        return str(value)
    number, exponent, suffix = Decimal(match[1]), match[2], match[3] or ""
    if suffix in _BINARY:
        return _binary(number * 1024 ** _BINARY[suffix])
    if exponent:
        return _exponent(number.scaleb(int(exponent[1:])))
    return _decimal(number.scaleb(_SUFFIXES[suffix]))


def _binary(number: Decimal) -> str:
    if abs(number) < 1024 or number != number.to_integral_value():
        return _decimal(number)
    power = 0
    while number % 1024 == 0 and number and power < 6:
        number, power = number / 1024, power + 1
    return f"{int(number)}{next((suffix for suffix, at in _BINARY.items() if at == power), '')}"


def _decimal(number: Decimal) -> str:
    if not number:
        return "0"
    for suffix, power in sorted(_SUFFIXES.items(), key=lambda each: -each[1]):
        scaled = number.scaleb(-power)
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}{suffix}"
    return f"{int(number.scaleb(9).to_integral_value())}n"


def _exponent(number: Decimal) -> str:
    power = 0
    while number and number % 1000 == 0:
        number, power = number / 1000, power + 3
    return f"{int(number)}e{power}" if power else _decimal(number)
