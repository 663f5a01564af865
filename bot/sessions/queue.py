"""Recording that nobody waits for: a bounded queue and one writer in front of any session log.

A full queue or a broken log costs a figure, never a request. What was taken is written when :meth:`QueuedStore.close`
returns, as far as the log lets it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from bot.errors import BotError, Stale, Unavailable
from bot.model.figures import QueueFigures
from bot.model.session import Session
from bot.ports import SessionRecords

CAPACITY: Final = 1000
BATCH: Final = 50
TRIES: Final = 3
CLOSE_SECONDS: Final = 30.0


class SessionLog(SessionRecords, Protocol):
    """Where sessions are kept."""

    def write(self, sessions: Sequence[Session]) -> None:
        """All of ``sessions`` are kept, or none; one that is kept already (by id) stays as it is."""
        ...

    def close(self) -> None: ...


class QueuedStore:
    """A session log behind the SessionStore port."""

    def __init__(
        self,
        log: SessionLog,
        *,
        capacity: int = CAPACITY,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._log = log
        self._capacity = capacity
        self._sleep = sleep
        self._changed = threading.Condition()
        self._waiting: deque[Session] = deque()
        self._in_hand = 0
        self._written = self._dropped = self._lost = 0
        self._closed = False
        self._writer = threading.Thread(target=self._write_all, name="session-writer", daemon=True)
        self._writer.start()

    def record(self, session: Session) -> None:
        with self._changed:
            if self._closed or len(self._waiting) >= self._capacity:
                self._dropped += 1
                return
            self._waiting.append(session)
            self._changed.notify_all()

    def close(self, *, seconds: float = CLOSE_SECONDS) -> None:
        """Everything taken so far is written, or counted as lost; gives up after ``seconds``."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        self._writer.join(seconds)
        with self._changed:
            self._lost += len(self._waiting)
            self._waiting.clear()
        if not self._writer.is_alive():
            self._log.close()

    def counts(self) -> QueueFigures:
        """What became of everything handed in so far."""
        with self._changed:
            waiting = len(self._waiting) + self._in_hand
            return QueueFigures(waiting, self._written, self._dropped, self._lost)

    def _write_all(self) -> None:
        while batch := self._take():
            kept = self._try_to_write(batch)
            with self._changed:
                self._in_hand = 0
                self._written += kept
                self._lost += len(batch) - kept
                self._changed.notify_all()

    def _take(self) -> list[Session]:
        """The next batch; empty once the queue is closed and there is nothing left."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._in_hand = len(batch)
            return batch

    def _try_to_write(self, batch: Sequence[Session]) -> int:
        """How many of ``batch`` are kept now. A log that cannot be reached is tried again, one that refuses is not."""
        for attempt in range(TRIES):
            if attempt:
                self._sleep(0.2 * 4**attempt)
            try:
                self._log.write(batch)
            except (Unavailable, Stale):
                continue
            except BotError:
                return self._one_by_one(batch)
            return len(batch)
        return 0

    def _one_by_one(self, batch: Sequence[Session]) -> int:
        """One session that a log refuses does not take its neighbours with it."""
        kept = 0
        for session in batch:
            try:
                self._log.write([session])
            except BotError:
                continue
            kept += 1
        return kept
