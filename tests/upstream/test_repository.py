"""Charts of HTTP repositories: which version is taken, from where, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import Invalid
from bot.model.upstream import NotFetched, UpstreamFiles, UpstreamKind, UpstreamRequest
from bot.upstream.fetcher import Fetcher
from bot.upstream.repository import entry_of
from tests.upstream.conftest import Clock, Fetchers
from tests.upstream.packages import CHART, archive, chart, digest, index
from tests.upstream.site import Asked, Reply, Site

KEYS = st.sampled_from(["version", "urls", "digest", "created", "other"])
VERSIONS = ("1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1", "v0.9.0", "not-a-version")


def publish(site: Site, versions: tuple[str, ...] = VERSIONS, *, at: str = "/charts") -> dict[str, bytes]:
    """A repository with a chart in some versions; the archives by version."""
    packed = {version: chart("web", version) for version in versions}
    listed = [
        {"version": version, "urls": [f"packages/web-{version}.tgz"], "digest": digest(data)}
        for version, data in packed.items()
    ]
    site.put(f"{at}/index.yaml", index({"web": listed}))
    for version, data in packed.items():
        site.put(f"{at}/packages/web-{version}.tgz", data)
    return packed


def request_for(site: Site, version: str = "*", name: str = "web") -> UpstreamRequest:
    return UpstreamRequest(UpstreamKind.CHART, f"{site.url}/charts", name, version)


def got(fetcher: Fetcher, request: UpstreamRequest) -> UpstreamFiles:
    answer = fetcher.fetch(request)
    assert isinstance(answer, UpstreamFiles), answer
    return answer


def refused(fetcher: Fetcher, request: UpstreamRequest) -> NotFetched:
    answer = fetcher.fetch(request)
    assert isinstance(answer, NotFetched)
    return answer


@pytest.mark.parametrize(
    ("constraint", "version"),
    [
        ("*", "1.10.0"),
        ("", "1.10.0"),
        ("1.x", "1.10.0"),
        ("~1.2", "1.2.0"),
        ("^1.0.0", "1.10.0"),
        (">=1.0.0 <1.5.0", "1.2.0"),
        ("1.0.0", "1.0.0"),
        ("v1.0.0", "1.0.0"),
        (">=2.0.0-0", "2.0.0-rc.1"),
        ("2.0.0-rc.1", "2.0.0-rc.1"),
        ("<1", "v0.9.0"),
        ("not-a-version", "not-a-version"),
        ("0.9.0 || ~1.0.0", "1.0.0"),
    ],
)
def test_the_version_is_the_one_that_helm_and_flux_take(
    site: Site, fetchers: Fetchers, constraint: str, version: str
) -> None:
    """The text of a version first, then the greatest release in the range."""
    packed = publish(site)
    answer = got(fetchers.allowing(site.authority), request_for(site, constraint))
    assert (answer.source.version, answer.source.url) == (version, f"{site.url}/charts/web")
    assert answer.source.digest == f"sha256:{digest(packed[version])}"
    assert answer.tree.under("") == sorted(CHART)
    assert f"version: {version}\n".encode() in (answer.tree.read("Chart.yaml") or b"")


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (("3.x", "web"), "has no version of web that satisfies 3.x"),
        (("*", "db"), "has no chart db"),
        (("one of them", "web"), "'one of them' is no version and no constraint"),
    ],
)
def test_what_is_not_there_is_told(site: Site, fetchers: Fetchers, request_: tuple[str, str], reason: str) -> None:
    """A chart or a version that the index does not list, and a constraint that is none."""
    publish(site)
    answer = refused(fetchers.allowing(site.authority), request_for(site, *request_))
    assert reason in answer.reason
    assert not answer.again


def test_of_equal_versions_the_youngest_is_taken(site: Site, fetchers: Fetchers) -> None:
    """Builds of one version are told apart by when they were made."""
    archives = {day: chart("web", f"1.0.0+{day}") for day in ("1", "2", "3")}
    order = [("2", "2025-01-02T00:00:00Z"), ("3", "2025-01-03T00:00:00Z"), ("1", "2025-01-01T00:00:00Z")]
    listed = [{"version": f"1.0.0+{day}", "urls": [f"{day}.tgz"], "created": at} for day, at in order]
    site.put("/charts/index.yaml", index({"web": listed}))
    for day, data in archives.items():
        site.put(f"/charts/{day}.tgz", data)
    assert got(fetchers.allowing(site.authority), request_for(site, "^1")).source.version == "1.0.0+3"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("web.tgz", "/charts/web.tgz"),
        ("./a/web.tgz", "/charts/a/web.tgz"),
        ("/elsewhere/web.tgz", "/elsewhere/web.tgz"),
        ("SITE/far/web.tgz", "/far/web.tgz"),
    ],
)
def test_addresses_are_relative_to_the_repository_or_whole(site: Site, fetchers: Fetchers, url: str, path: str) -> None:
    """As a chart repository may write them; one of its own host needs no other leave."""
    data = chart("web", "1.0.0")
    site.put("/charts/index.yaml", index({"web": [{"version": "1.0.0", "urls": [url.replace("SITE", site.url)]}]}))
    site.put(path, data)
    answer = got(fetchers.allowing(f"{site.authority}/charts"), request_for(site))
    assert site.paths() == ["/charts/index.yaml", path]
    assert answer.source.digest == f"sha256:{digest(data)}"


def test_nothing_is_asked_of_a_host_that_is_not_allowed(site: Site, other: Site, fetchers: Fetchers) -> None:
    """Neither at first, nor for an archive that an allowed index names, nor by a redirect."""
    publish(site)
    answer = refused(fetchers.allowing("charts.example.com"), request_for(site))
    assert answer == NotFetched(f"{site.authority} is not among fetch.hosts in clockwork.yaml")
    site.put("/charts/index.yaml", index({"web": [{"version": "1.0.0", "urls": [f"{other.url}/web.tgz"]}]}))
    told = f"{site.authority} sends us on: {other.authority} is not among fetch.hosts in clockwork.yaml"
    assert refused(fetchers.allowing(site.authority), request_for(site)).reason == told
    site.put("/charts/index.yaml", Reply(b"", 302, {"Location": f"{other.url}/index.yaml"}))
    assert refused(fetchers.allowing(site.authority), request_for(site)).reason == told
    assert other.asked == []


def test_a_redirect_to_an_allowed_host_gets_no_credentials(site: Site, other: Site, fetchers: Fetchers) -> None:
    """The token of a host is sent to that host, and to no other port of the same machine."""
    data = chart("web", "1.0.0")
    other.put("/web.tgz", data)
    site.put("/charts/index.yaml", index({"web": [{"version": "1.0.0", "urls": ["web.tgz"]}]}))
    site.put("/charts/web.tgz", Reply(b"", 302, {"Location": f"{other.url}/web.tgz"}))
    environment = {f"CLOCKWORK_FETCH_TOKEN_127_0_0_1_{site.port}": "s3cret"}
    got(fetchers.allowing(site.authority, other.authority, environment=environment), request_for(site))
    assert [each.basic for each in site.asked] == [("x-access-token", "s3cret")] * 2
    assert [each.headers.get("authorization") for each in other.asked] == [None]


def test_a_private_repository_is_read_with_the_token_of_its_host(site: Site, fetchers: Fetchers) -> None:
    """Without it the reason names the variable; with it nothing that is told or stored holds it."""
    packed = publish(site)

    def guarded(data: bytes) -> object:
        return lambda asked: Reply(data) if asked.basic == ("robot", "s3cret") else Reply(b"", 401)

    index_page = site.pages["/charts/index.yaml"](Asked("", {}, {})).body
    site.put("/charts/index.yaml", guarded(index_page))  # type: ignore[arg-type]
    site.put("/charts/packages/web-1.0.0.tgz", guarded(packed["1.0.0"]))  # type: ignore[arg-type]
    host = f"127_0_0_1_{site.port}"
    told = refused(fetchers.allowing(site.authority), request_for(site, "1.0.0")).reason
    assert told == f"{site.authority} does not let us read index.yaml (401): set CLOCKWORK_FETCH_TOKEN_{host}"
    environment = {f"CLOCKWORK_FETCH_TOKEN_{host}": "s3cret", f"CLOCKWORK_FETCH_USER_{host}": "robot"}
    fetcher = fetchers.allowing(site.authority, environment=environment)
    answer = got(fetcher, request_for(site, "1.0.0"))
    assert "s3cret" not in repr(fetcher) + repr(answer.source)
    assert not any(b"s3cret" in path.read_bytes() for path in fetchers.folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("reply", "reason", "again"),
    [
        (lambda data: Reply(data[:-1] + b"x"), "has another digest than its index says", True),
        (lambda data: Reply(data[:20], length=len(data)), "broke off in the middle", True),
        (lambda data: Reply(data, pause=0.3), "in time (fetch.timeout)", True),
        (lambda _data: Reply(endless=True), "is larger than 1 MiB (fetch.max_mib)", False),
        (lambda _data: Reply(b"", 500), "answers 500 for web-1.0.0.tgz", True),
        (lambda _data: Reply(b"", 404), "has no web-1.0.0.tgz (404)", False),
        (lambda _data: Reply(b"", 302, {"Location": "web-1.0.0.tgz"}), "redirects more than 5 times", True),
    ],
)
def test_what_goes_wrong_is_a_reason_and_is_not_kept(
    site: Site, fetchers: Fetchers, reply: object, reason: str, again: bool
) -> None:
    """Another digest, a body cut short, one that drips, one without end, an error, a circle; the next process finds what is
    right.
    """
    data = publish(site)["1.0.0"]
    site.put("/charts/packages/web-1.0.0.tgz", reply(data))  # type: ignore[operator]
    seconds = 2.0 if "in time" in reason else 60.0
    answer = refused(fetchers.allowing(site.authority, seconds=seconds, most=1024**2), request_for(site, "1.0.0"))
    assert reason in answer.reason
    assert answer.again is again
    site.put("/charts/packages/web-1.0.0.tgz", data)
    got(fetchers.allowing(site.authority), request_for(site, "1.0.0"))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"entries: [", "is not valid YAML"),
        (b"a: 1\n", "lists no charts"),
        (b"entries: {web: [{version: 1.0.0}]}\n", "gives no address for web 1.0.0"),
        (b"entries: {web: nonsense}\n", "has no chart web"),
        (b"entries: {web: [{version: 1.0.0, urls: ['//[']}]}\n", "is no URL that can be read"),
        (b"entries: {web: [{version: 1.0.0, urls: ['http://[']}]}\n", "is no URL that can be read"),
        (b"entries: {web: [{version: 1.0.0, urls: ['ftp://x/web.tgz']}]}\n", "is no http, https or oci address"),
    ],
)
def test_an_index_that_cannot_be_read_is_told(site: Site, fetchers: Fetchers, body: bytes, reason: str) -> None:
    """Whatever stands there instead of charts."""
    site.put("/charts/index.yaml", body)
    assert reason in refused(fetchers.allowing(site.authority), request_for(site)).reason


def test_an_archive_that_is_no_chart_is_told(site: Site, fetchers: Fetchers) -> None:
    """And is no empty chart, which would render to nothing."""
    site.put("/charts/index.yaml", index({"web": [{"version": "1.0.0", "urls": ["web.tgz"]}]}))
    site.put("/charts/web.tgz", archive({"web/README.md": b"hello"}))
    answer = refused(fetchers.allowing(site.authority), request_for(site))
    assert answer.reason == f"what {site.authority} sends cannot be unpacked: it has no Chart.yaml, so it is no chart"


def test_a_version_is_kept_for_ever_and_a_range_is_asked_for_again(
    site: Site, fetchers: Fetchers, clock: Clock
) -> None:
    """A new release is found after the interval, in this process or the next; an exact version needs no server any more."""
    publish(site, ("1.0.0",))
    fetcher = fetchers.allowing(site.authority)
    exact, open_ended = request_for(site, "1.0.0"), request_for(site, "1.x")
    assert got(fetcher, exact).source == got(fetcher, open_ended).source
    publish(site, ("1.0.0", "1.1.0"))
    clock.at += 599
    assert got(fetcher, open_ended).source.version == "1.0.0"
    assert got(fetchers.allowing(site.authority), open_ended).source.version == "1.0.0"
    clock.at += 2
    assert got(fetcher, open_ended).source.version == "1.1.0"
    assert got(fetchers.allowing(site.authority), open_ended).source.version == "1.1.0"
    site.pages.clear()
    clock.at += 10_000_000
    assert got(fetcher, exact).source.version == "1.0.0"
    assert got(fetchers.allowing(site.authority), exact).source.version == "1.0.0"
    assert "has no index.yaml" in refused(fetcher, open_ended).reason
    assert fetchers.allowing("elsewhere.example.com").fetch(exact) == NotFetched(
        f"{site.authority} is not among fetch.hosts in clockwork.yaml"
    )


def test_one_answer_serves_all_who_ask(site: Site, fetchers: Fetchers) -> None:
    """An index is read once for all charts, an archive once for all units, a failure once a minute."""
    publish(site)
    fetcher = fetchers.allowing(site.authority)
    for version in ("1.0.0", "1.x", "1.0.0", "~1.0.0"):
        got(fetcher, request_for(site, version))
    assert sorted(site.paths()) == [
        "/charts/index.yaml",
        "/charts/packages/web-1.0.0.tgz",
        "/charts/packages/web-1.10.0.tgz",
    ]


def test_a_host_that_is_down_is_asked_once_a_minute(site: Site, fetchers: Fetchers, clock: Clock) -> None:
    """All that it has is not to be had, at once; a minute later it is asked again."""
    publish(site)
    site.put("/charts/index.yaml", Reply(b"late" * 20, pause=0.2))
    fetcher = fetchers.allowing(site.authority, "127.0.0.1:1", seconds=1.0)
    closed = replace(request_for(site), url="http://127.0.0.1:1/charts")
    told = NotFetched("127.0.0.1:1 cannot be connected to: Connection refused", again=True)
    assert [refused(fetcher, each) for each in (closed, replace(closed, version="1.0.0"))] == [told, told]
    assert refused(fetcher, request_for(site)).again
    fetcher.web = replace(fetcher.web, seconds=60.0)
    publish(site)
    assert refused(fetcher, request_for(site)).again
    clock.at += 61
    got(fetcher, request_for(site))


def test_kept_answers_ask_nobody(site: Site, fetchers: Fetchers) -> None:
    """What was fetched is there, what was not is told so."""
    publish(site)
    fetcher = fetchers.allowing(site.authority)
    assert fetcher.cached(request_for(site)) == NotFetched(
        "it was not fetched before, and nothing is fetched while an edit is looked for", again=True
    )
    assert site.asked == []
    assert got(fetcher, request_for(site)) == fetcher.cached(request_for(site))


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["1.0.0", "web.tgz", "http://x:y/z"])
)
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


@settings(max_examples=150)
@given(trees, st.lists(trees, max_size=3))
def test_whatever_an_index_holds_is_an_entry_or_a_reason(tree: object, versions: list[object]) -> None:
    """Nothing of it stops more than this chart."""
    request = UpstreamRequest(UpstreamKind.CHART, "https://charts.example.com/c?token=x", "web", "*")
    for entries in ({"web": tree}, {"web": versions}):
        try:
            entry = entry_of(entries, request)  # type: ignore[arg-type]
        except Invalid:
            continue
        assert entry.version
        assert entry.url
