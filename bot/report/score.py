"""How far something is from what Git declares, as one figure for dashboards and comparisons over time.

``score = 100 × (1 − ∏ (1 − w))`` over its differences, with ``w`` by severity (:data:`WEIGHTS`): 0 is in sync, one CRITICAL
difference is 70, and more of anything only raises it, towards 100. What could not be looked at is in no score.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import prod
from types import MappingProxyType
from typing import Final

from bot.model.drift import Drift, Report
from bot.model.severity import Severity

WEIGHTS: Final[Mapping[Severity, float]] = MappingProxyType(
    {Severity.LOW: 0.02, Severity.MEDIUM: 0.1, Severity.HIGH: 0.3, Severity.CRITICAL: 0.7}
)
"""What one difference takes of the distance to 100."""


def score(drifts: Iterable[Drift]) -> float:
    """Of these differences, 0 to 100 with one decimal."""
    return round(100 * (1 - prod(1 - WEIGHTS[drift.severity] for drift in drifts)), 1)


def by_resource(report: Report) -> dict[str, float]:
    """The score of every resource with differences by its qualified name, highest first."""
    return _scores(report.drift, lambda drift: drift.resource.qualified)


def by_target(report: Report) -> dict[str, float]:
    """The score of every target that was compared; the unnamed one is the empty name."""
    compared = dict.fromkeys(report.targets or [""], 0.0)
    return compared | _scores(report.drift, lambda drift: drift.resource.target)


def _scores(drifts: Iterable[Drift], name: Callable[[Drift], str]) -> dict[str, float]:
    groups: dict[str, list[Drift]] = {}
    for drift in drifts:
        groups.setdefault(name(drift), []).append(drift)
    scores = {key: score(members) for key, members in groups.items()}
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0])))
