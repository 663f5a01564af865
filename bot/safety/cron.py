"""Cron expressions as times of day on days: five fields, as crontab(5) describes them.

``minute hour day-of-month month day-of-week``, with lists, ranges, steps, names of months and days, 7 for Sunday, and
crontab's rule that when both day fields are restricted either of them is enough. ``@hourly``, ``@daily``, ``@midnight``,
``@weekly`` and ``@monthly`` are accepted. Used by :mod:`bot.safety.windows`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from bot.errors import Invalid

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_ALIASES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
_PART: Final = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?\Z")


@dataclass(frozen=True, slots=True)
class Cron:
    """The minutes of the day (0 to 1439, sorted) and the days on which they come."""

    text: str
    minutes: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    def on(self, day: date) -> bool:
        """Whether it fires on ``day``."""
        if day.month not in self.months:
            return False
        by_date, by_weekday = day.day in self.days, (day.weekday() + 1) % 7 in self.weekdays
        return (by_date or by_weekday) if self.either else (by_date and by_weekday)


def parse_cron(text: str) -> Cron:
    """The expression ``text`` writes. Raises :class:`~bot.errors.Invalid` naming the field that makes no sense."""
    fields = _ALIASES.get(text.strip().lower(), text).lower().split()
    if len(fields) != 5:
        raise Invalid(f"{text!r} is not a cron expression: five fields are needed, {len(fields)} are there")
    minute = _field(fields[0], "minute", 0, 59)
    hour = _field(fields[1], "hour", 0, 23)
    weekdays = _field(fields[4], "day of week", 0, 7, _DAYS, base=0)
    return Cron(
        text=text,
        minutes=tuple(60 * h + m for h in sorted(hour) for m in sorted(minute)),
        days=_field(fields[2], "day of month", 1, 31),
        months=_field(fields[3], "month", 1, 12, _MONTHS, base=1),
        weekdays=frozenset(day % 7 for day in weekdays),
        either=not fields[2].startswith("*") and not fields[4].startswith("*"),
    )


def _field(text: str, name: str, low: int, high: int, names: tuple[str, ...] = (), *, base: int = 0) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        match = _PART.match(part)
        if match is None:
            raise Invalid(f"{part!r} makes no sense as a {name} in a cron expression")
        if match["first"] == "*":
            first, last = low, high
        else:
            first = _number(match["first"], name, names, base)
            last = _number(match["last"], name, names, base) if match["last"] else high if match["step"] else first
        step = int(match["step"] or 1)
        if not (low <= first <= last <= high) or step == 0:
            raise Invalid(f"{part!r} is out of range for a {name}: {low} to {high}")
        values.update(range(first, last + 1, step))
    return frozenset(values)


def _number(text: str, name: str, names: tuple[str, ...], base: int) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    if text in names:
        return names.index(text) + base
    raise Invalid(f"{text!r} is not a {name}")
