"""What became of tasks, as the one who put them into the queue learns it: Redis keeps results, RabbitMQ carries them.

Through RabbitMQ a worker sends each result to the queue that the task names (docs.celeryq.dev, "RPC Result Backend").
Celery's own reader looks into that queue by taking everything out and putting it back, cannot forget a result, and gives up
at a thousand of them (``celery.backends.rpc``, ``get_task_meta``); so that queue has a consumer of its own here. It outlives
a lost connection and a restart of the broker.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from celery import Celery

ENDED: Final = frozenset({"SUCCESS", "FAILURE", "REVOKED"})
_PENDING: Final[tuple[str, object]] = ("PENDING", None)


class TaskResults(Protocol):
    """How tasks are doing. For one thread; whatever a transport raises comes through, but for ``wait``."""

    def queue(self) -> str | None:
        """Where workers are to send results; None where they keep them. What is sent from now on will be heard."""
        ...

    def expect(self, task: str) -> None:
        """A task of this id was sent."""
        ...

    def state(self, task: str) -> tuple[str, object]:
        """The state of a task in Celery's words, and its value."""
        ...

    def wait(self, seconds: float) -> None:
        """Let so much time pass, or less where something comes."""
        ...

    def forget(self, task: str) -> None:
        """Nobody asks about it again."""
        ...

    def close(self) -> None:
        """Give connections back."""
        ...


def results_of(app: Celery, *, lasts: float) -> TaskResults:
    """The results of tasks that are waited for at most ``lasts`` seconds."""
    from bot.entrypoints.fleet.celery_backend import CarriedBackend

    return CarriedResults(app, lasts) if isinstance(app.backend, CarriedBackend) else KeptResults(app)


@dataclass(frozen=True, slots=True)
class KeptResults:
    """Results that a store keeps and is asked for."""

    app: Celery

    def queue(self) -> str | None:
        return None

    def expect(self, task: str) -> None:
        """The store knows it."""

    def state(self, task: str) -> tuple[str, object]:
        meta = self.app.backend.get_task_meta(task)  # one look, one question
        return str(meta["status"]), meta.get("result")

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def forget(self, task: str) -> None:
        self.app.AsyncResult(task).forget()

    def close(self) -> None:
        """The app has the connections."""


@dataclass(slots=True)
class CarriedResults:
    """Results that come as messages, to a queue of this process alone."""

    app: Celery
    lasts: float
    _results: dict[str, tuple[str, object]] = field(default_factory=dict)
    _connection: Any = None  # Kombu's types say little
    _queue: Any = field(init=False)

    def __post_init__(self) -> None:
        from kombu.entity import Queue

        name = f"{self.app.conf.task_default_queue}.results.{uuid.uuid4().hex}"
        # It goes by itself when nobody has listened for so long (rabbitmq.com, "Queue and Message TTL").
        self._queue = Queue(name, routing_key=name, durable=True, expires=self.lasts)  # type: ignore[no-untyped-call]

    def queue(self) -> str | None:
        if self._connection is None:
            connection = self.app.connection_for_read()
            try:
                connection.connect()  # tries once; what makes a channel by itself would try for ever
                listened = [self._queue]
                connection.Consumer(listened, callbacks=[self._receive], no_ack=True, accept=["json"]).consume()
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return str(self._queue.name)

    def _receive(self, body: object, _message: object) -> None:
        """Twice where a task was done twice: the first end counts. What nobody waits for is let go."""
        if not isinstance(body, Mapping):
            return
        task: Any = body.get("task_id")
        if isinstance(task, str) and task in self._results and self._results[task][0] not in ENDED:
            self._results[task] = (str(body.get("status")), body.get("result"))

    def expect(self, task: str) -> None:
        self._results[task] = _PENDING

    def state(self, task: str) -> tuple[str, object]:
        return self._results.get(task, _PENDING)

    def wait(self, seconds: float) -> None:
        try:
            self.queue()
            self._connection.drain_events(timeout=seconds)
        except TimeoutError:
            return
        except Exception:  # noqa: BLE001 - each transport of Kombu has its own; the next wait connects anew
            self.close()
            time.sleep(seconds)

    def forget(self, task: str) -> None:
        self._results.pop(task, None)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):  # of a connection that is broken already
                connection.close()
