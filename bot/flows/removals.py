"""What one look would remove altogether, put before the deletion guard. Pure; asked first by the plan.

Many things gone at once is more often a wrong context, an empty snapshot or a deleted namespace than many separate
accidents: then nothing is done, and one issue asks people instead of many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.flows.declare import Declaration
from bot.model.decision import Decision, Lane
from bot.model.drift import Drift, DriftKind, RemoveEntry
from bot.safety.deletions import TooManyDeletions, deletion_guard
from bot.safety.limits import Limits


@dataclass(frozen=True, slots=True)
class Removals:
    """The decisions that remove, and why that is too many."""

    decisions: tuple[Decision, ...]
    guard: TooManyDeletions


def removals(decisions: Sequence[Decision], declaration: Declaration, limits: Limits) -> Removals | None:
    """What is too much to remove in one go; None when it is ordinary.

    Whole things (resources that are gone or should go, artifacts nobody declares any more) are held against their
    number and their share of what is declared; entries that a commit would cut out of files against their number alone.
    """
    removals_found = tuple(d for d in decisions if d.lane is not Lane.NOTHING and _is_whole_object(d.drift))
    total = len(declaration.resources) + sum(d.drift.kind is not DriftKind.MISSING for d in removals_found)
    if (guard := deletion_guard(len(removals_found), total, limits)) is not None:
        return Removals(removals_found, guard)
    cuts = tuple(d for d in decisions if d.lane is Lane.ARTIFACT_PATCH and _cuts(d.drift))
    guard = deletion_guard(len(cuts), max(total, len(cuts)), replace(limits, deletion_percent=100))
    return None if guard is None else Removals(cuts, guard)


def _is_whole_object(drift: Drift) -> bool:
    if drift.kind is DriftKind.STALE_ARTIFACT:
        return drift.desired is None
    return drift.kind in {DriftKind.MISSING, DriftKind.REMOVED} and not drift.path


def _cuts(drift: Drift) -> bool:
    return any(isinstance(edit, RemoveEntry) for edit in drift.adopt)
