"""The fleet's page: what needs somebody first, hostile names as text, a page of bounded size, events over a real socket."""

from __future__ import annotations

import re
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.entrypoints.fleet.site import TOKEN, site_token, status_site
from bot.entrypoints.pages.document import rendered
from bot.entrypoints.pages.fleet import PER_PAGE, fleet_values
from bot.entrypoints.pages.fleet_trends import fleet_charts
from bot.errors import Invalid
from bot.fleet.history import FleetHistory, FleetHour
from bot.fleet.overview import FleetStatus, RequestBudget
from bot.fleet.status import FleetRepository, FleetResult
from bot.fleet.waits import AwaitedItem, HeldTasks, WaitingForPeople
from bot.model.severity import Severity
from bot.report.charts import ChartColumn
from tests.entrypoints.markup import Outline
from tests.table import table
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
    """The repositories in the table of all of them, in order."""
    listed = text.partition('<section id="waits-part"')[0]
    return re.findall(r'<th class="what"[^>]*>(?:<a [^>]*>)?([^<]*)<', listed)


def part(text: str, name: str) -> str:
    """The text of one section, with a space between cells."""
    (section,) = (
        tag
        for tag in Outline(re.sub("<t[dh] ", r" \g<0>", text)).all("section")
        if tag.attributes["id"] == f"{name}-part"
    )
    return section.text


def test_what_needs_somebody_comes_first() -> None:
    """Runs that failed, then the worst differences, then what is held; the headline counts, and results do."""
    text = page(FLEET)
    assert names(text) == ["acme/gone", "acme/critical", "acme/low", "acme/held", "acme/calm", "acme/new"]
    outline = Outline(text)
    assert "1 repository failed, 1 is blocked, 2 differ" in outline.all("header")[0].text
    for words in (
        "timed out, failed 3 times in a row",
        "no answer in 300 s",
        "not run yet (runs now)",
        "halted by rosa",
        "1.5 s",
    ):
        assert words in outline.all("main")[0].text, words
    assert outline.levels == [1, 2, 2, 2, 2, 3, 3, 3, 3]
    assert sorted(set(outline.ids)) == sorted(outline.ids)
    assert {tag.attributes["href"] for tag in outline.all("a") if tag.within[-1] == "li"} <= {
        f"#{i}" for i in outline.ids
    }
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


@table(
    ("rows", "headline"),
    [
        ((), "No repository takes part"),
        ((row("a", FleetResult.NO_SETTINGS),), "No repository has settings"),
        ((row("a"), row("b", FleetResult.NO_SETTINGS)), "All in sync"),
        ((row("a"), row("b", FleetResult.BLOCKED)), "1 repository is blocked"),
        (
            (row("a", FleetResult.BLOCKED), row("b", FleetResult.BLOCKED, severities={Severity.LOW: 1})),
            "2 repositories are blocked, 1 differs",
        ),
    ],
)
def test_the_headline_says_what_is_so(rows: tuple[FleetRepository, ...], headline: str) -> None:
    """Nothing is in sync in which nothing was compared, or may be written."""
    assert headline == Outline(page(FleetStatus(NOW, rows))).all("p")[0].text


def waiting(pulls: int = 1, issues: int = 1, text: str = "prod/web: image 1.4.2") -> WaitingForPeople:
    """That many open, two of which are named."""
    items = (
        AwaitedItem(7, "pull request", text, "https://example.org/7", NOW, ("rosa", text)),
        AwaitedItem(5, "issue", text, "javascript:alert(1)"),
    )
    return WaitingForPeople(pulls, issues, items)


def held(text: str = "prod/web: image 1.4.2") -> tuple[HeldTasks, ...]:
    """Two reasons."""
    return HeldTasks("cooldown", 3, text, NOW), HeldTasks(text, 1, text)


def test_what_waits_for_whom_is_said() -> None:
    """Pull requests and issues with links, people who are asked, and what nobody could tell: that is never nothing."""
    rows = (
        row("a", waiting=waiting(4, 1)),
        row("b", waiting=WaitingForPeople(0, 0)),
        row("c"),
        row("d", FleetResult.FAILED, waiting=WaitingForPeople(0, 1)),
    )
    text = page(FleetStatus(NOW, rows))
    outline = Outline(text)
    counts = [tag.text for tag in outline.all("td") if tag.attributes.get("data-label") == "Waits"]
    assert dict(zip(names(text), counts, strict=True)) == {"d": "1 open", "a": "5 open", "b": "nothing", "c": "unknown"}
    assert [tag.text for tag in outline.all("a") if tag.attributes["href"] == "https://example.org/7"] == ["#7"]
    for words in (
        "4 pull requests, 1 issue",
        "prod/web: image 1.4.2 for rosa, prod/web: image 1.4.2",
        "and 3 more on the code host",
        "4 pull requests and 2 issues in 2 repositories",
        "Unknown for 1 repository",
    ):
        assert words in part(text, "waits"), words
    nobody = part(page(FleetStatus(NOW, (row("c"),))), "waits")
    assert "Unknown for 1 repository" in nobody
    assert "No pull request" not in nobody


def test_what_is_halted_and_held_is_said() -> None:
    """By what, since when and until when; which accounts have requests left."""
    rows = (row("a", held=held()), row("acme/held", FleetResult.BLOCKED, error="halted by rosa"))
    budgets = (
        RequestBudget("installation 1", 4000, 5000, NOW, 1000),
        RequestBudget("installation 2", 900, 5000, NOW, 1000),
        RequestBudget("token T", 0, 60, NOW, 12),
    )
    words = part(page(FleetStatus(NOW, rows, budgets=budgets)), "limits")
    for told in (
        "acme/held halted by rosa",
        "cooldown 3 prod/web: image 1.4.2 2026-05-14 12:00:00 UTC",
        "prod/web: image 1.4.2 1 prod/web: image 1.4.2 once somebody acts",
        "token T 0 of 60 2026-05-14 12:00:00 UTC none left installation 2 900 of 5000",
        "kept for urgent repositories installation 1 4000 of 5000 2026-05-14 12:00:00 UTC free",
    ):
        assert told in words, told
    assert "No repository is blocked" in part(page(FleetStatus(NOW, (row("a"),))), "limits")


def history() -> FleetHistory:
    """Two hours of yesterday, and this one, in which a repository was not known; fifteen days ago something failed."""
    hour = NOW.replace(minute=0)
    return FleetHistory(
        (
            FleetHour(hour - timedelta(days=15), {FleetResult.FAILED: 50}, {Severity.LOW: 50}),
            FleetHour(hour - timedelta(hours=26), {FleetResult.IN_SYNC: 3, FleetResult.FAILED: 2}, {Severity.LOW: 9}),
            FleetHour(hour - timedelta(hours=22), {FleetResult.CRASHED: 1, FleetResult.BLOCKED: 4}, {Severity.HIGH: 2}),
            FleetHour(
                hour, {FleetResult.DRIFT: 5, FleetResult.TIMED_OUT: 1}, {Severity.CRITICAL: 1, Severity.LOW: 3}, 1
            ),
        )
    )


def test_trends_are_drawn_and_written() -> None:
    """How runs ended by day, which failed by hour, and what stood at the end of each: where nobody ran, it is unknown."""
    troubles, ends, by_hour, by_day = fleet_charts(history(), NOW)
    assert [len(chart.columns) for chart in (troubles, ends, by_hour, by_day)] == [24, 14, 24, 14]
    assert troubles.description == (
        "24 columns: 4 blocked, 0 failed, 1 timed out, 1 crashed. Most at 2026-05-13 14:00 UTC: 5."
    )
    assert ends.columns[-2:] == (
        ChartColumn("2026-05-13", "05-13", (3, 0, 0, 4, 3)),
        ChartColumn("2026-05-14", "05-14", (0, 5, 0, 0, 1)),
    )
    assert [column.counts for column in by_day.columns if column.is_known] == [(0, 0, 2, 0), (3, 0, 0, 1)]
    assert by_day.description == (
        "14 columns, 12 of them unknown. Last, at 2026-05-14 (without 1 repository): 3 low, 0 medium, 0 high, 1 critical. "
        "Most at 2026-05-14 (without 1 repository): 4."
    )
    assert (len(by_day.gaps), len(by_hour.gaps)) == (1, 2)
    outline = Outline(page(FleetStatus(NOW, FLEET.repositories, history())))
    drawn = [tag for tag in outline.all("svg") if tag.attributes.get("role") == "img"]
    assert [tag.attributes["aria-labelledby"].split() for tag in drawn] == [
        [f"{chart.name}-title", f"{chart.name}-desc"] for chart in (troubles, ends, by_hour, by_day)
    ]
    assert len([tag for tag in outline.all("td") if tag.text == "unknown" and "details" in tag.within]) == (12 + 22) * 4
    calm = part(page(FleetStatus(NOW, (row("a"),))), "trends")
    assert "No run failed or was blocked in the last 24 hours." in calm


def test_hostile_names_stay_text() -> None:
    """A repository's name or error, and what waits in it, add no markup and hide nothing."""
    rows = (
        row(EVIL, FleetResult.FAILED, error=EVIL, waiting=waiting(text=EVIL), held=held(EVIL)),
        row(f"{EVIL}2", FleetResult.BLOCKED),
    )
    text = page(FleetStatus(NOW, rows, budgets=(RequestBudget(EVIL, 1, 2, NOW),)))
    assert not Outline(text).all("script", "img")
    assert "\u202e" not in text
    assert not [tag for tag in Outline(text).all("a") if tag.attributes["href"].startswith("javascript")]


def test_a_thousand_repositories_are_pages() -> None:
    """Each page has two hundred; every repository is on one of them, and what is beside them on the first alone."""
    rows = tuple(row(f"acme/r{number:04}", waiting=waiting(), held=held()) for number in range(1000))
    status = FleetStatus(NOW, rows, history())
    pages = [page(status, number) for number in range(1, 6)]
    assert all(len(text) < 300_000 for text in pages)
    assert [name for text in pages for name in names(text)] == [each.name for each in status.repositories]
    assert names(page(status, 99)) == names(pages[-1])
    assert len(names(pages[0])) == PER_PAGE
    assert [number for number, text in enumerate(pages) if "<svg" in text or 'id="waits' in text] == [0]


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
