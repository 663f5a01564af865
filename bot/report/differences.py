"""Each difference of a run beside what was decided about it and what became of that: one row for whoever shows them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never

from bot.model.decision import NOBODY, Attention, Decision, Lane
from bot.model.drift import Drift
from bot.model.json import JSON
from bot.model.proposal import Effect, TakenAction, Tick
from bot.report.wording import remedy, sides


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One difference. ``decision`` is None where no rule was asked, ``action`` where nothing was tried; ``blocked`` is why
    the run wrote nothing at all.
    """

    drift: Drift
    decision: Decision | None = None
    action: TakenAction | None = None
    blocked: str | None = None

    @property
    def target(self) -> str:
        """Empty for what has no named target."""
        return self.drift.resource.target or ""

    @property
    def sides(self) -> tuple[JSON, JSON]:
        """What Git says and what runs; None for what is not there."""
        return sides(self.drift)

    @property
    def remedy(self) -> str:
        """What is to come of it: commit, pull request, issue or nothing."""
        lane = self.action.lane if self.action else self.decision.lane if self.decision else Lane.NOTHING
        return remedy(lane)

    @property
    def state(self) -> str:
        """How far that is, in a few words."""
        if self.action is not None:
            return _state(self.action.effect)
        if self.decision is None or self.decision.lane is Lane.NOTHING:
            return "only reported"
        return "held back" if self.blocked else "part of another change"

    @property
    def why(self) -> str:
        """Why nothing was done about it, or nothing more; empty where it was done, or where a person is asked."""
        if self.action is not None:
            return "" if self.action.effect in _EVIDENT else self.action.message
        if self.decision is None:
            return "no rule was asked"
        return self.decision.reason if self.decision.lane is Lane.NOTHING else self.blocked or ""

    @property
    def again(self) -> datetime | None:
        """When it is tried again; None where nobody can tell, or nothing is tried."""
        return self.action.next_eligible if self.action else None

    @property
    def attention(self) -> Attention:
        """Whom its rule gives it to."""
        return self.decision.attention if self.decision else NOBODY


_EVIDENT: Final = frozenset(
    {Effect.COMMITTED, Effect.RESTORED, Effect.OPENED, Effect.UPDATED, Effect.UNCHANGED, Effect.CLOSED}
)


def _state(effect: Effect) -> str:
    match effect:
        case Effect.COMMITTED | Effect.RESTORED | Effect.CLOSED | Effect.REJECTED | Effect.PLANNED | Effect.FAILED:
            return effect.value
        case Effect.OPENED | Effect.UPDATED | Effect.UNCHANGED:
            return "waits for people"
        case Effect.DENIED:
            return "held back"
        case Effect.HANDED_OVER:
            return "handed over"
        case Effect.IN_PROGRESS:
            return "in progress"
        case Effect.WAITING | Effect.UNDELIVERED | Effect.UNSUPPORTED:
            return "cannot be written"
        case _:
            assert_never(effect)


def difference_rows(tick: Tick) -> tuple[DifferenceRow, ...]:
    """Every difference that the run saw, worst first, then by target, resource and path."""
    decisions = {decision.drift.id: decision for decision in tick.decisions}
    actions = {drift: action for action in tick.actions for drift in action.drifts}
    rows = (
        DifferenceRow(drift, decisions.get(drift.id), actions.get(drift.id), tick.blocked)
        for drift in tick.report.drift
    )
    return tuple(sorted(rows, key=_order))


def _order(row: DifferenceRow) -> tuple[int, str, str, str]:
    drift = row.drift
    return (-drift.severity.rank, row.target, str(drift.resource), drift.where)


@dataclass(frozen=True, slots=True)
class TargetRows:
    """The rows of one target (empty for what has no named one), the worst first, of ``total`` that it has."""

    name: str
    rows: tuple[DifferenceRow, ...]
    total: int


def by_target(rows: Iterable[DifferenceRow], most: int) -> Sequence[TargetRows]:
    """The ``most`` worst rows in the groups of their targets, the target with the worst of them first."""
    ordered = tuple(rows)
    totals: dict[str, int] = {}
    for row in ordered:
        totals[row.target] = totals.get(row.target, 0) + 1
    groups: dict[str, list[DifferenceRow]] = {}
    for row in ordered[:most]:
        groups.setdefault(row.target, []).append(row)
    return [TargetRows(name, tuple(group), totals[name]) for name, group in groups.items()]
