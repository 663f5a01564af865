"""Counts, levels and times by metric and labels, for many threads."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from bot.metrics.catalogue import CATALOGUE, MetricSpec

Labels: TypeAlias = tuple[str, ...]
_METRICS: Final[Mapping[str, MetricSpec]] = {metric.name: metric for metric in CATALOGUE}


@dataclass(slots=True)
class Spread:
    """Times of one histogram: how many fell into each bucket (not cumulated; the last has no upper end), and their sum."""

    buckets: list[int]
    total: float = 0.0


@dataclass(slots=True)
class Series:
    """One metric at one moment: its values, or the spreads of a histogram, by the values of its labels."""

    metric: MetricSpec
    values: dict[Labels, float] = field(default_factory=dict)
    spreads: dict[Labels, Spread] = field(default_factory=dict)


class MetricStore:
    """Keeps what is measured. A name that is not in the catalogue, or other labels than its own, is a ``KeyError``."""

    def __init__(self) -> None:
        self._series = {metric.name: Series(metric) for metric in CATALOGUE}
        self._lock = threading.Lock()

    def count(self, name: str, amount: float = 1.0, **labels: str) -> None:
        """A counter goes up."""
        key = _key(name, labels)
        with self._lock:
            values = self._series[name].values
            values[key] = values.get(key, 0.0) + amount

    def set(self, name: str, value: float, **labels: str) -> None:
        """A gauge stands at ``value``."""
        key = _key(name, labels)
        with self._lock:
            self._series[name].values[key] = value

    def replace(self, name: str, values: Mapping[Labels, float]) -> None:
        """A metric stands at ``values``, by its labels in the catalogue's order, and at no others."""
        with self._lock:
            self._series[name].values = dict(values)

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """A histogram has one more time."""
        key, bounds = _key(name, labels), _METRICS[name].bounds
        with self._lock:
            spread = self._series[name].spreads.setdefault(key, Spread([0] * (len(bounds) + 1)))
            spread.buckets[bisect_left(bounds, seconds)] += 1
            spread.total += seconds

    def series(self) -> Iterator[Series]:
        """All metrics as they are now, in the catalogue's order."""
        with self._lock:
            copies = [
                Series(
                    metric_store.metric,
                    dict(metric_store.values),
                    {key: Spread(list(spread.buckets), spread.total) for key, spread in metric_store.spreads.items()},
                )
                for metric_store in self._series.values()
            ]
        yield from copies


def _key(name: str, labels: Mapping[str, str]) -> Labels:
    metric = _METRICS[name]
    if set(labels) != set(metric.labels):
        raise KeyError(f"{name} has the labels {metric.labels}, not {tuple(labels)}")
    return tuple(labels[label] for label in metric.labels)


def totals(series: Series) -> Iterator[tuple[str, Mapping[str, str], float]]:
    """The samples of one metric as Prometheus has them: name, labels, value (prometheus.io, "Exposition formats")."""
    metric = series.metric
    for key, value in series.values.items():
        yield metric.name, dict(zip(metric.labels, key, strict=True)), value
    for key, spread in series.spreads.items():
        labels = dict(zip(metric.labels, key, strict=True))
        for bound, count in cumulated(metric, spread):
            yield f"{metric.name}_bucket", {**labels, "le": bound}, count
        yield f"{metric.name}_count", labels, sum(spread.buckets)
        yield f"{metric.name}_sum", labels, spread.total


def cumulated(metric: MetricSpec, spread: Spread) -> Iterator[tuple[str, int]]:
    """Each upper end with how many times were no longer."""
    count = 0
    for bound, number in zip((*map(str, metric.bounds), "+Inf"), spread.buckets, strict=True):
        count += number
        yield bound, count
