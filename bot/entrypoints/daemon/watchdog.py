"""A thread that watches over the consumer: signals, steps that take too long, the service manager, and the end.

Signals arrive here by a pipe that the C-level handler writes to (``signal.set_wakeup_fd``), so a second SIGTERM works
even while the main thread is inside of a library that does not come back. What can be ended: a step that only looks, by
an exception in a signal handler, which reaches Python code between any two instructions and in every wait for a socket, a
lock or a process. What cannot: a call into a C library that does not return, and a step that writes, whose parts have
time-outs of their own (Git, the code host's API). Of those it is told, ``/readyz`` says no, and the service manager hears
nothing any more: with WatchdogSec= it starts the daemon again.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from bot.entrypoints.daemon.consumer import Log
from bot.entrypoints.daemon.notify import Notifier
from bot.entrypoints.daemon.status import DaemonStatus
from bot.entrypoints.daemon.steps import CurrentStep, Steps

_INTERVAL: Final = 1.0
"""Seconds between two looks at the consumer."""
_STOP_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT})


@dataclass(slots=True)
class Watchdog:
    """The thread. ``stop`` begins the end, ``hang_up`` is what SIGHUP does, ``die`` ends the process at once."""

    steps: Steps
    status: DaemonStatus
    notifier: Notifier
    log: Log
    step_timeout: float
    stop_timeout: float
    stopping: threading.Event
    stop: Callable[[], None]
    hang_up: Callable[[], None]
    die: Callable[[int], None] = os._exit
    summary: Callable[[], str] = lambda: ""
    consumer: int | None = None
    """The thread that signal handlers run in; None where the consumer is in another, and cannot be woken."""
    wakeup: int = -1
    """The descriptor that the numbers of signals are to be written to, once it watches."""
    _ended: threading.Event = field(default_factory=threading.Event)
    _pipe: tuple[int, int] = (-1, -1)
    _thread: threading.Thread | None = None
    _stop_began: float | None = None
    _overdue: CurrentStep | None = None
    _status_text: str = ""
    _pinged: float = float("-inf")

    def start(self) -> None:
        """Watch."""
        self._pipe = _, self.wakeup = os.pipe()
        for descriptor in self._pipe:
            os.set_blocking(descriptor, False)
        self._thread = threading.Thread(target=self._watch, name="clockwork-watchdog", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Watch no more."""
        self._ended.set()
        with suppress(OSError):
            os.write(self._pipe[1], b"\0")
        if self._thread is not None:
            self._thread.join()
        for descriptor in self._pipe:
            os.close(descriptor)

    def _watch(self) -> None:
        while not self._ended.is_set():
            pause = min(_INTERVAL, self.notifier.watchdog / 4) if self.notifier.watchdog else _INTERVAL
            ready, _, _ = select.select([self._pipe[0]], [], [], pause)
            for number in os.read(self._pipe[0], 64) if ready else b"":
                self._signalled(number)
            self._check()

    def _signalled(self, number: int) -> None:
        if number == signal.SIGHUP:
            self.hang_up()
        elif number in _STOP_SIGNALS and self.stopping.is_set():
            self._give_up("was told to stop twice")
        elif number in _STOP_SIGNALS:
            self.log.info("stopping", signal=signal.Signals(number).name)
            self.stop()

    def _check(self) -> None:
        now = self.steps.monotonic()
        if self.stopping.is_set():
            began = self._stop_began = now if self._stop_began is None else self._stop_began
            if now - began > self.stop_timeout:
                self._give_up(f"did not end within {self.stop_timeout:g} s")
        self._look_at_step(now)
        self._report(now)

    def _look_at_step(self, now: float) -> None:
        step = self.steps.current
        if step is None or now - step.began <= self.step_timeout:
            self.status.overdue = None
            return
        took = f"{step.name!r} takes longer than {self.step_timeout:g} s"
        self.status.overdue = took
        if self._overdue is not step:
            self._overdue = step
            self.log.warning("overdue", step=step.name, seconds=round(now - step.began), detail=self.steps.detail)
            if step.leavable:
                self.steps.ask(took)
                self._poke()

    def _poke(self) -> None:
        """Have the consumer look, in its signal handler, whether it is to leave."""
        if self.consumer is not None:
            signal.pthread_kill(self.consumer, signal.SIGALRM)

    def _report(self, now: float) -> None:
        text = self.status.overdue or self.summary()
        if text != self._status_text and self.notifier.status(text):
            self._status_text = text
        if self.status.overdue is None and now - self._pinged >= self.notifier.watchdog / 2:
            self._pinged = now
            self.notifier.alive()

    def _give_up(self, reason: str) -> None:
        step = self.steps.current
        self.log.warning("killed", reason=reason, step=None if step is None else step.name)
        self.die(1)
