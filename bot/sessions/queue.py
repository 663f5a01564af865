"""Recording that nobody waits for: a bounded queue and one writer in front of any session log.

A full queue or a broken log costs a figure, never a request. What was taken is written when :meth:`QueuedStore.close`
returns, as far as the log lets it; with a spool what the log does not take is kept for the next process, which offers it
to the log beside its own first.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from bot.errors import BotError, Closed, Stale, Unavailable
from bot.model.figures import QueueFigures
from bot.model.session import Session
from bot.ports import SessionRecords
from bot.sessions.spool import SessionSpool

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
        spool: SessionSpool | None = None,
    ) -> None:
        self._log = log
        self._spool = spool
        self._capacity = capacity
        self._sleep = sleep
        self._changed = threading.Condition()
        self._waiting: deque[Session] = deque()
        self._in_hand: tuple[Session, ...] = ()
        self._written = self._dropped = self._saved = self._lost = self._put_by = self._unreadable = 0
        self.trouble: str | None = None
        """Why the log did not take what it was handed last."""
        self._closed = self._left = False
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
            waiting = tuple(self._waiting)
            self._waiting.clear()
        self._put_aside(waiting)
        if not self._writer.is_alive():
            self._log.close()
        else:
            self._keep_what_is_in_hand()

    def _keep_what_is_in_hand(self) -> None:
        """The log hangs. If it takes the batch after all, its sessions are no others by their ids when they come again."""
        with self._changed:
            hanging, self._in_hand, self._left = self._in_hand, (), True
        kept_sessions = [session for session in hanging if self._spool is not None and self._spool.keep(session)]
        with self._changed:
            self._saved += len(kept_sessions)
            self._in_hand = tuple(session for session in hanging if session not in kept_sessions)

    def counts(self) -> QueueFigures:
        """What became of everything handed in so far."""
        with self._changed:
            waiting = len(self._waiting) + len(self._in_hand)
            return QueueFigures(
                waiting, self._written, self._dropped, self._lost, self._saved, self._put_by, self._unreadable
            )

    @property
    def kept_in(self) -> Path | None:
        """The folder of what is kept until the log takes it."""
        return None if self._spool is None else self._spool.folder

    def _write_all(self) -> None:
        while batch := self._take():
            refused = self._refused(batch)
            if self._left:
                return
            self._put_aside(refused)
            if not refused:
                self._offer()
            with self._changed:
                self._in_hand = ()
                self._written += len(batch) - len(refused)
                self._changed.notify_all()

    def _put_aside(self, sessions: Sequence[Session]) -> None:
        """What the log did not take is kept for later where that is possible."""
        kept_count = sum(self._spool is not None and self._spool.keep(session) for session in sessions)
        with self._changed:
            self._saved += kept_count
            self._lost += len(sessions) - kept_count

    def _offer(self) -> None:
        """Hand in what an earlier process put aside: the log takes again."""
        if self._spool is None:
            return
        self._unreadable, waiting = self._spool.unreadable(), self._spool.waiting()
        for at in range(0, len(waiting), BATCH):
            part = waiting[at : at + BATCH]
            try:
                self._log.write(part)
            except (Unavailable, Stale, Closed, OSError):
                return  # it takes nothing now: each by itself would be refused as well
            except BotError:
                if not self._offer_one_by_one(self._spool, part):
                    return
            else:
                self._spool.forget(part)

    def _offer_one_by_one(self, spool: SessionSpool, part: Sequence[Session]) -> bool:
        """Hand in each by itself; one that the log refuses is put aside, or it would be refused for ever. False where the log
        takes nothing any more.
        """
        for session in part:
            try:
                self._log.write([session])
            except (Unavailable, Stale, Closed, OSError):
                return False
            except BotError as exc:
                self.trouble = exc.message
                spool.put_aside(session)
                with self._changed:
                    self._put_by += 1
            else:
                spool.forget([session])
        return True

    def _take(self) -> list[Session]:
        """The next batch; empty once the queue is closed and there is nothing left."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._in_hand = tuple(batch)
            return batch

    def _refused(self, batch: Sequence[Session]) -> Sequence[Session]:
        """What of ``batch`` the log does not have now. One that cannot be reached is tried again, one that refuses is not."""
        for attempt in range(TRIES):
            if attempt:
                self._sleep(0.2 * 4**attempt)
            try:
                self._log.write(batch)
            except (Unavailable, Stale) as exc:
                self.trouble = exc.message
                continue
            except (Closed, OSError) as exc:  # a full disk, a folder that went: the thread outlives them
                self.trouble = _trouble(exc)
                return batch
            except BotError:
                return self._one_by_one(batch)
            return ()
        return batch

    def _one_by_one(self, batch: Sequence[Session]) -> Sequence[Session]:
        """One session that a log refuses does not take its neighbours with it."""
        refused = []
        for session in batch:
            try:
                self._log.write([session])
            except (BotError, OSError) as exc:
                self.trouble = _trouble(exc)
                refused.append(session)
        return refused


def _trouble(exc: BotError | OSError) -> str:
    return exc.message if isinstance(exc, BotError) else f"the log of sessions cannot be written: {exc.strerror}"
