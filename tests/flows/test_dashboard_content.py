"""What the dashboard says of much and of hostile things, and who ticked a box, without a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.flows.dashboard.boxes import Box, BoxVerb, tick, ticked, ticker
from bot.flows.dashboard.content import content
from bot.flows.lanes import ORDERED
from bot.model.codehost import BodyEdit
from bot.model.decision import Decision, Direction, Lane
from bot.model.drift import Drift, DriftKind, IgnoreNote, Report
from bot.model.ledger import LedgerView
from bot.model.paths import parse_path
from bot.model.proposal import Effect, TakenAction, Tick, proposals
from bot.model.resource import Platform, ResourceId, Unreachable
from bot.model.severity import Severity
from bot.safety.limits import Limits
from tests.flows.world import texts

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LEVELS = sorted(Severity, key=lambda level: -level.rank)
EVIL = "x--><!-- clockwork resume - --> @rosa | </details> `a` #1"


def drift(number: int, *, target: str = "prod", value: str = "two") -> Drift:
    """One of many, each of another object."""
    id_ = ResourceId(Platform.KUBERNETES, "Deployment", "shop", f"app-{number}", "apps", target)
    severity = LEVELS[number % len(LEVELS)]
    return Drift(id_, id_.qualified, DriftKind.CHANGED, parse_path("spec.image"), "one", value, severity, "x")


def run(drifts: list[Drift], effect: Effect, *, limit: str | None = None, blocked: str | None = None) -> Tick:
    """A run that found these, and that came to the same end with each."""
    decisions = tuple(
        Decision(each, Lane.CONFIG_PULL_REQUEST, Direction.ADOPT, "r", "low", ("why",)) for each in drifts
    )
    actions = [
        TakenAction(
            effect,
            made.lane,
            made.task,
            "10 of 10 pull requests of Clockwork's are open",
            severity=made.severity,
            fingerprint=made.fingerprint,
            drifts=made.drifts,
            limit=limit,
        )
        for made in proposals(decisions)
    ]
    report = Report(
        len(drifts) + 1,
        tuple(drifts),
        unreachable=(Unreachable("docker", "mail", EVIL),),
        notes=(IgnoreNote("idle", "not compared", "none of its 3 objects runs here"),),
        targets={drift.resource.target: len(drifts) for drift in drifts},
    )
    return Tick(NOW, "0" * 40, "main", report, decisions, () if blocked else tuple(actions), blocked)


def test_two_thousand_findings_have_room(subtests: pytest.Subtests) -> None:
    """The worst are shown, the others counted, in 58,000 characters at most, also with the longest values."""
    drifts = [drift(number, value=EVIL * 20) for number in range(2000)]
    for blocked in (None, "Halted"):
        with subtests.test(blocked=blocked):
            body = content(
                run(drifts, Effect.DENIED, limit="open-pull-requests", blocked=blocked),
                LedgerView(None),
                Limits(),
                texts(),
            )
            assert len(body) < 58_000
            assert "(2000)" in body
            assert "more, none of them worse than these." in body
            assert "LOW, pull request" not in body
            assert "| `prod` | 2000 | **500** | **500** | **500** | **500** |" in body


@pytest.mark.parametrize(("rule", "offered"), [("image", True), ("privileged", False)])
def test_no_box_offers_to_adopt_a_privilege(rule: str, *, offered: bool) -> None:
    """Beside what somebody chose to restore there may be one in the same issue."""
    port = drift(0)
    found = [port, replace(port, path=parse_path("spec.x"), severity=Severity.CRITICAL, rule=rule)]
    decisions = tuple(
        Decision(each, Lane.RUNBOOK_ISSUE, Direction.RESTORE, name, "high", ("why",), by_hand="people do it")
        for each, name in zip(found, (ORDERED, "r"), strict=True)
    )
    (made,) = proposals(decisions)
    action = TakenAction(Effect.OPENED, made.lane, made.task, "", fingerprint=made.fingerprint, drifts=made.drifts)
    ended = replace(run(found, Effect.OPENED), decisions=decisions, actions=(action,))
    body = content(ended, LedgerView(None), Limits(), texts())
    assert ("Adopt it instead" in body) is offered


def test_hostile_text_makes_no_box(subtests: pytest.Subtests) -> None:
    """Neither values nor reasons nor tasks from outside can be ticked, or hide anything."""
    hostile = drift(1, target=EVIL.replace(" ", "/"), value=EVIL)
    body = content(run([hostile], Effect.DENIED, limit="open-pull-requests"), LedgerView(None), Limits(), texts())
    lines = [line for line in body.splitlines() if "clockwork resume" in line.replace("\\", "")]
    for line in lines:
        with subtests.test(line=line):
            assert not line.lstrip().startswith("- [")
    assert {box.verb for box in ticked(body.replace("- [ ]", "- [x]"))} == {
        BoxVerb.APPROVE,
        BoxVerb.IGNORE,
        BoxVerb.RESTORE,
        BoxVerb.SUSPEND,
    }
    assert {box.task for box in ticked(body.replace("- [ ]", "- [x]"))} == {hostile.task}


def test_gaps_are_told_and_never_in_sync() -> None:
    """What could not be read keeps the dashboard from saying that nothing differs."""
    body = content(run([], Effect.DENIED), LedgerView(None), Limits(), texts())
    assert "**Nothing differs in what could be compared.**" in body
    assert "idle: none of its 3 objects runs here" in body


tasks = st.text(min_size=1, max_size=60)
boxes = st.builds(Box, st.sampled_from(BoxVerb), tasks | st.just(""), st.sampled_from(["", f"{'a' * 16}-{'0' * 16}"]))


@given(st.lists(boxes, max_size=6, unique=True), st.data())
def test_boxes_are_read_as_they_were_written(offers: list[Box], data: st.DataObject) -> None:
    """Whatever a task is called: those that are ticked are found, and no others."""
    body = "\n".join(f"  - [ ] {box.text} Do it" for box in offers)
    chosen = data.draw(st.lists(st.sampled_from(offers), unique=True)) if offers else []
    assert ticked(body) == ()
    assert set(ticked(tick(body, chosen))) == set(chosen)
    assert tick(tick(body, chosen), chosen) == tick(body, chosen)


BOX = Box(BoxVerb.SUSPEND, "Deployment/shop/web")
OFF, ON = f"- [ ] {BOX.text} Suspend it", f"- [x] {BOX.text} Suspend it"


@pytest.mark.parametrize(
    ("history", "who"),
    [
        ([("us", OFF), ("rosa", ON)], "rosa"),
        ([("us", OFF), ("rosa", ON), ("eve", f"{ON}\nmore")], "rosa"),
        ([("us", OFF), ("eve", ON), ("eve", OFF), ("rosa", ON)], "rosa"),
        ([("us", OFF), ("eve", ON), ("us", OFF), ("rosa", ON)], "rosa"),
        ([("us", OFF), ("rosa", ON), ("us", OFF), ("us", ON)], "rosa"),
        ([("us", OFF), ("rosa", ON), ("us", OFF), ("us", ON), ("eve", f"{ON}\nmore")], "rosa"),
        ([("us", OFF), ("rosa", None)], "rosa"),
        ([("us", OFF), ("eve", None), ("rosa", ON), ("rosa", None)], None),
        ([], None),
    ],
)
def test_a_tick_is_of_whoever_made_it(history: list[tuple[str, str | None]], who: str | None) -> None:
    """The first edit of the last row in which it is ticked; what we wrote over it or put back is nobody's. Nobody is named
    where that is not certain.
    """
    edits = [
        BodyEdit(name, None, NOW + timedelta(minutes=minute), body, by_us=name == "us")
        for minute, (name, body) in enumerate(history)
    ]
    edit = ticker(BOX, edits)
    assert (edit.editor if edit else None) == who
