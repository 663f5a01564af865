"""What a run asks of the code host, counted at the host: requests are what its limits are about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.flows.reconcile import tick
from bot.model.proposal import Effect
from bot.sandbox.journal import JournalLine
from bot.sandbox.server import Sandbox
from tests.flows.stage import NAME, SERVICE, Stage
from tests.parsed import parsed

MANY = (
    b"version: 1\ngithub: {min_write_interval: 0}\n"
    b"fixes: {cooldown: 0s, per_hour: 60, repository_per_hour: null, proposals_per_hour: null, joined_from: null, "
    b"max_removed: null, max_removed_percent: 100}\n"
)


@dataclass(frozen=True)
class Traffic:
    """The requests of one run, those of Git apart from those of the API."""

    git: tuple[JournalLine, ...]
    api: tuple[JournalLine, ...]

    @property
    def total(self) -> int:
        """All of them."""
        return len(self.git) + len(self.api)


def traffic(box: Sandbox) -> Traffic:
    """What was asked since the last call."""
    lines = box.requests.lines()
    box.requests.clear()
    return Traffic(
        tuple(line for line in lines if ".git/" in line.path), tuple(line for line in lines if ".git/" not in line.path)
    )


def crowd(directory: Path, box: Sandbox, count: int) -> Stage:
    """So many services, each with a port that differs."""
    services = {f"k8s/s{n}.yaml": SERVICE.replace(b"name: web", f"name: s{n}".encode()) for n in range(count)}
    token, human = box.create_user("clockwork[bot]", bot=True), box.create_user("rosa", admin=True)
    box.create_repository(NAME, files={**services, "clockwork.yaml": MANY})
    live = {path: parsed(data) for path, data in services.items()}
    for service in live.values():
        service["spec"]["ports"][0]["port"] = 8081
    return Stage(box, directory, token, human, live)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Sandbox]:
    """A server of its own."""
    with Sandbox.start(tmp_path / "box") as running:
        yield running


def test_fifty_proposals_are_two_hundred_requests(tmp_path: Path, box: Sandbox) -> None:
    """Fifty pull requests cost four requests each, Git's, labels and looking included; Git's are fewer than one each."""
    stage = crowd(tmp_path, box, 50)
    loop = stage.loop()
    traffic(box)
    done = tick(loop)
    asked = traffic(box)
    assert [action.effect for action in done.actions] == [Effect.OPENED] * 50
    assert asked.total <= 200
    assert len(asked.git) <= 50
    assert len(stage.pulls("open")) == 50


@pytest.mark.parametrize("shared", [False, True])
def test_one_pull_request_is_four_requests_of_git(tmp_path: Path, box: Sandbox, shared: bool) -> None:
    """The refs are listed, and listed for pushing; the intent and the branch are one push, the outcome is another; for what
    many objects share it is the same.
    """
    stage = crowd(tmp_path, box, 5 if shared else 1)
    if shared:
        stage.edit("clockwork.yaml", lambda text: text.replace("joined_from: null", "joined_from: 2"))
    loop = stage.loop()
    traffic(box)
    done = tick(loop)
    asked = traffic(box)
    assert [action.effect for action in done.actions] == [Effect.OPENED]
    assert [(line.method, line.path.rpartition(".git/")[2]) for line in asked.git] == [
        ("GET", "info/refs"),
        ("GET", "info/refs"),
        ("POST", "git-receive-pack"),
        ("POST", "git-receive-pack"),
    ]


def test_a_patch_is_four_requests_of_git(stage: Stage) -> None:
    """The commit is in the same push as its intent."""
    loop = stage.loop()
    stage.safe_drift()
    stage.show()
    traffic(stage.box)
    assert [action.effect for action in tick(loop).actions] == [Effect.COMMITTED]
    assert len(traffic(stage.box).git) == 4


def test_closing_looks_once_before_each_item(stage: Stage) -> None:
    """Of Git, each item costs a look at the ledger, whether somebody halted, and a push that says whose closing it is; a branch
    one more push. The refs are listed once, and once for pushing to each of ledger and branches.
    """
    stage.config_drift()
    stage.destructive_drift()
    stage.tick()
    stage.restore()
    loop = stage.loop()
    traffic(stage.box)
    assert [action.effect for action in tick(loop).actions] == [Effect.CLOSED] * 2
    asked = traffic(stage.box).git
    assert sum(line.path.endswith("/git-receive-pack") for line in asked) == 3
    assert len(asked) == 1 + 2 * 2 + 1 + 2


def test_a_few_pull_requests_share_their_pushes(tmp_path: Path, box: Sandbox) -> None:
    """The intents with the branches and the outcomes of one run are two pushes, so four pull requests are one request of
    Git each.
    """
    stage = crowd(tmp_path, box, 4)
    loop = stage.loop()
    traffic(box)
    tick(loop)
    asked = traffic(box)
    assert sum(line.path.endswith("/git-receive-pack") for line in asked.git) == 2
    assert len(asked.git) == 4
    assert len(stage.pulls("open")) == 4


def test_a_server_without_atomic_pushes_is_told_the_intents_first(stage: Stage) -> None:
    """Where a push could do half of it, the ledger has the intent before a branch moves."""
    stage.part_pushes()
    loop = stage.loop()
    stage.config_drift()
    stage.safe_drift()
    stage.show()
    done = tick(loop)
    assert {action.effect for action in done.actions} == {Effect.COMMITTED, Effect.OPENED}
    assert len(stage.pulls("open")) == 1
    assert "failureThreshold: 6" in stage.file("k8s/web.yaml")


def test_a_missing_object_costs_few_requests(tmp_path: Path, box: Sandbox) -> None:
    """Twenty issues cost no more than four requests each."""
    stage = crowd(tmp_path, box, 30)
    for number in range(20):
        del stage.objects[f"k8s/s{number}.yaml"]
    loop = stage.loop()
    traffic(box)
    done = tick(loop)
    made = [action for action in done.actions if action.effect is Effect.OPENED]
    assert traffic(box).total <= 4 * len(made)
    assert len(stage.issues("open")) + len(stage.pulls("open")) == len(made)


def test_what_was_closed_before_costs_nothing(tmp_path: Path, box: Sandbox) -> None:
    """After four times as many pull requests that came and went, a run asks as much: a quiet one, one that opens, and the first
    of a fresh clone.
    """
    stage = crowd(tmp_path, box, 9)
    paths = sorted(path for path in stage.objects)
    loop, asked = stage.loop(), list[tuple[int, int, int]]()

    def run(*drifted: str, fresh: bool = False) -> int:
        for path in paths:
            stage.objects[path]["spec"]["ports"][0]["port"] = 8081 if path in drifted else 80
        stage.show()
        traffic(box)
        tick(stage.loop(fresh=True) if fresh else loop)
        return traffic(box).total

    for some in (paths[:2], paths[2:8]):
        run(*some)
        run()
        run()
        asked.append((run(), run(paths[8]), run(fresh=True)))
        run()
    assert len(stage.pulls("closed")) == 10
    assert asked[0] == asked[1]


@pytest.mark.parametrize("count", [1, 12])
def test_a_quiet_run_asks_the_same_of_any_number(tmp_path: Path, box: Sandbox, count: int) -> None:
    """With nothing new, a run makes three conditional requests and one of Git, however much is open."""
    stage = crowd(tmp_path, box, count)
    loop = stage.loop()
    for _ in range(2):
        tick(loop)
    traffic(box)
    done = tick(loop)
    asked = traffic(box)
    assert {action.effect for action in done.actions} == {Effect.UNCHANGED}
    assert [line.status for line in asked.api] == [304, 304, 304]
    assert len(asked.git) == 1


def test_what_is_not_opened_is_not_asked_for_one_by_one(tmp_path: Path, box: Sandbox) -> None:
    """Proposals that a limit holds back add no request to a run."""
    stage = crowd(tmp_path, box, 20)
    stage.edit(
        "clockwork.yaml",
        lambda text: text.replace("proposals_per_hour: null", "proposals_per_hour: 3, pull_requests_per_hour: null"),
    )
    loop = stage.loop()
    for _ in range(2):
        tick(loop)
    traffic(box)
    done = tick(loop)
    asked = traffic(box)
    assert [action.effect for action in done.actions].count(Effect.DENIED) == 17
    assert {line.status for line in asked.api} == {304}
    assert len(asked.api) <= 4
