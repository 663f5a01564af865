"""What a plain YAML scalar means to the program that will read the file.

Kubernetes and Compose read YAML with Go libraries, not with PyYAML: ``1e3`` is a number, ``12:30`` and ``2024-01-01`` are
strings. Kubernetes (sigs.k8s.io/yaml, a fork of go-yaml v2) still takes YAML 1.1's ``yes``/``no``/``on``/``off`` for
booleans; Compose (compose-go, go-yaml v3) does not: go-yaml v3's README, "Compatibility". Used by readers here and, to
quote what needs quoting, by :mod:`bot.edits`.
"""

from __future__ import annotations

import base64
import math
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Final, TypeAlias

from bot.model.patterns import regex

Scalar: TypeAlias = None | bool | int | float | str


class Dialect(Enum):
    """Whose YAML it is."""

    KUBERNETES = "kubernetes"
    COMPOSE = "compose"
    TERRAFORM = "terraform"
    """``yamldecode()``: ``resolve.go`` of go-cty-yaml."""


# YAML 1.2.2, 10.3.2, "Tag Resolution"; go-yaml takes old spellings of truth as well.
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_OLD_BOOLS: Final = {  # goyaml.v2/resolve.go of sigs.k8s.io/yaml, without its y and n
    spelling: value
    for value, spellings in ((True, ("yes", "on")), (False, ("no", "off")))
    for spelling in (form for plain in spellings for form in (plain, plain.capitalize(), plain.upper()))
}
_LETTERS: Final = {"y": True, "Y": True, "n": False, "N": False}
_PREFIXED: Final = regex(r"0(x[0-9a-fA-F]+|o[0-7]+)\Z")
_INTEGER: Final = regex(r"[-+]?(0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)\Z")
_FLOAT: Final = regex(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_SPECIAL: Final = regex(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_ODD: Final = regex(  # other readers of YAML 1.1 would not take these for strings: quote them
    r"([-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*|=|<<|[yYnN]|[-+]?[0-9][0-9_]*(\.[0-9_]*)?)\Z"
)
_LONGEST_NUMBER: Final = 400
_LEAST_INTEGER: Final = -(1 << 63)
_MOST_INTEGER: Final = (1 << 64) - 1
"""What Go's integers hold; a number beyond is a float (``resolve`` of go-yaml)."""


@lru_cache(maxsize=65536)
def resolve(text: str, dialect: Dialect) -> Scalar:
    """The value of an unquoted scalar without a tag."""
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if dialect is not Dialect.COMPOSE and text in _OLD_BOOLS:
        return _OLD_BOOLS[text]
    if dialect is Dialect.TERRAFORM:
        return _terraform(text)
    if text[0] in "+-.0123456789" and len(text) < _LONGEST_NUMBER:
        return _number(text)
    return text


def _terraform(text: str) -> Scalar:
    """A truth value of one letter, a decimal number of any size, ``0x1F`` or ``0o17``; else the text."""
    if text in _LETTERS:
        return _LETTERS[text]
    if len(text) < _LONGEST_NUMBER and _PREFIXED.match(text):
        return int(text, 0)
    if len(text) < _LONGEST_NUMBER and _FLOAT.match(text):
        number = Decimal(text)
        if abs(number.adjusted()) >= _LONGEST_NUMBER:
            return text
        return int(number) if number == number.to_integral_value() else float(number)
    if _SPECIAL.match(text):
        return _number(text)
    return text


def key_text(text: str) -> str | None:
    """The key that an unquoted scalar is for :attr:`Dialect.TERRAFORM`, which makes a text of what it means; None for null."""
    value = resolve(text, Dialect.TERRAFORM)
    if isinstance(value, bool):
        return str(value).lower()
    return (
        format(Decimal(text).normalize(), "f")
        if isinstance(value, float) and math.isfinite(value)
        else (None if value is None else str(value))
    )


def _number(text: str) -> Scalar:
    if _INTEGER.match(text):
        integer = _integer(text.replace("_", ""))
        if integer is not None:
            return integer
    if _FLOAT.match(plain := text.replace("_", "")):
        number = float(plain)
        return text if math.isinf(number) else number
    if _SPECIAL.match(text):
        return math.nan if text[-1] in "nN" else (-math.inf if text[0] == "-" else math.inf)
    return text


def _integer(text: str) -> int | None:
    digits = text.lstrip("+-")
    if len(digits) > 1 and digits[0] == "0" and digits[1] not in "xXbBoO":
        digits = "0o" + digits[1:]
    try:
        number = int(digits, 0) * (-1 if text[0] == "-" else 1)
    except ValueError:
        return None
    return number if _LEAST_INTEGER <= number <= _MOST_INTEGER else None


def tagged(tag: str, text: str, dialect: Dialect) -> Scalar:
    """The value of a scalar with an explicit tag such as ``!!str``; an unknown tag leaves the text."""
    kind = tag.removeprefix("tag:yaml.org,2002:")
    if kind in {"int", "float", "bool", "null"}:
        return resolve(text, dialect)
    return _from_base64(text) if kind == "binary" and dialect is not Dialect.TERRAFORM else text


def _from_base64(text: str) -> str:
    """The text that ``!!binary`` stands for; itself where it is no such thing."""
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except ValueError:
        return text


def reads_as_text(text: str) -> bool:
    """Whether every YAML reader we know takes the unquoted ``text`` for a string."""
    return (
        isinstance(resolve(text, Dialect.KUBERNETES), str)
        and isinstance(resolve(text, Dialect.COMPOSE), str)
        and not _ODD.match(text)
    )
