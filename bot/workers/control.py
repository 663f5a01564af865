"""What people ask of the workers: start one, stop one, how they are, what the analysis saved. Called by the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.model.json import JSON, facts
from bot.model.wording import minute
from bot.workers.analysis import Insight, LessonNote, SavedTrends, Trend
from bot.workers.journal import WorkerState
from bot.workers.names import Worker
from bot.workers.records import hidden
from bot.workers.schedule import missed, next_run
from bot.workers.work import Workers

_DISABLED = "settings switch it off: set workers.{name} to true"


def start(name: Worker, workers: Workers) -> str:
    """The worker runs at its times again. What is true now, in a sentence."""
    before = workers.memory.states().get(name, WorkerState())
    if before.stopped is not None:
        workers.memory.change(name, lambda state: replace(state, stopped=None, reason=""))
    off = "" if workers.flags.get(name.value, True) else f", but {_DISABLED.format(name=name)}"
    was = "not stopped" if before.stopped is None else f"started, it was stopped since {minute(before.stopped)}"
    return f"The {name} worker is {was}{off}."


def stop(name: Worker, workers: Workers, reason: str = "") -> str:
    """The worker begins no run any more on this machine. What is true now, in a sentence."""
    before = workers.memory.states().get(name, WorkerState())
    if before.stopped is not None:
        return f"The {name} worker is stopped already, since {minute(before.stopped)}."
    now = workers.clock.now()
    workers.memory.change(name, lambda state: replace(state, stopped=now, reason=reason))
    return f"The {name} worker is stopped. `clockwork worker start {name}` lets it run again."


def status(workers: Workers, running: Callable[[Worker], bool]) -> Sequence[Mapping[str, JSON]]:
    """Each worker as JSON: its interval and times in seconds and UTC, how its last run ended."""
    states, now = workers.memory.states(), workers.clock.now()
    rows = (_row(name, states.get(name, WorkerState()), workers, now) for name in Worker)
    return [{**row, "state": "running"} if running(name) else row for name, row in zip(Worker, rows, strict=True)]


def _row(name: Worker, state: WorkerState, workers: Workers, now: datetime) -> Mapping[str, JSON]:
    interval, last = workers.intervals[name], state.last
    enabled = workers.flags.get(name.value, True)
    coming = next_run(interval, state, now) if enabled else None
    return {
        "worker": name.value,
        "state": "disabled" if not enabled else "waiting" if state.stopped is None else "stopped",
        "interval": interval.total_seconds(),
        "last": None if last is None else last.at.isoformat(),
        "seconds": None if last is None else last.seconds,
        "result": None if last is None else hidden(last.error or last.summary),
        "failed": last is not None and last.error is not None,
        "failures_in_a_row": state.failures,
        "missed_before": 0 if last is None else last.missed,
        "missed_now": missed(interval, None if last is None else min(last.at, now), now) if coming == now else 0,
        "next": None if coming is None else coming.isoformat(),
        "stopped": None if state.stopped is None else state.stopped.isoformat(),
        "reason": hidden(state.reason),
    }


def insights_json(saved: SavedTrends | None) -> Mapping[str, JSON]:
    """What the analysis saved; ``at`` is None before it ever ran."""
    if saved is None:
        return {"at": None, "insights": [], "lessons": [], "trends": []}
    trends = saved.trends
    return {
        **facts(trends, "at runs=sessions failures"),
        "insights": [_insight(insight) for insight in saved.insights],
        "lessons": [_lesson(note) for note in saved.lessons],
        "trends": [_trend(trend) for trend in trends.trends],
    }


def _insight(insight: Insight) -> JSON:
    return {
        "dimension": insight.dimension.value,
        "name": hidden(insight.name),
        **facts(insight, "began last ended peak median"),
        "message": hidden(insight.sentence),
    }


def _lesson(note: LessonNote) -> JSON:
    return {
        "category": hidden(note.category),
        "at": note.at.isoformat(),
        "outcome": hidden(note.outcome),
        "link": note.link,
    }


def _trend(trend: Trend) -> JSON:
    return {
        "dimension": trend.dimension.value,
        "name": hidden(trend.name),
        **facts(trend, "days median total spikes"),
    }
