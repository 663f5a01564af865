"""One part of a deployment that is broken stops itself alone, and units are told apart by more than their names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pygit2
import pytest

from bot.flows.deployment import DeploymentReader
from bot.flows.reconcile import tick
from bot.flows.tracing import scene_of
from bot.model.decision import Lane
from bot.model.finding import Change
from bot.model.proposal import Effect, Tick
from bot.origins.expanded import uses
from bot.renderers.renderers import Renderers
from bot.sandbox.server import Sandbox
from bot.targets.documents import Documents
from bot.wiring.guard import local_commits, rendering_at
from bot.wiring.reconcile import open_loop
from bot.wiring.repository import Options, SystemClock
from bot.wiring.targets import reader, renderers
from tests.flows.stage import NAME, Stage
from tests.flows.test_targets import CHART, PROD, changed
from tests.gitops import tree_of
from tests.guardrails.test_command import commit
from tests.renderers.needs import HELM, KUSTOMIZE

NEW = "registry.example.com/web:1.4.3"
VALUES = "charts/web/values.yaml"
BROKEN = b"image: {repository: registry.example.com/web, tag: 1.4.2\nreplicas: [4\n"
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: NAME, namespace: argocd}
spec:
  project: default
  source: {repoURL: URL, path: charts/NAME}
  destination: {namespace: shop, server: https://kubernetes.default.svc}
"""


def other(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The chart again under another name, with values that are no YAML."""
    named = {
        path.replace("charts/web", "charts/api"): data for path, data in files.items() if path.startswith("charts/")
    }
    return {path: data.replace(b"web", b"api") for path, data in named.items()} | {"charts/api/values.yaml": BROKEN}


def settings_of(tmp_path: Path, **paths: str) -> bytes:
    """Settings with these targets by name, all observed through one file."""
    live = f"observe: {{snapshot: {{file: {tmp_path}/live.json}}}}"
    listed = "".join(f"- {{name: {name}, path: {path}, namespace: shop, {live}}}\n" for name, path in paths.items())
    return f"version: 1\ngithub: {{min_write_interval: 0}}\ntargets:\n{listed}".encode()


def run(stage: Stage) -> Tick:
    """One run in which somebody changed the image of web."""
    stage.objects = {"web": changed(PROD, image=NEW)}
    stage.objects["web"]["spec"]["replicas"] = 1
    stage.show()
    return tick(open_loop(replace(stage.options(), live=None), clock=stage.clock))


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox.start(tmp_path / "box") as sandbox:
        yield sandbox


def stage_of(tmp_path: Path, box: Sandbox, files: Mapping[str, bytes]) -> Stage:
    token, human = box.create_user("clockwork[bot]", bot=True), box.create_user("rosa", admin=True)
    box.create_repository(NAME, files=files)
    return Stage(box, tmp_path, token, human, {})


def assert_web_is_proposed(stage: Stage, done: Tick) -> None:
    """Web's image is proposed, and api is told with the file that is broken."""
    proposed = [action for action in done.actions if action.lane is Lane.CONFIG_PULL_REQUEST]
    assert [(action.effect, action.task.rpartition("/")[2]) for action in proposed] == [(Effect.OPENED, "web")]
    (pull,) = stage.pulls("open")
    (file,) = stage.api("GET", f"/pulls/{pull['number']}/files")
    assert "1.4.3" in file["patch"]
    assert [note.rule for note in done.report.notes if "api" in note.rule and "values.yaml" in note.detail]


@HELM
def test_a_broken_values_file_stops_its_own_target(tmp_path: Path, box: Sandbox) -> None:
    """Two charts, each a target: the values of one cannot be read, and the other's change is proposed all the same."""
    files = {**{path: data for path, data in CHART.items() if path.startswith("charts/")}, **other(CHART)}
    settings = settings_of(tmp_path, web="charts/web", api="charts/api")
    stage = stage_of(tmp_path, box, {**files, "clockwork.yaml": settings})
    assert_web_is_proposed(stage, run(stage))


@HELM
@KUSTOMIZE
def test_a_broken_values_file_stops_its_own_application(tmp_path: Path, box: Sandbox) -> None:
    """The same within one target: an application beside it, brought along by the same folder, goes on."""
    url = box.git_url(NAME)
    files = {
        **{path: data for path, data in CHART.items() if path.startswith("charts/")},
        **other(CHART),
        **{
            f"argo/{name}.yaml": APPLICATION.replace("NAME", name).replace("URL", url).encode()
            for name in ("web", "api")
        },
        "argo/kustomization.yaml": b"resources: [web.yaml, api.yaml]\n",
    }
    stage = stage_of(tmp_path, box, {**files, "clockwork.yaml": settings_of(tmp_path, all="argo")})
    done = run(stage)
    assert_web_is_proposed(stage, done)


def of_two_places(tmp_path: Path, box: Sandbox, values: str) -> Stage:
    """One chart for two places; the values of dev cannot be read, prod has these."""
    live = f"observe: {{snapshot: {{file: {tmp_path}/live.json}}}}"
    listed = "".join(
        f"- {{name: {name}, path: charts/web, namespace: shop, values: [{files}], {live}}}\n"
        for name, files in (("dev", "values/dev.yaml"), ("prod", values))
    )
    settings = f"version: 1\ngithub: {{min_write_interval: 0}}\ntargets:\n{listed}".encode()
    files = {**CHART, "values/dev.yaml": BROKEN, "values/prod.yaml": b"replicas: 1\n", "clockwork.yaml": settings}
    return stage_of(tmp_path, box, files)


@HELM
def test_a_broken_values_file_stops_no_other_target_of_its_chart(tmp_path: Path, box: Sandbox) -> None:
    """Prod's change goes into prod's own values: nobody knows what the chart's would do to dev."""
    stage = of_two_places(tmp_path, box, "values/prod.yaml")
    done = run(stage)
    assert [(action.effect, action.task) for action in done.actions] == [(Effect.OPENED, "prod/Deployment/shop/web")]
    (pull,) = stage.pulls("open")
    (file,) = stage.api("GET", f"/pulls/{pull['number']}/files")
    assert file["filename"] == "values/prod.yaml"
    assert [note.detail for note in done.report.notes if "values/dev.yaml" in f"{note.rule}{note.detail}"]


@HELM
def test_what_does_not_render_may_change_with_a_file_that_it_is_made_from(tmp_path: Path, box: Sandbox) -> None:
    """Prod has no values of its own: the pull request edits the chart's, and says that dev is made from them too."""
    stage = of_two_places(tmp_path, box, "")
    run(stage)
    (pull,) = stage.pulls("open")
    assert [file["filename"] for file in stage.api("GET", f"/pulls/{pull['number']}/files")] == [VALUES]
    assert "dev/helm (not rendered)/dev changes too" in pull["body"].replace("\\", "")


FLUX = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: web, namespace: SPACE}
spec: {interval: 1h, path: ./apps/SPACE, prune: true, sourceRef: {kind: GitRepository, name: shop}}
"""
RELEASE = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web, namespace: SPACE}
spec:
  interval: 1h
  chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: shop, namespace: a}}}
"""
SOURCE = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: shop, namespace: SPACE}
spec: {interval: 1h, url: https://github.com/acme/shop}
"""


def config(name: str) -> str:
    return json.dumps(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": name}, "data": {"a": "b"}}
    )


TWINS = {
    **{f"clusters/prod/{space}.yaml": FLUX.replace("SPACE", space) for space in ("a", "b")},
    **{f"clusters/prod/{space}-source.yaml": SOURCE.replace("SPACE", space) for space in ("a", "b")},
    "apps/a/config.yaml": config("a"),
    "apps/b/config.yaml": config("b").removesuffix("}"),
}
"""Two Kustomizations of one name in two namespaces. That of b cannot be built."""


def reader_of(files: Mapping[str, str]) -> DeploymentReader:
    documents = Documents(tree_of(files))
    return DeploymentReader(Renderers(documents), documents)


@KUSTOMIZE
def test_a_unit_that_breaks_is_not_hidden_by_one_of_its_name() -> None:
    """An edit after which a's does not build is no edit, though another Kustomization called web did not build before."""
    reader, tree = reader_of(TWINS), tree_of(TWINS)
    deployment = reader.read(tree)
    (name,) = deployment.expansions
    assert [each.rendering.error is None for each in deployment.expansions[name].units[1:]] == [True, False]
    scene = scene_of(deployment, name, reader)
    fine = config("a").replace('"b"', '"c"').encode()
    assert scene.render(tree.with_changes({"apps/a/config.yaml": fine}), frozenset({name})) is not None
    assert scene.render(tree.with_changes({"apps/a/config.yaml": fine[:-1]}), frozenset({name})) is None


@KUSTOMIZE
def test_a_unit_that_was_broken_before_is_no_failure_of_a_change(tmp_path: Path) -> None:
    """A change of a's file is not told that b's does not build: it did not before, whatever the other is called."""
    made = pygit2.init_repository(tmp_path / "repo", initial_head="main")
    base = commit(made, TWINS, "Begin")
    head = commit(made, {"apps/a/config.yaml": config("a").replace('"b"', '"c"')})
    change = Change(base, head, ())
    opened = local_commits(Options(repo=str(tmp_path / "repo")), base)
    (rendered,) = rendering_at(opened, base, reader(opened, renderers(opened.options)), SystemClock())(change)
    assert [str(resource) for resource in rendered.after] == ["ConfigMap/a/a"]
    assert rendered.failures == ()


@HELM
@KUSTOMIZE
def test_releases_of_one_name_share_their_chart() -> None:
    """Two namespaces each have a release called web of one chart: its values are read for both."""
    files = {
        **{path: data.decode() for path, data in CHART.items() if path.startswith("charts/")},
        "clusters/prod/kustomization.yaml": "resources: [a.yaml, b.yaml, a-source.yaml]\n",
        **{f"clusters/prod/{space}.yaml": RELEASE.replace("SPACE", space) for space in ("a", "b")},
        "clusters/prod/a-source.yaml": SOURCE.replace("SPACE", "a"),
    }
    reader = reader_of(files)
    deployment = reader.read(tree_of(files))
    assert not [out for expansion in deployment.expansions.values() for out in expansion.left_out]
    assert uses([deployment.expansions["prod"]], reader.documents.on(tree_of(files)))[VALUES] == 2
