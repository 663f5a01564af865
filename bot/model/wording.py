"""Numbers and times as every text for people says them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 error``, ``2 errors``; with a verb in both, ``1 test is``, ``2 tests are``."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def some(names: Sequence[str], most: int = 3) -> str:
    """``a, b``, and how many more there are than ``most``."""
    remainder = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{remainder}"


def span(seconds: float) -> str:
    """``5m``, ``2h``, ``1d`` as settings may say it, ``90s`` where that is no whole number of a larger unit."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def sentences(message: str, advice: str | None) -> str:
    """What went wrong and what to do, as one paragraph: each ends as a sentence does, and the advice begins as one."""
    ended = message if message.endswith((".", "?", "!")) else f"{message}."
    return f"{ended} {advice[:1].upper()}{advice[1:]}" if advice else ended


def minute(at: datetime) -> str:
    """``2026-01-31 08:05 UTC``, of a time that is in UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def second(at: datetime) -> str:
    """``2026-01-31 08:05:09 UTC``, of a time that is in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
