"""What there is to do, and the one queue in which it waits. Filled by timers, webhooks, file watches and the API."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, assert_never

from bot.errors import BotError, Unavailable
from bot.model.codehost import QueuedHead
from bot.model.event import (
    CheckEvent,
    CommentEvent,
    Event,
    Ignored,
    IssueEvent,
    MergeGroupEvent,
    PingEvent,
    PullRequestEvent,
    PushEvent,
)

LONGEST_DELAY: Final = 5.0
"""Seconds after which delayed work is done although it keeps being put."""


@dataclass(frozen=True, slots=True)
class CheckWork:
    """Look at everything but live state."""


@dataclass(frozen=True, slots=True)
class ReconcileWork:
    """Run one tick."""


@dataclass(frozen=True, slots=True)
class ApplyWork:
    """Apply what the branch declares, where settings say so."""


@dataclass(frozen=True, slots=True)
class ReviewWork:
    """Judge one pull request."""

    number: int


@dataclass(frozen=True, slots=True)
class QueueWork:
    """Judge what a merge queue would make of its branch."""

    head: QueuedHead


@dataclass(frozen=True, slots=True)
class CommentWork:
    """Read the comments of one issue or pull request for commands."""

    number: int


@dataclass(frozen=True, slots=True)
class CheckoutWork:
    """Compare a checkout on this machine as it lies there."""

    folder: Path


@dataclass(frozen=True, slots=True)
class ReloadWork:
    """Read the settings again."""


@dataclass(frozen=True, eq=False, slots=True)
class AskWork:
    """Answer a question, or take an order, for somebody who waits for :attr:`answer`. Each is one of its own."""

    name: str
    question: Callable[[], object]
    answer: Future[object]

    def done(self) -> None:
        """Answered. A ``BotError`` is an answer; whatever else goes wrong is raised, and whoever waits is told."""
        try:
            self.answer.set_result(self.question())
        except BotError as exc:
            self.answer.set_exception(exc)
        except BaseException as exc:
            self.answer.set_exception(Unavailable(f"{self.name} was left: {type(exc).__name__}"))
            raise


Work: TypeAlias = (
    CheckWork | ReconcileWork | ApplyWork | ReviewWork | QueueWork | CommentWork | CheckoutWork | ReloadWork | AskWork
)


def described(work: Work) -> str:
    """A piece of work in a few words, for people and logs."""
    match work:
        case CheckWork():
            return "check for changes"
        case ReconcileWork():
            return "run"
        case ApplyWork():
            return "apply"
        case ReviewWork(number):
            return f"judge pull request #{number}"
        case QueueWork(head):
            return f"judge {head.sha[:12]}, which waits for {head.base}"
        case CommentWork(number):
            return f"read the comments of #{number}"
        case CheckoutWork(folder):
            return f"compare the checkout {folder}"
        case ReloadWork():
            return "read the settings again"
        case AskWork(name):
            return name
        case _:
            assert_never(work)


_JUDGED: Final = frozenset({"opened", "synchronize", "reopened", "edited", "ready_for_review"})
"""What can change a verdict: another head, base (``edited``) or text; a label or an assignee does not."""


def work_of(event: Event) -> tuple[Work, ...]:
    """What a delivery makes worth doing."""
    match event:
        case PushEvent():
            return (ReconcileWork(),)
        case PullRequestEvent(action="closed"):
            return (ReconcileWork(),)
        case PullRequestEvent(number=number, action=action):
            return (ReviewWork(number),) if action in _JUDGED else ()
        case IssueEvent():
            return (ReconcileWork(),)
        case CommentEvent(number=number):
            return (CommentWork(number),)
        case CheckEvent(action="rerequested", numbers=numbers):
            return tuple(ReviewWork(number) for number in numbers)
        case MergeGroupEvent(action="checks_requested"):
            return (CheckWork(),)
        case CheckEvent() | MergeGroupEvent() | PingEvent() | Ignored():
            return ()
        case _:
            assert_never(event)


class WorkQueue:
    """Waiting work, each piece once, oldest first. Safe for many threads that put and one that takes."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._waiting: OrderedDict[Work, None] = OrderedDict()
        self._delayed: dict[Work, tuple[float, float]] = {}
        """Work -> when it was first put, and when it is ready."""
        self._ready = threading.Condition()
        self._woken = False

    def put(self, work: Work) -> None:
        """Have ``work`` done soon; nothing happens when it already waits."""
        with self._ready:
            self._waiting.setdefault(work)
            self._ready.notify()

    def put_later(self, work: Work, seconds: float) -> None:
        """Have ``work`` done once it was not put again for ``seconds``, at the latest :data:`LONGEST_DELAY` from the first."""
        with self._ready:
            now = self._monotonic()
            first, _ = self._delayed.get(work, (now, now))
            self._delayed[work] = (first, min(now + seconds, first + LONGEST_DELAY))
            self._ready.notify()

    def take(self, seconds: float) -> Work | None:
        """The oldest work that is ready; None when there is none within ``seconds``, or :meth:`wake` was called."""
        end = self._monotonic() + seconds
        with self._ready:
            while True:
                self._promote()
                if self._waiting:
                    return self._waiting.popitem(last=False)[0]
                remaining = min([end, *(ready for _, ready in self._delayed.values())]) - self._monotonic()
                if self._woken or self._monotonic() >= end:
                    self._woken = False
                    return None
                self._ready.wait(max(remaining, 0))

    def wake(self) -> None:
        """Whoever waits in :meth:`take` gets None at once."""
        with self._ready:
            self._woken = True
            self._ready.notify()

    def waiting(self) -> tuple[Work, ...]:
        """Everything that waits, oldest first, what is delayed last."""
        with self._ready:
            return (*self._waiting, *(work for work in self._delayed if work not in self._waiting))

    def _promote(self) -> None:
        now = self._monotonic()
        for work in [work for work, (_, ready) in self._delayed.items() if ready <= now]:
            del self._delayed[work]
            self._waiting.setdefault(work)
