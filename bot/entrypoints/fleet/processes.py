"""Starts the process of one run, and makes an account of whatever becomes of it: also where it hangs, crashes or lies."""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from bot import processes
from bot.entrypoints.fleet.accounts import order_text, run_of
from bot.entrypoints.fleet.run_one import line
from bot.errors import BotError, Unavailable
from bot.fleet.run import FleetMember, FleetRun
from bot.fleet.status import FleetResult
from bot.processes import ProcessEnd, ProcessResult
from bot.secrecy.redaction import redact
from bot.wiring.fleet import OpenFleet

# -P: what lies in the current folder, such as a repository of strangers, is never imported.
_PROGRAM: Final = (sys.executable, "-P", "-m", "bot.entrypoints.fleet")
_CAP: Final = 256 * 1024


def run_member(fleet: OpenFleet, member: FleetMember) -> FleetRun:
    """One run of one repository in a process of its own. Never raises: what went wrong is in the account."""
    began, start = datetime.now(UTC), time.monotonic()
    blank = FleetRun(member.name, began, 0.0, FleetResult.FAILED)
    try:
        order = fleet.order(member)
        ended = processes.run(
            _PROGRAM,
            order_text(order),
            env=fleet.surroundings(member),
            deadline_seconds=fleet.settings.schedule.time_limit,
            output_cap=_CAP,
        )
        account = _account(ended, blank, fleet.settings.schedule.time_limit)
    except BotError as exc:
        wait = exc.retry_after if isinstance(exc, Unavailable) else None
        account = replace(blank, error=line(str(exc)), retry_after=wait)
    except OSError as exc:
        account = replace(blank, result=FleetResult.CRASHED, error=line(f"its process did not start: {exc}"))
    if account.result.is_failure:
        fleet.forget(member)
    return replace(account, began=began, seconds=round(time.monotonic() - start, 3))


def _account(ended: ProcessResult, blank: FleetRun, limit: float) -> FleetRun:
    match ended.ending:
        case ProcessEnd.TIMEOUT:
            return replace(blank, result=FleetResult.TIMED_OUT, error=f"ended after {limit:g} s")
        case ProcessEnd.EXITED if ended.exit_code == 0:
            account = run_of(ended.stdout)
            if account is not None and account.name == blank.name:
                return account
            return replace(blank, result=FleetResult.CRASHED, error="its process gave no account")
        case _:
            return replace(blank, result=FleetResult.CRASHED, error=_how(ended))


def _how(ended: ProcessResult) -> str:
    code = ended.exit_code
    how = (
        "did not start" if code is None else f"ended with exit code {code}" if code >= 0 else f"ended by signal {-code}"
    )
    if ended.ending is ProcessEnd.TOO_LARGE:
        how = "printed too much"
    last = (ended.stderr.strip().splitlines() or [""])[-1]
    return line(f"its process {how}" + (f": {redact(last, opaque=True)}" if last else ""))


@dataclass(slots=True)
class ProcessPool:
    """Satisfies :class:`bot.flows.fleet.FleetRunner`: so many processes at once, each waited for by a thread."""

    fleet: OpenFleet
    workers: int
    _finished: queue.SimpleQueue[FleetRun] = field(default_factory=queue.SimpleQueue)
    _threads: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="fleet")

    def start(self, member: FleetMember) -> None:
        self._threads.submit(self._run, member)

    def _run(self, member: FleetMember) -> None:
        self._finished.put(run_member(self.fleet, member))

    def finished(self, seconds: float) -> Sequence[FleetRun]:
        accounts = list[FleetRun]()
        try:
            accounts.append(self._finished.get(timeout=seconds))
            while True:
                accounts.append(self._finished.get_nowait())
        except queue.Empty:
            return accounts

    def close(self) -> None:
        """What runs comes to its end, at the latest by its time limit."""
        self._threads.shutdown(wait=True)
