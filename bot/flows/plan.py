"""What the next run would do, as a pure function of what was seen and what is remembered.

``reconcile`` carries the plan out, ``simulate`` and ``explain`` print it: they cannot disagree because there is only
this one. Limits are asked in order of severity, and each permit counts as used for the proposals after it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias, assert_never

from bot.errors import Refused
from bot.flows.changes import Changes, config_change, patch
from bot.flows.declare import Declaration, Declarer
from bot.flows.removals import removals
from bot.model.codehost import Issue, ItemState, Marker, PullRequest
from bot.model.decision import Decision, Direction, Lane
from bot.model.ledger import Actor, Entry, EntryKind, LedgerView
from bot.model.proposal import Effect, Proposal, branch_of, field_of, proposals
from bot.safety.convergence import MANAGER, fights
from bot.safety.history import budget_of, history_of
from bot.safety.limits import Denied, Limits, Permit, Request, permit
from bot.safety.spans import span
from bot.safety.state import State, state

BREAKER: Final = "breaker"
"""The kind of the one issue about a field that somebody else keeps writing."""
DELETIONS: Final = "deletions"
"""The kind of the one issue about a look that would remove many things."""
EVERYTHING: Final = "the whole repository"
"""The task of what is about no task in particular."""


def _nobody(_task: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered, read once per look. ``pulls`` and ``issues`` are ours only; None without a code host.

    ``theirs`` tells whether the branch of a task's pull request ends in somebody else's commit.
    """

    view: LedgerView
    limits: Limits
    pulls: Sequence[PullRequest] | None = None
    issues: Sequence[Issue] | None = None
    theirs: Callable[[str], bool] = _nobody


@dataclass(frozen=True, slots=True)
class Intention:
    """One thing the run would do, or why it would not. ``effect`` is what the run will report if nothing interferes.

    ``kind`` is the marker's where it is not the lane: :data:`BREAKER` or :data:`DELETIONS`.
    """

    proposal: Proposal
    effect: Effect
    message: str
    changes: Changes | None = None
    permit: Permit | None = None
    denied: Denied | None = None
    number: int | None = None
    url: str | None = None
    kind: str | None = None

    @property
    def marker(self) -> Marker:
        """What ties the pull request or issue to this proposal."""
        return marker(self.proposal, kind=self.kind)


def marker(proposal: Proposal, *, kind: str | None = None) -> Marker:
    """The marker of a proposal: its kind from the lane unless named, its key from the task, its digest from the drifts."""
    return Marker(kind or proposal.lane.value, proposal.task, proposal.digest)


def plan(
    decisions: Sequence[Decision], declaration: Declaration, memory: Memory, declarer: Declarer, *, now: datetime
) -> tuple[Intention, ...]:
    """The intentions for these decisions, worst first."""
    ground = _Ground(memory, state(memory.view, now, memory.limits), declarer, now)
    if (held := _held(decisions, declaration, ground)) is not None:
        return held
    pending: list[Request] = []
    current = declaration
    made: list[Intention] = []
    for proposal in _in_order(decisions, ground):
        intention = _one(proposal, current, pending, ground)
        if intention is None:
            continue
        made.append(intention)
        if intention.effect.wrote:
            pending.append(request(proposal))
        if intention.effect is Effect.COMMITTED and intention.changes is not None:
            current = intention.changes.declaration
        if intention.denied is not None and _is_fought(intention.denied):
            fight = _issue(replace(proposal, lane=Lane.RUNBOOK_ISSUE), pending, ground, kind=BREAKER)
            made.append(fight)
            pending += [request(fight.proposal)] if fight.effect.wrote else []
    return tuple(made)


def _is_fought(denied: Denied) -> bool:
    """Whether somebody fights over it, whichever limit says no first."""
    return any(check.limit == "convergence" and not check.passed for check in denied.checks)


def _in_order(decisions: Sequence[Decision], ground: _Ground) -> list[Proposal]:
    """Worst first; among equals those that waited longest, so that a budget that is too small starves nobody."""
    history = history_of(ground.memory.view)
    fought = frozenset(fight.field for fight in fights(ground.memory.view, ground.memory.limits, ground.now))

    def turn(proposal: Proposal) -> tuple[int, float]:
        last = history.timeline(proposal.task, budget_of(proposal.lane)).last(ground.now, 0)
        return -proposal.severity.rank, last.timestamp() if last else 0.0

    return sorted((part for proposal in proposals(decisions) for part in _parted(proposal, fought)), key=turn)


def _parted(proposal: Proposal, fought: frozenset[str]) -> list[Proposal]:
    """A patch apart from the fields that somebody fights over: those stop, and hold up no other field of the task."""
    if proposal.lane is not Lane.ARTIFACT_PATCH:
        return [proposal]
    free = tuple(one for one in proposal.decisions if field_of(one.drift) not in fought)
    held = tuple(one for one in proposal.decisions if field_of(one.drift) in fought)
    return [replace(proposal, decisions=part) for part in (free, held) if part]


@dataclass(frozen=True, slots=True)
class _Ground:
    """What stays the same for all proposals of one plan."""

    memory: Memory
    known: State
    declarer: Declarer
    now: datetime


def _one(proposal: Proposal, declaration: Declaration, pending: Sequence[Request], ground: _Ground) -> Intention | None:
    if proposal.lane is not Lane.RUNBOOK_ISSUE and _restores(proposal):
        return Intention(
            proposal, Effect.UNSUPPORTED, "Restoring leaves Git as it is; apply what Git says by your own deployment."
        )
    if (running := _in_flight(proposal, ground)) is not None:
        return _begun(proposal, running)
    if (ignored := ground.known.ignored.get(proposal.fingerprint)) is not None:
        return Intention(proposal, Effect.REJECTED, f"{ignored.actor.login} asked to leave this: {ignored.reason}.")
    match proposal.lane:
        case Lane.ARTIFACT_PATCH:
            return _patch(proposal, declaration, pending, ground)
        case Lane.CONFIG_PULL_REQUEST:
            return _pull(proposal, declaration, pending, ground)
        case Lane.RUNBOOK_ISSUE:
            return _issue(proposal, pending, ground)
        case Lane.NOTHING:
            return None
        case _ as never:
            assert_never(never)


def _held(
    decisions: Sequence[Decision], declaration: Declaration, ground: _Ground
) -> tuple[Intention, Intention] | None:
    """The whole answer to a look that would remove many things: one refusal, and one issue that asks people."""
    found = removals(decisions, declaration, ground.memory.limits)
    if found is None:
        return None
    proposal = Proposal(Lane.RUNBOOK_ISSUE, EVERYTHING, found.decisions)
    message = f"Nothing is done: {found.guard.message}."
    denied = Denied(request(proposal), "deletion-guard", message, found.figures, None)
    refusal = Intention(proposal, Effect.DENIED, message, denied=denied, kind=DELETIONS)
    if (running := _in_flight(proposal, ground)) is not None:
        return refusal, _begun(proposal, running)
    return refusal, _issue(proposal, (), ground, kind=DELETIONS)


def _begun(proposal: Proposal, running: Entry) -> Intention:
    return Intention(proposal, Effect.IN_PROGRESS, f"Another run began this at {running.at:%H:%M:%S UTC}.")


def _restores(proposal: Proposal) -> bool:
    return any(decision.direction is Direction.RESTORE for decision in proposal.decisions)


def _in_flight(proposal: Proposal, ground: _Ground) -> Entry | None:
    """An intent without an outcome, for the same lane and task, that somebody may still be carrying out."""
    for entry in ground.known.open:
        if (entry.lane, entry.task) == (proposal.lane, proposal.task) and abs(ground.now - entry.at) < in_flight(
            ground.memory
        ):
            return entry
    return None


def in_flight(memory: Memory) -> timedelta:
    """How long an intent without an outcome counts as somebody's work in hand."""
    return span(memory.limits.in_progress)


def request(proposal: Proposal) -> Request:
    """What the limits are asked about this proposal."""
    return Request(
        task=proposal.task,
        lane=proposal.lane,
        severity=proposal.severity,
        fields=proposal.fields,
        fingerprint=proposal.fingerprint,
        drifts=proposal.drifts,
    )


def _ask(intention: Intention, pending: Sequence[Request], ground: _Ground) -> Intention:
    """``intention`` with its permit, or denied with the limit's figures."""
    answer = permit(ground.memory.view, request(intention.proposal), ground.memory.limits, ground.now, pending=pending)
    if isinstance(answer, Denied):
        return replace(intention, effect=Effect.DENIED, message=answer.message, denied=answer)
    return replace(intention, permit=answer)


def _patch(
    proposal: Proposal, declaration: Declaration, pending: Sequence[Request], ground: _Ground
) -> Intention | None:
    try:
        changes = _writable(patch(declaration, proposal, ground.declarer), ground)
    except Refused as exc:
        return Intention(proposal, Effect.UNSUPPORTED, exc.message)
    if not changes.files:
        return None
    files = ", ".join(sorted(changes.files))
    return _ask(Intention(proposal, Effect.COMMITTED, f"Commit to {files}.", changes), pending, ground)


def _writable(changes: Changes, ground: _Ground) -> Changes:
    """``changes`` themselves. Raises ``Refused`` for a path that no commit may hold, before others share one with it."""
    ground.declarer.repository.check_writable(changes.declaration.commit, changes.files)
    return changes


def _pull(
    proposal: Proposal, declaration: Declaration, pending: Sequence[Request], ground: _Ground
) -> Intention | None:
    memory = ground.memory
    if memory.pulls is None:
        return Intention(proposal, Effect.UNSUPPORTED, "There is no code host to open a pull request on.")
    opened, closed = _about(marker(proposal), memory.pulls)
    if opened is not None and _says(opened, proposal):
        text = f"Pull request #{opened.number} is open."
        return Intention(proposal, Effect.UNCHANGED, text, number=opened.number, url=opened.url)
    if opened is None and (answer := _rejected(proposal, closed, ground)) is not None:
        return answer
    if memory.theirs(proposal.task):
        return _theirs(proposal, opened)
    try:
        changes = _writable(config_change(declaration, proposal, ground.declarer), ground)
    except Refused as exc:
        return Intention(proposal, Effect.UNSUPPORTED, exc.message)
    if not changes.files:
        return None
    wanted = Intention(proposal, Effect.OPENED, "Open a pull request.", changes)
    if opened is not None:
        text = f"Update pull request #{opened.number}."
        wanted = Intention(proposal, Effect.UPDATED, text, changes, number=opened.number, url=opened.url)
    return _ask(wanted, pending, ground)


def _theirs(proposal: Proposal, opened: PullRequest | Issue | None) -> Intention:
    """The answer when our branch ends in somebody else's commit."""
    if opened is not None:
        text = f"Somebody else committed to the branch of #{opened.number}; it is theirs now."
        return Intention(proposal, Effect.HANDED_OVER, text, number=opened.number, url=opened.url)
    name = branch_of(proposal.task)
    text = f"The branch {name} exists and its last commit is not Clockwork's; delete or rename it to be asked again."
    return Intention(proposal, Effect.UNSUPPORTED, text)


def _issue(proposal: Proposal, pending: Sequence[Request], ground: _Ground, *, kind: str | None = None) -> Intention:
    memory = ground.memory
    if memory.issues is None:
        return Intention(proposal, Effect.UNSUPPORTED, "There is no code host to file an issue on.", kind=kind)
    opened, closed = _about(marker(proposal, kind=kind), memory.issues)
    if opened is not None and (kind is not None or _says(opened, proposal)):
        text = f"Issue #{opened.number} is open."
        return Intention(proposal, Effect.UNCHANGED, text, number=opened.number, url=opened.url, kind=kind)
    if opened is None and (answer := _rejected(proposal, closed, ground, kind=kind)) is not None:
        return answer
    wanted = Intention(proposal, Effect.OPENED, "File an issue.", kind=kind)
    if opened is not None:
        text = f"Update issue #{opened.number}."
        wanted = Intention(proposal, Effect.UPDATED, text, number=opened.number, url=opened.url)
    return _ask(wanted, pending, ground)


Item: TypeAlias = PullRequest | Issue


def _about(tie: Marker, items: Sequence[Item]) -> tuple[Item | None, Sequence[Item]]:
    """The open one of ours about this, and the closed ones, newest first."""
    same = [item for item in items if item.marker and (item.marker.kind, item.marker.key) == (tie.kind, tie.key)]
    opened = next((item for item in same if item.state is ItemState.OPEN), None)
    return opened, [item for item in same if item.state is ItemState.CLOSED]


def _says(item: Item, proposal: Proposal) -> bool:
    """Whether the item shows exactly this proposal."""
    return item.marker is not None and item.marker.digest == proposal.digest


def _rejected(
    proposal: Proposal, closed: Sequence[Item], ground: _Ground, *, kind: str | None = None
) -> Intention | None:
    """The answer to a proposal that somebody closed: it stays closed until the observation changes or ``retry``."""
    by_hand = [item for item in closed if not item.closed_by_us and _same(item, proposal, kind, ground)]
    newest = by_hand[0] if by_hand else None
    known = ground.known.rejected.get(proposal.fingerprint)
    if newest is not None and (known is not None or not _forgiven(newest, proposal, ground.memory.view)):
        text = f"Somebody closed #{newest.number}; it stays closed until what runs changes or /clockwork retry."
        return Intention(proposal, Effect.REJECTED, text, number=newest.number, url=newest.url, kind=kind)
    if known is not None:
        text = f"This exact proposal was rejected at {known.at:%Y-%m-%d %H:%M UTC}: {known.reason}."
        return Intention(proposal, Effect.REJECTED, text, url=known.link, kind=kind)
    return None


def _same(item: Item, proposal: Proposal, kind: str | None, ground: _Ground) -> bool:
    """Whether a closed item is about this proposal; one about a fight is so for as long as the fight counts."""
    if kind != BREAKER or item.updated_at is None:
        return _says(item, proposal)
    return ground.now - item.updated_at < span(ground.memory.limits.convergence_window)


def _forgiven(item: Item, proposal: Proposal, view: LedgerView) -> bool:
    """Whether somebody said retry about this very item, and not about an earlier one with the same content.

    The ledger's order decides: clocks of the host and of the bot may differ. Times count only once the item's opening
    was folded away.
    """
    retried: datetime | None = None
    opened = False
    for entry in view.entries:
        if entry.fingerprint != proposal.fingerprint:
            continue
        if entry.kind is EntryKind.RETRY:
            retried = entry.at
        elif entry.kind is EntryKind.OUTCOME and entry.detail.get("number") == str(item.number):
            retried, opened = None, True
    return retried is not None and (opened or item.updated_at is None or item.updated_at <= retried)


def intent(intention: Intention, *, now: datetime, key: str, actor: Actor, link: str | None) -> Entry:
    """The ledger entry that is written before anything else is."""
    proposal = intention.proposal
    return Entry(
        id=key,
        kind=EntryKind.INTENT,
        at=now,
        actor=actor,
        task=proposal.task,
        lane=proposal.lane,
        fingerprint=proposal.fingerprint,
        drifts=proposal.drifts,
        fields=proposal.fields,
        severity=proposal.severity.value,
        reason=intention.message,
        link=link,
        detail={MANAGER: manager} if (manager := _managers(proposal)) else {},
    )


def _managers(proposal: Proposal) -> str:
    return ", ".join(dict.fromkeys(d.drift.manager for d in proposal.decisions if d.drift.manager))
