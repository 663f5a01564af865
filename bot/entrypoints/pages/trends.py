"""What the charts of a page show: runs, remedies, verdicts and failure modes over time. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from bot.entrypoints.daemon.status import FinishedRun
from bot.model.finding import Verdict
from bot.model.ledger import EntryKind, LedgerView, Result
from bot.model.session import Session
from bot.model.severity import Severity
from bot.model.wording import second
from bot.report.charts import BarChart, ChartColumn
from bot.workers.failures import failures_in

DAYS: Final = 14
_RUNS: Final = 48
_CATEGORIES: Final = 4
_OTHER_NAME: Final = "other"
_OLDER: Final = 500
"""So many entries in a row from before the first day end the search: clocks differ, the ledger's order does not."""


def charts(
    finished: Sequence[FinishedRun], view: LedgerView | None, guarded: Sequence[Session], now: datetime
) -> tuple[BarChart, ...]:
    """All of them, each also where there is nothing to draw yet."""
    return (drift_chart(finished), remedy_chart(view, now), verdict_chart(guarded, now), failure_chart(guarded, now))


def drift_chart(finished: Sequence[FinishedRun]) -> BarChart:
    """The differences that each of the last runs saw, by severity."""
    levels = sorted(Severity, key=lambda level: level.rank)
    columns = tuple(
        ChartColumn(
            f"{second(run.at)}{' (failed)' if run.failed else ''}",
            f"{run.at:%H:%M}",
            tuple(run.severities.get(level, 0) for level in levels),
        )
        for run in finished[-_RUNS:]
    )
    return BarChart(
        name="drift",
        title="Differences that each of the last runs saw, by severity",
        heading="Differences by run",
        series=tuple(level.value.lower() for level in levels),
        tones=("low", "warn", "high", "bad"),
        columns=columns,
        empty="No run since the start saw a difference.",
        standing=True,
    )


def remedy_chart(view: LedgerView | None, now: datetime) -> BarChart:
    """How commits, pull requests and issues ended on each of the last days, as the ledger has it."""
    days = _days(now)
    counts = Counter(_ends(view, days[0])) if view is not None else Counter[tuple[date, Result]]()
    return BarChart(
        name="remedies",
        title=f"How remedies ended on the last {DAYS} days",
        heading="Remedies by day",
        series=("succeeded", "given up", "failed"),
        tones=("good", "warn", "bad"),
        columns=_columns(days, lambda day: tuple(counts[day, result] for result in _RESULTS)),
        empty=f"No remedy was tried on the last {DAYS} days.",
    )


_RESULTS: Final = (Result.SUCCEEDED, Result.ABANDONED, Result.FAILED)


def _ends(view: LedgerView, first: date) -> Iterable[tuple[date, Result]]:
    older = 0
    for entry in reversed(view.entries):
        older = older + 1 if entry.at.date() < first else 0
        if older > _OLDER:
            return
        if not older and entry.kind is EntryKind.OUTCOME and entry.result is not None:
            yield entry.at.date(), entry.result


def verdict_chart(guarded: Sequence[Session], now: datetime) -> BarChart:
    """The verdicts of the guard on each of the last days."""
    days, counts = _days(now), Counter((run.at.date(), run.verdict) for run in guarded)
    order = (Verdict.APPROVE, Verdict.WARN, Verdict.BLOCK)
    return BarChart(
        name="verdicts",
        title=f"Verdicts of the guard on the last {DAYS} days",
        heading="Verdicts by day",
        series=tuple(verdict.value for verdict in order),
        tones=("good", "warn", "bad"),
        columns=_columns(days, lambda day: tuple(counts[day, verdict] for verdict in order)),
        empty=f"Nothing was judged on the last {DAYS} days.",
    )


def failure_chart(guarded: Sequence[Session], now: datetime) -> BarChart:
    """What went wrong in guarded runs on each of the last days, by the most frequent categories."""
    days = _days(now)
    failures = [failure for failure in failures_in(guarded) if failure.session.at.date() >= days[0]]
    most = [name for name, _ in Counter(failure.category for failure in failures).most_common(_CATEGORIES)]
    others_label = (
        [_OTHER_NAME] if any(failure.category not in most for failure in failures) and _OTHER_NAME not in most else []
    )
    names = [*most, *others_label] or [_OTHER_NAME]
    counts = Counter(
        (failure.session.at.date(), failure.category if failure.category in most else _OTHER_NAME)
        for failure in failures
    )
    return BarChart(
        name="failures",
        title=f"Failure modes of guarded runs on the last {DAYS} days",
        heading="Failure modes by day",
        series=tuple(names),
        tones=("bad", "high", "warn", "low", "other")[: len(names)],
        columns=_columns(days, lambda day: tuple(counts[day, name] for name in names)),
        empty=f"Nothing went wrong in guarded runs on the last {DAYS} days.",
    )


def _days(now: datetime) -> list[date]:
    """The last days, today as the last of them."""
    return [now.date() - timedelta(days=ago) for ago in reversed(range(DAYS))]


def _columns(days: Sequence[date], counts: Callable[[date], tuple[int, ...]]) -> tuple[ChartColumn, ...]:
    return tuple(ChartColumn(f"{day:%Y-%m-%d}", f"{day:%m-%d}", counts(day)) for day in days)
