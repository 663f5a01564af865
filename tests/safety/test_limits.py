"""Each limit at its edge, with its figures and the time at which it will pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import Refused
from bot.model.decision import Lane
from bot.model.ledger import EntryKind, LedgerView, Result
from bot.model.severity import Severity
from bot.safety.compaction import Retention, retained
from bot.safety.convergence import fights
from bot.safety.limits import Denied, Limits, Permit, examine, permit
from bot.safety.state import state
from bot.safety.windows import parse_window
from tests.safety.ledgers import Book, at, request
from tests.table import table

PULL, ISSUE = Lane.CONFIG_PULL_REQUEST, Lane.RUNBOOK_ISSUE
FAILED, ABANDONED = Result.FAILED, Result.ABANDONED


def book(*steps: Callable[[Book], object]) -> LedgerView:
    made = Book()
    for step in steps:
        step(made)
    return made.view


def fails(*minutes: float, task: str = "web", lane: Lane = Lane.ARTIFACT_PATCH) -> Callable[[Book], None]:
    def step(b: Book) -> None:
        for minute in minutes:
            b.fix(minute, FAILED, task=task, lane=lane)

    return step


# what happened, minutes after noon at which it is asked, what says no, minutes after noon at which it would pass
TABLE: dict[str, tuple[LedgerView, float, str | None, float | None]] = {
    "an empty ledger permits": (LedgerView(None), 0, None, None),
    "one fix long enough ago permits another": (book(lambda b: b.fix(0)), 10, None, None),
    "within the cooldown": (book(lambda b: b.fix(0)), 9.99, "cooldown", 10),
    "cooldown counts from the outcome": (book(lambda b: b.outcome(b.intent(0), 5)), 11, "cooldown", 15),
    "two in the window": (book(lambda b: b.fix(0), lambda b: b.fix(20)), 59, "task-window", 60),
    "the window slides": (book(lambda b: b.fix(0), lambda b: b.fix(20)), 60, None, None),
    "both window and cooldown": (book(lambda b: b.fix(0), lambda b: b.fix(55)), 58, "task-window", 65),
    "an intent without outcome counts": (book(lambda b: b.intent(0), lambda b: b.intent(20)), 40, "task-window", 60),
    "what was given up does not count": (book(lambda b: b.fix(0, ABANDONED), lambda b: b.fix(1, ABANDONED)), 2, None, None),
    "another task has its own": (book(lambda b: b.fix(0, task="db"), lambda b: b.fix(20, task="db")), 21, None, None),
    "proposals do not use it up": (book(lambda b: b.fix(0, lane=PULL), lambda b: b.fix(1, lane=ISSUE)), 2, None, None),
    "a clock set back counts the future as now": (book(lambda b: b.fix(30)), 0, "cooldown", 40),
    "a clock set back does not empty the window": (book(lambda b: b.fix(90), lambda b: b.fix(0)), 110, "task-window", 150),
    "three failures in a row": (book(fails(-300, -200, -100)), 0, "consecutive-failures", None),
    "two failures in a row": (book(fails(-300, -200)), 0, None, None),
    "a success between": (book(fails(-400, -300), lambda b: b.fix(-200), fails(-100)), 0, None, None),
    "failures of proposals are counted apart": (book(fails(-300, -200, -100, lane=PULL)), 0, None, None),
    "resumed task": (book(fails(-300, -200, -100), lambda b: b.add(EntryKind.RESUME, -90, task="web")), 0, None, None),
    "resumed everything": (book(fails(-300, -200, -100), lambda b: b.add(EntryKind.RESUME, -90)), 0, None, None),
    "another task resumed": (
        book(fails(-300, -200, -100), lambda b: b.add(EntryKind.RESUME, -90, task="db")), 0, "consecutive-failures", None,
    ),
    "ten failures anywhere": (
        book(*[fails(-1000 - n, task=f"t{n}") for n in range(10)]), 0, "emergency-stop", None,
    ),
    "nine failures anywhere": (book(*[fails(-1000 - n, task=f"t{n}") for n in range(9)]), 0, None, None),
    "successes do not undo failures": (
        book(*[fails(-1000 - n, task=f"t{n}") for n in range(10)], lambda b: b.fix(-100)), 0, "emergency-stop", None,
    ),
    "ten failures and a resume": (
        book(*[fails(-1000 - n, task=f"t{n}") for n in range(10)], lambda b: b.add(EntryKind.RESUME, -1)), 0, None, None,
    ),
    "a task's resume does not end the stop": (
        book(*[fails(-1000 - n, task=f"t{n}") for n in range(10)], lambda b: b.add(EntryKind.RESUME, -1, task="t0")),
        0, "emergency-stop", None,
    ),
    "halted": (book(lambda b: b.add(EntryKind.HALT, -1)), 0, "halted", None),
    "halted in the future": (book(lambda b: b.add(EntryKind.HALT, 60)), 0, "halted", None),
    "halted and resumed": (book(lambda b: b.add(EntryKind.HALT, -2), lambda b: b.add(EntryKind.RESUME, -1)), 0, None, None),
    "resumed and halted again, with a slow clock": (
        book(lambda b: b.add(EntryKind.HALT, 2), lambda b: b.add(EntryKind.RESUME, 3), lambda b: b.add(EntryKind.HALT, 1)),
        5, "halted", None,
    ),
    "a task's resume does not end a halt": (
        book(lambda b: b.add(EntryKind.HALT, -2), lambda b: b.add(EntryKind.RESUME, -1, task="web")), 0, "halted", None,
    ),
    "suspended": (book(lambda b: b.add(EntryKind.SUSPEND, -1, task="web")), 0, "suspended", None),
    "suspended until": (
        book(lambda b: b.add(EntryKind.SUSPEND, -1, task="web", detail={"until": at(30).isoformat()})), 0, "suspended", 30,
    ),
    "suspension over": (
        book(lambda b: b.add(EntryKind.SUSPEND, -9, task="web", detail={"until": at(0).isoformat()})), 0, None, None,
    ),
    "suspended until something unreadable": (
        book(lambda b: b.add(EntryKind.SUSPEND, -9, task="web", detail={"until": "tomorrow"})), 0, "suspended", None,
    ),
    "another task suspended": (book(lambda b: b.add(EntryKind.SUSPEND, -1, task="db")), 0, None, None),
    "suspension lifted": (
        book(lambda b: b.add(EntryKind.SUSPEND, -2, task="web"), lambda b: b.add(EntryKind.UNSUSPEND, -1, task="web")),
        0, None, None,
    ),
}  # fmt: skip


@table("case", list(TABLE))
def test_what_an_artifact_patch_of_web_is_told(case: str) -> None:
    """The limit that says no and the time at which it passes are those of the table."""
    view, minutes, limit, free = TABLE[case]
    answer = permit(view, request(), Limits(), at(minutes))
    if limit is None:
        assert isinstance(answer, Permit), answer
        return
    assert isinstance(answer, Denied)
    assert answer.limit == limit
    assert answer.next_eligible == (None if free is None else at(free))
    if free is not None:
        assert isinstance(permit(view, request(), Limits(), at(free)), Permit)
        assert isinstance(permit(view, request(), Limits(), at(free) - timedelta(seconds=1)), Denied)


YEARS = 60 * 24 * 365.0


def test_a_broken_clocks_entry_is_healed_by_a_resume() -> None:
    """An entry dated years ahead denies its task until an authorised resume; then it counts as made at the resume.

    The entries of another task, written in between by a clock that is right, say that the resume's is right too.
    """
    made = Book()
    made.fix(50 * YEARS)
    answer = permit(made.view, request(), Limits(), at(0))
    assert isinstance(answer, Denied)
    assert "`clockwork resume -m why`" in answer.message
    assert isinstance(permit(made.view, request("db"), Limits(), at(0)), Permit)
    made.fix(1, task="db")
    made.add(EntryKind.RESUME, 5)
    answer = permit(made.view, request(), Limits(), at(6))
    assert isinstance(answer, Denied)
    assert answer.next_eligible == at(15)
    assert isinstance(permit(made.view, request(), Limits(), at(15)), Permit)


def test_three_resumes_heal_what_nothing_else_speaks_about() -> None:
    """Where only broken clocks wrote, a single resume could be the one that is wrong; a third of them is believed."""
    made = Book()
    for number in range(10):
        made.fix(50 * YEARS + number, task=f"t{number}")
    for minute, believed in ((1, False), (2, False), (3, True)):
        made.add(EntryKind.RESUME, minute)
        assert isinstance(permit(made.view, request("t9"), Limits(), at(60)), Permit) is believed


def spent() -> Book:
    """Both fixes of an hour, after a quiet week with one fix a day."""
    made = Book()
    for day in range(7, 0, -1):
        made.fix(-day * 24 * 60)
    made.fix(0)
    made.fix(11)
    return made


@pytest.mark.parametrize("days", [1.1, 2, 20_000])
@pytest.mark.parametrize("task", [None, "web", "db"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_resume_from_a_machine_with_a_slow_clock_frees_no_budget(days: float, task: str | None, times: int) -> None:
    """Whoever's clock is right is denied exactly as before, also when the slow clock is the last one that wrote."""
    made = spent()
    before = permit(made.view, request(), Limits(), at(22))
    for _ in range(times):
        made.add(EntryKind.RESUME, 12 - days * 24 * 60, task=task)
    answer = permit(made.view, request(), Limits(), at(22))
    assert isinstance(before, Denied)
    assert isinstance(answer, Denied)
    assert (answer.limit, answer.next_eligible) == (before.limit, before.next_eligible) == ("task-window", at(60))


def test_a_bot_on_the_machine_with_the_slow_clock_is_denied_too() -> None:
    """One resume alone outvotes nothing: to that clock the two fixes lie ahead, and they count."""
    made = Book()
    made.fix(0)
    made.fix(11)
    made.add(EntryKind.RESUME, -2880)
    assert isinstance(permit(made.view, request(), Limits(), at(-2700)), Denied)


def test_the_resume_of_one_task_heals_no_other() -> None:
    """What a broken clock wrote about another task goes on counting."""
    made = Book()
    made.fix(50 * YEARS)
    made.fix(1, task="db")
    made.add(EntryKind.RESUME, 2, task="db")
    assert isinstance(permit(made.view, request(), Limits(), at(60)), Denied)
    made.add(EntryKind.RESUME, 2, task="web")
    assert isinstance(permit(made.view, request(), Limits(), at(60)), Permit)


def test_compaction_keeps_who_outvoted_a_broken_clock() -> None:
    """Without the entries beside it a resume would not be believed, and the broken clock would deny again."""
    made = Book()
    made.fix(50 * YEARS)
    for minute in (1, 2):
        made.add(EntryKind.NOTE, minute)
    made.add(EntryKind.RESUME, 3)
    for number in range(200):
        made.fix(10_000 + number, task=f"t{number % 2}")
    stay = retained(made.entries, Retention(seconds=60, attempts=1))
    assert len(stay) < len(made.entries)
    folded = LedgerView("t" * 40, tuple(entry for entry in made.entries if entry.id in stay))
    assert isinstance(permit(folded, request(), Limits(repository_fixes_per_hour=None), at(10_300)), Permit)


EDGE = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_an_entry_at_the_end_of_the_calendar_denies_and_says_why() -> None:
    """No time can be named after it, but the message says what heals it; and a resume does."""
    made = Book()
    for _ in range(3):
        made.fix(0, at=EDGE, fields=("f",), fingerprint="abc")
    made.intent(0, at=EDGE, fingerprint="abc", fields=("f",))
    asked = request(fingerprint="abc", fields=("f",))
    answer = permit(made.view, asked, Limits(), at(0))
    assert isinstance(answer, Denied)
    assert answer.next_eligible is None
    answer = permit(made.view, request(), Limits(), at(0))
    assert isinstance(answer, Denied)
    assert (answer.limit, answer.next_eligible) == ("task-window", None)
    assert "dated 9999-12-31" in answer.message
    assert retained(made.entries, Retention()) == {entry.id for entry in made.entries}
    assert state(made.view, at(0)).dangling
    for minute in (1, 2, 3):
        made.add(EntryKind.RESUME, minute)
    assert isinstance(permit(made.view, request(), Limits(), at(64)), Permit)


@pytest.mark.parametrize("seconds", [math.inf, 1e20, math.nan])
def test_durations_without_end_only_deny(seconds: float) -> None:
    """A cooldown that never ends is a limit like others, with no time at which it passes."""
    limits = Limits(
        fixes_per_hour=1,
        cooldown=seconds,
        convergence=1,
        convergence_window=seconds,
        in_progress=seconds,
    )
    made = Book()
    assert isinstance(permit(made.view, request(fields=("f",)), limits, at(0)), Permit)
    made.fix(0, fields=("f",))
    made.intent(1, "db", fingerprint="abc")
    for asked in (request(), request(fields=("f",)), request("cache", lane=PULL, fingerprint="abc")):
        answer = permit(made.view, asked, limits, at(10_000_000))
        assert isinstance(answer, Denied)
        assert answer.next_eligible is None
    assert state(made.view, at(10_000_000), limits).dangling == ()
    assert len(retained(made.entries, Retention.of(limits))) == len(made.entries)


def test_the_next_eligible_time_is_true_across_change_windows() -> None:
    """A cooldown that ends when the window is shut waits for the next one, and message and figure say so."""
    noon = parse_window("noon", kind="allow", cron="0 12 * * *", duration=300, zone="UTC")
    made = Book()
    made.fix(0)
    limits = Limits(windows=(noon,))
    answer = permit(made.view, request(), limits, at(2))
    assert isinstance(answer, Denied)
    assert (answer.limit, answer.next_eligible) == ("cooldown", at(24 * 60))
    assert answer.message.endswith("; next eligible at 2025-06-03 12:00:00 UTC")
    assert isinstance(permit(made.view, request(), limits, at(24 * 60)), Permit)


def test_the_message_names_the_time_at_which_everything_passes() -> None:
    """Not the one at which only the limit that is named does."""
    made = Book()
    made.fix(0)
    made.fix(58)
    answer = permit(made.view, request(), Limits(), at(59))
    assert isinstance(answer, Denied)
    assert (answer.limit, answer.next_eligible) == ("task-window", at(68))
    assert answer.message.endswith("; next eligible at 2025-06-02 13:08:00 UTC")
    assert answer.message.count("UTC") == 1


def test_a_suspension_that_ends_while_the_window_is_shut_waits_for_it() -> None:
    """Whatever ends first, the time that is named is one at which nothing else says no."""
    night = parse_window("night", kind="deny", cron="30 12 * * *", duration=7200, zone="UTC")
    made = Book()
    made.add(EntryKind.SUSPEND, -1, task="web", detail={"until": at(60).isoformat()})
    answer = permit(made.view, request(), Limits(windows=(night,)), at(0))
    assert isinstance(answer, Denied)
    assert (answer.limit, answer.next_eligible) == ("suspended", at(150))


NONE: dict[str, tuple[Limits, str]] = {
    "fixes of a task": (Limits(fixes_per_hour=0), "task-window"),
    "fixes of the repository": (Limits(repository_fixes_per_hour=0), "repository-budget"),
    "fixes of a severity": (Limits(severity_fixes_per_hour={Severity.LOW: 0}), "severity-budget"),
    "corrections of a field": (Limits(convergence=0), "convergence"),
    "failures in a row": (Limits(consecutive_failures=0), "consecutive-failures"),
    "failures": (Limits(total_failures=0), "emergency-stop"),
    "proposals of a task": (Limits(task_proposals_per_hour=0), "task-proposals"),
    "proposals of the repository": (Limits(proposals_per_hour=0), "repository-proposals"),
}


@table("what", list(NONE))
def test_none_allowed_is_none(what: str) -> None:
    """A count of 0 denies, whichever it is, and names no time."""
    limits, limit = NONE[what]
    asked = request(fields=("f",), lane=PULL if "proposals" in what else Lane.ARTIFACT_PATCH)
    answer = permit(LedgerView(None), asked, limits, at(0))
    assert isinstance(answer, Denied)
    assert (answer.limit, answer.next_eligible) == (limit, None)


def test_what_is_not_limited_is_not_asked() -> None:
    """None is no limit: however much happened, nothing of it denies."""
    made = Book()
    for number in range(30):
        made.fix(number, FAILED, task=f"t{number % 2}", fields=("f",))
        made.fix(number, task="db", fields=("f",))
        made.fix(number, lane=PULL, task=f"p{number}")
    limits = Limits(
        repository_fixes_per_hour=None,
        proposals_per_hour=None,
        consecutive_failures=None,
        total_failures=None,
        convergence=None,
    )
    assert isinstance(permit(made.view, request(fields=("f",)), limits, at(30)), Permit)
    assert isinstance(permit(made.view, request("t0", lane=PULL), limits, at(30)), Permit)
    standing = state(made.view, at(30), limits)
    assert (standing.stopped, standing.emergency, fights(made.view, limits, at(30))) == ({}, False, ())


def test_a_rejected_proposal_stays_away_until_a_retry() -> None:
    """Only that exact proposal is denied, in every lane."""
    made = Book()
    made.add(EntryKind.REJECT, 0, fingerprint="abc", task="web")
    for lane in (PULL, ISSUE, Lane.ARTIFACT_PATCH):
        answer = permit(made.view, request(lane=lane, fingerprint="abc"), Limits(), at(1))
        assert isinstance(answer, Denied)
        assert answer.limit == "rejected"
        assert isinstance(permit(made.view, request(lane=lane, fingerprint="abd"), Limits(), at(1)), Permit)
    made.add(EntryKind.RETRY, 2, fingerprint="abc")
    assert isinstance(permit(made.view, request(lane=PULL, fingerprint="abc"), Limits(), at(3)), Permit)


def test_the_same_field_corrected_three_times_is_left_alone() -> None:
    """The fourth correction within 24 hours is denied with the field's name; other fields go on."""
    made = Book()
    field = "Deployment/shop/web spec.replicas"
    for hour in (0, 2, 4):
        made.fix(hour * 60, fields=(field, "another"))
    answer = permit(made.view, request(fields=(field,)), Limits(), at(400))
    assert isinstance(answer, Denied)
    assert (answer.limit, answer.figures["field"], answer.figures["corrected"]) == ("convergence", field, 3)
    assert answer.next_eligible == at(24 * 60)
    assert isinstance(permit(made.view, request(fields=("third",)), Limits(), at(400)), Permit)
    assert isinstance(permit(made.view, request(fields=(field,)), Limits(), at(24 * 60)), Permit)
    assert isinstance(permit(made.view, request(lane=PULL, fields=(field,)), Limits(), at(400)), Permit)


def test_somebody_at_work_on_the_same_proposal_is_waited_for() -> None:
    """An open intent of the same fingerprint denies a second one until it is too old to be work in hand."""
    made = Book()
    made.intent(0, lane=PULL, fingerprint="abc")
    answer = permit(made.view, request(lane=PULL, fingerprint="abc"), Limits(), at(9))
    assert isinstance(answer, Denied)
    assert (answer.limit, answer.next_eligible) == ("in-progress", at(10))
    assert isinstance(permit(made.view, request(lane=PULL, fingerprint="abc"), Limits(), at(10)), Permit)


def test_budgets_of_severity_and_repository() -> None:
    """The whole repository has a budget, and each severity may have one."""
    made = Book()
    for number in range(5):
        made.fix(number, task=f"t{number}", severity="HIGH")
    few = Limits(repository_fixes_per_hour=5)
    answer = permit(made.view, request(), few, at(10))
    assert isinstance(answer, Denied)
    assert (answer.limit, answer.next_eligible) == ("repository-budget", at(60))
    strict = Limits(severity_fixes_per_hour={Severity.HIGH: 2, Severity.LOW: 1})
    answer = permit(made.view, request(severity=Severity.HIGH), strict, at(10))
    assert isinstance(answer, Denied)
    assert (answer.limit, answer.next_eligible) == ("severity-budget", at(63))
    assert isinstance(permit(made.view, request(), strict, at(10)), Permit)


def test_proposals_have_generous_budgets_of_their_own() -> None:
    """Pull requests and issues are limited per task and per repository too."""
    made = Book()
    for number in range(12):
        made.fix(number, lane=PULL)
    answer = permit(made.view, request(lane=ISSUE), Limits(), at(20))
    assert isinstance(answer, Denied)
    assert (answer.limit, answer.next_eligible) == ("task-proposals", at(60))
    answer = permit(made.view, request("db", lane=ISSUE), Limits(proposals_per_hour=12), at(20))
    assert isinstance(answer, Denied)
    assert answer.limit == "repository-proposals"
    assert isinstance(permit(made.view, request(), Limits(), at(20)), Permit)


def test_what_one_tick_was_granted_counts_at_once() -> None:
    """Pending permits use up window, cooldown and budgets before they are in the ledger."""
    view = LedgerView(None)
    answer = permit(view, request(), Limits(), at(0), pending=[request()])
    assert isinstance(answer, Denied)
    assert answer.next_eligible == at(10)
    whole = Limits(repository_fixes_per_hour=2)
    answer = permit(view, request(), whole, at(0), pending=[request("a"), request("b")])
    assert isinstance(answer, Denied)
    assert (answer.limit, answer.next_eligible) == ("repository-budget", at(60))
    assert isinstance(permit(view, request(), whole, at(0), pending=[request("a"), request("b", lane=PULL)]), Permit)


def test_zero_fixes_never_permits_and_names_no_time() -> None:
    """A budget of none waits for a person."""
    answer = permit(LedgerView(None), request(), Limits(fixes_per_hour=0), at(0))
    assert isinstance(answer, Denied)
    assert (answer.limit, answer.next_eligible) == ("task-window", None)


def test_change_windows_hold_artifact_patches() -> None:
    """Outside of an allow window a patch waits for it, a pull request does not."""
    night = parse_window("night", kind="allow", cron="0 22 * * *", duration=3600, zone="UTC")
    answer = permit(LedgerView(None), request(), Limits(windows=(night,)), at(0))
    assert isinstance(answer, Denied)
    assert (answer.limit, answer.next_eligible) == ("change-window", at(600))
    assert isinstance(permit(LedgerView(None), request(lane=PULL), Limits(windows=(night,)), at(0)), Permit)


def test_every_figure_can_be_explained() -> None:
    """A permit carries all checks with figures; a denial all of them too, the first refusal in front."""
    made = Book()
    made.fix(0)
    checks = {check.limit: check for check in examine(made.view, request(fields=("f",)), Limits(), at(30))}
    assert checks["task-window"].figures == {"used": 1, "allowed": 2, "window_seconds": 3600.0}
    assert checks["cooldown"].figures["seconds_since"] == 1800.0
    assert list(checks)[:2] == ["halted", "emergency-stop"]
    answer = permit(made.view, request(), Limits(), at(1))
    assert isinstance(answer, Denied)
    assert "next eligible at 2025-06-02 12:10:00 UTC" in answer.message
    assert len(answer.checks) == len(checks)


def test_only_the_limits_make_permits() -> None:
    """Nobody else can construct one, not even by changing one."""
    granted = permit(LedgerView(None), request(), Limits(), at(0))
    assert isinstance(granted, Permit)
    with pytest.raises(Refused):
        Permit((), object())
    with pytest.raises(ValueError, match="seal"):
        replace(granted, checks=())  # type: ignore[call-arg]


def test_an_outcome_that_says_written_beats_one_that_says_given_up() -> None:
    """Two bots close one dangling intent differently: it counts."""
    for first, second in ((ABANDONED, Result.SUCCEEDED), (Result.SUCCEEDED, ABANDONED)):
        made = Book()
        intent = made.intent(0)
        made.outcome(intent, 1, first)
        made.outcome(intent, 1, second)
        assert isinstance(permit(made.view, request(), Limits(), at(5)), Denied)


def test_a_clock_set_back_empties_no_budget_of_the_repository() -> None:
    """Fixes of other tasks that were made while the clock was back count as no older than the one before them."""
    made = Book()
    made.fix(90, task="a")
    made.fix(0, task="b")
    made.fix(1, task="c")
    answer = permit(made.view, request(), Limits(repository_fixes_per_hour=3), at(120))
    assert isinstance(answer, Denied)
    assert (answer.limit, answer.next_eligible) == ("repository-budget", at(150))


def test_compaction_keeps_the_success_that_ends_a_row_of_failures() -> None:
    """Failures are kept for the emergency stop; without the success between them they would look like a row."""
    made = Book()
    made.fix(0, FAILED)
    success = made.fix(100)
    made.fix(200, FAILED)
    for number in range(80):
        made.intent(10_000 + number)
    stay = retained(made.entries, Retention(seconds=60, attempts=4))
    assert success.id in stay
    assert made.entries[0].id in stay
    assert len(stay) == len(made.entries)
    for number in range(80):
        made.add(EntryKind.NOTE, 20_000 + number)
    assert len(retained(made.entries, Retention(seconds=60, attempts=4))) < len(made.entries)


def test_a_clock_set_back_lets_nothing_slip_out_of_the_window() -> None:
    """What is dated after now is in every window that ends now, beside what is really recent."""
    made = Book()
    for minute, task in ((0, "a"), (0, "b"), (20, "a"), (70, "a")):
        made.fix(minute, task=task)
    answer = permit(made.view, request("b"), Limits(repository_fixes_per_hour=3), at(40))
    assert isinstance(answer, Denied)
    assert (answer.limit, answer.next_eligible) == ("repository-budget", at(60))
