"""How far what runs is from what Git says, as one number: 0 where nothing differs, 100 at the worst.

A resource's score is the sum of the weights of its differences (LOW 5, MEDIUM 20, HIGH 50, CRITICAL 100), 100 at most. The
score of a target, or of everything, is the mean over its resources, declared or not, rounded up: so it is 0 only where
nothing differs. What is suppressed counts nothing. It says what to look at first; nothing is decided by it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from bot.model.drift import Report, Severity
from bot.model.resource import ResourceId
from bot.report.wording import all_compared

WEIGHTS: Final[Mapping[Severity, int]] = {
    Severity.LOW: 5,
    Severity.MEDIUM: 20,
    Severity.HIGH: 50,
    Severity.CRITICAL: 100,
}
HIGHEST: Final = 100
FORMULA: Final = (
    "A resource: the sum over its differences of LOW 5, MEDIUM 20, HIGH 50, CRITICAL 100, at most 100. "
    "A target or the whole report: the mean over its resources, rounded up."
)


def resource_scores(report: Report) -> Mapping[ResourceId, int]:
    """The score of each resource that differs, worst first."""
    sums = Counter[ResourceId]()
    for drift in report.drift:
        sums[drift.resource] += WEIGHTS[drift.severity]
    worst_first = sorted(sums.items(), key=lambda item: (-item[1], item[0].qualified))
    return {resource: min(total, HIGHEST) for resource, total in worst_first}


def score(report: Report, target: str | None = None) -> int | None:
    """The score of a named target, without one of everything; None where nothing differs but not all was compared."""
    scores = {id_: points for id_, points in resource_scores(report).items() if target in {None, id_.target}}
    if not scores:
        return 0 if all_compared(report) else None
    declared = report.resources if target is None else report.targets.get(target, 0)
    return -(-sum(scores.values()) // max(declared + _undeclared(report, scores), len(scores)))


def _undeclared(report: Report, among: Mapping[ResourceId, int]) -> int:
    """How many resources run that Git does not declare."""
    return len({d.resource for d in report.drift if d.undeclared and d.resource in among})
