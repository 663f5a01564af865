"""Repositories as teams keep them: each target is compared with what it is rendered as, and edited where a value is set."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from bot.errors import Unavailable
from bot.flows.reconcile import tick
from bot.model.proposal import Effect, Tick
from bot.renderers import tools
from bot.sandbox.server import Sandbox
from bot.wiring.reconcile import open_loop, open_origin, open_targets
from bot.wiring.repository import Options
from tests.flows.stage import NAME, MovableClock, Stage, by_lane

BASE = b"""\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.example.com/web
          env:
            - name: GREETING
              value: hello
          readinessProbe:
            httpGet: {path: /ready, port: 8080}
            failureThreshold: 3
"""
KUSTOMIZE: Mapping[str, bytes] = {
    "clockwork.yaml": b"version: 1\ngithub: {min_write_interval: 0}\n",
    "base/deployment.yaml": BASE,
    "base/kustomization.yaml": b"resources: [deployment.yaml]\n",
    "overlays/dev/kustomization.yaml": (
        b"namespace: shop\nresources: [../../base]\nimages:\n- name: registry.example.com/web\n  newTag: 2.0-rc1\n"
    ),
    "overlays/prod/kustomization.yaml": (
        b"namespace: shop\nresources: [../../base]\nimages:\n- name: registry.example.com/web\n"
        b"  newTag: 1.4.2 # pinned\nreplicas:\n- {name: web, count: 4}\n"
    ),
}


def has_kustomize() -> bool:
    """Whether kustomizations can be built here."""
    try:
        tools.kustomize()
    except Unavailable:
        return False
    return True


pytestmark = pytest.mark.skipif(not has_kustomize(), reason="neither kustomize nor kubectl is installed")


def live(image: str, replicas: int) -> dict[str, Any]:
    """The live deployment of one place."""
    probe = {"httpGet": {"path": "/ready", "port": 8080}, "failureThreshold": 3}
    container = {
        "name": "web",
        "image": image,
        "env": [{"name": "GREETING", "value": "hello"}],
        "readinessProbe": probe,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
        },
    }


PROD = live("registry.example.com/web:1.4.2", 4)
DEV = live("registry.example.com/web:2.0-rc1", 1)


@pytest.fixture
def clusters(tmp_path: Path) -> Iterator[Stage]:
    """A base with two overlays, whose clusters are two snapshots that settings name."""
    with Sandbox.start(tmp_path / "box") as box:
        token, human = box.create_user("clockwork[bot]", bot=True), box.create_user("rosa", admin=True)
        targets = "".join(
            f"- {{name: {name}, path: overlays/{name}, observe: {{snapshot: {{file: {tmp_path / name}.json}}}}}}\n"
            for name in ("dev", "prod")
        )
        settings = KUSTOMIZE["clockwork.yaml"] + b"targets:\n" + targets.encode()
        box.create_repository(NAME, files={**KUSTOMIZE, "clockwork.yaml": settings})
        yield Stage(box, tmp_path, token, human, {})


def run(stage: Stage, *, target: str | None = None, **snapshots: dict[str, Any]) -> Tick:
    """One run with these live deployments by target."""
    for name, tree in {"dev": DEV, "prod": PROD, **snapshots}.items():
        (stage.directory / f"{name}.json").write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [tree]}))
    options = replace(stage.options(), live=None, target=target)
    return tick(open_loop(options, clock=stage.clock))


def changed(tree: dict[str, Any], **container: object) -> dict[str, Any]:
    """A live deployment whose container somebody changed."""
    other = copy.deepcopy(tree)
    other["spec"]["template"]["spec"]["containers"][0].update(container)
    return other


def test_targets_in_sync_write_nothing(clusters: Stage) -> None:
    """Each overlay renders what its own cluster runs: no drift, although both declare the same object."""
    done = run(clusters)
    assert not done.report.drift
    assert not done.report.errors
    assert done.report.resources == 2
    assert not done.actions


def test_a_live_image_becomes_one_line_of_its_overlay(clusters: Stage) -> None:
    """The image changed in prod alone: the pull request changes prod's tag, keeps its comment, and touches nothing else."""
    action = by_lane(run(clusters, prod=changed(PROD, image="registry.example.com/web:1.4.3")))["config-pull-request"]
    assert action.effect is Effect.OPENED
    assert action.task == "prod/Deployment/shop/web"
    (pull,) = clusters.pulls("open")
    (file,) = clusters.api("GET", f"/pulls/{pull['number']}/files")
    assert (file["filename"], file["additions"], file["deletions"]) == ("overlays/prod/kustomization.yaml", 1, 1)
    assert "+  newTag: 1.4.3 # pinned" in file["patch"]
    assert "prod/" in pull["title"]


def test_a_safe_value_of_the_base_becomes_a_patch_of_the_one_overlay(clusters: Stage) -> None:
    """A probe's number that the base sets for everybody is committed as an entry of the target that runs it so."""
    probe = {"httpGet": {"path": "/ready", "port": 8080}, "failureThreshold": 6}
    action = by_lane(run(clusters, dev=changed(DEV, readinessProbe=probe)))["artifact-patch"]
    assert action.effect is Effect.COMMITTED
    assert action.task == "dev/Deployment/shop/web"
    assert "failureThreshold" in clusters.file("overlays/dev/kustomization.yaml")
    assert clusters.file("base/deployment.yaml").encode() == BASE
    assert not run(clusters, dev=changed(DEV, readinessProbe=probe)).report.drift


def test_runs_for_one_target_leave_the_others_items_open(clusters: Stage) -> None:
    """A run for dev neither closes nor repeats what a run for prod proposed; prod in sync closes it."""
    drifted = changed(PROD, image="registry.example.com/web:1.4.3")
    run(clusters, target="prod", prod=drifted)
    assert len(clusters.pulls("open")) == 1
    run(clusters, target="dev", prod=drifted)
    assert len(clusters.pulls("open")) == 1
    run(clusters, target="prod")
    assert not clusters.pulls("open")


def test_a_removed_target_ends_its_items(clusters: Stage) -> None:
    """When the overlay is gone, so is what was proposed about it."""
    run(clusters, prod=changed(PROD, image="registry.example.com/web:1.4.3"))
    clusters.edit(
        "clockwork.yaml", lambda text: "\n".join(line for line in text.splitlines() if "name: prod" not in line) + "\n"
    )
    sha = clusters.api("GET", "/contents/overlays/prod/kustomization.yaml")["sha"]
    clusters.api("DELETE", "/contents/overlays/prod/kustomization.yaml", message="Leave prod", sha=sha)
    run(clusters)
    assert not clusters.pulls("open")


def test_a_broken_overlay_blocks_itself_alone(clusters: Stage) -> None:
    """What cannot be rendered is not compared, is told with its file, and stops no other target."""
    clusters.edit("overlays/dev/kustomization.yaml", lambda text: text.replace("../../base", "../../bases"))
    done = run(clusters, prod=changed(PROD, image="registry.example.com/web:1.4.3"))
    assert [drift.resource.target for drift in done.report.drift] == ["prod"]
    assert any("overlays/dev/kustomization.yaml" in note.rule and "bases" in note.detail for note in done.report.notes)


def folder(root: Path, files: Mapping[str, bytes]) -> Path:
    """The files below ``root``."""
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def test_found_targets_that_share_an_observer_are_not_guessed(tmp_path: Path, clusters: Stage) -> None:
    """Two overlays of one object and one live state: neither is compared until somebody says which."""
    options = replace(clusters.options(), repo=str(folder(tmp_path / "repo", KUSTOMIZE)), live=None, environment={})
    listed = open_targets(options)
    assert [(target.name, target.compared) for target in listed.targets] == [("dev", False), ("prod", False)]
    assert all("--target" in note.detail for note in listed.notes)


def test_an_origin_names_the_line(tmp_path: Path, clusters: Stage) -> None:
    """The tag comes from the overlay's line, the greeting from the base that dev reads too."""
    root = folder(tmp_path / "repo", KUSTOMIZE)
    options = replace(clusters.options(), repo=str(root), live=None, environment={}, target="prod")
    image = open_origin(options, "Deployment/shop/web", "spec.template.spec.containers[web].image")
    assert image.lines[0].startswith("overlays/prod/kustomization.yaml:5:")
    assert "+  newTag" in image.edit
    replicas = open_origin(options, "Deployment/shop/web", "spec.replicas")
    assert replicas.lines[0].startswith("overlays/prod/kustomization.yaml:7:")


def test_an_image_that_an_updater_wrote_beside_the_source_is_traced_there(tmp_path: Path) -> None:
    """``.argocd-source-APP.yaml`` sets the image, whatever the application and the kustomization say."""
    files = {
        "apps/shop.yaml": b"apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop}\n"
        b"spec:\n  source: {path: over}\n  destination: {namespace: shop}\n",
        "over/kustomization.yaml": b"resources: [deployment.yaml]\n",
        "over/deployment.yaml": BASE,
        "over/.argocd-source-shop.yaml": b"kustomize:\n  images:\n  - registry.example.com/web:1.4.2\n",
    }
    options = Options(repo=str(folder(tmp_path / "repo", files)), environment={})
    image = open_origin(options, "Deployment/shop/web", "spec.template.spec.containers[web].image")
    assert image.lines[0].startswith("over/.argocd-source-shop.yaml:3:")
    assert image.value == "registry.example.com/web:1.4.2"


CHART: Mapping[str, bytes] = {
    "charts/web/Chart.yaml": b"apiVersion: v2\nname: web\nversion: 0.1.0\n",
    "charts/web/values.yaml": b"image: {repository: registry.example.com/web, tag: 1.4.2}\nreplicas: 1\n",
    "charts/web/templates/deployment.yaml": b"""\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: {{ .Release.Namespace }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          env: [{name: GREETING, value: hello}]
          readinessProbe: {httpGet: {path: /ready, port: 8080}, failureThreshold: 3}
""",
    "values/dev.yaml": b"image:\n  tag: 2.0-rc1\n",
    "values/prod.yaml": b"# prod\nreplicas: 4\n",
}


@pytest.mark.skipif(find_spec("helm_python") is None and tools.helm() is None, reason="Helm is not installed")
def test_a_chart_s_value_is_set_in_the_target_s_values_file(tmp_path: Path) -> None:
    """The chart's default is overridden where prod's values stand; the default itself stays for everybody else."""
    targets = "".join(
        f"- {{name: {name}, path: charts/web, namespace: shop, values: [values/{name}.yaml],"
        f" observe: {{snapshot: {{file: {tmp_path / name}.json}}}}}}\n"
        for name in ("dev", "prod")
    )
    with Sandbox.start(tmp_path / "box") as box:
        token, human = box.create_user("clockwork[bot]", bot=True), box.create_user("rosa", admin=True)
        settings = KUSTOMIZE["clockwork.yaml"] + b"targets:\n" + targets.encode()
        box.create_repository(NAME, files={**CHART, "clockwork.yaml": settings})
        stage = Stage(box, tmp_path, token, human, {}, MovableClock())
        assert not run(stage).report.drift
        run(stage, prod=changed(PROD, image="registry.example.com/web:1.4.3"))
        (pull,) = stage.pulls("open")
        (file,) = stage.api("GET", f"/pulls/{pull['number']}/files")
        assert (file["filename"], file["deletions"]) == ("values/prod.yaml", 0)
        assert "1.4.3" in file["patch"]


def test_what_no_observer_sees_is_said_and_stops_nothing(clusters: Stage) -> None:
    """Plain files beside observed targets, and nobody who sees where they run: not compared, and the rest goes on."""
    manifest = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\n"
    content = base64.b64encode(manifest).decode()
    clusters.api("PUT", "/contents/k8s/config.yaml", message="By hand", content=content, branch="main")
    done = run(clusters, prod=changed(PROD, image="registry.example.com/web:1.4.3"))
    assert [drift.resource.target for drift in done.report.drift] == ["prod"]
    assert any("no live-state source is configured" in note.detail for note in done.report.notes)
