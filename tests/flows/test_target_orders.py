"""What people ask and order about one target's task: explained, suspended, windowed, planned and measured by its name."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.errors import Invalid
from bot.flows.commands import Orders
from bot.flows.comments import answer_comments
from bot.flows.explain import explain
from bot.flows.reconcile import Loop, tick
from bot.metrics.exposition import exposition
from bot.metrics.meters import Meters
from bot.model.proposal import Effect, Tick
from bot.report.json import to_json
from bot.wiring.reconcile import open_loop
from tests.flows.stage import Stage
from tests.flows.test_targets import DEV, PROD, changed, clusters, pytestmark, run

__all__ = ["clusters", "pytestmark"]

NEW = "registry.example.com/web:1.4.3"
TASK, RESOURCE = "prod/Deployment/shop/web", "Deployment/shop/web"


def loop_of(stage: Stage, *, live: str | None = None, target: str | None = None) -> Loop:
    """The bot on this stage, with the live state as the last run saw it."""
    return open_loop(replace(stage.options(), live=live, target=target), clock=stage.clock)


def answer(stage: Stage, words: str) -> str:
    """What is answered to that comment of the owner on a new issue."""
    number = int(stage.api("POST", "/issues", title="Ops")["number"])
    stage.api("POST", f"/issues/{number}/comments", body=f"/clockwork {words}")
    loop = loop_of(stage)
    orders = Orders(
        loop.run, loop.declarer, loop.run.actor, explained=lambda task: explain(loop_of(stage), task).text()
    )
    (text,) = answer_comments(number, orders)
    return text.replace("\\", "").strip()


def test_a_task_is_explained_by_its_target(clusters: Stage) -> None:
    """By its whole name; by the resource alone where one target has it, and else with the names to choose from."""
    run(clusters, prod=changed(PROD, image=NEW))
    loop = loop_of(clusters)
    explained = explain(loop, TASK)
    assert TASK in explained.text()
    assert [(each.effect, each.proposal.task) for each in explained.intentions] == [(Effect.UNCHANGED, TASK)]
    assert [decision.drift.resource.target for decision in explained.decisions] == ["prod"]
    with pytest.raises(Invalid) as caught:
        explain(loop, RESOURCE)
    assert str(caught.value.advice) == f"Name one: dev/{RESOURCE}, {TASK}."
    alone = explain(loop_of(clusters, target="prod"), RESOURCE)
    assert (alone.subject, len(alone.intentions)) == (TASK, 1)


def test_a_comment_suspends_one_target_s_task(clusters: Stage) -> None:
    """The other target's goes on; without its target a task is no task, and the answer names the ones there are."""
    unknown = answer(clusters, f"suspend {RESOURCE} migration")
    assert f"Unknown task '{RESOURCE}'" in unknown
    assert TASK in unknown
    assert f"dev/{RESOURCE}" in unknown
    assert answer(clusters, f"suspend {TASK} migration").startswith(f"Suspended {TASK}: no run writes anything for it")
    done = run(clusters, prod=changed(PROD, image=NEW), dev=changed(DEV, image=NEW))
    assert {action.task: action.effect for action in done.actions} == {
        TASK: Effect.DENIED,
        f"dev/{RESOURCE}": Effect.OPENED,
    }
    assert answer(clusters, f"resume {TASK} migrated").startswith(f"Resumed {TASK}")
    again = run(clusters, prod=changed(PROD, image=NEW), dev=changed(DEV, image=NEW))
    assert {action.task: action.effect for action in again.actions}[TASK] is Effect.OPENED
    assert TASK in answer(clusters, f"explain {TASK}")


def test_orders_know_targets_that_are_not_compared(clusters: Stage) -> None:
    """What clashes under one observer is run by ``--target``, so its tasks are tasks."""
    clusters.edit("clockwork.yaml", lambda text: "\n".join(line for line in text.splitlines() if "name: " not in line))
    clusters.edit(
        "clockwork.yaml", lambda text: text.replace("targets:", f"observe: {{snapshot: {{file: {clusters.live}}}}}")
    )
    clusters.objects = {"web": PROD}
    clusters.show()
    assert answer(clusters, f"suspend {TASK} migration").startswith(f"Suspended {TASK}")


def test_a_change_window_of_one_target_holds_it_alone(clusters: Stage) -> None:
    """Its task glob begins with the target's name."""
    window = "fixes:\n  windows:\n  - {name: prod-freeze, effect: deny, cron: '0 0 * * *', duration: 24h, tasks: ['prod/*']}\n"
    clusters.edit("clockwork.yaml", lambda text: text + window)
    probe = {"httpGet": {"path": "/ready", "port": 8080}, "failureThreshold": 6}
    done = run(clusters, prod=changed(PROD, readinessProbe=probe), dev=changed(DEV, readinessProbe=probe))
    assert {action.task: (action.effect, action.limit) for action in done.actions} == {
        TASK: (Effect.DENIED, "change-window"),
        f"dev/{RESOURCE}": (Effect.COMMITTED, None),
    }


def test_a_plan_names_the_targets_and_writes_nothing(clusters: Stage) -> None:
    """``simulate`` plans for each target what a run would do."""
    run(clusters)
    drifted = changed(PROD, image=NEW)
    (clusters.directory / "prod.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [drifted]}))
    planned = tick(open_loop(replace(clusters.options(), live=None), clock=clusters.clock, dry_run=True))
    assert [(action.effect, action.task) for action in planned.actions] == [(Effect.PLANNED, TASK)]
    assert not clusters.pulls()


def test_an_assumed_report_is_about_the_targets_that_it_names(clusters: Stage) -> None:
    """A report of both targets, given back as live state, is that much drift again, each in its target."""
    seen = run(clusters, prod=changed(PROD, image=NEW), dev=changed(DEV, image=NEW)).report
    file = clusters.directory / "report.json"
    file.write_text(json.dumps(to_json(seen)))

    def assumed(target: str) -> Tick:
        return tick(
            open_loop(replace(clusters.options(), live=str(file), target=target), clock=clusters.clock, dry_run=True)
        )

    for target in ("dev", "prod"):
        (drift,) = assumed(target).report.drift
        (same,) = [each for each in seen.drift if each.resource.target == target]
        assert (drift.id, drift.task) == (same.id, same.task)


def test_drift_is_counted_by_target(clusters: Stage) -> None:
    """In the report's JSON and in the daemon's metrics, those in sync with 0."""
    done = run(clusters, prod=changed(PROD, image=NEW))
    assert to_json(done.report)["targets"] == [
        {"name": "dev", "resources": 1, "drift": 0, "score": 0.0},
        {"name": "prod", "resources": 1, "drift": 1, "score": 30.0},
    ]
    meters = Meters(lambda: done.at, "0")
    meters.ticked(done, seconds=1)
    text = exposition(meters.aged()).decode()
    assert 'clockwork_target_drift{target="dev"} 0.0\nclockwork_target_drift{target="prod"} 1.0\n' in text
    assert "clockwork_drift 1.0\n" in text
