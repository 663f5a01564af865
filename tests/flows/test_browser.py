"""Real Chromium on the sandbox's pages: people merge, close and tick, on a desk and on a phone, in light and in dark."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.flows.dashboard.board import TITLE
from bot.model.ledger import EntryKind
from bot.model.proposal import Effect
from tests.flows.browser import CHROMIUM, Browser, browser
from tests.flows.stage import NAME, Stage

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium to click in"),
]


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One tab for all."""
    with browser(tmp_path_factory.mktemp("browser")) as running:
        yield running


def button(text: str) -> str:
    """The button that says so, in JavaScript."""
    return f"[...document.querySelectorAll('button')].find(each => each.textContent.trim().startsWith('{text}'))"


def box(text: str) -> str:
    """The check box before that text."""
    return (
        "[...document.querySelectorAll('li')].filter(each => each.querySelector('[role=checkbox]')"
        f" && !each.querySelector('li')).find(each => each.textContent.includes('{text}'))"
        ".querySelector('[role=checkbox]')"
    )


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_person_ticks_a_box_and_merges(stage: Stage, tab: Browser, width: int, scheme: str) -> None:
    """Each click is where a person sees the thing; the next run did what was meant. No page is wider than its window."""
    stage.edit("clockwork.yaml", lambda _text: "version: 1\ngithub: {min_write_interval: 0, dashboard: true}\n")
    stage.config_drift()
    (opened,) = stage.tick().actions
    (board,) = [issue for issue in stage.issues() if issue["title"] == TITLE]
    tab.look(width=width, scheme=scheme)
    tab.open(stage.box.web_url(NAME, f"/issues/{board['number']}"))
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.evaluate(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
    tab.click(box("Suspend it"))
    stage.tick()
    entries = stage.loop(fresh=True).run.ledger.read().entries
    assert [entry.actor.login for entry in entries if entry.kind is EntryKind.SUSPEND] == ["you"]
    tab.open(stage.box.web_url(NAME, f"/issues/{board['number']}"))
    tab.click(box("Resume"))
    stage.tick()
    tab.open(stage.box.web_url(NAME, f"/pull/{opened.number}"))
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    tab.click(button("Merge"))
    assert stage.api("GET", f"/pulls/{opened.number}")["merged"]
    assert not stage.tick().report.drift


def test_a_person_closes(stage: Stage, tab: Browser) -> None:
    """Closed on the page is rejected."""
    stage.config_drift()
    (opened,) = stage.tick().actions
    tab.look(width=390, scheme="dark")
    tab.open(stage.box.web_url(NAME, f"/pull/{opened.number}"))
    tab.click(button("Close"))
    assert [action.effect for action in stage.tick().actions] == [Effect.REJECTED]
