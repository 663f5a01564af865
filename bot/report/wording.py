"""The words that the forms of a report share, for people: JSON keeps the values as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, assert_never

from bot.drift.masking import HIDDEN
from bot.model.decision import Decision, Direction, Lane
from bot.model.drift import Drift, DriftKind, Report
from bot.model.json import JSON
from bot.model.proposal import Effect, TakenAction

CHANGED_UNSEEN: Final = "changed (value hidden)"
"""All that is told of a value that nobody may see."""


def sides(drift: Drift) -> tuple[JSON, JSON]:
    """What Git says and what is live. A whole resource is or is not; of a hidden value only that it differs is told."""
    if not drift.path:
        match drift.kind:
            case DriftKind.MISSING:
                return "declared", "not running"
            case DriftKind.UNMANAGED:
                return "not declared", "running"
            case DriftKind.REMOVED:
                return "removed", "running"
            case _:
                pass
    if drift.desired == drift.observed == HIDDEN:
        return HIDDEN, CHANGED_UNSEEN
    return drift.desired, drift.observed


NOTHING_DECLARED: Final = "Nothing is declared here, so nothing was compared."
"""A wrong folder or branch must not pass for one without drift."""


def all_compared(report: Report) -> bool:
    """Whether everything that Git declares was looked at, so that no drift means that there is none."""
    gaps = any(note.state == "not compared" for note in report.notes)
    return not (gaps or report.unreachable or report.errors)


def remedy(lane: Lane) -> str:
    """What comes of a decision, as people call it."""
    match lane:
        case Lane.ARTIFACT_PATCH:
            return "commit"
        case Lane.RESTORE:
            return "restore"
        case Lane.CONFIG_PULL_REQUEST:
            return "pull request"
        case Lane.RUNBOOK_ISSUE:
            return "issue"
        case Lane.NOTHING:
            return "nothing"
        case _:
            assert_never(lane)


def outlook(decisions: Iterable[Decision]) -> str:
    """How many differences end in which remedy, the boldest first: ``commit for 1, pull request for 2``."""
    numbers = Counter(decision.lane for decision in decisions)
    return ", ".join(f"{remedy(lane)} for {numbers[lane]}" for lane in Lane if numbers[lane])


def suggested_action(decision: Decision) -> str:
    """What comes of a decision when the bot runs, or what is left for a person to do."""
    drift = decision.drift
    subject = f"{drift.where} of {drift.resource.qualified}" if drift.where else drift.resource.qualified
    location = f" in {drift.declared_at}" if drift.declared_at else ""
    adopts = decision.direction is Direction.ADOPT
    match decision.lane:
        case Lane.ARTIFACT_PATCH:
            return f"Clockwork commits the live value of {subject}{location}."
        case Lane.RESTORE:
            return f"Clockwork puts {subject} back to what Git says{location}."
        case Lane.CONFIG_PULL_REQUEST if adopts:
            return f"Merge the pull request to take the live value of {subject}{location}, or close it to refuse it."
        case Lane.CONFIG_PULL_REQUEST:
            return f"Apply what Git says about {subject}{location} again."
        case Lane.RUNBOOK_ISSUE:
            return f"Follow the commands of the issue about {subject}; Clockwork does nothing by itself."
        case Lane.NOTHING:
            return f"Nothing is done about {subject}; change it in Git or live, or ignore it in .clockwork/ignore.yaml."
        case _:
            assert_never(decision.lane)


def is_self_explanatory(action: TakenAction) -> bool:
    """Whether the message by itself says after the effect what became of which task: ``opened PR #3 "web: image …"``."""
    return action.effect.wrote or action.effect is Effect.PLANNED
