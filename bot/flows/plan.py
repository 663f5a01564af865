"""What the next run would do, as a pure function of what was seen and what is remembered.

``reconcile`` carries the plan out, ``simulate`` and ``explain`` print it: they cannot disagree because there is only
this one. Limits are asked in order of severity, and each permit counts as used for the proposals after it. Only trying an
edit tells whether a decision can go the way that a rule chose for it (:mod:`bot.flows.lanes`): where it cannot, the plan
is made again with that decision in its new lane, so that every task has one proposal a lane and every check is asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from bot.errors import Refused
from bot.flows.changes import Changes, config_change, patch
from bot.flows.declare import Declaration, Declarer
from bot.flows.identity import open_item
from bot.flows.intention import BREAKER, DELETIONS, EVERYTHING, SWITCH, Intention, marker, request
from bot.flows.joining import joined
from bot.flows.lanes import Relaned, by_closing, by_open_lanes, by_orders, tried
from bot.flows.memory import Memory, Situation
from bot.flows.messages import to_commit, to_propose, to_restore
from bot.flows.refresh import outdated
from bot.flows.rejection import Item, rejected_intention, shows
from bot.flows.removals import removals
from bot.flows.titles import short_names
from bot.model.codehost import ItemState, PullRequest
from bot.model.decision import Decision, Direction, Lane
from bot.model.ledger import Entry
from bot.model.proposal import Effect, Proposal, branch_of, field_of, proposals
from bot.model.wording import minute
from bot.safety.convergence import fights
from bot.safety.history import budget_of, history_of
from bot.safety.limits import Denied, Request, permit
from bot.safety.state import state
from bot.safety.suspension import suspended_until


def plan(
    decisions: Sequence[Decision], declaration: Declaration, memory: Memory, declarer: Declarer, *, now: datetime
) -> tuple[Intention, ...]:
    """The intentions for these decisions, worst first."""
    closed = memory.closures(now)
    situation = Situation(memory, state(memory.view, now, memory.limits), declarer, now, closed)
    decisions = by_orders(decisions, memory.view)
    decisions = by_open_lanes(decisions, closed, auto_merge=memory.facts is not None and memory.facts.auto_merge)
    if (held_intentions := _held_intentions(decisions, declaration, situation)) is not None:
        return held_intentions
    while True:  # ends: a decision only ever goes on from commit to pull request to issue
        intentions, relaned = _attempt(decisions, declaration, situation)
        if not relaned:
            return _with_notice(intentions, situation)
        decisions = [relaned.get(decision.drift.id, decision) for decision in decisions]


def _with_notice(intentions: tuple[Intention, ...], situation: Situation) -> tuple[Intention, ...]:
    """The plan with the one issue about all that waits for a switch; without it, what waits is delivered to nobody."""
    waiting = [intention for intention in intentions if intention.effect is Effect.WAITING]
    if not waiting:
        return intentions
    decisions = tuple(decision for intention in waiting for decision in intention.proposal.decisions)
    asking = _issue(Proposal(Lane.RUNBOOK_ISSUE, EVERYTHING, decisions), (), situation, kind=SWITCH)
    if asking.effect is Effect.UNDELIVERED:
        return tuple(
            replace(intention, effect=Effect.UNDELIVERED) if intention in waiting else intention
            for intention in intentions
        )
    return (*intentions, asking)


def _attempt(
    decisions: Sequence[Decision], declaration: Declaration, situation: Situation
) -> tuple[tuple[Intention, ...], Mapping[str, Decision]]:
    """The intentions for these decisions, and by drift the decisions that must go another way; where there are some, the
    intentions are not the plan.
    """
    pending: list[Request] = []
    current = declaration
    intentions: list[Intention] = []
    relaned: dict[str, Decision] = {}
    waiting = deque(_in_order(decisions, declaration.commit, situation))
    names = _names(decisions, declaration)
    while waiting:
        proposal = waiting.popleft()
        proposal = replace(proposal, name=names.get(proposal.task, ""))
        intention = _intention(proposal, current, pending, situation)
        if proposal.joins and intention is not None and _cannot_be_told_together(intention):
            waiting.extendleft(reversed(proposal.apart))
            continue
        if isinstance(intention, Relaned):
            relaned |= {decision.drift.id: decision for decision in intention.decisions}
            continue
        if intention is None:
            continue
        intentions.append(intention)
        if intention.effect.wrote:
            pending.append(request(intention))
        if intention.effect is Effect.COMMITTED and intention.changes is not None:
            current = intention.changes.declaration
        if intention.denied is not None and _is_fought(intention.denied):
            fight = _issue(replace(proposal, lane=Lane.RUNBOOK_ISSUE), pending, situation, kind=BREAKER)
            intentions.append(fight)
            pending += [request(fight)] if fight.effect.wrote else []
    return tuple(intentions), relaned


def _names(decisions: Sequence[Decision], declaration: Declaration) -> Mapping[str, str]:
    """What people call the tasks, in the light of everything that is declared or differs."""
    declared = [(desired.task, desired.id) for desired in declaration.resources]
    return short_names([*declared, *((decision.drift.task, decision.drift.resource) for decision in decisions)])


def _cannot_be_told_together(intention: Intention | Relaned) -> bool:
    """Whether one of the joined changes cannot be written, so that each has to be tried by itself."""
    return isinstance(intention, Intention) and intention.effect is Effect.UNSUPPORTED


def _is_fought(denied: Denied) -> bool:
    """Whether somebody fights over it, whichever limit says no first."""
    return any(check.limit == "convergence" and not check.passed for check in denied.checks)


def _in_order(decisions: Sequence[Decision], commit: str, situation: Situation) -> list[Proposal]:
    """Worst first; among equals those that waited longest, so that a budget that is too small starves nobody."""
    history = history_of(situation.memory.view)
    fought = frozenset(fight.field for fight in fights(situation.memory.view, situation.memory.limits, situation.now))

    def turn(proposal: Proposal) -> tuple[int, float]:
        last = history.timeline(proposal.task, budget_of(proposal.lane)).last(situation.now, 0)
        return -proposal.severity.rank, last.timestamp() if last else 0.0

    parted = [part for proposal in proposals(decisions) for part in _parted(proposal, fought)]
    return sorted(joined(parted, commit, situation), key=turn)


def _parted(proposal: Proposal, fought: frozenset[str]) -> list[Proposal]:
    """A patch apart from the fields that somebody fights over: those stop, and hold up no other field of the task. What is
    restored is not parted: an entry that was put in another's place would go, and nothing come back for it.
    """
    if proposal.lane is not Lane.ARTIFACT_PATCH:
        return [proposal]
    free = tuple(decision for decision in proposal.decisions if field_of(decision.drift) not in fought)
    fought_decisions = tuple(decision for decision in proposal.decisions if field_of(decision.drift) in fought)
    return [replace(proposal, decisions=part) for part in (free, fought_decisions) if part]


def _intention(
    proposal: Proposal, declaration: Declaration, pending: Sequence[Request], situation: Situation
) -> Intention | Relaned | None:
    if proposal.lane not in {Lane.RUNBOOK_ISSUE, Lane.RESTORE} and _restores(proposal):
        text = "Restoring changes what runs to what Git says, which is left to your own deployment."
        return Intention(proposal, Effect.UNSUPPORTED, text)
    if (running := _in_flight(proposal, situation)) is not None:
        return _in_progress(proposal, running)
    if (ignored := situation.state.ignored.get(proposal.fingerprint)) is not None:
        return Intention(proposal, Effect.REJECTED, _ignored(ignored))
    match proposal.lane:
        case Lane.ARTIFACT_PATCH:
            return _patch(proposal, declaration, pending, situation)
        case Lane.RESTORE:
            return _ask(Intention(proposal, Effect.RESTORED, to_restore(proposal)), pending, situation)
        case Lane.CONFIG_PULL_REQUEST:
            return _pull(proposal, declaration, pending, situation)
        case Lane.RUNBOOK_ISSUE:
            return _issue(proposal, pending, situation)
        case Lane.NOTHING:
            return None
        case _ as never:
            assert_never(never)


def _ignored(order: Entry) -> str:
    until = suspended_until(order)
    if until is None:
        return f"{order.actor.login} rejected this proposal: {order.reason}."
    return f"{order.actor.login} ignores this proposal until {minute(until)}: {order.reason}."


def _held_intentions(
    decisions: Sequence[Decision], declaration: Declaration, situation: Situation
) -> tuple[Intention, Intention] | None:
    """The whole answer to a run that would remove many things: one refusal, and one issue that asks people."""
    excess = removals(decisions, declaration, situation.memory.limits)
    if excess is None:
        return None
    proposal = Proposal(Lane.RUNBOOK_ISSUE, EVERYTHING, excess.decisions)
    message = f"Nothing was changed: {excess.guard.message}."
    denied = Denied("deletion-guard", message, excess.guard.figures, None)
    refusal = Intention(proposal, Effect.DENIED, message, denied=denied, kind=DELETIONS)
    if (running := _in_flight(proposal, situation)) is not None:
        return refusal, _in_progress(proposal, running)
    return refusal, _issue(proposal, (), situation, kind=DELETIONS)


def _in_progress(proposal: Proposal, running: Entry) -> Intention:
    return Intention(proposal, Effect.IN_PROGRESS, f"Another run began this at {running.at:%H:%M:%S UTC}.")


def _restores(proposal: Proposal) -> bool:
    return any(decision.direction is Direction.RESTORE for decision in proposal.decisions)


def _in_flight(proposal: Proposal, situation: Situation) -> Entry | None:
    """An intent without an outcome, for the same lane and task, that somebody may still be carrying out."""
    for entry in situation.state.open:
        age = abs(situation.now - entry.at)
        if (entry.lane, entry.task) == (proposal.lane, proposal.task) and age < situation.memory.in_flight:
            return entry
    return None


def _ask(intention: Intention, pending: Sequence[Request], situation: Situation) -> Intention:
    """``intention`` with its permit, or denied with the limit's figures."""
    memory = situation.memory
    answer = permit(memory.view, request(intention), memory.limits, situation.now, pending=pending)
    if isinstance(answer, Denied):
        return replace(intention, effect=Effect.DENIED, message=answer.message, denied=answer)
    return replace(intention, permit=answer)


def _patch(
    proposal: Proposal, declaration: Declaration, pending: Sequence[Request], situation: Situation
) -> Intention | Relaned | None:
    try:
        changes = tried(proposal, lambda part: _writable(patch(declaration, part, situation.declarer), situation))
    except Refused as exc:
        return Intention(proposal, Effect.UNSUPPORTED, exc.message)
    if isinstance(changes, Relaned):
        return changes
    if not changes.files:
        return None
    text = to_commit(proposal, changes.files)
    return _ask(Intention(proposal, Effect.COMMITTED, text, changes), pending, situation)


def _writable(changes: Changes, situation: Situation) -> Changes:
    """``changes`` themselves. Raises ``Refused`` for a path that no commit may hold, before others share one with it."""
    situation.declarer.repository.check_writable(changes.declaration.commit, changes.files)
    return changes


def _pull(
    proposal: Proposal, declaration: Declaration, pending: Sequence[Request], situation: Situation
) -> Intention | Relaned | None:
    memory = situation.memory
    if memory.pulls is None:
        return _without_host(proposal, declaration, situation)
    open_pull = open_item(marker(proposal).about, memory.pulls)
    stale = open_pull is not None and shows(open_pull, proposal) and outdated(open_pull, declaration, situation)
    if open_pull is not None and shows(open_pull, proposal) and not stale:
        text = f"PR #{open_pull.number} is open."
        return Intention(proposal, Effect.UNCHANGED, text, number=open_pull.number, url=open_pull.url)
    if open_pull is None and (answer := rejected_intention(proposal, situation)) is not None:
        return by_closing(proposal, answer) or answer
    if memory.taken_over(proposal.task):
        return _taken_over(proposal, open_pull, memory.prefix)
    if (foreign_pull := _proposed_by_others(proposal, memory)) is not None:
        return foreign_pull
    if (closure := situation.closed.get(Lane.CONFIG_PULL_REQUEST)) is not None:
        text = f"It waits: {closure.text()}"
        return Intention(proposal, Effect.WAITING, text)
    if (blocking := memory.below(branch_of(proposal.task, memory.prefix))) is not None:
        text = f"Branch {blocking} is in the way of {branch_of(proposal.task, memory.prefix)}: rename or delete it."
        return Intention(proposal, Effect.UNSUPPORTED, text)
    try:
        changes = tried(
            proposal, lambda part: _writable(config_change(declaration, part, situation.declarer), situation)
        )
    except Refused as exc:
        return Intention(proposal, Effect.UNSUPPORTED, exc.message)
    if isinstance(changes, Relaned):
        return changes
    if not changes.files:
        return None
    waiting_pull = None if proposal.merges else _waiting(memory.pulls)
    intention = Intention(proposal, Effect.OPENED, to_propose(proposal), changes, beside=waiting_pull)
    if open_pull is not None:
        text = to_propose(proposal, open_pull.number)
        if stale:
            text = f"Make PR #{open_pull.number} again: the branch changed beside it."
        intention = Intention(proposal, Effect.UPDATED, text, changes, number=open_pull.number, url=open_pull.url)
    return _ask(intention, pending, situation)


def _without_host(proposal: Proposal, declaration: Declaration, situation: Situation) -> Intention:
    """The answer where no pull request can be opened: with the change that it would have, where one can be made, to show."""
    text = "No code host is configured to open a pull request on."
    try:
        changes = tried(proposal, lambda part: config_change(declaration, part, situation.declarer))
    except Refused:
        changes = None
    shown_changes = changes if isinstance(changes, Changes) and changes.files else None
    return Intention(proposal, Effect.UNSUPPORTED, text, shown_changes)


def _waiting(pulls: Sequence[PullRequest]) -> int:
    """How many pull requests about drift are open, ours by marker."""
    tags = [pull.marker for pull in pulls if pull.state is ItemState.OPEN]
    return sum(tag is not None and tag.kind == Lane.CONFIG_PULL_REQUEST for tag in tags)


def _proposed_by_others(proposal: Proposal, memory: Memory) -> Intention | None:
    """The answer when somebody opened a pull request from our branch: a branch is not proposed twice."""
    name = branch_of(proposal.task, memory.prefix)
    for pull in memory.pulls or ():
        if pull.head_ref == name and not pull.forked and pull.marker is None and pull.claim is None:
            text = f"Somebody else opened PR #{pull.number} from branch {name}, so Clockwork leaves it to them."
            return Intention(proposal, Effect.UNSUPPORTED, text, number=pull.number, url=pull.url)
    return None


def _taken_over(proposal: Proposal, open_item: Item | None, prefix: str) -> Intention:
    """The answer when our branch ends in somebody else's commit."""
    if open_item is not None:
        text = f"Somebody else committed to the branch of PR #{open_item.number}, so Clockwork leaves it to them."
        return Intention(proposal, Effect.HANDED_OVER, text, number=open_item.number, url=open_item.url)
    name = branch_of(proposal.task, prefix)
    text = f"Branch {name} ends in a commit that is not Clockwork's; delete or rename it to get the pull request."
    return Intention(proposal, Effect.UNSUPPORTED, text)


def _issue(
    proposal: Proposal, pending: Sequence[Request], situation: Situation, *, kind: str | None = None
) -> Intention:
    memory = situation.memory
    if memory.issues is None:
        return Intention(proposal, Effect.UNSUPPORTED, "No code host is configured to open an issue on.", kind=kind)
    open_issue = open_item(marker(proposal, kind=kind).about, memory.issues)
    if open_issue is not None and (kind in {BREAKER, DELETIONS} or shows(open_issue, proposal)):
        text = f"Issue #{open_issue.number} is open."
        return Intention(proposal, Effect.UNCHANGED, text, number=open_issue.number, url=open_issue.url, kind=kind)
    if open_issue is None and (answer := rejected_intention(proposal, situation, kind=kind)) is not None:
        return answer
    if (closure := situation.closed.get(Lane.RUNBOOK_ISSUE)) is not None:
        return Intention(proposal, Effect.UNDELIVERED, f"It waits in this report: {closure.text()}", kind=kind)
    intention = Intention(proposal, Effect.OPENED, to_propose(proposal, kind=kind), kind=kind)
    if open_issue is not None:
        text = to_propose(proposal, open_issue.number, kind=kind)
        intention = Intention(proposal, Effect.UPDATED, text, number=open_issue.number, url=open_issue.url, kind=kind)
    return _ask(intention, pending, situation)
