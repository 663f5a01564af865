"""Many things gone at once: nothing is done and one issue asks; a few are a few issues, however small the repository."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.model.proposal import Effect
from bot.model.severity import Severity
from bot.safety.limits import Limits
from tests.flows.world import World

TEN = tuple(f"app{number}" for number in range(10))


@pytest.mark.parametrize(
    ("names", "gone", "asks"),
    [
        (("web",), 1, False),
        (("web", "api"), 2, False),
        (TEN, 4, False),
        (TEN, 9, False),
        (TEN[:3], 6, True),
        (TEN, 11, True),
    ],
)
def test_many_missing_things_become_one_question(tmp_path: Path, names: tuple[str, ...], gone: int, asks: bool) -> None:
    """More than ten, or more than 30 % once there are more than three, stop the look; else each is its own issue."""
    world = World(tmp_path, names, limits=Limits(joined_from=None))
    for path in sorted(world.live)[:gone]:
        del world.live[path]
    done = world.tick(world.loop())
    denied = [action for action in done.actions if action.effect is Effect.DENIED]
    assert len([refusal for refusal in denied if refusal.limit == "deletion-guard"]) == asks
    assert len(world.desk.issues()) == (1 if asks else len({drift.task for drift in done.report.drift}))


def test_a_configured_share_counts_few_things_too(tmp_path: Path) -> None:
    """Three of twelve are more than 10 %."""
    world = World(tmp_path, TEN[:4], limits=Limits(deletion_percent=10))
    for name in TEN[:3]:
        world.delete_claim(name)
    (refused, asked) = world.tick(world.loop()).actions
    assert (refused.effect, refused.limit) == (Effect.DENIED, "deletion-guard")
    assert asked.effect is Effect.OPENED


def test_the_question_stops_the_whole_look_and_closes_when_things_are_back(tmp_path: Path) -> None:
    """A look that is not to be believed mends nothing else either; nothing is asked twice."""
    world = World(tmp_path, TEN)
    full = dict(world.live)
    world.safe_drift("app0", 5)
    for path in sorted(world.live)[3:20]:
        del world.live[path]
    for fresh in (False, True):
        done = world.tick(world.loop(fresh=fresh))
        assert not world.commits()
    (issue,) = world.desk.issues()
    assert "17 things" in issue.title
    assert {action.effect for action in done.actions} == {Effect.DENIED, Effect.UNCHANGED}
    assert done.actions[0].severity is not Severity.LOW
    world.live.update(full)
    done = world.tick(world.loop())
    assert {action.effect for action in done.actions} == {Effect.COMMITTED, Effect.CLOSED}


@pytest.mark.parametrize(
    "allow", [lambda: Limits(deletions=None, deletion_percent=100), lambda: Limits(deletions=30, deletion_percent=90)]
)
def test_people_can_allow_it(tmp_path: Path, allow: Callable[[], Limits]) -> None:
    """With the guard raised or switched off every missing thing is an issue again, of all that are alike."""
    world = World(tmp_path, TEN, limits=allow())
    for name in TEN:
        del world.live[f"k8s/{name}-claim.yaml"]
    done = world.tick(world.loop())
    assert {action.effect for action in done.actions} == {Effect.OPENED}
    assert [issue.title for issue in world.desk.issues()] == ["declared, not running in 10 PersistentVolumeClaims"]
