"""What is left of each task's budget says the same as the limits that are asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.model.ledger import EntryKind, LedgerView, Result
from bot.safety.budgets import (
    RepositoryBudget,
    TaskBudget,
    is_notable,
    proposal_budget,
    repository_budgets,
    task_budgets,
)
from bot.safety.limits import Limits, examine
from bot.safety.suspension import UNTIL
from tests.safety.ledgers import Book, at, request

LIMITS = Limits()


def book(*steps: Callable[[Book], object]) -> LedgerView:
    made = Book()
    for step in steps:
        step(made)
    return made.view


@pytest.mark.parametrize(
    ("view", "minute", "budget"),
    [
        (book(lambda b: b.fix(0)), 5, TaskBudget("web", 1, 2, cooldown_until=at(10))),
        (book(lambda b: b.fix(0)), 10, TaskBudget("web", 1, 2)),
        (book(lambda b: b.fix(0)), 30, TaskBudget("web", 1, 2)),
        (book(lambda b: b.fix(0), lambda b: b.fix(20)), 60, TaskBudget("web", 1, 2)),
        (book(*(lambda b, m=m: b.fix(m, Result.FAILED) for m in (-300, -200))), 0, TaskBudget("web", 0, 2, failures=2)),
        (book(lambda b: b.fix(0), lambda b: b.fix(20)), 40, TaskBudget("web", 2, 2, free_at=at(60))),
        (
            book(*(lambda b, m=m: b.fix(m, Result.FAILED) for m in (-300, -200, -100))),
            0,
            TaskBudget("web", 0, 2, failures=3, stopped=True),
        ),
        (book(lambda b: b.add(EntryKind.SUSPEND, 0, task="web")), 5, TaskBudget("web", 0, 2, suspended=True)),
        (
            book(lambda b: b.add(EntryKind.SUSPEND, 0, task="web", detail={UNTIL: at(60).isoformat()})),
            5,
            TaskBudget("web", 0, 2, suspended=True, until=at(60)),
        ),
        (
            book(lambda b: b.add(EntryKind.SUSPEND, 0, task="web", detail={UNTIL: at(60).isoformat()})),
            60,
            TaskBudget("web", 0, 2, until=at(60)),
        ),
    ],
)
def test_a_budget_is_told_with_its_figures(view: LedgerView, minute: float, budget: TaskBudget) -> None:
    """Used, allowed, when there is room again, cooldown, failures in a row, suspension."""
    assert task_budgets(view, LIMITS, at(minute), drifting={"web"}) == (budget,)
    checks = {check.limit: check for check in examine(view, request("web"), LIMITS, at(minute))}
    assert checks["task-window"].passed is (budget.free_at is None)
    assert checks["cooldown"].passed is (budget.cooldown_until is None)
    assert checks["consecutive-failures"].passed is not budget.stopped
    assert checks["suspended"].passed is not budget.suspended


def test_only_tasks_with_something_to_tell_are_listed() -> None:
    """Whoever drifts is among them, with a whole budget; whose last fix is long ago is not."""
    view = book(lambda b: b.fix(-600), lambda b: b.fix(0, task="db"))
    assert [budget.task for budget in task_budgets(view, LIMITS, at(5))] == ["db"]
    listed = task_budgets(view, LIMITS, at(5), drifting={"api", "db"})
    assert listed[0] == TaskBudget("api", 0, 2)
    assert [budget.task for budget in listed] == ["api", "db"]


def test_budgets_of_the_repository_are_told_with_their_figures() -> None:
    """Commits with room again once the oldest is out of the window, failures until a resume, proposals by themselves; what is
    not limited has no bound.
    """
    view = book(lambda b: b.fix(0), lambda b: b.fix(20, Result.FAILED, task="db"))
    limits = Limits(repository_fixes_per_hour=2, total_failures=None)
    assert repository_budgets(view, limits, at(30)) == (
        RepositoryBudget("new pull requests in 60 minutes", 0, 2),
        RepositoryBudget("automatic commits in 60 minutes", 2, 2, at(60)),
        RepositoryBudget("failures since the last resume", 1, None),
    )
    assert repository_budgets(view, limits, at(70))[1] == RepositoryBudget("automatic commits in 60 minutes", 1, 2)
    assert proposal_budget(view, limits, at(30)) == RepositoryBudget("proposals written in 60 minutes", 0, 60)


def test_a_budget_that_was_used_or_is_held_is_worth_a_line() -> None:
    """As a status says it; what is only allowed is not."""
    idle = {"task": "web", "used": 0, "allowed": 2, "until": None} | dict.fromkeys(
        ("cooldown_until", "free_at", "failures", "stopped", "suspended")
    )
    assert not is_notable(idle)
    for key in ("used", "cooldown_until", "free_at", "failures", "stopped", "suspended"):
        assert is_notable(idle | {key: 1})
