"""One run of one worker by name: what ``clockwork worker run`` and the daemon's timer both call.

:func:`work` does it; :func:`run_worker` does it and remembers how it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from bot.errors import BotError
from bot.model.session import Session
from bot.model.wording import counted
from bot.ports import Clock, SessionRecords
from bot.workers import analysis, cleanup, export, metrics
from bot.workers.journal import RecordedRun, TransientJournal, WorkerMemory
from bot.workers.lessons import School, guardrail_outcomes, lessons
from bot.workers.links import WebPages
from bot.workers.names import Worker

__all__ = [
    "SESSIONS",
    "WINDOW",
    "Outcome",
    "Worker",
    "Workers",
    "export_now",
    "learned",
    "run_worker",
    "sessions",
    "work",
]

SESSIONS: Final = 20_000
"""So many sessions of the last 30 days are looked at, at most."""
WINDOW: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Workers:
    """What wiring hands over: the store, a way to write a file to the branch, a clock; the rest are settings.

    A worker that ``flags`` does not name is on. ``path`` is where the failure modes go. ``memory`` knows the last runs.
    """

    store: SessionRecords
    publish: export.Publish
    clock: Clock
    intervals: Mapping[Worker, timedelta]
    flags: Mapping[str, bool] = field(default_factory=dict)
    path: str = export.PATH
    keep: timedelta = cleanup.KEEP
    logs: cleanup.Logs = field(default_factory=cleanup.Logs)
    memory: WorkerMemory = field(default_factory=TransientJournal)
    published: Callable[[str], bytes | None] = lambda _path: None
    """The file that the branch has at a path now."""
    pages: WebPages = field(default_factory=WebPages)
    school: School | None = None
    """With what guardrails are learned; without, none are."""


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


def run_worker(
    name: Worker, workers: Workers, *, missed: int = 0, run: Callable[[Worker, Workers], Outcome] | None = None
) -> Outcome:
    """Run worker ``name`` once (by ``run`` in place of :func:`work`) and remember it, how it failed too.

    Raises ``Refused`` while another process runs it. A worker that settings switch off does nothing, and that is no run.
    """
    with workers.memory.hold(name):
        started = workers.clock.now()
        try:
            outcome = (run or work)(name, workers)
        except BotError as exc:
            _remember(name, workers, RecordedRun(started, _since(started, workers), error=exc.message, missed=missed))
            raise
        if not outcome.skipped:
            ended = RecordedRun(started, _since(started, workers), outcome.summary, missed=missed)
            _remember(name, workers, ended)
        return outcome


def _remember(name: Worker, workers: Workers, run: RecordedRun) -> None:
    workers.memory.change(name, lambda state: state.after(run))


def _since(started: datetime, workers: Workers) -> float:
    return max(0.0, (workers.clock.now() - started).total_seconds())


def sessions(workers: Workers) -> Sequence[Session]:
    """The sessions that analysis and export look at: those of the 30 days up to now, newest first."""
    return workers.store.recent(since=workers.clock.now() - WINDOW, limit=SESSIONS)


def _analysis(workers: Workers) -> Outcome:
    kept_sessions = sessions(workers)
    trends = analysis.analyse(kept_sessions, workers.clock.now())
    saved = analysis.merged_spikes(trends, workers.memory.saved())
    workers.memory.save(saved)
    notes = () if workers.school is None else lessons(kept_sessions, trends, saved.lessons, workers.school)
    if notes:
        workers.memory.save(replace(saved, lessons=(*notes, *saved.lessons)[: analysis.MOST_INSIGHTS]))
    spikes = [
        f"{trend.dimension} {trend.name}: {trend.today} in 24 hours, daily median {trend.median:g}"
        for trend in trends.spikes
    ]
    text = f"{counted(trends.failures, 'failure')} in {trends.failed} of {counted(trends.sessions, 'run')}."
    figures = {"sessions": trends.sessions, "failures": trends.failures, "spikes": len(spikes)}
    told_lines = [
        *(f"Spike in {spike}." for spike in spikes),
        *(f"Guardrail for {note.category}: {note.outcome}." for note in notes),
    ]
    return Outcome(Worker.ANALYSIS, " ".join([text, *told_lines]), figures)


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
    return Outcome(Worker.METRICS, f"{counted(group.sessions, 'run')} in 30 days, {rate}.", figures)


def learned(workers: Workers, kept_sessions: Sequence[Session]) -> Sequence[export.LearnedGuardrail]:
    """The learned guardrails of the branch, with what they did."""
    return () if workers.school is None else guardrail_outcomes(kept_sessions, workers.school.merged())


def _export(workers: Workers) -> Outcome:
    return export_now(workers, patience=export.PATIENCE)


def export_now(workers: Workers, *, patience: timedelta) -> Outcome:
    """The failure modes are on the branch, if their picture changed and the last ones are older than ``patience``."""
    path, now, kept_sessions = workers.path, workers.clock.now(), sessions(workers)
    exported = export.export(
        kept_sessions,
        workers.publish,
        now=now,
        trends=analysis.analyse(kept_sessions, now),
        path=path,
        published=workers.published(path),
        patience=patience,
        pages=workers.pages,
        learned=learned(workers, kept_sessions),
    )
    text = (
        f"{path} was left as it is: {exported.reason}."
        if exported.commit is None
        else f"{path} was committed as {exported.commit}."
    )
    return Outcome(Worker.EXPORT, text, {"path": path, "commit": exported.commit, "reason": exported.reason})


def _cleanup(workers: Workers) -> Outcome:
    cleaned = cleanup.clean(workers.store, now=workers.clock.now(), keep=workers.keep, logs=workers.logs)
    figures = {"sessions": cleaned.sessions, "logs": cleaned.logs}
    return Outcome(
        Worker.CLEANUP,
        f"{counted(cleaned.sessions, 'old session record')} deleted, {counted(cleaned.logs, 'log')} rotated.",
        figures,
    )


_WORK: Final[Mapping[Worker, Callable[[Workers], Outcome]]] = {
    Worker.ANALYSIS: _analysis,
    Worker.METRICS: _metrics,
    Worker.EXPORT: _export,
    Worker.CLEANUP: _cleanup,
}
