"""What is remembered of the workers over restarts, sleep and other processes."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.entrypoints.cli import main
from bot.errors import BotError, Invalid, Refused, Unavailable
from bot.sessions.sql import SqlSessions
from bot.settings import load
from bot.workers.analysis import Dimension, SavedTrends, analyse, merged_spikes
from bot.workers.cleanup import Logs, rotate
from bot.workers.control import insights_json, start, status, stop
from bot.workers.journal import WorkerJournal, WorkerState, running
from bot.workers.names import Worker
from bot.workers.schedule import keep_working, missed
from bot.workers.work import Outcome, Workers, run_worker, work
from tests.sessions.samples import AT, finding, session
from tests.workers.remotes import make_remote
from tests.workers.test_work import INTERVALS, Branch, Hours

HOUR = timedelta(hours=1)


@pytest.fixture
def workers(tmp_path: Path) -> Workers:
    """Workers with a journal in a folder that does not exist yet."""
    store = SqlSessions(f"sqlite:///{tmp_path}/sessions.db")
    store.write([session(number) for number in range(1, 13)])
    journal = WorkerJournal(tmp_path / "state" / "workers")
    return Workers(store=store, publish=Branch(), clock=Hours(AT + HOUR), intervals=INTERVALS, memory=journal)


def ran(workers: Workers, hours: float, *only: Worker) -> list[Worker | str]:
    """Which workers ran within so many hours of their clock, in order; a failure as its message."""
    until, done = workers.clock.now() + timedelta(hours=hours), list[Worker | str]()

    def report(name: Worker, outcome: Outcome | BotError) -> None:
        done.append(outcome.message if isinstance(outcome, BotError) else name)

    keep_working(workers, stopped=lambda: workers.clock.now() >= until, report=report, only=only or frozenset(Worker))
    return done


def test_a_restart_does_not_run_what_is_not_due(workers: Workers) -> None:
    """The last runs are remembered: a new process goes on where the old one ended."""
    assert ran(workers, 0.01, Worker.CLEANUP) == [Worker.CLEANUP]
    again = replace(workers, memory=WorkerJournal(Path(str(workers.memory.folder))))  # type: ignore[attr-defined]  # a WorkerJournal
    assert ran(again, 20, Worker.CLEANUP) == []
    assert ran(again, 5, Worker.CLEANUP) == [Worker.CLEANUP]


def test_after_sleep_a_worker_runs_once_and_says_what_it_missed(workers: Workers) -> None:
    """Six hours of sleep cost one run of each worker, which records how many times passed unused."""
    ran(workers, 0.01)
    assert isinstance(workers.clock, Hours)
    workers.clock.at += 6 * HOUR
    row = {each["worker"]: each for each in status(workers, lambda _: False)}["analysis"]
    assert row["missed_now"] == 71
    assert sorted(ran(workers, 0.01), key=str) == [Worker.ANALYSIS, Worker.EXPORT, Worker.METRICS]
    last = workers.memory.states()[Worker.ANALYSIS].last
    assert last is not None
    assert last.missed == 71
    assert ran(workers, 0.001) == []


@given(st.integers(1, 10**6), st.integers(0, 10**7))
def test_missed_times_are_whole_intervals(interval: int, waited: int) -> None:
    """Beside the run that is due, each whole interval that passed is one that was missed."""
    times = missed(timedelta(seconds=interval), AT, AT + timedelta(seconds=waited))
    assert times == max(0, waited // interval - 1)


def test_a_clock_that_went_back_delays_by_one_interval_at_most(workers: Workers) -> None:
    """A last run that lies in the future counts as now."""
    assert isinstance(workers.clock, Hours)
    ran(workers, 0.01, Worker.ANALYSIS)
    workers.clock.at -= timedelta(days=400)
    assert ran(workers, 0.05, Worker.ANALYSIS) == []
    assert ran(workers, 0.15, Worker.ANALYSIS) == [Worker.ANALYSIS]
    assert ran(workers, 0.09, Worker.ANALYSIS) == [Worker.ANALYSIS]


def test_a_stopped_worker_stays_stopped_until_it_is_started(workers: Workers) -> None:
    """Stopping is per worker, takes effect while the loop runs, and outlives a restart; starting catches up."""
    ran(workers, 0.01)
    assert "is stopped" in stop(Worker.METRICS, workers, "too chatty")
    assert "already" in stop(Worker.METRICS, workers)
    assert Worker.METRICS not in ran(workers, 1)
    row = {each["worker"]: each for each in status(workers, lambda _: False)}["metrics"]
    assert (row["state"], row["reason"], row["next"]) == ("stopped", "too chatty", None)
    assert "was stopped since 2026-11-20" in start(Worker.METRICS, workers)
    assert "is not stopped" in start(Worker.METRICS, workers)
    assert ran(workers, 0.001, Worker.METRICS) == [Worker.METRICS]


def test_it_can_be_stopped_while_the_loop_runs(workers: Workers) -> None:
    """The loop reads the journal at each look: another process may stop a worker."""
    done: list[Worker] = []

    def report(name: Worker, _: Outcome | BotError) -> None:
        done.append(name)
        if len(done) == 3:
            stop(Worker.METRICS, workers)

    until = workers.clock.now() + HOUR
    keep_working(workers, stopped=lambda: workers.clock.now() >= until, report=report, only={Worker.METRICS})
    assert done == [Worker.METRICS] * 3


def test_a_failure_is_remembered_and_counted(workers: Workers) -> None:
    """How a run failed is told, how often in a row, and one good run ends the count."""

    def publish(path: str, data: bytes, message: str) -> str | None:
        raise Unavailable("the remote is away")

    for _ in range(2):
        with pytest.raises(Unavailable):
            run_worker(Worker.EXPORT, replace(workers, publish=publish))
    row = {each["worker"]: each for each in status(workers, lambda _: False)}["export"]
    assert (row["failed"], row["failures_in_a_row"], row["result"]) == (True, 2, "the remote is away")
    run_worker(Worker.EXPORT, workers)
    assert workers.memory.states()[Worker.EXPORT].failures == 0
    assert isinstance(workers.memory, WorkerJournal)
    lines = [json.loads(line) for line in workers.memory.runs.read_text().splitlines()]
    assert [line["error"] for line in lines] == ["the remote is away", "the remote is away", None]


def test_no_two_processes_run_one_worker_at_once(workers: Workers) -> None:
    """Whoever runs a worker holds its lock; the other is told, and the lock goes with the process that held it."""
    assert isinstance(workers.memory, WorkerJournal)
    folder = workers.memory.folder
    program = (
        "import sys, pathlib\n"
        "from bot.workers.journal import WorkerJournal\nfrom bot.workers.names import Worker\n"
        "with WorkerJournal(pathlib.Path(sys.argv[1])).hold(Worker.EXPORT):\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert running(folder, Worker.EXPORT)
        assert not running(folder, Worker.METRICS)
        with pytest.raises(Refused, match="export worker is running already"):
            run_worker(Worker.EXPORT, workers)
        other.kill()
        other.wait()
    assert not running(folder, Worker.EXPORT)
    run_worker(Worker.EXPORT, workers)


def test_a_file_that_somebody_broke_stops_all_workers_and_is_told_once(workers: Workers) -> None:
    """Nobody knows then which worker is stopped: nothing runs until the file is mended or gone."""
    assert isinstance(workers.memory, WorkerJournal)
    ran(workers, 0.01)
    (workers.memory.folder / "workers.json").write_text("{]")
    messages = ran(workers, 1, Worker.METRICS)
    assert len(messages) == 1
    assert "workers.json is not what the workers wrote" in messages[0]
    with pytest.raises(Invalid, match=r"workers\.json"):
        start(Worker.METRICS, workers)


def test_what_cannot_be_remembered_is_not_run_at_every_look(tmp_path: Path, workers: Workers) -> None:
    """Where the journal's folder cannot be made, workers keep their intervals all the same."""
    (tmp_path / "file").write_text("")
    broken = replace(workers, memory=WorkerJournal(tmp_path / "file" / "workers"))
    messages = ran(broken, 0.5, Worker.ANALYSIS)
    assert len(messages) <= 6


def test_trends_and_spikes_are_saved_and_read_back(workers: Workers) -> None:
    """The analysis leaves its trends and spikes; a spike that ends is told with its end."""
    assert insights_json(workers.memory.saved()) == {"at": None, "insights": [], "lessons": [], "trends": []}
    work(Worker.ANALYSIS, workers)
    first = workers.memory.saved()
    assert first is not None
    assert {(each.dimension, each.name, each.peak) for each in first.insights} >= {(Dimension.CATEGORY, "security", 12)}
    assert all(each.ended is None for each in first.insights)
    assert isinstance(workers.clock, Hours)
    workers.clock.at += timedelta(days=2)
    work(Worker.ANALYSIS, workers)
    second = workers.memory.saved()
    assert second is not None
    assert {each.name for each in second.insights} == {each.name for each in first.insights}
    assert all(each.ended == workers.clock.now() for each in second.insights)


def test_a_spike_that_goes_on_stays_one_insight() -> None:
    """Its peak grows; one that comes again after its end is another."""
    saved: SavedTrends | None = None
    for now, count in ((AT + HOUR, 12), (AT + 2 * HOUR, 15), (AT + 50 * HOUR, 15), (AT + 60 * HOUR, 30)):
        fresh = [session(n, at=AT + 59 * HOUR) for n in range(100, 100 + count - 15)] if count > 15 else []
        trends = analyse([*(session(n) for n in range(min(count, 15))), *fresh], now)
        saved = merged_spikes(trends, saved)
    assert saved is not None
    told = [each for each in saved.insights if each.dimension is Dimension.CATEGORY]
    assert [(each.peak, each.ended is None) for each in told] == [(15, True), (15, False)]
    assert told[1].ended == AT + 50 * HOUR


def test_logs_are_rotated_by_the_cleanup(tmp_path: Path, workers: Workers) -> None:
    """Its own log of runs, and a log that another program keeps open: that one goes on writing into the same file."""
    assert isinstance(workers.memory, WorkerJournal)
    run_worker(Worker.METRICS, workers)
    kept = tmp_path / "bot.log"
    with kept.open("ab", buffering=0) as writer:
        writer.write(b"x" * 5000)
        logs = Logs((workers.memory.runs,), (f"{tmp_path}/*.log",), least=64, backups=2)
        assert run_worker(Worker.CLEANUP, replace(workers, logs=logs)).figures["logs"] == 2
        writer.write(b"after")
    assert kept.read_bytes() == b"after"
    assert gzip.decompress(kept.with_name("bot.log.1.gz").read_bytes()) == b"x" * 5000
    assert json.loads(gzip.decompress((workers.memory.folder / "runs.jsonl.1.gz").read_bytes()))["worker"] == "metrics"
    assert json.loads(workers.memory.runs.read_text())["worker"] == "cleanup"
    assert not rotate(kept, least=64, is_open=True)


@pytest.mark.parametrize("path", ["bot.log", "/etc/passwd", "/var/log"])
def test_only_what_is_called_a_log_is_rotated(path: str) -> None:
    """Settings cannot have just any file emptied."""
    with pytest.raises(Invalid, match="name ends in"):
        load(f"workers: {{logs: [{path}]}}".encode(), file="clockwork.yaml")


def test_states_are_read_as_they_were_written(tmp_path: Path) -> None:
    """Another process sees what was changed, whole."""
    journal = WorkerJournal(tmp_path / "deep" / "folder")
    assert journal.states() == {}
    journal.change(Worker.EXPORT, lambda state: replace(state, stopped=AT, reason="é\n"))
    assert WorkerJournal(journal.folder).states() == {Worker.EXPORT: WorkerState(stopped=AT, reason="é\n")}


def test_the_verbs_tell_what_is_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """``worker status``, ``stop``, ``start``, ``run --once`` and ``insights`` on a real repository."""
    now = datetime.now(AT.tzinfo)
    made = [session(n, at=now - timedelta(minutes=n), findings=(finding("TST-002"),)) for n in range(1, 13)]
    monkeypatch.setenv("COLUMNS", "200")
    repo = ["--repo", str(make_remote(tmp_path, monkeypatch, made))]

    def rows() -> dict[str, dict[str, object]]:
        assert main(["worker", "status", "--json", *repo]) == 0
        return {row["worker"]: row for row in json.loads(capfd.readouterr().out)["workers"]}

    assert {row["state"] for row in rows().values()} == {"waiting"}
    assert main(["worker", "stop", "analysis", "-m", "quiet", *repo]) == 0
    assert "The analysis worker is stopped." in capfd.readouterr().out
    assert rows()["analysis"]["state"] == "stopped"
    assert main(["worker", "run", "analysis", "--once", *repo]) == 0
    assert "Spike in category security" in capfd.readouterr().out
    assert rows()["analysis"]["last"] is not None
    assert main(["worker", "start", "analysis", *repo]) == 0
    assert "is started" in capfd.readouterr().out
    assert rows()["analysis"]["state"] == "waiting"
    assert main(["worker", "status", *repo]) == 0
    assert "12 failures in 12 of 12 runs." in " ".join(capfd.readouterr().out.split())
    assert main(["worker", "insights", "--json", *repo]) == 0
    told = json.loads(capfd.readouterr().out)
    assert {"category security" in each["message"] for each in told["insights"]} == {True, False}
    assert main(["worker", "insights", *repo]) == 0
    assert "category security: 12 in 24 hours, usually 0" in capfd.readouterr().out
