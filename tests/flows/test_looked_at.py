"""What was not looked at is never fine: items stay open, and nothing is said to be in sync."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.flows.explain import explain
from bot.flows.reconcile import tick
from bot.model.decision import Lane
from bot.model.proposal import Effect, Tick
from bot.report.json import to_json
from bot.sandbox.server import Sandbox
from bot.wiring.reconcile import open_loop
from tests.flows.stage import NAME, Stage
from tests.flows.test_targets import BASE, KUSTOMIZE, PROD, changed, clusters, pytestmark, run

__all__ = ["clusters", "pytestmark"]

NEW = "registry.example.com/web:1.4.3"
TASK = "prod/Deployment/shop/web"
JOB = b"""\
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, namespace: shop}
spec: {ttlSecondsAfterFinished: 60, template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}
"""
CONFIG = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: words, namespace: shop}\ndata: {a: b}\n"
OVERLAY = "overlays/prod/kustomization.yaml"
FOUND: Mapping[str, bytes] = {
    "clockwork.yaml": KUSTOMIZE["clockwork.yaml"],
    "base/deployment.yaml": BASE,
    "base/kustomization.yaml": b"resources: [deployment.yaml]\n",
    OVERLAY: KUSTOMIZE[OVERLAY].replace(b"[../../base]", b"[../../base, job.yaml, config.yaml]"),
    "overlays/prod/job.yaml": JOB,
    "overlays/prod/config.yaml": CONFIG,
}
ELSEWHERE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other", "namespace": "kube-system"}}
WORDS = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "words", "namespace": "shop"},
    "data": {"a": "b"},
}


def stage_of(tmp_path: Path, box: Sandbox, files: Mapping[str, bytes]) -> Stage:
    """These files on a sandbox; live state is a file that tests write."""
    token, human = box.create_user("clockwork[bot]", bot=True), box.create_user("rosa", admin=True)
    url = box.git_url(NAME).encode()
    box.create_repository(NAME, files={path: data.replace(b"URL", url) for path, data in files.items()})
    return Stage(box, tmp_path, token, human, {})


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Stage]:
    """One overlay that nothing names and everything finds."""
    with Sandbox.start(tmp_path / "box") as box:
        yield stage_of(tmp_path, box, FOUND)


def seen(stage: Stage, *objects: Mapping[str, Any]) -> Tick:
    """One run with this live state."""
    stage.objects = {str(number): each for number, each in enumerate(objects)}
    return stage.tick()


def still_open(stage: Stage) -> tuple[int, int]:
    """How many pull requests and issues are open."""
    return len(stage.pulls("open")), len(stage.issues("open"))


def test_items_of_a_found_target_stay_open_while_nothing_of_it_runs(alone: Stage) -> None:
    """The observer sees another cluster: the target is not compared, in no figure, and its pull request stays; once it
    runs as declared the pull request is closed. A Job that is deleted when it is done does not make it run.
    """
    done = seen(alone, changed(PROD, image=NEW), WORDS)
    assert [(action.lane, action.effect) for action in done.actions] == [(Lane.CONFIG_PULL_REQUEST, Effect.OPENED)]
    away = seen(alone, ELSEWHERE)
    assert not away.report.drift
    assert not away.actions
    assert [note.detail.partition(";")[0] for note in away.report.notes if note.state == "not compared"] == [
        "none of its 3 objects runs here"
    ]
    assert to_json(away.report)["targets"] == []
    assert still_open(alone) == (1, 0)
    assert "in sync" not in explain(alone.loop(), TASK).text()
    assert "not all of it was compared" in explain(alone.loop(), TASK).text()
    back = seen(alone, PROD, WORDS)
    assert [action.effect for action in back.actions] == [Effect.CLOSED]
    assert to_json(back.report)["targets"] == [{"name": "prod", "resources": 3, "drift": 0, "score": 0.0}]
    assert "in sync" in explain(alone.loop(), TASK).text()


def test_an_ignore_rule_makes_no_found_target_run(tmp_path: Path) -> None:
    """One of its missing objects is ignored: that says nothing about whether the target is deployed here."""
    rule = b"ignores:\n- {id: words, resource: ConfigMap/shop/words, reason: made elsewhere}\n"
    with Sandbox.start(tmp_path / "box") as box:
        away = seen(stage_of(tmp_path, box, {**FOUND, ".clockwork/ignore.yaml": rule}), ELSEWHERE)
    assert len(away.report.suppressed) == 1
    assert not away.report.drift
    assert any("none of its 3 objects runs here" in note.detail for note in away.report.notes)


def test_one_object_that_runs_makes_a_found_target_run(alone: Stage) -> None:
    """Then what is missing of it is told."""
    report = seen(alone, WORDS).report
    assert [drift.resource.qualified for drift in report.drift] == [TASK]


def broken(text: str) -> str:
    """An overlay that names a base that is not there."""
    return text.replace("../../base", "../../nowhere")


def test_items_stay_open_while_their_target_does_not_render(clusters: Stage) -> None:
    """A pull request and an issue of one task survive a broken overlay, whatever runs, and end once it renders again and
    nothing differs.
    """
    drifted = changed(PROD, image=NEW)
    drifted["spec"]["selector"]["matchLabels"]["tier"] = "front"
    run(clusters, prod=drifted)
    assert still_open(clusters) == (1, 1)
    clusters.edit(OVERLAY, broken)
    assert not run(clusters).wrote
    assert still_open(clusters) == (1, 1)
    assert (
        "in sync" not in explain(open_loop(replace(clusters.options(), live=None), clock=clusters.clock), TASK).text()
    )
    clusters.edit(OVERLAY, lambda text: text.replace("../../nowhere", "../../base"))
    assert [action.effect for action in run(clusters).actions] == [Effect.CLOSED, Effect.CLOSED]
    assert still_open(clusters) == (0, 0)


FLUX = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: NAME, namespace: flux-system}
spec: {interval: 1h, path: ./apps/NAME, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
"""
SOURCE = b"""\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1h, url: URL}
"""


def words(name: str, value: str = "b") -> str:
    """A ConfigMap as it is written."""
    return json.dumps(config(name, value))


def config(name: str, value: str = "b") -> dict[str, Any]:
    """A ConfigMap as it runs."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "shop"},
        "data": {"a": value},
    }


FLEET: Mapping[str, bytes] = {
    "clusters/prod/source.yaml": SOURCE,
    **{f"clusters/prod/{name}.yaml": FLUX.replace("NAME", name).encode() for name in ("one", "two")},
    **{f"apps/{name}/config.yaml": words(name).encode() for name in ("one", "two")},
}


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Stage]:
    """A cluster that Flux deploys from two folders."""
    with Sandbox.start(tmp_path / "box") as box:
        target = f"{{name: prod, path: clusters/prod, observe: {{snapshot: {{file: {tmp_path}/live.json}}}}}}"
        settings = f"version: 1\ngithub: {{min_write_interval: 0}}\ntargets:\n- {target}\n"
        yield stage_of(tmp_path, box, {**FLEET, "clockwork.yaml": settings.encode()})


def flux_objects(url: str) -> list[dict[str, Any]]:
    """What Flux itself holds in the cluster."""
    written = {path: data for path, data in FLEET.items() if path.startswith("clusters/")}
    return [yaml.safe_load(data.replace(b"URL", url.encode())) for data in written.values()]


def fleet_run(stage: Stage, *objects: Mapping[str, Any]) -> Tick:
    """One run with these objects beside those of Flux."""
    stage.objects = {
        str(number): each for number, each in enumerate([*flux_objects(stage.box.git_url(NAME)), *objects])
    }
    stage.show()
    return tick(open_loop(replace(stage.options(), live=None), clock=stage.clock))


def test_what_is_rendered_is_closed_beside_what_is_not(fleet: Stage) -> None:
    """One folder of the target is broken: its item stays, though nothing of it is compared; the other folder's, which
    was compared and is equal, ends.
    """
    fleet_run(fleet, config("one", "x"), config("two", "x"))
    numbers = {pull["title"].partition(":")[0]: pull["number"] for pull in fleet.pulls("open")}
    assert sorted(numbers) == ["prod/ConfigMap/one", "prod/ConfigMap/two"]
    fleet.edit("apps/two/config.yaml", lambda text: text.rstrip().removesuffix("}"))
    fleet_run(fleet, config("one"), config("two"))
    assert [pull["number"] for pull in fleet.pulls("open")] == [numbers["prod/ConfigMap/two"]]
    fleet.edit("apps/two/config.yaml", lambda text: f"{text}}}")
    fleet_run(fleet, config("one"), config("two"))
    assert still_open(fleet) == (0, 0)


def test_a_value_whose_variable_does_not_render_was_not_looked_at(fleet: Stage) -> None:
    """One folder fills in what a ConfigMap of the other says: while that does not render nobody knows what Git declares."""
    post = "postBuild: {substituteFrom: [{kind: ConfigMap, name: two}]}, sourceRef"
    fleet.edit("clusters/prod/one.yaml", lambda text: text.replace("sourceRef", post))
    fleet.edit("clusters/prod/two.yaml", lambda text: text.replace("spec: {", "spec: {targetNamespace: flux-system, "))
    fleet.edit("apps/one/config.yaml", lambda text: text.replace('"b"', '"${a}"'))
    fleet_run(fleet, config("one", "x"))
    opened = [pull["number"] for pull in fleet.pulls("open") if "/one: " in pull["title"]]
    assert len(opened) == 1
    fleet.edit("apps/two/config.yaml", lambda text: text.rstrip().removesuffix("}"))
    fleet_run(fleet, config("one", "x"))
    assert opened[0] in [pull["number"] for pull in fleet.pulls("open")]


APPS = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: shops, namespace: argocd}
spec:
  generators: [GENERATOR]
  template:
    metadata: {name: 'shop-{{name}}'}
    spec:
      project: default
      source: {repoURL: URL, path: overlays/prod}
      destination: {namespace: shop, server: https://kubernetes.default.svc}
"""


def test_a_target_that_is_not_found_any_more_may_be_among_what_is_left_out(tmp_path: Path) -> None:
    """A generator that nobody here can read brings no application to light: its items stay, until it can be read or is
    gone.
    """
    path = "argo/shops.yaml"
    listed = APPS.replace("GENERATOR", "{list: {elements: [{name: prod}]}}")
    with Sandbox.start(tmp_path / "box") as box:
        files = {name: data for name, data in FOUND.items() if name != "overlays/prod/job.yaml"}
        overlay = FOUND[OVERLAY].replace(b"job.yaml, ", b"")
        stage = stage_of(tmp_path, box, {**files, OVERLAY: overlay, path: listed.encode()})
        (action,) = (
            a for a in seen(stage, changed(PROD, image=NEW), WORDS).actions if a.lane is Lane.CONFIG_PULL_REQUEST
        )
        assert action.task == "shop-prod/Deployment/shop/web"

        def generator(words: str) -> Callable[[str], str]:
            return lambda _: APPS.replace("GENERATOR", words).replace("URL", box.git_url(NAME))

        stage.edit(path, generator("{pullRequest: {github: {owner: acme, repo: shop}}}"))
        seen(stage, PROD, WORDS)
        assert [pull["number"] for pull in stage.pulls("open")] == [action.number]
        stage.edit(path, generator("{list: {elements: [{name: prod}]}}"))
        seen(stage, PROD, WORDS)
        assert not stage.pulls("open")
