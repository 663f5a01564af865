"""Sums of times and durations that a broken clock or a setting made absurd: they stop at the calendar's edge, unraised.

``datetime`` ends with the year 9999, a ledger's entries may be dated there, and a duration may be ``.inf``. Used by the
other modules here and by flows.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_FIRST: Final = datetime(1, 1, 2, tzinfo=UTC)
_LAST: Final = datetime(9998, 12, 31, tzinfo=UTC)
"""A day short of what ``datetime`` can hold, so that every zone can still show it."""


def span(seconds: float) -> timedelta:
    """``seconds`` as a duration; the longest there is for more than that, and for what is no number."""
    try:
        return timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return timedelta.min if seconds < 0 else timedelta.max


def before(at: datetime, seconds: float) -> datetime:
    """The time ``seconds`` before ``at``, or the first of the calendar."""
    try:
        return max(at - span(seconds), _FIRST)
    except OverflowError:
        return _FIRST


def after(at: datetime, seconds: float) -> datetime | None:
    """The time ``seconds`` after ``at``; None when the calendar ends before it: never."""
    try:
        later = at + span(seconds)
    except OverflowError:
        return None
    return later if later <= _LAST else None
