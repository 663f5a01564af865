"""Servers and fetchers for the tests of this package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.renderers.renderers import Renderers
from bot.targets.documents import Documents
from bot.upstream.fetcher import Fetcher
from bot.upstream.hosts import AllowedHosts
from bot.upstream.keys import KeyRing
from bot.upstream.store import Store
from bot.upstream.web import Web
from tests.gitops import tree_of
from tests.gitrepo.server import GitServer, serve
from tests.upstream.site import Site, open_site


class Clock:
    """Seconds since 1970 that a test moves."""

    def __init__(self) -> None:
        self.at = 1_750_000_000.0

    def __call__(self) -> float:
        return self.at


class Fetchers:
    """Makes fetchers that share a folder, as processes do."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self.clock = clock

    def allowing(
        self,
        *hosts: str,
        private: tuple[str, ...] = (),
        environment: dict[str, str] | None = None,
        seconds: float = 60.0,
        most: int = 4 * 1024**2,
        refresh: float = 600.0,
    ) -> Fetcher:
        """A new one, which knows only what is on disk."""
        given = environment or {}
        web = Web(AllowedHosts(hosts, private), KeyRing(given), given, seconds)
        return Fetcher(web, Store(self.folder, 64 * 1024**2, self.clock), most, refresh, self.clock)


@pytest.fixture
def site() -> Iterator[Site]:
    with open_site() as opened:
        yield opened


@pytest.fixture
def other() -> Iterator[Site]:
    """A second host: another port is another one."""
    with open_site() as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fetchers(tmp_path: Path, clock: Clock) -> Fetchers:
    return Fetchers(tmp_path / "upstream", clock)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitServer]:
    """A Git host over smart HTTP."""
    (tmp_path / "git").mkdir()
    with serve(tmp_path / "git") as server:
        yield server


@pytest.fixture(scope="session")
def renderers() -> Renderers:
    """One worker process of Helm for all tests."""
    return Renderers(Documents(tree_of({})))
