"""A run or a verdict as named values of one line, for the steps of a job that come after: ``--output``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.model.action import ActionList, AppliedPlan
from bot.model.decision import Lane
from bot.model.proposal import Effect, TakenAction, Tick
from bot.model.session import ReviewResult
from bot.report.json import counts
from bot.report.wording import all_compared

_WRITING = frozenset({Effect.COMMITTED, Effect.RESTORED, Effect.OPENED, Effect.UPDATED})


def tick_outputs(tick: Tick) -> Mapping[str, str]:
    """Counts, addresses and numbers of one run. Lists are separated by spaces; truth is ``true`` or ``false``."""
    report = tick.report
    levels = {level.lower(): str(count) for level, count in counts(report).items()}
    lanes = (
        ("commits", Lane.ARTIFACT_PATCH),
        ("restored", Lane.RESTORE),
        ("pull-requests", Lane.CONFIG_PULL_REQUEST),
        ("issues", Lane.RUNBOOK_ISSUE),
    )
    actions_by_name = {name: made_in(tick, lane) for name, lane in lanes}
    return {
        "drift": str(len(report.drift)),
        **levels,
        **{name: str(len(actions)) for name, actions in actions_by_name.items()},
        "urls": " ".join(action.url for actions in actions_by_name.values() for action in actions if action.url),
        "numbers": " ".join(
            str(pull_action.number)
            for pull_action in actions_by_name["pull-requests"]
            if pull_action.number is not None
        ),
        "in-sync": str(not report.drift and all_compared(report)).lower(),
        "blocked": tick.blocked or "",
    }


def made_in(tick: Tick, lane: Lane) -> tuple[TakenAction, ...]:
    """What a run wrote in one lane."""
    return tuple(action for action in tick.actions if action.lane is lane and action.effect in _WRITING)


def plan_outputs(plans: Sequence[ActionList]) -> Mapping[str, str]:
    """How many actions plans have, and how many of them somebody has to agree to."""
    actions = [action for plan in plans for action in plan.actions]
    return {"actions": str(len(actions)), "waiting": str(sum(action.approval for action in actions))}


def applied_outputs(ended: Sequence[AppliedPlan], *, in_sync: bool | None) -> Mapping[str, str]:
    """What became of plans: done, failed, waiting for approval, not begun; ``in_sync`` is None where nobody looked again."""
    applied = [action for plan in ended for action in plan.applied]
    failed = sum(action.failure is not None for action in applied)
    return {
        "actions": str(len(applied) - failed),
        "failed": str(failed),
        "waiting": str(sum(len(plan.waiting) for plan in ended)),
        "left": str(sum(len(plan.left) for plan in ended)),
        "in-sync": "" if in_sync is None else str(in_sync).lower(),
    }


def review_outputs(result: ReviewResult, url: str | None) -> Mapping[str, str]:
    """The verdict on one pull request, how many findings there are, and where the check is."""
    return {"verdict": result.verdict.value, "findings": str(len(result.findings)), "urls": url or ""}
