"""The differences of one declared resource, one live resource and what was last applied. Pure.

:mod:`bot.drift.compare` asks it for every pair of a repository.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from bot.drift.compose import services
from bot.drift.kubernetes import objects
from bot.drift.options import ComparisonOptions
from bot.drift.surroundings import Surroundings
from bot.model.drift import Drift, Suppressed
from bot.model.json import Tree
from bot.model.resource import Desired, Observed, Platform


@dataclass(frozen=True, slots=True)
class PairResult:
    """What one pair differs in, and what differs for a reason, such as an owning controller."""

    drift: tuple[Drift, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()


NO_DIFFERENCE = PairResult()


def examine(
    desired: Desired, observed: Observed, base: Tree | None, options: ComparisonOptions, around: Surroundings
) -> PairResult:
    """What the trees of both sides differ in; ``base`` is the tree of the last apply."""
    if desired.tree == observed.tree:
        return NO_DIFFERENCE
    match desired.id.platform:
        case Platform.KUBERNETES:
            judged = tuple(objects.examine(desired, observed, base, options, around))
        case Platform.COMPOSE:
            judged = tuple(services.examine(desired, observed, base, options, around.aliases))
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
