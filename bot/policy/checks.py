"""Checks of single live values before Git may say them: numbers in range, words from a closed list, plain label text.

:mod:`bot.policy.bounds` joins these to fields. A check answers with what it found good, or raises nothing and answers
with what is wrong: both are sentences for people.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from bot.model.json import JSON


@dataclass(frozen=True, slots=True)
class InBounds:
    """The value may be adopted; ``text`` says which bound it keeps."""

    text: str


@dataclass(frozen=True, slots=True)
class OutOfBounds:
    """The value may not be adopted by commit; ``text`` says why."""

    text: str


Check: TypeAlias = Callable[[JSON], InBounds | OutOfBounds]

_PIECE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ns|us|µs|ms|s|m|h)")
_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
"""Go's ``time.ParseDuration``; the Compose specification, "Specifying durations", has the same units without ``ns``."""
_SIZE: Final = re.compile(r"([0-9]{1,12}) ?([kKmMgG])?[bB]?")
"""ASCII by name, as in all of these: ``\\d`` takes the digits of every script, IGNORECASE the Kelvin sign for a ``k``."""
_BYTES: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
"""``max-size``: Docker documentation, "JSON File logging driver", "Options"."""
_LABEL_KEY: Final = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
)
_LABEL_VALUE: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
"""Kubernetes documentation, "Labels and Selectors", "Syntax and character set"."""
_PLAIN: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9 _.:+-]{0,118}[A-Za-z0-9])?)?")
_ENDPOINT: Final = re.compile(r"[A-Za-z][\w-]*\.[\w.-]*[A-Za-z]|[\w.-]*[A-Za-z][\w.-]*:\d+\Z|\d+\.\d+\.\d+\.\d+")
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,9})?(?:[numkMGTPE]|[KMGTPE]i|%)?")
"""Quantities as Kubernetes writes them (API reference, "Quantity"), and percentages."""
_VERSION: Final = re.compile(r"v?[0-9]{1,10}(?:\.[0-9]{1,10}){0,3}")
_LONG: Final = 10**40
"""A number that is not shown whole."""
_LEVELS: Final = frozenset({"trace", "debug", "info", "notice", "warn", "warning", "error", "err", "critical", "fatal"})


def number(low: int, high: int) -> Check:
    """A whole number (or its decimal text) from ``low`` to ``high``."""
    return partial(_within, _number, "a whole number", f"from {low} to {high}", low=low, high=high)


def duration(low: float, high: float) -> Check:
    """A duration in Go's and Compose's text form (``1m30s``) from ``low`` to ``high`` seconds; 0 where ``low`` is 0."""
    return partial(_within, _seconds, "a duration", f"from {low:g} s to {high:g} s", low=low, high=high)


def size(low: int, high: int) -> Check:
    """A byte size as log drivers write it (``10m``) from ``low`` to ``high`` bytes."""
    bounds = f"from {low} to {high} bytes"
    return partial(_within, _bytes, "a size", bounds, low=low, high=high, example=" such as 10m")


def _within(
    read: Callable[[JSON], float | None],
    noun: str,
    bounds: str,
    value: JSON,
    *,
    low: float,
    high: float,
    example: str = "",
) -> InBounds | OutOfBounds:
    """Whether what ``read`` makes of ``value`` (None: it is no such thing) is from ``low`` to ``high``."""
    amount = read(value)
    if amount is None:
        return OutOfBounds(f"{shown(value)} is not {noun}{example}")
    if low <= amount <= high:
        return InBounds(f"{value} is {noun} {bounds}")
    return OutOfBounds(f"{shown(value) if isinstance(value, str) or abs(amount) >= _LONG else value} is not {bounds}")


def one_of(*allowed: str) -> Check:
    """One of a closed list of words, exactly."""

    def check(value: JSON) -> InBounds | OutOfBounds:
        text = str(value).lower() if isinstance(value, bool) else value
        if text in allowed:
            return InBounds(f"{text} is one of {', '.join(allowed)}")
        return OutOfBounds(f"{shown(value)} is not one of {', '.join(allowed)}")

    return check


def restart(value: JSON) -> InBounds | OutOfBounds:
    """A Compose restart policy that keeps the service running: ``always``, ``unless-stopped``, ``on-failure[:N]``."""
    if isinstance(value, str) and re.fullmatch(r"always|unless-stopped|on-failure(?::[0-9]{1,2})?", value):
        return InBounds(f"{value} keeps the service running")
    return OutOfBounds(f"{shown(value)} is not one of always, unless-stopped, on-failure")


def log_level(value: JSON) -> InBounds | OutOfBounds:
    """The name of a log level, in any case."""
    if isinstance(value, str) and value.lower() in _LEVELS:
        return InBounds(f"{value} is the name of a log level")
    return OutOfBounds(f"{shown(value)} is not the name of a log level")


def label_value(value: JSON) -> InBounds | OutOfBounds:
    """A Kubernetes label value: at most 63 letters, digits, ``-``, ``_``, ``.`` (Kubernetes: Labels and Selectors)."""
    if isinstance(value, str) and _LABEL_VALUE.fullmatch(value):
        return InBounds(f"{shown(value)} is a valid label value")
    return OutOfBounds(f"{shown(value)} is not a valid label value")


def plain_text(value: JSON) -> InBounds | OutOfBounds:
    """Up to 120 letters, digits, spaces and ``_.:+-`` that name no host, address or URL."""
    if not isinstance(value, str) or not _PLAIN.fullmatch(value):
        return OutOfBounds(f"{shown(value)} is not short plain text")
    if _ENDPOINT.search(value):
        return OutOfBounds(f"{shown(value)} looks like a host or an address")
    return InBounds(f"{shown(value)} is short plain text")


def without_text(value: JSON) -> InBounds | OutOfBounds:
    """A number, a switch, a quantity or a duration: whoever chooses it can say nothing else with it."""
    if isinstance(value, bool | int | float) or value in {"true", "false"}:
        return InBounds(f"{shown(value)} is a number or a switch")
    if isinstance(value, str) and (_NUMBER.fullmatch(value) or _seconds(value) is not None):
        return InBounds(f"{shown(value)} is a quantity")
    return OutOfBounds(f"{shown(value)} is {'text' if isinstance(value, str) else 'not one value'}")


def version(value: str) -> bool:
    """Whether an image's tag is a version number and nothing else: ``1.4.3``, ``v2``."""
    return _VERSION.fullmatch(value) is not None


def label_key(key: str) -> bool:
    """Whether ``key`` is a valid label or annotation key (Kubernetes: Labels and Selectors, Syntax)."""
    return _LABEL_KEY.fullmatch(key) is not None


def shown(value: JSON) -> str:
    """A value inside a sentence: quoted, on one line, at most 60 characters."""
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("unicode_escape").decode("ascii")
    return f"“{text[:57]}…”" if len(text) > 60 else f"“{text}”"


def _number(value: JSON) -> int | None:
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 12 else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _bytes(value: JSON) -> int | None:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) * _BYTES[(match[2] or "").lower()] if match else None


def _seconds(value: JSON) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and value == 0:
        return 0.0
    if not isinstance(value, str) or len(value) > 40:
        return None
    if value in {"0", "0s"}:
        return 0.0
    pieces = _PIECE.findall(value)
    if not pieces or "".join(number + unit for number, unit in pieces) != value:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in pieces)
