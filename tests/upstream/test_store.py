"""What was fetched, on disk: for one process after the other, and for two at once."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from bot.model.upstream import UpstreamKind, UpstreamRequest, UpstreamSource
from bot.upstream.store import Receipt, Store
from tests.entry import processes
from tests.upstream.conftest import Fetchers
from tests.upstream.packages import chart, index
from tests.upstream.site import Asked, Reply, Site
from tests.upstream.test_repository import got, publish, request_for

REQUEST = UpstreamRequest(UpstreamKind.CHART, "https://charts.example.com", "web", "1.0.0")
RECEIPT = Receipt(UpstreamSource("https://charts.example.com/web", "1.0.0", "sha256:1"), "0" * 64, pinned=True, at=7.0)


def store(folder: Path, most: int = 1024 * 1024) -> Store:
    return Store(folder, most, lambda: 1_750_000_000.0)


def test_a_receipt_is_for_one_request(tmp_path: Path) -> None:
    """In another process too; nobody else can read it."""
    store(tmp_path / "s").remember(REQUEST, RECEIPT)
    assert store(tmp_path / "s").receipt(REQUEST) == RECEIPT
    for other in (
        replace(REQUEST, version="1.0.1"),
        replace(REQUEST, kind=UpstreamKind.GIT),
        replace(REQUEST, insecure=True),
    ):
        assert store(tmp_path / "s").receipt(other) is None
    modes = [path.stat().st_mode & 0o077 for path in (tmp_path / "s").rglob("*")]
    assert modes
    assert not any(modes)


@pytest.mark.parametrize("garbage", [b"", b"{", b"[]", b"{}", b'{"format": 1}', b'{"format": 1, "request": 5}'])
def test_a_receipt_that_cannot_be_read_is_none(tmp_path: Path, garbage: bytes) -> None:
    """It is asked for again."""
    kept = store(tmp_path)
    kept.remember(REQUEST, RECEIPT)
    (path,) = (tmp_path / "receipts").iterdir()
    path.write_bytes(garbage)
    assert kept.receipt(REQUEST) is None
    path.write_bytes(path.read_bytes())


def test_contents_are_what_their_name_says(tmp_path: Path) -> None:
    """What was altered is not there, and is gone."""
    kept = store(tmp_path)
    digest = kept.keep(b"chart")
    assert store(tmp_path).content(digest) == b"chart"
    (tmp_path / "contents" / digest).write_bytes(b"other")
    assert kept.content(digest) is None
    assert not (tmp_path / "contents" / digest).exists()


def test_what_was_altered_on_disk_is_fetched_again(site: Site, fetchers: Fetchers) -> None:
    """And what is rendered is never made from it."""
    publish(site)
    first = got(fetchers.allowing(site.authority), request_for(site, "1.0.0"))
    (content,) = (fetchers.folder / "contents").iterdir()
    content.write_bytes(chart("web", "6.6.6"))
    again = got(fetchers.allowing(site.authority), request_for(site, "1.0.0"))
    assert again.source == first.source
    assert again.tree.read("Chart.yaml") == first.tree.read("Chart.yaml")


def test_the_folder_stays_small(tmp_path: Path) -> None:
    """What was not asked for the longest goes, and what a process that was killed left behind."""
    kept = store(tmp_path, most=200_000)
    kept.keep(b"")
    leaving = tmp_path / "contents" / ".left"
    leaving.write_bytes(b"half a file")
    os.utime(leaving, (1, 1))
    digests = [kept.keep(os.urandom(20_000)) for _ in range(40)]
    left = [path for path in (tmp_path / "contents").iterdir() if path.name in digests]
    assert sum(path.stat().st_size for path in left) <= 200_000 + 16 * 20_000
    assert kept.content(digests[-1]) is not None
    assert not leaving.exists()


def test_a_disk_that_takes_nothing_is_no_reason_to_stop(site: Site, fetchers: Fetchers, tmp_path: Path) -> None:
    """What is fetched is used all the same, and fetched once by a process."""
    publish(site)
    (tmp_path / "in-the-way").write_text("a file")
    fetchers.folder = tmp_path / "in-the-way"
    fetcher = fetchers.allowing(site.authority)
    for _ in range(3):
        got(fetcher, request_for(site, "1.0.0"))
    assert len(site.asked) == 2


def test_threads_that_ask_at_once_are_answered_by_one_download(site: Site, fetchers: Fetchers) -> None:
    """The others wait for it, and get the same."""
    publish(site)
    fetcher = fetchers.allowing(site.authority)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: got(fetcher, request_for(site, "1.x")).source, range(16)))
    assert len(set(answers)) == 1
    assert len(site.asked) == 2


def _fetch(folder: str, url: str, authority: str, number: int) -> None:
    """What another process does: ask for every version, over and over."""
    from tests.upstream.conftest import Clock

    fetcher = Fetchers(Path(folder), Clock()).allowing(authority, refresh=0.001)
    for turn in range(6):
        version = f"1.{(turn + number) % 3}.0"
        answer = got(fetcher, UpstreamRequest(UpstreamKind.CHART, f"{url}/charts", "web", version))
        assert f"version: {version}\n".encode() in (answer.tree.read("Chart.yaml") or b"")


def test_processes_share_the_folder(site: Site, tmp_path: Path) -> None:
    """None of them sees half of what another one writes."""
    versions = {f"1.{minor}.0": chart("web", f"1.{minor}.0") for minor in range(3)}
    site.put("/charts/index.yaml", index({"web": [{"version": v, "urls": [f"{v}.tgz"]} for v in versions]}))
    for version, data in versions.items():
        site.put(f"/charts/{version}.tgz", data)
    arguments = [(str(tmp_path / "shared"), site.url, site.authority, number) for number in range(4)]
    running = [processes().Process(target=_fetch, args=each) for each in arguments]
    for process in running:
        process.start()
    for process in running:
        process.join(60)
    assert [process.exitcode for process in running] == [0, 0, 0, 0]
    assert len(list((tmp_path / "shared" / "contents").iterdir())) == 3


def test_a_download_that_is_under_way_does_not_hold_up_others(site: Site, fetchers: Fetchers) -> None:
    """Each request has a lock of its own."""
    publish(site)
    slow, started = threading.Event(), threading.Event()
    before = site.pages["/charts/packages/web-1.0.0.tgz"]

    def waiting(asked: Asked) -> Reply:
        started.set()
        slow.wait(30)
        return before(asked)

    site.put("/charts/packages/web-1.0.0.tgz", waiting)
    fetcher = fetchers.allowing(site.authority)
    with ThreadPoolExecutor(2) as pool:
        held = pool.submit(got, fetcher, request_for(site, "1.0.0"))
        assert started.wait(30)
        assert got(fetcher, request_for(site, "1.2.0")).source.version == "1.2.0"
        slow.set()
        assert held.result(30).source.version == "1.0.0"
