"""One daemon for very many ticks: what the process holds on to. Used by the test beside this and by the benchmark.

Everything is real but for the clock and the service manager: a bare repository with its ledger, live state in a file, the
consumer with the wiring of the command line. Somebody pushes now and then, and now and then what runs drifts, is fixed
within the budget, or is denied.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from bot.entrypoints.daemon.consumer import Daemon
from bot.entrypoints.daemon.log import LogFile, logger
from bot.entrypoints.daemon.state import StateFolder
from bot.entrypoints.daemon.status import DaemonStatus
from bot.entrypoints.daemon.steps import Steps
from bot.entrypoints.daemon.wired import Wired
from bot.entrypoints.daemon.work import CheckWork, ReconcileWork
from bot.wiring.repository import Options
from tests.entrypoints.keeping import Keeping
from tests.test_growth import steps as calls_of

DRIFTS: int = 10
"""What runs changes every so many ticks."""


@dataclass
class TickingClock:
    """A clock that goes on by five minutes with each tick, as the drift interval has it."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Holdings:
    """What the process held after so many ticks. ``resident`` is in bytes."""

    ticks: int
    seconds: float
    resident: int
    objects: int
    descriptors: int
    threads: int
    steps: int = 0
    """Calls, of Python and of C functions, that the last of these ticks made."""


@dataclass
class LongRun:
    """A daemon that ticks as fast as it can."""

    directory: Path
    pushes: int = 50
    """Somebody pushes every so many ticks."""
    clock: TickingClock = field(
        default_factory=lambda: TickingClock(datetime.fromisoformat("2026-03-01T12:00:00+00:00"))
    )

    def measured(self, ticks: int, every: int, *, say: Callable[[str], object] = lambda _: None) -> Iterator[Holdings]:
        """What is held each ``every`` ticks."""
        keeping = Keeping.made(self.directory)
        log = LogFile(self.directory / "daemon.log", largest=1_000_000, file_count=2)
        options = Options(str(keeping.remote), str(keeping.live), environment={}, cache=self.directory / "cache")
        steps = Steps(self.clock.now)
        wired = Wired(options, self.clock, steps)
        status = DaemonStatus(self.clock.now())
        state = StateFolder(self.directory / "state")
        state.make()
        wired.keep(state, status)
        daemon = Daemon(wired, logger(log), self.clock.now, status, steps)
        began = time.perf_counter()
        for tick in range(1, ticks + 1):
            self._world(keeping, tick)
            if tick % every:
                _tick(daemon)
            else:
                made = calls_of(partial(_tick, daemon))
                yield replace(_holdings(tick, time.perf_counter() - began), steps=made)
            self.clock.sleep(300)
            if tick % every == 0:
                say(f"{tick} ticks, {status.failures} failures, {status.last_error or 'no error'}")
        assert (status.ticks, status.failures) == (ticks, 0), status.last_error
        wired.close()
        log.close()

    def _world(self, keeping: Keeping, tick: int) -> None:
        if tick % self.pushes == 0:
            keeping.push("k8s/service.yaml", lambda text: text.partition("# seen")[0] + f"# seen {tick}\n")
        if tick % DRIFTS == 0:
            keeping.drift(4 + tick // DRIFTS % 50)


def _tick(daemon: Daemon) -> None:
    daemon.do(CheckWork())
    daemon.do(ReconcileWork())
    while daemon.queue.take(0):
        pass


def _holdings(tick: int, seconds: float) -> Holdings:
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    descriptors = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return Holdings(tick, seconds, resident, len(gc.get_objects()), descriptors, threading.active_count())
