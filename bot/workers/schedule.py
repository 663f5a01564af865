"""When which worker is due. Pure but for the loop, which sleeps and looks at the clock through its arguments.

Intervals count from the start of one run to the start of the next; a run that was missed is run once, not caught up. A
worker that fails is reported and comes again at its next time; it stops no other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.errors import BotError
from bot.workers.work import Outcome, Worker, Workers, work

LOOK_SECONDS: Final = 5.0

Report = Callable[[Worker, Outcome | BotError], None]


def due(intervals: Mapping[Worker, timedelta], last: Mapping[Worker, datetime], now: datetime) -> Sequence[Worker]:
    """The workers whose interval is over, most overdue first; one that never ran is due at once.

    A clock that went back delays nobody beyond one interval: a last run in the future counts as now.
    """
    waited = {
        name: None if name not in last else now - min(last[name], now) - interval
        for name, interval in intervals.items()
    }
    ready = [(name, over) for name, over in waited.items() if over is None or over >= timedelta(0)]
    return [name for name, _ in sorted(ready, key=lambda pair: (pair[1] is not None, -(pair[1] or timedelta(0))))]


def keep_working(
    workers: Workers, *, stopped: Callable[[], bool], report: Report, only: Collection[Worker] = frozenset(Worker)
) -> None:
    """Run the workers in ``only`` at their times until ``stopped`` says so; it is asked about every five seconds."""
    intervals = {name: interval for name, interval in workers.intervals.items() if name in only}
    last: dict[Worker, datetime] = {}
    while not stopped():
        now = workers.clock.now()
        for name in due(intervals, last, now):
            last[name] = now
            try:
                report(name, work(name, workers))
            except BotError as exc:
                report(name, exc)
            if stopped():
                return
        workers.clock.sleep(LOOK_SECONDS)
