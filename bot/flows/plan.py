"""What the next run would do, as a pure function of what was seen and what is remembered.

``reconcile`` carries the plan out, ``simulate`` and ``explain`` print it: they cannot disagree because there is only
this one. Limits are asked in order of severity, and each permit counts as used for the proposals after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.errors import Refused
from bot.flows.changes import Changes, config_change, patch
from bot.flows.declare import Declaration, Declarer
from bot.model.codehost import Issue, ItemState, Marker, PullRequest
from bot.model.decision import Decision, Direction, Lane
from bot.model.ledger import Actor, Entry, EntryKind, LedgerView
from bot.model.proposal import Effect, Proposal, proposals
from bot.safety.convergence import MANAGER
from bot.safety.limits import Denied, Limits, Permit, Request, permit
from bot.safety.state import State, state


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered, read once per look. ``pulls`` and ``issues`` are ours only; None without a code host."""

    view: LedgerView
    limits: Limits
    pulls: Sequence[PullRequest] | None = None
    issues: Sequence[Issue] | None = None
    apply_enabled: bool = False
    suspended: Mapping[str, datetime | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Intention:
    """One thing the run would do, or why it would not. ``effect`` is what the run will report if nothing interferes."""

    proposal: Proposal
    effect: Effect
    message: str
    changes: Changes | None = None
    permit: Permit | None = None
    denied: Denied | None = None
    number: int | None = None
    url: str | None = None
    breaker: bool = False

    @property
    def marker(self) -> Marker:
        """What ties the pull request or issue to this proposal."""
        return marker(self.proposal, breaker=self.breaker)


def marker(proposal: Proposal, *, breaker: bool = False) -> Marker:
    """The marker of a proposal: its kind from the lane, its key from the task, its digest from the drifts."""
    kind = "breaker" if breaker else proposal.lane.value
    return Marker(kind, proposal.task, proposal.digest)


def plan(
    decisions: Sequence[Decision], declaration: Declaration, memory: Memory, declarer: Declarer, *, now: datetime
) -> tuple[Intention, ...]:
    """The intentions for these decisions, worst first."""
    ground = _Ground(memory, state(memory.view, now, memory.limits), declarer, now)
    pending: list[Request] = []
    current = declaration
    made: list[Intention] = []
    for proposal in proposals(decisions):
        intention = _one(proposal, current, pending, ground)
        if intention is None:
            continue
        made.append(intention)
        if intention.effect.wrote:
            pending.append(request(proposal))
        if intention.effect is Effect.COMMITTED and intention.changes is not None:
            current = intention.changes.declaration
        if intention.denied is not None and intention.denied.limit == "convergence":
            fight = _issue(replace(proposal, lane=Lane.RUNBOOK_ISSUE), pending, ground, breaker=True)
            made.append(fight)
            pending += [request(fight.proposal)] if fight.effect.wrote else []
    return tuple(made)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What stays the same for all proposals of one plan."""

    memory: Memory
    known: State
    declarer: Declarer
    now: datetime


def _one(proposal: Proposal, declaration: Declaration, pending: Sequence[Request], ground: _Ground) -> Intention | None:
    if proposal.lane is not Lane.RUNBOOK_ISSUE and _restores(proposal) and not ground.memory.apply_enabled:
        return Intention(proposal, Effect.UNSUPPORTED, "Restoring needs apply.enabled; nothing is done.")
    if (running := _in_flight(proposal, ground)) is not None:
        return Intention(proposal, Effect.IN_PROGRESS, f"Another run began this at {running.at:%H:%M:%S UTC}.")
    match proposal.lane:
        case Lane.ARTIFACT_PATCH:
            return _patch(proposal, declaration, pending, ground)
        case Lane.CONFIG_PULL_REQUEST:
            return _pull(proposal, declaration, pending, ground)
        case Lane.RUNBOOK_ISSUE:
            return _issue(proposal, pending, ground)
        case Lane.NOTHING:
            return None


def _restores(proposal: Proposal) -> bool:
    return all(decision.direction is Direction.RESTORE for decision in proposal.decisions)


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
    return timedelta(seconds=memory.limits.in_progress)


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
        changes = patch(declaration, proposal, ground.declarer)
    except Refused as exc:
        return Intention(proposal, Effect.UNSUPPORTED, exc.message)
    if not changes.files:
        return None
    files = ", ".join(sorted(changes.files))
    return _ask(Intention(proposal, Effect.COMMITTED, f"Commit to {files}.", changes), pending, ground)


def _pull(
    proposal: Proposal, declaration: Declaration, pending: Sequence[Request], ground: _Ground
) -> Intention | None:
    memory = ground.memory
    if memory.pulls is None:
        return Intention(proposal, Effect.UNSUPPORTED, "There is no code host to open a pull request on.")
    tie = marker(proposal)
    same = [pull for pull in memory.pulls if pull.marker and (pull.marker.kind, pull.marker.key) == (tie.kind, tie.key)]
    opened = next((pull for pull in same if pull.state is ItemState.OPEN), None)
    if opened is not None and opened.marker is not None and opened.marker.digest == tie.digest:
        return Intention(
            proposal, Effect.UNCHANGED, f"Pull request #{opened.number} is open.", number=opened.number, url=opened.url
        )
    closed = [pull for pull in same if pull.state is ItemState.CLOSED]
    if opened is None and (answer := _rejected(proposal, closed, ground)) is not None:
        return answer
    try:
        changes = config_change(declaration, proposal, ground.declarer)
    except Refused as exc:
        return Intention(proposal, Effect.UNSUPPORTED, exc.message)
    if not changes.files:
        return None
    wanted = (
        Intention(proposal, Effect.OPENED, "Open a pull request.", changes)
        if opened is None
        else Intention(
            proposal,
            Effect.UPDATED,
            f"Update pull request #{opened.number}.",
            changes,
            number=opened.number,
            url=opened.url,
        )
    )
    return _ask(wanted, pending, ground)


def _issue(proposal: Proposal, pending: Sequence[Request], ground: _Ground, *, breaker: bool = False) -> Intention:
    memory = ground.memory
    if memory.issues is None:
        return Intention(proposal, Effect.UNSUPPORTED, "There is no code host to file an issue on.", breaker=breaker)
    tie = marker(proposal, breaker=breaker)
    same = [
        item for item in memory.issues if item.marker and (item.marker.kind, item.marker.key) == (tie.kind, tie.key)
    ]
    opened = next((item for item in same if item.state is ItemState.OPEN), None)
    if opened is not None and (breaker or (opened.marker is not None and opened.marker.digest == tie.digest)):
        return Intention(
            proposal,
            Effect.UNCHANGED,
            f"Issue #{opened.number} is open.",
            number=opened.number,
            url=opened.url,
            breaker=breaker,
        )
    if opened is None and (answer := _rejected(proposal, same, ground, breaker=breaker)) is not None:
        return answer
    wanted = (
        Intention(proposal, Effect.OPENED, "File an issue.", breaker=breaker)
        if opened is None
        else Intention(
            proposal, Effect.UPDATED, f"Update issue #{opened.number}.", number=opened.number, url=opened.url
        )
    )
    return _ask(wanted, pending, ground)


def _rejected(
    proposal: Proposal, closed: Sequence[PullRequest | Issue], ground: _Ground, *, breaker: bool = False
) -> Intention | None:
    """The answer to a proposal that somebody closed: it stays closed until the observation changes or ``retry``."""
    tie = marker(proposal, breaker=breaker)
    retried = _retried(proposal, ground.memory.view)
    for item in closed:
        if item.marker is None or item.marker.digest != tie.digest or item.closed_by_us:
            continue
        if retried is not None and (item.updated_at is None or item.updated_at <= retried):
            continue
        text = f"Somebody closed #{item.number}; it stays closed until what runs changes or /clockwork retry."
        return Intention(proposal, Effect.REJECTED, text, number=item.number, url=item.url, breaker=breaker)
    if proposal.fingerprint in ground.known.rejected:
        return Intention(proposal, Effect.REJECTED, "This exact proposal was rejected earlier.", breaker=breaker)
    return None


def _retried(proposal: Proposal, view: LedgerView) -> datetime | None:
    """When somebody last asked for this exact proposal again."""
    times = [e.at for e in view.entries if e.kind is EntryKind.RETRY and e.fingerprint == proposal.fingerprint]
    return max(times, default=None)


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
