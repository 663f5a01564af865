"""What people order on the dashboard: approvals, restores, and ignoring for a while, however old the ledger grows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.model.decision import Lane
from bot.model.ledger import EntryKind, LedgerView, Result
from bot.model.severity import Severity
from bot.safety.compaction import Retention, retained
from bot.safety.history import history_of_entries
from bot.safety.limits import Denied, Limits, Permit, Request, permit
from bot.safety.state import state
from tests.safety.ledgers import Book, at

PRINT = f"{'a' * 16}-{'b' * 16}"


@pytest.mark.parametrize("limits", [Limits(new_pull_requests_per_hour=0), Limits(open_pull_requests=2)])
def test_an_approval_lifts_what_keeps_people_from_being_asked_and_nothing_else(limits: Limits) -> None:
    """Of exactly this proposal. A halt holds it back all the same."""
    book = Book()
    asked = Request("web", Lane.CONFIG_PULL_REQUEST, Severity.LOW, fingerprint=PRINT, beside=2)
    assert isinstance(permit(book.view, asked, limits, at(1)), Denied)
    book.add(EntryKind.NOTE, 0, task="web", fingerprint=PRINT, detail={"order": "approve"})
    assert isinstance(permit(book.view, asked, limits, at(1)), Permit)
    other = Request("web", Lane.CONFIG_PULL_REQUEST, Severity.LOW, fingerprint=PRINT[::-1], beside=2)
    assert isinstance(permit(book.view, other, limits, at(1)), Denied)
    book.add(EntryKind.HALT, 2)
    answer = permit(book.view, asked, limits, at(3))
    assert isinstance(answer, Denied)
    assert answer.limit == "halted"


def test_ignoring_ends_by_time_or_by_retry() -> None:
    """Without an end it lasts."""
    book = Book()
    until = at(0) + timedelta(days=7)
    book.add(EntryKind.IGNORE, 0, task="web", fingerprint=PRINT, detail={"until": until.isoformat()})
    assert set(state(book.view, until - timedelta(seconds=1)).ignored) == {PRINT}
    assert not state(book.view, until).ignored
    book.add(EntryKind.IGNORE, 1, task="web", fingerprint=PRINT)
    assert set(state(book.view, until).ignored) == {PRINT}
    book.add(EntryKind.RETRY, 2, fingerprint=PRINT)
    assert not state(book.view, until).ignored


def test_orders_outlive_compaction() -> None:
    """The last word on each stays, whatever is folded away: also that somebody took it back."""
    book = Book()
    book.add(EntryKind.NOTE, 0, task="web", fingerprint=PRINT, detail={"order": "approve"})
    book.add(EntryKind.NOTE, 0, task="web", drifts=("d",), detail={"order": "restore"})
    book.add(EntryKind.NOTE, 0, task="api", drifts=("e",), detail={"order": "restore"})
    book.add(EntryKind.NOTE, 1, task="api", detail={"order": "adopt"})
    for number in range(200):
        book.fix(60 * 24 * 30 + number, task="other")
    stay = retained(book.entries, Retention(seconds=60, attempts=1))
    kept = LedgerView(None, tuple(entry for entry in book.entries if entry.id in stay))
    before, after = history_of_entries(book.entries), history_of_entries(kept.entries)
    assert len(kept.entries) < len(book.entries)
    assert set(before.approvals) == set(after.approvals) == {PRINT}
    assert set(before.restores) == set(after.restores) == {"web"}


def test_the_last_order_about_a_task_or_a_plan_counts() -> None:
    """What names nothing orders nothing, and neither does a note of another kind."""
    book = Book()
    note = EntryKind.NOTE
    book.add(note, 0, task="web", detail={"order": "restore"})
    restores = book.add(note, 1, task="web", detail={"order": "restore"})
    book.add(note, 2, task="db", detail={"order": "restore"})
    book.add(note, 3, task="db", detail={"order": "adopt"})
    book.add(note, 3, task="cache", detail={"order": "adopt"})
    agrees = book.add(note, 4, detail={"order": "apply", "plan": "0123456789ab"})
    approves = book.add(note, 5, fingerprint=PRINT, detail={"order": "approve"})
    for detail in ({"order": "restore"}, {"order": "adopt"}, {"order": "approve"}, {"order": "dance"}, {}):
        book.add(note, 6, detail=detail)
    history = history_of_entries(book.entries)
    assert (history.restores, history.approvals) == ({"web": restores}, {PRINT: approves})
    assert history.agreed == {"0123456789ab": agrees}


def test_to_retry_a_joined_proposal_takes_back_what_was_rejected_with_it() -> None:
    """Its parts, and nothing that was rejected by itself or as a part of another."""
    book = Book()
    for fingerprint, joined in (("whole", None), ("part", "whole"), ("alone", None), ("other", "another")):
        detail = {} if joined is None else {"joined": joined}
        book.add(EntryKind.REJECT, 0, fingerprint=fingerprint, detail=detail)
    book.add(EntryKind.RETRY, 1, fingerprint="whole")
    assert set(history_of_entries(book.entries).rejections) == {"alone", "other"}


def test_what_failed_as_one_commit_failed_once() -> None:
    """Where the failures stand together; each task has its own row of them."""
    book = Book()
    for task, together in (("a", "1"), ("b", "1"), ("c", "2"), ("d", None), ("e", None), ("f", "2")):
        detail = {} if together is None else {"together": together}
        book.outcome(book.intent(0, task), 0, Result.FAILED, detail=detail)
    history = history_of_entries(book.entries)
    assert [attempt.intent.task for attempt in history.failures] == ["a", "c", "d", "e", "f"]
    assert len(history.failures_in_a_row) == 6


def test_only_an_outcome_that_names_its_intent_ends_it() -> None:
    """Another entry that names one does not, and an outcome of none is nothing."""
    book = Book()
    began = book.intent(0)
    book.add(EntryKind.NOTE, 1, intent=began.id)
    book.add(EntryKind.OUTCOME, 2, task="web", result=Result.SUCCEEDED)
    book.add(EntryKind.OUTCOME, 2, task="web", result=Result.SUCCEEDED, intent="unknown")
    history = history_of_entries(book.entries)
    assert ([attempt.outcome for attempt in history.attempts], history.open) == ([None], [began])
    ended = book.outcome(began, 3, Result.FAILED)
    assert [attempt.outcome for attempt in history_of_entries(book.entries).attempts] == [ended]
