"""What is left of each budget, of a task and of the repository, for whoever looks: the daemon's status, the dashboard. Grants
nothing; limits are asked of :mod:`bot.safety.limits`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.model.ledger import LedgerView
from bot.safety.history import Budget, History, Timeline, history_of
from bot.safety.limits import HOUR, Limits
from bot.safety.spans import after
from bot.safety.suspension import suspended_until


@dataclass(frozen=True, slots=True)
class TaskBudget:
    """One task: automatic fixes ``used`` of ``allowed`` in any hour, when there is room again
    (``free_at``, None: there is) and when its cooldown ends (None: it has none), ``failures`` in a row of fixes.

    ``suspended``: by a person; ``until`` is None for a suspension without end.
    """

    task: str
    used: int
    allowed: int
    free_at: datetime | None = None
    cooldown_until: datetime | None = None
    failures: int = 0
    stopped: bool = False
    suspended: bool = False
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RepositoryBudget:
    """One budget of the whole repository: ``used`` of ``allowed`` (None: not limited), and when there is room again if there
    is none.
    """

    name: str
    used: int
    allowed: int | None
    free_at: datetime | None = None


def repository_budgets(view: LedgerView, limits: Limits, now: datetime) -> tuple[RepositoryBudget, ...]:
    """New pull requests, automatic commits, and failures since the last resume."""
    history, fixes = history_of(view), limits.repository_fixes_per_hour
    return (
        _within("new pull requests", history.opened, limits.new_pull_requests_per_hour, now),
        _within("automatic commits", history.overall(Budget.FIX), fixes, now),
        RepositoryBudget("failures since the last resume", len(history.failures), limits.total_failures),
    )


def proposal_budget(view: LedgerView, limits: Limits, now: datetime) -> RepositoryBudget:
    """Pull requests and issues, updates included."""
    spent = history_of(view).overall(Budget.PROPOSAL)
    return _within("proposals written", spent, limits.proposals_per_hour, now)


def _within(noun: str, spent: Timeline, allowed: int | None, now: datetime) -> RepositoryBudget:
    used = len(spent.within(now, HOUR))
    full = allowed is not None and used >= allowed
    free_at = spent.free_at(now, HOUR, allowed) if allowed is not None and full else None
    return RepositoryBudget(f"{noun} in 60 minutes", used, allowed, free_at)


def task_budgets(
    view: LedgerView, limits: Limits, now: datetime, *, drifting: Collection[str] = ()
) -> tuple[TaskBudget, ...]:
    """The tasks that used something, failed, are suspended or drift, by name."""
    history = history_of(view)
    tasks = {*drifting, *(task for task, budget in history.by_task if budget is Budget.FIX), *history.suspensions}
    tasks |= {task for task, _ in history.failures_in_a_row if task}
    budgets = (_budget(task, history, limits, now) for task in sorted(tasks))
    return tuple(budget for budget in budgets if budget.task in drifting or _says_something(budget))


def is_notable(budget: Mapping[str, object]) -> bool:
    """Whether a task's budget, as a status says it, is worth a line: it used something, failed or is held. All others are
    told by their number.
    """
    return any(budget[key] for key in ("used", "cooldown_until", "free_at", "failures", "stopped", "suspended"))


def _says_something(budget: TaskBudget) -> bool:
    return bool(budget.used or budget.cooldown_until or budget.failures or budget.suspended)


def _budget(task: str, history: History, limits: Limits, now: datetime) -> TaskBudget:
    spent = history.timeline(task, Budget.FIX)
    used = len(spent.within(now, HOUR))
    last = spent.last(now, limits.cooldown)
    cooled = None if last is None else after(last, limits.cooldown)
    failures = len(history.failures_in_a_row.get((task, Budget.FIX), ()))
    entry = history.suspensions.get(task)
    until = None if entry is None else suspended_until(entry)
    allowed = limits.fixes_per_hour
    return TaskBudget(
        task=task,
        used=used,
        allowed=allowed,
        free_at=spent.free_at(now, HOUR, allowed) if used >= allowed else None,
        cooldown_until=cooled if cooled is not None and cooled > now else None,
        failures=failures,
        stopped=limits.consecutive_failures is not None and failures >= limits.consecutive_failures,
        suspended=entry is not None and (until is None or until > now),
        until=until,
    )
