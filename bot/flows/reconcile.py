"""One tick: look, plan, carry out, close what is gone, account. Called by the command line, the daemon and Actions alike.

A straight line: event → head → intake → observe → diff → decide → permit → render/edit → intent → commit | pull request
| issue → outcome → report. An event only says when to look.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bot.errors import BotError, Refused, Stale, Unavailable
from bot.flows.declare import Declarer
from bot.flows.look import Judging, Look, Observe, look, looked_at
from bot.flows.plan import Intention, Memory, plan
from bot.flows.recover import recover
from bot.flows.remedy import Hands, account, carry_out, ours, record
from bot.model.codehost import Issue, ItemState, Marker, PullRequest
from bot.model.decision import Lane
from bot.model.ledger import Entry, EntryKind, LedgerView
from bot.model.proposal import Action, Effect, Tick, branch_of
from bot.safety.limits import Limits
from bot.safety.state import state

LOOKS: Final = 4
"""How often a look is run again in one tick because the branch moved under it."""


@dataclass(frozen=True, slots=True)
class Loop:
    """Everything that ticks share. ``judging`` reads rules and ignore rules as a commit has them."""

    hands: Hands
    declarer: Declarer
    observe: Observe
    judging: Callable[[str], Judging]
    apply_enabled: bool = False
    dry_run: bool = False


def tick(loop: Loop) -> Tick:
    """Look once and mend what may be mended. Raises ``Unavailable`` when the repository cannot be reached."""
    now = loop.hands.clock.now()
    for attempt in range(LOOKS):
        loop.hands.repository.fetch()
        head = _head(loop)
        seen = look(loop.declarer.at(head), loop.judging(head), loop.observe, now=now)
        try:
            return _act(loop, seen, now)
        except Stale as exc:
            if attempt == LOOKS - 1:
                raise Stale(f"the branch moved {LOOKS} times while it was looked at: {exc.message}") from exc
    raise AssertionError


def _head(loop: Loop) -> str:
    head = loop.hands.repository.head(loop.hands.branch)
    if head is None:
        raise Refused(
            f"the repository has no branch {loop.hands.branch}",
            advice="Push a first commit, or name the branch in clockwork.yaml (branch:).",
        )
    return head


def _act(loop: Loop, seen: Look, now: datetime) -> Tick:
    started = Tick(now, seen.declaration.commit, loop.hands.branch, seen.report, seen.decisions)
    try:
        memory = remember(loop)
    except (Unavailable, Refused) as exc:
        return replace(started, blocked=f"Nothing was written: {exc.message}")
    if loop.dry_run:
        intended = plan(seen.decisions, seen.declaration, memory, loop.declarer, now=now)
        return replace(started, actions=tuple(as_planned(one) for one in intended))
    if (stop := stopped(memory.view, memory.limits, now)) is not None:
        return replace(started, blocked=stop)
    if recover(memory, seen.declaration.commit, loop.hands, now=now):
        memory = remember(loop)
    intended = plan(seen.decisions, seen.declaration, memory, loop.declarer, now=now)
    _note_rejections(loop, memory, intended, now)
    actions = carry_out(intended, seen.declaration.commit, memory.view, loop.hands, now=now)
    closed = _close_gone(loop, seen, memory, intended)
    if loop.hands.host is not None:
        loop.hands.host.flush()
    return replace(started, actions=(*actions, *closed))


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
    view = loop.hands.ledger.read()
    host = loop.hands.host
    return Memory(
        view=view,
        limits=loop.hands.limits,
        pulls=None if host is None else host.pulls(),
        issues=None if host is None else host.issues(),
        apply_enabled=loop.apply_enabled,
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
            id=loop.hands.new_id(),
            kind=EntryKind.REJECT,
            at=now,
            actor=loop.hands.actor,
            task=one.proposal.task,
            lane=one.proposal.lane,
            fingerprint=one.proposal.fingerprint,
            reason=f"#{one.number} was closed",
            link=one.url,
        )
        for one in intended
        if one.effect is Effect.REJECTED and one.proposal.fingerprint not in known.rejected
    ]
    if news:
        record(loop.hands.ledger, memory.view, news)


def _close_gone(loop: Loop, seen: Look, memory: Memory, intended: Sequence[Intention]) -> tuple[Action, ...]:
    """Close open pull requests and issues of ours whose drift is gone, with a comment."""
    wanted = {(one.marker.kind, one.marker.key) for one in intended}
    items: list[PullRequest | Issue] = [*(memory.pulls or ()), *(memory.issues or ())]
    actions: list[Action] = []
    for item in items:
        tie = item.marker
        if item.state is not ItemState.OPEN or tie is None or tie.kind not in _GONE or (tie.kind, tie.key) in wanted:
            continue
        if looked_at(tie.key, seen) and not _theirs(item, tie, memory.view, loop):
            actions.append(_close(loop, item, tie))
    return tuple(actions)


def _theirs(item: PullRequest | Issue, tie: Marker, view: LedgerView, loop: Loop) -> bool:
    """Whether somebody else committed to the branch of our pull request: then it is theirs to close, too."""
    if not isinstance(item, PullRequest):
        return False
    tip = loop.hands.repository.head(branch_of(tie.key))
    return tip is not None and not ours(tip, view, loop.hands)


_GONE: Final = {
    Lane.CONFIG_PULL_REQUEST.value: Lane.CONFIG_PULL_REQUEST,
    Lane.RUNBOOK_ISSUE.value: Lane.RUNBOOK_ISSUE,
    "breaker": Lane.RUNBOOK_ISSUE,
}


def _close(loop: Loop, item: PullRequest | Issue, tie: Marker) -> Action:
    host, lane, task = loop.hands.host, _GONE[tie.kind], tie.key
    if host is None:
        raise AssertionError("an item without a code host")
    said = Marker("gone", tie.key, tie.digest)
    try:
        if isinstance(item, PullRequest):
            host.close_pull(item.number, comment=loop.hands.texts.render("gone_pull.md", task=task), marker=said)
            _delete_branch(loop, task)
        else:
            host.close_issue(item.number, comment=loop.hands.texts.render("gone_issue.md", task=task), marker=said)
    except BotError as exc:
        return Action(Effect.FAILED, lane, task, exc.message, url=item.url, number=item.number)
    text = f"The drift is gone; #{item.number} is closed."
    return Action(Effect.CLOSED, lane, task, text, url=item.url, number=item.number)


def _delete_branch(loop: Loop, task: str) -> None:
    """Take our branch away unless somebody pushed to it since; then it is theirs."""
    name = branch_of(task)
    tip = loop.hands.repository.head(name)
    try:
        if tip is not None:
            loop.hands.repository.delete_branch(name, expected=tip)
    except (Stale, Refused):
        return
