"""Sessions on a ref of a real bare repository, written by compare-and-swap."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta
from pathlib import Path

import pygit2
import pytest

from bot.errors import Stale
from bot.gitrepo.repository import GitRepository
from bot.sessions.codec import decode
from bot.sessions.gitref import REF, GitSessions
from tests.sessions.samples import AT, session


class Remote:
    """A bare repository, and clones of it, each of its own runner."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.numbers = itertools.count()
        pygit2.init_repository(str(path / "shop.git"), bare=True)

    def clone(self) -> Reading:
        opened = GitRepository.open(str(self.path / "shop.git"), self.path / f"clone{next(self.numbers)}")
        return Reading(opened.git, opened.remote)

    def files(self) -> dict[str, bytes]:
        """Paths and contents, as the remote has them now."""
        clone = self.clone()
        clone.fetch()
        tip = clone.head(REF)
        return {} if tip is None else {entry.path: clone.blob(entry.blob) for entry in clone.entries(tip)}

    def commits(self) -> int:
        clone = self.clone()
        clone.fetch()
        return len(clone.log(clone.head(REF) or "", limit=100))

    def put(self, path: str, data: bytes) -> None:
        """What somebody else commits there."""
        clone = self.clone()
        clone.fetch()
        tip = clone.head(REF)
        clone.push(REF, clone.commit(tip or "", {path: data}, message="put", at=AT), expected=tip)


class Reading(GitRepository):
    """A clone that counts the blobs it reads."""

    reads = 0

    def blob(self, blob: str) -> bytes:
        self.reads += 1
        return super().blob(blob)


@pytest.fixture
def bare(tmp_path: Path) -> Remote:
    return Remote(tmp_path)


def test_sessions_come_back_newest_first(bare: Remote) -> None:
    """What one run wrote, another reads: newest first, no more than asked for."""
    log = GitSessions(bare.clone())
    assert log.recent() == ()
    log.write([session(2), session(1)])
    log.write([session(3, at=AT - timedelta(days=40))])
    other = GitSessions(bare.clone())
    assert other.recent() == (session(2), session(1), session(3, at=AT - timedelta(days=40)))
    assert other.recent(limit=1) == (session(2),)
    assert other.recent(since=AT + timedelta(seconds=2)) == (session(2),)


def test_one_file_per_session_in_one_commit(bare: Remote) -> None:
    """A batch is one commit; each file is the canonical record."""
    GitSessions(bare.clone()).write([session(1), session(2)])
    assert bare.commits() == 1
    files = bare.files()
    assert sorted(files) == [f"2026/11/20/12000{n}-{n:032x}.json" for n in (1, 2)]
    assert {decode(data) for data in files.values()} == {session(1), session(2)}


def test_writing_again_changes_nothing(bare: Remote) -> None:
    """A session that is there already makes no commit."""
    log = GitSessions(bare.clone())
    log.write([session(1)])
    log.write([session(1)])
    log.write([])
    assert bare.commits() == 1


def test_a_record_is_read_once(bare: Remote) -> None:
    """Blobs never change, so reading again reads no blob again; a small limit reads few."""
    clone = bare.clone()
    log = GitSessions(clone)
    log.write([session(number) for number in range(1, 21)])
    log.recent(limit=3)
    assert clone.reads == 3
    log.recent()
    log.recent()
    assert clone.reads == 20


def test_parallel_runners_lose_nothing(bare: Remote) -> None:
    """Six runners append at once on one ref; every session is there."""
    errors: list[Exception] = []
    never = threading.Event()

    def wait(seconds: float) -> None:
        never.wait(seconds)

    def runner(base: int) -> None:
        log = GitSessions(bare.clone(), sleep=wait)
        try:
            for step in range(3):
                log.write([session(base + step)])
        except Stale as exc:
            errors.append(exc)

    threads = [threading.Thread(target=runner, args=(base,)) for base in range(0, 60, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(GitSessions(bare.clone()).recent()) == 18
    assert bare.commits() == 18


def test_a_ref_that_never_stands_still_is_stale(bare: Remote) -> None:
    """After a bounded number of lost races the log says Stale."""

    class Racing(GitRepository):
        def push(self, branch: str, commit: str, *, expected: str | None) -> str:
            raise Stale("always somebody faster")

    naps: list[float] = []
    opened = bare.clone()
    log = GitSessions(Racing(opened.git, opened.remote), sleep=naps.append, jitter=lambda: 1.0)
    with pytest.raises(Stale, match="moved"):
        log.write([session(1)])
    assert len(naps) == 11
    assert max(naps) <= 2.0


def test_old_sessions_are_forgotten_in_batches(bare: Remote) -> None:
    """Pruning removes the oldest first, leaves files that are no sessions, and says how many."""
    log = GitSessions(bare.clone())
    log.write([session(number) for number in range(1, 7)])
    bare.put("README.md", b"sessions")
    cutoff = AT + timedelta(seconds=4)
    assert [log.prune(cutoff, batch=2) for _ in range(3)] == [2, 1, 0]
    assert [session.milliseconds for session in log.recent()] == [600, 500, 400]
    assert "README.md" in bare.files()


def test_a_damaged_record_hides_no_other(bare: Remote) -> None:
    """A file that somebody damaged is passed over; figures are those of the rest."""
    log = GitSessions(bare.clone())
    log.write([session(1)])
    bare.put("2026/11/20/130000-x.json", b"{}")
    assert log.recent() == (session(1),)
    assert log.figures().all.sessions == 1
