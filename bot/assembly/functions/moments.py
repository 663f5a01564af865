"""Functions of moments and times. Source: Terraform documentation, "Date and Time Functions"."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from bot.assembly.faults import Misuse
from bot.assembly.functions.arguments import text
from bot.model.json import JSON

_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)\Z", re.ASCII)
"""A second has at most six digits after its point here, nine in Go; further ones are passed over."""
_DURATION: Final = re.compile(r"([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+|0)\Z", re.ASCII)
_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)", re.ASCII)
_LONGEST_DURATION: Final = 100
"""Characters: longer ones reach to no date."""
_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_FORMAT_PART: Final = re.compile(r"'(?:[^']|'')*'|'|([A-Za-z])\1*|[^A-Za-z']+")
_MONTHS: Final = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
                  "November", "December")  # fmt: skip
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _moment(value: JSON) -> datetime:
    match = _MOMENT.match(text(value))
    try:
        if match:
            fraction = (match[2] or "0").ljust(6, "0")
            return datetime.fromisoformat(f"{match[1]}.{fraction}{match[3].replace('Z', '+00:00')}")
    except ValueError:
        pass
    raise Misuse("takes a moment such as '2026-01-31T12:00:00Z'")


def _written(moment: datetime) -> str:
    """The moment in whole seconds, as Go writes ``time.RFC3339``."""
    iso_text = moment.isoformat(timespec="seconds")
    return iso_text.removesuffix("+00:00") + "Z" if iso_text.endswith("+00:00") else iso_text


def later(moment: JSON, duration: JSON) -> JSON:
    """The moment so much later."""
    duration_text = text(duration)
    match = _DURATION.match(duration_text) if len(duration_text) <= _LONGEST_DURATION else None
    if match is None:
        raise Misuse("takes a duration such as '1h30m'")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(match[2]))
    try:
        return _written(_moment(moment) + timedelta(seconds=-seconds if match[1] == "-" else seconds))
    except OverflowError:
        raise Misuse("makes a moment that has no date") from None


def compared(first: JSON, second: JSON) -> JSON:
    """-1, 0 or 1: the first is before, at or after the second."""
    before, after = _moment(first), _moment(second)
    return (before > after) - (before < after)


def _zone(moment: datetime, joint: str, *, short: bool) -> str:
    zone_text = moment.strftime("%z")
    return "Z" if short and zone_text == "+0000" else f"{zone_text[:3]}{joint}{zone_text[3:]}"


_FORMS: Final[Mapping[str, Callable[[datetime], str]]] = {
    "YYYY": lambda moment: f"{moment.year:04d}",
    "YY": lambda moment: f"{moment.year % 100:02d}",
    "MMMM": lambda moment: _MONTHS[moment.month - 1],
    "MMM": lambda moment: _MONTHS[moment.month - 1][:3],
    "MM": lambda moment: f"{moment.month:02d}",
    "M": lambda moment: str(moment.month),
    "DD": lambda moment: f"{moment.day:02d}",
    "D": lambda moment: str(moment.day),
    "EEEE": lambda moment: _DAYS[moment.weekday()],
    "EEE": lambda moment: _DAYS[moment.weekday()][:3],
    "hh": lambda moment: f"{moment.hour:02d}",
    "h": lambda moment: str(moment.hour),
    "HH": lambda moment: f"{(moment.hour + 11) % 12 + 1:02d}",
    "H": lambda moment: str((moment.hour + 11) % 12 + 1),
    "AA": lambda moment: "AM" if moment.hour < 12 else "PM",
    "aa": lambda moment: "am" if moment.hour < 12 else "pm",
    "mm": lambda moment: f"{moment.minute:02d}",
    "m": lambda moment: str(moment.minute),
    "ss": lambda moment: f"{moment.second:02d}",
    "s": lambda moment: str(moment.second),
    "ZZZZZ": lambda moment: _zone(moment, ":", short=False),
    "ZZZZ": lambda moment: _zone(moment, "", short=False),
    "ZZZ": lambda moment: "UTC" if moment.strftime("%z") == "+0000" else _zone(moment, "", short=False),
    "Z": lambda moment: _zone(moment, ":", short=True),
}


def formatted(pattern: JSON, moment: JSON) -> JSON:
    """The moment in the form that ``pattern`` gives; text in single quotes stands for itself."""
    at = _moment(moment)
    return "".join(_part(match[0], at) for match in _FORMAT_PART.finditer(text(pattern)))


def _part(verb: str, moment: datetime) -> str:
    if verb.startswith("'"):
        if len(verb) < 2:
            raise Misuse("takes a form in which every single quote is closed")
        return verb[1:-1].replace("''", "'")
    if not verb[0].isalpha() or not verb[0].isascii():
        return verb
    if verb not in _FORMS:
        raise Misuse(f"knows no {verb!r}; text stands in single quotes")
    return _FORMS[verb](moment)
