"""What the dashboard says, from one run and the ledger: rows in sections, the table of targets, budgets, gaps. Pure but for the
texts. It says nothing that changes by itself with every run, so that it is only written when something did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.drift.severity.gains import is_gain
from bot.flows.context import Messages
from bot.flows.dashboard.boxes import Box, BoxVerb
from bot.flows.dashboard.ticks import GivenOrder, given_orders, named
from bot.flows.intention import EVERYTHING
from bot.flows.lanes import ORDERED
from bot.flows.titles import title_of
from bot.model.codehost import Issue, ItemState, PullRequest
from bot.model.decision import Decision, Lane
from bot.model.drift import Report
from bot.model.ledger import Entry, LedgerView
from bot.model.proposal import Effect, Proposal, TakenAction, Tick, proposals
from bot.model.severity import Severity
from bot.model.wording import minute
from bot.report.wording import remedy
from bot.safety.budgets import RepositoryBudget, repository_budgets
from bot.safety.limits import Limits
from bot.safety.state import State, state
from bot.safety.suspension import suspended_until

ROOM: Final = 50_000
"""Characters for all rows: with all else the body stays well below what GitHub takes (65,536)."""
_MOST_TARGETS: Final = 30
_MOST_GAPS: Final = 20
_MOST_ORDERS: Final = 5
_FLOOD: Final = frozenset({"new-pull-requests", "open-pull-requests"})
"""The limits that a person's order lifts for one pull request: they are there lest people are asked too much."""


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One proposal: what differs, how bad it is, what comes of it, where it is, why nothing is done, what may be ticked."""

    title: str
    severity: Severity | None
    remedy: str
    note: str = ""
    number: int | None = None
    url: str | None = None
    boxes: tuple[Box, ...] = ()
    by_hand: bool = False
    """Whether people restore it, by the steps of an issue."""

    @property
    def lines(self) -> Sequence[tuple[str, str]]:
        """Each box's comment and text, which says what comes of it."""
        steps = " by hand: an issue has the steps" if self.by_hand else ""
        return [(box.text, f"{named(box)}{steps if box.verb is BoxVerb.RESTORE else ''}") for box in self.boxes]


@dataclass(frozen=True, slots=True)
class BoardSection:
    """Rows of one kind, worst first. ``shown`` are their texts as far as there is room."""

    heading: str
    hint: str
    rows: tuple[BoardRow, ...]
    shown: tuple[str, ...] = ()

    @property
    def more(self) -> int:
        """How many rows found no room."""
        return len(self.rows) - len(self.shown)


@dataclass(frozen=True, slots=True)
class TargetLine:
    """One target: how many resources it declares, and how many differences of each severity, worst first."""

    name: str
    resources: int
    counts: tuple[int, ...]


def content(tick: Tick, view: LedgerView, limits: Limits, texts: Messages) -> str:
    """The body of the dashboard, without marker and notes."""
    tick, limit_state = _without_what_was_committed(tick), state(view, tick.at, limits)
    sections = _with_room([section for section in _sections(tick, limit_state) if section.rows], texts)
    targets = _targets(tick.report)
    gaps = tuple(_gaps(tick.report))
    orders: Sequence[GivenOrder] = given_orders(view, most=_MOST_ORDERS)
    return texts.render(
        "dashboard.md",
        blocked=tick.blocked,
        halt=Box(BoxVerb.RESUME).text if limit_state.halted else None,
        levels=_levels(),
        targets=targets[:_MOST_TARGETS],
        more_targets=targets[_MOST_TARGETS:],
        report=tick.report,
        sections=sections,
        budgets=_budgets(tick, view, limits),
        gaps=gaps[:_MOST_GAPS],
        more_gaps=len(gaps[_MOST_GAPS:]),
        closed=tick.notes,
        orders=orders,
    )


def _without_what_was_committed(tick: Tick) -> Tick:
    """The run without what differs no more now that it is over, lest the next run has to write that."""
    ends = {Effect.COMMITTED, Effect.RESTORED}
    over = {drift for action in tick.actions if action.effect in ends for drift in action.drifts}
    remaining_drifts = tuple(drift for drift in tick.report.drift if drift.id not in over)
    return replace(tick, report=replace(tick.report, drift=remaining_drifts))


def _levels() -> list[Severity]:
    return sorted(Severity, key=lambda level: -level.rank)


def _targets(report: Report) -> list[TargetLine]:
    """The targets, those with the worst differences first; what has no target last."""
    counts: dict[str, Counter[Severity]] = {}
    for drift in report.drift:
        counts.setdefault(drift.resource.target or "", Counter())[drift.severity] += 1
    unassigned = report.resources - sum(report.targets.values())
    sizes = {**report.targets, **({"": unassigned} if unassigned or "" in counts else {})}
    lines = [
        TargetLine(name, size, tuple(counts.get(name, Counter())[level] for level in _levels()))
        for name, size in sizes.items()
    ]
    return sorted(lines, key=lambda target: (tuple(-count for count in target.counts), not target.name, target.name))


def _gaps(report: Report) -> Iterator[str]:
    """What is not compared, and why."""
    for gap in report.unreachable:
        yield f"{gap.observer} at {gap.target}: {gap.cause}"
    for error in report.errors:
        yield f"{error.file}:{error.line}: {error.message}"
    for note in report.notes:
        if note.state == "not compared":
            yield f"{note.rule}: {note.detail}"


def _budgets(tick: Tick, view: LedgerView, limits: Limits) -> list[RepositoryBudget]:
    first_budget, *other_budgets = repository_budgets(view, limits, tick.at)
    return [
        first_budget,
        RepositoryBudget("open pull requests", _open_pulls(tick), limits.open_pull_requests),
        *other_budgets,
    ]


def _open_pulls(tick: Tick) -> int:
    """How many pull requests about drift are open once the run is over."""
    pulls = tick.pulls or ()
    before = {
        pull.number
        for pull in pulls
        if pull.state is ItemState.OPEN and pull.marker and pull.marker.kind == Lane.CONFIG_PULL_REQUEST
    }
    lane = Lane.CONFIG_PULL_REQUEST
    opened_numbers = {
        action.number for action in tick.actions if action.effect is Effect.OPENED and action.lane is lane
    }
    closed = {action.number for action in tick.actions if action.effect is Effect.CLOSED and action.lane is lane}
    return len((before | opened_numbers) - closed)


def _sections(tick: Tick, limit_state: State) -> Iterator[BoardSection]:
    rows = _rows(tick, limit_state)
    for kind in _KINDS:
        yield BoardSection(kind.heading, kind.hint, tuple(row for of, row in rows if of is kind))


@dataclass(frozen=True, slots=True)
class _Kind:
    """One section's heading, and what its rows have in common."""

    heading: str
    hint: str


_PULLS: Final = _Kind("Waiting for you: pull requests", "Merge to adopt what runs, close to reject.")
_ISSUES: Final = _Kind("Waiting for you: issues", "Each has the steps; it is closed once its difference is gone.")
_LATER: Final = _Kind("Held back for now", "Done by itself once there is room: at the time that is named, if one is.")
_REJECTED: Final = _Kind("Rejected or ignored, still different", "Not proposed again until what runs changes.")
_SUSPENDED: Final = _Kind("Suspended or stopped", "Nothing is written for these until somebody resumes them.")
_STUCK: Final = _Kind("Cannot be written", "Somebody has to act first.")
_UNHANDLED: Final = _Kind("Differences", "Nothing is done about them now.")
_REPORTED: Final = _Kind("Only reported", "The rules say to do nothing about these.")
_KINDS: Final = (_PULLS, _ISSUES, _LATER, _SUSPENDED, _REJECTED, _STUCK, _UNHANDLED, _REPORTED)


def _rows(tick: Tick, limit_state: State) -> list[tuple[_Kind, BoardRow]]:
    items: list[PullRequest | Issue] = [*(tick.pulls or ()), *(tick.issues or ())]
    titles = {item.number: item.title for item in items}
    by_drift = {decision.drift.id: decision for decision in tick.decisions}
    rows = [
        (
            kind,
            _row(action, [by_drift[drift] for drift in action.drifts if drift in by_drift], titles, kind, limit_state),
        )
        for action in tick.actions
        if (kind := _kind(action, limit_state)) is not None
    ]
    covered_drifts = {drift for action in tick.actions for drift in action.drifts}
    remaining_decisions = [decision for decision in tick.decisions if decision.drift.id not in covered_drifts]
    rows += [(_UNHANDLED, _unhandled_row(proposal, tick.blocked)) for proposal in proposals(remaining_decisions)]
    rows += [(_REPORTED, row) for row in _reported(remaining_decisions)]
    rows += [(_SUSPENDED, row) for row in _at_rest(tick, limit_state)]
    return sorted(rows, key=lambda action: -1 if action[1].severity is None else -action[1].severity.rank)


def _kind(action: TakenAction, limit_state: State) -> _Kind | None:
    """The section of an action; None for what is done and over."""
    if action.task in limit_state.suspended and action.effect not in {Effect.COMMITTED, Effect.RESTORED, Effect.CLOSED}:
        return _SUSPENDED
    match action.effect:
        case Effect.OPENED | Effect.UPDATED | Effect.UNCHANGED | Effect.HANDED_OVER:
            return _PULLS if action.lane is Lane.CONFIG_PULL_REQUEST else _ISSUES
        case Effect.DENIED:
            waits = {"suspended": _SUSPENDED, "consecutive-failures": _SUSPENDED, "rejected": _REJECTED}
            return waits.get(action.limit or "", _LATER if action.next_eligible else _kind_without_end(action))
        case Effect.REJECTED:
            return _REJECTED
        case Effect.WAITING | Effect.UNDELIVERED | Effect.UNSUPPORTED | Effect.FAILED | Effect.IN_PROGRESS:
            return _STUCK
        case Effect.COMMITTED | Effect.RESTORED | Effect.CLOSED | Effect.PLANNED:
            return None


def _kind_without_end(action: TakenAction) -> _Kind:
    return _LATER if action.limit in _FLOOD else _STUCK


def _row(
    action: TakenAction, decisions: Sequence[Decision], titles: Mapping[int, str], kind: _Kind, limit_state: State
) -> BoardRow:
    return BoardRow(
        title=titles.get(action.number or 0) or _title(action, decisions),
        severity=action.severity,
        remedy=remedy(action.lane),
        note=_row_reason(action, kind, limit_state),
        number=action.number,
        url=action.url,
        boxes=tuple(_boxes(action, decisions, kind)),
        by_hand=any(decision.by_hand is not None for decision in decisions),
    )


def _row_reason(action: TakenAction, kind: _Kind, limit_state: State) -> str:
    """Why nothing is done about it, or nothing more."""
    if action.task in limit_state.suspended:
        return _suspension(limit_state.suspended[action.task])
    return "" if kind in {_PULLS, _ISSUES} and action.effect is not Effect.HANDED_OVER else action.message


def _suspension(entry: Entry) -> str:
    until = suspended_until(entry)
    end = "until somebody resumes it" if until is None else f"until {minute(until)}"
    return f"{entry.actor.login} suspended it {end}: {entry.reason}"


def _title(action: TakenAction, decisions: Sequence[Decision]) -> str:
    if not decisions or action.task == EVERYTHING:
        return action.message
    joins = () if decisions[0].drift.task == action.task else tuple({decision.drift.task for decision in decisions})
    return title_of(Proposal(action.lane, action.task, tuple(decisions), joins, name=action.name))


def _boxes(action: TakenAction, decisions: Sequence[Decision], kind: _Kind) -> Iterator[Box]:
    """What may be ordered about it. About one of like changes of many objects, only what is about the proposal."""
    task, fingerprint = action.task, action.fingerprint
    single = bool(decisions) and all(decision.drift.task == task for decision in decisions)
    about, exact = (
        replace(Box(BoxVerb.RESTORE), task=task),
        replace(Box(BoxVerb.RETRY), task=task, fingerprint=fingerprint),
    )
    if kind is _SUSPENDED:
        yield replace(about, verb=BoxVerb.RESUME)
    elif kind is _REJECTED and fingerprint:
        yield exact
    elif kind is _ISSUES and single and all(decision.by_hand is None for decision in decisions):
        yield about
    elif kind is _ISSUES and single and _may_be_adopted(decisions):
        yield replace(about, verb=BoxVerb.ADOPT)
    elif kind in {_PULLS, _LATER}:
        if action.limit in _FLOOD:
            yield replace(exact, verb=BoxVerb.APPROVE)
        if kind is _LATER:
            yield replace(exact, verb=BoxVerb.IGNORE)
        if single:
            yield about
            yield replace(about, verb=BoxVerb.SUSPEND)


def _may_be_adopted(decisions: Sequence[Decision]) -> bool:
    """Whether somebody chose to restore it, and nothing of it is a privilege that is never offered for adoption."""
    other_decisions = [decision for decision in decisions if decision.rule != ORDERED]
    return len(other_decisions) < len(decisions) and not any(is_gain(decision.drift) for decision in other_decisions)


def _unhandled_row(proposal: Proposal, blocked: str | None) -> BoardRow:
    note = "" if blocked is not None else "another change covers it"
    return BoardRow(title_of(proposal), proposal.severity, remedy(proposal.lane), note)


def _reported(decisions: Sequence[Decision]) -> Iterator[BoardRow]:
    """One row for each task about which the rules say to do nothing."""
    tasks: dict[str, list[Decision]] = {}
    for decision in decisions:
        if decision.lane is Lane.NOTHING:
            tasks.setdefault(decision.drift.task, []).append(decision)
    for task, of_task in tasks.items():
        proposal = Proposal(Lane.CONFIG_PULL_REQUEST, task, tuple(of_task))
        yield BoardRow(title_of(proposal), proposal.severity, remedy(Lane.NOTHING))


def _at_rest(tick: Tick, limit_state: State) -> Iterator[BoardRow]:
    """Suspended tasks that the run did nothing about: they are told too, lest they are forgotten."""
    acted_tasks, differing = {action.task for action in tick.actions}, {drift.task for drift in tick.report.drift}
    for task, entry in sorted(limit_state.suspended.items()):
        if task not in acted_tasks:
            state = "differs" if task in differing else "in sync"
            yield BoardRow(task, None, state, _suspension(entry), boxes=(Box(BoxVerb.RESUME, task),))


def _with_room(sections: Sequence[BoardSection], texts: Messages) -> list[BoardSection]:
    """The sections with as many rows as have room; what one leaves of its share the next ones have."""
    room_left, filled = ROOM, list[BoardSection]()
    for index, section in enumerate(sections):
        rendered_rows = _fitting(
            section.rows, room_left // (len(sections) - index), lambda row: texts.render("board_row.md", row=row)
        )
        room_left -= sum(map(len, rendered_rows))
        filled.append(replace(section, shown=rendered_rows))
    return filled


def _fitting(rows: Sequence[BoardRow], room: int, text: Callable[[BoardRow], str]) -> tuple[str, ...]:
    rendered_rows: list[str] = []
    for row in rows:
        rendered = text(row)
        room -= len(rendered)
        if room < 0:
            break
        rendered_rows.append(rendered.rstrip("\n"))
    return tuple(rendered_rows)
