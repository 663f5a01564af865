"""Every metric there is: its name, what kind it is, its labels, what it says. Nothing is measured that is not here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class MetricKind(StrEnum):
    """Prometheus' words (prometheus.io, "Metric types")."""

    COUNTER = "counter"
    """Since the process began."""
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric. ``bounds`` are the upper ends of a histogram's buckets, without the last one, which has none."""

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


_WORK: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_NOTICED: Final = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 21600.0, 86400.0)


def _counter(name: str, text: str, *labels: str) -> MetricSpec:
    return MetricSpec(f"clockwork_{name}_total", MetricKind.COUNTER, text, labels)


def _gauge(name: str, text: str, *labels: str) -> MetricSpec:
    return MetricSpec(f"clockwork_{name}", MetricKind.GAUGE, text, labels)


def _seconds(name: str, text: str, *labels: str, bounds: tuple[float, ...] = _WORK) -> MetricSpec:
    return MetricSpec(f"clockwork_{name}_seconds", MetricKind.HISTOGRAM, text, labels, bounds)


CATALOGUE: Final = (
    _gauge("build_info", "1, with the version.", "version"),
    _counter("ticks", "Completed runs."),
    _counter("failures", "Pieces of work that failed."),
    _seconds("tick_duration", "How long runs took."),
    _gauge(
        "last_success_timestamp_seconds",
        "When a run last could do its work, in Unix time; at first when the process began.",
    ),
    _gauge("queue_length", "Pieces of work that wait."),
    _gauge("paused", "Whether somebody paused this daemon."),
    _gauge("step_overdue", "Whether a step takes longer than it may."),
    _gauge("blocked", "Whether the last run could not write (1) or could (0)."),
    _gauge("halted", "Whether a person or too many failures halted everything."),
    _gauge("unreachable", "Sources whose live state the last run could not read."),
    _gauge("source_errors", "Mistakes in the repository's files that the last run met."),
    _gauge("drift", "Differences that the last run saw."),
    _gauge("target_drift", "The same by target, those in sync included.", "target"),
    _gauge("open_drift", "The same by what is done about them.", "target", "severity", "lane"),
    _gauge("open_drift_age_seconds", "How long the oldest difference has been there.", "target", "severity"),
    _seconds(
        "detection",
        "From a change behind Git's back until a run saw it, where the platform tells when it was made.",
        "target",
        bounds=_NOTICED,
    ),
    _counter("outcomes", "What became of proposals.", "lane", "effect"),
    _counter("denials", "Proposals that a limit denied.", "limit"),
    _gauge("budget_left", "What the repository may still do in the window of its limit.", "budget"),
    _gauge("task_budget_left", "Automatic fixes left to each task that differs.", "task"),
    _counter(
        "api_requests",
        "Requests to the code host; 304 cost no rate limit, lost ones had no answer.",
        "method",
        "status",
    ),
    _gauge("api_requests_left", "Requests that the code host still takes in its window, as it tells."),
    _seconds("render", "How long rendering took where nothing was remembered.", "kind"),
    _counter("verdicts", "Judged pull requests.", "verdict"),
    _seconds("assistant", "How long assistants took.", "assistant", "status"),
    _counter("assistant_cost_usd", "What assistants say they cost.", "assistant"),
    _counter("assistant_tokens", "Tokens in and out.", "assistant", "direction"),
    _gauge("sessions", "Guarded runs in the last 30 days.", "agent", "result"),
    _gauge("session_seconds", "Time of guarded runs in the last 30 days.", "agent", "statistic"),
    _gauge("session_failures", "What went wrong in guarded runs of the last 30 days.", "category", "agent"),
    _gauge("findings", "Findings at warn or block in the last 30 days, the most frequent rules.", "agent", "rule"),
    _counter("session_records", "Records of guarded runs in this process.", "fate"),
    _gauge("session_records_waiting", "Records of guarded runs that are not written yet."),
    _counter("worker_runs", "Runs of background workers.", "worker", "result"),
    _gauge("worker_lag_seconds", "How long a worker is overdue.", "worker"),
    _counter("messages", "Messages to people.", "receiver", "result"),
)


def table() -> str:
    """The catalogue as a Markdown table."""
    rows = [f"| `{metric.name}` | {metric.kind} | {_labels(metric)} | {metric.help} |" for metric in CATALOGUE]
    return "\n".join(["| name | kind | labels | what it says |", "|---|---|---|---|", *rows]) + "\n"


def _labels(metric: MetricSpec) -> str:
    return ", ".join(f"`{label}`" for label in metric.labels)
