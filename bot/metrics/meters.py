"""What is measured of one repository's process: runs, drift, remedies, the guard, workers, messages.

The daemon and one-shot runs call it; :mod:`exposition` and :mod:`influx` show it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.metrics.store import Labels, MetricStore
from bot.model.drift import Drift
from bot.model.figures import Figures, Group, QueueFigures
from bot.model.ledger import LedgerView
from bot.model.notice import Delivery
from bot.model.proposal import Effect, TakenAction, Tick
from bot.model.requests import RequestsLeft
from bot.model.session import Reply, ReviewResult
from bot.safety.history import Budget, History, history_of
from bot.safety.limits import HOUR, Limits
from bot.safety.state import state

_TASKS = 200
"""So many tasks have a series of their own, at most."""
_RULES = 10


@dataclass(slots=True)
class WorkerTimes:
    """When a worker ran last and how often it should, in seconds."""

    last: datetime
    interval: float


@dataclass(slots=True)
class Meters:
    """Satisfies :class:`bot.ports.Meter`. Any thread may call it; nothing here raises or waits."""

    now: Callable[[], datetime]
    version: str
    store: MetricStore = field(default_factory=MetricStore)
    _differences: dict[str, tuple[Drift, datetime]] = field(default_factory=dict)
    """By id: each difference that the last run saw, and since when it has been there."""
    _workers: dict[str, WorkerTimes] = field(default_factory=dict)
    _has_run: bool = False

    def __post_init__(self) -> None:
        self.store.set("clockwork_build_info", 1, version=self.version)
        self.store.set("clockwork_last_success_timestamp_seconds", self.now().timestamp())
        for name in ("ticks", "failures"):
            self.store.count(f"clockwork_{name}_total", 0)

    def answered(self, method: str, status: str) -> None:
        self.store.count("clockwork_api_requests_total", method=method, status=status)

    def rendered(self, kind: str, seconds: float) -> None:
        self.store.observe("clockwork_render_seconds", seconds, kind=kind)

    def left(self, requests: RequestsLeft) -> None:
        self.store.set("clockwork_api_requests_left", requests.remaining)

    def ticked(self, tick: Tick, *, seconds: float) -> None:
        """A run is done that took so long."""
        store, report = self.store, tick.report
        store.count("clockwork_ticks_total")
        store.observe("clockwork_tick_duration_seconds", seconds)
        store.set("clockwork_blocked", int(tick.blocked is not None))
        store.set("clockwork_unreachable", len(report.unreachable))
        store.set("clockwork_source_errors", sum(not error.note for error in report.errors))
        store.set("clockwork_drift", len(report.drift))
        store.replace("clockwork_target_drift", {(name,): float(n) for name, n in report.drift_by_target.items()})
        store.replace("clockwork_open_drift", _open(tick))
        if tick.blocked is None:
            store.set("clockwork_last_success_timestamp_seconds", tick.at.timestamp())
        for action in tick.actions:
            self._acted(action)
        self._noticed(tick)

    def _acted(self, action: TakenAction) -> None:
        if action.effect is Effect.DENIED:
            self.store.count("clockwork_denials_total", limit=action.limit or "unknown")
        elif action.effect is not Effect.PLANNED:
            self.store.count("clockwork_outcomes_total", lane=action.lane.value, effect=action.effect.value)

    def _noticed(self, tick: Tick) -> None:
        """Since when each difference has been there, and how long it took to be seen. What the first run of a process
        sees may have been seen by another.
        """
        since: dict[str, tuple[Drift, datetime]] = {}
        for drift in tick.report.drift:
            before = self._differences.get(drift.id)
            began = min(drift.changed_at or tick.at, tick.at)
            since[drift.id] = (drift, began if before is None else before[1])
            if before is None and self._has_run and drift.changed_at is not None:
                spent = (tick.at - began).total_seconds()
                self.store.observe("clockwork_detection_seconds", spent, target=drift.resource.target)
        self._differences, self._has_run = since, True

    def ledger(self, view: LedgerView, limits: Limits) -> None:
        """The ledger is this now."""
        now, history = self.now(), history_of(view)
        self.store.set("clockwork_halted", int(state(view, now, limits).halted))
        self.store.replace("clockwork_budget_left", _left(history, limits, now))
        tasks = sorted({drift.task for drift, _ in self._differences.values()})[:_TASKS]
        fixes_left: dict[Labels, float] = {
            (task,): max(0, limits.fixes_per_hour - len(history.timeline(task, Budget.FIX).within(now, HOUR)))
            for task in tasks
        }
        self.store.replace("clockwork_task_budget_left", fixes_left)

    def reviewed(self, result: ReviewResult) -> None:
        """A pull request was judged."""
        self.store.count("clockwork_verdicts_total", verdict=result.verdict.value)
        for reply in result.replies:
            self._replied(reply)

    def _replied(self, reply: Reply) -> None:
        name = reply.assistant
        self.store.observe(
            "clockwork_assistant_seconds", reply.milliseconds / 1000, assistant=name, status=reply.status.value
        )
        if reply.cost_usd is not None:
            self.store.count("clockwork_assistant_cost_usd_total", reply.cost_usd, assistant=name)
        for direction, tokens in (("in", reply.input_tokens), ("out", reply.output_tokens)):
            if tokens is not None:
                self.store.count("clockwork_assistant_tokens_total", tokens, assistant=name, direction=direction)

    def worked(self, worker: str, *, well: bool, interval: float) -> None:
        """A background worker, which should run every ``interval`` seconds, ran."""
        self._workers[worker] = WorkerTimes(self.now(), interval)
        self.store.count("clockwork_worker_runs_total", worker=worker, result="succeeded" if well else "failed")

    def sessions(self, figures: Figures, failures: Mapping[tuple[str, str], int]) -> None:
        """Figures over guarded runs; ``failures`` by category and agent."""
        agents = figures.agents.items()
        self.store.replace(
            "clockwork_sessions",
            {(name, result): number for name, group in agents for result, number in _results(group)},
        )
        self.store.replace(
            "clockwork_session_seconds",
            {
                (name, quantile): value / 1000
                for name, group in agents
                for quantile, value in _times(group)
                if value is not None
            },
        )
        self.store.replace(
            "clockwork_findings",
            {(name, rule): number for name, group in agents for rule, number in group.top_rules(_RULES)},
        )
        self.store.replace("clockwork_session_failures", {key: float(number) for key, number in failures.items()})

    def recorded(self, queue: QueueFigures) -> None:
        """What became of the records of guarded runs in this process."""
        fates = {
            "written": queue.written,
            "dropped": queue.dropped,
            "lost": queue.lost,
            "kept": queue.saved,
            "refused": queue.refused,
            "unreadable": queue.unreadable,
        }
        self.store.replace(
            "clockwork_session_records_total", {(fate,): float(number) for fate, number in fates.items()}
        )
        self.store.set("clockwork_session_records_waiting", queue.waiting)

    def delivered(self, delivery: Delivery) -> None:
        """A message to somebody came to this."""
        self.store.count("clockwork_messages_total", receiver=delivery.receiver, result=delivery.result.value)

    def daemon_state(self, *, waiting: int, failures: int, paused: bool, overdue: bool) -> None:
        """How the daemon stands: work that waits, work that failed, whether it is paused or a step takes too long."""
        self.store.set("clockwork_queue_length", waiting)
        self.store.replace("clockwork_failures_total", {(): float(failures)})
        self.store.set("clockwork_paused", int(paused))
        self.store.set("clockwork_step_overdue", int(overdue))

    def aged(self) -> MetricStore:
        """Everything as it is at this moment: ages grow between runs."""
        now = self.now()
        ages: dict[Labels, float] = {}
        for drift, began in self._differences.values():
            key = (drift.resource.target, drift.severity.value)
            ages[key] = max(ages.get(key, 0.0), (now - began).total_seconds())
        self.store.replace("clockwork_open_drift_age_seconds", ages)
        lags: dict[Labels, float] = {
            (name,): max(0.0, (now - worker_figures.last).total_seconds() - worker_figures.interval)
            for name, worker_figures in self._workers.copy().items()
        }
        self.store.replace("clockwork_worker_lag_seconds", lags)
        return self.store


def _open(tick: Tick) -> Mapping[Labels, float]:
    lanes = {decision.drift.id: decision.lane.value for decision in tick.decisions}
    counts = Counter(
        (drift.resource.target, drift.severity.value, lanes.get(drift.id, "undecided")) for drift in tick.report.drift
    )
    return {key: float(count) for key, count in counts.items()}


def _left(history: History, limits: Limits, now: datetime) -> dict[Labels, float]:
    allowed = {Budget.FIX: limits.repository_fixes_per_hour, Budget.PROPOSAL: limits.proposals_per_hour}
    return {
        (budget.value,): float(max(0, most - len(history.overall(budget).within(now, HOUR))))
        for budget, most in allowed.items()
        if most is not None
    }


def _results(group: Group) -> tuple[tuple[str, int], ...]:
    return ("succeeded", group.succeeded), ("failed", group.sessions - group.succeeded)


def _times(group: Group) -> tuple[tuple[str, float | None], ...]:
    return ("mean", group.mean_milliseconds), ("p95", group.p95_milliseconds)
