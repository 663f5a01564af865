"""Pages as text: what they say first, that hostile text stays text, that everybody can read them, that they stay small."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import pytest

from bot.entrypoints.daemon.status import FinishedRun
from bot.entrypoints.pages.daemon import (
    PER_PAGE,
    DaemonView,
    DifferenceFilter,
    difference_values,
    differences_values,
    first_values,
    row_of,
)
from bot.entrypoints.pages.document import headers, rendered
from bot.entrypoints.pages.orders import awaited
from bot.entrypoints.pages.trends import charts
from bot.model.decision import Attention, Decision, Direction, Lane
from bot.model.drift import Drift, DriftKind, Report
from bot.model.finding import Enforce, Finding, Mode, Verdict
from bot.model.ledger import Actor, Entry, EntryKind, LedgerView, Result
from bot.model.proposal import Effect, Preview, TakenAction, Tick
from bot.model.resource import Platform, ResourceId
from bot.model.session import Session
from bot.model.severity import Severity
from bot.safety.state import State
from bot.shipped import folder
from tests.entrypoints.markup import Outline
from tests.table import table

NOW = datetime(2026, 5, 14, 12, 0, tzinfo=UTC)
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202e{{ 7*7 }}\ud800\x00"
TOKEN = "ghp_" + "a1B2" * 9


def first_page(status: Mapping[str, Any], view: DaemonView) -> str:
    return rendered("status", **first_values(status, view))


def told(**changes: Any) -> dict[str, Any]:
    """A status of a daemon that has nothing to tell, with changes."""
    look = {"every": 60, "last": None, "next": None, "error": None}
    return {
        "repository": "acme/shop", "branch": "main", "level": "conservative", "versions": {"clockwork": "1"},
        "started": "2026-05-01T12:00:00+00:00", "at": "2026-05-01T12:00:00+00:00", "doing": None, "overdue": None,
        "unready": None, "paused": None, "looks": {"check": look, "drift": look}, "drift": None, "halt": None, "closed": [],
        "budgets": [], "limits": [], "runs": [], "waiting": [], "workers": {}, "ticks": 0, "failures": 0,
        "last": None, "last_error": None,
        **changes,
    }  # fmt: skip


def drift(number: int = 1, text: str = "web", **fields: Any) -> Drift:
    """One difference of a resource of that name."""
    usual: dict[str, Any] = {
        "kind": DriftKind.CHANGED, "path": ("spec", f"field{number}"), "desired": "1.0", "observed": "1.1",
        "severity": Severity.HIGH, "rule": "r", "file": "k8s/web.yaml", "line": 7,
    }  # fmt: skip
    id_ = ResourceId(Platform.KUBERNETES, "Deployment", "shop", text, "apps", fields.pop("target", ""))
    return Drift(id_, f"Deployment/shop/{text}", **{**usual, **fields})


def decided(of: Drift, lane: Lane = Lane.CONFIG_PULL_REQUEST, **fields: Any) -> Decision:
    """What is decided about it."""
    return Decision(of, lane, Direction.ADOPT, "levels/x.yaml#y", "low", ("It is configuration.",), **fields)


def ticked(*drifts: Drift, **fields: Any) -> Tick:
    """A run that saw these."""
    usual = {"decisions": tuple(decided(each) for each in drifts), **fields}
    return Tick(NOW, "c" * 40, "main", Report(len(drifts), drifts), **usual)


def seen(tick: Tick, **changes: Any) -> dict[str, Any]:
    """The status after that run."""
    severity = {"CRITICAL": 0, "HIGH": len(tick.report.drift), "MEDIUM": 0, "LOW": 0}
    shown = {"severity": severity, "score": 1, "resources": tick.report.resources, "errors": [], "unreachable": []}
    return told(last={"drift": []}, drift={**shown, **changes.pop("drift", {})}, **changes)


def session(verdict: Verdict, text: str = "agent", days: int = 0) -> Session:
    """A guarded run with a finding."""
    finding = Finding("SEC-001", text, Severity.HIGH, Enforce.BLOCK, text, 3, 3, text, category=text)
    return Session(
        text, NOW - timedelta(days=days), text, text, Mode.STRICT, verdict, text, text, 4, 12, (finding,), failure=text
    )


def full(text: str = "web") -> str:
    """A first page on which everything that can be shown is, with that text wherever text comes from outside."""
    one, other = (
        drift(1, text, target="prod"),
        drift(2, text, target=text, file=text, message=text, observed={text: [text * 20]}),
    )
    action = TakenAction(Effect.DENIED, Lane.CONFIG_PULL_REQUEST, text, text, url="javascript:alert(1)", number=3,
                         drifts=(one.id,), limit="new-pull-requests", next_eligible=NOW)  # fmt: skip
    tick = ticked(one, other, actions=(action,), blocked=text)
    entry = Entry("1", EntryKind.SUSPEND, NOW, Actor(text), task=text, reason=text)
    ends = Entry("2", EntryKind.OUTCOME, NOW, Actor("me"), result=Result.FAILED)
    known = State(None, emergency=False, failures=0, suspended={text: entry}, stopped={f"{text}2": 3})
    guarded = (session(Verdict.BLOCK, text), session(Verdict.APPROVE, "calm", 3))
    finished = [
        FinishedRun(NOW, 1.5, "2 differences", {Severity.HIGH: 2}),
        FinishedRun(NOW, 9, "failed", {}, text, failed=True),
    ]
    waiting = {
        "number": 1,
        "kind": "issue",
        "title": text,
        "url": "javascript:alert(1)",
        "updated": NOW.isoformat(),
        "asked": [text],
    }
    budget = {"task": text, "used": 1, "allowed": 2, "free_at": None, "cooldown_until": NOW.isoformat(), "failures": 1,
              "stopped": False, "suspended": True, "until": None}  # fmt: skip
    status = seen(
        tick,
        drift={"errors": [text], "unreachable": [text]},
        halt={"at": NOW.isoformat(), "by": text, "reason": text},
        paused={"at": NOW.isoformat(), "by": text, "reason": text},
        closed=[{"text": text, "since": None, "again": NOW.isoformat()}],
        waiting=[
            waiting,
            {**waiting, "number": 2, "kind": "pull request", "url": "https://example.org/2", "asked": []},
        ],
        workers={text: {"enabled": True, "error": text, "last": None, "result": ""}},
        budgets=[budget],
        limits=[{"name": "automatic commits", "used": 2, "allowed": 2, "free_at": NOW.isoformat()}],
        runs=[{"at": NOW.isoformat(), "seconds": 1.25, "result": text, "failed": True, "error": text, "severity": {}}],
    )
    view = DaemonView(
        tick, guarded, text, charts(finished, LedgerView("t", (ends,)), guarded, NOW), awaited(tick, known)
    )
    return first_page(status, view)


def one(text: str = "web") -> str:
    """The page of one difference with that text in it."""
    it = drift(1, text, file=text, desired={text: f"{text}\nsame"}, observed={text: f"{text}\nother"}, message=text,
               manager=text, evidence=(text,), changed_at=NOW)  # fmt: skip
    preview = Preview(text, text, f"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-{text}\n+{text}")
    action = TakenAction(
        Effect.PLANNED, Lane.ARTIFACT_PATCH, text, text, url="data:text/html,x", drifts=(it.id,), preview=preview
    )
    tick = ticked(it, decisions=(decided(it, attention=Attention((text,), (text,))),), actions=(action,))
    row = row_of(tick, it.id)
    assert row is not None
    return rendered("difference", **NAMES, **difference_values(row))


NAMES = {"repository": "acme/shop", "branch": "main", "seen": NOW.isoformat(), "commit": "c" * 40}
HALT = {"at": None, "by": "rosa", "reason": "audit"}
CLOSED = {
    "text": "No pull request can be opened: not permitted. Set it.",
    "since": "2026-05-01T12:00:00+00:00",
    "again": "2026-05-01T13:00:00+00:00",
}
EMPTY = seen(ticked())


@table(
    ("changes", "words"),
    [
        ({**EMPTY, "halt": HALT}, "Halted by rosa: audit"),
        ({**EMPTY, "halt": {"at": None, "by": None, "reason": "emergency stop after 10 failures"}}, "Emergency stop"),
        ({**EMPTY, "paused": {"by": "rosa", "reason": "", "at": None}}, "Paused by rosa"),
        ({"unready": "no network"}, "Not ready: no network"),
        ({"unready": "no network"}, "first run began"),
        (
            {"unready": "x", "closed": [CLOSED]},
            "No pull request can be opened: not permitted. Set it. Tried again 2026-05-01 13:00",
        ),
        (EMPTY, "In sync"),
        ({}, "Nothing has been compared yet"),
        (seen(ticked(), drift={"unreachable": ["docker: refused"]}), "Not everything could be looked at"),
        (seen(ticked(drift()), drift={"errors": ["x"]}), "1 difference, and not everything could be looked at"),
    ],
)
def test_the_first_line_says_what_matters_most(changes: dict[str, Any], words: str) -> None:
    """A halt before a pause before anything else; in sync only where all was looked at."""
    outline = Outline(first_page(told(**changes), DaemonView()))
    headline = next(tag.text for tag in outline.tags if tag.attributes.get("id") == "headline")
    assert words in outline.all("header")[0].text
    assert (headline == "In sync") == (changes == EMPTY)


def test_each_difference_says_what_becomes_of_it_and_why_not() -> None:
    """By target, the worst first: remedy, state, the reason of a limit with its time, where it is set, a page of its own."""
    low, high = drift(1, target="test", severity=Severity.LOW), drift(2, target="prod")
    held = TakenAction(Effect.DENIED, Lane.ARTIFACT_PATCH, "t", "2 of 2 fixes this hour", drifts=(high.id,),
                  limit="window", next_eligible=NOW)  # fmt: skip
    tick = ticked(low, high, decisions=(decided(low, Lane.NOTHING), decided(high)), actions=(held,))
    outline = Outline(first_page(seen(tick), DaemonView(tick)))
    rows = [tag for tag in outline.all("tr") if tag.attributes.get("id", "").startswith("d-")]
    assert [row.attributes["id"] for row in rows] == [f"d-{high.id}", f"d-{low.id}"]
    assert "commit: held back 2 of 2 fixes this hour again 2026-05-14 12:00:00 UTC" in rows[0].text
    assert "only reported It is configuration." in rows[1].text
    assert "k8s/web.yaml:7" in rows[0].text
    groups = [tag.text for tag in outline.all("th") if tag.attributes.get("scope") == "rowgroup"]
    assert groups == ["prod: 1 difference", "test: 1 difference"]
    assert f"/differences/{high.id}" in {tag.attributes["href"] for tag in outline.all("a")}


def test_a_value_is_broken_after_its_parts() -> None:
    """The name of an image, a path and a file are not torn within a word where the column is narrow."""
    tick = ticked(drift(1, observed="example.com/web:1.2<b>"))
    assert "example.<wbr>com/<wbr>web:<wbr>1.<wbr>2&lt;b&gt;" in first_page(seen(tick), DaemonView(tick))


def test_what_waits_says_for_whom_and_what_ends_it() -> None:
    """Pull requests and issues with who may act; held tasks with the order that lets them go on."""
    page = Outline(full()).all("main")[0].text
    for words in (
        "merge to accept, close to reject", "whoever may merge", "stopped after 3 failures in a row",
        "clockwork resume web2 -m why", "clockwork unsuspend web -m why",
    ):  # fmt: skip
        assert words in page, words


@pytest.mark.parametrize("page", [full, one])
def test_hostile_text_stays_text(page: Any) -> None:
    """Names, values, titles and addresses add no markup, lead nowhere but to pages, hide nothing, and show no token."""
    outline, calm = Outline(page(f"{EVIL} {TOKEN}")), Outline(page())
    count = {name: len(calm.all(name)) for name in ("script", "img", "rect", "input", "form", "iframe", "object")}
    assert {name: len(outline.all(name)) for name in count} == count
    assert not count["img"]
    for tag in outline.tags:
        assert not any(name.startswith("on") or name == "style" for name in tag.attributes), tag
        address = tag.attributes.get("href", "")
        assert address.startswith(("#", "/", "https://", "data:image/svg+xml,")) or not address, address
    text = page(f"{EVIL} {TOKEN}")
    assert not {"\u202e", "\ud800", "\x00"} & set(text)
    assert TOKEN not in text
    assert "{{ 7*7 }}" in outline.all("body")[0].text
    text.encode()


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "first": full,
    "empty": lambda: first_page(told(), DaemonView()),
    "one": one,
    "gone": lambda: rendered("difference", **NAMES, row=None),
    "list": lambda: rendered("differences", **NAMES, **differences_values(many(), DifferenceFilter(page=2))),
}


def many() -> Tick:
    """A look that saw many differences."""
    return ticked(*(drift(number, target="prod") for number in range(250)))


@pytest.mark.parametrize("name", PAGES)
def test_everybody_can_read_it(name: str) -> None:
    """One main, one first heading, no level left out, ids once, labelled parts, tables with headers for both directions."""
    outline = Outline(PAGES[name]())
    assert outline.all("html")[0].attributes["lang"] == "en"
    assert [outline.landmarks.count(each) for each in ("header", "main", "footer")] == [1, 1, 1], name
    levels = outline.levels
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(below - level <= 1 for level, below in pairwise(levels)), levels
    assert len(set(outline.ids)) == len(outline.ids)
    for tag in outline.tags:
        for attribute in ("aria-labelledby", "for"):
            assert set(tag.attributes.get(attribute, "").split()) <= set(outline.ids), tag
        if tag.name in {"section", "nav", "form"}:
            assert {"aria-label", "aria-labelledby"} & set(tag.attributes), tag
        if tag.name == "a" and tag.attributes["href"].startswith("#"):
            assert tag.attributes["href"][1:] in outline.ids, tag
        if tag.name == "th":
            assert tag.attributes["scope"] in {"col", "row", "rowgroup"}
    assert len(outline.all("caption")) == len(outline.all("table"))
    assert all(tag.text for tag in outline.all("caption", "h1", "h2", "h3", "a", "button", "summary", "title"))


def test_the_keyboard_begins_with_a_way_around() -> None:
    """First the link to the content, then links in the order of the sections they lead to; nothing jumps the order."""
    outline = Outline(full())
    stops = [tag for tag in outline.all("a", "button", "summary", "input", "select") if "hidden" not in tag.attributes]
    assert stops[0].attributes["href"] == "#main"
    jumps = [tag.attributes["href"][1:] for tag in outline.all("a") if "nav" in tag.within]
    assert jumps == [each for each in outline.ids if each in jumps]
    assert {tag.attributes["tabindex"] for tag in outline.tags if "tabindex" in tag.attributes} == {"-1"}


def test_charts_are_told_as_well_as_drawn() -> None:
    """Each has a title, a description and a table with the same numbers."""
    outline = Outline(full())
    drawn = [tag for tag in outline.all("svg") if tag.attributes.get("role") == "img"]
    assert len(drawn) == 4
    assert [tag.name for tag in outline.tags if tag.within[-1:] == ("svg",)].count("desc") == 4
    for name, sums in (("drift", [0, 0, 2, 0]), ("remedies", [0, 0, 1]), ("verdicts", [1, 0, 1])):
        start = next(index for index, tag in enumerate(outline.tags) if tag.attributes.get("id") == f"{name}-table")
        inside = []
        for tag in outline.tags[start + 1 :]:
            if "details" not in tag.within:
                break
            inside.append(tag)
        numbers = [int(tag.text) for tag in inside if tag.name == "td"]
        assert [sum(numbers[index :: len(sums)]) for index in range(len(sums))] == sums, name


def colours() -> list[tuple[str, dict[str, str]]]:
    """The colours of each scheme, by name."""
    style = (folder("templates") / "pages" / "style.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    parse = re.compile(r"--([\w-]+): (#[0-9a-f]{6})")
    return [
        ("light", dict(parse.findall(light))),
        ("dark", {**dict(parse.findall(light)), **dict(parse.findall(dark))}),
    ]


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2, "Relative luminance")."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one_colour: str, other: str) -> float:
    """From 1 to 21 (WCAG 2.2, "Contrast ratio")."""
    low, high = sorted((luminance(one_colour), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("scheme", "named"), colours())
def test_contrast_is_enough(scheme: str, named: dict[str, str]) -> None:
    """Text 4.5 to 1 wherever it stands, bars and edges 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11), in either scheme."""
    for text in ("text", "soft", "bad", "warn", "good", "link"):
        for ground in ("ground", "card"):
            assert contrast(named[text], named[ground]) >= 4.5, (scheme, text, ground)
    for ground in ("gone", "new"):
        assert contrast(named["text"], named[ground]) >= 4.5, (scheme, ground)
    for shape in ("edge", *(name for name in named if name.startswith("bar-"))):
        assert contrast(named[shape], named["ground"]) >= 3, (scheme, shape)
    assert len({named[name] for name in named if name.startswith("bar-")}) == 6


def test_a_page_fetches_nothing_and_runs_what_is_allowed_by_its_digest() -> None:
    """No address of another file anywhere, and the policy names exactly the script and the style that are inside."""
    page = rendered("status", events="/events", **first_values(told(), DaemonView()))
    outline, policy = Outline(page), headers()["Content-Security-Policy"]
    assert not [tag for tag in outline.tags if {"src", "srcset", "poster", "action"} & set(tag.attributes)]
    assert all(tag.attributes["href"].startswith("data:") for tag in outline.all("link"))
    assert "url(" not in page
    assert "@import" not in page
    assert "unsafe" not in policy
    for name, tag in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(rf"<{name}>(.*?)</{name}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag} 'sha256-{digest}'" in policy


def test_two_thousand_differences_are_a_small_page() -> None:
    """The worst fifty and a link to all, of which each page has a hundred; with two thousand of everything else, too."""
    number = 2000
    drifts = [drift(each, f"web{each}", target=f"t{each % 500}") for each in range(number)]
    tick = ticked(*drifts, drift(number, "worst", severity=Severity.CRITICAL, target="prod"))
    waiting = {
        "number": 1,
        "kind": "issue",
        "title": "x" * 200,
        "url": "https://example.org",
        "updated": None,
        "asked": [],
    }
    budget = {"task": "t", "used": 0, "allowed": 2, "free_at": None, "cooldown_until": None, "failures": 0, "stopped": False,
              "suspended": False, "until": None}  # fmt: skip
    status = seen(
        tick,
        drift={"errors": ["e" * 5000] * number, "unreachable": ["u"] * number},
        waiting=[{**waiting, "number": each} for each in range(number)],
        budgets=[*([budget] * number), {**budget, "task": "held", "stopped": True}],
    )
    held = State(None, emergency=False, failures=0, stopped={f"t{each}": 3 for each in range(number)})
    page = first_page(status, DaemonView(tick, orders=awaited(tick, held)))
    outline = Outline(page)
    assert len(page) < 150_000
    rows = [tag for tag in outline.all("tr") if tag.attributes.get("id", "").startswith("d-")]
    assert (len(rows), "worst" in rows[0].text, "held" in page) == (50, True, True)
    assert f"{number} other tasks that differ: no fix in the last hour" in outline.all("main")[0].text
    assert f"The worst 50 of {number + 1}: all differences" in outline.all("main")[0].text
    pages = [
        rendered("differences", **NAMES, **differences_values(tick, DifferenceFilter(page=each)))
        for each in (1, 21, 999)
    ]
    assert [page.count('id="d-') for page in pages] == [PER_PAGE, 1, 1]
    assert all(len(page) < 250_000 for page in pages)


def test_a_choice_keeps_what_was_chosen_over_pages() -> None:
    """Target and severity choose; their words come back in the form and in the address of the next page."""
    tick = ticked(*(drift(each, target="a&b") for each in range(150)), drift(999, target="else"))
    values = differences_values(tick, DifferenceFilter.of({"target": "a&b", "severity": "HIGH", "page": "1"}))
    outline = Outline(rendered("differences", **NAMES, **values))
    (following,) = [tag for tag in outline.all("a") if tag.attributes.get("rel") == "next"]
    assert following.attributes["href"] == "?target=a%26b&severity=HIGH&page=2"
    assert next(tag for tag in outline.all("input")).attributes["value"] == "a&b"
    assert values["total"] == 150
    assert differences_values(tick, DifferenceFilter.of({"severity": "CRITICAL"}))["total"] == 0
    assert DifferenceFilter.of({"severity": "nonsense", "page": "-1"}) == DifferenceFilter()


def test_one_difference_has_a_diff_of_both_sides() -> None:
    """Lines of Git with a minus, lines of what runs with a plus, the file and line above, and the decision below."""
    outline = Outline(one())
    lines = [tag.text for tag in outline.all("li") if "ul" in tag.within]
    assert lines[:2] == ["--- Git: web:7", "+++ what runs"]
    assert {tag.text[:1] for tag in outline.all("del")} == {"-"}
    assert {tag.text[:1] for tag in outline.all("ins")} == {"+"}
    assert "clockwork explain Deployment/shop/web" in outline.all("main")[0].text
