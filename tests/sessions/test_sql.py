"""Sessions in a real SQLite file: kept once, counted once, pruned, and refused when the database is newer."""

from __future__ import annotations

import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import Invalid, Refused, Unavailable
from bot.model.figures import figures_of
from bot.model.session import ReplyStatus, Session
from bot.sessions.sql import SqlSessions
from tests.sessions.samples import AT, session, sessions


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "sessions.db"


def opened(file: Path) -> SqlSessions:
    return SqlSessions(f"sqlite:///{file}")


def test_newest_first(file: Path) -> None:
    """Sessions come newest first, no more than asked for, none older than asked for."""
    log = opened(file)
    log.write([session(n) for n in (2, 3, 1)])
    assert [session.milliseconds for session in log.recent()] == [300, 200, 100]
    assert [session.milliseconds for session in log.recent(limit=1)] == [300]
    assert [session.milliseconds for session in log.recent(since=AT + timedelta(seconds=2))] == [300, 200]
    log.close()


def test_a_session_is_kept_once(file: Path) -> None:
    """Writing the same session again changes nothing."""
    log = opened(file)
    log.write([session(1), session(2)])
    log.write([session(2), session(3)])
    assert len(log.recent()) == 3
    assert log.figures().all.sessions == 3
    log.close()


def test_sessions_outlive_the_process(file: Path) -> None:
    """A database that is opened again holds what was written, and is in WAL mode with incremental vacuum."""
    first = opened(file)
    first.write([session(1)])
    first.close()
    second = opened(file)
    assert second.recent() == (session(1),)
    second.close()
    with sqlite3.connect(file) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert raw.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    raw.close()


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(sessions(), max_size=6), max_size=4))
def test_figures_from_sql_are_the_figures(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Session]]
) -> None:
    """However sessions arrive and however often figures are asked for, SQL counts what memory counts."""
    log = opened(tmp_path_factory.mktemp("law") / "s.db")
    for batch in batches:
        log.write(batch)
        log.figures()
    assert log.figures().agents == figures_of([session for batch in batches for session in batch]).agents
    log.close()


def test_figures_stay_when_sessions_are_pruned(file: Path) -> None:
    """Old sessions go in batches; what was counted stays counted."""
    log = opened(file)
    log.write([session(n) for n in range(1, 8)])
    cutoff = AT + timedelta(seconds=6)
    assert [log.prune(cutoff, batch=2) for _ in range(4)] == [2, 2, 1, 0]
    assert [session.milliseconds for session in log.recent()] == [700, 600]
    assert log.figures().all.sessions == 7
    log.close()


def test_pruning_gives_room_back(file: Path) -> None:
    """After pruning and tidying the files are smaller, the write-ahead log empty."""
    log = opened(file)
    log.write([session(n, failure="x" * 5000) for n in range(1, 400)])
    log.tidy()
    full = file.stat().st_size
    log.prune(AT + timedelta(days=1), batch=1000)
    log.tidy()
    assert file.stat().st_size < full / 4
    assert Path(f"{file}-wal").stat().st_size == 0
    log.close()


def test_a_failed_reply_is_no_success(file: Path) -> None:
    """The success rate counts runs in which nothing failed, per agent too."""
    log = opened(file)
    failed = session(1).replies[0].__class__("codex", ReplyStatus.TIMEOUT)
    log.write([session(1), session(2, replies=(failed,)), session(3, agent="codex", failure="detector crashed")])
    figures = log.figures()
    assert figures.all.success_rate == pytest.approx(1 / 3)
    assert figures.agents["claude"].success_rate == 0.5
    assert figures.all.top_rules() == [("SEC-004", 3)]
    log.close()


def test_many_threads_lose_nothing(file: Path) -> None:
    """Eight writers on one file keep all of their sessions."""
    logs = [opened(file) for _ in range(8)]

    def work(index: int) -> None:
        for step in range(10):
            logs[index].write([session(1 + index * 100 + step)])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(logs[0].recent()) == 80
    assert logs[1].figures().all.sessions == 80
    for log in logs:
        log.close()


def test_a_newer_database_is_refused(file: Path) -> None:
    """A database of a newer version is left alone."""
    opened(file).close()
    with sqlite3.connect(file) as raw:
        raw.execute("UPDATE clockwork_schema SET version = 99")
    raw.close()
    with pytest.raises(Refused, match="version 99"):
        opened(file)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://u:secret-word@h/x", "no url at all"])
def test_what_is_no_session_database_is_named(url: str) -> None:
    """A URL that cannot be used is Invalid, and its password is not repeated."""
    with pytest.raises(Invalid) as caught:
        SqlSessions(url)
    assert "secret-word" not in str(caught.value)


def test_a_damaged_file_is_told(file: Path) -> None:
    """A file that is no database is told as such, not as a traceback."""
    file.parent.mkdir()
    file.write_bytes(b"this is not a database, it is a long text" * 100)
    with pytest.raises((Refused, Unavailable), match="not a database"):
        opened(file)


def test_one_damaged_record_hides_no_other(file: Path) -> None:
    """A record that somebody damaged is passed over."""
    log = opened(file)
    log.write([session(1), session(2)])
    with sqlite3.connect(file) as raw:
        raw.execute("UPDATE sessions SET record = '{}' WHERE milliseconds = 100")
    raw.close()
    assert [session.milliseconds for session in log.recent()] == [200]
    assert log.figures().all.sessions == 1
    log.close()
