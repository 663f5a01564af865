"""The loop of a fleet: who is due is run, as many at once as there are workers, until told to stop.

One thread decides and keeps what is known; runs happen elsewhere, and whatever becomes of one is an account that says so.
No run can make another wait longer than for its worker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from bot.errors import BotError
from bot.fleet.budget import Allowance
from bot.fleet.history import FleetDifferences, FleetHistory
from bot.fleet.overview import FleetStatus, RequestBudget
from bot.fleet.run import FleetMember, FleetRun
from bot.fleet.schedule import RetryPacing, admitted, ended, started, turns, wake
from bot.fleet.status import FleetRepository
from bot.ports import Clock

_LONGEST_WAIT: Final = 1.0
"""Seconds after which the order is looked at again, should a clock have been set or a stop be wanted."""


class FleetRunner(Protocol):
    """Carries out runs somewhere. Nothing here raises for what becomes of one."""

    def start(self, member: FleetMember) -> None:
        """Begin a run; its account comes with :meth:`finished`."""
        ...

    def finished(self, seconds: float) -> Sequence[FleetRun]:
        """The accounts of runs that ended since, waited for so long where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class FleetPacing:
    """How a fleet is kept, from its settings."""

    workers: int = 4
    retry: RetryPacing = field(default_factory=RetryPacing)
    discover: timedelta = timedelta(hours=1)
    reserve: float = 0.2
    expected: int = 20


def _unheard(_subject: object) -> None:
    """Nobody is told."""


@dataclass(slots=True)
class FleetLoop:
    """One fleet that is kept. ``members`` raises ``BotError`` where nobody can say who takes part."""

    members: Callable[[], Sequence[FleetMember]]
    runner: FleetRunner
    pacing: FleetPacing
    clock: Clock
    repositories: dict[str, FleetRepository] = field(default_factory=dict)
    on_run: Callable[[FleetRun], None] = _unheard
    """Is given each account."""
    on_failure: Callable[[BotError], None] = _unheard
    """Is told when nobody could say who takes part; those that did go on."""
    history: FleetHistory = field(default_factory=FleetHistory)
    """The hours before, which each run adds to."""
    other_repositories: Mapping[str, FleetRepository] = field(default_factory=dict)
    """Repositories of the fleet that are not run here, and count in what differs all the same."""
    _members: dict[str, FleetMember] = field(default_factory=dict)
    _allowances: dict[str, Allowance] = field(default_factory=dict)
    _costs: dict[str, int] = field(default_factory=dict)
    _differences: FleetDifferences = field(default_factory=FleetDifferences)
    _discovered: datetime | None = None

    @property
    def running(self) -> int:
        """How many repositories are being run."""
        return len(self._costs)

    def status(self) -> FleetStatus:
        """What is known of all who take part. Any thread may ask."""
        rows = map(self.repositories.get, sorted(self._members))
        now, budgets = self.clock.now(), list(self._allowances.copy().items())
        possible_budgets = (_budget(account, allowance, now) for account, allowance in sorted(budgets))
        request_budgets = tuple(budget for budget in possible_budgets if budget is not None)
        return FleetStatus(now, tuple(row for row in rows if row is not None), self.history, request_budgets)

    def run(self, stopped: Callable[[], bool]) -> None:
        """Run whoever is due until ``stopped``; what runs then is waited for. Raises what the first discovery raises."""
        self.discover()
        while not stopped():
            self._discover_again()
            self._start(self.pacing.workers - len(self._costs))
            self._finish(_LONGEST_WAIT if self._costs else self._idle())
        self._drain()

    def once(self, stopped: Callable[[], bool] = lambda: False) -> tuple[str, ...]:
        """Run everybody once, whether due or not, the latest first. Who was not run, for want of requests or being stopped."""
        self.discover()
        waiting = set(self._members)
        while waiting and not stopped():
            free = self.pacing.workers - len(self._costs)
            present = (self.repositories[name] for name in waiting)
            # Everybody counts as due: from the due time on which comes last.
            at = max([self.clock.now(), *(self.repositories[name].due for name in waiting)])
            due_members = turns(present, self._allowances, now=at, free=free, expected=self.pacing.expected)
            for repository in due_members:
                self._begin(repository)
                waiting.discard(repository.name)
            if not due_members and not self._costs:
                break
            self._finish(_LONGEST_WAIT)
        self._drain()
        return tuple(sorted(waiting))

    def discover(self) -> None:
        """Ask who takes part. Who does no longer is forgotten."""
        now, members = self.clock.now(), self.members()
        self._members = {member.name: member for member in members}
        self._discovered = now
        for member in members:
            self.repositories[member.name] = admitted(member, self.repositories.get(member.name), now)
            if member.account:
                self._allowances.setdefault(member.account, Allowance(self.pacing.reserve))
        for name in set(self.repositories) - set(self._members) - set(self._costs):
            del self.repositories[name]
        self._differences = FleetDifferences.of({**self.other_repositories, **self.repositories}.values())

    def _discover_again(self) -> None:
        now = self.clock.now()
        if self._discovered is not None and now - self._discovered >= self.pacing.discover:
            try:
                self.discover()
            except BotError as exc:
                self._discovered = now
                self.on_failure(exc)

    def _idle(self) -> float:
        """Seconds to sleep while nobody runs."""
        return min(max(wake(self._present(), self._allowances, now=self.clock.now()), 0.05), _LONGEST_WAIT)

    def _present(self) -> tuple[FleetRepository, ...]:
        return tuple(self.repositories[name] for name in self._members)

    def _start(self, free: int) -> None:
        now, expected = self.clock.now(), self.pacing.expected
        for repository in turns(self._present(), self._allowances, now=now, free=free, expected=expected):
            self._begin(repository)

    def _begin(self, repository: FleetRepository) -> None:
        cost = self.pacing.expected if repository.requests is None else max(repository.requests, 1)
        self._costs[repository.name] = cost
        if repository.account:
            self._allowances[repository.account] = self._allowances[repository.account].with_run(cost)
        self.repositories[repository.name] = started(repository, self.clock.now())
        self.runner.start(self._members[repository.name])

    def _finish(self, seconds: float) -> None:
        for run in self.runner.finished(seconds):
            repository = self.repositories[run.name]
            cost = self._costs.pop(run.name, 0)
            if repository.account:
                self._allowances[repository.account] = self._allowances[repository.account].settled(cost, run.left)
            self.repositories[run.name] = after = ended(repository, run, self.pacing.retry, self.clock.now())
            self._differences.replace(repository, after)
            self.history = self.history.counting(run.result, self._differences, self.clock.now())
            self.on_run(run)

    def _drain(self) -> None:
        while self._costs:
            self._finish(_LONGEST_WAIT)


def _budget(account: str, allowance: Allowance, now: datetime) -> RequestBudget | None:
    """What the account has left; None before its host told."""
    remaining, host_budget = allowance.remaining(now), allowance.left
    if remaining is None or host_budget is None:
        return None
    limit = host_budget.limit
    return RequestBudget(account, max(remaining, 0), limit, host_budget.resets, int(limit * allowance.reserve))
