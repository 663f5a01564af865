"""Many processes on one ledger over real ``git http-backend``, and processes that are killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.gitrepo.ledger.chain import GitLedger
from bot.gitrepo.repository import GitRepository
from tests.gitrepo.conftest import NOW, seed
from tests.gitrepo.server import GitServer, git


@pytest.fixture
def start(box: GitServer, tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """The processes of a test; whatever still runs at its end is ended."""
    running: list[subprocess.Popen[str]] = []
    yield running
    for process in running:
        process.kill()
        process.communicate()


def appender(url: str, directory: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.gitrepo.appender", url, str(directory), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_eight_processes_lose_no_entry(box: GitServer, tmp_path: Path, start: list[subprocess.Popen[str]]) -> None:
    """8 processes with 5 appends each: 40 of 40 entries are in the chain, once, and it verifies."""
    box.bare("shop.git")
    start += [appender(box.url("shop.git"), tmp_path / f"bot{n}", f"bot{n}", 5) for n in range(8)]
    outputs = [process.communicate() for process in start]
    assert [errors for _, errors in outputs if errors] == []
    promised = {line for output, _ in outputs for line in output.split()}
    ledger = GitLedger(box.url("shop.git"), tmp_path / "reader")
    kept = [entry.id for entry in ledger.everything()]
    assert len(promised) == 40
    assert sorted(kept) == sorted(promised)
    assert ledger.verify().problems == ()


def test_a_killed_process_leaves_a_ledger_that_goes_on(
    box: GitServer, tmp_path: Path, start: list[subprocess.Popen[str]]
) -> None:
    """Kill -9 in the middle of appending, then a restart in the same folder: what was promised is there, once."""
    box.bare("shop.git")
    promised: list[str] = []
    for lines in (1, 2, 3):
        process = appender(box.url("shop.git"), tmp_path / "bot", "bot", 1000)
        start.append(process)
        assert process.stdout is not None
        promised += [process.stdout.readline().strip() for _ in range(lines)]
        process.kill()
        process.wait()
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
