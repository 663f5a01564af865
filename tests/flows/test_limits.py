"""Budgets, cooldown, failures, halt: the bot stops itself, says when it may go on, and people can stop it."""

from __future__ import annotations

import pytest

from bot.flows.commands import record_order
from bot.flows.reconcile import tick
from bot.model.ledger import EntryKind
from bot.model.proposal import Effect
from tests.flows.stage import Stage, by_lane


def test_cooldown_and_window_deny_and_say_when(stage: Stage) -> None:
    """After one patch the cooldown denies; after two in an hour the window does, with the next eligible time."""
    stage.safe_drift(4)
    assert by_lane(stage.tick())["artifact-patch"].effect is Effect.COMMITTED
    stage.safe_drift(5)
    denied = by_lane(stage.tick())["artifact-patch"]
    assert (denied.effect, denied.limit) == (Effect.DENIED, "cooldown")
    assert denied.next_eligible is not None
    stage.clock.at = denied.next_eligible
    assert by_lane(stage.tick(fresh=True))["artifact-patch"].effect is Effect.COMMITTED
    stage.safe_drift(6)
    stage.clock.move(minutes=11)
    denied = by_lane(stage.tick(fresh=True))["artifact-patch"]
    assert (denied.effect, denied.limit) == (Effect.DENIED, "task-window")
    assert denied.next_eligible is not None
    stage.clock.at = denied.next_eligible
    assert by_lane(stage.tick())["artifact-patch"].effect is Effect.COMMITTED


def test_halt_stops_every_lane_and_resume_lifts_it(stage: Stage) -> None:
    """A halted bot looks and tells, and writes nothing."""
    record_order(stage.loop().run, EntryKind.HALT, reason="audit")
    stage.safe_drift()
    stage.config_drift()
    stage.destructive_drift()
    done = stage.tick(fresh=True)
    assert done.blocked is not None
    assert "audit" in done.blocked
    assert len(done.report.drift) >= 3
    assert (len(stage.commits()), stage.pulls(), stage.issues()) == (1, [], [])
    record_order(stage.loop().run, EntryKind.RESUME, reason="done")
    assert len(stage.tick().actions) == 3


def test_a_field_that_keeps_coming_back_becomes_one_issue(stage: Stage) -> None:
    """Corrected three times in a day, it is left alone and one issue names the fight."""
    for value in (4, 5, 6):
        stage.safe_drift(value)
        assert by_lane(stage.tick())["artifact-patch"].effect is Effect.COMMITTED
        stage.clock.move(hours=2)
    stage.safe_drift(7)
    for expected in (Effect.OPENED, Effect.UNCHANGED):
        actions = by_lane(stage.tick())
        assert (actions["artifact-patch"].effect, actions["artifact-patch"].limit) == (Effect.DENIED, "convergence")
        assert actions["runbook-issue"].effect is expected
        stage.clock.move(minutes=30)
    (issue,) = stage.issues()
    assert "another writer keeps changing" in issue["title"]
    assert "failureThreshold" in issue["body"]


def test_a_fight_somebody_knows_of_is_told_once(stage: Stage) -> None:
    """Closed by hand, the issue stays closed whatever the next value is, until the fight is over."""
    for value in (4, 5, 6):
        stage.safe_drift(value)
        stage.tick()
        stage.clock.move(hours=2)
    stage.safe_drift(7)
    number = by_lane(stage.tick())["runbook-issue"].number
    stage.api("PATCH", f"/issues/{number}", state="closed")
    for value in (8, 9):
        stage.safe_drift(value)
        stage.clock.move(minutes=30)
        assert by_lane(stage.tick())["runbook-issue"].effect is Effect.REJECTED
    assert len(stage.issues()) == 1


@pytest.mark.parametrize("damage", [b"not json\n", b"{}\n"])
def test_a_ledger_that_does_not_parse_means_no_writes(stage: Stage, damage: bytes) -> None:
    """Whatever stands there instead of entries, nothing else is written."""
    stage.safe_drift(4)
    stage.tick()
    spoil(stage, damage)
    stage.safe_drift(5)
    stage.config_drift()
    stage.clock.move(hours=2)
    commits = len(stage.commits())
    done = stage.tick(fresh=True)
    assert done.blocked is not None
    assert (len(stage.commits()), stage.pulls()) == (commits, [])


def spoil(stage: Stage, damage: bytes) -> None:
    """Somebody pushes a commit with nonsense in it onto the ledger's ref."""
    from bot.gitrepo.credentials import Token
    from bot.gitrepo.repository import GitRepository

    ref = "refs/clockwork/ledger"
    git = GitRepository.open(stage.options().repo, stage.directory / "spoiler", credentials=Token(stage.token))
    tip = git.fetch_ref(ref)
    changes = {entry.path: damage for entry in git.entries(tip)}
    git.push(ref, git.commit(tip, changes, message="oops", at=stage.clock.now()), expected=tip)


def test_failures_in_a_row_stop_the_task(stage: Stage) -> None:
    """A push that the server refuses for what is in it counts; three of them stop the task until resume."""
    stage.safe_drift()
    loop = stage.loop()
    refuse_numbers(stage)
    for _ in range(3):
        failed = by_lane(tick(loop))["artifact-patch"]
        assert failed.effect is Effect.FAILED, failed
        stage.clock.move(hours=1, seconds=1)
    denied = by_lane(stage.tick(fresh=True))["artifact-patch"]
    assert (denied.effect, denied.limit) == (Effect.DENIED, "consecutive-failures")


def refuse_numbers(stage: Stage) -> None:
    """The server declines every push to main for the contents of its commits."""
    hook = stage.box.backend.repositories.hooks / "update"
    hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/main ] || { echo "policy: no such number" >&2; exit 1; }\n')
    hook.chmod(0o755)
