"""Messages from templates, the shipped one and a repository's own in its sandbox."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.model.notice import Notice, NoticeEvent
from bot.model.severity import Severity
from bot.receivers.composer import Composer
from bot.shipped import folder

SHIPPED = (folder("templates") / "notification.txt.j2").read_text("utf-8")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def notice(text: str, severity: Severity = Severity.HIGH, **more: str) -> Notice:
    """A notice about a drift in prod."""
    return Notice(NoticeEvent.DRIFT_NEW, f"drift {text}", severity, text, NOON, "prod", link=more.get("link"))


def values(*notices: Notice, more: int = 0, dropped: int = 0) -> dict[str, object]:
    """What a template gets."""
    severity = max((each.severity for each in notices), key=lambda each: each.rank)
    return {"repository": "acme/shop", "notices": notices, "more": more, "dropped": dropped, "severity": severity}


def test_one_notice_is_its_own_title() -> None:
    """The title says what happened; the body has severity, event, target and link."""
    title, body = Composer(SHIPPED).compose("team", values(notice("replicas 2 → 5", link="https://example.com/7")))
    assert title == "acme/shop: replicas 2 → 5"
    assert body == "- **HIGH** drift.new (prod): replicas 2 → 5 https://example.com/7"


def test_several_notices_are_counted() -> None:
    """The title counts, the body lists, says how many more there are and how many did not arrive."""
    two = (notice("a", Severity.CRITICAL), notice("b"))
    title, body = Composer(SHIPPED).compose("team", values(*two, more=3, dropped=1))
    assert title == "acme/shop: 5 notices, worst CRITICAL"
    assert body.splitlines() == [
        "- **CRITICAL** drift.new (prod): a",
        "- **HIGH** drift.new (prod): b",
        "- and 3 more",
        "",
        "1 earlier notice may not have arrived here.",
    ]


def test_hostile_text_mentions_nobody() -> None:
    """A value from outside calls nobody and is no markup."""
    title, body = Composer(SHIPPED).compose("team", values(notice("<!channel> @here *x*\n# big")))
    assert "@here" not in title + body
    assert "<!channel>" not in body
    assert "\n#" not in body


def test_a_repository_has_its_own() -> None:
    """Its template is used for the receiver that names it and for no other."""
    own = Composer(SHIPPED, {"pager": "{{ severity }} {{ notices[0].text | line }}\nlook"})
    assert own.compose("pager", values(notice("a"))) == ("HIGH a", "look")
    assert own.compose("team", values(notice("a")))[0] == "acme/shop: a"


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ notices.__class__.__init__.__globals__ }}",
        "{% set notices.x = 1 %}",
        "{{ nothing }}",
        "{% for",
        "{{ notices[0].text.format.__globals__ }}",
        "{{ 1 / 0 }}",
    ],
)
def test_a_template_that_is_wrong_costs_its_form_alone(template: str) -> None:
    """What breaks, or reaches for what is not its own, is replaced by the shipped text, which says so."""
    title, body = Composer(SHIPPED, {"team": template}).compose("team", values(notice("a")))
    assert title == "acme/shop: a"
    assert "own template is wrong" in body
