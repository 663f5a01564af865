"""The fleet's page: what needs somebody first, hostile names as text, a page of bounded size, events over a real socket."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.entrypoints.fleet.site import TOKEN, site_token, status_site
from bot.entrypoints.pages.document import rendered
from bot.entrypoints.pages.fleet import PER_PAGE, fleet_values
from bot.errors import Invalid
from bot.fleet.status import FleetRepository, FleetResult, FleetStatus
from bot.model.severity import Severity
from tests.entrypoints.markup import Outline
from tests.web import new_client

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
    """Runs that failed, then the worst differences, then what is held; the headline counts, and results do."""
    text = page(FLEET)
    assert names(text) == ["acme/gone", "acme/critical", "acme/low", "acme/held", "acme/calm", "acme/new"]
    outline = Outline(text)
    assert "1 repository failed, 2 differ" in outline.all("header")[0].text
    for words in (
        "timed out, failed 3 times in a row",
        "no answer in 300 s",
        "not run yet (runs now)",
        "halted by rosa",
        "1.5 s",
    ):
        assert words in outline.all("main")[0].text, words
    assert outline.levels == [1, 2]
    assert "All in sync" in page(FleetStatus(NOW, (row("a"),)))
    assert "Not every repository has run yet" in page(FleetStatus(NOW, (row("a"), row("b", None))))


def test_nobody_is_told_that_nothing_differs_where_nobody_could_tell() -> None:
    """A failed run has no numbers; those of an earlier account stay."""
    seen = {Severity.HIGH: 3}
    rows = (row("a"), row("b", FleetResult.FAILED), row("c", FleetResult.FAILED, severities=seen), row("d", None))
    outline = Outline(page(FleetStatus(NOW, rows)))
    told = [tag.text for tag in outline.all("td") if tag.attributes.get("data-label") == "Differs"]
    assert dict(zip(names(page(FleetStatus(NOW, rows))), told, strict=True)) == {
        "c": "3 high",
        "b": "",
        "a": "nothing",
        "d": "",
    }


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
    """A browser's token opens it; a run of one repository is an event; the stream ends with the fleet."""
    now, token = [FLEET], "page-0123456789abc"
    auth = httpx.BasicAuth("me", token)
    with ExitStack() as stack, new_client(timeout=60) as client:
        root = stack.enter_context(status_site("0", lambda: now[0], token))
        assert client.get(root).status_code == 401
        assert "acme/critical" in client.get(f"{root}?page=1", auth=auth).text
        with client.stream("GET", f"{root}events", auth=auth) as answer:
            lines = answer.iter_lines()
            first = next(line for line in lines if line.startswith("id: "))
            now[0] = FleetStatus(NOW, (row("acme/calm", FleetResult.DRIFT, severities={Severity.HIGH: 1}),))
            assert next(line for line in lines if line.startswith("id: ")) != first
            stack.close()
            assert not [line for line in lines if line.startswith("id: ")]


def test_its_token_is_given_or_kept_where_only_its_user_reads_it(tmp_path: Path) -> None:
    """That of the environment, if it is long enough; else a new one at each start, in a file of mode 0600."""
    assert site_token({TOKEN: "page-0123456789abc"}, tmp_path).text == "page-0123456789abc"
    with pytest.raises(Invalid, match="too short"):
        site_token({TOKEN: "short"}, tmp_path)
    first, second = site_token({}, tmp_path), site_token({}, tmp_path)
    assert first.text != second.text
    assert Path(second.kept_in).read_text().strip() == second.text
    assert Path(second.kept_in).stat().st_mode & 0o777 == 0o600
    assert second.text not in repr(second)


@pytest.mark.parametrize("address", ["", "host", "host:", "host:99999", "a b:80", "http://host:80", "::1:80"])
def test_what_is_no_address_is_told(address: str) -> None:
    """With the form that one has."""
    with pytest.raises(Invalid, match="is no address"), status_site(address, lambda: FLEET, "x" * 16):
        pass
