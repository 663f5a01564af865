"""The loop and the guard of one repository, wired by the settings that its branch has now: what the consumer has done.

Settings that are wrong raise ``Invalid`` in every run until somebody fixes them: nothing is written meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from bot import __version__
from bot.entrypoints.daemon.consumer import Intervals, Log
from bot.entrypoints.daemon.state import StateFolder
from bot.entrypoints.daemon.status import CheckoutLook, DaemonStatus
from bot.entrypoints.daemon.steps import SteppedLedger, Steps, stepped
from bot.entrypoints.daemon.work import ApplyWork, CommentWork, QueueWork, ReconcileWork, ReviewWork, Work
from bot.errors import BotError, Invalid, Refused
from bot.flows.circumstances import Circumstances, circumstances, news, touched
from bot.flows.commands import Orders
from bot.flows.comments import answer_comments
from bot.flows.explain import explain
from bot.flows.head_check import pull_facts
from bot.flows.reconcile import Loop, tick
from bot.metrics.exposition import exposition
from bot.metrics.influx import Pusher
from bot.model.codehost import PullRequest, QueuedHead
from bot.model.finding import Mode
from bot.model.ledger import Actor, LedgerView
from bot.model.notice import Delivery, DeliveryResult
from bot.model.proposal import Tick
from bot.model.session import Session
from bot.ports import Clock, Webhooks
from bot.secrecy.redaction import redact
from bot.settings import Settings
from bot.wiring.applying import Unattended, after_merge
from bot.wiring.guard import Guard, review, review_queue, twins_of
from bot.wiring.host import open_webhooks
from bot.wiring.metrics import open_meters, open_pusher
from bot.wiring.notifications import Announcer, open_announcer
from bot.wiring.reconcile import assess_checkout, loop_on
from bot.wiring.repository import OpenRepository, Options, open_repository, settings_bytes
from bot.wiring.targets import renderers
from bot.wiring.workers import open_store

_REFUSED_AGAIN: Final = timedelta(hours=1)
_WHOLE_SECONDS: Final = timedelta(seconds=2)
"""GitHub tells times in whole seconds (REST API, "Timezones": ISO 8601 such as ``2014-02-27T15:05:06Z``)."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What one reading of the settings made."""

    opened: OpenRepository
    loop: Loop
    guard: Guard | None
    ledger: SteppedLedger
    webhooks: Webhooks
    settings: bytes | None
    announcer: Announcer | None = None
    pusher: Pusher | None = None

    def close(self, *, wait: bool) -> None:
        """Sessions taken so far are written; people are told what waits, which is waited for only at the end."""
        if self.guard is not None:
            self.guard.store.close()
        if self.announcer is not None:
            self.announcer.close(wait=wait)
        if self.pusher is not None:
            self.pusher.close(wait=wait)


class Wired:
    """Everything that needs the repository, wired anew whenever its settings file changes; what was rendered is remembered
    over that, for loop and guard. For one thread.

    ``rewired`` is told the settings before and after; ``folder`` keeps which pull requests were judged.
    """

    def __init__(
        self,
        options: Options,
        clock: Clock,
        steps: Steps,
        *,
        rewired: Callable[[Settings, Settings], None] = lambda _before, _after: None,
    ) -> None:
        self.meters = open_meters(clock)
        self.log: Log | None = None
        self._options = replace(options, tell=steps.tell, meter=self.meters)
        self._clock = clock
        self._steps = steps
        self.rewired = rewired
        self.renderers = renderers(self._options, self.meters)
        self._parts = self._wire()
        self.folder: StateFolder | None = None
        self.status: DaemonStatus | None = None
        self._before: Circumstances | None = None
        self._read_threads = clock.now()
        self._unsettled: dict[int, datetime] = {}
        """Threads in which something happened, by when that was noticed; each is read once more."""
        self._unread: set[int] = set()
        """Threads whose reading began and did not end: what somebody wrote there is not answered yet."""
        self._judged: dict[int, str] = {}
        self._judged_queued: frozenset[tuple[QueuedHead, str]] = frozenset()
        self._apply_due = clock.now()
        self._awaited: set[int] = set()
        """Merged pull requests on which somebody was asked to agree to a plan: they are in no list of open items."""
        self._run_due: datetime | None = clock.now()
        """When a run is due whatever changes: one has failed, or a limit says no until then."""

    def keep(self, folder: StateFolder, status: DaemonStatus) -> None:
        """Remember in ``folder`` and tell in ``status``."""
        self.folder, self.status = folder, status
        self._judged = folder.judged()
        status.ledger = self.view

    @property
    def opened(self) -> OpenRepository:
        """The repository, as it was opened last."""
        return self._parts.opened

    @property
    def loop(self) -> Loop:
        """The loop, as it was wired last."""
        return self._parts.loop

    @property
    def webhooks(self) -> Webhooks:
        """What reads deliveries now."""
        return self._parts.webhooks

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.opened.settings

    @property
    def intervals(self) -> Intervals:
        return Intervals(self.settings.daemon.check_interval, self.settings.daemon.drift_interval)

    def is_ours(self, name: str) -> bool:
        """Whether ``owner/name`` is this repository, by its configured name or by the one it has on the host by now."""
        last_circumstances = None if self.status is None else self.status.circumstances
        names = {self.opened.name, "" if last_circumstances is None else last_circumstances.name}
        return name.casefold() in {own_name.casefold() for own_name in names}

    def view(self) -> LedgerView | None:
        """The ledger as last read."""
        return self._parts.ledger.last_view

    def reload(self) -> None:
        """Wired by the settings as they are now, even if they did not change."""
        parts = self._wire()
        before, self._parts = self._parts, parts
        before.close(wait=False)
        self.rewired(before.opened.settings, parts.opened.settings)

    def fresh(self) -> Wired:
        """Itself, by the settings that are in force now."""
        open_repo = self.opened
        open_repo.repository.fetch()
        if settings_bytes(self._options, open_repo.repository, open_repo.branch) != self._parts.settings:
            self.reload()
        return self

    def check(self) -> Sequence[Work]:
        """Whatever changed, but for live state. What is not commented on or judged yet is looked at again, too."""
        run = self.fresh().loop.run
        after = circumstances(replace(run, ledger=self._parts.ledger.real))
        self._parts.ledger.last_view = after.ledger
        works = list(dict.fromkeys(self._due(self._before, after)))
        self._before = after
        self._forget_closed(after)
        if self.status is not None:
            self.status.circumstances = after
        return works

    def _due(self, before: Circumstances | None, after: Circumstances) -> Iterator[Work]:
        now = self._clock.now()
        if before is None or any(news(before, after)):
            self._run_due = now
        if self._run_due is not None and self._run_due <= now:
            yield ReconcileWork()
        if self._applies and (before is None or any(news(before, after)) or self._apply_due <= now):
            self._apply_due = now + timedelta(seconds=self.intervals.drift)
            yield ApplyWork()
        changed = after.threads() if before is None else touched(before, after)
        again = self._settled(now) | self._not_answered(now)
        yield from (
            CommentWork(number) for number in sorted({*changed, *(again & (after.threads().keys() | self._awaited))})
        )
        self._unsettled |= dict.fromkeys(changed, now)
        if self._parts.guard is not None:
            yield from (ReviewWork(pull.number) for pull in after.pulls if not self._is_judged(pull, after))
            unjudged = self._queued(after).items() - self._judged_queued
            yield from (QueueWork(head) for head in after.queue if head in dict(unjudged))

    def _not_answered(self, now: datetime) -> set[int]:
        """Threads that could not be read to their end, once an interval: an order is never lost. Everything else that is new
        shows in the lists of open items, whose times and numbers change with each comment.
        """
        if (now - self._read_threads).total_seconds() < self.intervals.drift:
            return set()
        self._read_threads = now
        return self._unread | self._awaited

    def _settled(self, now: datetime) -> set[int]:
        """Threads that are read again: a comment in the second of the last change does not show in a thread's time."""
        settled = {number for number, noticed in self._unsettled.items() if now - noticed >= _WHOLE_SECONDS}
        for number in settled:
            del self._unsettled[number]
        return settled

    def reconcile(self, *, paused: bool) -> Tick:
        """One tick, which writes nothing, also to people, while ``paused``."""
        announcer = None if paused else self._parts.announcer
        run = partial(self._tick, paused=paused)
        finished = run() if announcer is None else announcer.ran(run)
        self._run_due = min((action.next_eligible for action in finished.actions if action.next_eligible), default=None)
        return finished

    def _tick(self, *, paused: bool) -> Tick:
        loop, began = self.fresh().loop, time.monotonic()
        finished = tick(replace(loop, dry_run=True) if paused else loop)
        self.meters.ticked(finished, seconds=time.monotonic() - began)
        if (view := self.view()) is not None:
            self.meters.ledger(view, loop.run.limits)
        return finished

    @property
    def _applies(self) -> bool:
        """Whether settings let something be applied with nobody there."""
        settings = self.settings
        apply_settings = [target.apply for target in settings.targets if target.apply is not None]
        return settings.apply.after_merge or any(target_apply.after_merge for target_apply in apply_settings)

    def apply(self) -> Unattended | None:
        """Apply where settings say so, and read then what people answer on the pull requests that were told."""
        applied = after_merge(self._options)
        waits = applied is not None and any(applied_plan.waiting for applied_plan in applied.ended)
        self._awaited = {*applied.verification.pulls} if applied is not None and waits else set()
        if applied is not None and applied.refused:
            # each attempt is two entries of the journal: as with a closed lane, the next one is in an hour
            self._apply_due = self._clock.now() + _REFUSED_AGAIN
            raise Refused(applied.refused)
        return applied

    def review(self, number: int) -> object:
        """Judge a pull request, where there is a code host. One that can only be judged by another act is not tried again."""
        guard = self.fresh()._parts.guard  # noqa: SLF001 - its own
        if guard is None:
            return None
        pull = guard.host.pull(number)
        identity = self._identity(pull, self._before)
        try:
            reviewed = review(guard, number)
        except (Refused, Invalid):
            self._remember(number, identity)
            raise
        self._remember(number, identity)
        if reviewed.again:
            return reviewed
        self.meters.reviewed(reviewed.result)
        if self._parts.announcer is not None:
            self._parts.announcer.reviewed(reviewed, pull)
        return reviewed

    def review_queued(self, head: QueuedHead) -> object:
        """Judge what a merge queue would make of its branch. After a restart one request tells that it was judged."""
        guard = self.fresh()._parts.guard  # noqa: SLF001 - its own
        if guard is None:
            return None
        identity = (head, self._queued(self._before).get(head, ""))
        try:
            reviewed = review_queue(guard, head)
        except (Refused, Invalid):
            self._judged_queued |= {identity}
            raise
        self._judged_queued |= {identity}
        if not reviewed.again:
            self.meters.reviewed(reviewed.result)
        return reviewed

    def answer_comments(self, number: int) -> object:
        """Answer the commands in a thread's comments. A thread of which that fails is read again an interval later."""
        self._unread.add(number)
        answers = answer_comments(number, self.orders())
        self._unread.discard(number)
        return answers

    def orders(self, by: Actor | None = None) -> Orders:
        """What orders are taken with, given by the bot's own account unless somebody else gives them."""
        loop = self.fresh().loop
        return Orders(loop.run, loop.declarer, by or loop.run.actor, explained=lambda task: explain(loop, task).text())

    def sessions(self, limit: int) -> Sequence[Session]:
        """The newest guarded runs."""
        store = open_store(self.opened)
        try:
            return store.recent(limit=limit)
        finally:
            store.close()

    def line(self, commit: str, path: str, number: int) -> str | None:
        """A line (from 1) of a file as a commit has it, without secrets; None where there is none."""
        data = self.opened.repository.read(commit, path)
        lines = [] if data is None else redact(data.decode("utf-8", "replace")).split("\n")
        return lines[number - 1] if 0 < number <= len(lines) else None

    def look_at(self, folder: Path) -> CheckoutLook:
        """Compare a checkout as it lies there, by the branch's settings and observers."""
        now = self._clock.now()
        try:
            assessment = assess_checkout(self.fresh().opened, folder, self.loop.observe, self.renderers, now=now)
        except BotError as exc:
            return CheckoutLook(folder, now, error=str(exc))
        return CheckoutLook(folder, now, assessment.report)

    def close(self) -> None:
        """Sessions taken so far are written, and people are told what waits."""
        self._parts.close(wait=True)

    def exposed(self, waiting: int) -> bytes:
        """Everything that is measured, as Prometheus reads it; ``waiting`` pieces of work are in the queue."""
        if self._parts.guard is not None:
            self.meters.recorded(self._parts.guard.queue)
        if self.status is not None:
            self.meters.daemon_state(
                waiting=waiting,
                failures=self.status.failures,
                paused=self.status.pause is not None,
                overdue=self.status.overdue is not None,
            )
        return exposition(self.meters.aged())

    def _count_delivery(self, delivery: Delivery) -> None:
        """A message to somebody came to this."""
        self.meters.delivered(delivery)
        if self.log is not None:
            tell = self.log.info if delivery.result is DeliveryResult.DELIVERED else self.log.warning
            tell("told", receiver=delivery.receiver, result=delivery.result.value, answer=delivery.answer)

    def _warn(self, text: str) -> None:
        if self.log is not None:
            self.log.warning(text)

    def _wire(self) -> _Parts:
        open_repo = open_repository(self._options)
        loop = loop_on(open_repo, clock=self._clock, renderers=self.renderers)
        ledger = SteppedLedger(loop.run.ledger, self._steps)
        host = loop.run.host
        return _Parts(
            open_repo,
            stepped(loop, ledger),
            None if host is None else Guard(open_repo, host, self._clock, self.renderers),
            ledger,
            open_webhooks(open_repo, host),
            settings_bytes(self._options, open_repo.repository, open_repo.branch),
            open_announcer(open_repo, self._clock, account=self._count_delivery, warn=self._warn, background=True),
            open_pusher(open_repo, self.meters, self._warn),
        )

    def _identity(self, pull: PullRequest, last_circumstances: Circumstances | None) -> str:
        """What a verdict depends on: another head, base, mode, text, label or version of the rules needs another one, and so
        does another pull request with the same head.
        """
        mode: Mode = self.settings.guard.mode
        twins = twins_of(pull, () if last_circumstances is None else last_circumstances.pulls)
        twin_part = "".join(f" {twin.base_sha}+{self._about(twin)}" for twin in twins)
        return f"{pull.head_sha} {pull.base_sha} {mode} {__version__} {self._about(pull)}{twin_part}"

    def _about(self, pull: PullRequest) -> str:
        """16 hex digits over what the pull request says."""
        facts = json.dumps(pull_facts(pull, self.settings.guard.agents))
        return hashlib.sha256(facts.encode()).hexdigest()[:16]

    def _queued(self, last_circumstances: Circumstances | None) -> Mapping[QueuedHead, str]:
        """The commits of the merge queues, each with the same of its pull request, as far as the list of open ones tells."""
        if last_circumstances is None:
            return {}
        about = {pull.number: pull for pull in last_circumstances.pulls}
        pulls = ((head, about.get(head.number or 0)) for head in last_circumstances.queue)
        return {head: "" if pull is None else self._about(pull) for head, pull in pulls}

    def _is_judged(self, pull: PullRequest, last_circumstances: Circumstances) -> bool:
        return self._judged.get(pull.number) == self._identity(pull, last_circumstances)

    def _remember(self, number: int, identity: str) -> None:
        self._keep({**self._judged, number: identity})

    def _forget_closed(self, after: Circumstances) -> None:
        self._judged_queued &= frozenset(self._queued(after).items())
        numbers = {pull.number for pull in after.pulls}
        if self._judged.keys() - numbers:
            self._keep({number: identity for number, identity in self._judged.items() if number in numbers})

    def _keep(self, judged_heads: Mapping[int, str]) -> None:
        self._judged = dict(judged_heads)
        if self.folder is not None:
            self.folder.set_judged(judged_heads)
