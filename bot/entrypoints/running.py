"""Starts the daemon's parts and stops them in order: HTTP, workers, the loop. Called by ``clockwork daemon run``."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.entrypoints.daemon import Daemon, DaemonStatus
from bot.entrypoints.http import build, serving
from bot.errors import BotError
from bot.flows.commands import Orders
from bot.flows.comments import answer_comments
from bot.flows.explain import explain
from bot.flows.reconcile import tick
from bot.metrics.exposition import exposition
from bot.model.notice import Delivery, DeliveryResult
from bot.model.proposal import Tick
from bot.ports import Clock
from bot.secrecy.redaction import redact_tokens
from bot.settings import FILE
from bot.wiring.guard import Guard, review
from bot.wiring.host import open_webhooks
from bot.wiring.metrics import open_meters, open_pusher
from bot.wiring.notifications import open_notifier
from bot.wiring.reconcile import loop_on
from bot.wiring.repository import Options, SystemClock, open_repository
from bot.wiring.targets import renderers
from bot.wiring.workers import workers_of

if TYPE_CHECKING:
    import structlog

    from bot.metrics.meters import Meters
    from bot.workers.work import Outcome, Worker


def logger() -> structlog.stdlib.BoundLogger:
    """JSON lines on standard error, with a time."""
    import structlog

    structlog.configure(
        processors=[
            _without_tokens,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    log: structlog.stdlib.BoundLogger = structlog.get_logger()
    return log


def _without_tokens(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Every text of an event redacted: a message of another program may quote what it was given."""
    return {key: redact_tokens(value) if isinstance(value, str) else value for key, value in event.items()}


class Wired:
    """The loop and the guard of one repository, wired again whenever its settings file changes on the branch. What was
    rendered for one of them is remembered for both.

    Settings that are wrong raise ``Invalid`` in every run until somebody fixes them: nothing is written meanwhile.
    """

    def __init__(self, options: Options, clock: Clock, log: structlog.stdlib.BoundLogger | None = None) -> None:
        self._log = log or logger()
        self._clock = clock
        self.meters = open_meters(clock)
        self._options = replace(options, meter=self.meters)
        self.renderers = renderers(self.meters)
        self._wire()

    def _wire(self) -> None:
        self.opened = open_repository(self._options)
        self.loop = loop_on(self.opened, clock=self._clock, renderers=self.renderers)
        host = self.loop.run.host
        self.guard = None if host is None else Guard(self.opened, host, self._clock, self.renderers)
        self._settings = self._read()
        self.notifier = open_notifier(
            self.opened, self._clock, account=self._delivered, warn=self._log.warning, background=True
        )
        self.pusher = open_pusher(self.opened, self.meters, self._log.warning)

    def _delivered(self, delivery: Delivery) -> None:
        self.meters.told(delivery)
        log = self._log.info if delivery.result is DeliveryResult.DELIVERED else self._log.warning
        log("told", receiver=delivery.receiver, result=delivery.result.value, answer=delivery.answer)

    def _read(self) -> bytes | None:
        repository = self.opened.repository
        head = repository.head(self.opened.branch)
        return None if head is None else repository.read(head, FILE)

    def fresh(self) -> Wired:
        """Itself, by the settings that the branch has now."""
        self.opened.repository.fetch()
        if self._read() != self._settings:
            self.close()
            self._wire()
        return self

    def reconcile(self) -> Tick:
        """One tick."""
        notifier = self.notifier
        return self._tick() if notifier is None else notifier.ran(self._tick)

    def _tick(self) -> Tick:
        loop, began = self.fresh().loop, time.monotonic()
        done = tick(loop)
        self.meters.ticked(done, seconds=time.monotonic() - began)
        with suppress(BotError):  # a ledger that cannot be read is the run's business
            self.meters.ledger(loop.run.ledger.read(), loop.run.limits)
        return done

    def review(self, number: int) -> object:
        """Judge a pull request, where there is a code host."""
        guard = self.fresh().guard
        if guard is None:
            return None
        reviewed = review(guard, number)
        self.meters.reviewed(reviewed.result)
        if self.notifier is not None:
            self.notifier.reviewed(reviewed, guard.host.pull(number))
        return reviewed

    def answer_comments(self, number: int) -> object:
        """Answer the commands in a thread's comments."""
        loop = self.fresh().loop
        orders = Orders(loop.run, loop.declarer, loop.run.actor, explained=lambda task: explain(loop, task).text())
        return answer_comments(number, orders)

    def close(self) -> None:
        """Sessions taken so far are written, and people are told what waits."""
        if self.notifier is not None:
            self.notifier.close()
        if self.pusher is not None:
            self.pusher.close(self.opened.settings.metrics.influx.timeout if self.opened.settings.metrics.influx else 0)
        if self.guard is not None:
            self.guard.store.close()


def run(
    options: Options,
    *,
    port: int | None = None,
    watch: Path | None = None,
    stopping: threading.Event | None = None,
    serving_on: Callable[[int], object] = lambda _port: None,
) -> None:
    """Work until SIGTERM, SIGINT or ``stopping``. ``serving_on`` gets the port once the API answers.

    Raises ``Invalid`` or ``Unavailable`` when it cannot start; afterwards failures are logged and the work goes on.
    """
    log = logger()
    clock = SystemClock()
    wired = Wired(options, clock, log)
    opened = wired.opened
    stop = stopping or threading.Event()
    daemon = Daemon(
        reconcile=wired.reconcile,
        review=wired.review,
        answer_comments=wired.answer_comments,
        log=log.info,
        warn=partial(_warned, wired.meters, log),
        now=clock.now,
        status=DaemonStatus(clock.now()),
        interval=opened.settings.daemon.interval,
        stopping=stop,
    )
    if stopping is None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    api = build(daemon, webhooks=open_webhooks(opened, wired.loop.run.host), metrics=partial(metrics, daemon, wired))
    chosen = opened.settings.daemon.port if port is None else port
    with serving(api, host=opened.settings.daemon.host, port=chosen) as bound:
        log.info("started", repository=opened.name, branch=opened.branch, port=bound)
        serving_on(bound)
        workers = threading.Thread(
            target=_work, args=(options, stop, log, wired.meters), name="clockwork-workers", daemon=True
        )
        workers.start()
        daemon.run(watch=watch)
        workers.join(10)
    wired.close()
    log.info("stopped")


def _warned(meters: Meters, log: structlog.stdlib.BoundLogger, event: str, **values: object) -> None:
    """A piece of work failed."""
    meters.failed()
    log.warning(event, **values)


def _work(options: Options, stop: threading.Event, log: structlog.stdlib.BoundLogger, meters: Meters) -> None:
    """The background workers, on a repository of their own: a clone is not for two threads."""
    from bot.workers.metrics import measured
    from bot.workers.schedule import keep_working
    from bot.workers.work import Worker

    def report(name: Worker, outcome: Outcome | BotError) -> None:
        well = not isinstance(outcome, BotError)
        meters.worked(name.value, well=well, interval=workers.intervals[name].total_seconds())
        if isinstance(outcome, BotError):
            log.warning("worker failed", worker=name.value, error=outcome.message)
            return
        log.debug("worker ran", worker=name.value, summary=outcome.summary)
        if name is Worker.METRICS:
            with suppress(BotError):
                figures = measured(workers.store, now=workers.clock.now())
                meters.sessions(figures.figures, figures.failures)

    try:
        workers = workers_of(open_repository(options))
    except BotError as exc:
        log.warning("workers did not start", error=exc.message)
        return
    keep_working(workers, stopped=stop.is_set, report=report)


def metrics(daemon: Daemon, wired: Wired) -> bytes:
    """Everything that is measured, as Prometheus reads it."""
    wired.meters.waiting(len(daemon.queue))
    if wired.guard is not None:
        wired.meters.recorded(wired.guard.queue)
    return exposition(wired.meters.aged())
