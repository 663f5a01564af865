"""Whom the pull requests and issues of a run are given to, by their numbers. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bot.model.decision import NOBODY
from bot.model.proposal import Tick


def asked_people(tick: Tick) -> Mapping[int, tuple[str, ...]]:
    """By number: the people whom the rules of the run give a pull request or an issue to, sorted."""
    attention_by_drift = {
        decision.drift.id: decision.attention for decision in tick.decisions if decision.attention != NOBODY
    }
    people_by_number: dict[int, set[str]] = {}
    for action in tick.actions:
        for attention in (attention_by_drift[drift] for drift in action.drifts if drift in attention_by_drift):
            people_by_number.setdefault(action.number or 0, set()).update(attention.assignees, attention.reviewers)
    return {number: tuple(sorted(people)) for number, people in people_by_number.items()}
