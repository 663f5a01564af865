"""The whole fleet at one moment: what the loop gives to whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bot.fleet.history import FleetHistory
from bot.fleet.status import FleetRepository


@dataclass(frozen=True, slots=True)
class RequestBudget:
    """What one account may still ask its code host: ``left`` of ``limit`` requests until ``resets`` (UTC), without those that
    runs which go on are reckoned to make. From ``reserve`` on, only urgent repositories are run.
    """

    account: str
    left: int
    limit: int
    resets: datetime
    reserve: int = 0


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """All repositories of a fleet at one moment, in the order of their names; the hours before; and what is left of the
    requests of each account whose host told of any.
    """

    at: datetime
    repositories: tuple[FleetRepository, ...]
    history: FleetHistory = field(default_factory=FleetHistory)
    budgets: tuple[RequestBudget, ...] = ()
