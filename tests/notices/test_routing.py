"""Whom a notice concerns and when it may be sent."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.model.ledger import Actor, Entry
from bot.model.notice import DeliveryResult, Notice, NoticeEvent
from bot.model.severity import Severity
from bot.notices.memory import TRIES, claim, note, notice_history, settlement
from bot.notices.routing import MOST, Directory, NoticeRoute, Parcel, QuietHours, Subscriber, due
from tests.table import table

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOT = Actor("clockwork")


def notice(
    subject: str = "drift web",
    *,
    event: NoticeEvent = NoticeEvent.DRIFT_NEW,
    severity: Severity = Severity.HIGH,
    target: str | None = "prod",
    at: datetime = NOON,
) -> Notice:
    """A notice of that subject."""
    return Notice(event, subject, severity, subject, at, target)


@table(
    ("route", "told_of"),
    [
        (NoticeRoute(("team",)), True),
        (NoticeRoute(("team",), events=("drift.new",)), True),
        (NoticeRoute(("team",), events=("drift.*",)), True),
        (NoticeRoute(("team",), events=("pull.*", "halt")), False),
        (NoticeRoute(("team",), severity=Severity.HIGH), True),
        (NoticeRoute(("team",), severity=Severity.CRITICAL), False),
        (NoticeRoute(("team",), targets=("prod",)), True),
        (NoticeRoute(("team",), targets=("p*", "dev")), True),
        (NoticeRoute(("team",), targets=("dev",)), False),
        (NoticeRoute(("another",)), False),
    ],
)
def test_a_route_names_events_severity_and_targets(route: NoticeRoute, told_of: bool) -> None:
    """All three must fit."""
    addressees = Directory((route,), (Subscriber("team"),)).addressees(notice())
    assert addressees == (("team",) if told_of else ())


def test_what_concerns_everything_concerns_each_target() -> None:
    """A halt goes to those who want to hear of one target; the target without a name is another one."""
    route = NoticeRoute(("team",), targets=("prod",))
    assert route.concerns(notice(event=NoticeEvent.HALTED, target=None))
    assert not route.concerns(notice(target=""))


def test_everybody_is_named_once() -> None:
    """Routes that fit add up, and the order is that of the settings."""
    routes = (NoticeRoute(("b", "a")), NoticeRoute(("a",)))
    assert Directory(routes, (Subscriber("a"), Subscriber("b"))).addressees(notice()) == ("a", "b")


@pytest.mark.parametrize(
    ("at", "quiet"),
    [
        ("2026-03-01T20:59+00:00", False),
        ("2026-03-01T21:00+00:00", True),
        ("2026-03-02T05:59+00:00", True),
        ("2026-03-02T06:00+00:00", False),
        ("2026-07-01T19:59+00:00", False),  # summer: Berlin is two hours ahead
        ("2026-07-01T20:00+00:00", True),
        ("2026-07-02T05:00+00:00", False),
    ],
)
def test_quiet_hours_go_past_midnight_by_the_wall_clock(at: str, quiet: bool) -> None:
    """From 22:00 to 07:00 in Berlin, in winter and in summer."""
    hours = QuietHours(time(22), time(7), ZoneInfo("Europe/Berlin"))
    assert hours.contains(datetime.fromisoformat(at)) is quiet


def test_quiet_hours_within_a_day() -> None:
    """The beginning belongs to them and the end does not."""
    hours = QuietHours(time(12), time(13, 30), ZoneInfo("UTC"))
    inside = [hours.contains(NOON + timedelta(minutes=minutes)) for minutes in (-1, 0, 89, 90)]
    assert inside == [False, True, True, False]


class Desk:
    """Entries as flows write them, with ids in order."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def id(self) -> str:
        """The next id."""
        return f"{len(self.entries):032x}"

    def note(self, notice: Notice, *receivers: str) -> str:
        """A notice for these receivers; its id."""
        self.entries.append(note(notice, receivers, id_=self.id(), actor=BOT))
        return self.entries[-1].id

    def claim(self, receiver: str, *ids: str, at: datetime) -> None:
        """Somebody takes these in hand."""
        self.entries.append(claim(receiver, ids, id_=self.id(), actor=BOT, at=at))

    def settle(self, receiver: str, *ids: str, result: DeliveryResult, at: datetime) -> None:
        """What came of these."""
        self.entries.append(settlement(receiver, ids, result, "", id_=self.id(), actor=BOT, at=at))

    def due(self, subscriber: Subscriber, now: datetime) -> Parcel | None:
        """What is due for one receiver."""
        parcels = list(due(notice_history(self.entries), (subscriber,), now))
        return parcels[0] if parcels else None


def after(**amount: float) -> datetime:
    """Noon and then some."""
    return NOON + timedelta(**amount)


def test_a_digest_collects_from_the_first_notice_on() -> None:
    """An hour after the first everything that waits is due together, and nothing before."""
    desk, digest = Desk(), Subscriber("team", timedelta(hours=1))
    first = desk.note(notice("a"), "team")
    second = desk.note(notice("b", at=after(minutes=50)), "team")
    assert desk.due(digest, after(minutes=59)) is None
    assert desk.due(digest, after(hours=1)) == Parcel("team", (first, second))


def test_the_night_holds_all_but_what_is_critical_where_that_passes() -> None:
    """What is critical goes out alone; the rest follows in the morning."""
    desk, hours = Desk(), QuietHours(time(11), time(13), ZoneInfo("UTC"))
    low = desk.note(notice("a"), "team")
    worst = desk.note(notice("b", severity=Severity.CRITICAL), "team")
    assert desk.due(Subscriber("team", quiet=hours), NOON) is None
    passing = Subscriber("team", timedelta(minutes=5), hours, critical_passes=True)
    assert desk.due(passing, NOON) == Parcel("team", (worst,))
    assert desk.due(passing, after(hours=1)) == Parcel("team", (low, worst))


def test_what_was_told_is_not_told_again() -> None:
    """To the receiver that took it; the other one still waits."""
    desk = Desk()
    ids = desk.note(notice(), "team", "hook")
    desk.claim("team", ids, at=NOON)
    desk.settle("team", ids, result=DeliveryResult.DELIVERED, at=NOON)
    assert desk.due(Subscriber("team"), after(hours=2)) is None
    assert desk.due(Subscriber("hook"), after(hours=2)) == Parcel("hook", (ids,))
    assert desk.due(Subscriber("stranger"), NOON) is None


def test_what_is_in_hand_is_left_alone_until_its_holder_must_have_died() -> None:
    """A claim counts for ten minutes, also one of a clock that is ahead."""
    desk = Desk()
    ids = desk.note(notice(), "team")
    desk.claim("team", ids, at=after(minutes=5))
    assert [desk.due(Subscriber("team"), after(minutes=m)) is None for m in (0, 14.9, 15)] == [True, True, False]


@pytest.mark.parametrize("result", [DeliveryResult.UNANSWERED, DeliveryResult.DROPPED])
def test_what_may_have_arrived_is_not_sent_again(result: DeliveryResult) -> None:
    """It counts as lost, and the next message says so, once."""
    desk, team = Desk(), Subscriber("team")
    ids = desk.note(notice("a"), "team")
    desk.settle("team", ids, result=result, at=NOON)
    assert desk.due(team, after(hours=2)) is None
    following = desk.note(notice("b", at=after(hours=2)), "team")
    assert desk.due(team, after(hours=2)) == Parcel("team", (following,), dropped=1)
    desk.settle("team", following, result=DeliveryResult.DELIVERED, at=after(hours=2))
    last = desk.note(notice("c", at=after(hours=3)), "team")
    assert desk.due(team, after(hours=3)) == Parcel("team", (last,))


def test_a_refusal_is_tried_again_later_each_time_and_given_up_in_the_end() -> None:
    """After 1, 5, 25 and 125 minutes; the fifth refusal is the last, and what is given up is counted."""
    desk, team, now = Desk(), Subscriber("team"), NOON
    ids = desk.note(notice(), "team")
    pauses = []
    for _ in range(TRIES):
        minutes = 0
        while (parcel := desk.due(team, now + timedelta(minutes=minutes))) is None:
            minutes += 1
        assert parcel == Parcel("team", (ids,))
        now += timedelta(minutes=minutes)
        pauses.append(minutes)
        desk.settle("team", ids, result=DeliveryResult.FAILED, at=now)
    assert pauses == [0, 1, 5, 25, 125]
    assert desk.due(team, now) == Parcel("team", (), (ids,), dropped=1)
    desk.settle("team", ids, result=DeliveryResult.DROPPED, at=now)
    assert desk.due(team, now + timedelta(days=1)) is None


def test_nothing_waits_for_ever() -> None:
    """After a day and a half it is given up; of what is older than two days the ledger need not know what became of it."""
    desk, team = Desk(), Subscriber("team")
    ids = desk.note(notice(), "team")
    assert desk.due(team, after(hours=36)) == Parcel("team", (ids,))
    assert desk.due(team, after(hours=36, seconds=1)) == Parcel("team", (), (ids,), dropped=1)
    assert desk.due(team, after(days=2)) is None


def test_a_flood_keeps_the_newest() -> None:
    """One message holds so many; older ones are given up and counted."""
    desk = Desk()
    ids = [desk.note(notice(str(number)), "team") for number in range(MOST + 2)]
    assert desk.due(Subscriber("team"), NOON) == Parcel("team", tuple(ids[2:]), tuple(ids[:2]), dropped=2)
