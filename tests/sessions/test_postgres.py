"""The same log in a real PostgreSQL, started for these tests on a socket in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

from bot.errors import Unavailable
from bot.model.figures import figures_of
from bot.sessions.sql import SqlSessions
from bot.workers.records import SessionFilter, full_record, matching_sessions
from bot.workers.statistics import statistics_of
from tests.sessions.samples import AT, finding, session

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


def _programs() -> Path | None:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in places if (folder / "initdb").exists()), None)


def _as_nobody_special() -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return []
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        user = pwd.getpwnam("nobody")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a database server that lives as long as this module's tests."""
    programs = _programs()
    if programs is None or find_spec("psycopg") is None:
        missing = "no PostgreSQL server programs below /usr/lib/postgresql, or no psycopg"
        if os.environ.get("CI"):  # a job that installed them must not pass without them
            pytest.fail(missing)
        pytest.skip(missing)
    folder = Path(tempfile.mkdtemp(prefix="clockwork-pg-"))
    prefix = _as_nobody_special()
    if prefix:
        user = int(prefix[1].partition("=")[2])
        os.chown(folder, user, -1)
    data = folder / "data"
    subprocess.run(
        [*prefix, str(programs / "initdb"), "-D", str(data), "-U", "bot", "-A", "trust", "--no-sync", "-E", "UTF8"],
        check=True,
        capture_output=True,
        cwd="/",
    )
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    control = [*prefix, str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log")]
    subprocess.run([*control, "-o", options, "start"], check=True, capture_output=True, cwd="/")
    try:
        yield f"postgresql://bot@/postgres?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, capture_output=True, cwd="/")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url(server: str) -> str:
    """A database as empty as a new one."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return server


def test_postgres_keeps_sessions_as_sqlite_does(url: str) -> None:
    """Newest first, once each, pruned in batches, figures as counted in memory and kept after pruning."""
    log = SqlSessions(url)
    mine = [session(number, agent="claude" if number % 2 else "codex") for number in range(1, 8)]
    log.write(mine)
    log.write(mine[:3])
    assert log.recent() == tuple(reversed(mine))
    assert log.recent(limit=1, since=AT) == (mine[-1],)
    assert log.figures().agents == figures_of(mine).agents
    assert log.prune(AT + timedelta(seconds=4), batch=2) == 2
    assert log.prune(AT + timedelta(seconds=4), batch=2) == 1
    log.tidy()
    assert log.figures().all.sessions == 7
    log.close()


def test_text_that_postgres_refuses_is_kept_readable(url: str) -> None:
    """NUL and lone surrogates do not cost the session."""
    log = SqlSessions(url)
    log.write([session(1, agent="a\0b", failure="x\ud800y")])
    (back,) = log.recent()
    assert (back.agent, back.failure) == ("a\ufffdb", "x\ufffdy")
    log.close()


def test_many_processes_count_each_session_once(url: str) -> None:
    """Six connections open a new database at once, write and count at once; the figures are exact."""

    def work(base: int) -> None:
        log = SqlSessions(url)
        for step in range(20):
            log.write([session(base + step)])
            log.figures()
        log.close()

    threads = [threading.Thread(target=work, args=(base,)) for base in range(0, 600, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log = SqlSessions(url)
    assert len(log.recent()) == 120
    assert log.figures().all.sessions == 120
    log.close()


def test_figures_and_filters_are_those_of_sqlite(url: str, tmp_path: Path) -> None:
    """What people ask of the records has one answer, whichever database keeps them."""
    mine = [session(n, agent=f"agent-{n % 3}", findings=(finding(f"R-{n % 4}"),)) for n in range(1, 40)]
    since = AT + timedelta(seconds=10)
    answers = []
    for database in (url, f"sqlite:///{tmp_path}/sessions.db"):
        log = SqlSessions(database)
        log.write(mine)
        kept = log.recent(since=since)
        these = matching_sessions(kept, SessionFilter(agent="agent-1", since=since), limit=5)
        answers.append((statistics_of(kept).as_json(), [full_record(each) for each in these]))
        log.close()
    assert answers[0] == answers[1]
    assert answers[0][0]["runs"] == 30
    assert len(answers[0][1]) == 5


def test_no_server_is_unavailable(tmp_path: Path) -> None:
    """A database that is not there is told as such, without the password."""
    with pytest.raises(Unavailable, match="does not answer") as caught:
        SqlSessions(f"postgresql://bot:pass-word-9@/postgres?host={tmp_path}")
    assert "pass-word-9" not in str(caught.value)
