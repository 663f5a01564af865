"""One run of one worker by name: what ``clockwork worker run`` and the daemon's timer both call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from bot.model.session import Session
from bot.ports import Clock, SessionRecords
from bot.workers import analysis, cleanup, export, metrics

SESSIONS: Final = 20_000
"""So many sessions of the last 30 days are looked at, at most."""
WINDOW: Final = timedelta(days=30)


class Worker(StrEnum):
    """The four workers."""

    ANALYSIS = "analysis"
    METRICS = "metrics"
    EXPORT = "export"
    CLEANUP = "cleanup"


@dataclass(frozen=True, slots=True)
class Workers:
    """What wiring hands over: the store, a way to write a file to the branch, a clock; the rest are settings.

    A worker that ``flags`` does not name is on. ``path`` is where the failure modes go. ``logs`` are files to rotate.
    """

    store: SessionRecords
    publish: export.Publish
    clock: Clock
    intervals: Mapping[Worker, timedelta]
    flags: Mapping[str, bool] = field(default_factory=dict)
    path: str = export.PATH
    keep: timedelta = cleanup.KEEP
    logs: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run did, as a sentence and as figures by name. ``skipped`` when its flag is off."""

    worker: Worker
    summary: str
    figures: Mapping[str, float | str | None]
    skipped: bool = False


def work(name: Worker, workers: Workers) -> Outcome:
    """Run worker ``name`` once. Raises :class:`~bot.errors.BotError` when its store or branch cannot be used."""
    if not workers.flags.get(name.value, True):
        return Outcome(name, f"The {name} worker is disabled.", {}, skipped=True)
    return _WORK[name](workers)


def sessions(workers: Workers) -> Sequence[Session]:
    """The sessions that analysis and export look at: those of the 30 days up to now, newest first."""
    return workers.store.recent(since=workers.clock.now() - WINDOW, limit=SESSIONS)


def _analysis(workers: Workers) -> Outcome:
    trends = analysis.analyse(sessions(workers), workers.clock.now())
    spikes = [
        f"{trend.dimension} {trend.name}: {trend.today} in 24 hours, daily median {trend.median:g}"
        for trend in trends.spikes
    ]
    text = f"{trends.failures} failures in {trends.failed} of {trends.sessions} runs."
    figures = {"sessions": trends.sessions, "failures": trends.failures, "spikes": len(spikes)}
    return Outcome(Worker.ANALYSIS, " ".join([text, *(f"Spike in {spike}." for spike in spikes)]), figures)


def _metrics(workers: Workers) -> Outcome:
    group = metrics.figures_now(workers.store, now=workers.clock.now()).all
    rate = "no runs" if group.success_rate is None else f"{group.success_rate:.1%} completed"
    figures: dict[str, float | str | None] = {
        "sessions": group.sessions,
        "success_rate": group.success_rate,
        "mean_milliseconds": group.mean_milliseconds,
        "p95_milliseconds": group.p95_milliseconds,
        "top": ", ".join(f"{rule} {number}" for rule, number in group.top_rules(5)),
    }
    return Outcome(Worker.METRICS, f"{group.sessions} runs in 30 days, {rate}.", figures)


def _export(workers: Workers) -> Outcome:
    path = workers.path
    sha = export.export(sessions(workers), workers.publish, path=path)
    text = f"{path} is up to date." if sha is None else f"{path} was committed as {sha}."
    return Outcome(Worker.EXPORT, text, {"path": path, "commit": sha})


def _cleanup(workers: Workers) -> Outcome:
    done = cleanup.clean(workers.store, now=workers.clock.now(), keep=workers.keep, logs=workers.logs)
    figures = {"sessions": done.sessions, "logs": done.logs}
    return Outcome(Worker.CLEANUP, f"{done.sessions} old session records deleted.", figures)


_WORK: Final[Mapping[Worker, Callable[[Workers], Outcome]]] = {
    Worker.ANALYSIS: _analysis,
    Worker.METRICS: _metrics,
    Worker.EXPORT: _export,
    Worker.CLEANUP: _cleanup,
}
