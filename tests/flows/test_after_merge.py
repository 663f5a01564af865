"""What happens after a merge where settings let it: applied, verified, told once, and the rest asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.entrypoints.daemon.steps import Steps
from bot.entrypoints.daemon.wired import Wired
from bot.entrypoints.daemon.work import ApplyWork
from bot.errors import Refused
from bot.flows.commands import Orders
from bot.flows.comments import answer_comments
from bot.model.codehost import CheckState
from bot.model.ledger import Actor
from bot.wiring.applying import after_merge
from tests.flows.cluster_stage import ClusterStage, cluster_stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[ClusterStage]:
    with cluster_stage(tmp_path, "apply: {after_merge: true, force_conflicts: true}\n") as made:
        yield made


def merged(stage: ClusterStage, path: str, content: str | None) -> int:
    """The number of a pull request that changed a file, and was merged."""
    head = stage.api("GET", "/git/ref/heads/main")["object"]["sha"]
    name = f"idea-{head[:7]}"
    stage.api("POST", "/git/refs", ref=f"refs/heads/{name}", sha=head)
    if content is None:
        sha = stage.api("GET", f"/contents/{path}?ref={name}")["sha"]
        stage.api("DELETE", f"/contents/{path}", message="Drop it", sha=sha, branch=name)
    else:
        stage.edit(path, lambda _before: content, branch=name)
    number = int(stage.api("POST", "/pulls", title="An idea", head=name, base="main")["number"])
    stage.api("PUT", f"/pulls/{number}/merge")
    return number


def comments(stage: ClusterStage, number: int) -> list[Any]:
    return list(stage.api("GET", f"/issues/{number}/comments"))


def test_a_merge_is_applied_and_told_once(stage: ClusterStage) -> None:
    """What runs is what was merged, the pull request says so, and the next look has nothing to do."""
    number = merged(stage, "k8s/service.yaml", stage.file("k8s/service.yaml").replace("port: 80\n", "port: 8090\n"))
    done = after_merge(stage.options())
    assert done is not None
    assert done.verification.last_look.state is CheckState.SUCCESS
    assert stage.port() == 8090
    (comment,) = comments(stage, number)
    assert "Applied: 1 updated." in comment["body"]
    assert after_merge(stage.options()) is None
    assert len(comments(stage, number)) == 1


def test_what_needs_a_yes_waits_for_it(stage: ClusterStage) -> None:
    """A removal is asked for on the pull request; whoever may write says the plan's name, and it is done."""
    after_merge(stage.options())
    number = merged(stage, "k8s/orders.yaml", None)
    done = after_merge(stage.options())
    assert done is not None
    assert [str(action.resource) for action in done.ended[0].waiting] == ["PersistentVolumeClaim/shop/orders"]
    (comment,) = comments(stage, number)
    order = re.search(r"/clockwork apply [0-9a-f]{12}", comment["body"])
    assert order is not None
    loop = stage.loop()
    orders = Orders(loop.run, loop.declarer, Actor("rosa"))
    stage.api("POST", f"/issues/{number}/comments", body="/clockwork apply")
    stage.api("POST", f"/issues/{number}/comments", body=order[0])
    refused, taken = answer_comments(number, orders)
    assert "No plan is named" in refused
    assert "carries out plan" in taken
    done = after_merge(stage.options())
    assert done is not None
    assert done.verification.last_look.state is CheckState.SUCCESS
    assert stage.cluster.get("v1", "PersistentVolumeClaim", "shop", "orders") is None


def test_an_agreement_is_about_one_plan(stage: ClusterStage) -> None:
    """Once something else runs, the plan that somebody agreed to is not carried out."""
    after_merge(stage.options())
    merged(stage, "k8s/orders.yaml", None)
    done = after_merge(stage.options())
    assert done is not None
    (comment,) = comments(stage, 1)
    order = re.search(r"/clockwork apply [0-9a-f]{12}", comment["body"])
    assert order is not None
    stage.api("POST", "/issues/1/comments", body=order[0])
    loop = stage.loop()
    answer_comments(1, Orders(loop.run, loop.declarer, Actor("rosa")))
    stage.listen(8123)
    done = after_merge(stage.options())
    assert done is not None
    assert stage.cluster.get("v1", "PersistentVolumeClaim", "shop", "orders") is not None


def test_what_guardrails_refuse_is_told_once(stage: ClusterStage) -> None:
    """The merged pull request has one comment with each reason and what to do, however often it is tried."""
    stage.settings("apply: {after_merge: true}\nguard: {mode: strict}\n")
    after_merge(stage.options())
    image = "image: registry.example.com/web:1.0   # pinned\n"
    privileged = f"{image}          securityContext: {{privileged: true}}\n"
    number = merged(stage, "k8s/web.yaml", stage.file("k8s/web.yaml").replace(image, privileged))
    for _ in range(2):
        done = after_merge(stage.options())
        assert done is not None
        assert "guardrails block" in done.refused
        (comment,) = comments(stage, number)
        assert "Nothing was applied" in comment["body"]
        assert "k8s/web.yaml:" in comment["body"]
        assert "clockwork guard baseline" in comment["body"]
        assert "/clockwork apply" not in comment["body"]
    web = stage.cluster.get("apps/v1", "Deployment", "shop", "web")
    assert web is not None
    assert "securityContext" not in web["spec"]["template"]["spec"]["containers"][0]


def test_what_the_platform_refuses_is_told_and_then_what_became_of_it(stage: ClusterStage) -> None:
    """A conflict names who owns the field; once that is out of the way the same comment says that it was applied."""
    stage.settings("apply: {after_merge: true}\n")
    after_merge(stage.options())
    stage.cluster.edit("apps/v1", "Deployment", "shop", "web", spec__replicas=7)
    number = merged(stage, "k8s/web.yaml", stage.file("k8s/web.yaml").replace("replicas: 2\n", "replicas: 3\n"))
    done = after_merge(stage.options())
    assert done is not None
    assert "kubectl-edit" in done.refused
    (comment,) = comments(stage, number)
    assert "Nothing was done" in comment["body"]
    assert "kubectl-edit" in comment["body"]
    stage.settings("apply: {after_merge: true, force_conflicts: true}\n")
    done = after_merge(stage.options())
    assert done is not None
    assert not done.refused
    (comment,) = comments(stage, number)
    assert "Applied: 1 updated." in comment["body"]
    assert "Nothing was done" not in comment["body"]


def test_the_daemon_tries_what_was_refused_again_in_an_hour(stage: ClusterStage) -> None:
    """Its log has the refusal too, and it does not look for what to apply at every check meanwhile."""
    stage.settings("apply: {after_merge: true}\n")
    after_merge(stage.options())
    stage.cluster.edit("apps/v1", "Deployment", "shop", "web", spec__replicas=7)
    number = merged(stage, "k8s/web.yaml", stage.file("k8s/web.yaml").replace("replicas: 2\n", "replicas: 3\n"))
    wired = Wired(stage.options(), stage.clock, Steps(stage.clock.now))
    assert ApplyWork() in wired.check()
    with pytest.raises(Refused, match="kubectl-edit"):
        wired.apply()
    assert len(comments(stage, number)) == 1
    stage.clock.move(minutes=59)
    assert ApplyWork() not in wired.check()
    stage.clock.move(minutes=2)
    assert ApplyWork() in wired.check()


def test_a_change_window_holds_what_was_merged(stage: ClusterStage) -> None:
    """What may not be done now says until when it is held, and asks nobody to agree."""
    after_merge(stage.options())
    number = merged(stage, "k8s/service.yaml", stage.file("k8s/service.yaml").replace("port: 80\n", "port: 8090\n"))
    always = '{name: freeze, effect: deny, cron: "0 0 * * *", duration: 24h}'
    stage.settings(f"apply: {{after_merge: true, force_conflicts: true}}\nfixes: {{windows: [{always}]}}\n")
    done = after_merge(stage.options())
    assert done is not None
    assert stage.port() == 80
    (comment,) = comments(stage, number)
    assert "1 held: closed by change window freeze" in comment["body"]
    assert "/clockwork apply" not in comment["body"]


def test_what_fails_again_and_again_is_left_to_a_person(stage: ClusterStage) -> None:
    """Three failures of one action at one commit, and it waits; another commit begins anew."""
    merged(stage, "k8s/service.yaml", stage.file("k8s/service.yaml").replace("port: 80\n", "port: 8090\n"))
    fault = stage.cluster.fail(r"PATCH .*services/web\?(?!.*dryRun)", status=403, times=100)
    tried = []
    for turn in range(5):
        done = after_merge(stage.options())
        assert done is not None
        assert (done.ended[0].failed, bool(done.ended[0].waiting)) == (turn < 3, turn >= 3)
        tried.append(fault.happened)
    assert 0 < tried[0] < tried[1] < tried[2] == tried[3] == tried[4]
    assert stage.port() == 80
