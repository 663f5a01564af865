"""Recording never blocks, and what was taken is written when the store is closed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import BotError, Invalid, Unavailable
from bot.model.figures import Figures, QueueFigures, figures_of
from bot.model.session import Session
from bot.ports import SessionStore
from bot.sessions.queue import QueuedStore
from bot.sessions.sql import SqlSessions
from tests.sessions.samples import session


class ListLog:
    """A log that keeps sessions in a list, after asking ``before`` (which may wait or raise)."""

    def __init__(self, before: Callable[[Sequence[Session]], None] = lambda _: None) -> None:
        self.kept: list[Session] = []
        self.closed = False
        self._before = before

    def write(self, sessions: Sequence[Session]) -> None:
        self._before(sessions)
        self.kept.extend(sessions)

    def recent(self, *, since: datetime | None = None, limit: int = 1000) -> Sequence[Session]:
        return sorted(self.kept, key=lambda session: session.at, reverse=True)[:limit]

    def figures(self, *, since: datetime | None = None) -> Figures:
        return figures_of(self.kept, since=since)

    def prune(self, before: datetime, *, batch: int = 500) -> int:
        return 0

    def tidy(self) -> None: ...

    def close(self) -> None:
        self.closed = True


def nap(_: float) -> None:
    """Tests do not wait between tries."""


def test_it_is_a_session_store(tmp_path: Path) -> None:
    """A queue in front of SQL satisfies the port; what was recorded is there once it is closed."""
    store: SessionStore = QueuedStore(SqlSessions(f"sqlite:///{tmp_path}/s.db"))
    store.record(session(1))
    store.close()
    assert SqlSessions(f"sqlite:///{tmp_path}/s.db").recent() == (session(1),)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.integers(1, 5), max_size=40),
    st.integers(1, 60),
    st.lists(st.sampled_from(["ok", "down", "refuse", "broken"]), max_size=30),
)
def test_nothing_taken_is_forgotten(bursts: list[int], capacity: int, moods: list[str]) -> None:
    """Whatever the log does, every session handed in is written, lost or dropped, and each written one is kept once."""
    mood = iter(moods)

    def before(_: Sequence[Session]) -> None:
        match next(mood, "ok"):
            case "down":
                raise Unavailable("the database is away")
            case "refuse":
                raise Invalid("not this one")
            case "broken":
                raise FileNotFoundError(2, "No such file or directory")
            case _:
                return

    log = ListLog(before)
    store = QueuedStore(log, capacity=capacity, sleep=nap)
    handed = 0
    for burst in bursts:
        for _ in range(burst):
            handed += 1
            store.record(session(handed))
    store.close()
    counts = store.counts()
    assert counts.waiting == 0
    assert counts.written + counts.lost + counts.dropped == handed
    assert len(log.kept) == counts.written
    assert max(Counter(session.id for session in log.kept).values(), default=0) <= 1
    if not moods:
        assert counts.lost == 0
    assert log.closed


def test_a_slow_log_holds_nobody_up() -> None:
    """While the log hangs, recording returns, until the queue is full; then sessions are dropped and counted."""
    gate = threading.Event()
    started = threading.Event()

    def before(_: Sequence[Session]) -> None:
        started.set()
        gate.wait(30)

    log = ListLog(before)
    store = QueuedStore(log, capacity=10)
    store.record(session(0))
    assert started.wait(10)
    for number in range(1, 21):
        store.record(session(number))
    assert store.counts() == QueueFigures(waiting=11, written=0, dropped=10, lost=0)
    gate.set()
    store.close()
    assert [session.milliseconds for session in log.kept] == [100 * number for number in range(11)]
    assert store.counts() == QueueFigures(waiting=0, written=11, dropped=10, lost=0)


def test_many_callers_at_once() -> None:
    """Eight threads record; every session arrives once."""
    log = ListLog()
    with closing(QueuedStore(log, capacity=10_000)) as store:

        def work(base: int) -> None:
            for number in range(100):
                store.record(session(base + number))

        threads = [threading.Thread(target=work, args=(base,)) for base in range(0, 8000, 1000)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({session.id for session in log.kept}) == 800


@pytest.mark.parametrize(("error", "written"), [(Unavailable("away"), 0), (Invalid("no"), 0)])
def test_a_broken_log_costs_a_figure(error: BotError, written: int) -> None:
    """A log that never works costs sessions, which are counted, and no error reaches anybody."""

    def before(_: Sequence[Session]) -> None:
        raise error

    store = QueuedStore(ListLog(before), sleep=nap)
    for number in range(3):
        store.record(session(number))
    store.close()
    assert (store.counts().written, store.counts().lost) == (written, 3)


def test_one_bad_session_takes_no_other_with_it() -> None:
    """A session that the log refuses is lost alone."""

    def before(sessions: Sequence[Session]) -> None:
        if any(session.milliseconds == 300 for session in sessions):
            raise Invalid("cannot keep this one")

    log = ListLog(before)
    store = QueuedStore(log, sleep=nap)
    for number in range(1, 6):
        store.record(session(number))
    store.close()
    assert [session.milliseconds for session in log.kept] == [100, 200, 400, 500]
    assert store.counts().lost == 1


def test_a_closed_store_drops_and_says_so() -> None:
    """After close, recording still raises nothing; closing twice is fine."""
    store = QueuedStore(ListLog())
    store.close()
    store.record(session(1))
    store.close()
    assert store.counts().dropped == 1


def test_closing_gives_up_on_a_log_that_hangs() -> None:
    """A log that never answers does not keep the program from ending; what waited is counted as lost."""
    gate = threading.Event()
    started = threading.Event()

    def before(_: Sequence[Session]) -> None:
        started.set()
        gate.wait(30)

    store = QueuedStore(ListLog(before))
    store.record(session(1))
    assert started.wait(10)
    store.record(session(2))
    store.close(seconds=0.05)
    assert store.counts().lost == 1
    gate.set()
