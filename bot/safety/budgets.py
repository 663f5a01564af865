"""What is left of each task's budget, for whoever looks: the daemon's status. Grants nothing; limits are asked of
:mod:`bot.safety.limits`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from bot.model.ledger import LedgerView
from bot.safety.history import Budget, History, history_of
from bot.safety.limits import Limits
from bot.safety.spans import after
from bot.safety.suspension import suspended_until

__all__ = ["TaskBudget", "task_budgets"]


@dataclass(frozen=True, slots=True)
class TaskBudget:
    """One task: automatic fixes ``used`` of ``allowed`` in any window of the limits, when there is room again
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


def task_budgets(
    view: LedgerView, limits: Limits, now: datetime, *, drifting: Collection[str] = ()
) -> tuple[TaskBudget, ...]:
    """The tasks that used something, failed, are suspended or drift, by name."""
    history = history_of(view)
    tasks = {*drifting, *(task for task, budget in history.by_task if budget is Budget.FIX), *history.suspensions}
    tasks |= {task for task, _ in history.failures_in_a_row if task}
    budgets = (_budget(task, history, limits, now) for task in sorted(tasks))
    return tuple(budget for budget in budgets if budget.task in drifting or _says_something(budget))


def _says_something(budget: TaskBudget) -> bool:
    return bool(budget.used or budget.cooldown_until or budget.failures or budget.suspended)


def _budget(task: str, history: History, limits: Limits, now: datetime) -> TaskBudget:
    spent = history.timeline(task, Budget.FIX)
    used = len(spent.within(now, limits.window))
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
        free_at=spent.free_at(now, limits.window, allowed) if used >= allowed else None,
        cooldown_until=cooled if cooled is not None and cooled > now else None,
        failures=failures,
        stopped=limits.consecutive_failures is not None and failures >= limits.consecutive_failures,
        suspended=entry is not None and (until is None or until > now),
        until=until,
    )
