"""The daemon's pages on a running daemon: behind a token, told of changes over a real socket, drawn by a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from bot.sandbox.server import Sandbox
from tests.entrypoints.keeping import eventually
from tests.entrypoints.test_daemon import Running
from tests.entrypoints.test_daemon_polling import keeping, proposed
from tests.flows.browser import CHROMIUM, Browser, browser
from tests.flows.stage import Stage, open_stage
from tests.web import WEB, new_client

SETTINGS = """
daemon: {check_interval: 1s, drift_interval: 1h}
workers: {export: false, analysis: false, metrics: false, cleanup: false}
api: {tokens: {people: {env: PAGE}}}
"""
TOKEN = "page-0123456789"
AUTH = ("anybody", TOKEN)
PASSWORD = "correct-horse-battery-staple"

pytestmark = pytest.mark.slow


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A sandbox with drift, a secret in it, and a pull request of somebody."""
    with Sandbox.start(tmp_path / "sandbox") as box:
        made = open_stage(tmp_path, box)
        made.edit("clockwork.yaml", lambda text: text + SETTINGS)
        made.config_drift()
        container = made.objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]
        container["env"] = [{"name": "DB_PASSWORD", "value": PASSWORD}, {"name": "LONG", "value": "long-" * 200}]
        container["image"] = "registry.example.com/web:1.1"
        made.show()
        proposed(made, "idea")
        yield made


@pytest.fixture
def daemon(stage: Stage) -> Iterator[Running]:
    """A daemon that saw it and opened pull requests and an issue."""
    with keeping(stage, PAGE=TOKEN) as running:
        eventually(lambda: running.status()["waiting"])
        yield running


def get(daemon: Running, path: str, auth: tuple[str, str] | None = AUTH) -> httpx.Response:
    """One page."""
    return WEB.get(f"{daemon.root}{path}", auth=auth, timeout=60)


def links(text: str) -> list[str]:
    """The pages of single differences that a page leads to."""
    return sorted(set(re.findall(r'href="(/differences/[0-9a-f]{16})"', text)))


def test_pages_show_what_the_daemon_knows(daemon: Running) -> None:
    """The whole, the list and each difference with its diff and line; no secret is on any of them."""
    first = get(daemon, "/")
    assert (first.status_code, first.headers["cache-control"]) == (200, "no-store")
    assert "default-src 'none'" in first.headers["content-security-policy"]
    for words in ("acme/shop", "difference", "What waits for people", "new pull requests in 60 minutes", "pull request: ",
                  "k8s/service.yaml", "Last runs", "Verdicts by day", "merge to accept"):  # fmt: skip
        assert words in first.text.replace("<wbr>", ""), words
    pages = [get(daemon, path) for path in links(first.text)]
    assert len(pages) >= 3
    assert all(page.status_code == 200 and "+++ what runs" in page.text and "k8s/" in page.text for page in pages)
    assert any("<code>image: registry.example.com/web:1.0 # pinned</code>" in page.text for page in pages)
    assert any("secret and hidden" in page.text for page in pages)
    assert any("<del>-registry.example.com/web:1.0</del>" in page.text for page in pages)
    everything = get(daemon, "/differences?severity=LOW")
    assert links(everything.text) == links(first.text)
    assert not [page for page in (first, everything, *pages) if PASSWORD in page.text]
    gone = get(daemon, f"/differences/{'0' * 16}")
    assert (gone.status_code, "No longer different" in gone.text) == (404, True)
    assert get(daemon, "/differences/..%2f..%2fetc").status_code == 404


def test_nothing_is_shown_without_a_token(daemon: Running) -> None:
    """Without one, or with another, there is nothing but the question for it, on every page and on the stream."""
    for path in ("/", "/differences", f"/differences/{'0' * 16}", "/events"):
        for auth in (None, ("anybody", "guess"), ("anybody", ""), (TOKEN, "")):
            refused = get(daemon, path, auth)
            assert (refused.status_code, refused.headers["www-authenticate"][:5]) == (401, "Basic")
            assert "shop" not in refused.text
        with WEB.stream("GET", f"{daemon.root}{path}", auth=AUTH, timeout=60) as answer:
            assert answer.status_code in {200, 404}
            for name in ("content-security-policy", "referrer-policy", "x-content-type-options", "x-frame-options"):
                assert answer.headers[name], name
    assert httpx.head(f"{daemon.root}/events", auth=AUTH, timeout=60).status_code == 200


def stamps(lines: Iterator[str]) -> Iterator[str]:
    """The stamp of each event."""
    name = ""
    for line in lines:
        field, _, text = line.partition(": ")
        if field == "event":
            name = text
        elif field == "data" and name == "change":
            yield text


def words(page: httpx.Response) -> str:
    """The text of a page, without the places where a browser may break a line."""
    return page.text.replace("<wbr>", "")


def test_a_stream_tells_when_a_run_ends(stage: Stage, daemon: Running) -> None:
    """Whoever listens hears the stamp that stands, then another once a run is over, with which the page says more; whoever
    was away hears only what is new, and nobody hears anything once the daemon stops.
    """
    with WEB.stream("GET", f"{daemon.root}/events", auth=AUTH, timeout=60) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        heard = stamps(answer.iter_lines())
        first = next(heard)
        assert "spec.replicas" not in words(get(daemon, "/"))
        stage.objects["Deployment"]["spec"]["replicas"] = 5
        stage.show()
        daemon.call("POST", "/v1/check")
        later = next(stamp for stamp in heard if "spec.replicas" in words(get(daemon, "/")))
        assert later != first
    page = get(daemon, "/")
    stamp = re.findall(r'data-stamp="([0-9a-f]{16})"', page.text)[0]
    known = {"Last-Event-ID": stamp}
    with WEB.stream("GET", f"{daemon.root}/events", auth=AUTH, headers=known, timeout=60) as answer:
        heard = stamps(answer.iter_lines())
        daemon.call("POST", "/v1/pause", reason="audit")
        assert next(heard) != stamp
        assert "Paused by" in get(daemon, "/").text


def test_only_so_many_listen(daemon: Running) -> None:
    """The forty-first is told to come again later, and may once another has gone; pages are answered all the while."""
    with new_client(auth=AUTH, timeout=60, limits=httpx.Limits(max_connections=100)) as client:
        open_ones = [client.send(client.build_request("GET", f"{daemon.root}/events"), stream=True) for _ in range(40)]
        assert {answer.status_code for answer in open_ones} == {200}
        heard = [answer.iter_lines() for answer in open_ones]  # one that is not kept hangs up
        assert {next(lines) for lines in heard} == {"retry: 3000"}
        refused = client.get(f"{daemon.root}/events")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
        assert client.get(f"{daemon.root}/").status_code == 200
        open_ones.pop().close()

        def listens() -> bool:
            with client.stream("GET", f"{daemon.root}/events") as answer:
                return answer.status_code == 200

        eventually(listens)
        for answer in open_ones:
            answer.close()


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Browser]:
    """A tab that notes what is said on its console."""
    with browser(tmp_path) as running:
        for domain in ("Runtime", "Log", "Network"):
            running.call(f"{domain}.enable")
        yield running


def opened(tab: Browser, daemon: Running, path: str) -> None:
    """The page, seen by somebody who sent a token."""
    tab.open(daemon.root.replace("http://", f"http://me:{TOKEN}@") + path)


def complaints(tab: Browser) -> list[Any]:
    """Whatever the console says."""
    kinds = {"Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"}
    tab.evaluate("0")
    return [event for event in tab.events if event.get("method") in kinds]


@pytest.mark.chromium
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium to draw the pages")
def test_a_browser_draws_them(daemon: Running, tab: Browser) -> None:
    """Nothing is wider than a phone, nothing is said on the console, nothing comes from elsewhere, the one script runs, and
    the scheme is that of the system.
    """
    for width, scheme in ((360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")):
        drawn(daemon, tab, width, scheme)


def drawn(daemon: Running, tab: Browser, width: int, scheme: str) -> None:
    """Each kind of page in a window of this width, for somebody who likes this colour scheme."""
    tab.look(width=width, scheme=scheme)
    for path in ("/", "/differences", links(get(daemon, "/").text)[0]):
        opened(tab, daemon, path)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        wide = "[...document.querySelectorAll('body *:not(.unseen, .skip, thead *)')]"
        beyond = "each => each.getBoundingClientRect().right > innerWidth + 1"
        assert tab.evaluate(f"{wide}.filter({beyond}).map(each => each.outerHTML.slice(0, 99))") == []
        eventually(lambda: "Live" in tab.evaluate("document.getElementById('connection').textContent"))
        assert tab.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
        sent = [event for event in tab.events if event.get("method") == "Network.requestWillBeSent"]
        addresses = [event["params"]["request"]["url"] for event in sent]
        hosts = {urlsplit(url).netloc.rpartition("@")[2] for url in addresses if not url.startswith("data:")}
        assert hosts == {f"127.0.0.1:{daemon.runtime.port}"}
        assert complaints(tab) == []
    ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(20, 24, 29)" if scheme == "dark" else "rgb(255, 255, 255)")


@pytest.mark.chromium
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium to look at a page")
def test_a_page_changes_under_whoever_reads_it(stage: Stage, daemon: Running, tab: Browser) -> None:
    """A run that ends shows without a reload; focus, what was opened, and what is in sight stay; held, it waits."""
    tab.look(width=1280, scheme="light")
    opened(tab, daemon, "/")
    eventually(lambda: "Live" in tab.evaluate("document.getElementById('connection').textContent"))
    tab.evaluate("window.mark = 1; document.querySelector('#waits-part a').focus({preventScroll: true})")
    tab.evaluate("document.getElementById('drift-table').open = true; document.getElementById('runs').scrollIntoView()")
    focused = "document.activeElement.closest('tr').id"
    before = tab.evaluate(focused)
    top = tab.evaluate("document.getElementById('limits').getBoundingClientRect().top")
    stage.objects["Deployment"]["spec"]["replicas"] = 5
    stage.show()
    daemon.call("POST", "/v1/check")
    shown = "document.getElementById('differs-part').textContent.includes('spec.replicas')"
    eventually(lambda: tab.evaluate(shown))
    assert tab.evaluate("window.mark") == 1
    assert tab.evaluate(focused) == before
    assert tab.evaluate("document.getElementById('drift-table').open")
    assert abs(tab.evaluate("document.getElementById('limits').getBoundingClientRect().top") - top) < 120
    tab.evaluate("document.getElementById('hold').click()")
    daemon.call("POST", "/v1/pause", reason="audit")
    headline = "document.getElementById('headline').textContent"
    eventually(lambda: "Paused" in get(daemon, "/").text)
    assert "Paused" not in tab.evaluate(headline)
    tab.evaluate("document.getElementById('hold').click()")
    eventually(lambda: "Paused" in tab.evaluate(headline))
    assert "Paused" in tab.evaluate("document.getElementById('news').textContent")
    assert complaints(tab) == []


@pytest.mark.chromium
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium to press keys")
def test_a_keyboard_reaches_everything_and_no_script_is_needed(daemon: Running, tab: Browser) -> None:
    """Tab goes to the link to the content first, which shows itself; each stop can be seen. All of it without scripts."""
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    tab.look(width=360, scheme="light")
    opened(tab, daemon, "/?refresh=60")
    assert "Read again every 60 seconds." in tab.evaluate("document.body.textContent")
    assert tab.evaluate("document.querySelector('meta[http-equiv=refresh]').content") == "60"
    stops = []
    for _ in range(12):
        for kind in ("keyDown", "keyUp"):
            tab.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        seen = """(() => { const it = document.activeElement, box = it.getBoundingClientRect(), style = getComputedStyle(it);
            return [it.getAttribute('href') ?? it.localName, box.top >= 0 && box.bottom <= innerHeight && box.width > 0,
                    style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2]; })()"""
        stops.append(tab.evaluate(seen))
    assert [stop[0] for stop in stops[:3]] == ["#main", "#differs", "#waits"]
    assert all(visible and outlined for _, visible, outlined in stops), stops
    assert len({stop[0] for stop in stops}) >= 11
