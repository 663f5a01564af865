"""What the host closed to us and when it wants to be left alone: remembered, told, tried again, and asked by the limits."""

from __future__ import annotations

from datetime import datetime

from bot.model.decision import Lane
from bot.model.ledger import EntryKind, Result
from bot.safety.closures import AGAIN, Closure, closures, wait_of
from bot.safety.history import ADVICE, CLOSED, UNTIL, history_of
from bot.safety.limits import LimitCheck, Limits, examine
from tests.safety.ledgers import Book, at, request
from tests.table import table

PULL, ISSUE = Lane.CONFIG_PULL_REQUEST, Lane.RUNBOOK_ISSUE
HOUR = AGAIN.total_seconds() / 60


def refused(minutes: float, detail: dict[str, str], lane: Lane = PULL) -> Book:
    """A ledger whose last intent the host turned down."""
    book = Book()
    book.outcome(book.intent(0, lane=lane), minutes, Result.ABANDONED, reason="they are off", detail=detail)
    return book


def test_a_closed_lane_says_why_since_when_and_when_it_is_tried_again() -> None:
    """As the outcome has it; the advice may be missing."""
    book = refused(1, {CLOSED: PULL.value, ADVICE: "Switch them on."})
    closure = closures(book.view, at(2))[PULL]
    assert closure == Closure(PULL, "they are off", "Switch them on.", at(1), at(1 + HOUR))
    assert closure.text() == "No pull request can be opened: they are off. Switch them on."
    assert closures(refused(1, {CLOSED: ISSUE.value}, ISSUE).view, at(2))[ISSUE].advice == ""


def test_a_lane_is_closed_for_an_hour_or_until_something_goes_through_it() -> None:
    """A refusal from further in the future is of a broken clock, and one of a lane that nobody knows is none."""
    detail = {CLOSED: PULL.value}
    minutes = (-HOUR, 1 - HOUR, 1, HOUR - 1, HOUR)
    assert [PULL in closures(refused(0, detail).view, at(each)) for each in minutes] == [False, True, True, True, False]
    assert closures(refused(0, {CLOSED: "air-mail"}).view, at(1)) == {}
    assert closures(refused(0, {}).view, at(1)) == {}
    for result, still in ((Result.SUCCEEDED, False), (Result.FAILED, True), (Result.ABANDONED, True)):
        book = refused(0, detail)
        book.outcome(book.intent(1, lane=PULL), 2, result)
        assert (PULL in closures(book.view, at(3))) == still
    book = refused(0, detail)
    book.outcome(book.intent(1, lane=ISSUE), 2)
    assert PULL in closures(book.view, at(3))
    book.add(EntryKind.RESUME, 4, task="web")
    assert PULL in closures(book.view, at(5))
    book.add(EntryKind.RESUME, 6)
    assert closures(book.view, at(7)) == {}


@table(
    ("until", "waits"),
    [
        (at(2).isoformat(), True),
        (at(1).isoformat(), False),
        (at(1 + 24 * 60).isoformat(), True),
        (at(2 + 24 * 60).isoformat(), False),
        (at(2).replace(tzinfo=None).isoformat(), False),
        ("soon", False),
    ],
)
def test_the_host_may_ask_to_wait_for_a_day_at_most(until: str, waits: bool) -> None:
    """What is no time, has no zone or is over asks for nothing. Only a push does not wait."""
    book = refused(0, {UNTIL: until})
    assert wait_of(history_of(book.view), at(1)) == (datetime.fromisoformat(until) if waits else None)
    for lane in (PULL, ISSUE, Lane.RESTORE, Lane.ARTIFACT_PATCH):
        checks = {check.limit: check for check in examine(book.view, request(lane=lane), Limits(), at(1))}
        assert ("host-limit" in checks) == (waits and lane is not Lane.ARTIFACT_PATCH)


def test_the_limit_says_until_when_the_host_asked_to_wait() -> None:
    """So does the time at which it passes. A resume of everything forgets it."""
    book = refused(0, {UNTIL: at(9).isoformat()})
    (check,) = (c for c in examine(book.view, request(lane=PULL), Limits(), at(1)) if c.limit == "host-limit")
    message = "the code host asked to wait until 2025-06-02 12:09:00 UTC"
    assert check == LimitCheck("host-limit", False, message, {}, at(9))
    book.add(EntryKind.RESUME, 2)
    assert wait_of(history_of(book.view), at(3)) is None
    assert wait_of(history_of(Book().view), at(3)) is None


def pulls(
    opened: int, beside: int | None, pending: int = 0, *, approved: bool = False, **limits: int | None
) -> list[LimitCheck]:
    """What the limits of new and open pull requests say of one more."""
    book = Book()
    for number in range(opened):
        book.intent(number, lane=PULL, detail={"opens": "pull request"})
    if approved:
        book.add(EntryKind.NOTE, 5, fingerprint="f", detail={"order": "approve"})
    asked = request("new", lane=PULL, beside=beside, fingerprint="f")
    others = [request("other", lane=PULL, beside=0)] * pending
    checks = examine(book.view, asked, Limits(**limits), at(10), pending=others)  # type: ignore[arg-type]
    return [check for check in checks if check.limit in {"new-pull-requests", "open-pull-requests"}]


def test_people_are_asked_no_more_than_they_can_answer() -> None:
    """New ones within an hour, and open ones: those before this run and those of it."""
    new, waiting = pulls(1, 9)
    used = {"used": 1, "allowed": 2, "window_seconds": 3600.0}
    assert new == LimitCheck(
        "new-pull-requests", True, "1 of 2 new pull requests were used in the last 60 minutes", used
    )
    message = "9 of 10 pull requests of Clockwork's are open"
    assert waiting == LimitCheck("open-pull-requests", True, message, {"open": 9, "allowed": 10})
    new, waiting = pulls(1, 9, pending=1)
    assert (new.passed, new.next_eligible) == (False, at(60))
    message = "10 of 10 pull requests of Clockwork's are open; merge or close one to make room"
    assert waiting == LimitCheck("open-pull-requests", False, message, {"open": 10, "allowed": 10})


def test_what_asks_nobody_is_not_held_back_by_what_others_are_asked() -> None:
    """An update opens none, a person may ask for one now, and each limit may be switched off."""
    assert pulls(9, None) == pulls(9, 9, approved=True) == []
    assert [check.limit for check in pulls(9, 9, new_pull_requests_per_hour=None)] == ["open-pull-requests"]
    assert [check.limit for check in pulls(9, 9, open_pull_requests=None)] == ["new-pull-requests"]
    assert pulls(9, 9, new_pull_requests_per_hour=None, open_pull_requests=None) == []
