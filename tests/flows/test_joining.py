"""Like changes of many objects share one pull request, and no more pull requests are opened than people can answer."""

from __future__ import annotations

from cProfile import Profile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import CodeType

import pytest

from bot.flows.commands import record_order
from bot.model.codehost import ItemState, PullRequest
from bot.model.ledger import EntryKind
from bot.model.proposal import Effect
from bot.safety.limits import Limits
from tests.flows.world import Killed, World

NAMES = tuple(f"app{number:02}" for number in range(12))


@pytest.fixture
def many(tmp_path: Path) -> World:
    """Twelve workloads."""
    return World(tmp_path, NAMES)


def drift(world: World, *names: str, port: int = 81) -> None:
    """The same port was changed live in all of them."""
    for name in names:
        world.config_drift(name, port)


def pull(world: World, number: int) -> PullRequest:
    """The pull request with that number."""
    return world.desk.pull(number)


def merge(world: World, number: int) -> None:
    """Rosa merges a pull request, by a fast-forward."""
    opened = pull(world, number)
    world.human.fetch()
    tip, main = world.human.head(opened.head_ref), world.human.head("main")
    assert tip is not None
    world.human.push("main", tip, expected=main)
    world.desk.items[number] = replace(opened, state=ItemState.MERGED)


def tick_until(world: World, step: str) -> None:
    """A run that is gone after ``step``."""

    def reached(name: str) -> None:
        if name == step:
            raise Killed

    loop = world.loop()
    with pytest.raises(Killed):
        world.tick(replace(loop, run=replace(loop.run, reached=reached)))


def test_the_same_change_of_many_objects_is_one_pull_request(many: World) -> None:
    """Its title says what and of how many, its body each object with both values, its branch holds every edit."""
    drift(many, *NAMES)
    (opened,) = many.tick(many.loop()).actions
    assert (opened.effect, opened.number) == (Effect.OPENED, 1)
    assert len(opened.drifts) == 2 * len(NAMES)  # where a target port is not declared it is the port
    assert pull(many, 1).title == "ports[80/TCP] removed, ports[81/TCP] added in 12 Services"
    assert all(f"Service/shop/{name}" in pull(many, 1).body for name in NAMES)
    assert pull(many, 1).body.count("Rule levels/") == 1  # removed and added, the rule of both said once
    assert pull(many, 1).body.count("Service/shop/app03") == 1
    merge(many, 1)
    assert not many.tick(many.loop(fresh=True)).actions


def test_each_file_of_it_is_read_a_few_times_whatever_joins(many: World) -> None:
    """A manifest reads as it did while others are written: reading all again for each would grow with the square."""
    drift(many, *NAMES)
    loop, profile = many.loop(), Profile(subcalls=False)
    assert len(profile.runcall(many.tick, loop).actions) == 1
    calls = {
        entry.code.co_qualname: entry.callcount for entry in profile.getstats() if isinstance(entry.code, CodeType)
    }
    assert calls["read_manifest"] <= 5 * len(NAMES)


def test_it_stays_one_while_objects_come_and_go(many: World) -> None:
    """The same pull request is updated; with the last object it is closed."""
    drift(many, *NAMES[:4])
    assert [action.number for action in many.tick(many.loop()).actions] == [1]
    drift(many, NAMES[4])
    (updated,) = many.tick(many.loop(fresh=True)).actions
    assert (updated.effect, updated.number) == (Effect.UPDATED, 1)
    assert pull(many, 1).title.endswith("in 5 Services")
    drift(many, *NAMES[:4], port=80)
    (shrunk,) = many.tick(many.loop(fresh=True)).actions
    assert (shrunk.effect, pull(many, 1).title) == (
        Effect.UPDATED,
        "ports[80/TCP] removed, ports[81/TCP] added in 1 Service",
    )
    drift(many, NAMES[4], port=80)
    (closed,) = many.tick(many.loop(fresh=True)).actions
    assert (closed.effect, closed.number) == (Effect.CLOSED, 1)


def test_closing_it_rejects_each_part(many: World) -> None:
    """None of them comes again in other company; what is new does, and retry takes all of it back."""
    drift(many, *NAMES[:3])
    (opened,) = many.tick(many.loop()).actions
    many.close_by_hand(1)
    (answer,) = many.tick(many.loop(fresh=True)).actions
    assert (answer.effect, answer.number) == (Effect.REJECTED, 1)
    drift(many, *NAMES[3:6])
    done = many.tick(many.loop(fresh=True)).actions
    assert sorted(action.effect for action in done) == [Effect.OPENED, *[Effect.REJECTED] * 3]
    assert "in 3 Services" in pull(many, 2).title
    record_order(many.loop().run, EntryKind.RETRY, reason="please", fingerprint=opened.fingerprint)
    (again,) = many.tick(many.loop(fresh=True)).actions
    assert (again.effect, again.number) == (Effect.UPDATED, 2)
    assert "in 6 Services" in pull(many, 2).title


def test_what_is_held_back_by_itself_does_not_join(many: World) -> None:
    """A suspended task, one with its own open pull request and one that changes something else stay by themselves."""
    drift(many, NAMES[0])
    (own,) = many.tick(many.loop()).actions
    detail = {"until": (many.clock.at + timedelta(hours=2)).isoformat()}
    task = f"Service/shop/{NAMES[1]}"
    record_order(many.loop().run, EntryKind.SUSPEND, reason="migration", task=task, detail=detail)
    drift(many, *NAMES[1:5])
    drift(many, NAMES[5], port=99)
    done = {action.task: action for action in many.tick(many.loop(fresh=True)).actions}
    assert (done[own.task].effect, done[own.task].number) == (Effect.UNCHANGED, 1)
    assert (done[task].effect, done[task].limit) == (Effect.DENIED, "suspended")
    assert "in 3 Services" in pull(many, 2).title
    assert done[f"Service/shop/{NAMES[5]}"].limit == "new-pull-requests"


def test_nothing_of_it_is_closed_for_what_was_not_looked_at(many: World) -> None:
    """A joined pull request stays open while one of its tasks is suspended, though all are as Git says."""
    drift(many, *NAMES[:3])
    many.tick(many.loop())
    record_order(many.loop().run, EntryKind.SUSPEND, reason="migration", task=f"Service/shop/{NAMES[1]}")
    drift(many, *NAMES[:3], port=80)
    assert not many.tick(many.loop(fresh=True)).actions
    record_order(many.loop().run, EntryKind.UNSUSPEND, reason="done", task=f"Service/shop/{NAMES[1]}")
    assert [action.effect for action in many.tick(many.loop(fresh=True)).actions] == [Effect.CLOSED]


def test_few_pull_requests_an_hour(tmp_path: Path) -> None:
    """The worst first, the others when there is room, and each says until when it waits; updating one costs nothing."""
    world = World(tmp_path, NAMES[:5], limits=Limits(joined_from=None))
    for number, name in enumerate(world.names):
        world.config_drift(name, 90 + number)
    done = world.tick(world.loop()).actions
    assert [action.effect for action in done] == [Effect.OPENED] * 2 + [Effect.DENIED] * 3
    assert {action.limit for action in done[2:]} == {"new-pull-requests"}
    assert done[2].next_eligible == world.clock.at + timedelta(hours=1)
    world.config_drift(world.names[0], 99)
    assert [action.effect for action in world.tick(world.loop(fresh=True)).actions].count(Effect.UPDATED) == 1
    world.clock.move(minutes=61)
    assert [action.effect for action in world.tick(world.loop(fresh=True)).actions].count(Effect.OPENED) == 2


def test_few_pull_requests_are_open_at_once(tmp_path: Path) -> None:
    """While as many as allowed are open no other is, however long they wait; merging one makes room."""
    limits = Limits(joined_from=None, new_pull_requests_per_hour=None, open_pull_requests=2)
    world = World(tmp_path, NAMES[:3], limits=limits)
    for number, name in enumerate(world.names):
        world.config_drift(name, 90 + number)
    *_, last = world.tick(world.loop()).actions
    assert (last.effect, last.limit, last.next_eligible) == (Effect.DENIED, "open-pull-requests", None)
    assert "2 of 2 pull requests of Clockwork's are open; merge or close one to make room" in last.message
    world.clock.move(minutes=600)
    waiting = [action.limit for action in world.tick(world.loop(fresh=True)).actions]
    assert waiting.count("open-pull-requests") == 1
    world.close_by_hand(1)
    assert Effect.OPENED in [action.effect for action in world.tick(world.loop(fresh=True)).actions]


@pytest.mark.parametrize("moment", ["intent", "branch-push", "pull", "outcome"])
def test_a_kill_on_the_way_repeats_nothing(many: World, moment: str) -> None:
    """The next run finds the joined pull request, or makes it; there is one."""
    drift(many, *NAMES[:3])
    tick_until(many, moment)
    many.clock.move(minutes=11)
    many.tick(many.loop(fresh=True))
    many.tick(many.loop(fresh=True))
    assert [item.title for item in many.desk.pulls()] == ["ports[80/TCP] removed, ports[81/TCP] added in 3 Services"]
