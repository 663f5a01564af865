"""Files that the bot writes itself reach the branch, whoever else pushes meanwhile, and never while writing is halted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pytest

from bot.errors import Refused, Stale
from bot.flows.commands import Orders, halt
from bot.flows.publish import TRIES, publish
from bot.ports import Clock
from tests.flows.world import World

PATH = "REPORT.md"


@dataclass
class Race:
    """A clock by which Rosa pushes whenever a commit is dated: ``left`` times, between its parent and its push."""

    world: World
    left: int
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        if self.left:
            self.left -= 1
            self.world.commit_by_hand("main")
        return self.world.clock.now()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def published(world: World, data: bytes, clock: Clock) -> str | None:
    """What publishing gives, with pauses as long as they may be."""
    run = world.loop().run
    return publish(
        PATH,
        data,
        "Report",
        repository=run.repository,
        ledger=run.ledger,
        limits=run.limits,
        branch="main",
        clock=clock,
        jitter=lambda longest: longest,
    )


def test_a_file_is_committed_once(world: World) -> None:
    """The same bytes again make no commit; other bytes do."""
    sha = published(world, b"one\n", world.clock)
    assert sha == world.head("main")
    assert published(world, b"one\n", world.clock) is None
    assert published(world, b"two\n", world.clock) == world.head("main") != sha


def test_lost_races_are_run_again_on_what_won(world: World) -> None:
    """Each time on the new head, after longer and longer pauses; nothing that others pushed is lost."""
    race = Race(world, left=4)
    sha = published(world, b"one\n", race)
    assert sha == world.head("main")
    assert race.slept == pytest.approx([0.2, 0.4, 0.6])
    assert [author for author, _, _ in world.commits()] == ["Rosa"] * 4 + ["Clockwork"]


def test_a_race_that_is_always_lost_ends(world: World) -> None:
    """After as many tries as there are, with the branch as others left it."""
    with pytest.raises(Stale, match="the branch main moved every time"):
        published(world, b"one\n", Race(world, left=100))
    assert {author for author, _, _ in world.commits()} == {"Rosa"}
    assert len(world.commits()) == TRIES + 1


def test_a_halt_stops_it(world: World) -> None:
    """As it stops every other write."""
    loop = world.loop()
    halt(Orders(loop.run, loop.declarer, loop.run.actor), reason="the audit")
    with pytest.raises(Refused, match="nothing is written: Halted since"):
        published(world, b"one\n", world.clock)
    assert world.commits() == []
