"""What manifests name elsewhere, read as requests."""

from __future__ import annotations

import pytest
import yaml

from bot.model.json import Tree
from bot.model.upstream import NotFetched, UpstreamKind, UpstreamRequest, host_of, nowhere
from bot.targets.upstream import argo_source, chart_request, dependency_request, flux_chart, flux_source, remote_base
from tests.table import table

COMMIT = "1234567890" * 4
GIT, OCI, CHART, FILE = UpstreamKind.GIT, UpstreamKind.OCI, UpstreamKind.CHART, UpstreamKind.FILE


def git(url: str, ref: str = "", *, version: str = "", digest: str = "") -> UpstreamRequest:
    return UpstreamRequest(GIT, url, "", version, ref, digest)


@table(
    ("written", "request_", "path"),
    [
        ("https://github.com/o/r//base?ref=v1", git("https://github.com/o/r", "v1"), "base"),
        ("https://github.com/o/r//a/b/?ref=v1&timeout=9s", git("https://github.com/o/r", "v1"), "a/b"),
        ("github.com/o/r/path/to?ref=main", git("https://github.com/o/r", "main"), "path/to"),
        ("github.com:o/r", git("https://github.com/o/r"), ""),
        ("https://github.com/o/r?version=x", git("https://github.com/o/r", "x"), ""),
        (f"https://github.com/o/r?ref={COMMIT}", git("https://github.com/o/r", digest=COMMIT), ""),
        ("https://github.com/o/r?ref=HEAD", git("https://github.com/o/r"), ""),
        ("git@github.com:o/r.git", git("https://github.com/o/r.git"), ""),
        ("git@github.com:o/r//a?ref=x", git("https://github.com/o/r", "x"), "a"),
        ("ssh://git@host:22/o/r.git//p?ref=a", git("https://host/o/r.git", "a"), "p"),
        ("https://host/a/b/c/d.git/sub?ref=1", git("https://host/a/b/c/d.git", "1"), "sub"),
        ("git::https://h/o/r//p", git("https://h/o/r"), "p"),
        ("gh:o/r/p?ref=1", git("https://github.com/o/r", "1"), "p"),
        ("https://dev.azure.com/o/p/_git/r/q?ref=x", git("https://dev.azure.com/o/p/_git/r", "x"), "q"),
        ("http://127.0.0.1:80/b.git//deploy?ref=v1", git("http://127.0.0.1:80/b.git", "v1"), "deploy"),
        ("github.com/o/r//x/y.yaml?ref=v2", git("https://github.com/o/r", "v2"), "x/y.yaml"),
        ("https://h/o/r/v1/x.yaml", UpstreamRequest(FILE, "https://h/o/r/v1/x.yaml"), "x.yaml"),
        ("https://h/x.yml?raw=true", UpstreamRequest(FILE, "https://h/x.yml?raw=true"), "x.yml"),
    ],
)
def test_a_remote_base_is_read_as_kustomize_reads_it(written: str, request_: UpstreamRequest, path: str) -> None:
    """Host, repository, folder and ref, in all forms; SSH is asked for over HTTPS; the URL of a file is that file."""
    base = remote_base(written)
    assert base is not None
    assert (base.request, base.path) == (request_, path)


@pytest.mark.parametrize(
    "written", ["../base", "base", "https://github.com/o/r//../../x?ref=v1", "s3::https://x/y", "ftp://h/o/r"]
)
def test_what_is_no_remote_base_is_none(written: str) -> None:
    """A path of this repository, one that leads out of the other, a scheme that Git does not speak."""
    assert remote_base(written) is None


@pytest.mark.parametrize(
    ("source", "request_"),
    [
        ("{url: 'https://h/r', ref: {branch: b}}", git("https://h/r", "refs/heads/b")),
        ("{url: 'https://h/r', ref: {tag: t, branch: b}}", git("https://h/r", "refs/tags/t")),
        ("{url: 'https://h/r', ref: {semver: '>=1', tag: t}}", git("https://h/r", version=">=1")),
        ("{url: 'https://h/r', ref: {name: refs/pull/1/head, semver: '1'}}", git("https://h/r", "refs/pull/1/head")),
        (
            f"{{url: 'https://h/r', ref: {{branch: b, commit: '{COMMIT}'}}}}",
            git("https://h/r", "refs/heads/b", digest=COMMIT),
        ),
        ("{url: 'ssh://git@h/r'}", git("https://h/r", "refs/heads/master")),
    ],
)
def test_a_git_repository_of_flux_is_at_its_ref(source: str, request_: UpstreamRequest) -> None:
    """Commit over name over semver over tag over branch, and ``master`` without any (GitRepository docs, "Reference")."""
    assert flux_source({"kind": "GitRepository", "spec": yaml.safe_load(source)}) == request_


def test_an_oci_repository_of_flux_is_at_its_ref() -> None:
    """Digest over semver over tag; ``latest`` is what the registry gives without any."""
    spec: Tree = {"url": "oci://h/n", "insecure": True, "ref": {"tag": "t", "semver": "1.x", "digest": "sha256:1"}}
    asked = flux_source({"kind": "OCIRepository", "spec": spec})
    assert asked == UpstreamRequest(OCI, "oci://h/n", "", "1.x", "t", "sha256:1", insecure=True)
    assert flux_source({"kind": "Bucket", "spec": {"endpoint": "h"}}) is None


def test_charts_of_flux_come_by_their_source() -> None:
    """A chart repository over HTTP or in a registry; any release where no version is given."""
    chart: Tree = {"chart": "web", "version": "1.x"}
    http: Tree = {"kind": "HelmRepository", "spec": {"url": "https://h/c"}}
    oci: Tree = {"kind": "HelmRepository", "spec": {"url": "oci://h/c", "type": "oci", "insecure": True}}
    assert flux_chart(http, chart) == UpstreamRequest(CHART, "https://h/c", "web", "1.x")
    assert flux_chart(http, {"chart": "web"}) == UpstreamRequest(CHART, "https://h/c", "web", "*")
    assert flux_chart(oci, chart) == UpstreamRequest(OCI, "oci://h/c/web", "", "1.x", insecure=True)
    assert flux_chart({"kind": "HelmRepository", "spec": {}}, chart) is None


@table(
    ("source", "request_"),
    [
        (
            "{repoURL: 'https://h/c', chart: web, targetRevision: 1.*}",
            UpstreamRequest(CHART, "https://h/c", "web", "1.*"),
        ),
        ("{repoURL: h/c, chart: web, targetRevision: 1.0.0}", UpstreamRequest(OCI, "oci://h/c/web", "", "1.0.0")),
        ("{repoURL: 'oci://h/c', path: ., targetRevision: v1}", UpstreamRequest(OCI, "oci://h/c", "", "", "v1")),
        ("{repoURL: 'git@h:o/r.git', path: a, targetRevision: main}", git("https://h/o/r.git", "main")),
        ("{repoURL: 'https://h/r', path: a, targetRevision: HEAD}", git("https://h/r")),
        ("{repoURL: 'https://h/r', path: a}", git("https://h/r")),
        ("{repoURL: 'https://h/r', targetRevision: '>=1.2'}", git("https://h/r", version=">=1.2")),
        ("{repoURL: 'https://h/r', targetRevision: 1.2.*}", git("https://h/r", version="1.2.*")),
        ("{repoURL: 'https://h/r', targetRevision: v1.2.3}", git("https://h/r", "v1.2.3")),
        (f"{{repoURL: 'https://h/r', targetRevision: '{COMMIT}'}}", git("https://h/r", digest=COMMIT)),
        ("{path: a}", None),
    ],
)
def test_a_source_of_argo_is_at_its_revision(source: str, request_: UpstreamRequest | None) -> None:
    """Charts by version or range, repositories by commit, branch, tag or range of tags."""
    assert argo_source(yaml.safe_load(source)) == request_


def test_a_dependency_is_in_the_version_of_the_lock() -> None:
    """An alias of somebody's own configuration, and no repository, lead nowhere."""
    entry = {"name": "db", "version": "^1", "repository": "https://h/c"}
    assert dependency_request(entry, {"db": "1.4.2"}) == UpstreamRequest(CHART, "https://h/c", "db", "1.4.2")
    assert dependency_request(entry, {}) == UpstreamRequest(CHART, "https://h/c", "db", "^1")
    registry = {**entry, "repository": "oci://h/c"}
    assert dependency_request(registry, {}) == UpstreamRequest(OCI, "oci://h/c/db", "", "^1")
    for repository in ("@stable", "alias:stable", "", "file://../db"):
        assert dependency_request({**entry, "repository": repository}, {}) is None


def test_a_request_is_kept_in_a_unit_as_json() -> None:
    """And read back as it was; nothing is none."""
    for request in (chart_request("oci://h/c", "web", ""), git("https://h/r", "x", digest=COMMIT)):
        assert UpstreamRequest.of(request.as_tree()) == request
    assert UpstreamRequest.of({}) is None


def test_where_nothing_may_be_fetched_the_setting_is_named() -> None:
    """By the host with its port."""
    told = NotFetched("h.example:8443 is not among fetch.hosts in clockwork.yaml")
    assert nowhere(git("https://H.example:8443/r")) == told
    assert host_of("https://user@h/r") == "h"
