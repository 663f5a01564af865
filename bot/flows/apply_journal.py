"""The journal of one target: which run holds it, and the intents and outcomes of its actions.

A run that died leaves intents without outcomes. The next one takes them over where the same is planned again, and ends
them where it is not: then it was done, as far as everything could be planned. Called by :mod:`bot.flows.applying`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bot.errors import BotError, Refused, Stale
from bot.model.action import Action, ActionList, Work
from bot.model.hooks import Hook, HookRun, hook_name
from bot.model.ledger import Actor, Entry, EntryKind, LedgerView, Result
from bot.model.wording import minute
from bot.ports import Clock, Ledger
from bot.safety.lease import HOLDER, LEASE, RELEASED, lease

_TRIES: Final = 12
_LONGEST: Final = 2000
"""Characters of what a platform says that are kept: a line of the journal has a limit, and an outcome must be written."""
_OPERATION: Final = "operation"
_RESOURCE: Final = "resource"
_HOOK: Final = "hook"
_RELEASE: Final = "release"
_DIGEST: Final = "digest"


@dataclass(frozen=True, slots=True)
class Holder:
    """What this process calls itself, and whether one that called itself so is known to have ended."""

    name: str = ""
    has_ended: Callable[[str], bool] = lambda _name: False


NOBODY: Final = Holder()


@dataclass
class ApplyJournal:
    """The journal as the one run that holds the target writes it. Made by :meth:`begin`; ``run`` is the lease's id."""

    ledger: Ledger
    clock: Clock
    actor: Actor
    new_id: Callable[[], str]
    plan: ActionList
    run: str
    view: LedgerView
    holder: Holder
    open_intents: Mapping[tuple[str, str], Entry] = field(default_factory=dict)
    """Intents of a run that died, by operation and resource, of what is planned again."""
    _intended: set[str] = field(default_factory=set)

    @staticmethod
    def begin(
        plan: ActionList,
        ledger: Ledger,
        *,
        clock: Clock,
        actor: Actor,
        new_id: Callable[[], str],
        seconds: float,
        holder: Holder,
    ) -> ApplyJournal:
        """Take the target. ``Refused`` while another run holds it, until that is known to have ended or nothing was heard
        of it for ``seconds``.
        """
        journal = ApplyJournal(ledger, clock, actor, new_id, plan, new_id(), ledger.read(), holder)
        planned = {action_key(action) for action in plan.actions}
        for _ in range(_TRIES):
            journal._check_free(seconds)
            open_intents = {
                (intent.detail[_OPERATION], intent.detail[_RESOURCE]): intent for intent in _open(journal.view)
            }
            unchosen = set() if not plan.tasks else open_intents.keys() - planned
            stale = {
                key for key, intent in open_intents.items() if key not in planned or _is_of_another(intent, plan)
            } - unchosen
            outcomes = [
                journal._outcome(open_intents[key], *_ended(open_intents[key], plan))
                for key in open_intents
                if key in stale
            ]
            try:
                journal.view = ledger.append(journal.view, [journal._began(), *outcomes])
            except Stale:
                journal.view = ledger.read()
                continue
            journal.open_intents = {key: intent for key, intent in open_intents.items() if key in planned - stale}
            return journal
        raise Stale("the journal moved every time", advice="Run it again.")

    def _check_free(self, seconds: float) -> None:
        current_lease = lease(self.view)
        if (
            current_lease is not None
            and current_lease.lasts(self.clock.now(), seconds)
            and not self.holder.has_ended(current_lease.holder)
        ):
            raise Refused(
                f"{current_lease.entry.actor.login} has been applying {self.plan.target or 'this repository'} "
                f"since {minute(current_lease.entry.at)}",
                advice=f"Wait until that run ends; it is given up when nothing was heard of it for {seconds:g} s.",
            )

    def token(self, action: Action) -> Entry:
        """The intent of an action: that of a run that died with it, else a new one that is not written yet."""
        intent = self.open_intents.get(action_key(action))
        return self._intent(action) if intent is None else intent

    def intend(self, works: Sequence[Work]) -> None:
        """Write the intents that are not there yet."""
        intent_ids = {entry.id for entry in self.open_intents.values()} | self._intended
        new = [work for work in works if work.token not in intent_ids]
        self._intended |= {work.token for work in new}
        self._append([self._intent(work.action, work) for work in new])

    def end(self, work: Work, result: Result, reason: str, facts: Mapping[str, str]) -> Entry:
        """The outcome of an action, for :meth:`record`."""
        return self._outcome(self._intent(work.action, work), result, reason, facts)

    def record(self, outcomes: Sequence[Entry]) -> None:
        """Write outcomes."""
        self._append(outcomes)

    def release(self) -> bool:
        """Whether the target is free again. Who cannot say so leaves it to the lease's end."""
        try:
            self._append([self._note("ended", {RELEASED: "true"})])
        except BotError:
            return False
        return True

    def _append(self, entries: Sequence[Entry]) -> None:
        """Write while this run holds the target; ``Stale`` from the moment it does not."""
        for _ in range(_TRIES):
            try:
                self.view = self.ledger.append(self.view, entries)
            except Stale:
                self.view = self.ledger.read()
                current_lease = lease(self.view)
                if current_lease is None or current_lease.run != self.run:
                    text = "another run took this target over, so this one stopped"
                    raise Stale(text, advice="See what that run says.") from None
            else:
                return
        raise Stale("the journal moved every time", advice="Run it again.")

    def _began(self) -> Entry:
        facts = {"plan": self.plan.digest} | ({HOLDER: self.holder.name} if self.holder.name else {})
        return self._note("began", facts)

    def _note(self, reason: str, detail: Mapping[str, str]) -> Entry:
        facts = {LEASE: self.run, "commit": self.plan.commit, **detail}
        return Entry(self.new_id(), EntryKind.NOTE, self.clock.now(), self.actor, reason=reason, detail=facts)

    def _intent(self, action: Action, work: Work | None = None) -> Entry:
        operation, resource = action_key(action)
        return Entry(
            id=self.new_id() if work is None else work.token,
            kind=EntryKind.INTENT,
            at=self.clock.now() if work is None else work.at,
            actor=self.actor,
            task=action.task,
            fingerprint=action.id,
            drifts=tuple(difference.drift for difference in action.differences),
            reason=f"{operation} {action.resource.qualified}",
            detail={
                LEASE: self.run,
                _OPERATION: operation,
                _RESOURCE: resource,
                "commit": self.plan.commit,
                **_hook_facts(action, work),
            },
        )

    def _outcome(self, intent: Entry, result: Result, reason: str, facts: Mapping[str, str] | None = None) -> Entry:
        return replace(
            intent,
            id=self.new_id(),
            kind=EntryKind.OUTCOME,
            at=self.clock.now(),
            actor=self.actor,
            intent=intent.id,
            result=result,
            reason=reason[:_LONGEST],
            detail={LEASE: self.run, **{name: fact[:_LONGEST] for name, fact in (facts or {}).items()}},
        )


def action_key(action: Action) -> tuple[str, str]:
    """What an action is known by in the journal, whatever differs: its operation, of a hook its phase, and its resource."""
    return " ".join(filter(None, (action.operation.value, action.hook))), hook_name(action.resource)


def _hook_facts(action: Action, work: Work | None) -> Mapping[str, str]:
    """What is remembered of a hook, by which :func:`hook_runs` tells whether it runs again."""
    if not action.hook or work is None or work.desired is None:
        return {}
    return {_HOOK: action.hook, _RELEASE: action.release or "", _DIGEST: Hook(work.desired).digest}


def hook_runs(view: LedgerView) -> tuple[HookRun, ...]:
    """Every run of a hook that was begun, oldest first."""
    results = {entry.intent: entry.result for entry in view.entries if entry.kind is EntryKind.OUTCOME}
    return tuple(
        HookRun(
            name=entry.detail.get(_RESOURCE, ""),
            release=entry.detail.get(_RELEASE, ""),
            phase=entry.detail[_HOOK],
            commit=entry.detail.get("commit", ""),
            digest=entry.detail.get(_DIGEST, ""),
            succeeded=results.get(entry.id) is Result.SUCCEEDED,
        )
        for entry in view.entries
        if entry.kind is EntryKind.INTENT and _HOOK in entry.detail
    )


def _is_of_another(intent: Entry, plan: ActionList) -> bool:
    """Whether it is the run of a hook at another commit, which another object may be the hook of by now."""
    return _HOOK in intent.detail and intent.detail.get("commit") != plan.commit


def _ended(intent: Entry, plan: ActionList) -> tuple[Result, str]:
    """What became of an action that is planned no more: it was done, where everything could be planned. Of a hook nothing
    that runs tells.
    """
    if _HOOK in intent.detail:
        return Result.ABANDONED, "it did not end before the branch went on"
    if plan.not_planned:
        return Result.ABANDONED, "not planned again, and not everything could be planned"
    return Result.SUCCEEDED, "found done"


def _open(view: LedgerView) -> Iterator[Entry]:
    """Intents of actions that nobody lived to end."""
    ended = {entry.intent for entry in view.entries if entry.kind is EntryKind.OUTCOME}
    for entry in view.entries:
        if entry.kind is EntryKind.INTENT and entry.id not in ended and {_OPERATION, _RESOURCE} <= set(entry.detail):
            yield entry


def failures(view: LedgerView, commit: str) -> Mapping[tuple[str, str], int]:
    """How often in a row each action failed while ``commit`` was applied, by :func:`action_key`."""
    intents = {entry.id: entry for entry in view.entries if entry.kind is EntryKind.INTENT}
    failed: dict[tuple[str, str], int] = {}
    for entry in view.entries:
        intent = intents.get(entry.intent or "") if entry.kind is EntryKind.OUTCOME else None
        if intent is None or intent.detail.get("commit") != commit:
            continue
        key = intent.detail.get(_OPERATION, ""), intent.detail.get(_RESOURCE, "")
        failed[key] = failed.get(key, 0) + 1 if entry.result is Result.FAILED else 0
    return failed
