"""Options of Flux and Argo CD count for what is fetched as they do for what lies in the repository."""

from __future__ import annotations

import textwrap
from pathlib import Path

from bot.renderers.renderers import Renderers
from tests.gitops import at
from tests.gitrepo.server import GitServer
from tests.renderers import needs
from tests.upstream.conftest import Fetchers
from tests.upstream.packages import chart
from tests.upstream.rendering import CONFIG, OWN, Rendered, left_out, objects, publish
from tests.upstream.site import Site
from tests.upstream.test_gitsource import Source
from tests.upstream.test_rendered_controllers import flux

pytestmark = [needs.KUSTOMIZE, needs.HELM]


def test_patterns_and_overrides_count_for_a_fetched_chart(site: Site, fetchers: Fetchers, renderers: Renderers) -> None:
    """Values files of two repositories keep apart, patterns take those of this one, the chart's own overrides come last."""
    overrides = 'helm: {parameters: [{name: image.tag, value: "8.8"}]}\n'
    more = {"values/web.yaml": "replicas: 9\nlevel: chart\n", ".argocd-source.yaml": overrides}
    publish(site, {"1.2.3": chart("web", "1.2.3", more)})
    helm = "{valueFiles: [values/web.yaml, $own/values/*.yaml]}"
    application = f"""\
        apiVersion: argoproj.io/v1alpha1
        kind: Application
        metadata: {{name: shop, namespace: argocd}}
        spec:
          destination: {{namespace: shop}}
          sources:
            - {{repoURL: {site.url}/charts, chart: web, targetRevision: 1.*, helm: {helm}}}
            - {{repoURL: {OWN}, ref: own}}
        """
    files = {"apps/shop.yaml": textwrap.dedent(application), "values/web.yaml": "replicas: 5\n"}
    deployment = Rendered(renderers, fetchers.allowing(site.authority)).read(files)
    assert left_out(deployment) == []
    ((unit, made),) = deployment.expansions["shop"].objects()
    container = ("spec", "template", "spec", "containers", 0)
    assert at(made, "spec", "replicas") == 5
    assert at(made, *container, "env", 0, "value") == "chart"
    assert at(made, *container, "image") == "example.com/web:8.8"
    assert deployment.expansions["shop"].units[0].rendering.inputs == {"values/web.yaml"}
    assert made.file == unit.file == "apps/shop.yaml"


def test_flux_leaves_files_of_another_repository_out(
    host: GitServer, tmp_path: Path, fetchers: Fetchers, renderers: Renderers
) -> None:
    """Those that its own ``.sourceignore`` names, and those that ``spec.ignore`` of its source does."""
    names = ("a", "listed", "ignored")
    files = {f"deploy/{name}.yaml": CONFIG.replace("NAME", name) for name in names}
    Source(host, tmp_path / "work").commit({**files, ".sourceignore": "deploy/listed.yaml\n"})
    more = f"""\
        apiVersion: source.toolkit.fluxcd.io/v1
        kind: GitRepository
        metadata: {{name: app, namespace: flux-system}}
        spec: {{url: {host.url("base.git")}, ref: {{branch: main}}, ignore: deploy/ignored.yaml}}
        ---
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata: {{name: outer, namespace: flux-system}}
        spec: {{path: ./deploy, sourceRef: {{kind: GitRepository, name: app}}}}
        """
    deployment = Rendered(renderers, fetchers.allowing(f"127.0.0.1:{host.port}")).read(flux(more))
    assert left_out(deployment) == []
    assert list(objects(deployment)) == ["ConfigMap/a"]


def test_what_flux_ignores_here_is_not_left_out_of_a_remote_base(
    host: GitServer, tmp_path: Path, fetchers: Fetchers, renderers: Renderers
) -> None:
    """A base is cloned by kustomize, which knows nothing of ``.sourceignore``; files of this repository are left out."""
    base = {"base/kustomization.yaml": "resources: [far.yaml]\n", "base/far.yaml": CONFIG.replace("NAME", "far")}
    Source(host, tmp_path / "work").commit(base, "v1")
    files = {
        **flux(CONFIG.replace("NAME", "near")),
        "cluster/base/kustomization.yaml": f"resources: ['{host.url('base.git')}//base?ref=v1']\n",
        "cluster/far.yaml": CONFIG.replace("NAME", "ignored"),
        ".sourceignore": "far.yaml\n",
    }
    deployment = Rendered(renderers, fetchers.allowing(f"127.0.0.1:{host.port}")).read(files)
    assert left_out(deployment) == []
    assert set(objects(deployment)) == {"ConfigMap/near", "ConfigMap/far"}
