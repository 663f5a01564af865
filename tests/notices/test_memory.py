"""What the ledger remembers of what was told, and that compaction forgets nothing that would be told again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.gitrepo.ledger.records import GENESIS, decoded, encoded
from bot.model.ledger import Actor, Entry, EntryKind
from bot.model.notice import Notice, NoticeEvent
from bot.model.severity import Severity
from bot.notices.memory import note, notice_history, notice_of, standing_entries
from bot.notices.news import Standing, end, news
from bot.safety.compaction import Retention, retained

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOT = Actor("clockwork")
BEGIN, END = NoticeEvent.DRIFT_NEW, NoticeEvent.DRIFT_CLOSED


def notice(subject: str, event: NoticeEvent = BEGIN, severity: Severity = Severity.HIGH) -> Notice:
    """A notice of that subject, at noon."""
    return Notice(
        event, subject, severity, f"about {subject}", NOON, "prod", f"prod/{subject}", "https://example.com/1"
    )


def entry(number: int, event: NoticeEvent, subject: str, *, days: float = 0) -> Entry:
    """A remembered notice."""
    made = note(notice(subject, event), ("team",), id_=f"{number:032x}", actor=BOT)
    return replace(made, at=NOON + timedelta(days=days))


def test_a_notice_survives_the_ledgers_bytes() -> None:
    """It is read back as it was, with its receivers; the target without a name is not the whole repository."""
    for target in ("prod", "", None):
        written = replace(notice("drift web"), target=target)
        line = encoded(note(written, ("team", "hook"), id_="0" * 32, actor=BOT), GENESIS)
        back, _ = decoded(line, location="line 1")
        assert notice_of(back) == written
        assert notice_history([back]).receivers == {"0" * 32: ("team", "hook")}


def test_an_event_of_a_later_version_is_no_notice() -> None:
    """It is left alone, and so is any other note."""
    later = entry(1, BEGIN, "a")
    assert notice_of(replace(later, detail={**later.detail, "event": "moon.full"})) is None
    assert notice_of(replace(later, detail={})) is None
    assert notice_of(replace(later, kind=EntryKind.HALT)) is None


def test_news_are_what_nobody_was_told() -> None:
    """What begins, what got worse, what ended; not what stands as before, nor what nobody can know."""
    before = {each.subject: each for each in (notice("same"), notice("worse"), notice("gone"), notice("unseen"))}
    worse = notice("worse", severity=Severity.CRITICAL)
    better = replace(notice("same"), severity=Severity.LOW)
    standing = Standing(
        (better, worse, notice("fresh")),
        lambda each: end(each, END, "over", NOON) if each.subject == "gone" else None,
    )
    fresh = news(standing, before, ())
    assert [(each.subject, each.event) for each in fresh] == [("worse", BEGIN), ("fresh", BEGIN), ("gone", END)]


def test_what_happens_once_is_told_once() -> None:
    """By its subject."""
    blocked = notice("verdict 7 abc", NoticeEvent.VERDICT_BLOCKED)
    assert news(Standing(once=(blocked,)), {}, ()) == (blocked,)
    assert news(Standing(once=(blocked,)), {}, (blocked,)) == ()


MOVES = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([BEGIN, END]), st.floats(0, 10)), min_size=1, max_size=150
)


@given(MOVES)
def test_compaction_keeps_what_stands(moves: list[tuple[str, NoticeEvent, float]]) -> None:
    """Whatever was told in whatever order, what stands by what stays is what stands by the whole."""
    entries = [entry(number, event, subject, days=days) for number, (subject, event, days) in enumerate(moves)]
    stay = retained(entries, Retention())
    kept = [each for each in entries if each.id in stay]
    assert notice_history(kept).standing == notice_history(entries).standing
    assert set(notice_history(kept).standing) == {
        n.subject for each in standing_entries(entries) if (n := notice_of(each)) is not None
    }


def test_compaction_forgets_what_ended_long_ago() -> None:
    """Beginnings that still stand outlive everything; ends and what ended do not."""
    old = [entry(1, BEGIN, "open"), entry(2, BEGIN, "shut"), entry(3, END, "shut")]
    later = [
        Entry(f"{100 + number:032x}", EntryKind.NOTE, NOON + timedelta(days=30), BOT, reason="later")
        for number in range(70)
    ]
    assert [each.id for each in old if each.id in retained([*old, *later], Retention())] == [old[0].id]
