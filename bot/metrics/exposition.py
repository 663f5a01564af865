"""The text that Prometheus reads, by prometheus-client."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from bot.metrics.catalogue import MetricKind
from bot.metrics.store import MetricStore, Series, cumulated

if TYPE_CHECKING:
    from prometheus_client.core import Metric


def exposition(store: MetricStore) -> bytes:
    """Prometheus' text format, version 0.0.4, of all metrics, those without a value included."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(store))
    return generate_latest(registry)


@dataclass(frozen=True, eq=False)
class _Families:
    """Hashed by identity, as a registry wants it."""

    store: MetricStore

    def collect(self) -> Iterable[Metric]:
        return map(_family, self.store.series())


def _family(series: Series) -> Metric:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    metric = series.metric
    match metric.kind:
        case MetricKind.HISTOGRAM:
            spread_family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
            for key, spread in series.spreads.items():
                spread_family.add_metric(key, list(cumulated(metric, spread)), spread.total)
            return spread_family
        case MetricKind.COUNTER | MetricKind.GAUGE:
            kind = CounterMetricFamily if metric.kind is MetricKind.COUNTER else GaugeMetricFamily
            family = kind(metric.name, metric.help, labels=metric.labels)
            for key, value in series.values.items():
                family.add_metric(key, value)
            return family
        case never:
            assert_never(never)
