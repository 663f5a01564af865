"""What the charts of a fleet show: how runs ended, and what differed in the whole fleet, by hour and by day. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final, TypeAlias

from bot.fleet.history import FleetHistory, FleetHour, hour_of
from bot.fleet.status import FleetResult
from bot.model.severity import Severity
from bot.model.wording import counted, minute
from bot.report.charts import BarChart, ChartColumn

HOURS: Final = 24
DAYS: Final = 14
_LEVELS: Final = tuple(sorted(Severity, key=lambda level: level.rank))
_ENDS: Final[Mapping[str, tuple[FleetResult, ...]]] = {
    "in sync": (FleetResult.IN_SYNC,),
    "drift": (FleetResult.DRIFT,),
    "no settings": (FleetResult.NO_SETTINGS,),
    "blocked": (FleetResult.BLOCKED,),
    "failed": tuple(result for result in FleetResult if result.is_failure),
}
_TROUBLES: Final = (FleetResult.BLOCKED, FleetResult.FAILED, FleetResult.TIMED_OUT, FleetResult.CRASHED)
_Period: TypeAlias = tuple[str, str, tuple[FleetHour, ...]]
"""A period's label and short label, and the hours of it in which runs ended."""


def fleet_charts(history: FleetHistory, now: datetime) -> tuple[BarChart, ...]:
    """All of them, each also where there is nothing to draw yet."""
    hours = {hour.begins: hour for hour in history.hours}
    last_hours = [hour_of(now) - timedelta(hours=ago) for ago in reversed(range(HOURS))]
    by_hour = [(minute(at), f"{at:%H:%M}", tuple(filter(None, [hours.get(at)]))) for at in last_hours]
    by_day = [(f"{day:%Y-%m-%d}", f"{day:%m-%d}", tuple(runs)) for day, runs in _days(history, now).items()]
    return (
        _trouble_chart(by_hour),
        _run_chart(by_day),
        _difference_chart("hour", f"{HOURS} hours", by_hour),
        _difference_chart("day", f"{DAYS} days", by_day),
    )


def _days(history: FleetHistory, now: datetime) -> Mapping[date, list[FleetHour]]:
    """The hours of each of the last days, today as the last of them."""
    days: dict[date, list[FleetHour]] = {now.date() - timedelta(days=ago): [] for ago in reversed(range(DAYS))}
    for hour in history.hours:
        if hour.begins.date() in days:
            days[hour.begins.date()].append(hour)
    return days


def _results(hours: Sequence[FleetHour]) -> Counter[FleetResult]:
    sums = Counter[FleetResult]()
    for hour in hours:
        sums.update(hour.results)
    return sums


def _trouble_chart(periods: Sequence[_Period]) -> BarChart:
    columns = [
        ChartColumn(label, short, tuple(_results(hours)[result] for result in _TROUBLES))
        for label, short, hours in periods
    ]
    return BarChart(
        name="troubles",
        title=f"Runs that failed or were blocked in each of the last {HOURS} hours",
        heading="Failed and blocked runs by hour",
        series=tuple(result.value for result in _TROUBLES),
        tones=("warn", "bad", "high", "other"),
        columns=tuple(columns),
        empty=f"No run failed or was blocked in the last {HOURS} hours.",
    )


def _run_chart(periods: Sequence[_Period]) -> BarChart:
    columns = []
    for label, short, hours in periods:
        sums = _results(hours)
        counts = tuple(sum(sums[result] for result in results) for results in _ENDS.values())
        columns.append(ChartColumn(label, short, counts))
    return BarChart(
        name="ends",
        title=f"How runs ended on each of the last {DAYS} days; failed includes timed out and crashed",
        heading="Runs by day",
        series=tuple(_ENDS),
        tones=("good", "low", "other", "warn", "bad"),
        columns=tuple(columns),
        empty=f"No run ended on the last {DAYS} days.",
    )


def _difference_chart(unit: str, span: str, periods: Sequence[_Period]) -> BarChart:
    """What stood at the last run of each period: of one without a run nobody can tell."""
    return BarChart(
        name=f"differences-by-{unit}",
        title=f"Differences in the whole fleet at the last run of each {unit}, by severity, for {span}",
        heading=f"Differences by {unit}",
        series=tuple(level.value.lower() for level in _LEVELS),
        tones=("low", "warn", "high", "bad"),
        columns=tuple(_standing(*period) for period in periods),
        empty=f"No run of the last {span} left a difference.",
        standing=True,
    )


def _standing(label: str, short: str, hours: Sequence[FleetHour]) -> ChartColumn:
    if not hours:
        return ChartColumn(label, short, (0,) * len(_LEVELS), is_known=False)
    last = hours[-1]
    left_out = f" (without {counted(last.unknown, 'repository', 'repositories')})" if last.unknown else ""
    return ChartColumn(f"{label}{left_out}", short, tuple(last.severities.get(level, 0) for level in _LEVELS))
