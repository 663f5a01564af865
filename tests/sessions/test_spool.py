"""What a store does not take is kept on this machine, told, and handed in by the next run."""

from __future__ import annotations

import stat
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from bot.errors import Closed, Invalid, Refused, Unavailable
from bot.model.figures import QueueFigures
from bot.model.session import Session
from bot.sessions.queue import QueuedStore
from bot.sessions.spool import LARGEST, SessionSpool, UnopenedSessions
from bot.sessions.sql import SqlSessions
from bot.wiring.workers import not_stored
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
    assert first.counts() == QueueFigures(kept=2)
    assert not_stored(first) == f"2 session records could not be stored ({error.message}): kept for the next run."
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
    assert spool.waiting() == (session(0),)
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
    assert (store.counts().kept, store.counts().waiting) == (1, 0)
    assert [kept.id for kept in spool.waiting()] == [session(1).id]
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "spool", *(tmp_path / "spool").iterdir())]
    assert modes == [0o700, 0o600]
