"""Charts and bases that a chart or a kustomization takes from elsewhere, rendered by the real tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.flows.declare import Declarer
from bot.forge.render import render
from bot.gitrepo.worktree import WORKTREE, WorkTree
from bot.renderers.renderers import Renderers
from bot.targets.documents import Documents
from tests.gitops import at, called, tree_of
from tests.gitrepo.server import GitServer
from tests.renderers import needs
from tests.upstream.conftest import Clock, Fetchers
from tests.upstream.packages import CHART, chart
from tests.upstream.registry import RegistryStandIn
from tests.upstream.rendering import CONFIG, DEPENDING, Rendered, fetched, left_out, objects, publish
from tests.upstream.site import Site
from tests.upstream.test_gitsource import Source

pytestmark = [needs.KUSTOMIZE, needs.HELM]


@pytest.mark.parametrize(
    ("dependencies", "lock", "made"),
    [
        ("- {name: db, version: ^1, repository: REPO}\n", "", {"Deployment/app-db": "1.5.0"}),
        (
            "- {name: db, version: ^1, repository: REPO}\n",
            "- {name: db, version: 1.4.0, repository: REPO}\n",
            {"Deployment/app-db": "1.4.0"},
        ),
        ("- {name: db, version: 1.4.0, repository: 'oci://REGISTRY/charts'}\n", "", {"Deployment/app-db": "1.4.0"}),
        ("- {name: db, version: ^1, repository: REPO, condition: db.enabled}\n", "", {}),
        (
            "- {name: db, version: ^1, repository: REPO, alias: store, condition: store.enabled}\n",
            "",
            {"Deployment/app-store": "1.5.0"},
        ),
    ],
)
def test_dependencies_that_are_not_vendored_are_fetched(
    site: Site, fetchers: Fetchers, renderers: Renderers, *, dependencies: str, lock: str, made: dict[str, str]
) -> None:
    """In the version of the lock, else the newest in the range; what values switch off is not asked for."""
    more = {"templates/web.yaml": CHART["templates/web.yaml"].replace("-NAME", "-{{ .Chart.Name }}")}
    packed = {version: chart("db", version, more) for version in ("1.4.0", "1.5.0", "2.0.0")}
    publish(site, packed, name="db")
    RegistryStandIn(site).push("charts/db", "1.4.0", packed["1.4.0"])

    def filled(text: str) -> str:
        return text.replace("REPO", f"{site.url}/charts").replace("REGISTRY", site.authority)

    files = {
        "app/Chart.yaml": DEPENDING + filled(dependencies),
        "app/values.yaml": "db: {enabled: false}\nstore: {enabled: true}\n",
        "app/templates/a.yaml": CONFIG.replace("NAME", "a"),
    }
    files |= {"app/Chart.lock": f"dependencies:\n{filled(lock)}"} if lock else {}
    deployment = Rendered(renderers, fetchers.allowing(site.authority)).read(files)
    assert left_out(deployment) == []
    (expansion,) = deployment.expansions.values()
    versions = {
        called(each): at(each, "spec", "template", "metadata", "labels", "chart")
        for _, each in expansion.objects()
        if each.tree["kind"] == "Deployment"
    }
    assert versions == made
    assert all(each.file in files for _, each in expansion.objects())
    assert len(fetched(deployment)) == len(made)


@pytest.mark.parametrize(
    ("dependency", "lock", "reason"),
    [
        ("{name: db, version: ^1, repository: REPO}", "2.0.0", "Chart.lock holds another version than it asks for"),
        ("{name: db, version: ^1, repository: '@stable'}", "", "its repository cannot be asked"),
        ("{name: db, version: ^7, repository: REPO}", "", "has no version of db that satisfies ^7"),
        (
            "{name: db, version: ^1, repository: 'https://far.example.com'}",
            "",
            "far.example.com is not among fetch.hosts",
        ),
    ],
)
def test_a_dependency_that_cannot_be_had_names_itself(
    site: Site, fetchers: Fetchers, renderers: Renderers, *, dependency: str, lock: str, reason: str
) -> None:
    """At the chart that asks for it."""
    publish(site, {"1.5.0": chart("db", "1.5.0"), "2.0.0": chart("db", "2.0.0")}, name="db")
    files = {"app/Chart.yaml": f"{DEPENDING}- {dependency}\n".replace("REPO", f"{site.url}/charts")}
    files |= {"app/Chart.lock": f"dependencies: [{{name: db, version: {lock}}}]\n"} if lock else {}
    (out,) = left_out(Rendered(renderers, fetchers.allowing(site.authority)).read(files))
    assert out.reason.startswith("its chart needs db, which is not in its charts folder")
    assert reason in out.reason
    assert (out.file, out.line) == ("app/Chart.yaml", 1)


def test_charts_of_a_kustomization_are_fetched(site: Site, fetchers: Fetchers, renderers: Renderers) -> None:
    """From a repository or a registry, with values of the kustomization and patches on what they render."""
    publish(site, {"1.2.3": chart("web", "1.2.3")})
    RegistryStandIn(site).push("oci/web", "2.0.0", chart("web", "2.0.0"))
    kustomization = f"""\
        namespace: shop
        helmCharts:
        - {{name: web, repo: {site.url}/charts, version: 1.2.3, releaseName: one, valuesInline: {{replicas: 3}}}}
        - {{name: web, repo: "oci://{site.authority}/oci", version: 2.0.0, releaseName: two, valuesFile: values.yaml}}
        images: [{{name: example.com/web, newTag: patched}}]
        """
    files = {"kustomization.yaml": kustomization, "values.yaml": "replicas: 4\nlevel: x\nimage: {tag: y}\n"}
    deployment = Rendered(renderers, fetchers.allowing(site.authority)).read(files)
    assert left_out(deployment) == []
    assert objects(deployment) == dict.fromkeys(["Deployment/one-web", "Deployment/two-web"], ("kustomization.yaml", 1))
    made = {called(each): each for _, each in deployment.expansions["default"].objects()}
    assert [at(made[name], "spec", "replicas") for name in ("Deployment/one-web", "Deployment/two-web")] == [3, 4]
    assert {at(each, "spec", "template", "spec", "containers", 0, "image") for each in made.values()} == {
        "example.com/web:patched"
    }
    assert len(fetched(deployment)) == 2


def test_remote_bases_and_resources_are_fetched(
    site: Site, host: GitServer, tmp_path: Path, fetchers: Fetchers, renderers: Renderers
) -> None:
    """A folder of a repository with what it names beside it, a component, a base of a base, a file: all patched here."""
    other = Source(host, tmp_path / "other", "other.git")
    other.commit(
        {"base/kustomization.yaml": "resources: [deep.yaml]\n", "base/deep.yaml": CONFIG.replace("NAME", "deep")}, "v2"
    )
    base = Source(host, tmp_path / "work")
    far, component = host.url("other.git"), "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    commit = base.commit(
        {
            "overlays/prod/kustomization.yaml": f"resources: [../../base, '{far}//base?ref=v2']\nnameSuffix: -p\n",
            "base/kustomization.yaml": "resources: [web.yaml]\n",
            "base/web.yaml": CONFIG.replace("NAME", "web"),
            "part/kustomization.yaml": f"{component}commonAnnotations: {{part: 'yes'}}\n",
        },
        "v1",
    )
    site.put("/release/install.yaml", CONFIG.replace("NAME", "installed").encode())
    url = host.url("base.git")
    kustomization = f"""\
        resources:
        - "{url}//overlays/prod?ref=v1"
        - "{site.url}/release/install.yaml"
        - own.yaml
        components: ["{url}//part?ref=v1"]
        patches:
        - {{target: {{kind: ConfigMap, name: web}}, patch: '[{{"op": "replace", "path": "/data/a", "value": "patched"}}]'}}
        """
    files = {"env/kustomization.yaml": kustomization, "env/own.yaml": CONFIG.replace("NAME", "own")}
    rendered = Rendered(renderers, fetchers.allowing(site.authority, f"127.0.0.1:{host.port}"))
    deployment = rendered.read(files)
    assert left_out(deployment) == []
    assert objects(deployment) == {
        "ConfigMap/web-p": ("env/kustomization.yaml", 1),
        "ConfigMap/deep-p": ("env/kustomization.yaml", 1),
        "ConfigMap/installed": ("env/kustomization.yaml", 1),
        "ConfigMap/own": ("env/own.yaml", 1),
    }
    (expansion,) = deployment.expansions.values()
    assert {at(made, "metadata", "annotations", "part") for _, made in expansion.objects()} == {"yes"}
    assert expansion.inputs == set(files)
    assert f"v1 sha1:{commit}" in fetched(deployment)
    assert len(fetched(deployment)) == 3


@pytest.mark.parametrize(
    ("base", "reason"),
    [
        ("resources: [../../../own.yaml]\n", "leads out of"),
        ("resources: [gone.yaml]\n", "gone.yaml is not there"),
        ("resources: [web.yaml]\nnonsense: 1\n", "nonsense"),
        ("resources: ['SELF//base?ref=v1']\n", "more than 64 remote bases"),
        ("resources: ['https://far.example.com/o/r//x?ref=v1']\n", "far.example.com is not among fetch.hosts"),
        ("patches: [{path: 'https://far.example.com/p.yaml'}]\n", "nothing is fetched for this field"),
    ],
)
def test_a_remote_base_that_is_wrong_is_a_reason(
    host: GitServer, tmp_path: Path, fetchers: Fetchers, renderers: Renderers, *, base: str, reason: str
) -> None:
    """One that leads into this repository, to nothing, to itself, to a host that is not allowed, or that does not build."""
    source = Source(host, tmp_path / "work")
    url = host.url("base.git")
    source.commit(
        {"base/kustomization.yaml": base.replace("SELF", url), "base/web.yaml": CONFIG.replace("NAME", "web")}, "v1"
    )
    files = {"kustomization.yaml": f"resources: ['{url}//base?ref=v1']\n", "own.yaml": CONFIG.replace("NAME", "own")}
    deployment = Rendered(renderers, fetchers.allowing(f"127.0.0.1:{host.port}")).read(files)
    assert objects(deployment) == {}
    (out,) = left_out(deployment)
    assert reason in out.reason
    assert (out.file, out.line) == ("kustomization.yaml", 1)


def test_another_digest_is_another_rendering(
    site: Site, fetchers: Fetchers, clock: Clock, tmp_path: Path, renderers: Renderers
) -> None:
    """What was rendered is remembered, also for the next process, until what it was fetched from is another thing."""
    chart_file = f"{DEPENDING}- {{name: db, version: ^1, repository: {site.url}/charts}}\n"
    files = {"app/Chart.yaml": chart_file}
    publish(site, {"1.0.0": chart("db", "1.0.0")}, name="db")
    remembering = Renderers(Documents(tree_of({})), renderers.jail, cache=tmp_path / "cache")
    rendered = Rendered(remembering, fetchers.allowing(site.authority))
    first = rendered.read(files)
    assert (remembering.rendered, rendered.reader.is_outdated()) == (1, False)
    assert rendered.read(files).expansions == first.expansions
    later = Renderers(Documents(tree_of({})), renderers.jail, cache=tmp_path / "cache")
    assert Rendered(later, fetchers.allowing(site.authority)).read(files).expansions == first.expansions
    assert (remembering.rendered, later.rendered) == (1, 0)
    publish(site, {"1.0.0": chart("db", "1.0.0"), "1.1.0": chart("db", "1.1.0")}, name="db")
    clock.at += 601
    assert rendered.reader.is_outdated()
    assert fetched(rendered.read(files))[0].startswith("1.1.0 sha256:")
    assert (remembering.rendered, rendered.reader.is_outdated()) == (2, False)
    site.pages.clear()
    clock.at += 601
    assert rendered.reader.is_outdated()
    assert "has no index.yaml" in left_out(rendered.read(files))[0].reason


def test_a_tick_sees_that_a_branch_went_on_though_no_commit_came(
    host: GitServer, tmp_path: Path, fetchers: Fetchers, clock: Clock, renderers: Renderers
) -> None:
    """The declaration of a commit is read again when what it names elsewhere is another thing, and only then."""
    source = Source(host, tmp_path / "work")
    first = source.commit(
        {"base/kustomization.yaml": "resources: [a.yaml]\n", "base/a.yaml": CONFIG.replace("NAME", "a")}
    )
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(f"resources: ['{host.url('base.git')}//base?ref=main']\n")
    rendered = Rendered(renderers, fetchers.allowing(f"127.0.0.1:{host.port}"))
    declarer = Declarer(WorkTree(folder), render, targets=rendered.reader)
    before = declarer.at(WORKTREE)
    assert before.deployment is not None
    assert fetched(before.deployment) == [f"main sha1:{first}"]
    second = source.commit({"base/a.yaml": CONFIG.replace("NAME", "b")})
    assert declarer.at(WORKTREE) is before
    clock.at += 601
    after = declarer.at(WORKTREE)
    assert after.deployment is not None
    assert fetched(after.deployment) == [f"main sha1:{second}"]
    assert [desired.id.name for desired in after.resources] == ["b"]
    clock.at += 601
    assert declarer.at(WORKTREE) is after


def test_nothing_is_fetched_for_an_edit_that_is_only_tried(
    site: Site, fetchers: Fetchers, renderers: Renderers
) -> None:
    """What the repository names now is at hand; another version is not asked for."""
    publish(site, {"1.0.0": chart("db", "1.0.0"), "2.0.0": chart("db", "2.0.0")}, name="db")
    text = f"{DEPENDING}- {{name: db, version: 1.0.0, repository: {site.url}/charts}}\n"
    rendered = Rendered(renderers, fetchers.allowing(site.authority))
    deployment = rendered.read({"app/Chart.yaml": text, "app/values.yaml": "db: {replicas: 1}\n"})
    asked = len(site.asked)
    target, tree = deployment.targets[0], rendered.reader.with_cached_only(deployment.tree)
    again = rendered.reader.expand(target, tree.with_changes({"app/values.yaml": b"db: {replicas: 2}\n"}))
    assert [at(made, "spec", "replicas") for _, made in again.objects()] == [2]
    tried = rendered.reader.expand(
        target, tree.with_changes({"app/Chart.yaml": text.replace("1.0.0, rep", "2.0.0, rep").encode()})
    )
    assert "nothing is fetched while an edit is looked for" in tried.left_out[0].reason
    assert len(site.asked) == asked
