"""Who is run next: urgency, failures, budgets, and that nobody starves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.fleet.budget import Allowance
from bot.fleet.overview import FleetStatus
from bot.fleet.run import FleetMember, FleetRun
from bot.fleet.schedule import WITHOUT_SETTINGS, RetryPacing, admitted, ended, lateness, started, turns, wake
from bot.fleet.status import FleetRepository, FleetResult
from bot.model.requests import RequestsLeft
from bot.model.severity import Severity

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PACING = RetryPacing(timedelta(minutes=1), timedelta(hours=6))
MINUTE = timedelta(minutes=1)


def fresh(name: str, now: datetime = NOON, account: str = "") -> FleetRepository:
    return admitted(FleetMember(name, f"https://example.com/{name}", account), None, now)


def run(
    name: str, result: FleetResult = FleetResult.IN_SYNC, worst: Severity | None = None, *, at: datetime = NOON
) -> FleetRun:
    return FleetRun(name, at, 10.0, result, {} if worst is None else {worst: 1}, requests=8)


def after(repository: FleetRepository, account: FleetRun) -> FleetRepository:
    return ended(
        started(repository, account.began), account, PACING, account.began + timedelta(seconds=account.seconds)
    )


@pytest.mark.parametrize(
    ("worst", "minutes"),
    [(None, 5), (Severity.LOW, 5), (Severity.MEDIUM, 5), (Severity.HIGH, 2.5), (Severity.CRITICAL, 1.25)],
)
def test_what_is_urgent_comes_more_often(worst: Severity | None, minutes: float) -> None:
    """Twice as often with HIGH differences, four times with CRITICAL ones, counted from the begin of a run."""
    repository = after(fresh("a/a"), run("a/a", FleetResult.DRIFT, worst))
    assert repository.due == NOON + timedelta(minutes=minutes)
    assert repository.worst is worst


def test_a_failure_doubles_the_pause_and_keeps_what_was_known() -> None:
    """One, two, four minutes up to six hours; the severities of the last account stay, and an account ends it."""
    repository = after(fresh("a/a"), run("a/a", FleetResult.DRIFT, Severity.HIGH))
    pauses = []
    for _ in range(12):
        repository = after(repository, run("a/a", FleetResult.TIMED_OUT))
        pauses.append((repository.due - NOON - timedelta(seconds=10)) / MINUTE)
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]
    assert (repository.worst, repository.failures) == (Severity.HIGH, 12)
    assert after(repository, run("a/a")).failures == 0


def test_the_host_is_waited_for() -> None:
    """Who was asked to wait for ten minutes is not due before, whether the run failed or not."""
    for result in (FleetResult.FAILED, FleetResult.DRIFT):
        repository = after(fresh("a/a"), replace(run("a/a", result), retry_after=600))
        assert repository.due == NOON + timedelta(seconds=610)


def test_a_repository_without_settings_is_looked_at_rarely() -> None:
    """It could get some, so it is not forgotten."""
    repository = after(fresh("a/a"), run("a/a", FleetResult.NO_SETTINGS))
    assert repository.due == NOON + WITHOUT_SETTINGS * 5 * MINUTE


def test_the_latest_by_its_own_period_is_next() -> None:
    """Two minutes late are much for who is to be run every minute, and little for who is run hourly."""
    often = replace(fresh("a/often"), due=NOON - 2 * MINUTE, period=MINUTE)
    hourly = replace(fresh("a/hourly"), due=NOON - 2 * MINUTE, period=60 * MINUTE)
    future = replace(fresh("a/future"), due=NOON + MINUTE)
    busy = replace(fresh("a/busy"), running=True)
    chosen = turns((hourly, future, busy, often), {}, now=NOON, free=3, expected=1)
    assert [each.name for each in chosen] == ["a/often", "a/hourly"]
    assert turns((hourly, often), {}, now=NOON, free=0, expected=1) == ()


def test_a_failing_repository_is_retried_early_and_takes_no_turn_of_others() -> None:
    """Its pause is short at first, but its lateness is measured by its whole interval."""
    failing = after(fresh("a/failing"), run("a/failing", FleetResult.CRASHED))
    healthy = after(fresh("a/healthy"), run("a/healthy"))
    at = healthy.due + 5 * MINUTE
    assert failing.due < healthy.due
    assert lateness(failing, at) < 2
    assert lateness(healthy, at) == 1


def test_the_reserve_is_for_urgent_repositories() -> None:
    """With a fifth kept back, the last requests go to who has CRITICAL differences, and nobody else is kept back by it."""
    left = RequestsLeft(100, 25, NOON + 60 * MINUTE)
    calm = [replace(fresh(f"a/calm-{n}", account="one"), requests=4) for n in range(5)]
    urgent = replace(calm[0], name="z/urgent", severities={Severity.CRITICAL: 1})
    other = fresh("z/other", account="two")
    chosen = turns((*calm, urgent, other), {"one": Allowance(0.2, left)}, now=NOON, free=9, expected=20)
    assert [each.name for each in chosen] == ["a/calm-0", "z/other", "z/urgent"]


def test_what_is_promised_counts_until_the_host_tells() -> None:
    """Runs that go on are reckoned; of answers in one window the fewest count, and a new window begins whole."""
    left = RequestsLeft(100, 60, NOON + 60 * MINUTE)
    allowance = Allowance(0.0).with_run(30)
    assert (allowance.remaining(NOON), allowance.allows(1000, urgent=False, now=NOON)) == (None, True)
    told = allowance.with_run(10).settled(30, left)
    assert told.remaining(NOON) == 50
    assert told.settled(0, replace(left, remaining=70)).remaining(NOON) == 50
    assert told.settled(10, replace(left, remaining=40)).remaining(NOON) == 40
    assert told.settled(0, replace(left, remaining=90, resets=NOON - 60 * MINUTE)).remaining(NOON) == 50
    assert told.remaining(left.resets) == 90
    assert told.settled(10, replace(left, remaining=99, resets=left.resets + 60 * MINUTE)).remaining(NOON) == 99


def test_one_sleeps_until_somebody_is_due_or_has_requests_again() -> None:
    """The next due time; where all that is due waits for requests, the end of the window; for ever with nobody."""
    later = replace(fresh("a/later"), due=NOON + 2 * MINUTE)
    waiting = fresh("a/waiting", account="one")
    spent = {"one": Allowance(0.2, RequestsLeft(100, 0, NOON + MINUTE))}
    assert wake((later,), {}, now=NOON) == 120
    assert wake((later, waiting), spent, now=NOON) == 60
    assert wake((), {}, now=NOON) == float("inf")
    assert turns((waiting,), spent, now=NOON, free=1, expected=20) == ()
    assert turns((waiting,), spent, now=NOON + MINUTE, free=1, expected=20) == (waiting,)


def test_what_a_member_is_now_counts_for_what_is_known_of_it() -> None:
    """Another interval or account is taken over, what was seen stays; the status names the worst."""
    known = after(fresh("a/a"), run("a/a", FleetResult.DRIFT, Severity.HIGH))
    member = FleetMember("a/a", "https://example.com/a/a", "one", timedelta(hours=1))
    again = admitted(member, known, NOON)
    assert (again.interval, again.account, again.worst) == (timedelta(hours=1), "one", Severity.HIGH)
    assert FleetStatus(NOON, (again,)).repositories[0].urgent


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([None, *Severity, "fails"]), min_size=2, max_size=40),
    st.integers(1, 4),
    st.integers(1, 400),
)
def test_nobody_starves(kinds: list[Severity | str | None], workers: int, seconds: int) -> None:
    """However overloaded, and whatever differs or fails: each is run again before the longest wait that its period allows.

    While one waits, another can begin at most once in each of its own shorter periods' share: so waits are bounded by
    the load times the ratio of the periods.
    """
    repositories = {f"a/{n}": fresh(f"a/{n}") for n in range(len(kinds))}
    began: dict[str, list[datetime]] = {name: [] for name in repositories}
    step, now = timedelta(seconds=seconds), NOON
    bound = 5 * (len(kinds) // workers + 2) * step + 2 * timedelta(minutes=5)
    pacing = RetryPacing(timedelta(minutes=1), timedelta(minutes=5))
    for _ in range(6 * len(kinds) + int(timedelta(hours=1) / step) if seconds > 60 else 12 * len(kinds)):
        for each in turns(tuple(repositories.values()), {}, now=now, free=workers, expected=1):
            kind = kinds[int(each.name[2:])]
            worst = kind if isinstance(kind, Severity) else None
            result = FleetResult.FAILED if kind == "fails" else FleetResult.DRIFT
            account = FleetRun(each.name, now, float(seconds), result, {} if worst is None else {worst: 1})
            began[each.name].append(now)
            repositories[each.name] = ended(started(each, now), account, pacing, now + step)
        now += step
    for name, times in began.items():
        waits = [b - a for a, b in zip([NOON, *times], [*times, now], strict=True)]
        assert max(waits) <= bound, (name, kinds[int(name[2:])])
