"""The process of one run of one repository: it reads its order from standard input and prints its account.

Nothing of another repository is here: the order holds one token, the environment is what the fleet chose, and the process
ends with the run. Called as ``python -m bot.entrypoints.fleet``.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NoReturn

from bot.entrypoints.daemon.children import end_children
from bot.entrypoints.fleet.accounts import order_of, run_text
from bot.entrypoints.fleet.waiting import held_in, waiting_of
from bot.entrypoints.fleet.wall import check_reach, wall_off
from bot.errors import BotError, Unavailable
from bot.fleet.run import FleetRun
from bot.fleet.status import FleetResult
from bot.model.proposal import Tick
from bot.model.requests import RequestsLeft
from bot.model.severity import Severity
from bot.model.wording import sentences
from bot.ports import Clock
from bot.settings import FILE
from bot.wiring.fleet import FleetOrder
from bot.wiring.repository import OpenRepository, Options


@dataclass(frozen=True, slots=True)
class LentIdentity:
    """An app's token for this one repository, as long as the run lasts."""

    lent: str = field(repr=False)
    account: str

    def token(self) -> str:
        return self.lent

    def forget(self) -> None:
        """There is no other: the fleet makes the next."""

    def login(self) -> str:
        return self.account


@dataclass(slots=True)
class RequestCount:
    """Satisfies :class:`bot.ports.Meter`: how many requests cost something, and what is left of them."""

    requests: int = 0
    requests_left: RequestsLeft | None = None

    def answered(self, method: str, status: str) -> None:
        del method
        self.requests += status != "304"

    def rendered(self, kind: str, seconds: float) -> None:
        del kind, seconds

    def left(self, requests: RequestsLeft) -> None:
        self.requests_left = requests


def account_of(order: FleetOrder, environment: Mapping[str, str]) -> FleetRun:
    """Run once. Whatever goes wrong in the ways that are known is in the account."""
    began, start, count = datetime.now(UTC), time.monotonic(), RequestCount()
    blank = FleetRun(order.member.name, began, 0.0, FleetResult.FAILED)
    try:
        account = _ran(order, environment, count, blank)
    except BotError as exc:
        wait = exc.retry_after if isinstance(exc, Unavailable) else None
        account = replace(blank, error=problem(exc), retry_after=wait)
    return replace(
        account, seconds=round(time.monotonic() - start, 3), requests=count.requests, left=count.requests_left
    )


def _ran(order: FleetOrder, environment: Mapping[str, str], count: RequestCount, blank: FleetRun) -> FleetRun:
    from bot.wiring.repository import SystemClock, open_repository

    # Settings that the fleet names itself are those of whoever runs it.
    if is_barred := not order.member.trusted and order.member.settings is None:
        wall_off(order, environment)
    open_repo = open_repository(_options(order, environment, count))
    if order.member.needs_settings and not _has_settings(open_repo):
        return replace(blank, result=FleetResult.NO_SETTINGS)
    if is_barred:
        check_reach(order, open_repo.settings)
    return _completed_run(blank, _ticked(open_repo, SystemClock()))


def _ticked(open_repo: OpenRepository, clock: Clock) -> Tick:
    from bot.flows.reconcile import tick
    from bot.wiring.notifications import open_announcer
    from bot.wiring.reconcile import loop_on

    loop = loop_on(open_repo, clock=clock)
    announcer = open_announcer(open_repo, clock, account=_noted, warn=_noted)
    return tick(loop) if announcer is None else announcer.ran(partial(tick, loop))


def _noted(text: object) -> None:
    sys.stderr.write(f"{text}\n")


def _options(order: FleetOrder, environment: Mapping[str, str], count: RequestCount) -> Options:
    member, variables = order.member, dict(environment)
    identity = None
    if order.token is not None and order.login is not None:
        identity = LentIdentity(order.token, order.login)
    elif order.token is not None:
        variables["CLOCKWORK_TOKEN"] = order.token  # of what this run reads; programs that it starts do not see it
    return Options(
        member.url,
        member.live or None,
        settings=None if member.settings is None else Path(member.settings),
        branch=member.branch,
        environment=variables,
        cache=Path(order.cache),
        identity=identity,
        meter=count,
    )


def _has_settings(open_repo: OpenRepository) -> bool:
    head = open_repo.repository.head(open_repo.branch)
    return head is not None and open_repo.repository.read(head, FILE) is not None


def _completed_run(blank: FleetRun, finished: Tick) -> FleetRun:
    report = finished.report
    severities = Counter(drift.severity for drift in report.drift)
    problems = [str(replace(error, excerpt=None)) for error in report.errors if not error.note]
    problems += [f"cannot read live state from {gap.observer}: {gap.cause}" for gap in report.unreachable]
    if finished.blocked is not None:
        result = FleetResult.BLOCKED
    elif severities:
        result = FleetResult.DRIFT
    else:
        result = FleetResult.FAILED if problems else FleetResult.IN_SYNC
    return replace(
        blank,
        result=result,
        severities={level: severities[level] for level in reversed(Severity) if severities[level]},
        actions=Counter(action.effect.value for action in finished.actions),
        commit=finished.commit,
        error=line(finished.blocked or _first(problems)) or None,
        waiting=waiting_of(finished),
        held=held_in(finished),
    )


def _first(problems: Sequence[str]) -> str:
    """The first of them, and how many there are beside it."""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0]}{more}" if problems else ""


def problem(exc: BotError) -> str:
    """What went wrong and what a person can do, on one line."""
    message = "; ".join(exc.message.splitlines())
    return line(sentences(message, exc.advice) if exc.advice else message)


def line(text: str) -> str:
    """On one line for a terminal and a page, without secrets: what is shown there is no Markdown."""
    from bot import escape

    return escape.visible(" ".join(text.split()))[:500]


def _ended(_number: int, _frame: object) -> NoReturn:
    """What the run started ends with it, its time being over."""
    end_children(grace=1.0)
    os._exit(143)


def main() -> None:
    """Do what the order on standard input says. Standard output holds the account alone."""
    out = os.dup(1)
    os.dup2(2, 1)  # what else is printed is no account
    signal.signal(signal.SIGTERM, _ended)
    order = order_of(sys.stdin.buffer.read())
    account = account_of(order, dict(os.environ))
    os.write(out, run_text(account))
