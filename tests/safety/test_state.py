"""What stands: halts, suspensions, rejections, open and dangling intents, fights, mass deletions, and whose turn it is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.model.decision import Lane
from bot.model.drift import Severity
from bot.model.ledger import EntryKind, LedgerView, Result
from bot.safety.convergence import fights
from bot.safety.deletions import deletion_guard
from bot.safety.limits import Denied, Limits, Permit
from bot.safety.plan import order, plan
from bot.safety.state import state
from tests.safety.ledgers import Book, at, request


def test_an_empty_ledger_stands_for_nothing() -> None:
    """Nothing is halted, nothing is open."""
    found = state(LedgerView(None), at(0))
    assert not found.halted
    assert found.open == found.dangling == ()


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
    found = state(made.view, at(5))
    assert found.halt == halt
    assert set(found.suspended) == {"a", "b"}
    assert set(found.rejected) == {"f2"}
    assert set(found.ignored) == {"f3"}
    made.add(EntryKind.RESUME, 6)
    later = state(made.view, at(11))
    assert not later.halted
    assert set(later.suspended) == {"b"}


def test_intents_dangle_once_they_are_too_old_to_be_work_in_hand() -> None:
    """An open intent is somebody's work for ten minutes; one from a far future dangles as well."""
    made = Book()
    old, young, future = made.intent(-10), made.intent(-9, "db"), made.intent(99_999, "x")
    made.fix(-60, task="done")
    made.fix(-60, Result.ABANDONED, task="given up")
    found = state(made.view, at(0))
    assert found.open == (old, young, future)
    assert found.dangling == (old, future)
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
    found = state(made.view, at(20))
    assert (found.emergency, found.halted, found.failures) == (True, True, 10)


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
    assert fights(made.view, Limits(convergence=0), at(200)) == ()


@pytest.mark.parametrize(
    ("removed", "total", "asks"),
    [(0, 0, False), (10, 100, False), (11, 100, True), (5, 10, False), (6, 10, True), (1, 1, True), (3, 0, True)],
)
def test_mass_deletions_stop_and_ask(removed: int, total: int, asks: bool) -> None:
    """More than ten, or more than half."""
    found = deletion_guard(removed, total, Limits())
    assert (found is not None) == asks
    assert deletion_guard(removed, total, Limits(deletions=0, deletion_percent=0)) is None


def test_the_worst_and_oldest_go_first() -> None:
    """Severity before age before name."""
    low, high = request("a"), request("b", severity=Severity.HIGH)
    old = request("c", severity=Severity.HIGH, since=at(-100))
    assert order([low, high, old]) == [old, high, low]


def test_a_rare_run_catches_up_in_order_of_severity() -> None:
    """With room for three in the repository, three rare runs carry out nine fixes, the worst first, none starving."""
    waiting = [request(f"t{n}", severity=list(Severity)[n % 4], since=at(-n)) for n in range(9)]
    made, done = Book(), []
    for run in range(3):
        now = run * 360.0
        answers = plan(made.view, waiting, Limits(repository_fixes_per_hour=3), at(now))
        granted = [answer.request for answer in answers if isinstance(answer, Permit)]
        assert all(answer.next_eligible == at(now + 60) for answer in answers if isinstance(answer, Denied))
        for one in granted:
            made.fix(now, task=one.task)
            waiting.remove(one)
        done += [one.severity.rank for one in granted]
    assert waiting == []
    assert done == sorted(done, reverse=True)


def test_a_plan_grants_a_task_one_fix_and_every_proposal() -> None:
    """Two patches of one task in one tick: the graver one; its pull request is not held back by that."""
    grave, mild = request(severity=Severity.HIGH), request(fields=("f",))
    pull = request(lane=Lane.CONFIG_PULL_REQUEST)
    answers = plan(LedgerView(None), [mild, pull, grave], Limits(), at(0))
    assert [(answer.request, isinstance(answer, Permit)) for answer in answers] == [
        (grave, True),
        (mild, False),
        (pull, True),
    ]
    assert isinstance(answers[1], Denied)
    assert answers[1].next_eligible == at(0) + timedelta(minutes=10)
