"""One thing that cannot be done holds up nothing else: a fought field, a file that must not be written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pygit2
import pytest
import yaml

from bot.flows.intention import BREAKER
from bot.model.decision import Lane
from bot.model.proposal import Effect, TakenAction, Tick
from tests.flows.stage import DEPLOYMENT
from tests.flows.test_cw import RELAY_SOURCE
from tests.flows.world import World

WEB = "k8s/web.yaml"


def container(world: World) -> Any:
    """The live web container."""
    return world.live[WEB]["spec"]["template"]["spec"]["containers"][0]


def patches(done: Tick) -> list[TakenAction]:
    """What became of the artifact patches."""
    return [action for action in done.actions if action.lane is Lane.ARTIFACT_PATCH]


@pytest.fixture
def fought(world: World) -> World:
    """A probe that was corrected three times today, and comes back once more."""
    for value in (4, 5, 6):
        world.safe_drift("web", value)
        assert [action.effect for action in patches(world.tick(world.loop()))] == [Effect.COMMITTED]
        world.clock.move(hours=2)
    world.safe_drift("web", 7)
    return world


def test_the_breaker_stops_the_field_and_not_the_task(fought: World) -> None:
    """Another field of the same container is corrected; the issue is about the one that keeps coming back."""
    container(fought)["readinessProbe"]["periodSeconds"] = 20
    done = fought.tick(fought.loop())
    assert [(action.effect, action.limit) for action in patches(done)] == [
        (Effect.COMMITTED, None),
        (Effect.DENIED, "convergence"),
    ]
    fought.human.fetch()
    text = fought.human.read(fought.head("main"), WEB) or b""
    assert b"periodSeconds: 20\n" in text
    assert b"failureThreshold: 6 " in text
    (issue,) = fought.desk.issues()
    assert issue.marker is not None
    assert issue.marker.kind == BREAKER
    assert "failureThreshold" in issue.body
    assert "periodSeconds" not in issue.body


def test_the_other_fields_of_a_fought_task_have_its_budget(fought: World) -> None:
    """They are patches like others: the cooldown denies the second, and the fight stays one issue."""
    for period in (20, 21):
        container(fought)["readinessProbe"]["periodSeconds"] = period
        done = fought.tick(fought.loop())
        fought.clock.move(minutes=5)
    assert [action.limit for action in patches(done)] == ["cooldown", "convergence"]
    assert len(fought.desk.issues()) == 1


def test_a_simulation_parts_them_as_the_run_does(fought: World) -> None:
    """What a dry run says of both fields is what becomes of them."""
    container(fought)["readinessProbe"]["periodSeconds"] = 20
    predicted = fought.tick(fought.loop(dry_run=True))
    done = fought.tick(fought.loop())
    assert [action.fingerprint for action in predicted.actions] == [action.fingerprint for action in done.actions]
    assert [action.effect for action in patches(predicted)] == [Effect.PLANNED, Effect.DENIED]


def put(world: World, mode: int, path: str, data: bytes) -> None:
    """Somebody commits one entry with plumbing, under a name or of a kind that the bot would never write."""
    remote = pygit2.Repository(str(world.bare))
    tip = remote[world.head("main")].peel(pygit2.Commit)
    tree = _with(remote, tip.tree, path.split("/"), (remote.create_blob(data), mode))
    rosa = pygit2.Signature("Rosa", "rosa@example.org")
    remote.create_commit("refs/heads/main", rosa, rosa, "By hand", tree, [tip.id])


def _with(
    remote: pygit2.Repository, tree: pygit2.Tree | None, parts: list[str], entry: tuple[pygit2.Oid, int]
) -> pygit2.Oid:
    builder = remote.TreeBuilder() if tree is None else remote.TreeBuilder(tree)
    name, *deeper = parts
    if deeper:
        below = tree[name].peel(pygit2.Tree) if tree is not None and name in tree else None
        entry = (_with(remote, below, deeper, entry), 0o040000)
    builder.insert(name, entry[0], pygit2.enums.FileMode(entry[1]))
    return builder.write()


@pytest.mark.parametrize("path", ["k8s/bad\\one.yaml", "k8s/line\nfeed.yaml"])
def test_a_file_that_must_not_be_written_stops_its_own_patch_only(world: World, path: str) -> None:
    """It is told with the reason each time and begun never, so it uses up no budget and stops nothing as a failure."""
    put(world, 0o100644, path, DEPLOYMENT.replace(b"web", b"bad"))
    bad = yaml.safe_load(DEPLOYMENT.replace(b"web", b"bad"))
    bad["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["failureThreshold"] = 9
    world.live["bad"] = bad
    for turn in range(4):
        world.safe_drift("web", 5 + turn)
        world.safe_drift("api", 5 + turn)
        done = {action.task: action for action in patches(world.tick(world.loop()))}
        assert done["Deployment/shop/bad"].effect is Effect.UNSUPPORTED
        assert f"will not write {path!r}" in done["Deployment/shop/bad"].message
        for name in ("web", "api"):
            effect = done[f"Deployment/shop/{name}"].effect
            assert effect is (Effect.COMMITTED if turn < 3 else Effect.DENIED), turn
        world.clock.move(minutes=31)
    assert {entry.task for entry in world.entries() if entry.lane is Lane.ARTIFACT_PATCH} == {
        "Deployment/shop/web",
        "Deployment/shop/api",
    }


@pytest.mark.parametrize(
    ("mode", "path", "reason"),
    [
        (0o120000, ".clockwork/build", "will not write below .clockwork/build: a symlink is in the way"),
        (0o120000, ".clockwork/build/mail/compose.yaml", "compose.yaml: a symlink is there"),
        (0o100644, ".clockwork/build/mail/compose.yaml/x", "compose.yaml: a folder is there"),
        (0o100644, ".clockwork/build/mail", "will not write below .clockwork/build/mail: a file is in the way"),
    ],
)
def test_what_is_in_the_way_of_an_artifact_stops_its_own_patch_only(
    world: World, mode: int, path: str, reason: str
) -> None:
    """A symlink, a folder or a file where an artifact belongs is named; everything else is patched all the same."""
    put(world, 0o100644, "mail/relay.cw", RELAY_SOURCE)
    put(world, mode, path, b"elsewhere")
    world.safe_drift("web", 5)
    done = patches(world.tick(world.loop()))
    (blocked,) = (action for action in done if action.effect is not Effect.COMMITTED)
    assert blocked.effect is Effect.UNSUPPORTED
    assert blocked.message.endswith(reason)
    assert "Deployment/shop/web" in {action.task for action in done if action.effect is Effect.COMMITTED}


def test_a_pull_request_of_a_file_that_must_not_be_written_is_not_begun(tmp_path: Path) -> None:
    """It is told with the reason, and fails not again and again until everything stops."""
    world = World(tmp_path, ("web",))
    path = "k8s/bad\\one.yaml"
    put(world, 0o100644, path, DEPLOYMENT.replace(b"web", b"bad"))
    world.live["bad"] = yaml.safe_load(DEPLOYMENT.replace(b"web", b"bad").replace(b":1.0", b":2.0"))
    (action,) = world.tick(world.loop()).actions
    assert (action.lane, action.effect) == (Lane.CONFIG_PULL_REQUEST, Effect.UNSUPPORTED)
    assert path.replace("\\", "\\\\") in action.message
    assert world.entries() == ()
