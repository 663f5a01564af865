"""What Flux and Argo CD take from elsewhere, rendered by the real tools."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from bot.flows.tracing import scene_of
from bot.model.drift import SetValue
from bot.model.json import Pointer
from bot.model.resource import Platform, ResourceId
from bot.origins.scene import EditPlan, Goal
from bot.origins.search import find_edit
from bot.renderers.renderers import Renderers
from tests.gitops import at
from tests.gitrepo.server import GitServer
from tests.renderers import needs
from tests.upstream.conftest import Fetchers
from tests.upstream.packages import CHART, archive, chart, digest
from tests.upstream.registry import RegistryStandIn
from tests.upstream.rendering import CONFIG, OWN, Rendered, fetched, left_out, objects, publish
from tests.upstream.site import Site
from tests.upstream.test_gitsource import Source

pytestmark = [needs.KUSTOMIZE, needs.HELM]


def flux(more: str, *, release: str = "") -> dict[str, str]:
    """A cluster of Flux with ``more`` objects beside what bootstrap writes."""
    sync = """\
        apiVersion: source.toolkit.fluxcd.io/v1
        kind: GitRepository
        metadata: {name: flux-system, namespace: flux-system}
        spec: {url: URL, ref: {branch: main}}
        ---
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata: {name: flux-system, namespace: flux-system}
        spec: {path: ./cluster, sourceRef: {kind: GitRepository, name: flux-system}}
        """
    files = {
        "cluster/flux-system/gotk-sync.yaml": textwrap.dedent(sync).replace("URL", OWN),
        "cluster/more.yaml": textwrap.dedent(more),
    }
    return {**files, "cluster/release.yaml": textwrap.dedent(release)} if release else files


RELEASE = """\
    apiVersion: helm.toolkit.fluxcd.io/v2
    kind: HelmRelease
    metadata: {name: shop, namespace: apps}
    spec:
      SOURCE
      values: {level: debug}
    """


def release(source: str) -> str:
    return textwrap.dedent(RELEASE).replace("SOURCE", source)


def test_a_release_of_a_chart_repository_is_rendered(site: Site, fetchers: Fetchers, renderers: Renderers) -> None:
    """With its values, told of by the file that declares it, and with the digest of its chart."""
    packed = {"1.2.3": chart("web", "1.2.3"), "2.0.0": chart("web", "2.0.0")}
    publish(site, packed)
    repository = f"""\
        apiVersion: source.toolkit.fluxcd.io/v1
        kind: HelmRepository
        metadata: {{name: charts, namespace: apps}}
        spec: {{url: {site.url}/charts}}
        """
    chosen = 'chart: {spec: {chart: web, version: "1.x", sourceRef: {kind: HelmRepository, name: charts}}}'
    deployment = Rendered(renderers, fetchers.allowing(site.authority)).read(flux(repository, release=release(chosen)))
    assert left_out(deployment) == []
    assert objects(deployment) == {"Deployment/shop-web": ("cluster/release.yaml", 1)}
    assert fetched(deployment) == [f"1.2.3 sha256:{digest(packed['1.2.3'])}"]
    (made,) = [made for _, made in deployment.expansions["cluster"].objects() if made.tree["kind"] == "Deployment"]
    container = ("spec", "template", "spec", "containers", 0)
    assert at(made, *container, "image") == "example.com/web:7.7"
    assert at(made, *container, "env") == [{"name": "LEVEL", "value": "debug"}]
    assert at(made, "metadata", "namespace") == "apps"


def test_values_files_of_a_fetched_chart_are_in_it(site: Site, fetchers: Fetchers, renderers: Renderers) -> None:
    """``valuesFiles`` are paths of the chart, and take the place of its own values."""
    publish(site, {"1.0.0": chart("web", "1.0.0", {"values-big.yaml": "replicas: 9\nlevel: a\nimage: {tag: big}\n"})})
    repository = f"""\
        apiVersion: source.toolkit.fluxcd.io/v1
        kind: HelmRepository
        metadata: {{name: charts, namespace: apps}}
        spec: {{url: {site.url}/charts}}
        """
    chosen = (
        "chart: {spec: {chart: web, valuesFiles: [values-big.yaml], sourceRef: {kind: HelmRepository, name: charts}}}"
    )
    deployment = Rendered(renderers, fetchers.allowing(site.authority)).read(flux(repository, release=release(chosen)))
    (made,) = [made for _, made in deployment.expansions["cluster"].objects() if made.tree["kind"] == "Deployment"]
    assert (at(made, "spec", "replicas"), left_out(deployment)) == (9, [])


@pytest.mark.parametrize("how", ["HelmRepository", "OCIRepository", "HelmChart"])
def test_a_release_of_a_registry_is_rendered(how: str, site: Site, fetchers: Fetchers, renderers: Renderers) -> None:
    """By ``chart.spec`` and by ``chartRef``, with the digest of the manifest."""
    manifest = RegistryStandIn(site).push("charts/web", "1.2.3", chart("web", "1.2.3"))
    source = f"""\
        apiVersion: source.toolkit.fluxcd.io/v1
        kind: OCIRepository
        metadata: {{name: charts, namespace: apps}}
        spec:
          url: oci://{site.authority}/charts/web
          ref: {{semver: "1.x"}}
          layerSelector: {{mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip, operation: copy}}
        ---
        apiVersion: source.toolkit.fluxcd.io/v1
        kind: HelmRepository
        metadata: {{name: charts, namespace: apps}}
        spec: {{url: "oci://{site.authority}/charts", type: oci}}
        ---
        apiVersion: source.toolkit.fluxcd.io/v1
        kind: HelmChart
        metadata: {{name: charts, namespace: apps}}
        spec: {{chart: web, version: "~1.2", sourceRef: {{kind: HelmRepository, name: charts}}}}
        """
    chosen = f"chartRef: {{kind: {how}, name: charts}}"
    if how == "HelmRepository":
        chosen = "chart: {spec: {chart: web, version: 1.2.3, sourceRef: {kind: HelmRepository, name: charts}}}"
    deployment = Rendered(renderers, fetchers.allowing(site.authority)).read(flux(source, release=release(chosen)))
    assert left_out(deployment) == []
    assert objects(deployment) == {"Deployment/shop-web": ("cluster/release.yaml", 1)}
    assert fetched(deployment) == [f"1.2.3 {manifest}"]


def test_a_chart_of_another_repository_is_rendered_with_its_dependencies(
    site: Site, host: GitServer, tmp_path: Path, fetchers: Fetchers, renderers: Renderers
) -> None:
    """From the folder that ``chart`` names; what it depends on is fetched, or lies beside it."""
    publish(site, {"0.1.0": chart("db", "0.1.0")}, name="db")
    about = (
        f"dependencies:\n- {{name: db, version: ^0.1, repository: {site.url}/charts}}\n"
        "- {name: near, version: 1.0.0, repository: 'file://../near'}\n"
    )
    near = {
        f"deploy/near/{path}": text.replace("NAME", "near").replace("VERSION", "1.0.0") for path, text in CHART.items()
    }
    own = {
        f"deploy/web/{path}": text.replace("NAME", "web").replace("VERSION", "9.0.0") for path, text in CHART.items()
    }
    own["deploy/web/Chart.yaml"] += about
    source = Source(host, tmp_path / "work")
    commit = source.commit({**near, **own}, "v1.0.0")
    repository = f"""\
        apiVersion: source.toolkit.fluxcd.io/v1
        kind: GitRepository
        metadata: {{name: app, namespace: apps}}
        spec: {{url: {host.url("base.git")}, ref: {{tag: v1.0.0}}}}
        """
    chosen = "chart: {spec: {chart: ./deploy/web, sourceRef: {kind: GitRepository, name: app}}}"
    fetcher = fetchers.allowing(site.authority, f"127.0.0.1:{host.port}")
    deployment = Rendered(renderers, fetcher).read(flux(repository, release=release(chosen)))
    assert left_out(deployment) == []
    assert sorted(objects(deployment)) == ["Deployment/shop-db", "Deployment/shop-near", "Deployment/shop-web"]
    assert fetched(deployment)[0] == f"refs/tags/v1.0.0 sha1:{commit}"


def test_a_kustomization_of_another_repository_is_rendered(
    site: Site, host: GitServer, tmp_path: Path, fetchers: Fetchers, renderers: Renderers
) -> None:
    """Of a Git repository or of an artifact, with what its spec adds; what it brings along goes on from there."""
    source = Source(host, tmp_path / "work")
    inner = """\
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata: {name: inner, namespace: flux-system}
        spec: {path: ./inner, sourceRef: {kind: GitRepository, name: app}}
        """
    files = {
        "deploy/a.yaml": CONFIG.replace("NAME", "a"),
        "deploy/inner.yaml": textwrap.dedent(inner),
        "inner/b.yaml": CONFIG.replace("NAME", "b"),
    }
    commit = source.commit(files)
    artifact = archive(
        {"app/kustomization.yaml": b"resources: [c.yaml]\n", "app/c.yaml": CONFIG.replace("NAME", "c").encode()}
    )
    manifest = RegistryStandIn(site).push(
        "manifests", "latest", artifact, media="application/vnd.cncf.flux.content.v1.tar+gzip"
    )
    more = f"""\
        apiVersion: source.toolkit.fluxcd.io/v1
        kind: GitRepository
        metadata: {{name: app, namespace: flux-system}}
        spec: {{url: {host.url("base.git")}, ref: {{branch: main}}}}
        ---
        apiVersion: source.toolkit.fluxcd.io/v1
        kind: OCIRepository
        metadata: {{name: app, namespace: flux-system}}
        spec: {{url: "oci://{site.authority}/manifests"}}
        ---
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata: {{name: outer, namespace: flux-system}}
        spec: {{path: ./deploy, namePrefix: x-, sourceRef: {{kind: GitRepository, name: app}}}}
        ---
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata: {{name: artifact, namespace: flux-system}}
        spec: {{path: ./app, targetNamespace: far, sourceRef: {{kind: OCIRepository, name: app}}}}
        """
    fetcher = fetchers.allowing(site.authority, f"127.0.0.1:{host.port}")
    deployment = Rendered(renderers, fetcher).read(flux(more))
    assert left_out(deployment) == []
    assert objects(deployment) == {
        "ConfigMap/x-a": ("cluster/more.yaml", 11),
        "ConfigMap/b": ("cluster/more.yaml", 11),
        "ConfigMap/c": ("cluster/more.yaml", 16),
    }
    assert set(fetched(deployment)) == {f"refs/heads/main sha1:{commit}", f"latest {manifest}"}


def test_one_that_cannot_be_fetched_does_not_stop_the_others(
    site: Site, fetchers: Fetchers, renderers: Renderers
) -> None:
    """It is not compared, and its reason says what to set; nothing of it is missing."""
    publish(site, {"1.0.0": chart("web", "1.0.0")})
    addresses = {"good": f"{site.url}/charts", "far": "https://far.example.com/c", "down": "http://127.0.0.1:1/c"}
    source = (
        "{{apiVersion: source.toolkit.fluxcd.io/v1, kind: HelmRepository, metadata: {{name: {}, namespace: apps}},\n"
        "  spec: {{url: '{}'}}}}\n"
    )
    sources = "---\n".join(source.format(name, url) for name, url in addresses.items())
    releases = "---\n".join(
        release(f"chart: {{spec: {{chart: web, sourceRef: {{kind: HelmRepository, name: {name}}}}}}}").replace(
            "name: shop", f"name: {name}"
        )
        for name in ("good", "far", "down")
    )
    deployment = Rendered(renderers, fetchers.allowing(site.authority, "127.0.0.1:1")).read(
        flux(sources, release=releases)
    )
    assert objects(deployment) == {"Deployment/good-web": ("cluster/release.yaml", 1)}
    reasons = {out.subject: (out.reason, out.again, out.line) for out in left_out(deployment)}
    assert reasons == {
        "HelmRelease apps/far": (
            (
                "its chart web comes from https://far.example.com/c, and is not fetched: "
                "far.example.com is not among fetch.hosts in clockwork.yaml"
            ),
            False,
            8,
        ),
        "HelmRelease apps/down": (
            (
                "its chart web comes from http://127.0.0.1:1/c, and is not fetched: 127.0.0.1:1 cannot be connected to:"
                " Connection refused"
            ),
            True,
            15,
        ),
    }
    assert {note.state for note in deployment.notes} == {"not compared"}


def test_applications_of_argo_take_charts_and_folders_from_elsewhere(
    site: Site, host: GitServer, tmp_path: Path, fetchers: Fetchers, renderers: Renderers
) -> None:
    """A chart of a repository with values files of this one, a chart of a registry, a folder of another repository."""
    publish(site, {"1.2.3": chart("web", "1.2.3")})
    RegistryStandIn(site).push("oci/web", "3.0.0", chart("web", "3.0.0"))
    source = Source(host, tmp_path / "work")
    source.commit(
        {"deploy/kustomization.yaml": "resources: [a.yaml]\n", "deploy/a.yaml": CONFIG.replace("NAME", "a")}, "v1"
    )
    application = """\
        apiVersion: argoproj.io/v1alpha1
        kind: Application
        metadata: {{name: {name}, namespace: argocd}}
        spec: {{destination: {{namespace: {name}}}, {sources}}}
        """
    chart_source = (
        f"{{repoURL: {site.url}/charts, chart: web, targetRevision: 1.*, helm: {{valueFiles: [$own/values/web.yaml]}}}}"
    )
    listed = {
        "http": f"sources: [{chart_source}, {{repoURL: {OWN}, ref: own}}]",
        "oci": f"source: {{repoURL: {site.authority}/oci, chart: web, targetRevision: 3.0.0}}",
        "git": f"source: {{repoURL: {host.url('base.git')}, path: deploy, targetRevision: v1, kustomize: {{namePrefix: y-}}}}",
        "lost": f"source: {{repoURL: {host.url('base.git')}, path: not/there, targetRevision: v1}}",
    }
    files = {
        f"apps/{name}.yaml": textwrap.dedent(application).format(name=name, sources=sources)
        for name, sources in listed.items()
    }
    files["values/web.yaml"] = "replicas: 5\n"
    fetcher = fetchers.allowing(site.authority, f"127.0.0.1:{host.port}")
    deployment = Rendered(renderers, fetcher).read(files)
    assert objects(deployment) == {
        "Deployment/http-web": ("apps/http.yaml", 1),
        "Deployment/oci-web": ("apps/oci.yaml", 1),
        "ConfigMap/y-a": ("apps/git.yaml", 1),
    }
    (made,) = [made for _, made in deployment.expansions["http"].objects()]
    assert at(made, "spec", "replicas") == 5
    (lost,) = left_out(deployment)
    assert lost.reason.startswith("not/there is not in http://127.0.0.1:")


def goal_for(name: str, pointer: Pointer, value: int | str) -> Goal:
    """One value of a Deployment of the target ``cluster`` or ``shop``."""
    resource = ResourceId(Platform.KUBERNETES, "Deployment", "apps", name, "apps")
    return Goal("cluster", {resource: (SetValue(pointer, value),)})


@pytest.mark.parametrize(
    ("pointer", "value", "line"),
    [
        (("spec", "template", "spec", "containers", 0, "env", 0, "value"), "warn", "  values: {level: warn}"),
        (("spec", "replicas"), 3, "  values: {level: debug, replicas: 3}"),
    ],
)
def test_a_live_value_goes_into_the_values_of_the_release(
    site: Site, fetchers: Fetchers, renderers: Renderers, *, pointer: Pointer, value: int | str, line: str
) -> None:
    """Where the release sets it, and as a new key where only the fetched chart does; nothing is fetched while searching."""
    publish(site, {"1.2.3": chart("web", "1.2.3")})
    repository = f"""\
        apiVersion: source.toolkit.fluxcd.io/v1
        kind: HelmRepository
        metadata: {{name: charts, namespace: apps}}
        spec: {{url: {site.url}/charts}}
        """
    chosen = "chart: {spec: {chart: web, version: 1.2.3, sourceRef: {kind: HelmRepository, name: charts}}}"
    rendered = Rendered(renderers, fetchers.allowing(site.authority))
    deployment = rendered.read(flux(repository, release=release(chosen)))
    asked = len(site.asked)
    plan = find_edit(goal_for("shop-web", pointer, value), scene_of(deployment, "cluster", rendered.reader))
    assert isinstance(plan, EditPlan), plan
    assert list(plan.files) == ["cluster/release.yaml"]
    assert line in plan.files["cluster/release.yaml"].decode().splitlines()
    assert plan.moves == ()
    assert len(site.asked) == asked
