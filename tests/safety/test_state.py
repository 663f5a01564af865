"""What stands: halts, suspensions, rejections, open and dangling intents, fights, mass deletions."""

from __future__ import annotations

import pytest

from bot.model.ledger import EntryKind, LedgerView, Result
from bot.safety.convergence import fights
from bot.safety.deletions import deletion_guard
from bot.safety.limits import Limits
from bot.safety.state import state
from tests.safety.ledgers import Book, at
from tests.table import table


def test_an_empty_ledger_stands_for_nothing() -> None:
    """Nothing is halted, nothing is open."""
    standing = state(LedgerView(None), at(0))
    assert not standing.halted
    assert standing.open == standing.dangling == ()


def test_standing_orders() -> None:
    """The last word on each subject stands."""
    made = Book()
    halt = made.add(EntryKind.HALT, 0)
    made.add(EntryKind.HALT, 1)
    made.add(EntryKind.SUSPEND, 1, task="a", detail={"until": at(10).isoformat()})
    made.add(EntryKind.SUSPEND, 1, task="b")
    made.add(EntryKind.REJECT, 2, fingerprint="f1")
    made.add(EntryKind.REJECT, 2, fingerprint="f2")
    made.add(EntryKind.RETRY, 3, fingerprint="f1")
    made.add(EntryKind.IGNORE, 3, fingerprint="f3")
    standing = state(made.view, at(5))
    assert standing.halt == halt
    assert set(standing.suspended) == {"a", "b"}
    assert set(standing.rejected) == {"f2"}
    assert set(standing.ignored) == {"f3"}
    made.add(EntryKind.RESUME, 6)
    assert not state(made.view, at(11)).halted
    assert [set(state(made.view, at(minute)).suspended) for minute in (9, 10, 11)] == [{"a", "b"}, {"b"}, {"b"}]


def test_intents_dangle_once_they_are_too_old_to_be_work_in_hand() -> None:
    """An open intent is somebody's work for ten minutes; one from a far future dangles as well."""
    made = Book()
    old, young, future = made.intent(-10), made.intent(-9, "db"), made.intent(99_999, "x")
    made.fix(-60, task="done")
    made.fix(-60, Result.ABANDONED, task="given up")
    standing = state(made.view, at(0))
    assert standing.open == (old, young, future)
    assert standing.dangling == (old, future)
    assert state(made.view, at(0), Limits(in_progress=0)).dangling == (old, young, future)


def test_stopped_tasks_and_emergency() -> None:
    """Tasks that failed too often in a row are named, and ten failures in all are an emergency."""
    made = Book()
    for minute in range(3):
        made.fix(minute, Result.FAILED, task="web")
    assert dict(state(made.view, at(5)).stopped) == {"web": 3}
    assert not state(made.view, at(5)).emergency
    for minute in range(7):
        made.fix(minute, Result.FAILED, task=f"t{minute}")
    standing = state(made.view, at(20))
    assert (standing.emergency, standing.halted, standing.failures) == (True, True, 10)


def test_a_fight_names_who_and_when() -> None:
    """The field, the times of its corrections, and who wrote the live values in between."""
    made = Book()
    for hour, manager in enumerate(("kubectl-edit", "helm", "kubectl-edit")):
        made.fix(hour * 60, fields=("Deployment/shop/web spec.replicas", f"f{hour}"), detail={"manager": manager})
    (fight,) = fights(made.view, Limits(), at(200))
    assert fight.field == "Deployment/shop/web spec.replicas"
    assert fight.times == (at(0), at(60), at(120))
    assert fight.managers == ("kubectl-edit", "helm")
    assert fights(made.view, Limits(), at(24 * 60)) == ()
    assert fights(made.view, Limits(convergence=None), at(200)) == ()


@pytest.mark.parametrize(
    ("removed", "total", "asks"),
    [(0, 0, False), (10, 100, False), (11, 100, True), (4, 14, False), (5, 14, True), (1, 1, False), (3, 0, False)],
)
def test_mass_deletions_stop_and_ask(removed: int, total: int, asks: bool) -> None:
    """More than ten, or more than three that are more than 30 %."""
    standing = deletion_guard(removed, total, Limits())
    assert (standing is not None) == asks
    assert deletion_guard(removed, total, Limits(deletions=None, deletion_percent=100)) is None


@table(
    ("limits", "removed", "asks"),
    [
        (Limits(deletion_percent=10), 1, False),
        (Limits(deletion_percent=10), 2, True),
        (Limits(deletion_percent=30), 3, False),
        (Limits(deletion_percent=30), 4, True),
        (Limits(deletion_percent=0), 1, True),
        (Limits(deletions=0), 1, True),
        (Limits(deletions=1, deletion_percent=100), 1, False),
        (Limits(deletions=None, deletion_percent=90), 9, False),
        (Limits(deletions=None, deletion_percent=90), 10, True),
    ],
)
def test_a_configured_share_or_number_holds_as_it_is_written(limits: Limits, removed: int, asks: bool) -> None:
    """Of ten things: more than the number, or more than the per cent, however few they are."""
    assert (deletion_guard(removed, 10, limits) is not None) == asks
