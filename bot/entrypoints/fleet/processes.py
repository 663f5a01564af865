"""Starts the process of one run, and makes an account of whatever becomes of it: also where it hangs, crashes or lies."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from bot import processes
from bot.entrypoints.daemon.children import end_children
from bot.entrypoints.fleet.accounts import order_text, run_of
from bot.entrypoints.fleet.fork_server import surroundings_line
from bot.entrypoints.fleet.forking import PROGRAM, Forking
from bot.entrypoints.fleet.run_one import line, problem
from bot.errors import BotError, Unavailable
from bot.fleet.run import FleetMember, FleetRun
from bot.fleet.status import FleetResult
from bot.processes import ProcessEnd, ProcessResult
from bot.secrecy.redaction import redact
from bot.wiring.fleet import FleetOrder, OpenFleet

_CAP: Final = 256 * 1024


def forking(fleet: OpenFleet) -> Forking | None:
    """Where processes of runs are forked; None where each is to be a fresh one."""
    may = hasattr(os, "pidfd_open") and "HOME" in fleet.common()  # libgit2 reads it when it is loaded
    return Forking(fleet.common()) if may and fleet.settings.schedule.processes == "forked" else None


def run_member(fleet: OpenFleet, member: FleetMember, forks: Forking | None = None) -> FleetRun:
    """One run of one repository in a process of its own. Never raises: what went wrong is in the account."""
    began, start = datetime.now(UTC), time.monotonic()
    blank = FleetRun(member.name, began, 0.0, FleetResult.FAILED)
    try:
        order = fleet.order(member)
        # A variable that one repository sees alone may be one that programs read at their start.
        ended = _ended(fleet, order, None if fleet.sees_more(member) else forks)
        account = _account(ended, blank, fleet.settings.schedule.time_limit)
    except BotError as exc:
        wait = exc.retry_after if isinstance(exc, Unavailable) else None
        account = replace(blank, error=problem(exc), retry_after=wait)
    except OSError as exc:
        account = replace(blank, result=FleetResult.CRASHED, error=line(f"its process did not start: {exc}"))
    if account.result.is_failure:
        fleet.forget(member)
    return replace(account, began=began, seconds=round(time.monotonic() - start, 3))


def _ended(fleet: OpenFleet, order: FleetOrder, forks: Forking | None) -> ProcessResult:
    limit, env = fleet.settings.schedule.time_limit, fleet.surroundings(order.member)
    with processes.fresh_workspace() as workspace:
        if forks is not None and (program := forks.start()) is not None:
            first = surroundings_line(processes.full_environment(env, workspace), str(workspace.work))
            return processes.follow(lambda: program, first + order_text(order), deadline_seconds=limit, output_cap=_CAP)
        order_json = order_text(order)
        return processes.run(PROGRAM, order_json, env=env, deadline_seconds=limit, output_cap=_CAP, workspace=workspace)


def _account(ended: ProcessResult, blank: FleetRun, limit: float) -> FleetRun:
    match ended.ending:
        case ProcessEnd.TIMEOUT:
            return replace(blank, result=FleetResult.TIMED_OUT, error=f"ended after {limit:g} s")
        case ProcessEnd.EXITED if not ended.exit_code:  # also where nobody knows it: its account is its last word
            account = run_of(ended.stdout)
            if account is not None and account.name == blank.name:
                return account
            return replace(blank, result=FleetResult.CRASHED, error="its process gave no account")
        case _:
            return replace(blank, result=FleetResult.CRASHED, error=_ending_text(ended))


def _ending_text(ended: ProcessResult) -> str:
    code = ended.exit_code
    ending = (
        "did not start" if code is None else f"ended with exit code {code}" if code >= 0 else f"ended by signal {-code}"
    )
    if ended.ending is ProcessEnd.TOO_LARGE:
        ending = "printed too much"
    last = (ended.stderr.strip().splitlines() or [""])[-1]
    return line(f"its process {ending}" + (f": {redact(last, opaque=True)}" if last else ""))


@dataclass(slots=True)
class ProcessPool:
    """Satisfies :class:`bot.flows.fleet.FleetRunner`: so many processes at once, each waited for by a thread."""

    fleet: OpenFleet
    workers: int
    forks: Forking | None = None
    _finished: queue.SimpleQueue[FleetRun] = field(default_factory=queue.SimpleQueue)
    _threads: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="fleet")

    def start(self, member: FleetMember) -> None:
        self._threads.submit(self._run, member)

    def _run(self, member: FleetMember) -> None:
        self._finished.put(run_member(self.fleet, member, self.forks))

    def finished(self, seconds: float) -> Sequence[FleetRun]:
        accounts = list[FleetRun]()
        try:
            accounts.append(self._finished.get(timeout=seconds))
            while True:
                accounts.append(self._finished.get_nowait())
        except queue.Empty:
            return accounts

    def end(self) -> None:
        """What runs is ended, and nothing that waits for a thread is begun. The next run of a repository finds its work."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self.forks is not None:
            self.forks.end_runs()
        end_children()

    def close(self) -> None:
        """What runs comes to its end, at the latest by its time limit."""
        self._threads.shutdown(wait=True)
        if self.forks is not None:
            self.forks.close()
