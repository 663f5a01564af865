"""What is known of each repository of a fleet: one value, kept by whoever runs the fleet, put in order by the schedule,
shown by the command line and the status page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.fleet.waits import HeldTasks, WaitingForPeople
from bot.model.severity import Severity


class FleetResult(StrEnum):
    """How the last run of a repository ended."""

    IN_SYNC = "in sync"
    DRIFT = "drift"
    BLOCKED = "blocked"
    """Halted, or a limit keeps it from writing."""
    NO_SETTINGS = "no settings"
    """It was found, and takes no part: its branch has no ``clockwork.yaml``."""
    FAILED = "failed"
    TIMED_OUT = "timed out"
    CRASHED = "crashed"
    """Its process ended without an account of the run."""

    @property
    def is_failure(self) -> bool:
        """Whether the run gave no account of the repository."""
        return self in {FleetResult.FAILED, FleetResult.TIMED_OUT, FleetResult.CRASHED}


@dataclass(frozen=True, slots=True)
class FleetRepository:
    """One repository of a fleet. Times are UTC; ``last`` and ``result`` are None before its first run."""

    name: str
    """``owner/name`` where it is known, else as the fleet's file names it."""
    due: datetime
    """When it is to be run next at the earliest."""
    last: datetime | None = None
    """When its last run began."""
    seconds: float = 0.0
    """How long its last run took."""
    result: FleetResult | None = None
    severities: Mapping[Severity, int] = field(default_factory=dict)
    """How many differences of each severity the last run that gave an account saw."""
    failures: int = 0
    """Runs in a row that gave no account."""
    error: str | None = None
    """Why the last run failed or wrote nothing, without secrets, on one line."""
    running: bool = False
    interval: timedelta = timedelta(minutes=5)
    """How often it is run while nothing urgent differs."""
    period: timedelta = timedelta(minutes=5)
    """How often it is to be run as things are: what its lateness is measured by."""
    account: str = ""
    """Whose requests to the code host its runs use; empty where nobody counts them."""
    requests: int | None = None
    """How many requests its last run made."""
    url: str = ""
    """Its Git address, without credentials."""
    seen: datetime | None = None
    """When the last run began that gave an account; None where none did yet, or nobody noted it."""
    waiting: WaitingForPeople | None = None
    """What waits for people as the last run that gave an account told; None where it could not tell, or none did."""
    held: tuple[HeldTasks, ...] | None = None
    """What is not fixed for now, as that run told; None as for ``waiting``."""

    @property
    def worst(self) -> Severity | None:
        """The worst severity among its differences."""
        return max((s for s, count in self.severities.items() if count), key=lambda s: s.rank, default=None)

    @property
    def is_known(self) -> bool:
        """Whether a run ever gave an account, so that no difference means that there is none."""
        return self.seen is not None or (self.result is not None and not self.result.is_failure)

    @property
    def urgent(self) -> bool:
        """Whether something HIGH or CRITICAL differs."""
        return self.worst in {Severity.HIGH, Severity.CRITICAL}
