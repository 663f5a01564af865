"""The daemon's page for people: behind a token, without scripts, with hostile text as text, drawn by a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.entrypoints.api.page import rendered
from bot.sandbox.server import Sandbox
from tests.entrypoints.keeping import eventually
from tests.entrypoints.test_daemon import Running
from tests.entrypoints.test_daemon_polling import keeping
from tests.flows.stage import open_stage

CHROMIUM = shutil.which("chromium")
SETTINGS = """
daemon: {check_interval: 1h, drift_interval: 1h}
workers: {export: false}
api: {tokens: {people: {env: PAGE}}}
"""
TOKEN = "page-0123456789"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Running]:
    """A daemon that saw drift and opened a pull request."""
    with Sandbox.start(tmp_path / "sandbox") as box:
        stage = open_stage(tmp_path, box)
        stage.edit("clockwork.yaml", lambda text: text + SETTINGS)
        stage.config_drift()
        stage.show()
        with keeping(stage, PAGE=TOKEN) as running:
            eventually(lambda: running.status()["last"])
            yield running


@pytest.mark.slow
def test_the_page_shows_what_the_daemon_knows(daemon: Running) -> None:
    """With a token as password; without, or with another, there is nothing but the question for it."""
    for auth in (None, ("anybody", "guess"), ("anybody", ""), (TOKEN, "")):
        refused = httpx.get(f"{daemon.root}/", auth=auth, timeout=60)
        assert (refused.status_code, refused.headers["www-authenticate"][:5]) == (401, "Basic")
        assert "shop" not in refused.text
    answer = httpx.get(f"{daemon.root}/", auth=("anybody", TOKEN), timeout=60)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for words in (
        "acme/shop",
        "difference",
        "What waits for people",
        "Budgets",
        "config pull request",
        "k8s/service.yaml",
    ):
        assert words in answer.text, words
    assert "<script" not in answer.text


def told(**changes: Any) -> dict[str, Any]:
    """A status of a daemon that has nothing to tell, with changes."""
    look = {"every": 60, "last": None, "next": None, "error": None}
    return {
        "repository": "acme/shop",
        "branch": "main",
        "level": "conservative",
        "versions": {"clockwork": "1"},
        "started": "2026-05-01T12:00:00+00:00",
        "at": "2026-05-01T12:00:00+00:00",
        "doing": None,
        "unready": None,
        "paused": None,
        "looks": {"check": look, "drift": look},
        "drift": None,
        "halt": None,
        "closed": [],
        "budgets": [],
        "waiting": [],
        "workers": {},
        "ticks": 0,
        "failures": 0,
        "last": None,
        **changes,
    }


HALT = {"at": None, "by": "rosa", "reason": "audit"}
CLOSED = {
    "text": "No pull request can be opened: not permitted. Set it.",
    "since": "2026-05-01T12:00:00+00:00",
    "again": "2026-05-01T13:00:00+00:00",
}
EMPTY: dict[str, Any] = {"drift": [], "actions": [], "unreachable": [], "errors": [], "decisions": []}
SEEN: dict[str, Any] = {"severity": {"HIGH": 0}, "score": 0, "resources": 2, "errors": [], "unreachable": []}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"halt": HALT, "last": EMPTY, "drift": SEEN}, "Halted by rosa: audit"),
        ({"paused": {"by": "rosa", "reason": ""}, "last": EMPTY, "drift": SEEN}, "Paused by rosa"),
        ({"unready": "no network"}, "Not ready: no network"),
        ({"closed": [CLOSED]}, "No pull request can be opened: not permitted. Set it. Tried again 2026-05-01 13:00"),
        ({"last": EMPTY, "drift": SEEN}, "In sync"),
        ({"last": EMPTY, "drift": {**SEEN, "unreachable": ["docker: refused"]}}, "Not everything could be looked at"),
    ],
)
def test_the_first_line_says_what_matters_most(changes: dict[str, Any], words: str) -> None:
    """A halt before a pause before anything else; in sync only where all was looked at."""
    page = rendered(told(**changes))
    assert words in re.sub(r"\s+", " ", page)
    assert ("In sync" in page) == (words == "In sync")


def test_hostile_text_stays_text() -> None:
    """Names, values, titles and addresses cannot add markup or lead anywhere but to a page."""
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    drift = {
        "id": "1", "severity": "HIGH", "target": evil, "resource": evil, "path": evil, "kind": evil,
        "desired": evil, "observed": {evil: [evil * 20]}, "source": {"file": evil, "line": 1},
    }  # fmt: skip
    waiting = {"number": 1, "kind": "issue", "title": evil, "url": "javascript:alert(1)", "updated": None}
    page = rendered(
        told(
            last={**EMPTY, "drift": [drift] * 201},
            drift={**SEEN, "errors": [evil], "unreachable": [evil]},
            waiting=[waiting],
            workers={evil: {"enabled": True, "error": evil, "last": None, "result": ""}},
            halt={"at": None, "by": evil, "reason": evil},
        )
    )
    assert "<script" not in page
    assert "<img" not in page
    assert "javascript:" not in page
    assert "and 1 more" in page


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium to draw the page")
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_draws_it_at_any_width(daemon: Running, tmp_path: Path, width: int) -> None:
    """On a phone and on a desk, with nothing blocked by the page's own policy."""
    address = daemon.root.replace("http://", f"http://me:{TOKEN}@") + "/"
    done = subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--enable-logging=stderr",
            f"--window-size={width},1400",
            f"--screenshot={tmp_path / 'page.png'}",
            address,
        ],
        check=True,
        capture_output=True,
        timeout=120,
        text=True,
    )
    assert (tmp_path / "page.png").stat().st_size > 10_000
    assert "Content Security Policy" not in done.stderr
