"""The differences of one declared resource, one live resource and what was last applied. Pure.

:func:`diff` is the whole question for one pair; :mod:`bot.drift.compare` asks it for a repository through
:func:`examine`, which also tells what an owning controller explains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from bot.drift import drifts
from bot.drift.compose import services
from bot.drift.kubernetes import objects
from bot.drift.options import ComparisonOptions
from bot.drift.surroundings import NOTHING_AROUND, Surroundings
from bot.model.drift import Drift, Pair, Suppressed
from bot.model.resource import Platform

__all__ = ["NO_DIFFERENCE", "ComparisonOptions", "PairResult", "diff", "examine"]


@dataclass(frozen=True, slots=True)
class PairResult:
    """What one pair differs in, and what differs for a reason."""

    drift: tuple[Drift, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()


NO_DIFFERENCE = PairResult()


def diff(pair: Pair, options: ComparisonOptions) -> tuple[Drift, ...]:
    """Every drift of ``pair``. A side that is None is not there: the resource is missing, or unmanaged."""
    if pair.desired is None:
        return () if pair.observed is None else (drifts.unmanaged(pair.observed, "Git does not declare it"),)
    if pair.observed is None:
        return (drifts.missing(pair.desired),)
    maker = drifts.Maker(pair.desired, options, observed=pair.observed.tree)
    problems = tuple(maker.unhealthy(problem) for problem in pair.observed.problems)
    return (*examine(pair, options, NOTHING_AROUND).drift, *problems)


def examine(pair: Pair, options: ComparisonOptions, around: Surroundings) -> PairResult:
    """What the trees of both sides differ in; nothing where one side is not there."""
    desired, observed = pair.desired, pair.observed
    if desired is None or observed is None or desired.tree == observed.tree:
        return NO_DIFFERENCE
    match desired.id.platform:
        case Platform.KUBERNETES:
            judged = tuple(objects.examine(desired, observed, pair.base, options, around.scalers))
        case Platform.COMPOSE:
            judged = tuple(services.examine(desired, observed, pair.base, options, around.aliases))
        case Platform.TERRAFORM | Platform.HTTP:
            return NO_DIFFERENCE  # their observers compare: a plan and a probe are comparisons
        case _:
            assert_never(desired.id.platform)
    if not judged:
        return NO_DIFFERENCE
    return PairResult(
        tuple(drift for drift in judged if isinstance(drift, Drift)),
        tuple(suppressed for suppressed in judged if isinstance(suppressed, Suppressed)),
    )
