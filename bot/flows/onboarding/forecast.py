"""What the first run would do, by lane, told from a run that planned everything and wrote nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.errors import BotError
from bot.model.decision import Lane
from bot.model.proposal import Effect, TakenAction, Tick

_SHOWN: Final = 10
_HEADINGS: Final = {
    Lane.ARTIFACT_PATCH: "Committed without asking",
    Lane.CONFIG_PULL_REQUEST: "Offered as a pull request",
    Lane.RUNBOOK_ISSUE: "Filed as an issue",
    Lane.NOTHING: "Only reported",
}


@dataclass(frozen=True, slots=True)
class FirstRunLane:
    """One lane: what people call it, how many remedies it gets, and the first of them in a sentence each."""

    heading: str
    count: int
    lines: tuple[str, ...]

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.count - len(self.lines)


@dataclass(frozen=True, slots=True)
class FirstRun:
    """What a first run would do. ``impossible`` is why nobody can tell; ``unread`` names what could not be read."""

    lanes: tuple[FirstRunLane, ...] = ()
    resources: int = 0
    differences: int = 0
    unread: tuple[str, ...] = ()
    impossible: str | None = None


def first_run(plan: Callable[[], Tick]) -> FirstRun:
    """What ``plan``, a run that writes nothing, says that it would do; what keeps it from that is told, not raised."""
    try:
        planned = plan()
    except BotError as exc:
        return FirstRun(impossible=str(exc))
    report = planned.report
    actions = [action for action in planned.actions if action.effect in {Effect.PLANNED, Effect.DENIED}]
    lanes = tuple(
        _lane(lane, lane_actions)
        for lane in Lane
        if (lane_actions := [action for action in actions if action.lane is lane])
    )
    unread = [f"{gap.observer}: {gap.cause}" for gap in report.unreachable]
    return FirstRun(
        lanes, report.resources, len(report.drift), tuple(unread), planned.blocked if not report.resources else None
    )


def _lane(lane: Lane, actions: list[TakenAction]) -> FirstRunLane:
    lines = tuple(_sentence(action) for action in actions[:_SHOWN])
    return FirstRunLane(_HEADINGS[lane], len(actions), lines)


def _sentence(action: TakenAction) -> str:
    later = " (in a later run: a limit of the settings)" if action.effect is Effect.DENIED else ""
    return f"{action.task}: {action.message}{later}"
