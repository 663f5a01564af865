"""The differences of one declared resource, one live resource and what was last applied. Pure.

:mod:`bot.drift.compare` asks it for every pair of a repository.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import assert_never

from bot.drift.compose import services
from bot.drift.kubernetes import objects
from bot.drift.options import ComparisonOptions
from bot.drift.surroundings import ComparisonContext
from bot.drift.walk import Tally
from bot.model.drift import Drift, Suppressed
from bot.model.json import Tree
from bot.model.resource import Desired, Observed, Platform


@dataclass(frozen=True, slots=True)
class PairResult:
    """What one pair differs in, what differs for a reason, such as an owning controller, and how many live fields are no
    difference, by why.
    """

    drift: tuple[Drift, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()


NO_DIFFERENCE = PairResult()


def examine(
    desired: Desired, observed: Observed, base: Tree | None, options: ComparisonOptions, around: ComparisonContext
) -> PairResult:
    """What the trees of both sides differ in; ``base`` is the tree of the last apply."""
    if desired.tree == observed.tree:
        return NO_DIFFERENCE
    left_out: Tally = defaultdict(int)
    match desired.id.platform:
        case Platform.KUBERNETES:
            judged_drifts = tuple(objects.examine(desired, observed, base, options, around, left_out=left_out))
        case Platform.COMPOSE:
            judged_drifts = tuple(services.examine(desired, observed, base, options, around.aliases, left_out=left_out))
        case Platform.TERRAFORM | Platform.HTTP:
            return NO_DIFFERENCE  # their observers compare: a plan and a probe are comparisons
        case _:
            assert_never(desired.id.platform)
    counts = tuple(left_out.items())
    if not judged_drifts:
        return _alone(counts)
    return PairResult(
        tuple(drift for drift in judged_drifts if isinstance(drift, Drift)),
        tuple(suppressed for suppressed in judged_drifts if isinstance(suppressed, Suppressed)),
        counts,
    )


@lru_cache(maxsize=1024)
def _alone(counts: tuple[tuple[str, int], ...]) -> PairResult:
    """No difference but ``counts``; most pairs share theirs with many others."""
    return PairResult(left_out=counts) if counts else NO_DIFFERENCE
