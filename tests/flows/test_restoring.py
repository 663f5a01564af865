"""The restore lane on a real cluster's stand-in: which fields come back, when, under which limits, and what people are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.flows.commands import Orders
from bot.flows.comments import answer_comments
from bot.model.ledger import Actor, EntryKind, Result
from bot.model.proposal import Effect, Tick
from tests.flows.cluster_stage import ClusterStage, cluster_stage
from tests.flows.stage import Stage, by_lane

RULES = """\
version: 1
rules:
  - id: put-ports-back
    match: {kinds: [Service]}
    remedy: restore
    reason: Ports are decided in Git.
"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[ClusterStage]:
    """Everything runs as declared, applied by Helm, and restoring is on."""
    with cluster_stage(tmp_path, "apply: {restore: true}\n") as made:
        yield made


def rules(stage: Stage, text: str = RULES) -> None:
    stage.api("PUT", "/contents/policies/ports.yaml", message="Rules", content=_base64(text), branch="main")


def _base64(text: str) -> str:
    import base64

    return base64.b64encode(text.encode()).decode()


def effects(done: Tick) -> list[Effect]:
    return [action.effect for action in done.actions]


def test_a_rule_puts_back_exactly_the_field(stage: ClusterStage) -> None:
    """Git stays as it is, the field runs as Git says, what else a person changed stays; and then all is quiet."""
    rules(stage)
    stage.listen(8081, sessionAffinity="ClientIP")
    head = stage.commits()[0]["sha"]
    done = stage.tick()
    assert effects(done) == [Effect.RESTORED]
    assert stage.port() == 80
    assert stage.commits()[0]["sha"] == head
    entries = stage.loop().run.ledger.read().entries
    assert [(entry.kind, entry.result) for entry in entries] == [
        (EntryKind.INTENT, None),
        (EntryKind.OUTCOME, Result.SUCCEEDED),
    ]
    stage.clock.move(minutes=20)
    assert not stage.tick(fresh=True).wrote


def test_it_draws_on_the_budget_of_commits_and_is_given_up_in_a_fight(stage: ClusterStage) -> None:
    """Two an hour with a cooldown between them; who writes it again and again is named by the breaker's issue."""
    rules(stage)
    seen = []
    for port in range(8081, 8086):
        stage.listen(port)
        seen.append(by_lane(stage.tick())["restore"])
        stage.clock.move(minutes=15)
    assert [action.effect for action in seen[:3]] == [Effect.RESTORED, Effect.RESTORED, Effect.DENIED]
    assert seen[2].message.startswith("2 of 2 automatic fixes of Service/shop/web were used")
    stage.clock.move(hours=2)
    stage.listen(8090)
    assert by_lane(stage.tick())["restore"].limit == "convergence"
    assert stage.port() == 8090
    assert any("kubectl-edit" in issue["body"] for issue in stage.issues())


def test_it_waits_for_its_change_window(stage: ClusterStage) -> None:
    """Inside a window that denies nothing is put back, and what is held says by which window; after it, it is."""
    rules(stage)
    window = '{name: freeze, effect: deny, cron: "0 12 * * *", duration: 2h}'
    stage.settings(f"apply: {{restore: true}}\nfixes: {{windows: [{window}]}}\n")
    stage.listen(8081)
    held = by_lane(stage.tick())["restore"]
    assert (held.effect, held.limit) == (Effect.DENIED, "change-window")
    assert held.message.startswith("closed by change window freeze; next eligible at 2026-03-01 14:00:00")
    assert stage.port() == 8081
    stage.clock.move(hours=3)
    assert effects(stage.tick()) == [Effect.RESTORED]
    assert stage.port() == 80


def test_closing_restores_where_settings_say_so(stage: ClusterStage) -> None:
    """The pull request says it, closing does it, and nothing is proposed again."""
    stage.listen(8081)
    stage.tick()
    (pull,) = stage.pulls()
    assert "**Close to restore**" in pull["body"]
    stage.api("PATCH", f"/pulls/{pull['number']}", state="closed")
    stage.clock.move(minutes=1)
    assert effects(stage.tick()) == [Effect.RESTORED]
    assert stage.port() == 80
    assert not stage.tick(fresh=True).wrote
    assert len(stage.pulls()) == 1


def test_without_the_setting_closing_and_rules_leave_it_to_people(stage: ClusterStage) -> None:
    """It is off by default: the pull request and the issue say so, and nothing is written to the cluster."""
    stage.settings("")
    stage.listen(8081)
    stage.tick()
    (pull,) = stage.pulls()
    assert "closing restores nothing" in pull["body"]
    assert "apply.restore" in pull["body"]
    stage.api("PATCH", f"/pulls/{pull['number']}", state="closed")
    assert effects(stage.tick()) == [Effect.REJECTED]
    rules(stage)
    stage.clock.move(hours=1)
    stage.tick()
    (issue,) = stage.issues()
    assert "Restoring is switched off for this repository" in issue["body"]
    assert stage.port() == 8081


def test_a_person_orders_it_in_a_comment(stage: ClusterStage) -> None:
    """``/clockwork restore`` on the pull request: the field comes back, and the pull request is closed."""
    stage.listen(8081)
    stage.tick()
    (pull,) = stage.pulls()
    stage.api("POST", f"/issues/{pull['number']}/comments", body="/clockwork restore wrong port")
    loop = stage.loop()
    (answer,) = answer_comments(pull["number"], Orders(loop.run, loop.declarer, Actor("rosa")))
    assert "restores Service/shop/web" in answer
    stage.clock.move(minutes=1)
    done = stage.tick()
    assert by_lane(done)["restore"].effect is Effect.RESTORED
    assert stage.port() == 80
    stage.tick()
    assert [each["state"] for each in stage.pulls()] == ["closed"]


def test_what_cannot_be_reached_or_moved_is_no_failure(stage: ClusterStage) -> None:
    """A cluster that takes no write: told, tried again, never counted towards a stop."""
    rules(stage)
    stage.listen(8081)
    stage.cluster.fail("PATCH", status=503, times=100)
    done = by_lane(stage.tick())["restore"]
    assert done.effect is Effect.FAILED
    (outcome,) = [e for e in stage.loop().run.ledger.read().entries if e.kind is EntryKind.OUTCOME]
    assert outcome.result is Result.ABANDONED


def test_a_secret_and_a_whole_resource_stay_with_people(stage: ClusterStage) -> None:
    """Whatever a rule says."""
    rules(stage, RULES.replace("kinds: [Service]", "kinds: [Service, PersistentVolumeClaim]"))
    stage.cluster.remove("v1", "Service", "shop", "web")
    done = stage.tick()
    assert by_lane(done)["runbook-issue"].effect is Effect.OPENED
    assert stage.cluster.get("v1", "Service", "shop", "web") is None


def test_a_run_that_dies_after_restoring_is_gone_on_with(stage: ClusterStage) -> None:
    """Its intent is closed, the field is as Git says, and it was put back once."""

    class Died(BaseException):
        pass

    def die(step: str) -> None:
        if step == "restored":
            raise Died

    from bot.flows.reconcile import tick

    rules(stage)
    stage.listen(8081)
    loop = stage.loop()
    with pytest.raises(Died):
        tick(replace(loop, run=replace(loop.run, reached=die)))
    assert stage.port() == 80
    stage.clock.move(hours=1)
    assert not stage.tick(fresh=True).wrote
    patches = [each for each in stage.cluster.requests if each.method == "PATCH" and "dryRun" not in each.query]
    assert len(patches) == 1
    entries = stage.loop().run.ledger.read().entries
    assert [entry.kind for entry in entries] == [EntryKind.INTENT, EntryKind.OUTCOME]
