"""Trends: which failures come more often than they used to, by category, tool, agent and severity.

A spike is at least 10 failures in a day and at least three times the median of the seven days before it. Days are
spans of 24 hours back from ``now``, so that a spike shows in the hour it happens and not after midnight. Pure.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.model.session import Session
from bot.workers.failures import Failure, failures_in

DAYS: Final = 7
SPIKE_LEAST: Final = 10
SPIKE_TIMES: Final = 3
MOST_INSIGHTS: Final = 200
"""So many spikes are remembered, the newest."""
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


@dataclass(frozen=True, slots=True)
class Insight:
    """A spike from its beginning to its end. ``peak`` is the most that any 24 hours had, ``median`` the usual before it.

    ``last`` is when it was last seen, ``ended`` when it first was no spike any more; None while it goes on.
    """

    dimension: Dimension
    name: str
    began: datetime
    last: datetime
    peak: int
    median: float
    ended: datetime | None = None

    @property
    def sentence(self) -> str:
        """What people read of it."""
        until = "it goes on" if self.ended is None else f"over since {self.ended:%Y-%m-%d %H:%M}"
        return (
            f"{self.dimension.value} {self.name}: {self.peak} in 24 hours, usually {self.median:g}; "
            f"since {self.began:%Y-%m-%d %H:%M}, {until}"
        )


@dataclass(frozen=True, slots=True)
class LessonNote:
    """What became of learning a guardrail about a category, in words; ``link`` leads to its pull request."""

    category: str
    at: datetime
    outcome: str
    link: str | None = None


@dataclass(frozen=True, slots=True)
class SavedTrends:
    """What an analysis leaves to be read later: its trends, the spikes of this and earlier ones, and what was learned
    from them, newest first.
    """

    trends: Trends
    insights: tuple[Insight, ...] = ()
    lessons: tuple[LessonNote, ...] = ()


def merged_spikes(trends: Trends, before: SavedTrends | None) -> SavedTrends:
    """``trends`` with the spikes that were known: one that goes on grows, one that is over is ended, a new one is added."""
    if trends.at is None:
        return SavedTrends(trends) if before is None else replace(before, trends=trends)
    spikes = {(trend.dimension, trend.name): trend for trend in trends.spikes}
    insights: list[Insight] = []
    for insight in () if before is None else before.insights:
        trend = spikes.pop((insight.dimension, insight.name), None) if insight.ended is None else None
        insights.append(_continued(insight, trend, trends.at))
    fresh = [
        Insight(trend.dimension, trend.name, trends.at, trends.at, trend.today, trend.median)
        for trend in spikes.values()
    ]
    return SavedTrends(trends, (*fresh, *insights)[:MOST_INSIGHTS], () if before is None else before.lessons)


def _continued(insight: Insight, trend: Trend | None, at: datetime) -> Insight:
    if trend is not None:
        return replace(insight, last=at, peak=max(insight.peak, trend.today))
    return insight if insight.ended is not None else replace(insight, ended=at)


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
    yield Dimension.AGENT, failure.agent
    yield Dimension.SEVERITY, failure.severity.value
