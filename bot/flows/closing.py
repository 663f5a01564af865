"""Closes pull requests and issues whose drift is gone or goes another way, and takes away branches that were left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from bot.errors import BotError, Closed, Refused, Stale
from bot.flows.context import RunContext
from bot.flows.identity import CLOSED_ITEM, closed_by_us, records
from bot.flows.intention import BREAKER, DELETIONS, EVERYTHING, LANE_OF_KIND, Intention, marker, settled
from bot.flows.intents import record
from bot.flows.joining import tasks_by_key
from bot.flows.memory import Memory, stopped
from bot.flows.messages import item_gone, name_of
from bot.flows.observation import Assessment, is_observed
from bot.model.codehost import Issue, ItemState, Marker, PullRequest
from bot.model.decision import Lane
from bot.model.ledger import Entry, EntryKind, LedgerView
from bot.model.proposal import Effect, TakenAction, branch_of, key_of, proposals
from bot.safety.convergence import fights
from bot.safety.state import state


def planned_closings(
    assessment: Assessment, memory: Memory, intentions: Sequence[Intention], run: RunContext
) -> tuple[TakenAction, ...]:
    """What :func:`close_gone` would do. Writes nothing."""
    differs = _still_differing(assessment, memory)
    closings = [
        _as_planned(item, tag, differs=differs(tag)) for item, tag in _items_gone(assessment, memory, intentions)
    ]
    swept = [_swept(task, Effect.PLANNED, run) for task in _left_branches(assessment, memory, run)]
    return (*closings, *swept)


def close_gone(
    assessment: Assessment, memory: Memory, intentions: Sequence[Intention], run: RunContext
) -> tuple[tuple[TakenAction, ...], str | None]:
    """Close what is gone and delete the branches that closing left; what was done, and why it ended early if it did.

    A person who halts meanwhile ends it before the next item.
    """
    differs = _still_differing(assessment, memory)
    jobs: list[Callable[[LedgerView], TakenAction | None]] = [
        *(
            partial(_close, run, item, tag, differs=differs(tag))
            for item, tag in _items_gone(assessment, memory, intentions)
        ),
        *(partial(_sweep, run, task) for task in _left_branches(assessment, memory, run)),
    ]
    actions: list[TakenAction] = []
    for job in jobs:
        view = run.ledger.read()
        if (stop := stopped(view, memory.limits, assessment.at)) is not None:
            return tuple(actions), stop
        if (action := job(view)) is not None:
            actions.append(action)
    return tuple(actions), None


def _items_gone(
    assessment: Assessment, memory: Memory, intentions: Sequence[Intention]
) -> list[tuple[PullRequest | Issue, Marker]]:
    """Open pull requests and issues of ours whose drift is gone, each with its marker.

    A fight is not over because its field is right at this moment: its issue stays for as long as it counts. What is
    about a suspended task stays as it is, and so does what is about a task whose lanes this plan did not get to know.
    """
    suspended = state(memory.view, assessment.at, memory.limits).suspended
    open_questions = _unsettled(assessment, intentions) | {*suspended}
    current_tags = {intention.marker.about for intention in intentions}
    current_tags |= {marker(proposal).about for proposal in proposals(settled(assessment.decisions, intentions))}
    current_tags |= {(BREAKER, fight.task) for fight in fights(memory.view, memory.limits, assessment.at)}
    open_keys = open_questions | _undecided(assessment)
    tasks = tasks_by_key(memory.view)
    items: list[PullRequest | Issue] = [*(memory.pulls or ()), *(memory.issues or ())]
    to_close = []
    for item in items:
        tag = item.marker
        if item.state is not ItemState.OPEN or tag is None or tag.kind not in LANE_OF_KIND or tag.about in current_tags:
            continue
        about = tasks.get(tag.key, (tag.key,))
        taken_over = isinstance(item, PullRequest) and memory.taken_over(tag.key)
        if open_keys.isdisjoint(about) and all(is_observed(task, assessment) for task in about) and not taken_over:
            to_close.append((item, tag))
    return to_close


def _unsettled(assessment: Assessment, intentions: Sequence[Intention]) -> set[str]:
    """The tasks of which the plan does not tell the lanes: their edits were not tried, because a run would remove too
    much or another one is at work on them.
    """
    if any(intention.kind == DELETIONS for intention in intentions):
        return _differing(assessment)
    return {intention.proposal.task for intention in intentions if intention.effect is Effect.IN_PROGRESS}


def _undecided(assessment: Assessment) -> set[str]:
    """The tasks that differ and about which a rule says to do nothing: what is open about them is not answered by that."""
    proposed = {decision.drift.task for decision in assessment.decisions if decision.lane is not Lane.NOTHING}
    undecided = _differing(assessment) - proposed
    return undecided | {EVERYTHING} if undecided else undecided


def _differing(assessment: Assessment) -> set[str]:
    """The tasks that differ from Git, whatever is done about it."""
    return {decision.drift.task for decision in assessment.decisions}


def _still_differing(assessment: Assessment, memory: Memory) -> Callable[[Marker], bool]:
    """Tells whether a task that an item is about still differs, in whatever way."""
    differing, tasks = _differing(assessment), tasks_by_key(memory.view)
    return lambda tag: not differing.isdisjoint(tasks.get(tag.key, (tag.key,)))


def _because(*, differs: bool) -> str:
    return "what it proposes is out of date" if differs else "its drift is gone"


def _as_planned(item: PullRequest | Issue, tag: Marker, *, differs: bool) -> TakenAction:
    text = f"Close {name_of(item)} ({tag.key}): {_because(differs=differs)}."
    return TakenAction(Effect.PLANNED, LANE_OF_KIND[tag.kind], tag.key, text, url=item.url, number=item.number)


def _close(run: RunContext, item: PullRequest | Issue, tag: Marker, view: LedgerView, *, differs: bool) -> TakenAction:
    host, lane, task = run.host, LANE_OF_KIND[tag.kind], tag.key
    if host is None:
        raise AssertionError("an item without a code host")
    comment, own_tag = item_gone(item, task, run.texts, differs=differs), Marker("gone", tag.key, tag.digest)
    try:
        _note(run, item, tag, view)
        if isinstance(item, PullRequest):
            host.close_pull(item.number, comment=comment, marker=own_tag)
            run.reached("closed")
            _delete_branch(run, task)
        else:
            host.close_issue(item.number, comment=comment, marker=own_tag)
            run.reached("closed")
    except BotError as exc:
        effect = Effect.WAITING if isinstance(exc, Closed) else Effect.FAILED
        return TakenAction(effect, lane, task, exc.message, url=item.url, number=item.number)
    text = f"{name_of(item)} ({task}): {_because(differs=differs)}"
    return TakenAction(Effect.CLOSED, lane, task, text, url=item.url, number=item.number)


def _left_branches(assessment: Assessment, memory: Memory, run: RunContext) -> list[str]:
    """The tasks with a branch whose pull request a run closed and then died, unless somebody is at work on them."""
    limit_state, by_us = state(memory.view, assessment.at, memory.limits), closed_by_us(memory.view)
    busy = {entry.task for entry in limit_state.open} | {*limit_state.suspended}
    busy |= _differing(assessment)
    busy |= {pull.marker.key for pull in memory.pulls or () if pull.marker and pull.state is ItemState.OPEN}
    own_records = [record for record in records(memory.view).values() if str(record.number) in by_us]
    tasks = tasks_by_key(memory.view)
    keys = {record.marker.key for record in own_records if record.marker.kind == Lane.CONFIG_PULL_REQUEST} - busy
    keys = {key for key in keys if busy.isdisjoint(tasks.get(key, ()))}
    return [
        task
        for task in sorted(keys)
        if run.repository.head(branch_of(task, run.prefix)) is not None and not memory.taken_over(task)
    ]


def _note(run: RunContext, item: PullRequest | Issue, tag: Marker, view: LedgerView) -> None:
    """The ledger knows that it is us who close it, so that nobody takes it for a person's no. Once for each item."""
    if str(item.number) in closed_by_us(view):
        return
    lane = LANE_OF_KIND[tag.kind]
    note = Entry(
        id=run.new_id(),
        kind=EntryKind.NOTE,
        at=run.clock.now(),
        actor=run.actor,
        task=tag.key,
        lane=lane,
        fingerprint=f"{key_of(lane, tag.key)}-{tag.digest}",
        reason=f"closes #{item.number}",
        link=item.url,
        detail={CLOSED_ITEM: str(item.number)},
    )
    record(run.ledger, view, [note])
    run.reached("closing")


def _sweep(run: RunContext, task: str, _view: LedgerView) -> TakenAction | None:
    return _swept(task, Effect.CLOSED, run) if _delete_branch(run, task) else None


def _swept(task: str, effect: Effect, run: RunContext) -> TakenAction:
    text = f"Delete branch {branch_of(task, run.prefix)}, left over from a closed pull request."
    if effect is Effect.CLOSED:
        text = f"branch {branch_of(task, run.prefix)}, left over from a closed pull request"
    return TakenAction(effect, Lane.CONFIG_PULL_REQUEST, task, text)


def _delete_branch(run: RunContext, task: str) -> bool:
    """Take our branch away unless somebody pushed to it since; then it is theirs. Whether it was taken away."""
    name = branch_of(task, run.prefix)
    tip = run.repository.head(name)
    try:
        if tip is None:
            return False
        run.repository.delete_branch(name, expected=tip)
    except (Stale, Refused):
        return False
    run.reached("branch-deleted")
    return True
