"""Change windows: when the bot may change something without asking, as cron expressions with a duration in a time zone.

Deny wins. With no window at all everything is open. As soon as one allow window concerns a task, that task is open only inside
allow windows; inside a deny window it is closed whatever else says. A window begins at a wall-clock time of its zone
and lasts for elapsed seconds: one that begins in an hour that the clocks skip begins when they have skipped, one in a
repeated hour begins the first time. Used by :mod:`bot.safety.limits` and by settings to read windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.errors import Invalid
from bot.model.decision import Lane
from bot.model.globs import name_matches
from bot.safety.cron import Cron, parse_cron
from bot.safety.spans import after

_LOOK_AHEAD_DAYS = (2, 14, 100, 400)
_LONGEST = 31 * 86400
_UNASKED = frozenset({Lane.ARTIFACT_PATCH, Lane.RESTORE})
"""What changes something without asking: a file by a commit, or what runs."""


class WindowKind(StrEnum):
    """Whether changes may happen inside the window only, or not inside it."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """From each time ``cron`` names in ``zone``, for ``seconds``, for what is changed without asking of the tasks (globs)."""

    name: str
    kind: WindowKind
    cron: Cron
    seconds: int
    zone: ZoneInfo
    tasks: tuple[str, ...] = ("*",)

    def concerns(self, task: str, lane: Lane) -> bool:
        """Whether it says anything about ``lane`` of ``task``."""
        return lane in _UNASKED and any(name_matches(pattern, task) for pattern in self.tasks)

    def contains(self, now: datetime) -> bool:
        """Whether ``now`` is inside: the beginning belongs to it, the end does not."""
        return any(begin <= now < end for begin, end in self.openings(now, now))

    def openings(self, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Beginning and end of every opening that touches ``first`` .. ``last``, in UTC."""
        runs = self._runs()
        day = (first - timedelta(seconds=self.seconds)).astimezone(self.zone).date() - timedelta(days=1)
        while day <= last.astimezone(self.zone).date():
            for first_minute, last_minute in runs if self.cron.on(day) else ():
                begin = _instant(day, first_minute, self.zone)
                end = _instant(day, last_minute, self.zone) + timedelta(seconds=self.seconds)
                if begin <= last and end >= first:
                    yield begin, end
            day += timedelta(days=1)

    def _runs(self) -> list[tuple[int, int]]:
        """The first and last minute of each run of beginnings that are no further apart than one opening is long."""
        runs: list[tuple[int, int]] = []
        for minute in self.cron.minutes:
            if runs and (minute - runs[-1][1]) * 60 <= self.seconds:
                runs[-1] = (runs[-1][0], minute)
            else:
                runs.append((minute, minute))
        return runs


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether the windows are open, why, which one decided, and when they will be (None: not within 400 days)."""

    open: bool
    message: str
    window: str = ""
    next_open: datetime | None = None


def parse_window(
    name: str, *, kind: str, cron: str, duration: float, zone: str = "UTC", tasks: Sequence[str] = ("*",)
) -> ChangeWindow:
    """A window from what settings say; ``duration`` in seconds. Raises ``Invalid`` naming what is wrong."""
    if kind not in set(WindowKind):
        raise Invalid(f"change window {name!r}: {kind!r} is neither allow nor deny")
    if not 60 <= duration <= _LONGEST:
        raise Invalid(f"change window {name!r}: a duration is between one minute and 31 days")
    try:
        time_zone = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise Invalid(
            f"change window {name!r}: there is no time zone {zone!r}", advice="use an IANA name: Europe/Berlin"
        ) from exc
    return ChangeWindow(name, WindowKind(kind), parse_cron(cron), int(duration), time_zone, tuple(tasks))


def gate(windows: Sequence[ChangeWindow], *, task: str, lane: Lane, now: datetime) -> Gate:
    """Whether ``lane`` of ``task`` may be written at ``now`` as far as change windows go."""
    own_windows = [window for window in windows if window.concerns(task, lane)]
    if not own_windows:
        return Gate(open=True, message="no change window applies")
    shut = _closed_by(own_windows, now)
    if shut is None:
        return Gate(open=True, message="its change windows are open")
    return Gate(
        open=False, message=f"closed by change window {shut}", window=shut, next_open=_next_open(own_windows, now)
    )


def _closed_by(windows: Sequence[ChangeWindow], now: datetime) -> str | None:
    """The name of the window that closes ``now``, None when it is open."""
    for window in windows:
        if window.kind is WindowKind.DENY and window.contains(now):
            return window.name
    allowing = [window for window in windows if window.kind is WindowKind.ALLOW]
    if not allowing or any(window.contains(now) for window in allowing):
        return None
    return ", ".join(window.name for window in allowing)


def _next_open(windows: Sequence[ChangeWindow], now: datetime) -> datetime | None:
    """The first moment after ``now`` at which they are open; looks further ahead only when nothing is near."""
    for days in _LOOK_AHEAD_DAYS:
        last = after(now, days * 86400.0)
        if last is None:
            return None
        opening = _first_open(windows, now, last)
        if opening < last:
            return opening
    return None


def _first_open(windows: Sequence[ChangeWindow], now: datetime, last: datetime) -> datetime:
    """The first open moment between ``now`` and ``last``; ``last`` when there is none."""
    allowing = [window for window in windows if window.kind is WindowKind.ALLOW]
    denying = [window for window in windows if window.kind is WindowKind.DENY]
    allowed = _merged(allowing, now, last) if allowing else [(now, last)]
    denied = _merged(denying, now, last)
    at = now
    for begin, end in allowed:
        at = max(at, begin)
        for shut, reopened in denied:
            if shut <= at < reopened:
                at = reopened
        if at < end:
            return at
    return last


def _merged(windows: Sequence[ChangeWindow], first: datetime, last: datetime) -> list[tuple[datetime, datetime]]:
    """All openings of ``windows`` as separate spans in order."""
    merged: list[tuple[datetime, datetime]] = []
    for begin, end in sorted(span for window in windows for span in window.openings(first, last)):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The wall-clock time in UTC: the first of two, and for one that the clocks skip the moment at which they do."""
    wall = datetime.combine(day, time(minute // 60, minute % 60), zone)
    instant = wall.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return instant
    earlier, later = wall.replace(fold=1).astimezone(UTC), instant
    while later - earlier > timedelta(seconds=1):
        middle = earlier + (later - earlier) // 2
        if middle.astimezone(zone).utcoffset() == later.astimezone(zone).utcoffset():
            later = middle
        else:
            earlier = middle
    return later.replace(microsecond=0)
