"""The workers one by one, on a real database, and the timer that runs them."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import BotError, Unavailable
from bot.model.figures import Group, bucket, bucket_milliseconds
from bot.model.session import Reply, ReplyStatus
from bot.sessions.sql import SqlSessions
from bot.workers.cleanup import clean, rotate
from bot.workers.metrics import measured
from bot.workers.schedule import due, keep_working
from bot.workers.work import Outcome, Worker, Workers, work
from tests.sessions.samples import AT, finding, session

INTERVALS = {
    Worker.ANALYSIS: timedelta(seconds=300),
    Worker.METRICS: timedelta(seconds=60),
    Worker.EXPORT: timedelta(seconds=600),
    Worker.CLEANUP: timedelta(days=1),
}


class Hours:
    """A clock that moves only when somebody sleeps."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Branch:
    """A branch that remembers its commits."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.commits: list[str] = []

    def __call__(self, path: str, data: bytes, message: str) -> str | None:
        if self.files.get(path) == data:
            return None
        self.files[path] = data
        self.commits.append(message)
        return f"{len(self.commits):040x}"


@pytest.fixture
def branch() -> Branch:
    return Branch()


@pytest.fixture
def workers(tmp_path: Path, branch: Branch) -> Workers:
    store = SqlSessions(f"sqlite:///{tmp_path}/sessions.db")
    return Workers(store=store, publish=branch, clock=Hours(AT + timedelta(hours=1)), intervals=INTERVALS)


def record(workers: Workers, count: int, **fields: object) -> None:
    assert isinstance(workers.store, SqlSessions)
    workers.store.write([session(number, **fields) for number in range(1, count + 1)])  # type: ignore[arg-type]  # by name


def test_export_commits_when_the_picture_changes_and_a_day_is_over(workers: Workers, branch: Branch) -> None:
    """One commit, none for the same picture, none for another one on the same day, one on the next day."""
    workers = replace(workers, published=branch.files.get)
    record(workers, 2)
    assert work(Worker.EXPORT, workers).figures["commit"] == f"{1:040x}"
    assert work(Worker.EXPORT, workers).figures["reason"] == "the picture is the same"
    assert isinstance(workers.store, SqlSessions)
    workers.store.write([session(50, findings=(replace(finding("TST-002"), category="tests"),))])
    assert "less than a day ago" in str(work(Worker.EXPORT, workers).figures["reason"])
    workers.clock.sleep(86_400)
    assert work(Worker.EXPORT, workers).figures["commit"] == f"{2:040x}"
    assert len(branch.commits) == 2
    assert b"3 in 3 runs" in branch.files["AI_Failure_Modes.md"]


def test_many_looks_make_few_commits(workers: Workers, branch: Branch) -> None:
    """Ten days in which every other hour brings another failure make one commit a day at most."""
    workers = replace(workers, published=branch.files.get)
    assert isinstance(workers.store, SqlSessions)
    for hour in range(0, 24 * 10, 2):
        at = AT + timedelta(hours=hour)
        workers.store.write([session(hour + 1, at=at, findings=(finding(f"R-{hour % 50}"),) * (hour % 3))])
        workers.clock.sleep(7200)
        work(Worker.EXPORT, workers)
    assert 2 <= len(branch.commits) <= 10


def test_nothing_is_exported_without_a_failure(workers: Workers, branch: Branch) -> None:
    """No run, and runs without a failure, write nothing, whatever the branch holds."""
    assert work(Worker.EXPORT, workers).figures["reason"] == "no failure in 0 runs"
    record(workers, 3, findings=())
    assert "no failure in 3 runs" in work(Worker.EXPORT, workers).summary
    assert branch.commits == []


def test_analysis_names_spikes(workers: Workers) -> None:
    """Analysis says how much went wrong and what comes far more often than usual."""
    record(workers, 12)
    outcome = work(Worker.ANALYSIS, workers)
    assert outcome.figures["failures"] == 12
    assert "Spike in category security: 12 in 24 hours, daily median 0." in outcome.summary


def test_metrics_count_each_session_once(workers: Workers) -> None:
    """Figures grow by what is new, however often they are asked for."""
    record(workers, 4)
    assert work(Worker.METRICS, workers).figures["sessions"] == 4
    record(workers, 6)
    outcome = work(Worker.METRICS, workers)
    assert (outcome.figures["sessions"], outcome.figures["success_rate"], outcome.figures["top"]) == (
        6,
        1.0,
        "SEC-004 6",
    )
    assert outcome.figures["mean_milliseconds"] == 350


def test_cleanup_forgets_after_thirty_days(workers: Workers) -> None:
    """Sessions older than 30 days go, younger ones stay, figures stay."""
    record(workers, 5)
    assert isinstance(workers.store, SqlSessions)
    workers.store.write([session(99, at=AT - timedelta(days=31))])
    assert work(Worker.CLEANUP, workers).figures["sessions"] == 1
    assert len(workers.store.recent()) == 5
    assert workers.store.figures().all.sessions == 6


def test_a_flag_switches_a_worker_off(workers: Workers, branch: Branch) -> None:
    """A worker whose flag is off does nothing and says so."""
    outcome = work(Worker.EXPORT, replace(workers, flags={"export": False}))
    assert outcome.skipped
    assert branch.commits == []


def test_cleaning_goes_in_batches(tmp_path: Path) -> None:
    """No batch is larger than 500, and all sessions that are too old go."""
    gone: list[int] = []

    class Counting(SqlSessions):
        def prune(self, before: datetime, *, batch: int = 500) -> int:
            gone.append(super().prune(before, batch=batch))
            return gone[-1]

    store = Counting(f"sqlite:///{tmp_path}/sessions.db")
    old = AT - timedelta(days=30, seconds=2000)
    store.write([session(number, at=old + timedelta(seconds=number)) for number in range(1, 1235)])
    store.write([session(2000, at=AT)])
    assert clean(store, now=AT).sessions == 1234
    assert gone == [500, 500, 234, 0]
    assert len(store.recent()) == 1


def test_large_logs_are_rotated(tmp_path: Path) -> None:
    """A log that grew is packed away, older ones move up, the oldest goes; a small one is left alone."""
    log = tmp_path / "clockwork.log"
    for turn in range(1, 6):
        log.write_bytes(b"%d" % turn * 100)
        assert rotate(log, least=100, keep=3)
    assert not log.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"clockwork.log.{n}.gz" for n in (1, 2, 3)]
    assert gzip.decompress((tmp_path / "clockwork.log.1.gz").read_bytes()) == b"5" * 100
    assert gzip.decompress((tmp_path / "clockwork.log.3.gz").read_bytes()) == b"3" * 100
    log.write_bytes(b"small")
    assert not rotate(log, least=100)
    assert not rotate(tmp_path / "absent.log")


def test_failures_are_counted_by_category_and_agent(workers: Workers) -> None:
    """Each failure of the last 30 days counts once for its agent, and what an assistant failed at for the assistant."""
    record(workers, 2)
    record(workers, 3, agent='odd "agent"\n', replies=(Reply("codex", ReplyStatus.CRASH),))
    figures = measured(workers.store, now=workers.clock.now())
    assert figures.figures.agents["claude"].succeeded == 2
    assert figures.failures == {
        ("security", "claude"): 2,
        ("security", 'odd "agent"\n'): 1,
        ("assistant", "codex"): 1,
    }


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=200))
def test_the_95th_percentile_is_close(times: list[int]) -> None:
    """The figure from buckets is within 2.5 % (or one millisecond) of the true nearest-rank percentile."""
    durations: dict[int, int] = {}
    for time in times:
        durations[bucket(time)] = durations.get(bucket(time), 0) + 1
    rank = -(-95 * len(times) // 100)
    true = sorted(times)[rank - 1]
    estimate = Group(len(times), durations=durations).p95_milliseconds
    assert estimate is not None
    assert abs(estimate - true) <= max(1.0, 0.0251 * true)


@given(st.integers(0, 10**9))
def test_a_bucket_holds_its_middle(milliseconds: int) -> None:
    """The middle of a time's bucket is within 2.5 % of it."""
    assert abs(bucket_milliseconds(bucket(milliseconds)) - milliseconds) <= max(1.0, 0.0251 * milliseconds)


def test_who_is_due() -> None:
    """What never ran is due at once; then each at its interval, the most overdue first."""
    assert set(due(INTERVALS, {}, AT)) == set(Worker)
    last = dict.fromkeys(Worker, AT)
    assert due(INTERVALS, last, AT + timedelta(seconds=59)) == []
    assert due(INTERVALS, last, AT + timedelta(seconds=60)) == [Worker.METRICS]
    assert due(INTERVALS, last, AT + timedelta(seconds=600)) == [Worker.METRICS, Worker.ANALYSIS, Worker.EXPORT]
    assert due(INTERVALS, last, AT - timedelta(days=9)) == []


def test_the_timer_runs_each_worker_at_its_interval(workers: Workers) -> None:
    """In one hour: analysis 12 times, metrics 60, export 6, cleanup once; a failing worker stops no other."""
    ran: dict[Worker, int] = {}
    failed: list[BotError] = []

    def report(name: Worker, outcome: Outcome | BotError) -> None:
        ran[name] = ran.get(name, 0) + 1
        if isinstance(outcome, BotError):
            failed.append(outcome)

    def publish(path: str, data: bytes, message: str) -> str | None:
        raise Unavailable("the remote is away")

    record(workers, 1)
    start = workers.clock.now()
    keep_working(
        replace(workers, publish=publish),
        stopped=lambda: workers.clock.now() >= start + timedelta(hours=1),
        report=report,
    )
    assert ran == {Worker.ANALYSIS: 12, Worker.METRICS: 60, Worker.EXPORT: 6, Worker.CLEANUP: 1}
    assert len(failed) == 6


def test_the_timer_can_run_one_worker_only(workers: Workers) -> None:
    """Only the workers that were asked for run."""
    ran: list[Worker] = []
    keep_working(workers, stopped=lambda: len(ran) >= 3, report=lambda name, _: ran.append(name), only={Worker.METRICS})
    assert ran == [Worker.METRICS] * 3
