"""What many fetches and commits leave in a clone is gathered, and nobody misses an object meanwhile."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pygit2
import pytest

from bot.gitrepo import maintenance
from bot.gitrepo.maintenance import maintain
from bot.gitrepo.repository import GitRepository
from tests.gitrepo.conftest import NOW, seed
from tests.gitrepo.server import GitServer


@pytest.fixture
def bare(box: GitServer) -> Path:
    path = box.bare("shop.git")
    seed(path, {"a.yaml": b"a: 1\n"})
    return path


def packs(repo: GitRepository) -> int:
    return sum(1 for _ in Path(repo.git.path).glob("objects/pack/pack-*.pack"))


def single(repo: GitRepository) -> int:
    return sum(1 for _ in Path(repo.git.path).glob("objects/[0-9a-f][0-9a-f]/*"))


def check(repo: GitRepository) -> None:
    """Git itself finds nothing wrong."""
    subprocess.run(["git", "-C", repo.git.path, "fsck", "--full", "--strict"], check=True, capture_output=True)


def test_many_fetches_leave_few_packs(repo: GitRepository, bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that was fetched is still read, also by whoever had the clone open before."""
    monkeypatch.setattr(maintenance, "_PACKS", 10)
    reader = pygit2.Repository(repo.git.path)
    fetched = {}
    for number in range(15):
        text = f"a: {number}\n".encode()
        commit = seed(bare, {"a.yaml": text})
        repo.fetch()
        fetched[commit] = text
        assert reader[commit].id == commit
        assert packs(repo) <= 10
    assert packs(repo) < 8
    for commit, text in fetched.items():
        assert repo.read(commit, "a.yaml") == text
        assert reader[reader[commit].peel(pygit2.Tree)["a.yaml"].id].read_raw() == text
    check(repo)


def test_where_there_are_few_packs_none_is_opened(repo: GitRepository, bare: Path) -> None:
    """Every run looks whether there is something to gather, so that looks at names alone."""
    seed(bare, {"a.yaml": b"a: 2\n"})
    repo.fetch()
    assert packs(repo) == 2
    opened = list[str]()

    def note(_frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call":
            opened.append(function.__name__)

    sys.setprofile(note)
    try:
        maintain(repo.git)
    finally:
        sys.setprofile(None)
    assert "scandir" in opened
    assert "open" not in opened


def test_a_large_pack_is_left_alone(repo: GitRepository, bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not written again, and nothing is while the smallest are too large together."""
    monkeypatch.setattr(maintenance, "_PACKS", 5)
    monkeypatch.setattr(maintenance, "_LARGEST", 100)
    for number in range(7):
        seed(bare, {"a.yaml": f"a: {number}\n".encode()})
        repo.fetch()
    assert packs(repo) > 5
    check(repo)


def test_what_cannot_be_gathered_is_left_alone(
    repo: GitRepository, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index of another version is none of ours, and where no pack can be written nothing goes and the fetch goes on."""
    monkeypatch.setattr(maintenance, "_PACKS", 1)
    folder = Path(repo.git.path) / "objects" / "pack"
    (folder / "pack-old.idx").write_bytes(b"\0" * 1100)
    (folder / "pack-old.pack").write_bytes(b"")
    seed(bare, {"a.yaml": b"a: 2\n"})
    repo.fetch()
    assert (folder / "pack-old.idx").exists()
    (folder / "pack-old.idx").unlink()
    (folder / "pack-old.pack").unlink()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pygit2.PackBuilder, "write", full)
    before = packs(repo)
    commit = seed(bare, {"a.yaml": b"a: 3\n"})
    repo.fetch()
    assert (packs(repo), repo.read(commit, "a.yaml")) == (before + 1, b"a: 3\n")


def test_many_commits_leave_few_single_objects(repo: GitRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of commits that no ref names are kept as well; a second time there is nothing to do."""
    monkeypatch.setattr(maintenance, "_SAMPLE", 0)
    head = repo.head("main")
    assert head is not None
    made = [repo.commit(head, {"a.yaml": f"{each}".encode()}, message=f"{each}", at=NOW) for each in range(300)]
    assert single(repo) > 600
    for _ in range(2):
        maintain(repo.git)
        assert (single(repo), packs(repo)) == (0, 2)
    assert [repo.read(commit, "a.yaml") for commit in made] == [f"{each}".encode() for each in range(300)]
    check(repo)
