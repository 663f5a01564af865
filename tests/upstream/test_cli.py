"""The command line on repositories that name charts and bases of other places."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.entry import clockwork
from tests.gitrepo.server import GitServer
from tests.renderers import needs
from tests.upstream.packages import chart, digest
from tests.upstream.registry import RegistryStandIn
from tests.upstream.rendering import CONFIG, publish
from tests.upstream.site import Site
from tests.upstream.test_gitsource import Source

pytestmark = [needs.KUSTOMIZE, needs.HELM]

APP = """\
    apiVersion: argoproj.io/v1alpha1
    kind: Application
    metadata: {name: shop, namespace: argocd}
    spec:
      destination: {namespace: shop}
      source: {repoURL: ADDRESS, chart: web, targetRevision: 1.x, helm: {valuesObject: {level: debug}}}
    """


def laid(tmp_path: Path, files: Mapping[str, str]) -> Path:
    """A folder with files."""
    for path, text in files.items():
        (tmp_path / "repo" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "repo" / path).write_text(textwrap.dedent(text))
    return tmp_path / "repo"


def running(replicas: int = 1) -> dict[str, object]:
    """The Deployment of the chart as a cluster has it."""
    container = {"name": "web", "image": "example.com/web:7.7", "env": [{"name": "LEVEL", "value": "debug"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop-web", "namespace": "shop"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web", "chart": "1.2.3"}}, "spec": {"containers": [container]}},
        },
    }


def live(root: Path, *objects: Mapping[str, object]) -> str:
    """A snapshot of a cluster, in which the application itself is as it is declared."""
    path = root.parent / "live.json"
    application = yaml.safe_load((root / "apps" / "shop.yaml").read_text())
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": [application, *objects]}))
    return str(path)


def test_a_chart_that_is_allowed_is_compared(site: Site, tmp_path: Path) -> None:
    """``targets`` says what was fetched, with its digest; ``drift`` finds what differs in what that chart renders."""
    data = chart("web", "1.2.3")
    publish(site, {"1.2.3": data})
    settings = f"fetch: {{hosts: ['{site.authority}/charts']}}\n"
    root = laid(tmp_path, {"apps/shop.yaml": APP.replace("ADDRESS", f"{site.url}/charts"), "clockwork.yaml": settings})
    listed = clockwork("targets", "--repo", str(root), "--json", folder=tmp_path)
    assert listed.returncode == 0, listed.stderr
    (target,) = json.loads(listed.stdout)["targets"]
    expected = {"url": f"{site.url}/charts/web", "version": "1.2.3", "digest": f"sha256:{digest(data)}"}
    assert target["units"][0]["fetched"] == [expected]
    assert (target["resources"], target["units"][0]["not_compared"]) == (1, None)
    shown = clockwork("targets", "--repo", str(root), folder=tmp_path).stdout
    assert f": 1 object, from {site.url}/charts/web 1.2.3 (sha256:{digest(data)[:12]})" in shown
    words = ("drift", "--repo", str(root), "--exit-code", "--json", "--live")
    same = clockwork(*words, live(root, running()), folder=tmp_path)
    assert (same.returncode, json.loads(same.stdout)["drift"]) == (0, []), same.stderr
    other = clockwork(*words, live(root, running(replicas=3)), folder=tmp_path)
    (drift,) = json.loads(other.stdout)["drift"]
    assert (other.returncode, drift["path"], drift["desired"], drift["observed"]) == (1, "spec.replicas", 1, 3)
    assert drift["source"] == {"file": "apps/shop.yaml", "line": 1}
    assert len(site.asked) == 2


def test_a_chart_that_is_not_allowed_is_not_compared(site: Site, tmp_path: Path) -> None:
    """Nothing is asked, nothing counts as missing, nothing is called in sync, and the reason says what to set."""
    publish(site, {"1.2.3": chart("web", "1.2.3")})
    root = laid(tmp_path, {"apps/shop.yaml": APP.replace("ADDRESS", f"{site.url}/charts")})
    told = f"is not fetched: {site.authority} is not among fetch.hosts in clockwork.yaml"
    listed = clockwork("targets", "--repo", str(root), folder=tmp_path)
    assert told in listed.stdout.replace("\n", " ").replace("  ", " ")
    for found in ((), (running(replicas=3),)):
        done = clockwork("drift", "--repo", str(root), "--json", "--live", live(root, *found), folder=tmp_path)
        report = json.loads(done.stdout)
        assert report["drift"] == []
        (note,) = [each for each in report["ignores"] if each["state"] != "incomplete"]
        assert (note["state"], told in note["detail"]) == ("not compared", True)
    shown = clockwork("drift", "--repo", str(root), "--live", live(root), folder=tmp_path).stdout
    assert told in " ".join(shown.split())
    assert site.asked == []


def test_a_private_registry_and_a_private_base_are_read_by_the_environment(
    site: Site, host: GitServer, tmp_path: Path
) -> None:
    """With a variable for each host; nothing that is printed or kept holds what is in it."""
    RegistryStandIn(site, password="s3cret-registry").push("charts/web", "1.2.3", chart("web", "1.2.3"))
    Source(host, tmp_path / "work").commit(
        {"base/kustomization.yaml": "resources: [a.yaml]\n", "base/a.yaml": CONFIG.replace("NAME", "a")}, "v1"
    )
    host.password = "s3cret-git"
    files = {
        "apps/shop.yaml": APP.replace("ADDRESS", f"{site.authority}/charts"),
        "env/kustomization.yaml": f"resources: ['{host.url('base.git')}//base?ref=v1']\n",
        "clockwork.yaml": f"fetch: {{hosts: ['{site.authority}', '127.0.0.1:{host.port}']}}\n",
    }
    root = laid(tmp_path, files)
    registry, git = f"127_0_0_1_{site.port}", f"127_0_0_1_{host.port}"
    bare = clockwork("targets", "--repo", str(root), "--all", folder=tmp_path)
    assert f"set CLOCKWORK_FETCH_TOKEN_{registry}" in bare.stdout
    assert f"set CLOCKWORK_FETCH_TOKEN_{git}" in bare.stdout
    environment = {
        f"CLOCKWORK_FETCH_TOKEN_{registry}": "s3cret-registry",
        f"CLOCKWORK_FETCH_USER_{registry}": "robot",
        f"CLOCKWORK_FETCH_TOKEN_{git}": "s3cret-git",
    }
    done = clockwork("targets", "--repo", str(root), "--json", folder=tmp_path, **environment)
    listed = json.loads(done.stdout)
    assert [unit["not_compared"] for target in listed["targets"] for unit in target["units"]] == [None, None]
    assert "s3cret" not in done.stdout + done.stderr
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert kept
    assert not any(b"s3cret" in path.read_bytes() for path in kept)
