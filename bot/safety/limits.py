"""May this remedy be carried out now? The one question flows ask before they write an intent.

The limits, in the order in which they are reported: halted, emergency stop, rejected, suspended, change window,
convergence, consecutive failures, in progress, the host's own limit, sliding window per task, cooldown, budget per
severity, budget per repository, new pull requests, open pull requests. All of them are always evaluated, so that
``clockwork explain`` can print every figure, passed or not.

Artifact patches draw on the scarce budget: window, cooldown and all. Pull requests and issues have a generous one of
their own, because a person stands between them and the branch; but people are not asked more than they can answer. A halt
stops every lane.

Only this module can make a :class:`Permit`; whoever holds one knows that the limits were asked. Everything is counted
from the ledger, in ledger time (see :mod:`bot.safety.history`), so restarts, fresh runners and parallel bots share one
budget. An intent without an outcome counts as used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

from bot.errors import Refused
from bot.model.decision import Lane
from bot.model.ledger import Entry, LedgerView
from bot.model.proposal import Join
from bot.model.severity import Severity
from bot.model.wording import second
from bot.safety.closures import wait_of
from bot.safety.history import Budget, History, Timeline, budget_of, history_of
from bot.safety.spans import after, before, span
from bot.safety.suspension import suspended_until
from bot.safety.windows import ChangeWindow, gate

Figure: TypeAlias = str | int | float

HOUR: Final = 3600.0
"""What is counted per hour is counted in any so many seconds."""
_DAY: Final = 86400.0
_ROUNDS: Final = 50
"""How often a time is tried to be the next eligible one; each round passes at least one window or budget."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Every number, with the defaults that hold when nothing is configured. Durations are seconds. A count of 0 means
    none at all, everywhere; None means that this is not limited.
    """

    fixes_per_hour: int = 2
    """Artifact patches per task in any hour."""
    cooldown: float = 600.0
    """Between two artifact patches of one task, counted from the end of the earlier one."""
    consecutive_failures: int | None = 3
    """After so many failures in a row a task stops until somebody resumes it or one of its attempts succeeds."""
    total_failures: int | None = 10
    """After so many failures everything stops until an authorised resume."""
    repository_fixes_per_hour: int | None = 20
    severity_fixes_per_hour: Mapping[Severity, int] = field(default_factory=dict)
    """Artifact patches per severity and hour in the whole repository; severities not named are not limited."""
    proposals_per_hour: int | None = 60
    """Pull requests and issues in the whole repository in any hour."""
    task_proposals_per_hour: int = 12
    new_pull_requests_per_hour: int | None = 2
    """Pull requests that are opened in any hour: what people are asked at once. An update of one is no new question."""
    open_pull_requests: int | None = 10
    """While so many wait for people, no other is opened."""
    joined_from: int | None = 3
    """From so many tasks on, changes share one pull request, and like ones one issue."""
    join: Join = Join.CHANGE
    """Which changes share a pull request."""
    convergence: int | None = 3
    """The same field corrected so often within ``convergence_window`` is not corrected any more."""
    convergence_window: float = _DAY
    windows: tuple[ChangeWindow, ...] = ()
    in_progress: float = 600.0
    """So long an intent without outcome is taken for somebody's work in hand; afterwards it is dangling."""
    deletions: int | None = 10
    """A tick that would remove more things than this stops and asks."""
    deletion_percent: float | None = None
    """A tick that would remove a larger share of what is declared than this stops and asks; 100 is no limit. None: what
    is usual, 30 % and more than three things.
    """


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to do. ``fields`` are the ``resource path`` texts an artifact patch corrects."""

    task: str
    lane: Lane
    severity: Severity
    fields: tuple[str, ...] = ()
    fingerprint: str | None = None
    beside: int | None = None
    """How many pull requests were open before this run, where this opens one more; None where it opens none."""


@dataclass(frozen=True, slots=True)
class LimitCheck:
    """One limit asked: passed or not, a sentence, the figures, and when it will pass (None: when a person acts)."""

    limit: str
    passed: bool
    message: str
    figures: Mapping[str, Figure] = field(default_factory=dict)
    next_eligible: datetime | None = None


_SEAL: Final = object()


@dataclass(frozen=True, slots=True)
class Permit:
    """Proof that the limits were asked and none said no."""

    checks: tuple[LimitCheck, ...]
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise Refused("only the limits can permit a remedy")


@dataclass(frozen=True, slots=True)
class Denied:
    """Not now: ``limit`` names the first limit that says no, ``checks`` holds all of them with their figures.

    ``next_eligible`` is the earliest time at which every limit would pass if nothing else happens; None when at least
    one of them waits for a person, or never passes. The message ends with it.
    """

    limit: str
    message: str
    figures: Mapping[str, Figure]
    next_eligible: datetime | None
    checks: tuple[LimitCheck, ...] = ()


def permit(
    view: LedgerView, request: Request, limits: Limits, now: datetime, *, pending: Sequence[Request] = ()
) -> Permit | Denied:
    """Whether ``request`` may be carried out at ``now``, given the ledger and what this tick was already permitted."""
    case = _Case(history_of(view), request, limits, pending, now)
    checks = _limit_checks(case, now)
    failed = [check for check in checks if not check.passed]
    if not failed:
        return Permit(checks, _SEAL)
    first, eligible = failed[0], _eligible(case, failed)
    message = first.message if eligible is None else f"{first.message}; next eligible at {second(eligible)}"
    return Denied(first.limit, message, first.figures, eligible, checks)


def examine(
    view: LedgerView, request: Request, limits: Limits, now: datetime, *, pending: Sequence[Request] = ()
) -> tuple[LimitCheck, ...]:
    """Every limit that concerns ``request``, asked, in the order in which a refusal is reported."""
    return _limit_checks(_Case(history_of(view), request, limits, pending, now), now)


@dataclass(frozen=True, slots=True)
class _Case:
    """What is asked for, and what else was granted at ``granted`` without being in the ledger yet."""

    history: History
    request: Request
    limits: Limits
    pending: Sequence[Request]
    granted: datetime


def _eligible(case: _Case, failed: Sequence[LimitCheck]) -> datetime | None:
    """The first time at which every limit passes: each time that the limits in the way name is asked about again."""
    for _ in range(_ROUNDS):
        times = [check.next_eligible for check in failed]
        known_times = [time for time in times if time is not None]
        if len(known_times) < len(times):
            return None
        candidate = max(known_times)
        failed = [check for check in _limit_checks(case, candidate) if not check.passed]
        if not failed:
            return candidate
    return None


def _limit_checks(case: _Case, now: datetime) -> tuple[LimitCheck, ...]:
    standing = [*_stops(case.history, case.limits), *_about(case.history, case.request, case.limits, now)]
    budget_checks = (
        _fix_budgets(case, now) if budget_of(case.request.lane) is Budget.FIX else _proposal_budgets(case, now)
    )
    return (*standing, *budget_checks)


def _stops(history: History, limits: Limits) -> list[LimitCheck]:
    """What stops everything: a person's halt, and too many failures."""
    halt = history.halt
    halted = LimitCheck("halted", passed=True, message="not halted")
    if halt is not None:
        halted = _no("halted", f"{halt.actor.login} halted Clockwork at {second(halt.at)}: {halt.reason}", _by(halt))
    failed, allowed = len(history.failures), limits.total_failures
    if allowed is None:
        return [halted]
    message = f"{failed} of {allowed} failures since the last resume"
    if stopped := allowed <= failed:
        message += "; everything stops until an authorised `clockwork resume -m why`"
    return [halted, LimitCheck("emergency-stop", not stopped, message, {"failures": failed, "allowed": allowed})]


def _about(history: History, request: Request, limits: Limits, now: datetime) -> list[LimitCheck]:
    """What concerns this task or proposal whatever the budgets say."""
    checks = [_rejected(history, request), _suspended(history, request, now), _window(request, limits, now)]
    if budget_of(request.lane) is Budget.FIX and limits.convergence is not None:
        checks.append(_convergence(history, request, limits, limits.convergence, now))
    if limits.consecutive_failures is not None:
        checks.append(_consecutive(history, request, limits.consecutive_failures))
    return [*checks, _in_progress(history, request, limits, now), *_host_limit(history, request, now)]


def _host_limit(history: History, request: Request, now: datetime) -> list[LimitCheck]:
    """What the host asked for, and some run wrote down: everything but a push waits for it."""
    until = wait_of(history, now)
    if until is None or request.lane is Lane.ARTIFACT_PATCH:
        return []
    return [_no("host-limit", f"the code host asked to wait until {second(until)}", {}, until)]


def _rejected(history: History, request: Request) -> LimitCheck:
    entry = history.rejections.get(request.fingerprint or "")
    if entry is None:
        return LimitCheck("rejected", passed=True, message="not rejected")
    text = f"{entry.actor.login} rejected this proposal at {second(entry.at)}; it is not made again until what runs changes"
    return _no("rejected", f"{text} or somebody says /clockwork retry", _by(entry))


def _suspended(history: History, request: Request, now: datetime) -> LimitCheck:
    entry = history.suspensions.get(request.task)
    until = None if entry is None else suspended_until(entry)
    if entry is None or (until is not None and until <= now):
        return LimitCheck("suspended", passed=True, message=f"{request.task} is not suspended")
    end = "until somebody resumes it" if until is None else f"until {second(until)}"
    message = f"{entry.actor.login} suspended {request.task} {end}: {entry.reason}"
    return _no("suspended", message, _by(entry), until)


def _window(request: Request, limits: Limits, now: datetime) -> LimitCheck:
    opening = gate(limits.windows, task=request.task, lane=request.lane, now=now)
    return LimitCheck("change-window", opening.open, opening.message, {"window": opening.window}, opening.next_open)


def _convergence(history: History, request: Request, limits: Limits, allowed: int, now: datetime) -> LimitCheck:
    worst, count, free = "", 0, None
    for name in request.fields:
        timeline = history.by_field.get(name, Timeline())
        correction_count = len(timeline.within(now, limits.convergence_window))
        if correction_count > count or not worst:
            worst, count, free = name, correction_count, timeline.free_at(now, limits.convergence_window, allowed)
    hours = f"{limits.convergence_window / HOUR:g} h"
    figures: dict[str, Figure] = {"corrected": count, "allowed": allowed, "window_seconds": limits.convergence_window}
    if not worst or count < allowed:
        often = f"its fields were corrected {count} times at most" if count else "no field of it was corrected"
        return LimitCheck("convergence", True, f"{often} in {hours}", figures)
    message = f"{worst} was corrected {count} times in {hours} and keeps coming back: another writer sets it too"
    return LimitCheck("convergence", False, message, {"field": worst, **figures}, free)


def _consecutive(history: History, request: Request, allowed: int) -> LimitCheck:
    failed = len(history.failures_in_a_row.get((request.task, budget_of(request.lane)), ()))
    message = f"{request.task} failed {failed} times in a row of {allowed} allowed"
    if stopped := allowed <= failed:
        message += f"; it stops until `clockwork resume {request.task} -m why`"
    figures: dict[str, Figure] = {"failures": failed, "allowed": allowed}
    return LimitCheck("consecutive-failures", not stopped, message, figures)


def _in_progress(history: History, request: Request, limits: Limits, now: datetime) -> LimitCheck:
    own_entries = [entry for entry in history.open if request.fingerprint and entry.fingerprint == request.fingerprint]
    last = max(own_entries, key=lambda entry: entry.at, default=None)
    if last is None or now - last.at >= span(limits.in_progress):
        return LimitCheck("in-progress", passed=True, message="no other run is working on it")
    message = f"{last.actor.login} has been working on it since {second(last.at)}"
    return _no("in-progress", message, _by(last), after(last.at, limits.in_progress))


def _fix_budgets(case: _Case, now: datetime) -> list[LimitCheck]:
    history, request, limits = case.history, case.request, case.limits
    fixes = [pending_request for pending_request in case.pending if budget_of(pending_request.lane) is Budget.FIX]
    same = sum(pending_request.task == request.task for pending_request in fixes)
    timeline = history.timeline(request.task, Budget.FIX)
    spent = _Spent("task-window", f"automatic fixes of {request.task}", timeline, same, case.granted)
    checks = [_counted(spent, limits.fixes_per_hour, now), _cooldown(spent, request, limits, now)]
    allowed = limits.severity_fixes_per_hour.get(request.severity)
    if allowed is not None:
        same_severity = sum(pending_request.severity is request.severity for pending_request in fixes)
        rated = history.by_severity.get((request.severity.value, Budget.FIX), Timeline())
        budget_title = f"automatic fixes of {request.severity.value} drift"
        checks.append(
            _counted(_Spent("severity-budget", budget_title, rated, same_severity, case.granted), allowed, now)
        )
    if limits.repository_fixes_per_hour is not None:
        overall, budget_title = history.overall(Budget.FIX), "automatic fixes of the whole repository"
        spent = _Spent("repository-budget", budget_title, overall, len(fixes), case.granted)
        checks.append(_counted(spent, limits.repository_fixes_per_hour, now))
    return checks


def _proposal_budgets(case: _Case, now: datetime) -> list[LimitCheck]:
    history, request, limits = case.history, case.request, case.limits
    other_requests = [
        pending_request for pending_request in case.pending if budget_of(pending_request.lane) is Budget.PROPOSAL
    ]
    same = sum(pending_request.task == request.task for pending_request in other_requests)
    timeline = history.timeline(request.task, Budget.PROPOSAL)
    spent = _Spent("task-proposals", f"proposals about {request.task}", timeline, same, case.granted)
    checks = [_counted(spent, limits.task_proposals_per_hour, now)]
    if limits.proposals_per_hour is not None:
        overall, budget_title = history.overall(Budget.PROPOSAL), "proposals to the whole repository"
        spent = _Spent("repository-proposals", budget_title, overall, len(other_requests), case.granted)
        checks.append(_counted(spent, limits.proposals_per_hour, now))
    if request.beside is None or request.fingerprint in history.approvals:  # a person asked for it: people want it now
        return checks
    return [*checks, *_flood(case, request.beside, now)]


def _flood(case: _Case, other_count: int, now: datetime) -> list[LimitCheck]:
    """What keeps people from more questions than they answer. Worst drift asks first, so what waits is less severe."""
    limits, pending_proposals = case.limits, sum(request.beside is not None for request in case.pending)
    checks = []
    if limits.new_pull_requests_per_hour is not None:
        spent = _Spent("new-pull-requests", "new pull requests", case.history.opened, pending_proposals, case.granted)
        checks.append(_counted(spent, limits.new_pull_requests_per_hour, now))
    if limits.open_pull_requests is not None:
        waiting, allowed = other_count + pending_proposals, limits.open_pull_requests
        message = f"{waiting} of {allowed} pull requests of Clockwork's are open"
        if full := waiting >= allowed:
            message += "; merge or close one to make room"
        checks.append(LimitCheck("open-pull-requests", not full, message, {"open": waiting, "allowed": allowed}))
    return checks


@dataclass(frozen=True, slots=True)
class _Spent:
    """What one budget was used for: by the ledger's attempts, and by what this tick was granted already, at ``granted``."""

    limit: str
    noun: str
    timeline: Timeline
    pending: int
    granted: datetime

    def within(self, now: datetime) -> tuple[int, int]:
        """How many of either kind are in the hour that ends at ``now``."""
        recent = self.pending if self.granted > before(now, HOUR) else 0
        return len(self.timeline.within(now, HOUR)), recent

    def last(self, now: datetime, seconds: float) -> datetime | None:
        """The latest of both kinds, as a window of ``seconds`` sees it."""
        return self.granted if self.pending else self.timeline.last(now, seconds)


def _counted(spent: _Spent, allowed: int, now: datetime) -> LimitCheck:
    """A sliding window: fewer than ``allowed`` in any hour."""
    attempts, recent = spent.within(now)
    used = attempts + recent
    message = f"{used} of {allowed} {spent.noun} were used in the last 60 minutes"
    figures: dict[str, Figure] = {"used": used, "allowed": allowed, "window_seconds": HOUR}
    if used < allowed:
        return LimitCheck(spent.limit, True, message, figures)
    return _no(spent.limit, message + _ahead(spent, HOUR, now), figures, _free_at(spent, allowed, now))


def _free_at(spent: _Spent, allowed: int, now: datetime) -> datetime | None:
    """When the window will have room; None when there is never any."""
    _, recent = spent.within(now)
    if 0 < allowed <= recent:
        return after(spent.granted, HOUR)
    return spent.timeline.free_at(now, HOUR, allowed - recent)


def _cooldown(spent: _Spent, request: Request, limits: Limits, now: datetime) -> LimitCheck:
    figures: dict[str, Figure] = {"cooldown_seconds": limits.cooldown}
    last = spent.last(now, limits.cooldown)
    if last is None:
        return LimitCheck("cooldown", True, f"{request.task} was not fixed within the cooldown", figures)
    figures["seconds_since"] = max(0.0, (now - last).total_seconds())
    message = f"the last fix of {request.task} was at {second(last)}, the cooldown is {limits.cooldown / 60:g} minutes"
    if limits.cooldown <= 0 or now - last >= span(limits.cooldown):
        return LimitCheck("cooldown", True, message, figures)
    return _no("cooldown", message + _ahead(spent, limits.cooldown, now), figures, after(last, limits.cooldown))


def _ahead(spent: _Spent, seconds: float, now: datetime) -> str:
    """What to do about an attempt that is dated so far ahead that only a wrong clock explains it."""
    last = spent.last(now, seconds)
    if last is None or last - now <= span(_DAY):
        return ""
    return f"; one is dated {second(last)}: if that clock was wrong, `clockwork resume -m why`, up to three times, heals it"


def _no(limit: str, message: str, figures: Mapping[str, Figure], until: datetime | None = None) -> LimitCheck:
    return LimitCheck(limit, False, message, figures, until)


def _by(entry: Entry) -> dict[str, Figure]:
    return {"by": entry.actor.login, "at": entry.at.isoformat(), "entry": entry.id}
