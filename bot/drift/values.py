"""Values that are written in more than one way: each function turns every spelling of one meaning into one value.

The tables of fields (:mod:`bot.drift.shapes`) and the readers of Compose name these functions by field. Every one of them
is total and idempotent: text it does not understand comes back as it is, so that one strange value is compared as plain
text and disturbs nothing else.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from bot.model.json import JSON
from bot.model.patterns import regex

Canonical = Callable[[JSON], JSON]

_BINARY: Final = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
"""Suffixes of quantities (apimachinery, ``pkg/api/resource/quantity.go``): powers of 1024 and of ten."""
_QUANTITY: Final = regex(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([eE][+-]?\d{1,3})|([KMGTPE]i|[numkMGTPE]))?\Z", re.ASCII)
_GO_UNIT: Final = {
    "ns": Decimal(1),
    "us": Decimal(1_000),
    "µs": Decimal(1_000),
    "μs": Decimal(1_000),
    "ms": Decimal(1_000_000),
    "s": Decimal(1_000_000_000),
    "m": Decimal(60_000_000_000),
    "h": Decimal(3_600_000_000_000),
    "d": Decimal(86_400_000_000_000),
    "w": Decimal(604_800_000_000_000),
}
_GO_PART: Final = regex(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w)", re.ASCII)
_GO_DURATION: Final = regex(rf"(?:{_GO_PART.pattern})+\Z", re.ASCII)
_OCTAL: Final = regex(r"0o?[0-7]{1,6}\Z", re.ASCII)
_NUMBER: Final = regex(r"-?(?:0|[1-9]\d{0,17})\Z", re.ASCII)
_LONGEST: Final = 100
"""Characters: longer texts are no quantities and no durations."""
_LARGEST_PLAIN: Final = 6
_SIZE: Final = regex(r"(\d+(?:\.\d*)?|\.\d+)\s*([kmgtp]?)i?b?\Z", re.IGNORECASE | re.ASCII)


def quantity(value: JSON) -> JSON:
    """A Kubernetes quantity as a plain decimal number in text: ``1``, ``1000m`` and ``1e0`` are all ``"1"``.

    Syntax and rounding (up, to nano) as in ``k8s.io/apimachinery/pkg/api/resource``: ``n u m k M G T P E``,
    ``Ki Mi Gi Ti Pi Ei`` and a decimal exponent, with an optional sign.
    """
    if not isinstance(value, (int, float, str)):
        return value
    number = _quantity(str(value).strip())
    return value if number is None else number


@lru_cache(maxsize=4096)
def _quantity(quantity_text: str) -> str | None:
    match = _QUANTITY.match(quantity_text) if len(quantity_text) <= _LONGEST else None
    if match is None:
        return None
    number = Decimal(match[1]) * _scale(match[2], match[3])
    if number.normalize().as_tuple().exponent < -9:  # type: ignore[operator]  # finite: the pattern admits no NaN
        number = number.quantize(Decimal("1e-9"), rounding="ROUND_UP")
    return _plain(number)


def _scale(exponent: str | None, suffix: str | None) -> Decimal:
    if exponent is not None:
        return Decimal(f"1{exponent}")
    if suffix in _BINARY:
        return Decimal(1024) ** _BINARY[suffix]
    return Decimal(10) ** _DECIMAL[suffix or ""]


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"", "-0", "+0", "-"} else text.removeprefix("+")


def nanoseconds(value: str) -> int | None:
    """How long a Go duration (``time.ParseDuration``) such as ``1m30s`` is, in nanoseconds; None when it is no duration."""
    text = value.strip()
    if text == "0":
        return 0
    if len(text) > _LONGEST or not _GO_DURATION.match(text):
        return None
    return int(sum(Decimal(number) * _GO_UNIT[unit] for number, unit in _GO_PART.findall(text)))


def duration(value: JSON) -> JSON:
    """A Go duration in its one normal spelling (``90s`` and ``1m30s`` are ``"1m30s"``)."""
    if not isinstance(value, str):
        return value
    length = nanoseconds(value)
    return value if length is None else format_duration(length)


def format_duration(length: int) -> str:
    """``length`` nanoseconds as Go prints durations of at least a second, without empty parts: ``1h``, ``1m30s``."""
    if length == 0:
        return "0s"
    hours, remainder = divmod(length, 3_600_000_000_000)
    minutes, remainder = divmod(remainder, 60_000_000_000)
    seconds = _plain(Decimal(remainder) / 1_000_000_000)
    parts = (f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{seconds}s" if remainder else "")
    return "".join(parts)


def int_or_string(value: JSON) -> JSON:
    """A number where the text is one (``"80"`` is 80), the text otherwise (``25%``, ``http``)."""
    if isinstance(value, str) and _NUMBER.match(value):
        return int(value)
    return value


def octal(value: JSON) -> JSON:
    """A file mode as a number: ``"0644"``, ``"0o644"`` and 420 are 420."""
    if isinstance(value, str) and _OCTAL.match(value):
        return int(value.replace("o", ""), 8)
    return value


def text(value: JSON) -> JSON:
    """A scalar as the text that an environment or a label holds: ``true``, ``8080``, and nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value)
    return str(value) if isinstance(value, int) else value


def _float_text(number: float) -> str:
    """As Go prints a float (``%v``): ``1.0`` is ``1``, with an exponent from ``1e+06`` on and below ``1e-4`` (``%e`` and ``%f``
    in strconv/ftoa.go, for the shortest digits).
    """
    if math.isnan(number) or math.isinf(number):
        return "NaN" if math.isnan(number) else f"{'+' if number > 0 else '-'}Inf"
    sign, digits, exponent = Decimal(repr(number)).as_tuple()
    digits_text = "".join(map(str, digits)).rstrip("0") or "0"
    power = len(digits) + int(exponent) - 1 if number else 0
    if -4 <= power < _LARGEST_PLAIN:
        plain = format(Decimal(repr(number)), "f")
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    point = f".{digits_text[1:]}" if len(digits_text) > 1 else ""
    return f"{'-' if sign else ''}{digits_text[0]}{point}e{'-' if power < 0 else '+'}{abs(power):02d}"


def boolean(value: JSON) -> JSON:
    """A truth value however YAML 1.1, YAML 1.2 or a quoted string writes it."""
    if isinstance(value, str) and value.lower() in {"true", "yes", "on", "y", "1"}:
        return True
    if isinstance(value, str) and value.lower() in {"false", "no", "off", "n", "0"}:
        return False
    return value


def size(value: JSON) -> JSON:
    """A Docker size in bytes: ``64m``, ``64mb`` and 67108864 are 67108864 (units are powers of 1024); -1 is no limit.

    Compose specification, 11-extension.md, byte values; ``RAMInBytes`` of docker/go-units.
    """
    if not isinstance(value, str):
        return value
    match = _SIZE.match(value.strip())
    if match is None:
        return -1 if value.strip() == "-1" else value
    return int(Decimal(match[1]) * 1024 ** " kmgtp".index(match[2].lower() or " "))


def number(value: JSON) -> JSON:
    """A number written as text or as number, whole where it is whole: ``"0.50"`` is 0.5, ``1.0`` is 1."""
    if not isinstance(value, (int, float, str)):
        return value
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        return value
    if not exact.is_finite() or abs(exact.adjusted()) > 18:
        return value
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def base64_text(value: JSON) -> JSON:
    """Base64 without line breaks and blanks, null as empty; the value of a Secret's key."""
    if value is None:
        return ""
    return re.sub(r"\s+", "", value) if isinstance(value, str) else value


def encoded(value: JSON) -> str:
    """The base64 form that ``stringData`` gets when the API server moves it into ``data``."""
    plain = text(value)
    return base64.b64encode(str(plain).encode()).decode()


def decoded(value: str) -> str | None:
    """The text behind base64; None where it is not base64 of UTF-8 text."""
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
