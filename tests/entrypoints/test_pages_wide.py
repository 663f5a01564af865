"""Long names in a real browser: no page is wider than its window, and no column is so narrow that a word is not read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from bot.entrypoints.pages.document import rendered
from bot.entrypoints.pages.fleet import fleet_values
from bot.fleet.overview import FleetStatus, RequestBudget
from bot.fleet.status import FleetResult
from bot.model.severity import Severity
from tests.entrypoints import test_fleet_page as fleet
from tests.entrypoints.test_pages import full, one
from tests.flows.browser import CHROMIUM, browser

LONG = "a-long-name-" * 4 + "x" * 200
ROWS = (
    fleet.row(
        LONG,
        FleetResult.FAILED,
        error=f"{LONG} {LONG}",
        failures=12,
        waiting=fleet.waiting(5, 5, LONG),
        held=fleet.held(LONG),
    ),
    fleet.row("acme/calm"),
    fleet.row("acme/b", FleetResult.DRIFT, severities=dict.fromkeys(Severity, 3)),
)
BUDGETS = (RequestBudget(LONG, 1, 5000, fleet.NOW),)
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "first": lambda: full(LONG),
    "one": lambda: one(LONG),
    "fleet": lambda: rendered("fleet", **fleet_values(FleetStatus(fleet.NOW, ROWS, fleet.history(), BUDGETS))),
}
_TORN = """[...document.querySelectorAll('time, .figure, thead th')].filter(each => each.getClientRects().length > 1)"""
_OPEN = "document.querySelectorAll('details').forEach(each => { each.open = true; })"
_CELLS = "[...document.querySelectorAll('[role=table] :is(td, th)')]"
_NARROW = f"{_CELLS}.filter(each => each.textContent && each.clientWidth < 60).length"


@pytest.mark.chromium
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium to draw the pages")
def test_long_names_widen_no_page(tmp_path: Path) -> None:
    """On a phone, a tablet and a desk; times, figures and headings stay on their line."""
    with browser(tmp_path / "profile") as tab:
        for name, made in PAGES.items():
            file = tmp_path / f"{name}.html"
            file.write_text(made())
            for width in (360, 820, 1030, 1280):
                tab.look(width=width, scheme="light")
                tab.open(file.as_uri())
                tab.evaluate(_OPEN)
                assert tab.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
                assert tab.evaluate(f"{_TORN}.map(each => each.outerHTML)") == [], (name, width)
                if width > 1024:
                    assert tab.evaluate(_NARROW) == 0, (name, width)
