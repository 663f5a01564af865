"""Times as people write them: on the command line, and in comments after ``until``. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.errors import Invalid

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_STEP: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smhd])")
_FROM_NOW: Final = re.compile(rf"(?:{_STEP.pattern})+\Z")


def moment(text: str, *, now: datetime) -> datetime:
    """The time that ``text`` means, in UTC: an ISO 8601 date or date-time (UTC where it names no offset), or a time from
    ``now`` such as ``2h``, ``3d`` or ``1h30m``. Raises ``Invalid`` for anything else.
    """
    try:
        if _FROM_NOW.match(text):
            return now + timedelta(seconds=sum(float(count) * _UNITS[unit] for count, unit in _STEP.findall(text)))
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as exc:
        raise Invalid(
            f"{text!r} is not a time",
            advice="Write 2026-12-24, 2026-12-24T10:00+01:00 (UTC without an offset), or a time from now: 2h, 3d, 1h30m.",
        ) from exc
