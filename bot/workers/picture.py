"""The picture that ``AI_Failure_Modes.md`` shows: what goes wrong most, by whom, what it costs, since when, where again.

A failure counts for whoever made it (:attr:`~bot.workers.failures.Failure.tool`); rates are failures per 100 runs in which
that tool or agent took part. Pure: the same sessions give the same picture.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from bot.model.session import Session
from bot.workers.analysis import Dimension, Trend, Trends
from bot.workers.failures import Failure, failures_in
from bot.workers.records import tools_of

MODES: Final = 5
TOP_TOOLS: Final = 12
CATEGORIES: Final = 7
REPEATS: Final = 15
LAST: Final = 100
CHART_DAYS: Final = 14
SLICES: Final = 6
OTHER_CATEGORY: Final = "other"
_SHOWN: Final = frozenset({Dimension.CATEGORY, Dimension.TOOL})
"""What spikes are told of: an agent's are those of its tool, and a severity says nothing by itself."""
_ENOUGH: Final = 20
"""From so many runs on the rate of a tool is part of what the picture is compared by."""


@dataclass(frozen=True, slots=True)
class FailureRate:
    """So many failures in so many runs."""

    failures: int
    runs: int

    @property
    def per_100(self) -> float:
        """Failures per 100 runs; it may be above 100."""
        return 100 * self.failures / self.runs if self.runs else 0.0


@dataclass(frozen=True, slots=True)
class FailureCost:
    """What the runs with a failure cost: merges that were blocked, pull requests, seconds, and US dollars of assistants
    (None where no assistant told any).
    """

    runs: int
    blocked: int
    pulls: tuple[int, ...]
    seconds: float
    usd: float | None


@dataclass(frozen=True, slots=True)
class FailureMode:
    """One category of failures: how often, who makes it most (with their own rate), its most frequent rule, its cost."""

    category: str
    rate: FailureRate
    culprit: str
    culprit_rate: FailureRate
    example: Failure
    cost: FailureCost


@dataclass(frozen=True, slots=True)
class ToolRow:
    """A tool or agent with its runs, and its rate in each category of :attr:`FailurePicture.categories`."""

    name: str
    runs: int
    total: FailureRate
    cells: tuple[FailureRate, ...]


@dataclass(frozen=True, slots=True)
class RepeatedFailure:
    """One failure that came again: the same rule by the same tool in the same file; the newest of them as an example."""

    times: int
    last: Failure
    pulls: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DayRate:
    """One day (UTC)."""

    day: date
    rate: FailureRate


@dataclass(frozen=True, slots=True)
class FailurePicture:
    """Everything the document shows of the sessions. ``categories`` are the columns of the table ``by_tool``."""

    since: datetime | None
    until: datetime | None
    total: FailureRate
    cost: FailureCost
    modes: tuple[FailureMode, ...]
    categories: tuple[str, ...]
    by_tool: tuple[ToolRow, ...]
    days: tuple[DayRate, ...]
    shares: tuple[tuple[str, int], ...]
    repeats: tuple[RepeatedFailure, ...]
    last: tuple[Failure, ...]
    spikes: tuple[Trend, ...] = ()

    @property
    def digest(self) -> str:
        """Equal for pictures that tell a reader the same: rates to the whole number, the order of what is most, who makes
        it, what repeats, what spikes. One more failure of a kind does not make another picture.
        """
        facts = {
            "total": round(self.total.per_100),
            "modes": [[mode.category, round(mode.rate.per_100), mode.culprit] for mode in self.modes],
            "who": [[row.name, round(row.total.per_100)] for row in self.by_tool if row.runs >= _ENOUGH],
            "repeats": sorted([repeat.last.rule, repeat.last.tool, repeat.last.file] for repeat in self.repeats[:10]),
            "spikes": sorted(f"{trend.dimension} {trend.name}" for trend in self.spikes),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def picture(sessions: Sequence[Session], trends: Trends) -> FailurePicture:
    """The picture of ``sessions``, with the spikes of ``trends``."""
    failures = failures_in(sessions)
    by_category = _ranked(failures, lambda failure: failure.category)
    runs = _runs(sessions)
    names = tuple(by_category)
    columns = names if len(names) <= CATEGORIES else (*names[: CATEGORIES - 1], OTHER_CATEGORY)
    times = [session.at for session in sessions]
    return FailurePicture(
        since=min(times, default=None),
        until=max(times, default=None),
        total=FailureRate(len(failures), len(sessions)),
        cost=_cost(failures),
        modes=tuple(
            _mode(name, mode_failures, len(sessions), runs) for name, mode_failures in list(by_category.items())[:MODES]
        ),
        categories=columns,
        by_tool=tuple(_tool_rows(failures, runs, columns)),
        days=tuple(_days(sessions, failures)),
        shares=_shares(by_category),
        repeats=tuple(_repeats(failures)),
        last=tuple(failures[:LAST]),
        spikes=tuple(trend for trend in trends.spikes if trend.dimension in _SHOWN),
    )


def _ranked(failures: Iterable[Failure], key: Callable[[Failure], str]) -> Mapping[str, Sequence[Failure]]:
    """Failures by ``key``, the most frequent first, then by name."""
    groups: dict[str, list[Failure]] = {}
    for failure in failures:
        groups.setdefault(key(failure), []).append(failure)
    return dict(sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])))


def _runs(sessions: Iterable[Session]) -> Counter[str]:
    """In how many runs each agent and each assistant took part."""
    return Counter(name for session in sessions for name in {session.agent or "unknown", *tools_of(session)})


def _mode(category: str, failures: Sequence[Failure], sessions: int, runs: Counter[str]) -> FailureMode:
    culprits = _ranked(failures, lambda failure: failure.tool)
    culprit = max(
        culprits, key=lambda name: (len(culprits[name]), FailureRate(len(culprits[name]), runs[name]).per_100)
    )
    rules = _ranked(failures, lambda failure: failure.rule)
    return FailureMode(
        category=category,
        rate=FailureRate(len(failures), sessions),
        culprit=culprit,
        culprit_rate=FailureRate(len(culprits[culprit]), runs[culprit] or sessions),
        example=next(iter(rules.values()))[0],
        cost=_cost(failures),
    )


def _cost(failures: Sequence[Failure]) -> FailureCost:
    sessions = {failure.session.id: failure.session for failure in failures}
    costs = [reply.cost_usd for session in sessions.values() for reply in session.replies if reply.cost_usd is not None]
    pulls = {session.number: session.at for session in sorted(sessions.values(), key=lambda session: session.at)}
    newest = sorted(((at, number) for number, at in pulls.items() if number is not None), reverse=True)
    return FailureCost(
        runs=len(sessions),
        blocked=len({failure.session.id for failure in failures if failure.blocked}),
        pulls=tuple(number for _, number in newest),
        seconds=sum(max(0, session.milliseconds) for session in sessions.values()) / 1000,
        usd=sum(costs) if costs else None,
    )


def _tool_rows(failures: Sequence[Failure], runs: Counter[str], columns: Sequence[str]) -> Iterable[ToolRow]:
    failures_by_tool = _ranked(failures, lambda failure: failure.tool)
    for name in sorted(runs, key=lambda name: (-len(failures_by_tool.get(name, ())), -runs[name], name))[:TOP_TOOLS]:
        own_failures = failures_by_tool.get(name, ())
        counts = Counter(
            failure.category if failure.category in columns else OTHER_CATEGORY for failure in own_failures
        )
        cells = tuple(FailureRate(counts[column], runs[name]) for column in columns)
        yield ToolRow(name, runs[name], FailureRate(len(own_failures), runs[name]), cells)


def _days(sessions: Sequence[Session], failures: Sequence[Failure]) -> Iterable[DayRate]:
    """The last days up to the newest run, those on which something ran."""
    if not sessions:
        return
    newest = max(session.at for session in sessions).date()
    ran = Counter(session.at.date() for session in sessions)
    failed = Counter(failure.session.at.date() for failure in failures)
    for back in range(CHART_DAYS - 1, -1, -1):
        day = newest - timedelta(days=back)
        if ran[day]:
            yield DayRate(day, FailureRate(failed[day], ran[day]))


def _shares(by_category: Mapping[str, Sequence[Failure]]) -> tuple[tuple[str, int], ...]:
    counts = [(name, len(category_failures)) for name, category_failures in by_category.items()]
    remainder = sum(count for _, count in counts[SLICES:])
    return (*counts[:SLICES], *([(OTHER_CATEGORY, remainder)] if remainder else []))


def _repeats(failures: Sequence[Failure]) -> Iterable[RepeatedFailure]:
    """What came more than once, most first, then the newest."""

    def key(failure: Failure) -> tuple[str, str, str]:
        return (failure.rule, failure.tool, failure.file)

    groups = [list(group) for _, group in groupby(sorted(failures, key=key), key=key)]
    ranked = sorted(groups, key=lambda group: (-len(group), -group[0].session.at.timestamp(), key(group[0])))
    for repeats in ranked[:REPEATS]:
        if len(repeats) > 1:
            pulls = dict.fromkeys(failure.session.number for failure in repeats if failure.session.number is not None)
            yield RepeatedFailure(len(repeats), repeats[0], tuple(pulls))
