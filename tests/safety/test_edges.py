"""Both sides of every edge: cron fields, windows, retention, clocks that are a day off, and the words of each check."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.errors import Invalid
from bot.model.decision import Lane
from bot.model.ledger import Actor, EntryKind, LedgerView, Result
from bot.model.severity import Severity
from bot.safety.compaction import Retention, retained
from bot.safety.convergence import fights
from bot.safety.cron import parse_cron
from bot.safety.deletions import TooManyDeletions, deletion_guard
from bot.safety.history import Budget, Timeline, budget_of, disputes, history_of, history_of_entries
from bot.safety.limits import HOUR, Denied, LimitCheck, Limits, examine, permit
from bot.safety.spans import after, before, span
from bot.safety.state import state
from bot.safety.suspension import suspended_until
from bot.safety.trailers import INTENT, compose, intents_in, one_line, parse
from bot.safety.windows import parse_window
from tests.safety.ledgers import NOON, Book, at, request
from tests.table import table

PULL, ISSUE, PATCH = Lane.CONFIG_PULL_REQUEST, Lane.RUNBOOK_ISSUE, Lane.ARTIFACT_PATCH
DAY = 24 * 60.0
FIRST, LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


# -- cron ----------------------------------------------------------------------------------------------------------

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@pytest.mark.parametrize(
    ("alias", "meaning"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        (" @Weekly ", "0 0 * * sun"),
    ],
)
def test_an_alias_is_its_expression(alias: str, meaning: str) -> None:
    """Each of them, in any case."""
    one, two = parse_cron(alias), parse_cron(meaning)
    assert (one.minutes, one.days, one.months, one.weekdays, one.either) == (
        two.minutes,
        two.days,
        two.months,
        two.weekdays,
        two.either,
    )
    assert one.text == alias


def test_names_are_numbers() -> None:
    """January is 1, Sunday is 0 and 7."""
    for number, name in enumerate(MONTHS, 1):
        assert parse_cron(f"0 0 * {name} *").months == parse_cron(f"0 0 * {number} *").months == {number}
    for number, name in enumerate(DAYS):
        assert parse_cron(f"0 0 * * {name}").weekdays == parse_cron(f"0 0 * * {number}").weekdays == {number}
    assert parse_cron("0 0 * * 7").weekdays == {0}


@pytest.mark.parametrize(
    ("field", "name", "low", "high"),
    [
        (0, "minute", 0, 59),
        (1, "hour", 0, 23),
        (2, "day of month", 1, 31),
        (3, "month", 1, 12),
        (4, "day of week", 0, 7),
    ],
)
def test_a_field_holds_its_range(field: int, name: str, low: int, high: int) -> None:
    """Both ends, and nothing beyond; a mistake names the field."""

    def expression(value: str) -> str:
        fields = ["0", "0", "*", "*", "*"]
        fields[field] = value
        return " ".join(fields)

    for good in (str(low), str(high), f"{low}-{high}", f"{low}/{high}", f"{low},{high}", "*/1"):
        parse_cron(expression(good))
    for bad in (str(high + 1), f"{low}-{high + 1}", f"{high}-{low}", "x", "-", ",", "*/0", "1-x"):
        with pytest.raises(Invalid, match=name):
            parse_cron(expression(bad))
    if low:
        with pytest.raises(Invalid, match=f"out of range for a {name}: {low} to {high}"):
            parse_cron(expression("0"))


def test_steps_count_from_where_they_begin() -> None:
    """A step after one number goes on to the end; after a range to its end."""
    assert parse_cron("5/20 0 * * *").minutes == (5, 25, 45)
    assert parse_cron("5-30/20 0 * * *").minutes == (5, 25)
    assert parse_cron("*/30 1 * * *").minutes == (60, 90)
    assert parse_cron("5-7 1 * * *").minutes == (65, 66, 67)
    assert parse_cron("2,1 1,0 * * *").minutes == (1, 2, 61, 62)


@pytest.mark.parametrize(
    ("text", "either"),
    [
        ("0 0 1 * mon", True),
        ("0 0 * * mon", False),
        ("0 0 1 * *", False),
        ("0 0 */2 * mon", False),
        ("0 0 * * *", False),
    ],
)
def test_either_day_is_enough_when_both_are_restricted(text: str, either: bool) -> None:
    """As crontab(5) says it."""
    assert parse_cron(text).either is either
    fires = parse_cron(text).on(date(2025, 6, 9))  # a Monday that is not the first
    assert fires is (text != "0 0 1 * *")


def test_an_expression_has_five_fields() -> None:
    """The message counts them."""
    with pytest.raises(Invalid, match="five fields are needed, 6 are there"):
        parse_cron("0 0 * * * *")


# -- windows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "good"), [(59, False), (60, True), (31 * 86400, True), (31 * 86400 + 1, False)])
def test_a_window_is_a_minute_to_a_month_long(seconds: float, good: bool) -> None:
    """Both ends belong to it."""
    if good:
        assert parse_window("w", kind="deny", cron="@daily", duration=seconds).seconds == seconds
        return
    with pytest.raises(Invalid, match="between one minute and 31 days"):
        parse_window("w", kind="deny", cron="@daily", duration=seconds)


def test_a_window_says_what_is_wrong_with_it() -> None:
    """Its name and the word."""
    with pytest.raises(Invalid, match="change window 'w': 'maybe' is neither allow nor deny"):
        parse_window("w", kind="maybe", cron="@daily", duration=60)
    with pytest.raises(Invalid, match="change window 'w': there is no time zone 'Mars'"):
        parse_window("w", kind="deny", cron="@daily", duration=60, zone="Mars")


def test_a_window_concerns_patches_of_everything_unless_it_says_otherwise() -> None:
    """The default globs."""
    window = parse_window("w", kind="deny", cron="* * * * *", duration=60)
    assert window.tasks == ("*",)
    checks = {check.limit: check for check in examine(LedgerView(None), request(), Limits(windows=(window,)), at(0))}
    assert checks["change-window"] == LimitCheck(
        "change-window", False, "closed by change window w", {"window": "w"}, checks["change-window"].next_eligible
    )
    pull = {
        check.limit: check for check in examine(LedgerView(None), request(lane=PULL), Limits(windows=(window,)), at(0))
    }
    assert pull["change-window"].message == "no change window applies"


def test_several_windows_are_named_together() -> None:
    """Outside of all allow windows each could have opened it; a deny window alone closes."""
    one = parse_window("one", kind="allow", cron="0 1 * * *", duration=60)
    two = parse_window("two", kind="allow", cron="0 2 * * *", duration=60)
    no = parse_window("no", kind="deny", cron="0 12 * * *", duration=60)
    denied = permit(LedgerView(None), request(), Limits(windows=(one, two)), at(0))
    assert isinstance(denied, Denied)
    assert denied.message == "closed by change window one, two; next eligible at 2025-06-03 01:00:00 UTC"
    denied = permit(LedgerView(None), request(), Limits(windows=(one, no, two)), at(0))
    assert isinstance(denied, Denied)
    assert denied.figures == {"window": "no"}


# -- spans ---------------------------------------------------------------------------------------------------------


def test_sums_stop_at_the_edge_of_the_calendar() -> None:
    """A day short of it, on both sides; what is no number is the longest there is."""
    assert before(at(0), 60) == at(-1)
    assert after(at(0), 60) == at(1)
    assert before(at(0), 1e12) == before(at(0), float("inf")) == FIRST
    assert before(FIRST, 1) == FIRST
    assert before(FIRST + timedelta(seconds=1), 1) == FIRST
    assert after(LAST, 0) == LAST
    assert after(LAST - timedelta(seconds=1), 1) == LAST
    assert after(LAST, 1) is None
    assert after(at(0), 1e12) is None
    assert span(float("nan")) == span(1e30) == timedelta.max
    assert span(-1e30) == timedelta.min
    assert span(1.5) == timedelta(seconds=1.5)


# -- history -------------------------------------------------------------------------------------------------------


def test_what_draws_on_which_budget() -> None:
    """A person stands between a proposal and the branch; what names no lane is counted as the scarcer one."""
    assert [budget_of(lane) for lane in (PATCH, Lane.NOTHING, None, PULL, ISSUE)] == [
        Budget.FIX,
        Budget.FIX,
        Budget.FIX,
        Budget.PROPOSAL,
        Budget.PROPOSAL,
    ]


def test_a_resume_disputes_what_is_dated_more_than_a_day_after_it() -> None:
    """Exactly a day is no broken clock; only resumes are asked."""
    made = Book()
    made.fix(DAY)
    made.add(EntryKind.RESUME, 0)
    assert disputes(made.entries) == ()
    made.fix(DAY + 1)
    made.add(EntryKind.HALT, 0)
    made.add(EntryKind.RESUME, 0)
    assert disputes(made.entries) == (6,)
    made.add(EntryKind.RESUME, 0)
    assert disputes(made.entries) == (6, 7)


def healed_minutes(ahead: float, *, resumes: int = 3, task: str | None = None, gap: float = 0.0) -> list[float]:
    """Minutes after noon of the one fix that is dated ``ahead``, as asked at noon, after so many resumes."""
    made = Book()
    made.fix(ahead)
    for _ in range(resumes):
        made.add(EntryKind.RESUME, gap, task=task)
    history = history_of_entries(made.entries)
    times = history.timeline("web", Budget.FIX).as_of(at(gap), 600)
    return [(moment - NOON).total_seconds() / 60 for moment in times]


@pytest.mark.parametrize(
    ("ahead", "resumes", "task", "minutes"),
    [
        (DAY, 3, None, DAY),
        (DAY + 1, 3, None, 0),
        (DAY + 1, 2, None, DAY + 1),
        (DAY + 1, 3, "web", 0),
        (DAY + 1, 3, "db", DAY + 1),
        (3 * DAY, 5, None, 0),
        (3 * DAY, 9, None, 0),
    ],
)
def test_three_voices_outvote_a_clock_more_than_a_day_ahead(
    ahead: float, resumes: int, task: str | None, minutes: float
) -> None:
    """Not exactly a day, not two voices, not a resume of another task."""
    assert healed_minutes(ahead, resumes=resumes, task=task) == [minutes]


def test_who_asks_must_be_on_the_side_of_the_resume() -> None:
    """To somebody whose clock agrees with the entry it stays where it is, whatever was outvoted."""
    made = Book()
    made.fix(3 * DAY)
    for _ in range(3):
        made.add(EntryKind.RESUME, 0)
    timeline = history_of_entries(made.entries).timeline("web", Budget.FIX)
    assert timeline.disputed
    assert list(timeline.as_of(at(2 * DAY), 600)) == [at(0)]
    assert list(timeline.as_of(at(2 * DAY + 1), 600)) == [at(3 * DAY)]
    assert list(timeline.as_of(at(DAY), 2 * 86400)) == [at(0)]
    assert list(timeline.as_of(at(DAY + 1), 2 * 86400)) == [at(3 * DAY)]


def test_a_timeline_never_runs_backwards() -> None:
    """What a slow clock dates earlier counts as made no earlier than the one before; the newest is last."""
    made = Book()
    made.fix(5)
    made.fix(3)
    made.fix(9)
    timeline = history_of(made.view).timeline("web", Budget.FIX)
    assert timeline.times == [at(5), at(5), at(9)]
    assert timeline.last(at(10), 60) == at(9)
    assert Timeline().last(at(10), 60) is None
    assert len(timeline.within(at(10), 60)) == 0
    assert len(timeline.within(at(10), 61)) == 1
    assert len(timeline.within(at(10), 5 * 60)) == 1
    assert len(timeline.within(at(10), 5 * 60 + 1)) == 3
    assert timeline.free_at(at(10), 60, 1) == at(10)
    assert timeline.free_at(at(10), 60, 3) == at(6)
    assert timeline.free_at(at(10), 60, 4) is None
    assert timeline.free_at(at(10), 60, 0) is None


def test_what_failed_as_one_commit_failed_once() -> None:
    """Each of its tasks has its own row of failures, but the emergency stop counts the commit."""
    made = Book()
    for task in ("a", "b"):
        intent = made.intent(0, task)
        made.outcome(intent, 1, Result.FAILED, detail={"together": "x"})
    for task in ("c", "d"):
        made.outcome(made.intent(2, task), 3, Result.FAILED)
    history = history_of(made.view)
    assert [attempt.intent.task for attempt in history.failures] == ["a", "c", "d"]
    assert {task for task, _ in history.failures_in_a_row} == {"a", "b", "c", "d"}


def test_only_a_correction_that_did_not_fail_is_counted_for_its_field() -> None:
    """Proposals correct nothing, and what failed or was given up changed nothing."""
    made = Book()
    made.fix(0, fields=("x",))
    made.fix(1, Result.FAILED, fields=("x",))
    made.fix(2, Result.ABANDONED, fields=("x",))
    made.fix(3, lane=PULL, fields=("x",))
    made.intent(4, fields=("x",))
    assert len(history_of(made.view).by_field["x"].attempts) == 2


def test_a_later_given_up_never_replaces_a_result() -> None:
    """The first that says something was written counts, in whichever order they come."""
    made = Book()
    intent = made.intent(0)
    first = made.outcome(intent, 1, Result.ABANDONED)
    second = made.outcome(intent, 2, Result.FAILED)
    made.outcome(intent, 3, Result.SUCCEEDED)
    made.outcome(intent, 4, Result.ABANDONED)
    (attempt,) = history_of(made.view).attempts
    assert attempt.outcome is second
    assert first is not second


def test_an_attempt_of_no_task_or_severity_draws_on_the_repository_alone() -> None:
    """It is counted where it can be."""
    made = Book()
    made.add(EntryKind.INTENT, 0, lane=PATCH)
    history = history_of(made.view)
    assert len(history.overall(Budget.FIX).attempts) == 1
    assert len(history.overall(Budget.PROPOSAL).attempts) == 0
    assert not history.by_task
    assert not history.by_severity


def test_orders_about_one_task_leave_others_alone() -> None:
    """A resume of a task ends its suspension and its row of failures; one of everything ends no suspension."""
    made = Book()
    for task in ("a", "b"):
        made.add(EntryKind.SUSPEND, 0, task=task)
        made.fix(1, Result.FAILED, task=task)
        made.fix(1, Result.FAILED, task=task, lane=PULL)
    made.add(EntryKind.RESUME, 2, task="a")
    history = history_of(made.view)
    assert set(history.suspensions) == {"b"}
    assert set(history.failures_in_a_row) == {("b", Budget.FIX), ("b", Budget.PROPOSAL)}
    assert len(history.failures) == 4
    made.add(EntryKind.RESUME, 3)
    later = history_of(made.view)
    assert set(later.suspensions) == {"b"}
    assert not later.failures_in_a_row
    assert not later.failures


# -- limits --------------------------------------------------------------------------------------------------------


def check(name: str, view: LedgerView, limits: Limits | None = None, minutes: float = 0, **more: object) -> LimitCheck:
    """The answer of one limit."""
    return {check.limit: check for check in examine(view, request(**more), limits or Limits(), at(minutes))}[name]  # type: ignore[arg-type]


def test_the_defaults_are_those_that_are_promised() -> None:
    """The README, the settings and this table say the same numbers."""
    limits = Limits()
    assert (limits.fixes_per_hour, HOUR, limits.cooldown) == (2, 3600, 600)
    assert (limits.consecutive_failures, limits.total_failures) == (3, 10)
    assert (limits.repository_fixes_per_hour, limits.proposals_per_hour, limits.task_proposals_per_hour) == (20, 60, 12)
    assert (limits.convergence, limits.convergence_window, limits.in_progress) == (3, 86400, 600)
    assert (limits.deletions, limits.deletion_percent) == (10, None)


def test_each_check_says_what_it_counted() -> None:
    """A sentence with the figures, whether it passed or not."""
    made = Book()
    made.fix(-5)
    passed = {check.limit: check.message for check in examine(made.view, request(), Limits(), at(10))}
    assert passed == {
        "halted": "not halted",
        "emergency-stop": "0 of 10 failures since the last resume",
        "rejected": "not rejected",
        "suspended": "web is not suspended",
        "change-window": "no change window applies",
        "convergence": "no field of it was corrected in 24 h",
        "consecutive-failures": "web failed 0 times in a row of 3 allowed",
        "in-progress": "no other run is working on it",
        "task-window": "1 of 2 automatic fixes of web were used in the last 60 minutes",
        "cooldown": "the last fix of web was at 2025-06-02 11:55:00 UTC, the cooldown is 10 minutes",
        "repository-budget": "1 of 20 automatic fixes of the whole repository were used in the last 60 minutes",
    }


def test_a_proposal_is_asked_about_its_own_budgets() -> None:
    """No cooldown, no convergence, no budget of fixes."""
    made = Book()
    made.fix(-5, lane=PULL)
    asked = {check.limit: check.message for check in examine(made.view, request(lane=ISSUE), Limits(), at(0))}
    assert set(asked) == {
        "halted",
        "emergency-stop",
        "rejected",
        "suspended",
        "change-window",
        "consecutive-failures",
        "in-progress",
        "task-proposals",
        "repository-proposals",
    }
    assert asked["task-proposals"] == "1 of 12 proposals about web were used in the last 60 minutes"
    assert asked["repository-proposals"] == "1 of 60 proposals to the whole repository were used in the last 60 minutes"


def test_a_denial_says_who_and_why() -> None:
    """Names, times and reasons of the entries that stand."""
    made = Book()
    halt = made.add(EntryKind.HALT, 0)
    made.add(EntryKind.REJECT, 1, fingerprint="f")
    made.add(EntryKind.SUSPEND, 2, task="web", detail={"until": at(90).isoformat()})
    view = made.view
    halted = check("halted", view)
    assert halted.message == "ann halted Clockwork at 2025-06-02 12:00:00 UTC: why"
    assert halted.figures == {"by": "ann", "at": at(0).isoformat(), "entry": halt.id}
    rejected = check("rejected", view, fingerprint="f")
    assert rejected.message.startswith("ann rejected this proposal at 2025-06-02 12:01:00 UTC; it is not made again")
    assert not rejected.passed
    suspended = check("suspended", view, minutes=3)
    assert suspended.message == "ann suspended web until 2025-06-02 13:30:00 UTC: why"
    assert suspended.next_eligible == at(90)
    assert check("suspended", view, minutes=90).passed
    made.add(EntryKind.SUSPEND, 3, task="web")
    assert check("suspended", made.view).message == "ann suspended web until somebody resumes it: why"


def test_failures_say_what_ends_them() -> None:
    """The command that a person gives."""
    made = Book()
    for minute in range(3):
        made.fix(minute, Result.FAILED)
    row = check("consecutive-failures", made.view, minutes=9)
    assert row.message == "web failed 3 times in a row of 3 allowed; it stops until `clockwork resume web -m why`"
    assert row.figures == {"failures": 3, "allowed": 3}
    stop = check("emergency-stop", made.view, Limits(total_failures=3))
    assert stop.message.endswith("; everything stops until an authorised `clockwork resume -m why`")
    assert stop.figures == {"failures": 3, "allowed": 3}


def test_the_field_that_is_fought_over_most_is_named() -> None:
    """With how often, and when it will be free."""
    made = Book()
    for minute in (0, 60, 120):
        made.fix(minute, fields=("much", "little") if minute else ("much",))
    denied = check("convergence", made.view, minutes=121, fields=("little", "much"))
    assert denied.message == "much was corrected 3 times in 24 h and keeps coming back: another writer sets it too"
    assert denied.figures == {"field": "much", "corrected": 3, "allowed": 3, "window_seconds": 86400}
    assert denied.next_eligible == at(DAY)
    passed = check("convergence", made.view, minutes=121, fields=("little",))
    assert passed.message == "its fields were corrected 2 times at most in 24 h"
    assert passed.figures == {"corrected": 2, "allowed": 3, "window_seconds": 86400}
    assert check("convergence", made.view, minutes=DAY, fields=("much",)).passed


@pytest.mark.parametrize(("seconds", "passes"), [(599, False), (600, True)])
def test_work_in_hand_is_waited_for_so_long(seconds: float, passes: bool) -> None:
    """Ten minutes to the second, by the newest open intent of the same proposal."""
    made = Book()
    made.intent(-20, fingerprint="f")
    made.intent(0, fingerprint="f")
    made.intent(5, "db", fingerprint="g")
    asked = check("in-progress", made.view, minutes=seconds / 60, fingerprint="f")
    assert asked.passed is passes
    if not passes:
        assert asked.next_eligible == at(10)
        assert asked.message == "ann has been working on it since 2025-06-02 12:00:00 UTC"


def test_what_has_no_fingerprint_waits_for_nobody() -> None:
    """Two things that are both about nothing in particular are not the same thing."""
    made = Book()
    made.intent(0)
    assert check("in-progress", made.view, minutes=1).passed


@pytest.mark.parametrize(
    ("cooldown", "seconds", "passes"),
    [(600, 599, False), (600, 600, True), (1, 0, False), (1, 1, True), (0, 0, True), (0.5, 0, False)],
)
def test_the_cooldown_ends_to_the_second(cooldown: float, seconds: float, passes: bool) -> None:
    """None at all when it is 0."""
    made = Book()
    made.fix(0)
    asked = check("cooldown", made.view, Limits(cooldown=cooldown), minutes=seconds / 60)
    assert asked.passed is passes
    assert asked.figures["seconds_since"] == seconds
    assert asked.figures["cooldown_seconds"] == cooldown


def test_what_lies_ahead_is_zero_seconds_ago() -> None:
    """And nothing is said of a broken clock until it is more than a day."""
    made = Book()
    made.fix(DAY)
    near = check("cooldown", made.view)
    assert near.figures["seconds_since"] == 0
    assert "if that clock was wrong" not in near.message
    made.fix(DAY + 1)
    assert "one is dated 2025-06-03 12:01:00 UTC: if that clock was wrong" in check("cooldown", made.view).message


@pytest.mark.parametrize("lane", [PATCH, PULL])
def test_pending_requests_of_the_same_budget_count(lane: Lane) -> None:
    """The same task's in its own budget, everybody's in the repository's, another budget's in none."""
    other = PULL if lane is PATCH else PATCH
    pending = [request(task, each) for each in (lane, other) for task in ("web", "db", "cache")]
    checks = {
        check.limit: check for check in examine(LedgerView(None), request(lane=lane), Limits(), at(0), pending=pending)
    }
    own, whole = ("task-window", "repository-budget") if lane is PATCH else ("task-proposals", "repository-proposals")
    assert checks[own].figures["used"] == 1
    assert checks[whole].figures["used"] == 3


def test_a_severity_has_its_budget() -> None:
    """Of its own drift alone, with what is pending; other severities are not asked."""
    made = Book()
    made.fix(-1, severity="HIGH", task="a")
    limits = Limits(severity_fixes_per_hour={Severity.HIGH: 2})
    high = request("b", severity=Severity.HIGH)
    assert check("severity-budget", made.view, limits, severity=Severity.HIGH).figures["used"] == 1
    checks = examine(made.view, high, limits, at(0), pending=[request("c", severity=Severity.HIGH), request("d")])
    budget = next(check for check in checks if check.limit == "severity-budget")
    assert budget.message == "2 of 2 automatic fixes of HIGH drift were used in the last 60 minutes"
    assert not budget.passed
    assert "severity-budget" not in {check.limit for check in examine(made.view, request(), limits, at(0))}


def test_what_this_tick_was_granted_makes_room_when_it_is_an_hour_old() -> None:
    """Nothing else being in the way, that is when the next is eligible."""
    denied = permit(LedgerView(None), request(), Limits(), at(0), pending=[request(), request()])
    assert isinstance(denied, Denied)
    assert (denied.limit, denied.next_eligible) == ("task-window", at(60))
    denied = permit(LedgerView(None), request(), Limits(), at(0), pending=[request()])
    assert isinstance(denied, Denied)
    assert (denied.limit, denied.next_eligible) == ("cooldown", at(10))


# -- state, suspensions, fights, deletions -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("until", "ends"),
    [
        (at(5).isoformat(), at(5)),
        ("2025-06-02T14:05:00+02:00", at(5)),
        ("2025-06-02T12:05:00", at(5)),
        ("soon", None),
        ("0001-01-01T00:00:00+23:00", None),
        (None, None),
    ],
)
def test_a_suspension_ends_when_it_says(until: str | None, ends: datetime | None) -> None:
    """In any zone, UTC where it names none; what cannot be read ends only by hand."""
    made = Book()
    entry = made.add(EntryKind.SUSPEND, 0, task="web", detail={} if until is None else {"until": until})
    assert suspended_until(entry) == ends
    if ends is not None:
        assert "web" in state(made.view, at(4)).suspended
        assert "web" not in state(made.view, ends).suspended


def test_a_state_without_limits_on_failures_never_stops() -> None:
    """Neither for a task nor for everything."""
    made = Book()
    for minute in range(12):
        made.fix(minute, Result.FAILED)
    free = state(made.view, at(20), Limits(total_failures=None, consecutive_failures=None))
    assert (free.emergency, dict(free.stopped), free.failures) == (False, {}, 12)
    assert state(made.view, at(20), Limits(total_failures=12)).emergency
    assert not state(made.view, at(20), Limits(total_failures=13)).emergency


def test_a_fight_shows_its_commits_and_its_last_task() -> None:
    """Links of outcomes that have one; what is still open has none; names in order, each once."""
    made = Book()
    for number, task in enumerate(("old", "new")):
        intent = made.intent(number, task, fields=("x",), detail={"manager": "rosa"})
        made.outcome(intent, number, link=f"https://e/{number}" if number else None)
    made.intent(2, "new", fields=("x",))
    (fight,) = fights(made.view, Limits(), at(10))
    assert (fight.task, fight.links, fight.managers) == ("new", ("https://e/1",), ("rosa",))
    assert [fight.field for fight in fights(made.view, Limits(convergence=1), at(10))] == ["x"]


def test_a_flood_of_deletions_says_its_figures() -> None:
    """What it would remove, of how many, and what would have been ordinary."""
    assert deletion_guard(11, 22, Limits()) == TooManyDeletions(
        "this would remove 11 of 22 things (50 %); more than 10 or 30 % need a person to agree",
        {"removed": 11, "total": 22, "allowed": 10, "allowed_percent": 30.0},
    )
    only_share = deletion_guard(4, 10, Limits(deletions=None))
    assert only_share is not None
    assert "allowed" not in only_share.figures
    assert only_share.message == "this would remove 4 of 10 things (40 %); more than 30 % need a person to agree"
    assert deletion_guard(3, 3, Limits()) is None
    assert deletion_guard(3, 10, Limits(deletions=None)) is None
    assert deletion_guard(-1, 0, Limits(deletions=0)) is None
    assert deletion_guard(5, 2, Limits(deletion_percent=100, deletions=None)) is None


# -- compaction ----------------------------------------------------------------------------------------------------


def test_how_long_entries_stay_follows_the_limits() -> None:
    """Twice the longest window, a day at least; one attempt more than any budget of a task counts, four at least."""
    assert Retention() == Retention(2 * 86400.0, 4)
    assert Retention.of(Limits()) == Retention(2 * 86400.0, 13)
    small = Limits(fixes_per_hour=1, task_proposals_per_hour=1, consecutive_failures=None, convergence_window=60)
    assert Retention.of(small) == Retention(2 * 86400.0, 4)
    assert Retention.of(Limits(cooldown=3 * 86400)).seconds == 6 * 86400
    assert Retention.of(Limits(convergence_window=4 * 86400)).seconds == 8 * 86400
    assert Retention.of(Limits(cooldown=float("inf"))).seconds == 1e11
    assert Retention.of(Limits(fixes_per_hour=20)).attempts == 21
    assert Retention.of(Limits(consecutive_failures=30)).attempts == 31


def kept(made: Book, seconds: float = 3600, attempts: int = 1) -> list[int]:
    """Which entries stay, by their number; sixty-four notes at noon make everything before them old enough to go."""
    for _ in range(64):
        made.add(EntryKind.NOTE, 0)
    stay = retained(made.entries, Retention(seconds, attempts))
    return [number for number, entry in enumerate(made.entries[:-64]) if entry.id in stay]


def test_the_newest_entries_stay_whatever_their_age() -> None:
    """Sixty-four of them, so that a ledger of a quiet year is not empty."""
    made = Book()
    for _ in range(7):
        made.add(EntryKind.NOTE, -20_000)
    for _ in range(64):
        made.add(EntryKind.NOTE, 0)
    stay = retained(made.entries, Retention(60, 1))
    assert [entry.id in stay for entry in made.entries] == [False] * 7 + [True] * 64
    assert retained([], Retention()) == frozenset()


def test_what_is_young_enough_stays() -> None:
    """By the oldest of the newest, because a clock may lie; a snapshot says nothing itself."""
    made = Book()
    made.add(EntryKind.NOTE, -60.1)
    made.add(EntryKind.NOTE, -60)
    made.add(EntryKind.SNAPSHOT, -1)
    assert kept(made) == [1]


@table(
    ("orders", "stay"),
    [
        ([(EntryKind.HALT, {}), (EntryKind.HALT, {})], [0]),
        ([(EntryKind.HALT, {}), (EntryKind.RESUME, {})], [1]),
        ([(EntryKind.HALT, {}), (EntryKind.RESUME, {"task": "a"})], [0, 1]),
        (
            [(EntryKind.RESUME, {"task": "a"}), (EntryKind.RESUME, {"task": "b"}), (EntryKind.RESUME, {"task": "a"})],
            [1, 2],
        ),
        ([(EntryKind.SUSPEND, {"task": "a"}), (EntryKind.UNSUSPEND, {"task": "a"})], [1]),
        ([(EntryKind.SUSPEND, {"task": "a"}), (EntryKind.SUSPEND, {"task": "b"})], [0, 1]),
        ([(EntryKind.REJECT, {"fingerprint": "f"}), (EntryKind.RETRY, {"fingerprint": "f"})], [1]),
        ([(EntryKind.REJECT, {"fingerprint": "f"}), (EntryKind.IGNORE, {"fingerprint": "f"})], [0, 1]),
        ([(EntryKind.IGNORE, {"fingerprint": "f"}), (EntryKind.IGNORE, {"fingerprint": "f"})], [1]),
        ([(EntryKind.NOTE, {}), (EntryKind.NOTE, {})], []),
    ],
)
def test_the_last_word_on_each_subject_stays(orders: list[tuple[EntryKind, dict[str, str]]], stay: list[int]) -> None:
    """However old it is."""
    made = Book()
    for kind, more in orders:
        made.add(kind, -100_000, **more)
    assert kept(made) == stay


def test_attempts_stay_as_long_as_a_count_needs_them() -> None:
    """The last few of each task and budget, both halves; its last success; its row of failures; whatever is open."""
    made = Book()
    for _ in range(3):
        made.fix(-100_000)
    assert kept(made) == [4, 5]
    made = Book()
    for _ in range(3):
        made.fix(-100_000)
    assert kept(made, attempts=2) == [2, 3, 4, 5]
    made = Book()
    made.fix(-100_000)
    made.fix(-100_000, Result.FAILED)
    made.fix(-100_000, Result.ABANDONED)
    made.intent(-100_000)
    assert kept(made) == [0, 1, 2, 3, 6]


def test_both_halves_stay_when_one_is_young() -> None:
    """An outcome without its intent would count for nothing."""
    made = Book()
    old = made.intent(-100_000)
    for _ in range(2):
        made.fix(-90_000)
    made.outcome(old, -1)
    assert {0, 5} <= set(kept(made))


# -- trailers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "limit", "result"), [(5, 5, "xxxxx"), (6, 5, "xxxx…"), (4, 5, "xxxx"), (1, 1, "x")])
def test_a_line_is_cut_where_it_would_be_too_long(length: int, limit: int, result: str) -> None:
    """Exactly as long as allowed is not too long."""
    assert one_line("x" * length, limit=limit) == result


def test_no_blank_stands_before_the_mark_of_a_cut() -> None:
    """The cut text ends in a word."""
    assert one_line("ab cdef", limit=4) == "ab…"


@pytest.mark.parametrize("char", ["\x00", "\u200b", "\ud800", "\u2028", "\u2029", "\t", "\n"])
def test_every_kind_of_control_becomes_a_blank(char: str) -> None:
    """Controls, formats, surrogates and separators."""
    assert one_line(f"a{char}b") == "a b"


def test_a_message_has_a_subject_of_72_characters_and_only_trailers_with_values() -> None:
    """Without a subject it is an update; without trailers it ends after the body."""
    message = compose("s" * 80, body="", trailers=[("Rule", "r"), ("Reason", " \n")])
    assert message == f"{'s' * 71}…\n\nRule: r\n"
    assert compose("", body="a\n\nb") == "Update\n\na\n\nb\n"
    assert compose("s") == "s\n"
    assert compose("s", body=f"{INTENT.upper()}: x") == f"s\n\n  {INTENT.upper()}: x\n"


def test_trailers_are_the_last_paragraph_and_nothing_else() -> None:
    """Several values under one name stay in order; a line that is none makes all of them prose."""
    assert parse("s\n\nA: 1\nA: 2\nB: x\n") == {"A": ["1", "2"], "B": ["x"]}
    assert parse("s\n\nA: 1\n \t\nB: 2") == {"B": ["2"]}
    assert parse("A: 1") == {}
    assert parse("s\n\nA: 1\nnot one") == {}
    ids = ["0" * 32, "f" * 32]
    assert intents_in("s\n\n" + "\n".join(f"{INTENT}: {id_}" for id_ in [*ids, "0" * 31, "0" * 33, "G" * 32])) == set(
        ids
    )


def test_an_entry_of_somebody_else_is_told_by_name() -> None:
    """Who halted is who the entry says."""
    made = Book()
    made.add(EntryKind.HALT, 0, actor=Actor("rosa", 9), reason="payday")
    assert check("halted", made.view).message == "rosa halted Clockwork at 2025-06-02 12:00:00 UTC: payday"
