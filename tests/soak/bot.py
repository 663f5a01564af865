"""One bot of the soak: a process that ticks when it is told to, and dies now and then without a goodbye."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from bot.errors import BotError
from bot.flows.reconcile import tick
from bot.model.ledger import Entry, LedgerView
from bot.model.proposal import Effect
from bot.ports import BranchMove, Ledger
from bot.wiring.reconcile import open_loop
from bot.wiring.repository import Options
from tests.flows.dying import with_steps

START = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Order:
    """Tick once at ``seconds`` after the start; ``dies`` counts the steps until it is killed, at the latest at the end."""

    seconds: float
    dies: int | None = None


@dataclass(frozen=True)
class Answer:
    """What became of one order."""

    written: int = 0
    denied: int = 0
    failed: int = 0
    blocked: str | None = None
    error: str | None = None


@dataclass
class SharedClock:
    """The time of the last order. Sleeping costs nothing and is forgotten with the next order."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Witnessed:
    """The real ledger; each entry it said it took is also written down beside it, so that a loss can be seen."""

    real: Ledger
    notes: int = field(repr=False)

    def read(self) -> LedgerView:
        return self.real.read()

    def append(self, view: LedgerView, entries: Sequence[Entry]) -> LedgerView:
        return self.append_with(view, entries, ())[0]

    def append_with(
        self, view: LedgerView, entries: Sequence[Entry], moves: Sequence[BranchMove]
    ) -> tuple[LedgerView, bool]:
        made = self.real.append_with(view, entries, moves)
        os.write(self.notes, "".join(f"{entry.id}\n" for entry in entries).encode())
        return made


def kill_after(steps: int) -> Callable[[str], None]:
    """What ``RunContext.reached`` is told: after so many steps, whichever they are, the process is gone."""
    left = steps

    def reached(_step: str) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached


def work(options: Options, cache: Path, notes: Path, pipe: Connection) -> None:
    """Tick on every order until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    clock = SharedClock()
    descriptor = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    loop = open_loop(replace(options, cache=cache), clock=clock)
    loop = replace(loop, run=replace(loop.run, ledger=Witnessed(loop.run.ledger, descriptor)))
    while isinstance(order := _next(pipe), Order):
        clock.at = START + timedelta(seconds=order.seconds)
        reached = _nothing if order.dies is None else kill_after(order.dies)
        try:
            done = tick(with_steps(loop, reached))
        except BotError as exc:
            pipe.send(Answer(error=f"{type(exc).__name__}: {exc.message}"))
            continue
        if order.dies is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        effects = [action.effect for action in done.actions]
        pipe.send(
            Answer(
                written=sum(effect.wrote for effect in effects),
                denied=effects.count(Effect.DENIED),
                failed=effects.count(Effect.FAILED),
                blocked=done.blocked,
            )
        )


def _next(pipe: Connection) -> object:
    try:
        return pipe.recv()
    except EOFError:
        return None


def _nothing(_step: str) -> None:
    return
