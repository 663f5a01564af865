"""One tick: look, plan, carry out, close what is gone, account. Called by the command line, the daemon and Actions
alike.

A straight line: event → head → intake → observe → diff → decide → permit → render/edit → intent → commit | pull request
| issue → outcome → report. An event only says when to look.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from bot.errors import Closed, Refused, Stale, Unavailable
from bot.flows.closing import close_gone, planned_closings
from bot.flows.context import RunContext
from bot.flows.dashboard.board import ordered, shown
from bot.flows.declare import Declarer
from bot.flows.identity import ItemT
from bot.flows.intention import Intention, as_planned, settled
from bot.flows.memory import Memory, remember, stopped
from bot.flows.observation import Assessment, Observe, RulesInForce, assess, is_observed
from bot.flows.people import ownerless
from bot.flows.plan import plan
from bot.flows.preview import preview
from bot.flows.recover import as_recovered, ledger_loss, recover
from bot.flows.rejection import record_rejections
from bot.flows.remedy import carry_out
from bot.flows.restoring import Restoring
from bot.flows.tracing import located
from bot.model.codehost import Issue, PullRequest
from bot.model.decision import Lane
from bot.model.drift import IgnoreNote, Report
from bot.model.proposal import Effect, Join, TakenAction, Tick
from bot.model.wording import sentences
from bot.notices.memory import notice_history

LOOKS: Final = 4
"""How often a look is run again in one tick because the branch moved under it."""


@dataclass(frozen=True, slots=True)
class Loop:
    """Everything that ticks share. ``rules`` reads the rules and ignore rules as a commit has them."""

    run: RunContext
    declarer: Declarer
    observe: Observe
    rules: Callable[[str], RulesInForce]
    dry_run: bool = False
    reports_only: bool = False
    """The level is disabled: nothing is decided, so nothing is written, not even that something is over."""

    def assess(self, head: str, now: datetime) -> Assessment:
        """What differs at a commit, each difference with the line that sets what Git says."""
        locate = partial(located, self.declarer)
        return assess(self.declarer.at(head), self.rules(head), self.observe, now=now, locate=locate)


def tick(loop: Loop) -> Tick:
    """Look once and fix what may be fixed. Raises ``Unavailable`` when the repository cannot be reached."""
    now = loop.run.clock.now()
    for attempt in range(LOOKS):
        loop.run.repository.fetch()
        head = _head(loop)
        assessment = loop.assess(head, now)
        try:
            return _act(loop, assessment, now)
        except Stale as exc:
            if attempt == LOOKS - 1:
                raise Stale(f"the branch moved {LOOKS} times while it was compared: {exc.message}") from exc
    raise AssertionError


def _head(loop: Loop) -> str:
    head = loop.run.repository.head(loop.run.branch)
    if head is None:
        raise Refused(
            f"the repository has no branch {loop.run.branch}",
            advice="Push a first commit, or name the branch in clockwork.yaml (branch:).",
        )
    return head


def _act(loop: Loop, assessment: Assessment, now: datetime) -> Tick:
    run, declaration = loop.run, assessment.declaration
    report = _with_idle_settings(assessment.report, declaration.commit, run)
    result = Tick(now, declaration.commit, run.branch, report, assessment.decisions)
    if loop.reports_only:
        return result
    try:
        memory = remember(run)
    except (Unavailable, Refused) as exc:
        return replace(result, blocked=f"Nothing was written: {exc.message}")
    if loop.dry_run:
        return _acted(loop, assessment, memory, result, now)
    orders = ordered(memory, assessment, run, loop.declarer)
    return shown(_acted(loop, assessment, orders.memory, result, now), orders, run)


def _with_idle_settings(report: Report, commit: str, run: RunContext) -> Report:
    """The report with a note about settings that ask for owners where nobody is named."""
    text = ownerless(run.repository, commit, joins=run.limits.join is Join.OWNER, assigns=run.assign_owners)
    return report if text is None else replace(report, notes=(*report.notes, IgnoreNote("CODEOWNERS", "unused", text)))


def _acted(loop: Loop, assessment: Assessment, memory: Memory, result: Tick, now: datetime) -> Tick:
    """The account of a run that remembers, whatever it may write."""
    run, declaration = loop.run, assessment.declaration
    result = _with_items(result, assessment, memory)
    unknown = ledger_loss(memory.view, declaration.commit, run, now=now)
    if (stop := unknown or stopped(memory.view, memory.limits, now)) is not None:
        return replace(result, blocked=stop)
    if loop.dry_run:
        forecast = forecast_run(loop, assessment, memory)
        planned = (
            replace(as_planned(intention), preview=preview(intention, declaration.commit, run, memory.view))
            for intention in forecast.intentions
        )
        decisions = settled(assessment.decisions, forecast.intentions)
        return replace(result, decisions=decisions, actions=(*planned, *forecast.closings), blocked=forecast.blocked)
    try:
        return _written(loop, assessment, memory, result, now)
    except Closed as exc:  # the ledger cannot be written: without it nothing is
        return replace(result, blocked=sentences(f"Nothing more was written: {exc.message}", exc.advice))


def _written(loop: Loop, assessment: Assessment, memory: Memory, result: Tick, now: datetime) -> Tick:
    """The account of a run that may write, and does. Raises ``Closed`` where the ledger takes no entry."""
    run, declaration = loop.run, assessment.declaration
    if recover(memory, declaration.commit, run, now=now):
        memory = remember(run)
        if (stop := stopped(memory.view, memory.limits, now)) is not None:
            return replace(result, blocked=stop)
    memory, results = _carried_out(loop, assessment, memory, now)
    intentions = tuple(intention for intention, _ in results)
    closed, stop = close_gone(assessment, memory, intentions, run)
    if run.host is not None:
        run.host.flush()
    decisions = settled(assessment.decisions, intentions)
    actions = (*(action for _, action in results), *closed)
    return replace(result, decisions=decisions, actions=actions, blocked=stop, notes=_closures(memory, now))


def _carried_out(
    loop: Loop, assessment: Assessment, memory: Memory, now: datetime
) -> tuple[Memory, list[tuple[Intention, TakenAction]]]:
    """Plan and carry out. What the host turns down is planned again at once, by the lanes that are left: from a commit to
    a pull request, to the issue that says which switch to set, to the report.
    """
    run, declaration = loop.run, assessment.declaration
    decisions, results = list(assessment.decisions), list[tuple[Intention, TakenAction]]()
    for _ in Lane:
        intentions = plan(decisions, declaration, memory, loop.declarer, now=now)
        record_rejections(intentions, memory, run, now=now)
        restoring = Restoring(assessment, run)
        done_now = carry_out(intentions, declaration.commit, memory.view, run, now=now, restoring=restoring)
        pairs = list(zip(intentions, done_now, strict=True))
        if not any(_is_turned_down(*pair) for pair in pairs):
            return memory, [*results, *pairs]
        results += [pair for pair in pairs if pair[1].effect not in {Effect.WAITING, Effect.UNDELIVERED}]
        settled_ids = {
            drift for intention, _ in results if intention.kind is None for drift in intention.proposal.drifts
        }
        decisions = [decision for decision in decisions if decision.drift.id not in settled_ids]
        memory = remember(run)
    return memory, results


def _is_turned_down(intention: Intention, action: TakenAction) -> bool:
    """Whether the host closed this lane only now."""
    return action.effect is Effect.WAITING and intention.effect is not Effect.WAITING


def _closures(memory: Memory, now: datetime) -> tuple[str, ...]:
    """One line for each lane that is closed."""
    return tuple(closure.text() for closure in memory.closures(now).values())


def _with_items(result: Tick, assessment: Assessment, memory: Memory) -> Tick:
    """The account with what :mod:`bot.flows.conditions` asks it. What people were told is open and is not any more is asked
    for by number, once: the notice that it ended is the last.
    """
    standing = notice_history(memory.view.entries).standing.values()
    differed = {notice.task for notice in standing if notice.task}
    listed_numbers = {pull.number for pull in memory.pulls or ()} | {issue.number for issue in memory.issues or ()}
    noticed_numbers = {
        number for notice in standing if (number := _number(notice.subject)) is not None
    } - listed_numbers
    ended = [item for number in sorted(noticed_numbers) if (item := memory.item(number)) is not None]
    return replace(
        result,
        pulls=None
        if memory.pulls is None
        else (*_items_of_ours(memory.pulls), *(e for e in ended if isinstance(e, PullRequest))),
        issues=None
        if memory.issues is None
        else (*_items_of_ours(memory.issues), *(e for e in ended if isinstance(e, Issue))),
        looked_at=frozenset(task for task in differed if is_observed(task, assessment)),
    )


def _number(subject: str) -> int | None:
    """The number in ``pull 3`` or ``issue 4``; None for a notice about something else."""
    kind, _, number = subject.partition(" ")
    return int(number) if kind in {"pull", "issue"} and number.isdigit() else None


def _items_of_ours(items: Sequence[ItemT]) -> tuple[ItemT, ...]:
    return tuple(item for item in items if item.marker is not None)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the next run would do and what it would close, or why it would write nothing."""

    intentions: tuple[Intention, ...] = ()
    closings: tuple[TakenAction, ...] = ()
    blocked: str | None = None


def forecast_run(loop: Loop, assessment: Assessment, memory: Memory) -> Forecast:
    """The next run in advance. Writes nothing."""
    declaration, now = assessment.declaration, assessment.at
    memory = as_recovered(memory, declaration.commit, loop.run, now=now)
    if (stop := stopped(memory.view, memory.limits, now)) is not None:
        return Forecast(blocked=stop)
    intentions = plan(assessment.decisions, declaration, memory, loop.declarer, now=now)
    return Forecast(intentions, planned_closings(assessment, memory, intentions, loop.run))
