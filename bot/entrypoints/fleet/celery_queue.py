"""The runs of a fleet as tasks of Celery, for more than one machine can do.

A task names a repository and nothing else: the worker has the fleet's file and takes token and address from there, so that
neither a secret nor an address of somebody else's choice travels through the broker. A task is acknowledged when it is done;
one whose worker died is done again, which the ledger of its repository makes harmless: an intent that is there is closed by
looking for its work. Events are sent as Flower reads them (docs.celeryq.dev, "Monitoring and Management Guide").
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from bot.entrypoints.fleet.accounts import run_of, run_text
from bot.entrypoints.fleet.celery_results import ENDED, TaskResults, results_of
from bot.entrypoints.fleet.forking import Forking
from bot.entrypoints.fleet.processes import forking, run_member
from bot.entrypoints.fleet.run_one import line, problem
from bot.errors import BotError, Invalid, Unavailable
from bot.fleet.run import FleetMember, FleetRun
from bot.fleet.status import FleetResult
from bot.settings.fleet import FleetSettings
from bot.wiring.fleet import OpenFleet

if TYPE_CHECKING:
    from celery import Celery

TASK: Final = "clockwork.fleet.run"
_SCHEMES: Final = ("redis", "rediss", "amqp", "amqps")
_PATIENCE: Final = 3
"""So many time limits may pass, in the queue and in the run, until a task is given up."""
_POLL: Final = 0.1
_RABBITMQ_OPTIONS: Final = {"confirm_publish": True}
"""A task counts as taken when RabbitMQ says so (rabbitmq.com, "Publisher Confirms"), not when a socket took its bytes."""
_SENDING: Final = {"max_retries": 1, "interval_start": 0}
"""A connection that was lost since the last task is made anew, once ("Calling Tasks", Message Sending Retry)."""


def open_queue(broker: str, settings: FleetSettings) -> Celery:
    """Celery on a broker. ``Invalid`` for another kind of broker."""
    scheme = broker.partition("://")[0]
    if scheme not in _SCHEMES:
        raise Invalid(f"{scheme!r} is no broker of a fleet", advice="Write redis://HOST:6379/0 or amqp://HOST//.")
    from celery import Celery

    is_redis = scheme.startswith("redis")
    # RabbitMQ keeps no results: they come back as messages (docs.celeryq.dev, "RPC Result Backend").
    backend = broker if is_redis else "bot.entrypoints.fleet.celery_backend:CarriedBackend"
    events = "bot.entrypoints.fleet.celery_events:PromptEvents"
    app = Celery("clockwork", broker=broker, backend=backend, events=events, set_as_current=False)
    limit = settings.schedule.time_limit
    app.conf.update(
        task_default_queue=settings.queue,
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_track_started=True,
        worker_prefetch_multiplier=1,  # what is due waits for the first free worker, not behind another run
        worker_send_task_events=True,
        task_send_sent_event=True,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        result_expires=3600,
        broker_connection_retry_on_startup=True,
        result_persistent=True,  # what RabbitMQ carries outlives its restart
        broker_transport_options=_redis_options(limit) if is_redis else _RABBITMQ_OPTIONS,
        # A result store that does not answer costs five seconds and not twenty ("Redis backend settings", retry_policy).
        result_backend_transport_options={"retry_policy": {"timeout": 5.0}} if is_redis else {},
    )
    return app


def _redis_options(limit: float) -> dict[str, object]:
    # A task that nobody acknowledged in this time is given to another ("Using Redis", Visibility timeout).
    return {"visibility_timeout": limit + 30}


class Roll:
    """Who takes part, as a worker knows it: asked again after a while, or for a name that is not known yet."""

    def __init__(self, fleet: OpenFleet) -> None:
        self._fleet = fleet
        self._lock = threading.Lock()
        self._members: dict[str, FleetMember] = {}
        self._read_at: datetime | None = None

    def member(self, name: str) -> FleetMember:
        """``Invalid`` for somebody who takes no part, ``Unavailable`` where nobody can say."""
        with self._lock:
            now = self._fleet.clock.now()
            longest = timedelta(seconds=self._fleet.settings.schedule.discover if name in self._members else 60)
            if self._read_at is None or now - self._read_at >= longest:
                self._members = {member.name: member for member in self._fleet.members()}
                self._read_at = now
            if name not in self._members:
                raise Invalid(
                    f"{name} takes no part in the fleet of this worker", advice="Give it the same fleet.yaml."
                )
            return self._members[name]


def add_task(app: Celery, fleet: OpenFleet, forks: Forking | None) -> None:
    """The worker's side: the task is known, and tried again a few times where nobody can say who takes part."""
    roll = Roll(fleet)

    def run(name: str) -> str:
        try:
            member = roll.member(name)
        except Invalid as exc:
            return run_text(_failed(name, problem(exc))).decode()
        return run_text(run_member(fleet, member, forks)).decode()

    app.task(
        name=TASK,
        autoretry_for=(Unavailable,),
        max_retries=5,
        retry_backoff=2,
        retry_backoff_max=60,
        retry_jitter=True,
    )(run)


def work(fleet: OpenFleet, broker: str, workers: int) -> None:
    """Carry out tasks until told to stop. Threads: each run is a process already."""
    app = open_queue(broker, fleet.settings)
    forks = forking(fleet)
    add_task(app, fleet, forks)
    options = ("--pool=threads", f"--concurrency={workers}", "--task-events", "--loglevel=WARNING", "--without-mingle")
    try:
        app.worker_main(["worker", *options])
    finally:
        if forks is not None:
            forks.close()


@dataclass(slots=True)
class CeleryRunner:
    """Satisfies :class:`bot.flows.fleet.FleetRunner`. ``limit`` is how long one run may take, in seconds."""

    app: Celery
    limit: float
    _tasks: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Each task's id and when it was sent, by the repository's name."""
    _failures: list[FleetRun] = field(default_factory=list)
    _results: TaskResults = field(init=False)

    def __post_init__(self) -> None:
        self._results = results_of(self.app, lasts=self._patience)

    @property
    def _patience(self) -> float:
        return self.limit * _PATIENCE

    def start(self, member: FleetMember) -> None:
        try:
            results = self._results.queue()
            result = self.app.send_task(
                TASK, args=[member.name], expires=self._patience, reply_to=results, retry_policy=_SENDING
            )
        except Exception as exc:  # noqa: BLE001 - each transport of Kombu has its own, and any of them means the same
            self._failures.append(_failed(member.name, f"the queue did not take it: {exc}"))
        else:
            self._results.expect(result.id)
            self._tasks[member.name] = (result.id, time.monotonic())

    def finished(self, seconds: float) -> Sequence[FleetRun]:
        until = time.monotonic() + seconds
        while True:
            accounts, self._failures = self._failures, []
            accounts += [run for name in list(self._tasks) if (run := self._ended(name)) is not None]
            if accounts or time.monotonic() >= until:
                return accounts
            self._results.wait(_POLL)

    def _ended(self, name: str) -> FleetRun | None:
        task, since = self._tasks[name]
        try:
            state, value = self._results.state(task)
        except Exception as exc:  # noqa: BLE001 - as above; the account may still come
            state, value = "PENDING", exc
        late = time.monotonic() - since > self._patience
        if state not in ENDED and not late:
            return None
        del self._tasks[name]
        with suppress(Exception):  # as above; a store forgets by itself after an hour
            self._results.forget(task)
        if late and state != "SUCCESS":
            with suppress(Exception):
                self.app.control.revoke(task)
            return _failed(name, f"no worker gave an account within {self._patience:g} s", FleetResult.TIMED_OUT)
        account = run_of(value) if isinstance(value, str) else None
        if account is None or account.name != name:
            return _failed(name, f"the worker gave no account: {value}", FleetResult.CRASHED)
        return account

    def end(self) -> None:
        """Workers end what they have begun by themselves; nobody waits for it."""

    def close(self) -> None:
        """Give the connections back."""
        self._results.close()
        self.app.close()


def _failed(name: str, error: str, result: FleetResult = FleetResult.FAILED) -> FleetRun:
    return FleetRun(name, datetime.now(UTC), 0.0, result, error=line(error))


def broker_problem(app: Celery) -> BotError | None:
    """Why the broker cannot be reached; None where it can."""
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=5)
    except Exception as exc:  # noqa: BLE001 - each transport of Kombu has its own
        return Unavailable(f"the broker cannot be reached: {line(str(exc))}")
    return None
