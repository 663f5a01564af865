"""Running figures over sessions as people and Prometheus read them.

The store counts (each session once, see :mod:`bot.sessions.sql`); this module asks it and writes the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from bot.errors import Refused
from bot.model.figures import Figures, Group, QueueFigures
from bot.ports import SessionRecords

if TYPE_CHECKING:
    from prometheus_client.core import Metric

WINDOW: Final = timedelta(days=30)
TOP: Final = 10


@dataclass(frozen=True, slots=True)
class Metrics:
    """Figures over the last 30 days, and what became of the sessions of this process where that is known."""

    figures: Figures
    queue: QueueFigures | None = None


def collect(source: SessionRecords, *, now: datetime, queue: QueueFigures | None = None) -> Metrics:
    """The figures now. Counts what is new since the last time; never starts over."""
    return Metrics(source.figures(since=now - WINDOW), queue)


def prometheus(metrics: Metrics) -> bytes:
    """The text exposition of ``metrics``. Raises ``Refused`` when the optional prometheus-client is not installed."""
    try:
        from prometheus_client import CollectorRegistry, generate_latest
    except ImportError as exc:
        raise Refused(
            "metrics need prometheus-client, which is not installed", advice="Install clockwork-gitops[daemon]."
        ) from exc
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(metrics))
    return generate_latest(registry)


@dataclass(frozen=True, eq=False)
class _Collector:
    """Hashed by identity, as a registry wants it."""

    metrics: Metrics

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        agents = self.metrics.figures.agents
        sessions = GaugeMetricFamily(
            "clockwork_sessions", "Guarded runs in the last 30 days.", labels=["agent", "result"]
        )
        rules = GaugeMetricFamily(
            "clockwork_findings",
            "Findings at warn or block in the last 30 days, most frequent rules.",
            labels=["agent", "rule"],
        )
        seconds = GaugeMetricFamily(
            "clockwork_session_seconds", "Time of guarded runs in the last 30 days.", labels=["agent", "statistic"]
        )
        for agent, group in agents.items():
            sessions.add_metric([agent, "succeeded"], group.succeeded)
            sessions.add_metric([agent, "failed"], group.sessions - group.succeeded)
            for rule, number in group.top_rules(TOP):
                rules.add_metric([agent, rule], number)
            for statistic, value in _times(group):
                seconds.add_metric([agent, statistic], value / 1000)
        yield from (sessions, rules, seconds)
        if self.metrics.queue is not None:
            queue = self.metrics.queue
            records = CounterMetricFamily(
                "clockwork_session_records", "Session records of this process.", labels=["fate"]
            )
            for fate in ("written", "dropped", "lost"):
                records.add_metric([fate], getattr(queue, fate))
            yield records
            waiting = GaugeMetricFamily("clockwork_session_records_waiting", "Session records not written yet.")
            waiting.add_metric([], queue.waiting)
            yield waiting


def _times(group: Group) -> Iterator[tuple[str, float]]:
    if group.mean_milliseconds is not None:
        yield "mean", group.mean_milliseconds
    if group.p95_milliseconds is not None:
        yield "p95", group.p95_milliseconds
