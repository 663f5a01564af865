"""Killed at every named step, the bot finds its way on a fresh clone: nothing twice, nothing lost, nothing left open.

A run of each scene is walked once, and what is at the code host after each of its steps is kept: that is what a bot leaves
that is gone there. For some steps its process is really killed.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from bot.flows.context import STEPS
from bot.flows.reconcile import tick
from bot.gitrepo.credentials import Token
from bot.gitrepo.ledger.chain import GitLedger
from bot.model.ledger import Entry, EntryKind, Result
from bot.model.proposal import Effect
from bot.sandbox.server import Sandbox
from bot.wiring.reconcile import open_loop
from tests.entry import processes
from tests.flows.dying import run_and_die, with_steps
from tests.flows.stage import MovableClock, Stage, copied, open_stage

WORK = {"push", "issue", "pull"}
"""Steps by which the work of one intent is done. Of what is not done the first has failed, and all of it is done anew."""
LANES = (
    *("branch-commit", "intent", "branch-push", "issue", "pull", "outcome"),
    *("commit", "intent", "push", "outcome"),
)


@dataclass(frozen=True)
class Scene:
    """What happened before the run that dies, the steps of that run in order, and what there is in the end."""

    prepare: Callable[[Stage], None]
    steps: tuple[str, ...]
    commits: int = 1
    pulls: tuple[int, int] = (0, 0)
    """All, and open ones."""
    issues: tuple[int, int] = (0, 0)
    comments: int = 0
    """On each pull request and issue."""


def three_lanes(stage: Stage) -> None:
    stage.safe_drift()
    stage.config_drift()
    stage.destructive_drift()


def three_lanes_apart(stage: Stage) -> None:
    stage.part_pushes()
    three_lanes(stage)


def another_value(stage: Stage) -> None:
    stage.config_drift(8081)
    stage.tick()
    stage.config_drift(8082)


def gone_again(stage: Stage) -> None:
    stage.config_drift()
    stage.destructive_drift()
    stage.tick()
    stage.restore()


def closed_by_hand(stage: Stage) -> None:
    stage.config_drift()
    (action,) = stage.tick().actions
    stage.api("PATCH", f"/pulls/{action.number}", state="closed")


def continued_by_hand(stage: Stage) -> None:
    stage.config_drift(8081)
    (action,) = stage.tick().actions
    branch = stage.api("GET", f"/pulls/{action.number}")["head"]["ref"]
    stage.edit("k8s/service.yaml", lambda text: text + "# by hand\n", branch=branch)
    stage.config_drift(8082)


def fought_over(stage: Stage) -> None:
    for value in (4, 5, 6):
        stage.safe_drift(value)
        stage.tick()
        stage.clock.move(hours=2)
    stage.safe_drift(7)


def died_before(stage: Stage) -> None:
    stage.config_drift()
    die(stage, "intent", 1)
    stage.clock.move(minutes=11)


SCENES = {
    "three lanes": Scene(three_lanes, LANES, commits=2, pulls=(1, 1), issues=(1, 1)),
    "three lanes apart": Scene(three_lanes_apart, LANES, commits=2, pulls=(1, 1), issues=(1, 1)),
    "another value": Scene(another_value, ("branch-commit", "intent", "branch-push", "pull", "outcome"), pulls=(1, 1)),
    "gone again": Scene(
        gone_again,
        ("closing", "closed", "branch-deleted", "closing", "closed"),
        pulls=(1, 0),
        issues=(1, 0),
        comments=1,
    ),
    "closed by hand": Scene(closed_by_hand, ("rejection",), pulls=(1, 0)),
    "continued by hand": Scene(continued_by_hand, ("handed-over",), pulls=(1, 1), comments=1),
    "fought over": Scene(fought_over, ("intent", "issue", "outcome"), commits=4, issues=(1, 1)),
    "died before": Scene(died_before, ("recovered", "branch-commit", "intent"), pulls=(1, 1)),
}


KILLED = (("three lanes", 1), ("three lanes", 2), ("another value", 3), ("gone again", 1))
"""After these steps a process is killed."""


def points() -> list[tuple[str, int]]:
    """Every step of every scene."""
    return [(name, index) for name, scene in SCENES.items() for index in range(len(scene.steps))]


@dataclass
class Walks:
    """The runs of the scenes, each made when it is first asked for."""

    folder: Path
    made: dict[str, tuple[Stage, list[str]]] = field(default_factory=dict)

    def of(self, name: str) -> tuple[Stage, list[str]]:
        """The stage as the run of a scene left it, and the run's steps."""
        if name not in self.made:
            self.made[name] = walk(self.folder / name, SCENES[name])
        return self.made[name]

    def after(self, name: str, index: int, folder: Path) -> AbstractContextManager[Stage]:
        """Everything as it is where the run of a scene ends after a step, below ``folder``."""
        return copied(self.of(name)[0], self.folder / name / f"after-{index}", folder)


def walk(folder: Path, scene: Scene) -> tuple[Stage, list[str]]:
    """One run to its end, with a copy of the code host after each step."""
    steps: list[str] = []
    with Sandbox.start(folder / "sandbox") as box:
        stage = open_stage(folder, box)
        scene.prepare(stage)
        stage.show()

        def reached(step: str) -> None:
            with box.hub.store.transaction():
                shutil.copytree(folder / "sandbox", folder / f"after-{len(steps)}")
            steps.append(step)

        tick(with_steps(open_loop(stage.options("walking"), clock=MovableClock(stage.clock.now())), reached))
    return stage, steps


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> Walks:
    """What the tests of this file share."""
    return Walks(tmp_path_factory.mktemp("walks"))


def test_every_step_is_walked() -> None:
    """No step that a run can die after is left out; the one of restoring needs a cluster and is in ``test_restoring``."""
    assert {step for scene in SCENES.values() for step in scene.steps} == set(STEPS) - {"restored"}


@pytest.mark.parametrize("name", SCENES, ids=lambda value: value.replace(" ", "-"))
def test_a_run_walks_these_steps(walks: Walks, name: str) -> None:
    """In this order, none left out."""
    assert tuple(walks.of(name)[1][: len(SCENES[name].steps)]) == SCENES[name].steps


@pytest.mark.parametrize(("name", "index"), points(), ids=lambda value: str(value).replace(" ", "-"))
def test_a_run_that_ends_is_taken_up(walks: Walks, tmp_path: Path, name: str, index: int) -> None:
    """After whichever step it is gone."""
    with walks.after(name, index, tmp_path) as stage:
        is_taken_up(stage, name, index)


@pytest.mark.parametrize(("name", "index"), KILLED, ids=lambda value: str(value).replace(" ", "-"))
def test_a_killed_run_is_taken_up(stage: Stage, name: str, index: int) -> None:
    """A process that is killed leaves no more behind."""
    scene = SCENES[name]
    step, nth = scene.steps[index], scene.steps[: index + 1].count(scene.steps[index])
    scene.prepare(stage)
    die(stage, step, nth)
    stage.runs += 1
    is_taken_up(stage, name, index)


def is_taken_up(stage: Stage, name: str, index: int) -> None:
    """One of each in the end; the open intent is closed by its work or as failed; no entry is lost."""
    scene = SCENES[name]
    before = entries(stage)
    dangling = open_intents(before)
    assert counters(before) == sum(entry.kind is EntryKind.INTENT for entry in before)
    settle(stage)
    after = entries(stage)
    assert after[: len(before)] == before
    assert not open_intents(after)
    results = [entry.result for intent in dangling for entry in after if entry.intent == intent]
    assert results == expected(scene.steps[: index + 1], len(dangling), together=name != "three lanes apart")
    assert len(stage.commits()) == scene.commits
    pulls, issues = stage.pulls(), stage.issues()
    assert (len(pulls), sum(pull["state"] == "open" for pull in pulls)) == scene.pulls
    assert (len(issues), sum(issue["state"] == "open" for issue in issues)) == scene.issues
    for item in (*pulls, *issues):
        assert len(stage.api("GET", f"/issues/{item['number']}/comments")) == scene.comments
    if not scene.pulls[1]:
        assert [branch["name"] for branch in stage.api("GET", "/branches")] == ["main"] or name == "closed by hand"


def expected(steps: Sequence[str], dangling: int, *, together: bool) -> list[Result]:
    """How the open intents of a run end that died after these steps, in the order in which it went. ``together``: a commit is
    on the branch as soon as its intent is in the ledger.
    """
    begun = len(steps) - 1 - steps[::-1].index("intent") if "intent" in steps else 0
    pushed = together and steps[-2:] == ("commit", "intent")
    done = min(dangling, pushed + sum(step in WORK for step in steps[begun:]))
    undone = [Result.FAILED, *[Result.ABANDONED] * dangling][: dangling - done]
    return [Result.SUCCEEDED] * done + undone


def die(stage: Stage, step: str, nth: int) -> None:
    """A process runs one tick and is killed after the ``nth`` time of ``step``."""
    stage.show()
    cache = stage.directory / f"dying-{step}-{stage.runs}"
    bot = processes().Process(target=run_and_die, args=(stage.options(), cache, stage.clock.now(), step, nth))
    bot.start()
    bot.join(60)
    assert bot.exitcode == -signal.SIGKILL, f"never reached {step} for the {nth}. time"


def settle(stage: Stage) -> None:
    """Fresh runners tick until there is nothing left to do but wait for people; the clock moves where they wait for it."""
    for _ in range(8):
        done = stage.tick(fresh=True)
        assert done.blocked is None, done.blocked
        running = [action for action in done.actions if action.effect is Effect.IN_PROGRESS]
        waiting = [
            action.next_eligible for action in done.actions if action.next_eligible and action.limit != "convergence"
        ]
        if not (running or waiting or done.wrote):
            return
        stage.clock.at = max([stage.clock.at, *waiting]) + timedelta(minutes=11 if running else 0)
    raise AssertionError([(action.lane, action.effect, action.message) for action in done.actions])


def entries(stage: Stage) -> tuple[Entry, ...]:
    """The ledger as a fresh clone reads it; its chain holds."""
    folder = stage.directory / f"reader-{stage.runs}"
    ledger = GitLedger(stage.options().repo, folder, credentials=Token(stage.token))
    read = ledger.read().entries
    assert ledger.verify().sound
    return read


def counters(entries: tuple[Entry, ...]) -> int:
    """How many attempts the limits count."""
    from bot.safety.history import Budget, history_of_entries

    history = history_of_entries(entries)
    return sum(len(history.overall(budget).attempts) for budget in Budget)


def open_intents(entries: tuple[Entry, ...]) -> list[str]:
    """Ids of intents without an outcome, oldest first."""
    ended = {entry.intent for entry in entries}
    return [entry.id for entry in entries if entry.kind is EntryKind.INTENT and entry.id not in ended]
