"""How long something may take before it is a problem, and the conditions of a status as problems.

Used by the health of pods and of other objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from bot.model.json import Tree, get, mappings, moment, text
from bot.model.resource import Problem

ROLLOUT: Final = timedelta(seconds=600)
"""Kubernetes' default of ``progressDeadlineSeconds``, where a workload names none."""
CLAIM: Final = timedelta(seconds=300)
RESTARTED: Final = timedelta(seconds=3600)
"""How long ago an ending still matters."""
RESTARTS: Final = 3
"""As many, with the last one lately, are a problem even while the container runs."""


def condition_of(tree: Tree, type_: str) -> Tree:
    """The condition of that type in the status of ``tree``; empty where there is none."""
    for condition in mappings(get(tree, "status", "conditions")):
        if condition.get("type") == type_:
            return condition
    return {}


def problem_of(condition: Tree, reason: str) -> Problem:
    """A condition as the problem that it is, in its own words."""
    cause = ": ".join(part for part in (text(condition.get("reason")), text(condition.get("message"))) if part)
    message = f"{text(condition.get('type'))} is {text(condition.get('status'))}" + (f" ({cause})" if cause else "")
    return Problem(reason, message, since=moment(condition.get("lastTransitionTime")))


def problems_of(tree: Tree, type_: str, problem_status: str, default_status: str) -> Iterator[Problem]:
    """The condition of that type where its status is ``problem_status``: by its own reason, else ``default_status``."""
    condition = condition_of(tree, type_)
    if condition.get("status") == problem_status:
        yield problem_of(condition, text(condition.get("reason")) or default_status)


def longer_than(since: datetime | None, now: datetime, allowed: timedelta) -> bool:
    """Whether something lasts since ``since`` for longer than is ``allowed``; an unknown beginning is long ago."""
    return since is None or now - since >= allowed
