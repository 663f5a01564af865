"""One tick: look, plan, carry out, close what is gone, account. Called by the command line, the daemon and Actions alike.

A straight line: event → head → intake → observe → diff → decide → permit → render/edit → intent → commit | pull request
| issue → outcome → report. An event only says when to look.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from bot.errors import BotError, Refused, Stale, Unavailable
from bot.flows.declare import Declarer
from bot.flows.observation import Assessment, Observe, RulesInForce, assess, looked_at
from bot.flows.plan import BREAKER, DELETIONS, Intention, Memory, marker, plan
from bot.flows.recover import as_recovered, forgotten, recover
from bot.flows.remedy import RunContext, account, carry_out, record, theirs
from bot.model.codehost import Issue, ItemState, Marker, PullRequest
from bot.model.decision import Lane
from bot.model.ledger import Entry, EntryKind, LedgerView
from bot.model.proposal import Action, Effect, Tick, branch_of, proposals
from bot.safety.convergence import fights
from bot.safety.limits import Limits
from bot.safety.state import state

LOOKS: Final = 4
"""How often a look is run again in one tick because the branch moved under it."""


@dataclass(frozen=True, slots=True)
class Loop:
    """Everything that ticks share. ``judging`` reads rules and ignore rules as a commit has them."""

    run: RunContext
    declarer: Declarer
    observe: Observe
    rules: Callable[[str], RulesInForce]
    dry_run: bool = False


def tick(loop: Loop) -> Tick:
    """Look once and mend what may be mended. Raises ``Unavailable`` when the repository cannot be reached."""
    now = loop.run.clock.now()
    for attempt in range(LOOKS):
        loop.run.repository.fetch()
        head = _head(loop)
        seen = assess(loop.declarer.at(head), loop.rules(head), loop.observe, now=now)
        try:
            return _act(loop, seen, now)
        except Stale as exc:
            if attempt == LOOKS - 1:
                raise Stale(f"the branch moved {LOOKS} times while it was looked at: {exc.message}") from exc
    raise AssertionError


def _head(loop: Loop) -> str:
    head = loop.run.repository.head(loop.run.branch)
    if head is None:
        raise Refused(
            f"the repository has no branch {loop.run.branch}",
            advice="Push a first commit, or name the branch in clockwork.yaml (branch:).",
        )
    return head


def _act(loop: Loop, seen: Assessment, now: datetime) -> Tick:
    started = Tick(now, seen.declaration.commit, loop.run.branch, seen.report, seen.decisions)
    try:
        memory = remember(loop)
    except (Unavailable, Refused) as exc:
        return replace(started, blocked=f"Nothing was written: {exc.message}")
    lost = forgotten(memory.view, seen.declaration.commit, loop.run, now=now)
    if (stop := lost or stopped(memory.view, memory.limits, now)) is not None:
        return replace(started, blocked=stop)
    if loop.dry_run:
        foreseen = foresee(loop, seen, memory)
        planned = (as_planned(one) for one in foreseen.intended)
        return replace(started, actions=(*planned, *foreseen.closings), blocked=foreseen.blocked)
    if recover(memory, seen.declaration.commit, loop.run, now=now):
        memory = remember(loop)
        if (stop := stopped(memory.view, memory.limits, now)) is not None:
            return replace(started, blocked=stop)
    intended = plan(seen.decisions, seen.declaration, memory, loop.declarer, now=now)
    _note_rejections(loop, memory, intended, now)
    actions = carry_out(intended, seen.declaration.commit, memory.view, loop.run, now=now)
    closed, stop = _tidy(loop, seen, memory, intended)
    if loop.run.host is not None:
        loop.run.host.flush()
    return replace(started, actions=(*actions, *closed), blocked=stop)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What the next run would do after this look and what it would close, or why it would write nothing."""

    intended: tuple[Intention, ...] = ()
    closings: tuple[Action, ...] = ()
    blocked: str | None = None


def foresee(loop: Loop, seen: Assessment, memory: Memory) -> Foreseen:
    """The next run in advance. Writes nothing."""
    memory = as_recovered(memory, seen.declaration.commit, loop.run, now=seen.at)
    if (stop := stopped(memory.view, memory.limits, seen.at)) is not None:
        return Foreseen(blocked=stop)
    intended = plan(seen.decisions, seen.declaration, memory, loop.declarer, now=seen.at)
    closings = [_as_closed(item, tie) for item, tie in _gone(seen, memory, intended)]
    swept = [_swept(task, Effect.PLANNED) for task in _left_branches(seen, memory, loop)]
    return Foreseen(intended, (*closings, *swept))


def stopped(view: LedgerView, limits: Limits, now: datetime) -> str | None:
    """Why nothing at all may be written; None when it may."""
    known = state(view, now, limits)
    if known.halt is not None:
        halt = known.halt
        return f"Halted since {halt.at:%Y-%m-%d %H:%M UTC} by {halt.actor.login}: {halt.reason}"
    if known.emergency:
        return f"Emergency stop: {known.failures} failures since the last resume. `clockwork resume` lifts it."
    return None


def remember(loop: Loop) -> Memory:
    """What is remembered now: the ledger first, so that whatever a list misses shows as news in the ledger."""
    view = loop.run.ledger.read()
    host = loop.run.host
    return Memory(
        view=view,
        limits=loop.run.limits,
        pulls=None if host is None else host.pulls(),
        issues=None if host is None else host.issues(),
        theirs=partial(theirs, view=view, run=loop.run),
    )


def as_planned(intention: Intention) -> Action:
    """The account of an intention that is not carried out."""
    return account(intention, effect=Effect.PLANNED) if intention.effect.wrote else account(intention)


def _note_rejections(loop: Loop, memory: Memory, intended: Sequence[Intention], now: datetime) -> None:
    """Remember each rejection in the ledger once, so that it outlives the closed pull request.

    The plan keeps the view it was made from: whatever came in since must show as news when an intent is begun.
    """
    known = state(memory.view, now, memory.limits)
    news = [
        Entry(
            id=loop.run.new_id(),
            kind=EntryKind.REJECT,
            at=now,
            actor=loop.run.actor,
            task=one.proposal.task,
            lane=one.proposal.lane,
            fingerprint=one.proposal.fingerprint,
            reason=f"#{one.number} was closed",
            link=one.url,
            detail={"number": str(one.number)},
        )
        for one in intended
        if one.effect is Effect.REJECTED and one.number is not None and one.proposal.fingerprint not in known.rejected
    ]
    if news:
        record(loop.run.ledger, memory.view, news)
        loop.run.reached("rejection")


_GONE: Final = {
    Lane.CONFIG_PULL_REQUEST.value: Lane.CONFIG_PULL_REQUEST,
    Lane.RUNBOOK_ISSUE.value: Lane.RUNBOOK_ISSUE,
    BREAKER: Lane.RUNBOOK_ISSUE,
    DELETIONS: Lane.RUNBOOK_ISSUE,
}


def _gone(seen: Assessment, memory: Memory, intended: Sequence[Intention]) -> list[tuple[PullRequest | Issue, Marker]]:
    """Open pull requests and issues of ours whose drift is gone, each with its marker.

    A fight is not over because its field is right at this moment: its issue stays for as long as it counts. What is
    about a suspended task stays as it is.
    """
    suspended = state(memory.view, seen.at, memory.limits).suspended
    ties = [*(one.marker for one in intended), *(marker(proposal) for proposal in proposals(seen.decisions))]
    wanted = {(tie.kind, tie.key) for tie in ties}
    wanted |= {(BREAKER, fight.task) for fight in fights(memory.view, memory.limits, seen.at)}
    items: list[PullRequest | Issue] = [*(memory.pulls or ()), *(memory.issues or ())]
    found = []
    for item in items:
        tie = item.marker
        if item.state is not ItemState.OPEN or tie is None or tie.kind not in _GONE or (tie.kind, tie.key) in wanted:
            continue
        if tie.key in suspended:
            continue
        if looked_at(tie.key, seen) and not (isinstance(item, PullRequest) and memory.theirs(tie.key)):
            found.append((item, tie))
    return found


def _as_closed(item: PullRequest | Issue, tie: Marker) -> Action:
    text = f"Close #{item.number}: its drift is gone."
    return Action(Effect.PLANNED, _GONE[tie.kind], tie.key, text, url=item.url, number=item.number)


def _tidy(
    loop: Loop, seen: Assessment, memory: Memory, intended: Sequence[Intention]
) -> tuple[tuple[Action, ...], str | None]:
    """Close what is gone and take away what closing left. A person who halts meanwhile ends it before the next one."""
    done: list[Action] = []
    jobs: list[Callable[[], Action | None]] = [
        *(partial(_close, loop, item, tie) for item, tie in _gone(seen, memory, intended)),
        *(partial(_sweep, loop, task) for task in _left_branches(seen, memory, loop)),
    ]
    for job in jobs:
        if (stop := stopped(loop.run.ledger.read(), memory.limits, seen.at)) is not None:
            return tuple(done), stop
        if (action := job()) is not None:
            done.append(action)
    return tuple(done), None


def _left_branches(seen: Assessment, memory: Memory, loop: Loop) -> list[str]:
    """The tasks with a branch whose pull request a run closed and then died, unless somebody is at work on them."""
    known = state(memory.view, seen.at, memory.limits)
    busy = {entry.task for entry in known.open} | {*known.suspended}
    busy |= {decision.drift.task for decision in seen.decisions}
    pulls = [pull for pull in memory.pulls or () if pull.marker is not None and pull.marker.kind in _GONE]
    busy |= {pull.marker.key for pull in pulls if pull.marker and pull.state is ItemState.OPEN}
    left = {pull.marker.key for pull in pulls if pull.marker and pull.closed_by_us} - busy
    there = [task for task in sorted(left) if loop.run.repository.head(branch_of(task)) is not None]
    return [task for task in there if not memory.theirs(task)]


def _sweep(loop: Loop, task: str) -> Action | None:
    return _swept(task, Effect.CLOSED) if _delete_branch(loop, task) else None


def _swept(task: str, effect: Effect) -> Action:
    text = f"The branch {branch_of(task)} was left over from a closed pull request."
    return Action(effect, Lane.CONFIG_PULL_REQUEST, task, text)


def _close(loop: Loop, item: PullRequest | Issue, tie: Marker) -> Action:
    host, lane, task = loop.run.host, _GONE[tie.kind], tie.key
    if host is None:
        raise AssertionError("an item without a code host")
    said = Marker("gone", tie.key, tie.digest)
    try:
        if isinstance(item, PullRequest):
            host.close_pull(item.number, comment=loop.run.texts.render("gone_pull.md", task=task), marker=said)
            loop.run.reached("closed")
            _delete_branch(loop, task)
        else:
            host.close_issue(item.number, comment=loop.run.texts.render("gone_issue.md", task=task), marker=said)
            loop.run.reached("closed")
    except BotError as exc:
        return Action(Effect.FAILED, lane, task, exc.message, url=item.url, number=item.number)
    text = f"The drift is gone; #{item.number} is closed."
    return Action(Effect.CLOSED, lane, task, text, url=item.url, number=item.number)


def _delete_branch(loop: Loop, task: str) -> bool:
    """Take our branch away unless somebody pushed to it since; then it is theirs. Whether it was taken away."""
    name = branch_of(task)
    tip = loop.run.repository.head(name)
    try:
        if tip is None:
            return False
        loop.run.repository.delete_branch(name, expected=tip)
    except (Stale, Refused):
        return False
    loop.run.reached("branch-deleted")
    return True
