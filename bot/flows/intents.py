"""Intents and outcomes in the ledger: what a run begins, what became of it, and what others began meanwhile.

An intent is never later than its work: it is written before, or in the same push, which does all or nothing. A crash
between any two steps leaves an intent that :mod:`bot.flows.recover` closes by finding its work. Everything that another bot
may have done in between shows as a new entry in the ledger, so losing the race for the ledger's tip means looking at those
entries and asking the limits again, never writing blindly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias

from bot.errors import Stale
from bot.flows.context import RunContext
from bot.flows.intention import TASKS, Intention, action_of, request
from bot.model.ledger import Entry, EntryKind, LedgerView, Result
from bot.model.proposal import Effect, TakenAction
from bot.ports import BranchMove, Ledger
from bot.safety.convergence import MANAGER
from bot.safety.history import MERGES, OPENS, TOGETHER
from bot.safety.limits import Denied, Limits, permit

TRIES: Final = 12
"""How often a lost race for the ledger is run again before the work is left to the next run."""


@dataclass(frozen=True, slots=True)
class StartedIntent:
    """An intention whose intent is in the ledger."""

    intention: Intention
    entry: Entry


@dataclass(frozen=True, slots=True)
class Progress:
    """The ledger that the plan was made from, the ledger now, and the branch's head that both are about."""

    planned: LedgerView
    view: LedgerView
    head: str
    now: datetime
    intended_ids: frozenset[str] = frozenset()
    """The ids of the intents that this run wrote."""

    def at(self, view: LedgerView) -> Progress:
        """The same progress with the ledger as it is by now."""
        return replace(self, view=view)

    def after(self, view: LedgerView, started: Sequence[StartedIntent]) -> Progress:
        """The same progress with these intents in the ledger."""
        return replace(self, view=view, intended_ids=self.intended_ids | {intent.entry.id for intent in started})


Branches: TypeAlias = Callable[[Sequence[StartedIntent], Progress], Sequence[BranchMove]]
"""Tells which branches have to move for intents that are about to be written. Asked again where the ledger moved."""


@dataclass(frozen=True, slots=True)
class StartedBatch:
    """What was begun; what was not, each with its line of the report; the ledger by now; whether the branches moved too."""

    started: Sequence[StartedIntent]
    dropped: Sequence[tuple[Intention, TakenAction]]
    progress: Progress
    moved: bool = False


def begin(intentions: Sequence[Intention], progress: Progress, run: RunContext, branches: Branches) -> StartedBatch:
    """Write the intents of all ``intentions`` in one append, and in the same push move the ``branches`` that carry their
    work out, where the remote can do both or nothing.

    Those that somebody else began since the plan was made, or that a limit denies by now, are dropped, each with its
    line of the report. An intent is dated when it is written, not when the run began: it counts as work in progress
    from then on.
    """
    dropped: list[tuple[Intention, TakenAction]] = []
    remaining = list(intentions)
    for _ in range(TRIES):
        now = run.clock.now()
        if progress.view.tip != progress.planned.tip or now != progress.now:
            remaining, no_longer_permitted = _still_permitted(remaining, progress, run.limits, now)
            dropped += no_longer_permitted
        started = _together([StartedIntent(intention, _intent(intention, run, now)) for intention in remaining])
        if not started:
            return StartedBatch([], dropped, progress)
        moves = branches(started, progress)
        if _held_up(started[0], run) is not None:
            continue
        try:
            view, moved = run.ledger.append_with(progress.view, [intent.entry for intent in started], moves)
        except Stale:
            progress = progress.at(run.ledger.read())
            continue
        run.reached("intent")
        return StartedBatch(started, dropped, progress.after(view, started), moved)
    raise Stale("the ledger moved every time; another run is very busy", advice="The next run tries again.")


def _together(started: list[StartedIntent]) -> list[StartedIntent]:
    """Intents that are begun at once name the first of them: a run that dies with all of them failed once."""
    if len(started) < 2:
        return started
    first = {TOGETHER: started[0].entry.id}
    return [replace(intent, entry=replace(intent.entry, detail={**intent.entry.detail, **first})) for intent in started]


def _intent(intention: Intention, run: RunContext, now: datetime) -> Entry:
    """The ledger entry that is written before anything else is."""
    proposal = intention.proposal
    managers = ", ".join(dict.fromkeys(d.drift.manager for d in proposal.decisions if d.drift.manager))
    detail = {MANAGER: managers} if managers else {}
    if proposal.merges:
        detail[MERGES] = "itself"
    if intention.beside is not None:
        detail[OPENS] = "pull request"
    if proposal.joins:
        detail[TASKS] = "\n".join(proposal.joins)
    return Entry(
        id=run.new_id(),
        kind=EntryKind.INTENT,
        at=now,
        actor=run.actor,
        task=proposal.task,
        lane=proposal.lane,
        fingerprint=proposal.fingerprint,
        drifts=proposal.drifts,
        fields=proposal.fields,
        severity=proposal.severity.value,
        reason=intention.message,
        link=run.run_link,
        detail=detail,
    )


def _still_permitted(
    intentions: Sequence[Intention], progress: Progress, limits: Limits, now: datetime
) -> tuple[list[Intention], list[tuple[Intention, TakenAction]]]:
    """Which intentions may still be carried out at ``now``, after everything that was appended since the plan was made."""
    known_ids = {entry.id for entry in progress.planned.entries} | progress.intended_ids
    started_pairs = {
        (entry.lane, entry.task)
        for entry in progress.view.entries
        if entry.kind is EntryKind.INTENT and entry.id not in known_ids
    }
    permitted: list[Intention] = []
    dropped: list[tuple[Intention, TakenAction]] = []
    for intention in intentions:
        if (intention.proposal.lane, intention.proposal.task) in started_pairs:
            text = "Another run began this just now."
            dropped.append((intention, action_of(intention, effect=Effect.IN_PROGRESS, message=text)))
            continue
        pending = [request(earlier) for earlier in permitted]
        answer = permit(progress.view, request(intention), limits, now, pending=pending)
        if isinstance(answer, Denied):
            denied = replace(intention, effect=Effect.DENIED, message=answer.message, denied=answer)
            dropped.append((intention, action_of(denied)))
        else:
            permitted.append(intention)
    return permitted, dropped


@dataclass(frozen=True, slots=True)
class Ending:
    """How an intent ends: the result, why, and where its work can be seen."""

    result: Result
    reason: str
    link: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)


def finish(started: Sequence[StartedIntent], progress: Progress, run: RunContext, ending: Ending) -> Progress:
    """Write the same outcome for all of them. Unconditional: a lost race is simply run again."""
    return finish_each([(intent, ending) for intent in started], progress, run)


def finish_each(ended: Sequence[tuple[StartedIntent, Ending]], progress: Progress, run: RunContext) -> Progress:
    """Write the outcome of each, in one append."""
    at = run.clock.now()
    outcomes = [outcome(intent.entry, run, ending, at=at) for intent, ending in ended]
    return progress.at(record(run.ledger, progress.view, outcomes))


def outcome(entry: Entry, run: RunContext, ending: Ending, *, at: datetime) -> Entry:
    """The outcome entry that ends the intent ``entry``."""
    return replace(
        entry,
        id=run.new_id(),
        kind=EntryKind.OUTCOME,
        at=at,
        actor=run.actor,
        intent=entry.id,
        result=ending.result,
        reason=ending.reason,
        link=ending.link,
        detail=ending.detail,
    )


def record(ledger: Ledger, view: LedgerView, entries: Sequence[Entry]) -> LedgerView:
    """Append entries whose truth does not depend on what others appended; an intent is never ended twice.

    Raises ``Stale`` after many lost races.
    """
    for _ in range(TRIES * 4):
        ended = {entry.intent for entry in view.entries if entry.kind is EntryKind.OUTCOME}
        news = [entry for entry in entries if entry.kind is not EntryKind.OUTCOME or entry.intent not in ended]
        if not news:
            return view
        try:
            return ledger.append(view, news)
        except Stale:
            view = ledger.read()
    raise Stale("the ledger moved every time; another run is very busy")


def check_in_time(intent: StartedIntent, run: RunContext) -> None:
    """Raise ``Stale`` where another run may give this intent up at any moment: who slept must not write any more."""
    if (spent := _held_up(intent, run)) is not None:
        raise Stale(f"the run was held up for {spent:.0f} s after it began", advice="The next run tries again.")


def _held_up(intent: StartedIntent, run: RunContext) -> float | None:
    """The seconds since the intent was dated, where they are too many."""
    spent = abs(run.clock.now() - intent.entry.at).total_seconds()
    return spent if spent > run.limits.in_progress / 2 else None
