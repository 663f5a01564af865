"""Work is left where that loses nothing: at once while it looks, between two writes after that."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import pytest

from bot.entrypoints.daemon.notify import Notifier
from bot.entrypoints.daemon.status import DaemonStatus
from bot.entrypoints.daemon.steps import Interrupted, SteppedLedger, Steps, stepped
from bot.entrypoints.daemon.watchdog import Watchdog
from bot.flows.reconcile import tick
from bot.ports import ObserverStep
from bot.safety.state import state
from tests.entrypoints.keeping import eventually
from tests.flows.conftest import world
from tests.flows.world import World

__all__ = ["world"]

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def steps_at(seconds: float = 0.0) -> Steps:
    """Steps on clocks that stand."""
    return Steps(lambda: NOW, lambda: seconds)


class Asked(Steps):
    """Somebody asks the run to end at the moment when it completes a certain step of its writing."""

    def __init__(self, at: str) -> None:
        super().__init__(lambda: NOW)
        self._at = at
        self.met = False

    def reached(self, step: str) -> None:
        if step == self._at:
            self.met = True
            self.ask("the daemon is stopping", lasting=True)
        super().reached(step)


def run_asked_at(step: str, world: World) -> None:
    """One run of the real loop that is asked to stop at that step, and obeys."""
    steps = Asked(step)
    loop = world.loop()
    with suppress(Interrupted), steps.work("run", leavable=True):
        tick(stepped(loop, SteppedLedger(loop.run.ledger, steps)))
    assert steps.met


def open_intents(world: World) -> tuple[object, ...]:
    """What a fresh run would find unfinished."""
    return state(world.loop(fresh=True).run.ledger.read(), world.clock.at).open


@pytest.mark.parametrize(
    ("step", "finished"),
    [
        ("intent", 3),
        ("issue", 3),
        ("outcome", 3),
        ("branch-commit", 3),
        ("branch-push", 3),
        ("pull", 3),
        ("commit", 4),
        ("push", 4),
    ],
)
def test_a_run_that_is_to_stop_ends_what_it_is_writing(world: World, step: str, finished: int) -> None:
    """Whenever it is asked, no intent of its stays open, and the next run does the rest."""
    world.safe_drift("web", 6)
    world.config_drift("web", 8081)
    world.config_drift("api", 8082)
    world.delete_claim("api")
    run_asked_at(step, world)
    assert open_intents(world) == ()
    assert len(world.entries()) == 2 * finished, "the issue and the pull requests come first, together, then the patch"
    world.tick(world.loop(fresh=True))
    assert len(world.entries()) == 8


@pytest.mark.parametrize("step", ["closed", "branch-deleted"])
def test_a_run_that_closes_is_left_between_two_items(world: World, step: str) -> None:
    """The next run closes the rest, and takes away the branch that was left."""
    world.config_drift("web", 8081)
    world.config_drift("api", 8082)
    world.tick(world.loop())
    world.restore()
    run_asked_at(step, world)
    assert len(world.desk.pulls()) == 1
    world.tick(world.loop(fresh=True))
    assert (world.desk.pulls(), world.branches()) == ([], {"main"})


def test_a_run_is_left_before_it_writes_anything(world: World) -> None:
    """Asked while it reads live state, it goes no further."""
    world.safe_drift("web", 6)
    steps = Steps(lambda: NOW)
    loop = stepped(world.loop(), SteppedLedger(world.loop().run.ledger, steps))
    head = world.head("main")
    with steps.work("run", leavable=True):
        steps.ask("the daemon was paused")
        with pytest.raises(Interrupted, match="paused"):
            tick(loop)
    assert (world.head("main"), world.entries()) == (head, ())


def test_what_was_asked_of_one_work_is_not_asked_of_the_next() -> None:
    """Unless it was meant to last."""
    steps = steps_at()
    with steps.work("run", leavable=True):
        steps.ask("it took too long")
        with pytest.raises(Interrupted, match="too long"):
            steps.boundary()
    with steps.work("run", leavable=True):
        steps.boundary()
        steps.ask("the daemon is stopping", lasting=True)
    steps.ask("it took too long")
    with pytest.raises(Interrupted, match="stopping"), steps.work("run", leavable=True):
        pass


def test_a_signal_leaves_only_what_looks() -> None:
    """In a step that writes, and between two pieces of work, the handler comes back."""
    steps = steps_at()
    steps.ask("the daemon is stopping", lasting=True)
    steps.leave()
    steps = steps_at()
    with steps.work("judge pull request #1", leavable=False):
        steps.ask("the daemon is stopping")
        steps.leave()
    with steps.work("check for changes", leavable=True):
        steps.ask("the daemon is stopping")
        with pytest.raises(Interrupted):
            steps.leave()


def test_progress_is_of_the_step_in_hand() -> None:
    """What an observer told of an earlier step is forgotten with it."""
    steps = steps_at()
    with steps.work("run", leavable=True):
        steps.tell(ObserverStep("kubernetes", "listing pods", 12, 40))
        assert steps.detail == "kubernetes listing pods 12/40"
        steps.begin("comparing", leavable=True)
        assert steps.detail == ""
    steps.tell(ObserverStep("kubernetes", "listing pods"))
    assert (steps.current, steps.detail) == (None, "")


class Lines:
    """A log that is kept."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **facts: object) -> None:
        self.lines.append((event, facts))

    warning = info

    def facts(self, event: str) -> list[dict[str, object]]:
        """Of every event of that name."""
        return [facts for name, facts in self.lines if name == event]


@contextmanager
def watching(steps: Steps, log: Lines, ends: list[int], *, step: float = 60, stop: float = 60) -> Iterator[Watchdog]:
    """A watchdog whose signals are written by the test."""
    stopping = threading.Event()
    dog = Watchdog(
        steps,
        DaemonStatus(NOW),
        Notifier(),
        log,
        step_timeout=step,
        stop_timeout=stop,
        stopping=stopping,
        stop=stopping.set,
        hang_up=lambda: log.info("hung up"),
        die=ends.append,
    )
    dog.start()
    try:
        yield dog
    finally:
        dog.end()


def test_the_second_sigterm_ends_the_process_whatever_it_does() -> None:
    """Also while the main thread does not come back; the first one only asks."""
    log, ends = Lines(), list[int]()
    with watching(steps_at(), log, ends) as dog:
        os.write(dog.wakeup, bytes([signal.SIGHUP, signal.SIGCHLD, signal.SIGTERM]))
        eventually(dog.stopping.is_set)
        assert log.facts("hung up") == [{}]
        assert not ends
        os.write(dog.wakeup, bytes([signal.SIGTERM]))
        eventually(lambda: ends)
    assert ends[0] == 1
    assert log.facts("killed")[0] == {"reason": "was told to stop twice", "step": None}


def test_a_daemon_that_does_not_end_in_time_is_ended() -> None:
    """What it was doing is in the log, and found again by the next run."""
    steps, log, ends = Steps(lambda: NOW), Lines(), list[int]()
    with watching(steps, log, ends, stop=0.1) as dog, steps.work("judge pull request #3", leavable=False):
        os.write(dog.wakeup, bytes([signal.SIGTERM]))
        eventually(lambda: ends)
    assert log.facts("killed")[0] == {"reason": "did not end within 0.1 s", "step": "judge pull request #3"}


def test_a_writing_step_that_takes_too_long_is_told_and_not_ended() -> None:
    """The daemon counts as unready until the step is done, and is told of it once."""
    steps, log, ends = Steps(lambda: NOW), Lines(), list[int]()
    with watching(steps, log, ends, step=0.1) as dog:
        with steps.work("judge pull request #3", leavable=False):
            eventually(lambda: dog.status.overdue)
            assert dog.status.unready == "'judge pull request #3' takes longer than 0.1 s"
            eventually(lambda: log.facts("overdue"))
        eventually(lambda: dog.status.overdue is None)
    assert [facts["step"] for facts in log.facts("overdue")] == ["judge pull request #3"]
