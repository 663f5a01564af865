"""How long something may take before it is a problem, and the conditions of a status as problems.

Used by the health of pods and of other objects.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.model.json import Tree, get, mappings, moment, text
from bot.model.resource import Problem


@dataclass(frozen=True, slots=True)
class GracePeriods:
    """How long something may take before it counts as a problem.

    ``rollout`` is Kubernetes' default of ``progressDeadlineSeconds`` and is used where a workload names none.
    """

    rollout: timedelta = timedelta(seconds=600)
    claim: timedelta = timedelta(seconds=300)
    restarted: timedelta = timedelta(seconds=3600)
    """How long ago an ending still matters."""
    restarts: int = 3
    """As many, with the last one lately, are a problem even while the container runs."""


DEFAULT_PATIENCE: Final = GracePeriods()


def condition_of(tree: Tree, type_: str) -> Tree:
    """The condition of that type in the status of ``tree``; empty where there is none."""
    for condition in mappings(get(tree, "status", "conditions")):
        if condition.get("type") == type_:
            return condition
    return {}


def problem_of(condition: Tree, reason: str) -> Problem:
    """A condition as the problem that it is, in its own words."""
    why = ": ".join(part for part in (text(condition.get("reason")), text(condition.get("message"))) if part)
    message = f"{text(condition.get('type'))} is {text(condition.get('status'))}" + (f" ({why})" if why else "")
    return Problem(reason, message, since=moment(condition.get("lastTransitionTime")))


def longer_than(since: datetime | None, now: datetime, allowed: timedelta) -> bool:
    """Whether something lasts since ``since`` for longer than is ``allowed``; an unknown beginning is long ago."""
    return since is None or now - since >= allowed
