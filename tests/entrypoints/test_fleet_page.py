"""The fleet's page: what needs somebody first, hostile names as text, a page of bounded size, events over a real socket."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
from starlette.applications import Starlette

from bot.entrypoints.api.tokens import ApiToken, Scope
from bot.entrypoints.http import listening, serving
from bot.entrypoints.pages.document import rendered
from bot.entrypoints.pages.fleet import PER_PAGE, FleetPages, fleet_values
from bot.fleet.status import FleetRepository, FleetResult, FleetStatus
from bot.model.drift import Severity
from tests.entrypoints.markup import Outline

NOW = datetime(2026, 5, 14, 12, 0, tzinfo=UTC)
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202e"


def row(name: str, result: FleetResult | None = FleetResult.IN_SYNC, **fields: Any) -> FleetRepository:
    """One repository."""
    return FleetRepository(name, NOW, last=None if result is None else NOW, seconds=1.5, result=result, **fields)


FLEET = FleetStatus(
    NOW,
    (
        row("acme/calm"),
        row("acme/low", FleetResult.DRIFT, severities={Severity.LOW: 2}),
        row("acme/critical", FleetResult.DRIFT, severities={Severity.CRITICAL: 1}),
        row("acme/new", None, running=True),
        row("acme/held", FleetResult.BLOCKED, error="halted by rosa"),
        row("acme/gone", FleetResult.TIMED_OUT, failures=3, error="no answer in 300 s"),
    ),
)


def page(status: FleetStatus, number: int = 1) -> str:
    """The page of a fleet."""
    return rendered("fleet", **fleet_values(status, number))


def names(text: str) -> list[str]:
    """The repositories on a page, in order."""
    return [tag.text for tag in Outline(text).all("th") if tag.attributes["scope"] == "row"]


def test_what_needs_somebody_comes_first() -> None:
    """Runs without an account, then the worst differences, then what is held; the headline counts, and results do."""
    text = page(FLEET)
    assert names(text) == ["acme/gone", "acme/critical", "acme/low", "acme/held", "acme/calm", "acme/new"]
    outline = Outline(text)
    assert "1 repository without an account, 2 with differences" in outline.all("header")[0].text
    for words in (
        "3 in a row without an account",
        "no answer in 300 s",
        "not run yet (runs now)",
        "halted by rosa",
        "1.5 s",
    ):
        assert words in outline.all("main")[0].text, words
    assert outline.levels == [1, 2]
    assert "All in sync" in page(FleetStatus(NOW, (row("a"),)))
    assert "Not every repository has run yet" in page(FleetStatus(NOW, (row("a"), row("b", None))))


def test_hostile_names_stay_text() -> None:
    """A repository's name or error adds no markup and hides nothing."""
    text = page(FleetStatus(NOW, (row(EVIL, FleetResult.FAILED, error=EVIL),)))
    assert not Outline(text).all("script", "img")
    assert "\u202e" not in text


def test_five_thousand_repositories_are_pages() -> None:
    """Each page has two hundred; every repository is on one of them."""
    status = FleetStatus(NOW, tuple(row(f"acme/r{number:04}") for number in range(5000)))
    pages = [page(status, number) for number in range(1, 26)]
    assert all(len(text) < 300_000 for text in pages)
    assert [name for text in pages for name in names(text)] == [each.name for each in status.repositories]
    assert names(page(status, 99)) == names(pages[-1])
    assert len(names(pages[0])) == PER_PAGE


def test_it_is_served_behind_a_token_and_tells_when_it_changes() -> None:
    """A browser's token opens it; a run of one repository is an event."""
    now = [FLEET]
    token = ApiToken("people", b"page-0123456789", Scope.READ)
    pages = FleetPages(lambda: now[0], lambda: (token,), lambda: False)
    bound = listening("127.0.0.1", 0)
    root, auth = f"http://127.0.0.1:{bound.getsockname()[1]}", ("me", "page-0123456789")
    with serving(Starlette(routes=pages.routes()), bound):
        assert httpx.get(f"{root}/", timeout=60).status_code == 401
        assert "acme/critical" in httpx.get(f"{root}/?page=1", auth=auth, timeout=60).text
        with httpx.stream("GET", f"{root}/events", auth=auth, timeout=60) as answer:
            lines = (line for line in answer.iter_lines() if line.startswith("id: "))
            first = next(lines)
            now[0] = FleetStatus(NOW, (row("acme/calm", FleetResult.DRIFT, severities={Severity.HIGH: 1}),))
            assert next(lines) != first
