"""When which worker is due. Pure but for the loop, which sleeps and looks at the clock through its arguments.

Each worker has its own interval, counted from the start of one run to the start of the next, over restarts as well: the
last runs are remembered. A machine that slept, or on which nothing ran, runs what it missed once, not as often as it was
missed. A worker that fails is reported and comes again at its next time; it stops no other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.errors import BotError
from bot.workers.journal import WorkerState
from bot.workers.work import Outcome, Worker, Workers, run_worker

LOOK_SECONDS: Final = 5.0

Report = Callable[[Worker, Outcome | BotError], None]


def due(intervals: Mapping[Worker, timedelta], last: Mapping[Worker, datetime], now: datetime) -> Sequence[Worker]:
    """The workers whose interval is over, most overdue first; one that never ran is due at once."""
    waited = {name: None if name not in last else now - last[name] - interval for name, interval in intervals.items()}
    ready = [(name, over) for name, over in waited.items() if over is None or over >= timedelta(0)]
    return [name for name, _ in sorted(ready, key=lambda pair: (pair[1] is not None, -(pair[1] or timedelta(0))))]


def next_run(interval: timedelta, state: WorkerState, now: datetime) -> datetime | None:
    """When a worker comes next; ``now`` when it is due, None while it is stopped."""
    if state.stopped is not None:
        return None
    return now if state.last is None else max(now, min(state.last.at, now) + interval)


def missed(interval: timedelta, last: datetime | None, now: datetime) -> int:
    """How many times of a worker that is due passed unused, beside the one that it is run for now."""
    if last is None or interval <= timedelta(0):
        return 0
    return max(0, (now - last) // interval - 1)


class _Times:
    """When each worker began last, as the loop counts it.

    A clock that went back delays nobody beyond one interval: a time that lies ahead counts as the moment it was first
    seen ahead. What another process runs meanwhile counts too, and so does what could not be remembered.
    """

    def __init__(self) -> None:
        self._ahead: dict[Worker, tuple[datetime, datetime]] = {}
        self._tried: dict[Worker, datetime] = {}

    def try_now(self, name: Worker, now: datetime) -> None:
        """A worker begins, whatever becomes of it."""
        self._tried[name] = now

    def last(self, states: Mapping[Worker, WorkerState], now: datetime) -> Mapping[Worker, datetime]:
        """When each worker that ever ran began last; never later than ``now``."""
        last = {name: min(at, now) for name, at in self._tried.items()}
        for name, state in states.items():
            if state.last is not None:
                at = self._counted(name, state.last.at, now)
                last[name] = max(at, last.get(name, at))
        return last

    def _counted(self, name: Worker, at: datetime, now: datetime) -> datetime:
        if name in self._ahead and self._ahead[name][0] == at:
            return min(self._ahead[name][1], now)
        if at > now:
            self._ahead[name] = (at, now)
        return min(at, now)


def keep_working(
    workers: Workers, *, stopped: Callable[[], bool], report: Report, only: Collection[Worker] = frozenset(Worker)
) -> None:
    """Run the workers in ``only`` at their times until ``stopped`` says so; it is asked about every five seconds.

    One that a person stopped is left alone until it is started again. While the memory cannot be used nothing runs, and
    that is reported once.
    """
    intervals = {
        name: interval
        for name, interval in workers.intervals.items()
        if name in only and workers.flags.get(name.value, True)
    }
    times, last_problem = _Times(), ""
    while not stopped():
        try:
            states, problem = workers.memory.states(), None
        except BotError as exc:
            states, problem = {}, exc
        if problem is None:
            _run_due(workers, intervals, states, times, stopped=stopped, report=report)
        elif problem.message != last_problem:
            for name in intervals:
                report(name, problem)
        last_problem = "" if problem is None else problem.message
        workers.clock.sleep(LOOK_SECONDS)


def _run_due(
    workers: Workers,
    intervals: Mapping[Worker, timedelta],
    states: Mapping[Worker, WorkerState],
    times: _Times,
    *,
    stopped: Callable[[], bool],
    report: Report,
) -> None:
    """Run what is due now."""
    now = workers.clock.now()
    last = times.last(states, now)
    going = {name: interval for name, interval in intervals.items() if states.get(name, WorkerState()).stopped is None}
    for name in due(going, last, now):
        times.try_now(name, now)
        try:
            report(name, run_worker(name, workers, missed=missed(intervals[name], last.get(name), now)))
        except BotError as exc:
            report(name, exc)
        if stopped():
            return
