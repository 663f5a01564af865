"""What is remembered from one run to the next, read once per run: the ledger, and our pull requests and issues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from bot.flows.context import RunContext
from bot.flows.declare import Declarer
from bot.flows.ownership import taken_over
from bot.model.codehost import Issue, PullRequest
from bot.model.ledger import LedgerView
from bot.safety.limits import Limits
from bot.safety.spans import span
from bot.safety.state import State, state


def _nobody(_task: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered. ``pulls`` and ``issues`` are ours only; None without a code host.

    ``taken_over`` tells whether the branch of a task's pull request ends in somebody else's commit.
    """

    view: LedgerView
    limits: Limits
    pulls: Sequence[PullRequest] | None = None
    issues: Sequence[Issue] | None = None
    taken_over: Callable[[str], bool] = _nobody

    @property
    def in_flight(self) -> timedelta:
        """How long an intent without an outcome counts as the work of a run that is still alive."""
        return span(self.limits.in_progress)


@dataclass(frozen=True, slots=True)
class Situation:
    """What stays the same for all proposals of one plan: what is remembered, what it means at ``now``, how files are
    read.
    """

    memory: Memory
    known: State
    declarer: Declarer
    now: datetime


def remember(run: RunContext) -> Memory:
    """What is remembered now: the ledger first, so that whatever a list misses shows as news in the ledger."""
    view = run.ledger.read()
    return Memory(
        view=view,
        limits=run.limits,
        pulls=None if run.host is None else run.host.pulls(),
        issues=None if run.host is None else run.host.issues(),
        taken_over=partial(taken_over, view=view, run=run),
    )


def stopped(view: LedgerView, limits: Limits, now: datetime) -> str | None:
    """Why nothing at all may be written; None when it may."""
    known = state(view, now, limits)
    if known.halt is not None:
        halt = known.halt
        return f"Halted since {halt.at:%Y-%m-%d %H:%M UTC} by {halt.actor.login}: {halt.reason}"
    if known.emergency:
        return f"Emergency stop: {known.failures} failures since the last resume. `clockwork resume` lifts it."
    return None
