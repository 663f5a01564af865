"""A bot in its own process that is killed (SIGKILL) right after a named step. Started by the crash tests and the soak."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import bot.wiring.applying as wiring
from bot.flows.reconcile import Loop, tick
from bot.wiring.reconcile import open_loop
from bot.wiring.repository import Options
from tests.flows.stage import MovableClock


def kill_me(at: str, nth: int) -> Callable[[str], None]:
    """What ``RunContext.reached`` is told: at the ``nth`` time of step ``at`` the process is gone, without a goodbye."""
    seen = 0

    def reached(step: str) -> None:
        nonlocal seen
        seen += step == at
        if step == at and seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached


def with_steps(loop: Loop, reached: Callable[[str], None]) -> Loop:
    """The same loop, calling ``reached`` with its steps."""
    return replace(loop, run=replace(loop.run, reached=reached))


def run_and_die(options: Options, cache: Path, now: datetime, step: str, nth: int) -> None:
    """One tick that ends at ``step``; the exit code is 0 only when it was never reached."""
    loop = open_loop(replace(options, cache=cache), clock=MovableClock(now))
    tick(with_steps(loop, kill_me(step, nth)))


def let_applying_die(step: str, nth: int) -> None:
    """What applies in this process from now on is killed at the ``nth`` time of ``step``."""
    opened = wiring.open_application

    def dying(options: Options, *, force_conflicts: bool = False, tasks: Sequence[str] = ()) -> wiring.Application:
        return replace(opened(options, force_conflicts=force_conflicts, tasks=tasks), reached=kill_me(step, nth))

    wiring.open_application = dying
