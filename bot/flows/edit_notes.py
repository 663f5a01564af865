"""What people are told of an edit that was found by rendering: where it is, and what changes beside what was asked for.

Called by :mod:`bot.flows.changes` for pull requests and by ``clockwork origin``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bot.model.wording import some
from bot.origins.scene import EditPlan, ObjectId

_MOST: Final = 5
"""Objects that are named; the check shows the rendered difference of all."""
_PODS_OF: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
"""Workloads that replace their pods when their template changes."""


def edit_notes(plan: EditPlan, target: str) -> Iterator[str]:
    """Sentences without a full stop. Objects of ``target`` itself are named without it. One line that changes nothing else
    needs none: the change itself shows it.
    """
    effects = list(side_effects(plan, target))
    spots = list(dict.fromkeys(f"{spot.file}:{spot.line}: {spot.label}" for spot in plan.spots))
    yield from spots if effects or len(spots) > 1 else ()
    yield from effects


def side_effects(plan: EditPlan, target: str) -> Iterator[str]:
    """What else changes, and why, for whoever merges."""
    for old, new in plan.renamed.items():
        yield f"{old} becomes {new.name}, because what it holds is part of its name"
    renamed_ids = {(target, id_) for pair in plan.renamed.items() for id_ in pair}
    users = [moved for moved in plan.moves if moved in plan.followers and moved not in renamed_ids]
    workloads = [user for user in users if plan.renamed and user[1].kind in _PODS_OF]
    if workloads:
        predicate = "follows, so its pods are replaced" if len(workloads) == 1 else "follow, so their pods are replaced"
        yield f"{_listed(workloads, target)} {predicate}"
    if other_users := [user for user in users if user not in workloads]:
        yield f"{_listed(other_users, target)} {'follows' if len(other_users) == 1 else 'follow'}"
    other_moves = [moved for moved in plan.moves if moved not in plan.followers]
    if other_moves:
        yield f"{_listed(other_moves, target)} {'changes' if len(other_moves) == 1 else 'change'} too"
    for carrier in plan.through:
        yield f"{carrier} carries it, so it changes as well"


def _listed(moved: Sequence[ObjectId], target: str) -> str:
    names = [str(id_) if name == target else f"{name}/{id_}" for name, id_ in moved]
    return some(names, _MOST)
