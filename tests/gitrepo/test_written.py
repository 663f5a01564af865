"""Files of a commit in a folder of our own: brought up to date, and nothing else of the machine touched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pygit2
import pytest

from bot.errors import Refused
from bot.gitrepo.repository import GitRepository
from bot.gitrepo.written import written_out
from tests.gitrepo.conftest import seed


class Source:
    """A repository and its newest commit."""

    def __init__(self, root: Path) -> None:
        pygit2.init_repository(str(root / "remote.git"), bare=True, initial_head="main")
        self.tip = seed(root / "remote.git", {"readme": b"0"})
        self.repository = GitRepository.open(str(root / "remote.git"), root / "clone.git")
        self.repository.fetch()

    def commit(self, files: Mapping[str, bytes | None]) -> str:
        now = datetime(2026, 3, 1, tzinfo=UTC)
        self.tip = self.repository.commit(self.tip, files, message="Change", at=now)
        return self.tip


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path)


def test_it_follows_the_commits_and_leaves_what_others_wrote(source: Source, tmp_path: Path) -> None:
    """What is new is there, what is gone from Git is gone, what a container wrote stays, and nothing is written twice."""
    folder = tmp_path / "own"
    written_out(source.repository, source.commit({"conf/a.txt": b"1", "b.txt": b"2"}), folder)
    (folder / "data.db").write_bytes(b"theirs")
    before = (folder / "b.txt").stat().st_mtime_ns
    written_out(source.repository, source.commit({"conf/a.txt": None, "c.txt": b"3"}), folder)
    assert not (folder / "conf/a.txt").exists()
    assert ((folder / "c.txt").read_bytes(), (folder / "data.db").read_bytes()) == (b"3", b"theirs")
    assert (folder / "b.txt").stat().st_mtime_ns == before


def test_nothing_that_lies_in_the_folder_says_what_is_taken_away(source: Source, tmp_path: Path) -> None:
    """A container that may write there has no file of the machine deleted, whatever it writes."""
    folder, theirs = tmp_path / "own", tmp_path / "precious"
    theirs.write_text("keep")
    commit = source.commit({"a.txt": b"1"})
    written_out(source.repository, commit, folder)
    for name in (".clockwork-files.json", "own.json"):
        (folder / name).write_text(json.dumps(["../precious", str(theirs)]))
    written_out(source.repository, commit, folder)
    assert theirs.read_text() == "keep"


@pytest.mark.parametrize("name", ["conf", "conf/a.txt"])
def test_a_link_in_the_way_is_refused(source: Source, tmp_path: Path, name: str) -> None:
    """It may lead anywhere: nothing is written through it."""
    folder, elsewhere = tmp_path / "own", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.txt").write_text("keep")
    (folder / name).parent.mkdir(parents=True)
    (folder / name).symlink_to(elsewhere / "a.txt" if name.endswith("txt") else elsewhere)
    with pytest.raises(Refused, match="is a symbolic link"):
        written_out(source.repository, source.commit({"conf/a.txt": b"1"}), folder)
    assert (elsewhere / "a.txt").read_text() == "keep"
