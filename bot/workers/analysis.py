"""Trends: which failures come more often than they used to, by category, tool, agent and severity.

A spike is at least 10 failures in a day and at least three times the median of the seven days before it. Days are
spans of 24 hours back from ``now``, so that a spike shows in the hour it happens and not after midnight. Pure.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.model.session import Session
from bot.workers.failures import Failure, failures_in

DAYS: Final = 7
SPIKE_LEAST: Final = 10
SPIKE_TIMES: Final = 3
_DAY: Final = timedelta(days=1)


class Dimension(StrEnum):
    """What failures are counted by."""

    CATEGORY = "category"
    TOOL = "tool"
    AGENT = "agent"
    SEVERITY = "severity"


@dataclass(frozen=True, slots=True)
class Trend:
    """Failures of one kind per day: ``days`` has eight counts, oldest first, the last is the 24 hours up to ``now``.

    ``total`` counts everything that was looked at, older days too.
    """

    dimension: Dimension
    name: str
    days: tuple[int, ...]
    total: int

    @property
    def today(self) -> int:
        """Failures within the last 24 hours."""
        return self.days[-1]

    @property
    def median(self) -> float:
        """The median of the seven days before."""
        return statistics.median(self.days[:-1])

    @property
    def spikes(self) -> bool:
        """At least 10 today, and at least three times the median."""
        return self.today >= SPIKE_LEAST and self.today >= SPIKE_TIMES * self.median


@dataclass(frozen=True, slots=True)
class Trends:
    """All trends at ``at``, the most frequent of each dimension first. ``sessions`` and ``failed`` count sessions."""

    at: datetime | None
    sessions: int
    failed: int
    failures: int
    trends: tuple[Trend, ...] = ()

    def by(self, dimension: Dimension) -> Sequence[Trend]:
        """The trends of one dimension."""
        return [trend for trend in self.trends if trend.dimension is dimension]

    @property
    def spikes(self) -> Sequence[Trend]:
        """What comes far more often than usual now."""
        return [trend for trend in self.trends if trend.spikes]


def analyse(sessions: Sequence[Session], now: datetime | None) -> Trends:
    """The trends of ``sessions`` at ``now``; with ``now`` None at the newest session, so equal input is equal output."""
    failures = failures_in(sessions)
    at = now or max((session.at for session in sessions), default=None)
    return Trends(
        at=at,
        sessions=len(sessions),
        failed=len({failure.session.id for failure in failures}),
        failures=len(failures),
        trends=tuple(_trends(failures, at)) if at is not None else (),
    )


def _trends(failures: Iterable[Failure], at: datetime) -> Iterator[Trend]:
    counts: dict[tuple[Dimension, str], list[int]] = {}
    for failure in failures:
        day = DAYS - (at - failure.session.at) // _DAY
        for key in _keys(failure):
            row = counts.setdefault(key, [0] * (DAYS + 2))
            row[-1] += 1
            if 0 <= day <= DAYS:
                row[day] += 1
    order = {dimension: index for index, dimension in enumerate(Dimension)}
    ranked = sorted(counts.items(), key=lambda item: (order[item[0][0]], -item[1][-1], item[0][1]))
    for (dimension, name), row in ranked:
        yield Trend(dimension, name, tuple(row[:-1]), row[-1])


def _keys(failure: Failure) -> Iterator[tuple[Dimension, str]]:
    yield Dimension.CATEGORY, failure.category
    yield Dimension.TOOL, failure.tool or "unknown"
    yield Dimension.AGENT, failure.session.agent or "unknown"
    yield Dimension.SEVERITY, failure.severity.value
