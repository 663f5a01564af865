"""What the consumer is doing, step by step, and whether it may be left.

A step that only looks is left at once, wherever it is; one that writes is left at its end, when the ledger knows what
became of it. Somebody asks (a stop, a pause, the watchdog), the consumer leaves: by :class:`Interrupted`, raised at the
next boundary, or in a signal handler while the step only looks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bot.flows.reconcile import Loop
from bot.model.ledger import Entry, LedgerView
from bot.model.observation import Observation
from bot.model.resource import Desired
from bot.ports import BranchMove, Ledger, ObserverStep

_ENDS: Final = frozenset({"recovered", "rejection", "outcome", "handed-over", "closed", "branch-deleted"})
"""Steps of a run after which no intent of this run is open (:data:`bot.flows.context.STEPS`)."""


class Interrupted(BaseException):
    """The work in hand was left. Not an ``Exception``: no catch-all on the way may take it for a failure of its own."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class CurrentStep:
    """What is being done. ``since`` is UTC, ``began`` the same on a clock that nobody sets, in seconds."""

    name: str
    since: datetime
    began: float
    leavable: bool


class Steps:
    """The step in hand. The consumer begins and ends steps; any thread may look, and ask it to leave."""

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.monotonic = monotonic
        self.current: CurrentStep | None = None
        self._progress: tuple[CurrentStep, str] | None = None
        self._leave_reason: str | None = None
        self._lasting = False

    @contextmanager
    def work(self, name: str, *, leavable: bool) -> Iterator[None]:
        """One piece of work. What was asked of the work before it is forgotten, unless that was lasting."""
        if not self._lasting:
            self._leave_reason = None
        self.begin(name, leavable=leavable)
        try:
            yield
        finally:
            self.current = None

    def begin(self, name: str, *, leavable: bool) -> None:
        """The step before is done, and this one begins; unless somebody asked to leave."""
        self.boundary()
        self.current = CurrentStep(name, self._now(), self.monotonic(), leavable)

    def tell(self, step: ObserverStep) -> None:
        """How far an observer is, from any thread."""
        current = self.current
        if current is not None:
            parts = [step.observer, step.doing, f"{step.done}/{step.total}" if step.total else ""]
            self._progress = (current, " ".join(part for part in parts if part))

    @property
    def detail(self) -> str:
        """What was last told of the step in hand; empty when nothing was."""
        progress_text = self._progress
        return progress_text[1] if progress_text is not None and progress_text[0] is self.current else ""

    def ask(self, reason: str, *, lasting: bool = False) -> None:
        """Have the work in hand left as soon as that loses nothing; with ``lasting`` every later work, too."""
        if not self._lasting:
            self._leave_reason, self._lasting = reason, lasting

    def boundary(self) -> None:
        """Nothing is half done here: raise :class:`Interrupted` where somebody asked for it."""
        if self._leave_reason is not None:
            raise Interrupted(self._leave_reason)

    def leave(self) -> None:
        """As :meth:`boundary`, between any two instructions: only where the step may be left. For signal handlers."""
        if self.current is not None and self.current.leavable:
            self.boundary()

    def reached(self, step: str) -> None:
        """A run completed ``step`` of its writing."""
        if step in _ENDS:
            self.boundary()
        self.current = CurrentStep(f"writing (done: {step})", self._now(), self.monotonic(), leavable=False)


@dataclass(slots=True)
class SteppedLedger:
    """A ledger whose first reading in a run is where looking ends and writing may begin. ``last_view`` is the last view."""

    real: Ledger
    steps: Steps
    last_view: LedgerView | None = None

    def read(self) -> LedgerView:
        if self.steps.current is not None and self.steps.current.leavable:
            self.steps.begin("planning", leavable=False)
        self.last_view = self.real.read()
        return self.last_view

    def append(self, view: LedgerView, entries: Sequence[Entry]) -> LedgerView:
        self.last_view = self.real.append(view, entries)
        return self.last_view

    def append_with(
        self, view: LedgerView, entries: Sequence[Entry], moves: Sequence[BranchMove]
    ) -> tuple[LedgerView, bool]:
        self.last_view, together = self.real.append_with(view, entries, moves)
        return self.last_view, together


def stepped(loop: Loop, ledger: SteppedLedger) -> Loop:
    """The same loop, telling ``ledger.steps`` what it does."""
    steps = ledger.steps

    def observe(target: str, declared: Sequence[Desired], now: datetime) -> Observation:
        steps.begin(f"reading live state of {target}" if target else "reading live state", leavable=True)
        observation = loop.observe(target, declared, now)
        steps.begin("comparing", leavable=True)
        return observation

    return replace(loop, observe=observe, run=replace(loop.run, ledger=ledger, reached=steps.reached))
