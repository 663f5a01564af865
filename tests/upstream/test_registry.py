"""Charts and archives of registries, against one that follows the distribution specification."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.model.upstream import NotFetched, UpstreamKind, UpstreamRequest
from bot.upstream.fetcher import Fetcher
from tests.upstream import packages
from tests.upstream.conftest import Clock, Fetchers
from tests.upstream.packages import CHART, archive, chart
from tests.upstream.registry import RegistryStandIn
from tests.upstream.site import Reply, Site
from tests.upstream.test_repository import got, refused

VERSIONS = ("1.0.0", "1.2.0", "1.10.0", "1.11.0-rc.1", "1.3.0_build.5", "latest", "sha-123")
NAME = "team/charts/web"


def filled(site: Site, **how: object) -> RegistryStandIn:
    """A registry with a chart in some versions."""
    registry = RegistryStandIn(site, **how)  # type: ignore[arg-type]
    for tag in VERSIONS:
        version = tag.replace("_", "+")
        registry.push(NAME, tag, chart("web", version if version[0].isdecimal() else "9.9.9"))
    return registry


def request_for(site: Site, version: str = "", *, ref: str = "", digest: str = "") -> UpstreamRequest:
    return UpstreamRequest(UpstreamKind.OCI, f"oci://{site.authority}/{NAME}", "", version, ref, digest)


@pytest.mark.parametrize(
    ("version", "ref", "taken"),
    [
        ("1.0.0", "", "1.0.0"),
        ("*", "", "1.10.0"),
        ("~1.3", "", "1.3.0+build.5"),
        ("1.3.0+build.5", "", "1.3.0+build.5"),
        (">=1.11.0-0", "", "1.11.0-rc.1"),
        ("", "sha-123", "sha-123"),
        ("", "", "latest"),
    ],
)
def test_tags_are_versions_with_a_plus_written_otherwise(
    site: Site, fetchers: Fetchers, version: str, ref: str, taken: str
) -> None:
    """A version is its tag, a range the greatest tag over all pages of the list, nothing is ``latest``."""
    registry = filled(site)
    answer = got(fetchers.allowing(site.authority), request_for(site, version, ref=ref))
    assert answer.source.version == taken
    manifest = registry.manifests[NAME, taken.replace("+", "_")]
    assert answer.source.digest == f"sha256:{packages.digest(manifest)}"
    assert answer.tree.under("") == sorted(CHART)


def test_a_digest_is_that_manifest_whatever_tags_say(site: Site, fetchers: Fetchers) -> None:
    """And no other bytes are taken for it."""
    registry = filled(site)
    first = registry.push(NAME, "moving", chart("web", "5.0.0"))
    second = registry.push(NAME, "moving", chart("web", "6.0.0"))
    answer = got(fetchers.allowing(site.authority), request_for(site, ref="moving", digest=first))
    assert b"version: 5.0.0" in (answer.tree.read("Chart.yaml") or b"")
    registry.manifests[NAME, first] = registry.manifests[NAME, second]
    clean = request_for(site, ref="other-name", digest=first)
    assert "has another digest than it should" in refused(fetchers.allowing(site.authority), clean).reason


def test_a_challenge_is_answered_with_a_token(site: Site, fetchers: Fetchers) -> None:
    """Basic credentials go to the authority that the registry names, the token to the registry, for reading this alone."""
    filled(site, password="s3cret")
    host = f"127_0_0_1_{site.port}"
    environment = {f"CLOCKWORK_FETCH_TOKEN_{host}": "s3cret", f"CLOCKWORK_FETCH_USER_{host}": "robot"}
    answer = got(fetchers.allowing(site.authority, environment=environment), request_for(site, "1.0.0"))
    assert answer.source.version == "1.0.0"
    (asked,) = [each for each in site.asked if each.path == "/token"]
    assert asked.query == {"service": "registry", "scope": f"repository:{NAME}:pull"}
    assert [each.headers.get("authorization") for each in site.asked if each.path.startswith("/v2/")] == [
        None,
        "Bearer a-token",
        "Bearer a-token",
    ]


def test_without_credentials_the_variable_is_named(site: Site, fetchers: Fetchers) -> None:
    """A registry that gives anonymous tokens needs none; one that does not is told by what to set."""
    filled(site, password="s3cret")
    answer = refused(fetchers.allowing(site.authority), request_for(site, "1.0.0"))
    variable = f"CLOCKWORK_FETCH_TOKEN_127_0_0_1_{site.port}"
    assert answer == NotFetched(f"{site.authority} does not let us read token (401): set {variable}")


def test_an_authority_elsewhere_must_be_allowed_too(site: Site, other: Site, fetchers: Fetchers) -> None:
    """A registry cannot send credentials to a host of its choice."""
    filled(site, password="s3cret", realm=f"{other.url}/token")
    host = f"127_0_0_1_{site.port}"
    environment = {f"CLOCKWORK_FETCH_TOKEN_{host}": "s3cret", f"CLOCKWORK_FETCH_USER_{host}": "robot"}
    answer = refused(fetchers.allowing(site.authority, environment=environment), request_for(site, "1.0.0"))
    told = f"{site.authority} sends us on: {other.authority} is not among fetch.hosts in clockwork.yaml"
    assert answer.reason == told
    assert other.asked == []
    RegistryStandIn(other, password="s3cret")
    got(fetchers.allowing(site.authority, other.authority, environment=environment), request_for(site, "1.0.0"))
    assert other.asked[0].basic == ("robot", "s3cret")


def test_blobs_may_lie_on_another_host_that_is_allowed(site: Site, other: Site, fetchers: Fetchers) -> None:
    """A redirect to storage is followed where settings name it, without the token."""
    filled(site, password="s3cret", blob_at=lambda blob: f"{other.url}/storage/{blob}?signature=x")
    data = chart("web", "1.0.0")
    other.put(f"/storage/sha256:{packages.digest(data)}", data)
    host = f"127_0_0_1_{site.port}"
    environment = {f"CLOCKWORK_FETCH_TOKEN_{host}": "s3cret", f"CLOCKWORK_FETCH_USER_{host}": "robot"}
    told = refused(fetchers.allowing(site.authority, environment=environment), request_for(site, "1.0.0")).reason
    assert told == f"{site.authority} sends us on: {other.authority} is not among fetch.hosts in clockwork.yaml"
    got(fetchers.allowing(site.authority, other.authority, environment=environment), request_for(site, "1.0.0"))
    assert [(each.query, each.headers.get("authorization")) for each in other.asked] == [({"signature": "x"}, None)]


def spoiled(part: str, how: Callable[[Reply], Reply]) -> Callable[[str, Reply], Reply]:
    return lambda path, reply: how(reply) if part in path else reply


@pytest.mark.parametrize(
    ("part", "how", "reason"),
    [
        ("/blobs/", lambda reply: replace(reply, body=reply.body + b"x"), "has another digest"),
        (
            "/blobs/",
            lambda reply: replace(reply, body=reply.body[:9], length=len(reply.body)),
            "broke off in the middle",
        ),
        ("/blobs/", lambda reply: replace(reply, pause=0.3), "in time (fetch.timeout)"),
        ("/blobs/", lambda _reply: Reply(endless=True), "is larger than 1 MiB"),
        ("/manifests/", lambda _reply: Reply(endless=True), "is larger than 4 MiB"),
        ("/manifests/", lambda reply: replace(reply, body=reply.body + b" "), "has another digest than it should"),
        ("/manifests/", lambda _reply: Reply(b"[]"), "is no JSON object"),
        ("/manifests/", lambda _reply: Reply(b"<html>"), "is no JSON"),
        ("/manifests/", lambda _reply: Reply(b'{"layers": 5}'), "is no single artifact with layers"),
        ("/manifests/", lambda _reply: Reply(b'{"layers": [5, "x"]}'), "is no single artifact with layers"),
        ("/manifests/", lambda _reply: Reply(b'{"manifests": [], "mediaType": "an/index"}'), "but an/index"),
        ("/manifests/", lambda _reply: Reply(b'{"layers": [{"digest": "md5:1"}]}'), "a layer without a sha256 digest"),
        ("/manifests/", lambda _reply: Reply(b"{}", 404), "has no 1.0.0 (404)"),
        (
            "/manifests/",
            lambda _reply: Reply(b"{}", 401, {"WWW-Authenticate": "Negotiate"}),
            "asks for credentials: set",
        ),
        ("/manifests/", lambda _reply: Reply(b"{}", 429), "answers 429"),
        ("/manifests/", lambda _reply: Reply(b"", 401, {"WWW-Authenticate": 'Bearer realm="http://["'}), "is no URL"),
        ("/manifests/", lambda _reply: Reply(b"", 401, {"WWW-Authenticate": 'Bearer realm="/token"'}), "is no http"),
    ],
)
def test_what_a_registry_does_wrong_is_a_reason(
    site: Site, fetchers: Fetchers, part: str, how: Callable[[Reply], Reply], reason: str
) -> None:
    """No bytes of another digest, no half of a blob, no endless one, nothing that is no manifest; and nothing of it is kept."""
    registry = filled(site)
    registry.spoil = spoiled(part, how)
    fetcher = fetchers.allowing(site.authority, seconds=2.0 if "in time" in reason else 60.0, most=1024**2)
    assert reason in refused(fetcher, request_for(site, "1.0.0")).reason
    registry.spoil = lambda _path, reply: reply
    got(fetchers.allowing(site.authority), request_for(site, "1.0.0"))


def test_a_list_of_tags_that_is_none_is_a_reason(site: Site, fetchers: Fetchers) -> None:
    """Or one that never ends."""
    registry = filled(site)
    registry.spoil = spoiled("/tags/", lambda _reply: Reply(b'{"tags": 5}'))
    assert "has no tag that satisfies" in refused(fetchers.allowing(site.authority), request_for(site, "1.x")).reason
    registry.spoil = spoiled("/tags/", lambda reply: replace(reply, headers={"Link": '<list?n=2>; rel="next"'}))
    assert (
        "has more tags than can be read" in refused(fetchers.allowing(site.authority), request_for(site, "2.x")).reason
    )
    assert len(site.asked) < 200


def test_a_layer_that_says_it_is_large_is_not_asked_for(site: Site, fetchers: Fetchers) -> None:
    """The manifest tells the size before anything of it comes."""
    registry = filled(site)
    registry.push(NAME, "large", archive({"large/Chart.yaml": bytes(range(256)) * 8}))
    fetcher = fetchers.allowing(site.authority, most=100)
    assert "is larger than" in refused(fetcher, request_for(site, ref="large")).reason
    assert not any("/blobs/" in path for path in site.paths())


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("oci://{}/Team/Web", "is no name that a registry can have"),
        ("oci://{}/a/../b", "leads out of its path"),
        ("oci://robot:s3cret@{}/a", "the address has credentials in it"),
        ("oci://{}/", "is no name that a registry can have"),
    ],
)
def test_names_that_no_registry_has_are_not_asked_for(site: Site, fetchers: Fetchers, url: str, reason: str) -> None:
    """And what stands there besides is not repeated."""
    request = replace(request_for(site), url=url.format(site.authority))
    answer = refused(fetchers.allowing(site.authority), request)
    assert reason in answer.reason
    assert "s3cret" not in answer.reason
    assert site.asked == []


@pytest.mark.parametrize("request_", [("1.0.0 or so", ""), ("", "a tag"), ("", "../x")])
def test_tags_that_no_registry_has_are_not_asked_for(site: Site, fetchers: Fetchers, request_: tuple[str, str]) -> None:
    """They would be other paths of the same host."""
    filled(site)
    version, ref = request_
    assert " is no " in refused(fetchers.allowing(site.authority), request_for(site, version, ref=ref)).reason
    assert not any("/manifests/" in path for path in site.paths())


def test_an_archive_of_manifests_is_unpacked_as_it_is(site: Site, fetchers: Fetchers) -> None:
    """What ``flux push artifact`` packs has no folder around it."""
    registry = filled(site)
    files = {"kustomization.yaml": b"resources: [a.yaml]\n", "a.yaml": b"kind: A\n"}
    registry.push(NAME, "manifests", archive(files), media="application/vnd.cncf.flux.content.v1.tar+gzip")
    answer = got(fetchers.allowing(site.authority), request_for(site, ref="manifests"))
    assert {path: answer.tree.read(path) for path in answer.tree} == files


def test_a_tag_that_moves_is_asked_for_again(site: Site, fetchers: Fetchers, clock: Clock) -> None:
    """The layer is fetched again only where the manifest is another one."""
    registry = filled(site)
    fetcher: Fetcher = fetchers.allowing(site.authority)
    first = got(fetcher, request_for(site))
    clock.at += 601
    assert got(fetcher, request_for(site)).source == first.source
    assert sum("/blobs/" in path for path in site.paths()) == 1
    pushed = registry.push(NAME, "latest", chart("web", "10.0.0"))
    clock.at += 601
    assert got(fetcher, request_for(site)).source.digest == pushed
    assert sum("/blobs/" in path for path in site.paths()) == 2


def test_plain_http_is_for_hosts_inside_of_the_network(site: Site, fetchers: Fetchers) -> None:
    """Others are asked over TLS, unless the source says otherwise."""
    filled(site)
    name = replace(request_for(site, "1.0.0"), url=f"oci://localhost:{site.port}/{NAME}")
    got(fetchers.allowing(f"localhost:{site.port}"), name)
    closed = fetchers.allowing("registry.invalid")
    for insecure in (False, True):
        request = replace(request_for(site), url=f"oci://registry.invalid/{NAME}", insecure=insecure)
        assert refused(closed, request).reason == "registry.invalid does not resolve to an address"
