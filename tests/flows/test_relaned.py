"""A decision whose edit cannot go by its rule's lane joins its task's proposal in the lane that is left, before all checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from bot.flows.commands import Orders, ignore
from bot.flows.explain import explain
from bot.flows.reconcile import Loop, tick
from bot.model.decision import Lane
from bot.model.proposal import Effect, TakenAction, Tick
from bot.renderers import tools
from bot.sandbox.server import Sandbox
from bot.wiring.reconcile import open_loop
from tests.flows.stage import NAME, Stage
from tests.flows.test_interference import die, interrupted

pytestmark = pytest.mark.skipif(
    find_spec("helm_python") is None and tools.helm() is None, reason="Helm is not installed"
)

TEMPLATE = b"""\
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: shop}
spec:
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      containers:
        - name: NAME
          image: "registry.example.com/NAME:{{ .Values.NAME.tag }}"
          readinessProbe: {httpGet: {path: /ready, port: 8080}, failureThreshold: {{ .Values.misses }}, periodSeconds: 10}
"""
FILES: Mapping[str, bytes] = {
    "charts/shop/Chart.yaml": b"apiVersion: v2\nname: shop\nversion: 0.1.0\n",
    "charts/shop/values.yaml": b'# both\nmisses: 3\nweb: {tag: "1.0"}\nworker: {tag: "1.0"}\n',
    "charts/shop/templates/web.yaml": TEMPLATE.replace(b"NAME", b"web"),
    "charts/shop/templates/worker.yaml": TEMPLATE.replace(b"NAME", b"worker"),
}
TASK = "shop/Deployment/shop/web"
MISSES, PERIOD = "failureThreshold", "periodSeconds"


def deployment(name: str) -> dict[str, Any]:
    """What the chart says, live."""
    probe = {"httpGet": {"path": "/ready", "port": 8080}, MISSES: 3, PERIOD: 10}
    container = {"name": name, "image": f"registry.example.com/{name}:1.0", "readinessProbe": probe}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
        },
    }


@pytest.fixture
def release(tmp_path: Path) -> Iterator[Stage]:
    """One chart of two deployments that share the number of misses; the period stands in the template itself."""
    with Sandbox.start(tmp_path / "box") as box:
        token, human = box.create_user("clockwork[bot]", bot=True), box.create_user("rosa", admin=True)
        target = f"{{name: shop, path: charts/shop, observe: {{snapshot: {{file: {tmp_path}/live.json}}}}}}"
        settings = f"version: 1\ngithub: {{min_write_interval: 0}}\ntargets:\n- {target}\n"
        box.create_repository(NAME, files={**FILES, "clockwork.yaml": settings.encode()})
        yield Stage(box, tmp_path, token, human, {name: deployment(name) for name in ("web", "worker")})


def container(stage: Stage, name: str = "web") -> dict[str, Any]:
    """The live container of a deployment."""
    listed: list[dict[str, Any]] = stage.objects[name]["spec"]["template"]["spec"]["containers"]
    return listed[0]


def drifted(stage: Stage, **probe: int) -> None:
    """Somebody changes the probe of web."""
    container(stage)["readinessProbe"].update(probe)


def loop_of(stage: Stage, *, dry_run: bool = False) -> Loop:
    stage.show()
    return open_loop(replace(stage.options(), live=None), clock=stage.clock, dry_run=dry_run)


def run(stage: Stage) -> Tick:
    return tick(loop_of(stage))


def of_lane(done: Tick, lane: Lane) -> list[TakenAction]:
    return [action for action in done.actions if action.lane is lane]


def test_a_wide_edit_joins_the_pull_request_of_its_task(release: Stage) -> None:
    """Another image and a number that the other deployment reads too: one pull request with both, and no second run
    touches it again.
    """
    drifted(release, **{MISSES: 6})
    container(release)["image"] = "registry.example.com/web:1.1"
    (action,) = run(release).actions
    assert (action.lane, action.effect, len(action.drifts)) == (Lane.CONFIG_PULL_REQUEST, Effect.OPENED, 2)
    (pull,) = release.pulls()
    (file,) = release.api("GET", f"/pulls/{pull['number']}/files")
    assert (file["filename"], file["additions"]) == ("charts/shop/values.yaml", 2)
    assert "Deployment/shop/worker changes too" in pull["body"].replace("\\", "")
    assert "never committed without a person" in pull["body"]
    again = run(release)
    assert [action.effect for action in again.actions] == [Effect.UNCHANGED]
    assert release.pulls() == [pull]


def test_each_field_goes_its_own_way(release: Stage) -> None:
    """Of two numbers that a commit may change, one is shared and one is in no values file: a pull request and an issue,
    and every surface says so.
    """
    drifted(release, **{MISSES: 6, PERIOD: 20})
    done = run(release)
    (pull,), (issue,) = of_lane(done, Lane.CONFIG_PULL_REQUEST), of_lane(done, Lane.RUNBOOK_ISSUE)
    assert (pull.effect, issue.effect, len(done.actions)) == (Effect.OPENED, Effect.OPENED, 2)
    assert MISSES in release.pulls()[0]["title"]
    assert PERIOD in release.issues()[0]["title"]
    lanes = {decision.drift.where.rpartition(".")[2]: decision.lane for decision in done.decisions}
    assert lanes == {MISSES: Lane.CONFIG_PULL_REQUEST, PERIOD: Lane.RUNBOOK_ISSUE}
    explained = explain(loop_of(release), TASK)
    assert {decision.lane for decision in explained.decisions} == {Lane.CONFIG_PULL_REQUEST, Lane.RUNBOOK_ISSUE}
    assert "the template charts/shop/templates/web.yaml" in explained.text()


def test_what_no_file_sets_joins_the_issue_of_its_task(release: Stage) -> None:
    """A selector that nobody can change, and a period that only the template knows: one issue, once."""
    drifted(release, **{PERIOD: 20})
    release.objects["web"]["spec"]["selector"]["matchLabels"]["tier"] = "front"
    (action,) = run(release).actions
    assert (action.lane, action.effect, len(action.drifts)) == (Lane.RUNBOOK_ISSUE, Effect.OPENED, 2)
    assert [action.effect for action in run(release).actions] == [Effect.UNCHANGED]
    assert len(release.issues()) == 1


def test_a_wide_edit_that_another_run_is_at_work_on_is_not_begun_again(release: Stage) -> None:
    """Its pull request is in the ledger as begun: the next run leaves it alone, until it counts as given up."""
    drifted(release, **{MISSES: 6})
    with pytest.raises(KeyboardInterrupt):
        tick(interrupted(loop_of(release), "intent", die))
    release.clock.move(seconds=30)
    (action,) = run(release).actions
    assert (action.lane, action.effect) == (Lane.CONFIG_PULL_REQUEST, Effect.IN_PROGRESS)
    assert not release.pulls()
    release.clock.move(hours=1)
    assert [action.effect for action in run(release).actions] == [Effect.OPENED]


def test_an_ignored_wide_edit_is_not_proposed(release: Stage) -> None:
    """Who rejects the proposal by its fingerprint has rejected the pull request that it would become."""
    drifted(release, **{MISSES: 6})
    (action,) = run(release).actions
    release.api("PATCH", f"/pulls/{action.number}", state="closed")
    loop = loop_of(release)
    ignore(Orders(loop.run, loop.declarer, loop.run.actor), reason="by design", fingerprint=action.fingerprint)
    (again,) = run(release).actions
    assert (again.effect, again.fingerprint) == (Effect.REJECTED, action.fingerprint)
    assert "by design" in again.message


def test_the_deletion_guard_closes_no_wide_pull_request(release: Stage) -> None:
    """A run that stops before it tries any edit does not know that the pull request is still needed, and leaves it."""
    release.edit("clockwork.yaml", lambda text: f"{text}fixes: {{max_removed: 0}}\n")
    drifted(release, **{MISSES: 6})
    (opened,) = run(release).actions
    worker = release.objects.pop("worker")
    held = run(release)
    assert {action.limit for action in held.actions if action.effect is Effect.DENIED} == {"deletion-guard"}
    assert [pull["number"] for pull in release.pulls("open")] == [opened.number]
    release.objects["worker"] = worker
    release.objects["web"] = deployment("web")
    run(release)
    assert not release.pulls("open")


def test_a_pull_request_ends_when_its_fields_went_another_way(release: Stage) -> None:
    """No file says the image any more, it is computed, and another one runs: that is an issue, and the stale pull request is
    closed.
    """
    container(release)["image"] = "registry.example.com/web:1.1"
    (opened,) = run(release).actions
    assert opened.lane is Lane.CONFIG_PULL_REQUEST
    release.edit(
        "charts/shop/templates/web.yaml",
        lambda text: text.replace("{{ .Values.web.tag }}", '{{ "MS4w" | b64dec }}'),
    )
    container(release)["image"] = "registry.example.com/web:1.2"
    done = run(release)
    assert [action.effect for action in of_lane(done, Lane.RUNBOOK_ISSUE)] == [Effect.OPENED]
    assert not release.pulls("open")
    (comment,) = release.api("GET", f"/issues/{opened.number}/comments")
    assert "is not what Clockwork proposes" in comment["body"]
    assert [action.effect for action in run(release).actions] == [Effect.UNCHANGED]
