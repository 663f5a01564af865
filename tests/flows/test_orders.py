"""What people said stays said: suspended tasks rest, rejected proposals stay away until retried, ignored ones for good."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from bot.flows.commands import Orders, record_order, restore
from bot.model.decision import Lane
from bot.model.ledger import Actor, EntryKind
from bot.model.proposal import Effect
from bot.model.severity import Severity
from bot.safety.limits import Limits
from tests.flows.world import World


def test_a_suspended_task_rests_and_the_others_do_not(world: World) -> None:
    """Also on a fresh runner, and only until its end."""
    world.safe_drift("web", 5)
    world.safe_drift("api", 5)
    until = world.clock.at + timedelta(hours=2)
    detail = {"until": until.isoformat()}
    record_order(world.loop().run, EntryKind.SUSPEND, reason="migration", task="Deployment/shop/web", detail=detail)
    done = {action.task: action for action in world.tick(world.loop(fresh=True)).actions}
    assert done["Deployment/shop/api"].effect is Effect.COMMITTED
    assert (done["Deployment/shop/web"].effect, done["Deployment/shop/web"].limit) == (Effect.DENIED, "suspended")
    assert done["Deployment/shop/web"].next_eligible == until
    world.clock.at = until
    assert [action.effect for action in world.tick(world.loop()).actions] == [Effect.COMMITTED]


def test_retry_forgives_one_closing(world: World) -> None:
    """Closed is no; retry proposes it once more; closing that is no again, whatever the clocks of host and bot say."""
    world.config_drift("web", 81)
    for turn in (1, 2):
        (opened,) = world.tick(world.loop(fresh=True)).actions
        assert opened.effect is Effect.OPENED
        assert opened.number == turn
        world.close_by_hand(turn)
        for _ in range(2):
            (answer,) = world.tick(world.loop(fresh=True)).actions
            assert (answer.effect, answer.number) == (Effect.REJECTED, turn)
        world.clock.move(minutes=-20)
        if turn == 1:
            record_order(world.loop().run, EntryKind.RETRY, reason="please", fingerprint=opened.fingerprint)
    assert [entry.kind for entry in world.entries()].count(EntryKind.REJECT) == 2


def test_retry_before_the_bot_noticed_counts(world: World) -> None:
    """Closing and saying retry between two looks proposes it again."""
    world.config_drift("web", 81)
    (opened,) = world.tick(world.loop()).actions
    world.close_by_hand(1)
    record_order(world.loop().run, EntryKind.RETRY, reason="a slip", fingerprint=opened.fingerprint)
    assert [action.effect for action in world.tick(world.loop()).actions] == [Effect.OPENED]


def test_what_is_ignored_is_not_proposed(world: World) -> None:
    """In every lane, for exactly this observation."""
    world.safe_drift("web", 5)
    (planned,) = world.tick(world.loop(dry_run=True)).actions
    record_order(world.loop().run, EntryKind.IGNORE, reason="load test", fingerprint=planned.fingerprint)
    (answer,) = world.tick(world.loop(fresh=True)).actions
    assert (answer.effect, answer.message) == (Effect.REJECTED, "clockwork[bot] rejected this proposal: load test.")
    world.safe_drift("web", 6)
    assert [action.effect for action in world.tick(world.loop()).actions] == [Effect.COMMITTED]


def test_a_run_that_comes_rarely_begins_with_the_worst(tmp_path: Path) -> None:
    """When budgets do not suffice for all, the severe come first, then those that waited longest; nobody starves."""
    names = tuple(f"app{number}" for number in range(6))
    world = World(
        tmp_path,
        names,
        limits=Limits(
            repository_fixes_per_hour=2,
            proposals_per_hour=3,
            new_pull_requests_per_hour=None,
            joined_from=None,
            convergence=None,
        ),
    )
    for number, name in enumerate(names):
        world.config_drift(name, 90 + number)
    for name in names[3:]:
        world.delete_claim(name)
    served = []
    for turn in range(3):
        done = world.tick(world.loop(fresh=True))
        ranks = [(action.severity or Severity.LOW).rank for action in done.actions]
        assert ranks == sorted(ranks, reverse=True)
        served += [(action.severity or Severity.LOW).rank for action in done.actions if action.effect is Effect.OPENED]
        assert len(served) == 3 * (turn + 1)
        world.clock.move(minutes=61)
    assert served == sorted(served, reverse=True)


def test_those_that_waited_longest_come_first(tmp_path: Path) -> None:
    """A budget of two an hour goes round all tasks, though each of them drifts again at once."""
    names = tuple(f"app{number}" for number in range(4))
    world = World(tmp_path, names, limits=Limits(repository_fixes_per_hour=2, convergence=None))
    served = []
    for turn in range(4):
        for name in names:
            world.safe_drift(name, 4 + turn)
        done = world.tick(world.loop(fresh=True))
        served.append({action.task[-4:] for action in done.actions if action.effect is Effect.COMMITTED})
        world.clock.move(minutes=61)
    assert served == [{"app0", "app1"}, {"app2", "app3"}] * 2


def test_restoring_what_is_joined_restores_all_of_it(tmp_path: Path) -> None:
    """One word on the pull request of like changes: each task is restored, and the pull request is closed."""
    names = ("one", "two", "three")
    world = World(tmp_path, names)
    for name in names:
        world.config_drift(name, 81)
    (opened,) = world.tick(world.loop()).actions
    loop = world.loop(fresh=True)
    told = restore(Orders(loop.run, loop.declarer, Actor("rosa")), reason="no", fingerprint=opened.fingerprint)
    assert all(name in told for name in names)
    world.clock.move(minutes=1)
    done = world.tick(world.loop(fresh=True)).actions
    assert {action.effect for action in done if action.lane is Lane.CONFIG_PULL_REQUEST} == {Effect.CLOSED}
    assert {action.effect for action in done if action.lane is Lane.RUNBOOK_ISSUE} == {Effect.OPENED}
