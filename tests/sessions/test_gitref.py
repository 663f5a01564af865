"""Sessions on a ref of a real bare repository, written by compare-and-swap."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.errors import Stale
from bot.sessions.codec import decode
from bot.sessions.gitref import REF, GitSessions, RefFiles
from tests.sessions.samples import AT, session


class BareRepository:
    """The ref of one bare repository, through git itself; ``update-ref`` compares and swaps."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reads = 0

    def git(self, *arguments: str, data: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        base = {"PATH": os.environ["PATH"], "HOME": str(self.path), "GIT_CONFIG_NOSYSTEM": "1"}
        command = ["git", "-C", str(self.path), *arguments]
        done = subprocess.run(command, input=data, env={**base, **(env or {})}, capture_output=True, check=True)
        return done.stdout.decode()

    def files(self) -> RefFiles:
        tip = self.git("for-each-ref", "--format=%(objectname)", REF).strip() or None
        if tip is None:
            return RefFiles(None)
        rows = [row.split("\t") for row in self.git("ls-tree", "-r", tip).splitlines()]
        return RefFiles(tip, {path: facts.split()[2] for facts, path in rows})

    def blob(self, blob: str) -> bytes:
        self.reads += 1
        return self.git("cat-file", "blob", blob).encode()

    def _row(self, path: str, data: bytes | None) -> str:
        if data is None:
            return f"0 {'0' * 40}\t{path}\n"
        return f"100644 {self.git('hash-object', '-w', '--stdin', data=data).strip()}\t{path}\n"

    def append(self, tip: str | None, changes: Mapping[str, bytes | None], *, message: str, at: datetime) -> str:
        index = self.path / f"index-{threading.get_ident()}"
        index.unlink(missing_ok=True)
        env = {"GIT_INDEX_FILE": str(index)}
        if tip is not None:
            self.git("read-tree", tip, env=env)
        rows = [self._row(path, data) for path, data in changes.items()]
        self.git("update-index", "--index-info", data="".join(rows).encode(), env=env)
        tree = self.git("write-tree", env=env).strip()
        who = {f"GIT_{role}_{part}": "bot" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        parent = () if tip is None else ("-p", tip)
        commit = self.git(
            "commit-tree", tree, *parent, "-m", message, env={**who, "GIT_COMMITTER_DATE": at.isoformat()}
        )
        try:
            self.git("update-ref", REF, commit.strip(), tip or "0" * 40)
        except subprocess.CalledProcessError as exc:
            raise Stale("somebody was faster") from exc
        return commit.strip()


@pytest.fixture
def bare(tmp_path: Path) -> BareRepository:
    repository = BareRepository(tmp_path)
    repository.git("init", "-q", "--bare")
    return repository


def test_sessions_come_back_newest_first(bare: BareRepository) -> None:
    """What one run wrote, another reads: newest first, no more than asked for."""
    log = GitSessions(bare)
    assert log.recent() == ()
    log.write([session(2), session(1)])
    log.write([session(3, at=AT - timedelta(days=40))])
    other = GitSessions(bare)
    assert other.recent() == (session(2), session(1), session(3, at=AT - timedelta(days=40)))
    assert other.recent(limit=1) == (session(2),)
    assert other.recent(since=AT + timedelta(seconds=2)) == (session(2),)


def test_one_file_per_session_in_one_commit(bare: BareRepository) -> None:
    """A batch is one commit; each file is the canonical record."""
    GitSessions(bare).write([session(1), session(2)])
    assert bare.git("rev-list", "--count", REF).strip() == "1"
    files = bare.files()
    assert sorted(files.blobs) == [f"2026/11/20/12000{n}-{n:032x}.json" for n in (1, 2)]
    assert {decode(bare.blob(blob)) for blob in files.blobs.values()} == {session(1), session(2)}


def test_writing_again_changes_nothing(bare: BareRepository) -> None:
    """A session that is there already makes no commit."""
    log = GitSessions(bare)
    log.write([session(1)])
    before = bare.files().tip
    log.write([session(1)])
    log.write([])
    assert bare.files().tip == before


def test_a_record_is_read_once(bare: BareRepository) -> None:
    """Blobs never change, so reading again reads no blob again; a small limit reads few."""
    log = GitSessions(bare)
    log.write([session(number) for number in range(1, 21)])
    bare.reads = 0
    log.recent(limit=3)
    assert bare.reads == 3
    log.recent()
    log.recent()
    assert bare.reads == 20


def test_parallel_runners_lose_nothing(bare: BareRepository) -> None:
    """Six runners append at once on one ref; every session is there."""
    errors: list[Exception] = []
    never = threading.Event()

    def wait(seconds: float) -> None:
        never.wait(seconds)

    def runner(base: int) -> None:
        log = GitSessions(bare, sleep=wait)
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
    assert len(GitSessions(bare).recent()) == 18
    assert bare.git("rev-list", "--count", REF).strip() == "18"


def test_a_ref_that_never_stands_still_is_stale(bare: BareRepository) -> None:
    """After a bounded number of lost races the log says Stale."""

    class Racing(BareRepository):
        def append(self, tip: str | None, changes: Mapping[str, bytes | None], *, message: str, at: datetime) -> str:
            raise Stale("always somebody faster")

    naps: list[float] = []
    log = GitSessions(Racing(bare.path), sleep=naps.append, jitter=lambda: 1.0)
    with pytest.raises(Stale, match="moved"):
        log.write([session(1)])
    assert len(naps) == 11
    assert max(naps) <= 2.0


def test_old_sessions_are_forgotten_in_batches(bare: BareRepository) -> None:
    """Pruning removes the oldest first, leaves files that are no sessions, and says how many."""
    log = GitSessions(bare)
    log.write([session(number) for number in range(1, 7)])
    bare.append(bare.files().tip, {"README.md": b"sessions"}, message="explain", at=AT)
    cutoff = AT + timedelta(seconds=4)
    assert [log.prune(cutoff, batch=2) for _ in range(3)] == [2, 1, 0]
    assert [session.milliseconds for session in log.recent()] == [600, 500, 400]
    assert "README.md" in bare.files().blobs


def test_a_damaged_record_hides_no_other(bare: BareRepository) -> None:
    """A file that somebody damaged is passed over; figures are those of the rest."""
    log = GitSessions(bare)
    log.write([session(1)])
    bare.append(bare.files().tip, {"2026/11/20/130000-x.json": b"{}"}, message="damage", at=AT)
    assert log.recent() == (session(1),)
    assert log.figures().all.sessions == 1
