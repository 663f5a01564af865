"""What the daemon knows of itself. The consumer, the workers and the watchdog write it; the API and the log read it."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from threading import Condition
from typing import Final, TypeAlias

from bot.entrypoints.daemon.state import Pause
from bot.errors import BotError
from bot.flows.circumstances import Circumstances
from bot.model.drift import Report
from bot.model.ledger import LedgerView
from bot.model.proposal import Tick
from bot.model.severity import Severity
from bot.model.wording import counted
from bot.report.wording import all_compared
from bot.safety.history import history_of

_KEPT_RUNS: Final = 200


class LookKind(StrEnum):
    """The two things that the daemon does at intervals."""

    CHECK = "check"
    """Everything but live state."""
    DRIFT = "drift"
    """Live state too."""


@dataclass(frozen=True, slots=True)
class LookTimes:
    """When something was done last and will be next. ``error`` is why the last time failed."""

    last: datetime | None = None
    next: datetime | None = None
    error: str | None = None

    def due(self, now: datetime, interval: float) -> bool:
        """Whether it is time. A clock that was set back delays it by no more than one interval."""
        return self.next is None or self.next <= now or self.next - now > timedelta(seconds=interval)


@dataclass(frozen=True, slots=True)
class WorkerRun:
    """How a worker's last run ended: a sentence about it, or why it failed."""

    at: datetime
    summary: str = ""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class CheckoutLook:
    """A checkout as it lay there: what would differ if it were pushed. ``error``: why nobody could tell."""

    folder: Path
    at: datetime
    report: Report | None = None
    error: str | None = None

    @property
    def in_sync(self) -> bool:
        """Whether all of it could be compared, and nothing differed."""
        return self.report is not None and not self.report.drift and all_compared(self.report)


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """How one run ended: ``seconds`` it took, what came of it, how many differences of each severity it saw.

    ``error`` is why it gave no account, or why it wrote nothing; ``failed`` tells the first from the second.
    """

    at: datetime
    seconds: float
    result: str
    severities: Mapping[Severity, int] = field(default_factory=dict)
    error: str | None = None
    failed: bool = False


RunEnd: TypeAlias = Tick | BotError
"""What came of a run."""


def finished_run(end: RunEnd, at: datetime, seconds: float) -> FinishedRun:
    """A run that began ``at`` and came to that."""
    if isinstance(end, BotError):
        return FinishedRun(at, seconds, "failed", error=end.message, failed=True)
    severities = Counter(drift.severity for drift in end.report.drift)
    wrote = Counter(action.effect.value for action in end.actions if action.effect.wrote)
    differs = counted(len(end.report.drift), "difference") if end.report.drift else "in sync"
    state_text = differs if end.report.drift or all_compared(end.report) else "not everything could be compared"
    result = ", ".join([state_text, *(f"{number} {effect}" for effect, number in wrote.items())])
    return FinishedRun(at, seconds, result, severities, end.blocked)


class Runs:
    """Numbers runs from 1, so that whoever asks for one gets one that began after they asked."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = Condition()
        self._end: tuple[int, RunEnd] | None = None

    def next(self) -> int:
        """The number of the first run that begins from now on."""
        with self._changed:
            return self._count + 1

    def begin(self) -> int:
        """A run begins; its number."""
        with self._changed:
            self._count += 1
            return self._count

    def end(self, number: int, end: RunEnd) -> None:
        """That run came to this."""
        with self._changed:
            self._end = (number, end)
            self._changed.notify_all()

    def since(self, number: int) -> RunEnd | None:
        """What the run of that number came to, or a later one; None while none of them has ended."""
        with self._changed:
            return self._end[1] if self._end is not None and self._end[0] >= number else None


@dataclass(slots=True)
class DaemonStatus:
    """What the daemon did last. ``failures`` counts failed pieces of work since the start, ``ticks`` completed runs.

    ``ledger`` and ``circumstances`` are as last read. ``overdue`` names a step that takes longer than it may.
    """

    started: datetime
    last: Tick | None = None
    last_error: str | None = None
    ticks: int = 0
    failures: int = 0
    looks: dict[LookKind, LookTimes] = field(default_factory=lambda: {kind: LookTimes() for kind in LookKind})
    runs: Runs = field(default_factory=Runs)
    finished: deque[FinishedRun] = field(default_factory=lambda: deque(maxlen=_KEPT_RUNS))
    """The last runs of this process, oldest first."""
    ledger: Callable[[], LedgerView | None] = lambda: None
    circumstances: Circumstances | None = None
    workers: dict[str, WorkerRun] = field(default_factory=dict)
    checkouts: dict[Path, CheckoutLook] = field(default_factory=dict)
    pause: Pause | None = None
    overdue: str | None = None
    recent: OrderedDict[str, None] = field(default_factory=OrderedDict)

    @property
    def unready(self) -> str | None:
        """Why it cannot be relied on now; None when it can."""
        if self.overdue is not None:
            return self.overdue
        if self.last is None:
            return self.last_error or "the first run is not done yet"
        return None if self.halted else self.last.blocked

    @property
    def halted(self) -> bool:
        """Whether people stopped every write: it works as it was told, and hears the order that lifts that."""
        view = self.ledger()
        return view is not None and history_of(view).halt is not None
