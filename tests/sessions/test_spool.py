"""What a store does not take is kept on this machine, told, and handed in by the next run."""

from __future__ import annotations

import stat
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pygit2
import pytest

from bot.errors import BotError, Closed, Invalid, Refused, Unavailable
from bot.model.figures import QueueFigures
from bot.model.session import Session
from bot.sessions.queue import QueuedStore, SessionLog
from bot.sessions.spool import LARGEST, SessionSpool, UnopenedSessions
from bot.sessions.sql import SqlSessions
from bot.settings import Settings
from bot.wiring.repository import Options, open_repository
from bot.wiring.workers import not_stored, open_queue
from tests.sessions.samples import session


@pytest.mark.parametrize("error", [Unavailable("down"), Closed("no right"), Refused("no"), Invalid("no such database")])
def test_what_a_store_does_not_take_the_next_one_gets(
    tmp_path: Path, error: Unavailable | Closed | Refused | Invalid
) -> None:
    """Each record exactly once, whatever kept the first store from taking it, and a sentence says so."""
    spool = SessionSpool(tmp_path / "spool")
    first = QueuedStore(UnopenedSessions(error), spool=spool, sleep=lambda _: None)
    first.record(session(1))
    first.record(session(2))
    first.close()
    assert first.counts() == QueueFigures(saved=2)
    assert (
        not_stored(first)
        == f"2 session records could not be stored ({error.message}): kept on this machine for the next run."
    )
    with closing(SqlSessions(f"sqlite:///{tmp_path}/s.db")) as log:
        for _ in range(2):
            again = QueuedStore(log, spool=spool)
            again.record(session(3))
            again.close()
            assert not_stored(again) is None
    with closing(SqlSessions(f"sqlite:///{tmp_path}/s.db")) as log:
        assert sorted(each.id for each in log.recent()) == sorted(session(number).id for number in (1, 2, 3))
    assert spool.waiting() == ()


def test_a_spool_is_bounded_and_never_in_the_way(tmp_path: Path) -> None:
    """A full folder, or one that cannot be made, costs the record; what is no record is passed over."""
    spool = SessionSpool(tmp_path / "spool")
    assert spool.keep(session(0))
    (tmp_path / "spool" / "torn.json").write_bytes(b"{")
    for number in range(LARGEST - 2):
        (tmp_path / "spool" / f"x{number}").touch()
    assert not spool.keep(session(1))
    assert (spool.waiting(), spool.unreadable()) == ((session(0),), 1)
    (tmp_path / "file").touch()
    assert not SessionSpool(tmp_path / "file" / "spool").keep(session(1))


def test_what_a_hanging_log_has_in_hand_is_kept(tmp_path: Path) -> None:
    """The program ends without it, and the next one hands it in; nobody else of the machine may read it."""
    gate, started = threading.Event(), threading.Event()

    class HangingLog(UnopenedSessions):
        def write(self, sessions: Sequence[Session]) -> None:
            started.set()
            gate.wait(30)
            super().write(sessions)

    spool = SessionSpool(tmp_path / "spool")
    store = QueuedStore(HangingLog(Unavailable("gone")), spool=spool)
    store.record(session(1))
    assert started.wait(10)
    store.close(seconds=0.05)
    gate.set()
    assert (store.counts().saved, store.counts().waiting) == (1, 0)
    assert [kept.id for kept in spool.waiting()] == [session(1).id]
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "spool", *(tmp_path / "spool").iterdir())]
    assert modes == [0o700, 0o600]


class Choosy:
    """A log that takes everything but the sessions of some agents, and knows what it was asked."""

    def __init__(self, folder: Path, error: BotError, refuses: str) -> None:
        self.inner = SqlSessions(f"sqlite:///{folder}/s.db")
        self.error, self.refuses = error, refuses
        self.asked: list[str] = []

    def write(self, sessions: Sequence[Session]) -> None:
        self.asked += [each.agent for each in sessions]
        if any(each.agent == self.refuses for each in sessions):
            raise self.error
        self.inner.write(sessions)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def run_once(log: SessionLog, spool: SessionSpool, *sessions: Session) -> QueuedStore:
    """One process that records these."""
    store = QueuedStore(log, spool=spool, sleep=lambda _: None)
    for each in sessions:
        store.record(each)
    store.close()
    return store


@pytest.mark.parametrize("error", [Invalid("it makes no sense"), Refused("not this one")])
def test_what_a_working_log_refuses_is_put_aside(tmp_path: Path, error: BotError) -> None:
    """Offered once more, told once, kept for a person to look at, and never offered again; its neighbours are taken."""
    spool = SessionSpool(tmp_path / "spool")
    run_once(UnopenedSessions(Unavailable("down")), spool, session(1, agent="odd"), session(2))
    log = Choosy(tmp_path, error, "odd")
    second = run_once(log, spool, session(3))
    assert (second.counts().refused, second.counts().saved, spool.waiting()) == (1, 0, ())
    told = f"1 kept earlier is refused for good ({error.message}): *.refused in {tmp_path / 'spool'}."
    assert not_stored(second) == told
    assert [path.name for path in (tmp_path / "spool").iterdir()] == [f"{session(1).id}.refused"]
    log.asked.clear()
    third = run_once(log, spool, session(4))
    assert (log.asked, not_stored(third)) == (["claude"], None)
    assert {each.id for each in log.inner.recent()} == {session(number).id for number in (2, 3, 4)}


@pytest.mark.parametrize("error", [Unavailable("down"), Closed("no right")])
def test_what_a_log_does_not_take_now_is_offered_again(tmp_path: Path, error: BotError) -> None:
    """That it cannot be reached says nothing about a record."""
    spool = SessionSpool(tmp_path / "spool")
    run_once(UnopenedSessions(Unavailable("down")), spool, session(1, agent="odd"))
    assert run_once(Choosy(tmp_path, error, "odd"), spool, session(2)).counts().refused == 0
    assert [each.id for each in spool.waiting()] == [session(1).id]


def test_files_that_are_no_records_are_counted_and_told(tmp_path: Path) -> None:
    """They stay where they are: one may be a newer version's."""
    spool = SessionSpool(tmp_path / "spool")
    assert spool.keep(session(1))
    torn = tmp_path / "spool" / "torn.json"
    torn.write_bytes(b'{"version": 1, "id"')
    with closing(SqlSessions(f"sqlite:///{tmp_path}/s.db")) as log:
        store = run_once(log, spool, session(2))
    assert (store.counts().unreadable, store.counts().written) == (1, 1)
    assert not_stored(store) == f"1 file in {tmp_path / 'spool'} cannot be read as session records."
    assert list((tmp_path / "spool").iterdir()) == [torn]


def test_a_draft_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """What takes the place of the record keeps it from being written; the half of it is taken away again."""
    spool = SessionSpool(tmp_path / "spool")
    (tmp_path / "spool" / f"{session(1).id}.json" / "in the way").mkdir(parents=True)
    assert not spool.keep(session(1))
    assert [path.suffix for path in (tmp_path / "spool").iterdir()] == [".json"]


@pytest.mark.parametrize(("store", "cached"), [("git", True), ("sqlite:////dev/null/s.db", False)])
def test_records_for_a_database_are_kept_out_of_the_cache(tmp_path: Path, store: str, cached: bool) -> None:
    """A cache is shared with the jobs of other people's pull requests; what everybody may read on the ref may lie there."""
    environment = {"HOME": str(tmp_path / "home"), "CLOCKWORK_CACHE": str(tmp_path / "cache")}
    settings = Settings.model_validate({"version": 1, "sessions": {"store": store}})
    pygit2.init_repository(tmp_path / "repo")
    opened = open_repository(Options(repo=str(tmp_path / "repo"), environment=environment))
    queue = open_queue(replace(opened, settings=settings))
    queue.record(session(1))
    queue.close()
    assert queue.counts().saved == 1
    assert queue.kept_in is not None
    assert queue.kept_in.is_relative_to(tmp_path / "cache") is cached
    assert queue.kept_in.is_relative_to(tmp_path / "home" / ".local" / "state") is not cached
    assert len(list(queue.kept_in.iterdir())) == 1
