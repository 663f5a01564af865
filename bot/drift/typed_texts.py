"""Texts that a typed client writes anew: durations and quantities in custom resources, of which no table speaks.

An operator reads a resource into Go types and writes it back, so that what it stores is the canonical text of what the
author wrote: ``8760h`` comes back as ``8760h0m0s``, ``1024Mi`` as ``1Gi``. Two texts agree only where one of them is that
canonical text, so that nothing which nobody would have made of the other is taken for it. Asked by :mod:`bot.drift.walk`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

from bot.model.json import JSON

_DURATION: Final = re.compile(r"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+\Z", re.ASCII)
_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNITS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
"""Units of Go's ``time.ParseDuration``; both spellings of the micro sign count."""
_LONGEST: Final = 2**63 - 1
"""``time.Duration`` is an int64 of nanoseconds."""
_QUANTITY: Final = re.compile(
    r"([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:([eE])([+-]?\d{1,2})|([KMGTPE]i|[numkMGTPE]))?\Z", re.ASCII
)
_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL: Final = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_EXPONENTS: Final = {suffix: exponent for exponent, suffix in _DECIMAL.items()}
_LONG: Final = 64
"""Longer texts are neither."""

QUANTITY_FIELDS: Final = frozenset(
    {"resources", "limits", "requests", "storage", "size", "capacity", "minAllowed", "maxAllowed"}
)
"""Where the definition of a custom resource is not at hand, quantities stand below or at fields of these names."""


def durations_agree(desired: JSON, observed: JSON) -> bool:
    """Whether one text is what Go's ``Duration.String`` prints for the other (package ``time``, ``time.go``)."""
    if not isinstance(desired, str) or not isinstance(observed, str):
        return False
    return _printed(desired) == observed or _printed(observed) == desired


@lru_cache(maxsize=1024)
def _printed(duration_text: str) -> str | None:
    """The text of ``Duration.String`` for what ``time.ParseDuration`` makes of ``duration_text``; None if it is none."""
    if duration_text in {"0", "+0", "-0"}:
        return "0s"
    if len(duration_text) > _LONG or not _DURATION.match(duration_text):
        return None
    length = int(sum(Decimal(number) * _UNITS[unit] for number, unit in _PART.findall(duration_text)))
    if length > _LONGEST:
        return None
    return ("-" if duration_text.startswith("-") and length else "") + _string(length)


def _string(length: int) -> str:
    if length == 0:
        return "0s"
    for unit, next_ in (("ns", 10**3), ("µs", 10**6), ("ms", 10**9)):
        if length < next_:
            return f"{_digits(Decimal(length) / _UNITS[unit])}{unit}"
    hours, remainder = divmod(length, _UNITS["h"])
    minutes, remainder = divmod(remainder, _UNITS["m"])
    seconds = f"{_digits(Decimal(remainder) / _UNITS['s'])}s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def _digits(number: Decimal) -> str:
    number_text = format(number, "f")
    return number_text.rstrip("0").rstrip(".") if "." in number_text else number_text


def quantities_agree(desired: JSON, observed: JSON) -> bool:
    """Whether both are quantities and one is the canonical form of the other (``Quantity.CanonicalizeBytes``,
    ``k8s.io/apimachinery/pkg/api/resource/quantity.go``); a number counts as its text.
    """
    first, second = _text(desired), _text(observed)
    if first is None or second is None:
        return False
    canonical, second_canonical = canonical_quantity(first), canonical_quantity(second)
    if canonical is None or second_canonical is None:
        return False
    return second == canonical or first == second_canonical


def _text(value: JSON) -> str | None:
    return str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None


@lru_cache(maxsize=1024)
def canonical_quantity(quantity_text: str) -> str | None:
    """The canonical text of a quantity, in the notation it is written in: ``1024Mi`` is ``1Gi``, ``0.5`` is ``500m``."""
    match = _QUANTITY.match(quantity_text) if len(quantity_text) <= _LONG else None
    if match is None:
        return None
    sign, digits, by_exponent, exponent, suffix = match.groups()
    if suffix in _BINARY[1:]:
        number = Decimal(digits) * 1024 ** _BINARY.index(suffix)
        if number >= 1024:
            return _signed(sign, _binary(_whole_number(number)))
        return _signed(sign, _scaled(number))  # less than 1 Ki is written in decimal units
    power = int(exponent) if by_exponent else _EXPONENTS[suffix or ""]
    number = Decimal(digits).scaleb(power)
    return _signed(sign, _scaled(number, exponents=bool(by_exponent)))


def _signed(sign: str, text: str) -> str:
    return f"-{text}" if sign == "-" and text != "0" else text


def _whole_number(number: Decimal) -> int:
    return int(number.to_integral_value(rounding="ROUND_UP"))


def _binary(number: int) -> str:
    power = 0
    while number and number % 1024 == 0 and power < len(_BINARY) - 1:
        number //= 1024
        power += 1
    return f"{number}{_BINARY[power]}"


def _scaled(number: Decimal, *, exponents: bool = False) -> str:
    """With the largest unit of which it is a whole number, at least nano."""
    if number == 0:
        return "0"
    nano = _whole_number(number.scaleb(9))
    power = -9
    while nano % 1000 == 0 and power < 18:
        nano //= 1000
        power += 3
    if exponents:
        return f"{nano}e{power}" if power else str(nano)
    return f"{nano}{_DECIMAL[power]}"
