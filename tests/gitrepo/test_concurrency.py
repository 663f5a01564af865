"""Many processes on one ledger over real ``git http-backend``, and processes that are killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from bot.gitrepo.ledger.chain import GitLedger
from bot.gitrepo.repository import GitRepository
from tests.entry import processes
from tests.gitrepo.appender import append
from tests.gitrepo.conftest import NOW, seed
from tests.gitrepo.server import GitServer, git


@dataclass(frozen=True)
class Appender:
    """A bot in a process of its own, and what it tells."""

    process: BaseProcess
    told: Connection[str, str]

    def everything(self) -> list[str]:
        """All that it tells until it ends."""
        ids = []
        with suppress(EOFError):
            while True:
                ids.append(self.told.recv())
        self.process.join()
        return ids


@pytest.fixture
def start(box: GitServer, tmp_path: Path) -> Iterator[Callable[[str, int], Appender]]:
    """Starts a bot that appends so many entries to the ledger; whatever still runs at the end is ended."""
    running: list[Appender] = []
    box.bare("shop.git")

    def started(name: str, count: int) -> Appender:
        told, tells = processes().Pipe(duplex=False)
        process = processes().Process(target=append, args=(box.url("shop.git"), tmp_path / name, name, count, tells))
        process.start()
        tells.close()
        running.append(Appender(process, told))
        return running[-1]

    yield started
    for bot in running:
        bot.process.kill()
        bot.process.join()
        bot.told.close()


def test_eight_processes_lose_no_entry(box: GitServer, tmp_path: Path, start: Callable[[str, int], Appender]) -> None:
    """8 processes with 3 appends each: 24 of 24 entries are in the chain, once, and it verifies."""
    bots = [start(f"bot{n}", 3) for n in range(8)]
    promised = {id_ for bot in bots for id_ in bot.everything()}
    assert [bot.process.exitcode for bot in bots] == [0] * 8
    ledger = GitLedger(box.url("shop.git"), tmp_path / "reader")
    kept = [entry.id for entry in ledger.everything()]
    assert len(promised) == 24
    assert sorted(kept) == sorted(promised)
    assert ledger.verify().problems == ()


def test_a_killed_process_leaves_a_ledger_that_goes_on(
    box: GitServer, tmp_path: Path, start: Callable[[str, int], Appender]
) -> None:
    """Kill -9 in the middle of appending, then a restart in the same folder: what was promised is there, once."""
    promised: list[str] = []
    for lines in (1, 2, 3):
        bot = start("bot", 1000)
        promised += [bot.told.recv() for _ in range(lines)]
        bot.process.kill()
        bot.process.join()
    for name in ("bot", "fresh"):
        ledger = GitLedger(box.url("shop.git"), tmp_path / name)
        kept = [entry.id for entry in ledger.everything()]
        assert set(promised) <= set(kept)
        assert len(kept) == len(set(kept))
        assert ledger.verify().problems == ()


def test_a_commit_that_was_never_pushed_harms_nobody(box: GitServer, tmp_path: Path) -> None:
    """Killed between commit and push: the next run, in the same folder, decides and pushes anew."""
    bare = box.bare("shop.git")
    base = seed(bare, {"a.yaml": b"a\n"})
    first = GitRepository.open(box.url("shop.git"), tmp_path / "clone")
    first.fetch()
    first.commit(base, {"a.yaml": b"b\n"}, message="never pushed", at=NOW)
    again = GitRepository.open(box.url("shop.git"), tmp_path / "clone")
    again.fetch()
    assert again.head("main") == base
    again.push("main", again.commit(base, {"a.yaml": b"b\n"}, message="pushed", at=NOW), expected=base)
    assert git("log", "--format=%s", "main", at=bare).splitlines() == ["pushed", "Seed"]
    assert git("fsck", "--unreachable", "--strict", at=bare) == ""


def test_many_writers_of_one_folder_meet_no_half_of_each_other(box: GitServer, tmp_path: Path) -> None:
    """Eight clones push to, list and fetch one folder while branches come and go there; nothing fails, all arrives."""
    bare = box.bare("shop.git")
    base = seed(bare, {"a.yaml": b"a\n", "sub/b.yaml": b"b\n"})

    def writer(number: int) -> None:
        clone = GitRepository.open(str(bare), tmp_path / f"clone{number}")
        clone.fetch()
        for step in range(10):
            commit = clone.commit(base, {"a.yaml": f"{number}/{step}\n".encode()}, message="mine", at=NOW)
            clone.push(f"kept-{number}-{step}", commit, expected=None)
            clone.push(f"gone-{number}-{step}", commit, expected=None)
            clone.delete_branch(f"gone-{number}-{step}", expected=commit)
            clone.fetch()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(writer, range(8)))
    branches = [line.split("/")[-1] for line in git("for-each-ref", "--format=%(refname)", at=bare).splitlines()]
    assert sorted(branches) == sorted(["main", *(f"kept-{number}-{step}" for number in range(8) for step in range(10))])
    assert "dangling" not in git("fsck", "--full", "--strict", at=bare)
