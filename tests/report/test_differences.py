"""Each difference with what was decided and what became of it, the worst first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.model.decision import Attention, Decision, Direction, Lane
from bot.model.drift import Drift, DriftKind, Report
from bot.model.proposal import Effect, TakenAction, Tick
from bot.model.resource import Platform, ResourceId
from bot.model.severity import Severity
from bot.report.differences import by_target, difference_rows

NOW = datetime(2026, 5, 14, 12, 0, tzinfo=UTC)


def drift(name: str, severity: Severity = Severity.LOW, target: str = "") -> Drift:
    """One difference."""
    id_ = ResourceId(Platform.COMPOSE, "service", "shop", name, "", target)
    return Drift(id_, name, DriftKind.CHANGED, ("image",), "1", "2", severity, "r")


def decided(of: Drift, lane: Lane) -> Decision:
    """What the rules say about it."""
    return Decision(of, lane, Direction.ADOPT, "x#y", "low", ("Because.",), attention=Attention(("rosa",)))


def ticked(*drifts: Drift, **fields: Any) -> Tick:
    """A run that saw these."""
    return Tick(NOW, "c", "main", Report(len(drifts), drifts), **fields)


@pytest.mark.parametrize(
    ("lane", "effect", "blocked", "told"),
    [
        (Lane.ARTIFACT_PATCH, Effect.COMMITTED, None, ("commit", "committed", "")),
        (Lane.CONFIG_PULL_REQUEST, Effect.UNCHANGED, None, ("pull request", "waits for people", "")),
        (Lane.RUNBOOK_ISSUE, Effect.WAITING, None, ("issue", "cannot be written", "so it is")),
        (Lane.ARTIFACT_PATCH, Effect.DENIED, None, ("commit", "held back", "so it is")),
        (Lane.ARTIFACT_PATCH, None, "halted by rosa", ("commit", "held back", "halted by rosa")),
        (Lane.CONFIG_PULL_REQUEST, None, None, ("pull request", "part of another change", "")),
        (Lane.NOTHING, None, "halted by rosa", ("nothing", "only reported", "Because.")),
    ],
)
def test_a_row_says_what_becomes_of_it(
    lane: Lane, effect: Effect | None, blocked: str | None, told: tuple[str, str, str]
) -> None:
    """The remedy, how far it is, and why nothing more: of the action, else of the decision or of what blocked the run."""
    it = drift("web")
    actions = (
        () if effect is None else (TakenAction(effect, lane, "web", "so it is", drifts=(it.id,), next_eligible=NOW),)
    )
    (row,) = difference_rows(ticked(it, decisions=(decided(it, lane),), actions=actions, blocked=blocked))
    assert (row.remedy, row.state, row.why) == told
    assert row.again == (None if effect is None else NOW)
    assert row.attention.assignees == ("rosa",)


def test_every_effect_has_its_words() -> None:
    """A row of any effect says how far it is."""
    it = drift("web")
    for effect in Effect:
        action = TakenAction(effect, Lane.ARTIFACT_PATCH, "web", "x", drifts=(it.id,))
        (row,) = difference_rows(ticked(it, actions=(action,)))
        assert row.state


def test_the_worst_come_first_and_targets_keep_their_totals() -> None:
    """Rows by severity; groups in the order of their worst row, with as many rows as there is room for all together."""
    rows = difference_rows(
        ticked(
            drift("a", target="test"),
            drift("b", Severity.CRITICAL, "prod"),
            drift("c", Severity.HIGH),
            drift("d", target="prod"),
        )
    )
    assert [row.drift.resource.name for row in rows] == ["b", "c", "d", "a"]
    groups = [
        (group.name, [row.drift.resource.name for row in group.rows], group.total) for group in by_target(rows, 3)
    ]
    assert groups == [("prod", ["b", "d"], 2), ("", ["c"], 1)]
    (undecided, *_) = rows
    assert (undecided.state, undecided.why) == ("only reported", "no rule was asked")
