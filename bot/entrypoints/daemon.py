"""The long-running daemon: timers, a file watch and webhooks say *when* to reconcile; one consumer does it.

Everything that arrives becomes a piece of work in one queue; the same work waiting twice is done once. Losing all of it
costs one interval, because the timer fires anyway. ``clockwork daemon run`` starts it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias, assert_never

from bot.errors import BotError, Invalid
from bot.model.event import (
    CheckEvent,
    CommentEvent,
    Event,
    Ignored,
    IssueEvent,
    PingEvent,
    PullRequestEvent,
    PushEvent,
)
from bot.model.proposal import Tick


@dataclass(frozen=True, slots=True)
class ReconcileWork:
    """Run one tick."""


@dataclass(frozen=True, slots=True)
class ReviewWork:
    """Judge one pull request."""

    number: int


@dataclass(frozen=True, slots=True)
class CommentWork:
    """Read the comments of one issue or pull request for commands."""

    number: int


_REMEMBERED: Final = 1000
"""How many ids of deliveries are kept."""

Work: TypeAlias = ReconcileWork | ReviewWork | CommentWork


class WorkQueue:
    """Waiting work, each piece once, oldest first. Safe for many threads that put and one that takes."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[Work, None] = OrderedDict()
        self._ready = threading.Condition()

    def put(self, work: Work) -> None:
        """Have ``work`` done soon; nothing happens when it already waits."""
        with self._ready:
            self._waiting.setdefault(work)
            self._ready.notify()

    def take(self, seconds: float) -> Work | None:
        """The oldest waiting work, None when there is none within ``seconds``."""
        with self._ready:
            if not self._waiting:
                self._ready.wait(seconds)
            return self._waiting.popitem(last=False)[0] if self._waiting else None

    def __len__(self) -> int:
        with self._ready:
            return len(self._waiting)


@dataclass(slots=True)
class DaemonStatus:
    """What the daemon did last, for the status API. ``failures`` counts failed pieces of work since the start."""

    started: datetime
    last: Tick | None = None
    last_error: str | None = None
    ticks: int = 0
    failures: int = 0
    recent: OrderedDict[str, None] = field(default_factory=OrderedDict)


def work_of(event: Event) -> tuple[Work, ...]:
    """What a delivery makes worth doing."""
    match event:
        case PushEvent():
            return (ReconcileWork(),)
        case PullRequestEvent(number=number, action=action):
            return (ReconcileWork(),) if action == "closed" else (ReviewWork(number),)
        case IssueEvent():
            return (ReconcileWork(),)
        case CommentEvent(number=number):
            return (CommentWork(number),)
        case CheckEvent(action="rerequested", numbers=numbers):
            return tuple(ReviewWork(number) for number in numbers)
        case CheckEvent() | PingEvent() | Ignored():
            return ()
        case _:
            assert_never(event)


@dataclass(frozen=True, slots=True)
class Daemon:
    """The queue and its one consumer. ``reconcile``, ``review`` and ``answer_comments`` do the work.

    ``log`` gets one event for each piece of work, ``warn`` for each that failed.
    """

    reconcile: Callable[[], Tick]
    review: Callable[[int], object]
    answer_comments: Callable[[int], object]
    log: Callable[..., object]
    warn: Callable[..., object]
    now: Callable[[], datetime]
    status: DaemonStatus
    interval: float = 60.0
    queue: WorkQueue = field(default_factory=WorkQueue)
    stopping: threading.Event = field(default_factory=threading.Event)

    def accept(self, event: Event) -> bool:
        """Queue the work of a delivery; False when the same delivery was seen before."""
        recent, delivery = self.status.recent, event.delivery
        if delivery in recent:
            return False
        recent[delivery] = None
        # A redelivery comes with the id of its first one (GitHub, Best practices for using webhooks). Forgetting an old
        # id costs one needless run; remembering all of them would be a leak.
        while len(recent) > _REMEMBERED:
            recent.popitem(last=False)
        for work in work_of(event):
            self.queue.put(work)
        return True

    def run(self, *, watch: Path | None = None) -> None:
        """Work until :attr:`stopping` is set. The first run is at once."""
        with watching(watch, self.queue) if watch else nullcontext():
            due = self.now().timestamp()
            while not self.stopping.is_set():
                late = self.now().timestamp() - due
                if late >= 0:
                    self.queue.put(ReconcileWork())
                    due = self.now().timestamp() + self.interval
                work = self.queue.take(min(1.0, max(0.05, -late if late < 0 else 0.05)))
                if work is not None:
                    self.do(work)

    def do(self, work: Work) -> None:
        """Do one piece of work. A failure is logged and counted; the next piece comes all the same."""
        try:
            match work:
                case ReconcileWork():
                    done = self.reconcile()
                    self.status.last, self.status.last_error = done, done.blocked
                    self.status.ticks += 1
                    self._account(done)
                case ReviewWork(number):
                    self.review(number)
                    self.log("reviewed", pull=number)
                case CommentWork(number):
                    self.answer_comments(number)
                    self.log("answered", number=number)
                case _:
                    assert_never(work)
        except BotError as exc:
            self.status.failures += 1
            self.status.last_error = exc.message
            self.warn("failed", work=type(work).__name__, error=exc.message, kind=type(exc).__name__)

    def _account(self, done: Tick) -> None:
        """The one canonical event of a tick."""
        effects = {action.effect.value for action in done.actions}
        self.log(
            "ticked",
            commit=done.commit,
            resources=done.report.resources,
            drift=len(done.report.drift),
            unreachable=len(done.report.unreachable),
            errors=len(done.report.errors),
            effects=sorted(effects),
            blocked=done.blocked,
        )


@contextmanager
def watching(folder: Path, queue: WorkQueue) -> Iterator[None]:
    """Reconcile when a file below ``folder`` changes, as long as the context lasts.

    Raises ``Invalid`` for a folder that is not there or that the system cannot watch.
    """
    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers import Observer

    class Changed(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            if event.event_type in {"created", "modified", "deleted", "moved"}:
                queue.put(ReconcileWork())

    observer = Observer()
    observer.schedule(Changed(), str(folder), recursive=True)
    try:
        observer.start()
    except OSError as exc:
        raise Invalid(f"cannot watch {folder}: {exc.strerror}", advice="Name an existing folder with --watch.") from exc
    try:
        yield
    finally:
        observer.stop()
        observer.join()
