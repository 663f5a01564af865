"""Hooks of charts and of Argo CD's annotations, run by ``clockwork apply`` around the change of what they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.flows.apply_journal import hook_runs
from bot.flows.applying import STEPS
from bot.model.action import AppliedPlan, Operation
from bot.model.codehost import CheckState
from bot.report.actions import plan_markdown
from bot.wiring.applying import journal_of
from tests.appliers.apiserver import ApiServer
from tests.flows.site import CONFIG, SPACE, WEB, Site, changed
from tests.renderers import needs


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ApiServer() as server:
        yield Site.open(tmp_path, server)


def job(name: str, image: str = "shop:1", **notes: str) -> dict[str, Any]:
    """A Job that is a hook by ``notes``: ``argo``, ``wave``, ``policy``."""
    keys = {"argo": "hook", "wave": "sync-wave", "policy": "hook-delete-policy"}
    annotations = {f"argocd.argoproj.io/{keys[key]}": value for key, value in notes.items()}
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": image}]}
    metadata = {"name": name, "namespace": "shop", "annotations": annotations}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": {"spec": pod}}}


def brief(plan: AppliedPlan) -> list[str]:
    return [f"{ended.action.operation} {ended.action.resource}" for ended in plan.applied]


MIGRATE = job("migrate", argo="PreSync")
TELL = job("tell", argo="PostSync", policy="HookSucceeded")


def test_hooks_run_before_and_after(site: Site) -> None:
    """After the namespace and before all else, and at the end; one that says so is gone when it ended well."""
    site.declare(SPACE, CONFIG, WEB, TELL, MIGRATE)
    ended = site.apply()
    assert brief(ended) == [
        "create Namespace/shop",
        "run Job/shop/migrate",
        "create ConfigMap/shop/settings",
        "create Deployment/shop/web",
        "run Job/shop/tell",
    ]
    assert ended.is_complete
    assert site.live(MIGRATE) is not None
    assert site.live(TELL) is None
    assert site.application().plans[0].actions.actions == ()
    assert site.application().verify().last_look.state is CheckState.SUCCESS


def test_hooks_run_once_for_each_commit_that_changes_something(site: Site) -> None:
    """A commit that changes nothing of the release runs none, the next change runs them again, made anew."""
    site.declare(SPACE, CONFIG, WEB, MIGRATE)
    site.apply()
    first = site.live(MIGRATE)
    site.push({"notes.txt": "nothing of it"})
    assert site.application().plans[0].actions.actions == ()
    site.server.edit("v1", "ConfigMap", "shop", "settings", data={"MODE": "other"}, manager="clockwork")
    site.declare(SPACE, changed(CONFIG, MODE="slow"), WEB, MIGRATE)
    assert brief(site.apply()) == ["run Job/shop/migrate", "update ConfigMap/shop/settings"]
    second = site.live(MIGRATE)
    assert first is not None
    assert second is not None
    assert first["metadata"]["uid"] != second["metadata"]["uid"]


def test_a_hook_that_changed_runs_alone(site: Site) -> None:
    """Another image of a hook is a reason to run it, although nothing that is kept differs."""
    site.declare(SPACE, CONFIG, WEB, MIGRATE)
    site.apply()
    site.declare(SPACE, CONFIG, WEB, job("migrate", "shop:2", argo="PreSync"))
    assert brief(site.apply()) == ["run Job/shop/migrate"]
    assert site.application().plans[0].actions.actions == ()


def test_a_hook_that_fails_stops_the_apply_and_runs_again(site: Site) -> None:
    """Nothing after it is begun, its policy is kept to, and the next run begins with it."""
    failing = job("migrate", argo="PreSync", policy="HookFailed,BeforeHookCreation")
    site.server.controllers.failing.add("Job/migrate")
    site.declare(SPACE, CONFIG, WEB, failing, TELL)
    ended = site.apply()
    (failed,) = [each for each in ended.applied if each.failure]
    assert "the PreSync hook failed" in (failed.failure or "")
    assert [str(action.resource) for action in ended.left] == [
        "ConfigMap/shop/settings",
        "Deployment/shop/web",
        "Job/shop/tell",
    ]
    assert site.live(CONFIG) is None
    assert site.live(failing) is None
    site.server.controllers.failing.clear()
    assert brief(site.apply())[0] == "run Job/shop/migrate"
    assert site.application().plans[0].actions.actions == ()


def test_waves_come_before_kinds(site: Site) -> None:
    """Lower waves are there and healthy first, hooks of a wave with them."""
    late = {**CONFIG, "metadata": {**CONFIG["metadata"], "annotations": {"argocd.argoproj.io/sync-wave": "2"}}}
    early = {**WEB, "metadata": {**WEB["metadata"], "annotations": {"argocd.argoproj.io/sync-wave": "-1"}}}
    site.declare(SPACE, late, early, job("between", argo="Sync", wave="1"))
    assert brief(site.apply()) == [
        "create Namespace/shop",
        "create Deployment/shop/web",
        "run Job/shop/between",
        "create ConfigMap/shop/settings",
    ]


def test_what_has_the_name_of_a_hook_and_is_none_is_left(site: Site) -> None:
    """A Job that somebody else made is not deleted for a hook."""
    site.server.put(SPACE)
    other = job("migrate")
    site.server.put(other)
    site.declare(SPACE, CONFIG, WEB, MIGRATE)
    before = site.live(other)
    with pytest.raises(Exception, match="is no hook"):
        site.apply()
    assert site.live(other) == before


class Died(BaseException):
    """The run ends here."""


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("time", [1, 3])
def test_a_run_that_dies_among_hooks_is_gone_on_with(site: Site, step: str, time: int) -> None:
    """Whatever the step: the next run, on another machine, runs what is left, and no hook twice."""
    reached_times = 0

    def die(reached: str) -> None:
        nonlocal reached_times
        if reached == step and (reached_times := reached_times + 1) == time:
            raise Died

    site.declare(SPACE, CONFIG, WEB, MIGRATE, TELL)
    with suppress(Died):
        site.apply(reached=die)
    application = site.application(cache="other")
    (plan,) = application.plans
    assert application.carry_out(plan, approved=True).is_complete
    assert site.application().plans[0].actions.actions == ()
    assert site.writes().count("POST jobs") == 2
    ran = hook_runs(journal_of(application.opened, "").read())
    assert sorted((run.phase, run.succeeded) for run in ran) == [("PostSync", True), ("PreSync", True)]


def test_what_a_run_that_died_did_not_clean_up_is_no_obstacle(site: Site) -> None:
    """It ended well, was to be deleted then, and the run died before: the next commit runs the hook, and cleans up."""

    def die(reached: str) -> None:
        if reached == "apply-outcome" and site.live(TELL) is not None:
            raise Died

    site.declare(SPACE, CONFIG, WEB, TELL)
    with suppress(Died):
        site.apply(reached=die)
    left = site.live(TELL)
    assert left is not None
    site.declare(SPACE, changed(CONFIG, MODE="slow"), WEB, TELL)
    application = site.application(cache="other")
    assert application.carry_out(application.plans[0], approved=True).is_complete
    assert site.live(TELL) is None
    assert site.writes().count("POST jobs") == 2


CHART: Mapping[str, str | None] = {
    "k8s/shop.yaml": None,
    "chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
    "chart/values.yaml": "mode: fast\n",
    "chart/templates/config.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {MODE: "{{ .Values.mode }}"}
""",
    "chart/templates/hooks.yaml": """\
{{- range $name, $hook := dict "first" "pre-install" "second" "pre-install,pre-upgrade" "last" "post-upgrade" "try" "test" }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $name }}
  namespace: shop
  annotations:
    helm.sh/hook: {{ $hook }}
    helm.sh/hook-weight: "{{ if eq $name "second" }}-5{{ else }}0{{ end }}"
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "shop:1"}]
{{- end }}
""",
}


@needs.HELM
def test_the_hooks_of_a_chart_run_at_install_and_upgrade(site: Site) -> None:
    """By weight, those of the phase alone, and never a test; hooks are no gap in what is verified."""
    site.server.put(SPACE)
    settings = (site.folder / "clockwork.yaml").read_text()
    site.push({**CHART, "clockwork.yaml": f"{settings}targets: [{{name: prod, path: chart}}]\n"})
    first = ["run Job/shop/second", "run Job/shop/first", "create ConfigMap/shop/settings"]
    assert brief(site.apply()) == first
    assert site.application().verify().last_look.state is CheckState.SUCCESS
    site.push({"chart/values.yaml": "mode: slow\n"})
    assert brief(site.apply()) == ["run Job/shop/second", "update ConfigMap/shop/settings", "run Job/shop/last"]


DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
"""
WIDGET = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: one, namespace: shop}\nspec: {size: %d}\n"


@needs.HELM
def test_the_definitions_of_a_chart_are_made_where_they_are_not_there(site: Site) -> None:
    """When it is installed, before what is of their kind; they are never changed, and no gap in what is verified."""
    site.server.put(SPACE)
    settings = (site.folder / "clockwork.yaml").read_text() + "targets: [{name: prod, path: chart}]\n"
    chart = {**CHART, "clockwork.yaml": settings, "chart/templates/hooks.yaml": None}
    site.push({**chart, "chart/crds/widgets.yaml": DEFINITION, "chart/templates/widget.yaml": WIDGET % 1})
    assert brief(site.apply()) == [
        "run CustomResourceDefinition/widgets.example.com",
        "create ConfigMap/shop/settings",
        "create Widget/shop/one",
    ]
    assert site.application().plans[0].actions.actions == ()
    assert site.application().verify().last_look.state is CheckState.SUCCESS
    changed_ = DEFINITION.replace("size: {type: integer}", "size: {type: integer, minimum: 0}")
    site.push({"chart/crds/widgets.yaml": changed_, "chart/templates/widget.yaml": WIDGET % 2})
    assert brief(site.apply()) == ["update Widget/shop/one"]


def test_a_kind_and_its_objects_come_in_one_plan(site: Site) -> None:
    """Of a kind that Git defines and the cluster does not serve yet there is nothing, so it is made right after the kind."""
    site.declare(SPACE, *yaml.safe_load_all(DEFINITION), *yaml.safe_load_all(WIDGET % 1))
    assert [line.rpartition("/")[2] for line in brief(site.apply())] == ["widgets.example.com", "shop", "one"]
    assert site.application().plans[0].actions.actions == ()


@needs.HELM
def test_what_a_chart_with_hooks_declares_no_more_is_deleted(site: Site) -> None:
    """Hooks and definitions are left out of what is compared, and that leaves nothing unknown."""
    site.server.put(SPACE)
    settings = (site.folder / "clockwork.yaml").read_text() + "targets: [{name: prod, path: chart}]\n"
    other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: shop}\n"
    site.push({**CHART, "clockwork.yaml": settings, "chart/templates/other.yaml": other})
    site.apply()
    site.application().verify()
    site.push({"chart/templates/other.yaml": None})
    assert brief(site.apply()) == ["run Job/shop/second", "delete ConfigMap/shop/other", "run Job/shop/last"]


def test_a_release_with_hooks_waits_as_a_whole(site: Site) -> None:
    """Where one of its actions waits for a person, neither its hooks nor its other actions go ahead."""
    other = {**CONFIG, "metadata": {"name": "other", "namespace": "shop"}}
    site.declare(SPACE, CONFIG, other, WEB, MIGRATE)
    site.apply()
    site.application().verify()
    site.declare(SPACE, changed(CONFIG, MODE="slow"), WEB, MIGRATE)
    plan = site.application().plans[0].actions
    lines = plan_markdown([plan]).splitlines()
    assert sum("waits with its release" in line for line in lines) == 2
    assert sum("needs approval" in line and "Plan:" not in line for line in lines) == 1
    waiting = site.apply(approved=False)
    assert brief(waiting) == []
    assert {action.operation for action in waiting.waiting} == {Operation.RUN, Operation.UPDATE, Operation.DELETE}
