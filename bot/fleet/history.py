"""How the runs of a fleet ended, and what differed in it, hour by hour: bounded, so that it is kept for ever. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot.fleet.status import FleetRepository, FleetResult
from bot.model.severity import Severity

HISTORY_SPAN: Final = timedelta(days=14)
"""What is older is forgotten: 336 hours at most are kept."""


@dataclass(slots=True)
class FleetDifferences:
    """How many differences of each severity a whole fleet has, as far as its runs told, and of how many repositories none
    told yet. Kept up to date run by run: to add all of them up each time would cost the square of their number.
    """

    severities: Counter[Severity] = field(default_factory=Counter)
    unknown: int = 0

    @classmethod
    def of(cls, repositories: Iterable[FleetRepository]) -> FleetDifferences:
        """All of them added up."""
        differences = cls()
        for repository in repositories:
            differences.severities.update(repository.severities)
            differences.unknown += not repository.is_known
        return differences

    def replace(self, before: FleetRepository, after: FleetRepository) -> None:
        """One repository is known to be otherwise now."""
        self.severities.subtract(before.severities)
        self.severities.update(after.severities)
        self.unknown += before.is_known - after.is_known


@dataclass(frozen=True, slots=True)
class FleetHour:
    """One hour from ``begins`` (UTC) on: how many runs ended how; and after the last of them, how many differences of each
    severity the whole fleet had, and of how many repositories nobody could tell.
    """

    begins: datetime
    results: Mapping[FleetResult, int] = field(default_factory=dict)
    severities: Mapping[Severity, int] = field(default_factory=dict)
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class FleetHistory:
    """The hours in which a run ended, oldest first."""

    hours: tuple[FleetHour, ...] = ()

    def counting(self, result: FleetResult, differences: FleetDifferences, at: datetime) -> FleetHistory:
        """With a run more, which ended ``at``. Hours of a clock that was ahead go: they would stand before all that come."""
        begins = hour_of(at)
        hours = list(self.hours)
        if not hours or hours[-1].begins != begins:
            first = begins - HISTORY_SPAN
            hours = [hour for hour in hours if first < hour.begins <= begins]
        last = hours.pop() if hours and hours[-1].begins == begins else FleetHour(begins)
        results = {**last.results, result: last.results.get(result, 0) + 1}
        severities = {level: number for level, number in differences.severities.items() if number}
        return FleetHistory((*hours, FleetHour(begins, results, severities, differences.unknown)))

    @property
    def is_sound(self) -> bool:
        """Whether it can be what a fleet has counted: whole hours of UTC in their order, and no count below nothing."""
        counts = [
            number
            for hour in self.hours
            for number in (*hour.results.values(), *hour.severities.values(), hour.unknown)
        ]
        begins = [hour.begins for hour in self.hours]
        if any(moment.utcoffset() != timedelta(0) or moment != hour_of(moment) for moment in begins):
            return False
        return begins == sorted(set(begins)) and min(counts, default=0) >= 0


def hour_of(moment: datetime) -> datetime:
    """When its hour began."""
    return moment.replace(minute=0, second=0, microsecond=0)
