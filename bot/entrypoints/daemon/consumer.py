"""The one consumer: takes work from the queue, does it, and tells what came of it. Nothing else touches the repository.

A failure is logged and counted, and the next piece comes all the same: whatever went wrong is looked at again at the next
interval, and nothing is ever decided by a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, Final, Protocol, assert_never

from bot.entrypoints.daemon.state import Pause
from bot.entrypoints.daemon.status import CheckoutLook, DaemonStatus, LookKind, LookTimes, RunEnd, finished_run
from bot.entrypoints.daemon.steps import Interrupted, Steps
from bot.entrypoints.daemon.work import (
    ApplyWork,
    AskWork,
    CheckoutWork,
    CheckWork,
    CommentWork,
    QueueWork,
    ReconcileWork,
    ReloadWork,
    ReviewWork,
    Work,
    WorkQueue,
    described,
    work_of,
)
from bot.errors import BotError, Stale, Unavailable
from bot.extras import lacking
from bot.model.codehost import QueuedHead
from bot.model.event import Event, Ignored
from bot.model.proposal import Tick

if TYPE_CHECKING:
    from bot.wiring.applying import Unattended

REMEMBERED: Final = 1000
"""How many ids of deliveries are kept."""
_LONGEST_WAIT: Final = 1.0
"""Seconds after which the timers are looked at again, should a clock have been set meanwhile."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """How often, in seconds, either kind of look is due."""

    check: float = 60.0
    drift: float = 300.0

    def of(self, kind: LookKind) -> float:
        """The interval of one kind."""
        return self.check if kind is LookKind.CHECK else self.drift


class Jobs(Protocol):
    """What the consumer can have done. Each raises ``BotError`` when it fails."""

    @property
    def intervals(self) -> Intervals:
        """As the settings have them now."""
        ...

    def check(self) -> Sequence[Work]:
        """Look at everything but live state; what that makes worth doing."""
        ...

    def reconcile(self, *, paused: bool) -> Tick:
        """One tick, which writes nothing while ``paused``."""
        ...

    def apply(self) -> Unattended | None:
        """Apply where settings say so; None where there was nothing to do."""
        ...

    def review(self, number: int) -> object:
        """Judge a pull request."""
        ...

    def review_queued(self, head: QueuedHead) -> object:
        """Judge what a merge queue would make of its branch."""
        ...

    def answer_comments(self, number: int) -> object:
        """Answer the commands in a thread's comments."""
        ...

    def look_at(self, folder: Path) -> CheckoutLook:
        """Compare a checkout as it lies there."""
        ...

    def reload(self) -> None:
        """Read the settings again."""
        ...


class Log(Protocol):
    """Where events go: ``info`` what was done, ``warning`` what failed."""

    def info(self, event: str, **facts: object) -> object: ...

    def warning(self, event: str, **facts: object) -> object: ...


@dataclass(frozen=True, slots=True)
class Daemon:
    """The queue and its one consumer."""

    jobs: Jobs
    log: Log
    now: Callable[[], datetime]
    status: DaemonStatus
    steps: Steps
    queue: WorkQueue = field(default_factory=WorkQueue)
    stopping: Flag = field(default_factory=Flag)
    reloaded: Callable[[], object] = lambda: None
    """Is told after each attempt to read the settings again."""
    is_ours: Callable[[str], bool] = lambda _name: True
    """Whether a delivery's repository is the one that is kept."""
    deferred: dict[Work, None] = field(default_factory=dict)
    """What would write and waits for the end of a pause."""

    def accept(self, event: Event) -> bool:
        """Queue the work of a delivery; False when the same delivery was seen before, or is about another repository."""
        recent, delivery = self.status.recent, event.delivery
        foreign = not isinstance(event, Ignored) and event.repository and not self.is_ours(event.repository)
        if delivery in recent or foreign:
            return False
        recent[delivery] = None
        # A redelivery comes with the id of its first one (GitHub, Best practices for using webhooks). Forgetting an old
        # id costs one needless run; remembering all of them would be a leak.
        while len(recent) > REMEMBERED:
            recent.popitem(last=False)
        for work in work_of(event):
            self.queue.put(work)
        return True

    def request_run(self) -> int:
        """Have a run done now; its number in :attr:`DaemonStatus.runs`."""
        number = self.status.runs.next()
        self.queue.put(ReconcileWork())
        return number

    def ask(self, name: str, question: Callable[[], object], *, urgent: bool = False) -> Future[object]:
        """Have a question answered by the consumer. An ``urgent`` one has the work in hand left where that loses nothing."""
        work = AskWork(name, question, Future())
        if urgent:
            self.steps.ask(name)
        self.queue.put(work)
        return work.answer

    def pause(self, pause: Pause) -> None:
        """Write nothing from the next boundary on; looking goes on."""
        if self.status.pause is None:
            self.steps.ask("the daemon was paused")
        self.status.pause = pause
        self.queue.put(ReconcileWork())

    def resume(self) -> None:
        """Write again, and do what was held back."""
        self.status.pause = None
        self.queue.put(ReconcileWork())
        while self.deferred:
            self.queue.put(self.deferred.popitem()[0])

    def run(self) -> None:
        """Work until :attr:`stopping` is set. Both looks are due at once."""
        while not self.stopping.is_set():
            self._put_what_is_due()
            work = self.queue.take(self._patience())
            if work is not None and not self.stopping.is_set():
                self.do(work)

    def do(self, work: Work) -> None:
        """Do one piece of work."""
        if self.status.pause is not None and isinstance(work, ReviewWork | QueueWork | CommentWork):
            self.deferred[work] = None
            return
        leavable = not isinstance(work, ApplyWork | ReviewWork | QueueWork | CommentWork | AskWork)
        try:
            with self.steps.work(described(work), leavable=leavable):
                self._done(work)
        except Interrupted as exc:
            self._left(work, exc)
        except BotError as exc:
            self._failed(work, exc)
        except Exception as exc:  # noqa: BLE001 - a defect in one piece of work must not end all others
            self._failed(work, lacking(exc) or Unavailable(f"{type(exc).__name__}: {exc}"), defect=exc)

    def _done(self, work: Work) -> None:
        match work:
            case CheckWork():
                self._check()
            case ReconcileWork():
                self._reconcile()
            case ApplyWork():
                self._apply()
            case ReviewWork(number):
                self.jobs.review(number)
                self.log.info("reviewed", pull=number)
            case QueueWork(head):
                self.jobs.review_queued(head)
                self.log.info("reviewed", queued=head.ref, head=head.sha)
            case CommentWork(number):
                self.jobs.answer_comments(number)
                self.log.info("answered", number=number)
            case CheckoutWork(folder):
                self._look_at(folder)
            case ReloadWork():
                self._reload()
            case AskWork():
                work.done()
            case _:
                assert_never(work)

    def _apply(self) -> None:
        if self.status.pause is None and (result := self.jobs.apply()) is not None:
            verification = result.verification.last_look
            self.log.info("applied", state=verification.state.value, title=verification.title)

    def _check(self) -> None:
        works = self.jobs.check()
        self._note_look(LookKind.CHECK)
        for work in works:
            self.queue.put(work)
        if works:
            self.log.info("checked", due=[described(work) for work in works])

    def _reconcile(self) -> None:
        number, at, began = self.status.runs.begin(), self.now(), self.steps.monotonic()
        self._note_look(LookKind.DRIFT)

        def ended(end: RunEnd) -> None:
            self.status.finished.append(finished_run(end, at, self.steps.monotonic() - began))
            self.status.runs.end(number, end)

        try:
            result = self.jobs.reconcile(paused=self.status.pause is not None)
        except BotError as exc:
            ended(exc)
            raise
        except Interrupted as exc:
            ended(Stale(f"the run was left: {exc.reason}", advice="Look again."))
            raise
        except Exception as exc:
            ended(Unavailable(f"{type(exc).__name__}: {exc}", advice="See the daemon's log."))
            raise
        self.status.last, self.status.last_error = result, result.blocked
        self.status.ticks += 1
        ended(result)
        self._account(result)

    def _reload(self) -> None:
        try:
            self.jobs.reload()
            self.log.info("reloaded")
        finally:
            self.reloaded()

    def _look_at(self, folder: Path) -> None:
        checkout = self.jobs.look_at(folder)
        self.status.checkouts[folder] = checkout
        if checkout.report is None:
            self.log.warning("checkout not compared", folder=str(folder), error=checkout.error)
            return
        errors = [str(error) for error in checkout.report.errors]
        drift = len(checkout.report.drift)
        self.log.info("checkout compared", folder=str(folder), drift=drift, errors=errors)

    def _left(self, work: Work, exc: Interrupted) -> None:
        self.steps.current = None
        self.log.warning("left", work=described(work), reason=exc.reason)
        if not self.stopping.is_set():
            self.status.failures += 1
            self.status.last_error = f"{described(work)}: {exc.reason}"

    def _failed(self, work: Work, exc: BotError, *, defect: Exception | None = None) -> None:
        self.status.failures += 1
        self.status.last_error = exc.message
        self.status.recent.clear()  # what a delivery asked for is not done: sent again, it is new
        if isinstance(work, CheckWork):
            self._note_look(LookKind.CHECK, error=exc.message)
        elif isinstance(work, ReconcileWork):
            self._note_look(LookKind.DRIFT, error=exc.message)
        facts = {"exc_info": defect} if defect is not None else {}
        self.log.warning("failed", work=described(work), error=exc.message, kind=type(defect or exc).__name__, **facts)

    def _put_what_is_due(self) -> None:
        now, intervals = self.now(), self.jobs.intervals
        due_work: dict[LookKind, Work] = {LookKind.CHECK: CheckWork(), LookKind.DRIFT: ReconcileWork()}
        for kind, work in due_work.items():
            if self.status.looks[kind].due(now, intervals.of(kind)):
                self.status.looks[kind] = replace(self.status.looks[kind], next=self._after(kind))
                self.queue.put(work)
                if kind is LookKind.DRIFT:
                    self._put_checkouts()

    def _put_checkouts(self) -> None:
        """Checkouts that differed, or could not be compared, may do so no longer; those in sync wait for a change of theirs."""
        for folder, checkout in self.status.checkouts.items():
            if not checkout.in_sync:
                self.queue.put(CheckoutWork(folder))

    def _patience(self) -> float:
        """Seconds until a timer is due, at most one."""
        times = [times.next for times in self.status.looks.values() if times.next is not None]
        return min([_LONGEST_WAIT, *(max((at - self.now()).total_seconds(), 0.0) for at in times)])

    def _note_look(self, kind: LookKind, *, error: str | None = None) -> None:
        self.status.looks[kind] = LookTimes(self.now(), self._after(kind), error)

    def _after(self, kind: LookKind) -> datetime:
        return self.now() + timedelta(seconds=self.jobs.intervals.of(kind))

    def _account(self, finished: Tick) -> None:
        """The one canonical event of a tick."""
        effects = {action.effect.value for action in finished.actions}
        self.log.info(
            "ticked",
            commit=finished.commit,
            resources=finished.report.resources,
            drift=len(finished.report.drift),
            unreachable=len(finished.report.unreachable),
            errors=len(finished.report.errors),
            effects=sorted(effects),
            blocked=finished.blocked,
        )
