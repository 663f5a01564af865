"""Who is run next: relative lateness first, as highest-response-ratio-next does with waiting times (Brinch Hansen, 1971).

Each repository has a period: its interval, shorter while something urgent differs, longer after failures. Who is late by
the largest multiple of its period comes next. Lateness grows without end for whoever waits and begins anew for whoever was
run, so nobody starves, however many come more often; and urgent ones wait a fraction of what others do.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bot.fleet.budget import Allowance
from bot.fleet.run import FleetMember, FleetRun
from bot.fleet.status import FleetRepository, FleetResult
from bot.model.severity import Severity

URGENCY: Final[Mapping[Severity | None, int]] = {Severity.HIGH: 2, Severity.CRITICAL: 4}
"""How many times as often a repository is run whose worst difference is of that severity."""
WITHOUT_SETTINGS: Final = 12
"""So many intervals pass until a repository without settings is looked at again."""


@dataclass(frozen=True, slots=True)
class RetryPacing:
    """The pause after a failed run; it doubles with each further one, up to ``longest``."""

    first: timedelta = timedelta(minutes=1)
    longest: timedelta = timedelta(hours=6)

    def pause(self, failures: int) -> timedelta:
        """After so many failures in a row, at least one."""
        doubled: int = 1 << min(failures - 1, 20)
        return min(self.first * doubled, self.longest)


def admitted(member: FleetMember, repository: FleetRepository | None, now: datetime) -> FleetRepository:
    """What is known of a member: a new one is due at once, as late as one that is due since its interval."""
    if repository is None:
        due_time = now - member.interval
        repository = FleetRepository(member.name, due_time, period=member.interval)
    return replace(repository, interval=member.interval, account=member.account, url=member.url)


def started(repository: FleetRepository, now: datetime) -> FleetRepository:
    """It runs from now on."""
    return replace(repository, running=True, last=now)


def ended(repository: FleetRepository, run: FleetRun, pacing: RetryPacing, now: datetime) -> FleetRepository:
    """What is known after a run, and when the next is due. Periods count from a run's begin, pauses from its end."""
    failures = repository.failures + 1 if run.result.is_failure else 0
    severities = repository.severities if failures else run.severities
    after = replace(
        repository,
        running=False,
        last=run.began,
        seconds=run.seconds,
        result=run.result,
        severities=severities,
        failures=failures,
        error=run.error,
        requests=run.requests if not failures else repository.requests,
        seen=repository.seen if failures else run.began,
        waiting=repository.waiting if failures else run.waiting,
        held=repository.held if failures else run.held,
    )
    retry_delay = timedelta(seconds=run.retry_after or 0)
    if failures:
        pause = max(pacing.pause(failures), retry_delay)
        return replace(after, due=now + pause, period=max(after.interval, pause))
    if run.result is FleetResult.NO_SETTINGS:
        period = after.interval * WITHOUT_SETTINGS
    else:
        period = after.interval / URGENCY.get(after.worst, 1)
    return replace(after, due=max(run.began + period, now + retry_delay), period=period)


def lateness(repository: FleetRepository, now: datetime) -> float:
    """How late it is, in its own periods; negative while it is not due."""
    return (now - repository.due) / repository.period


def turns(
    repositories: Iterable[FleetRepository],
    allowances: Mapping[str, Allowance],
    *,
    now: datetime,
    free: int,
    expected: int,
) -> tuple[FleetRepository, ...]:
    """Who is run now, the latest first, at most ``free``. Who waits for requests of its account keeps nobody else back.

    ``expected`` is how many requests a run is reckoned to make where none told yet.
    """
    if free <= 0:
        return ()
    due_repositories = [(lateness(idle, now), idle) for idle in repositories if idle.due <= now and not idle.running]
    queue = [(-late, late_repository.name, late_repository) for late, late_repository in due_repositories]
    heapq.heapify(queue)
    promised = dict(allowances)
    chosen_repositories = list[FleetRepository]()
    while queue and len(chosen_repositories) < free:
        repository = heapq.heappop(queue)[2]
        cost = expected if repository.requests is None else max(repository.requests, 1)
        allowance = promised.get(repository.account)
        if allowance is None or not repository.account:
            chosen_repositories.append(repository)
        elif allowance.allows(cost, urgent=repository.urgent, now=now):
            promised[repository.account] = allowance.with_run(cost)
            chosen_repositories.append(repository)
    return tuple(chosen_repositories)


def wake(repositories: Iterable[FleetRepository], allowances: Mapping[str, Allowance], *, now: datetime) -> float:
    """Seconds until somebody may be due, or an account has requests again; infinite where nobody waits."""
    times = [repository.due for repository in repositories if not repository.running]
    future = [(at - now).total_seconds() for at in times if at > now]
    if any(at <= now for at in times):  # somebody is due and was not chosen: the account's window has to begin anew
        future += [(a.left.resets - now).total_seconds() for a in allowances.values() if a.left and a.left.resets > now]
    return max(min(future, default=math.inf), 0.0)
