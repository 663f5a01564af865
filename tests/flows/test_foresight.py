"""A simulation predicts the next run exactly, and an explanation shows what it is made of."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import Invalid
from bot.flows.explain import explain
from bot.model.ledger import EntryKind
from bot.model.proposal import Effect
from tests.flows.test_machine import foretold, written
from tests.flows.world import Killed, World

NAMES = ("web", "api", "worker")
DRIFTS = st.dictionaries(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["probe", "port", "claim"])), st.integers(4, 9), max_size=6
)


def drift(world: World, drifts: dict[tuple[str, str], int]) -> None:
    """Make exactly this drift."""
    world.restore()
    for (name, what), value in drifts.items():
        match what:
            case "probe":
                world.safe_drift(name, value)
            case "port":
                world.config_drift(name, 80 + value)
            case _:
                world.delete_claim(name)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    first=DRIFTS,
    second=DRIFTS,
    minutes=st.sampled_from([0, 5, 11, 61]),
    dies=st.sampled_from([None, "intent", "push", "branch-push", "pull", "issue"]),
    closed=st.booleans(),
    continued=st.booleans(),
)
def test_a_simulation_is_the_next_run(
    *,
    first: dict[tuple[str, str], int],
    second: dict[tuple[str, str], int],
    minutes: int,
    dies: str | None,
    closed: bool,
    continued: bool,
) -> None:
    """Whatever was done, cut short, closed or continued by people before: same clock, same writes."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), NAMES)
        drift(world, first)

        def reached(step: str) -> None:
            if step == dies:
                raise Killed

        with suppress(Killed):
            world.tick(world.loop(reached=reached))
        if closed and world.desk.items:
            world.close_by_hand(max(world.desk.items))
        if continued and world.pull_branches():
            world.commit_by_hand(world.pull_branches()[0])
        drift(world, second)
        world.clock.move(minutes=minutes)
        predicted = world.tick(world.loop(fresh=True, dry_run=True))
        assert not [action for action in predicted.actions if action.effect.wrote]
        done = world.tick(world.loop(fresh=True))
        assert foretold(predicted) == written(done)
        kept = {Effect.PLANNED, *(effect for effect in Effect if effect.wrote)}
        assert [a.effect for a in predicted.actions if a.effect not in kept] == [
            a.effect for a in done.actions if a.effect not in kept
        ]


def test_an_explanation_names_everything(world: World) -> None:
    """Task, fingerprint and drift id lead to the same chain: observed, decision, each limit with its figures, the ledger."""
    world.safe_drift("web", 5)
    (action,) = world.tick(world.loop()).actions
    world.clock.move(minutes=2)
    world.safe_drift("web", 6)
    denied = world.tick(world.loop())
    (answer,) = denied.actions
    assert answer.limit == "cooldown"
    for subject in (action.task, answer.fingerprint, answer.drifts[0]):
        explanation = explain(world.loop(), subject)
        text = explanation.text()
        for words in (
            "failureThreshold changed: 5 -> 6",
            "artifact-patch (adopt: change Git to what runs",
            "task-window ok: 1 of 2",
            "cooldown denied: the last fix",
            "cooldown_seconds 600.0",
            "convergence ok",
            "it may be done from 2026-03-01 12:10:00 UTC on",
        ):
            assert words in text, (words, text)
    by_task = explain(world.loop(), action.task)
    assert [entry.kind for entry in by_task.entries] == [EntryKind.INTENT, EntryKind.OUTCOME]
    (planned,) = json.loads(json.dumps(by_task.as_json()))["plan"]
    assert {limit["limit"]: limit["passed"] for limit in planned["limits"]}["cooldown"] is False


def test_an_explanation_says_when_everything_is_stopped(world: World) -> None:
    """A halt is the first thing to know."""
    from bot.flows.commands import record_order

    world.safe_drift("web", 5)
    record_order(world.loop().run, EntryKind.HALT, reason="audit")
    text = explain(world.loop(), "Deployment/shop/web").text()
    assert "blocked   Halted" in text
    assert "halted denied" in text


def test_an_explanation_tells_of_the_deletion_guard(tmp_path: Path) -> None:
    """While the guard holds everything back, each task's explanation says so, with figures and what would change it."""
    world = World(tmp_path, tuple("abcdefghijklm"))
    for name in world.names:
        world.delete_claim(name)
    world.safe_drift("a", 5)
    world.show()
    for subject in ("Deployment/shop/a", "PersistentVolumeClaim/shop/a-data"):
        explanation = explain(world.loop(), subject)
        text = explanation.text()
        assert {decision.drift.task for decision in explanation.decisions} == {subject}
        for words in (
            "plan      denied: Nothing was changed: this would remove 13 of 39 things",
            "limit     deletion-guard denied (removed 13, total 39, allowed 10",
            "next step Bring these things back, remove them from Git, or raise fixes.max_removed and",
            'plan      opened: Open issue "Deletion guard: one run would remove 13 things".',
        ):
            assert words in text, (words, text)
        assert text.count("limit     halted ok: not halted") == 1
        assert [planned["limit"] for planned in explanation.as_json()["plan"]] == ["deletion-guard", None]  # type: ignore[union-attr,index,call-overload]


@pytest.mark.parametrize("subject", ["nobody", "", "f" * 16])
def test_an_unknown_subject_is_bad_input(world: World, subject: str) -> None:
    """Naming nothing known is an error that says what could be named."""
    with pytest.raises(Invalid, match="nothing is known"):
        explain(world.loop(), subject)


def test_an_explanation_cuts_long_values_around_what_differs(tmp_path: Path) -> None:
    """Both sides of a file of many lines show the line that is another, and no more than a few hundred characters."""
    world = World(tmp_path, ("web",))
    container = world.live["k8s/web.yaml"]["spec"]["template"]["spec"]["containers"][0]
    container["image"] = f"{container['image']}{'x' * 5000}"
    (line,) = [each for each in explain(world.loop(), "Deployment/shop/web").text().splitlines() if "observed" in each]
    assert "web:1.0xxx" in line
    assert len(line) < 600
