"""The background workers' thread: started with the daemon, and again when the settings that concern it change."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

from bot.entrypoints.daemon.consumer import Log
from bot.entrypoints.daemon.status import DaemonStatus, WorkerRun
from bot.errors import BotError, Refused
from bot.guardrails.learning import Lesson
from bot.metrics.meters import Meters
from bot.model.figures import Figures
from bot.model.session import Session
from bot.settings import Settings
from bot.wiring.repository import Options, SystemClock, open_repository
from bot.wiring.workers import workers_of
from bot.workers.metrics import measured
from bot.workers.schedule import keep_working
from bot.workers.work import Outcome, Worker, Workers

_JOIN: Final = 10.0
"""Seconds that a worker gets to end."""


class StoppableClock(SystemClock):
    """The real clock, on which nobody sleeps any more once ``stop`` is set."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def sleep(self, seconds: float) -> None:
        self._stop.wait(seconds)


@dataclass(slots=True)
class WorkerThread:
    """One thread that keeps the workers working. They have a clone of their own: a clone is not for two threads."""

    options: Options
    status: DaemonStatus
    log: Log
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    meters: Meters | None = None

    def start(self) -> None:
        """Workers run at their times from now on."""
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._work, args=(self.stop,), name="clockwork-workers", daemon=True)
        self.thread.start()

    def end(self) -> None:
        """No worker begins any more; one that is at work is waited for a little."""
        self.stop.set()
        if self.thread is not None:
            self.thread.join(_JOIN)
            self.thread = None

    def rewire(self, before: Settings, after: Settings) -> None:
        """Begin anew where the settings say something else about workers."""
        if _concerning(before) != _concerning(after):
            self.end()
            self.start()

    def _work(self, stop: threading.Event) -> None:
        try:
            workers = workers_of(open_repository(self.options))
        except BotError as exc:
            self.log.warning("workers did not start", error=exc.message)
            return
        held_store = _PausableStore(self.status, workers)
        taught = None if workers.school is None else replace(workers.school, propose=held_store.propose)
        stoppable = replace(
            workers, clock=StoppableClock(stop), publish=held_store.publish, store=held_store, school=taught
        )
        keep_working(stoppable, stopped=stop.is_set, report=partial(self._report, stoppable))

    def _report(self, workers: Workers, name: Worker, outcome: Outcome | BotError) -> None:
        at = self._now()
        if self.meters is not None:
            self._measure(self.meters, workers, name, outcome)
        if isinstance(outcome, BotError):
            self.status.workers[name.value] = WorkerRun(at, error=outcome.message)
            self.log.warning("worker failed", worker=name.value, error=outcome.message)
        else:
            self.status.workers[name.value] = WorkerRun(at, outcome.summary)

    @staticmethod
    def _measure(meters: Meters, workers: Workers, name: Worker, outcome: Outcome | BotError) -> None:
        well = not isinstance(outcome, BotError)
        meters.worked(name.value, well=well, interval=workers.intervals[name].total_seconds())
        if well and name is Worker.METRICS:
            with suppress(BotError):  # the store's own worker will say why
                figures = measured(workers.store, now=workers.clock.now())
                meters.sessions(figures.figures, figures.failures)

    @staticmethod
    def _now() -> datetime:
        return SystemClock().now()


@dataclass(frozen=True, slots=True)
class _PausableStore:
    """What workers write with, which refuses while the daemon is paused; reading goes on."""

    status: DaemonStatus
    workers: Workers

    def publish(self, path: str, data: bytes, message: str) -> str | None:
        self._check()
        return self.workers.publish(path, data, message)

    def propose(self, lesson: Lesson) -> str | None:
        self._check()
        return None if self.workers.school is None else self.workers.school.propose(lesson)

    def prune(self, before: datetime, *, batch: int = 500) -> int:
        self._check()
        return self.workers.store.prune(before, batch=batch)

    def tidy(self) -> None:
        self.workers.store.tidy()

    def recent(self, *, since: datetime | None = None, limit: int = 1000) -> Sequence[Session]:
        return self.workers.store.recent(since=since, limit=limit)

    def figures(self, *, since: datetime | None = None) -> Figures:
        return self.workers.store.figures(since=since)

    def _check(self) -> None:
        if self.status.pause is not None:
            raise Refused(
                "nothing is written while the daemon is paused", advice="`clockwork daemon resume` ends that."
            )


def _concerning(settings: Settings) -> tuple[object, ...]:
    """What the workers are made of."""
    return (settings.workers, settings.sessions, settings.fixes, settings.author, settings.host, settings.github)
