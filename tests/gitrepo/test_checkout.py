"""Changes written into a checkout: all or none, and never over anybody's own work."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pygit2
import pytest

from bot.errors import Invalid, Refused
from bot.gitrepo.checkout import apply

FILES = {"a.py": b"x = 1\n", "run.sh": b"#!/bin/sh\n", "docs/b.md": b"# B\n", "docs/c.md": b"# C\n"}


@pytest.fixture
def repository(tmp_path: Path) -> pygit2.Repository:
    """A clean checkout with one commit."""
    made = pygit2.init_repository(tmp_path / "repo", initial_head="main")
    root = Path(made.workdir)
    for path, data in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("docs")
    made.index.add_all()
    made.index.write()
    who = pygit2.Signature("Ann", "ann@example.com", 1_700_000_000, 0)
    made.create_commit("HEAD", who, who, "Begin", made.index.write_tree(), [])
    return made


def written(repository: pygit2.Repository, changes: Mapping[str, bytes | None]) -> list[str]:
    return list(apply(Path(repository.workdir), str(repository.head.target), changes))


def snapshot(repository: pygit2.Repository) -> dict[str, tuple[int, bytes]]:
    """Every file below the checkout but Git's objects."""
    root = Path(repository.workdir)
    files = (file for file in root.rglob("*") if file.is_file() and "objects" not in file.parts)
    return {str(file.relative_to(root)): (file.lstat().st_mode, file.read_bytes()) for file in files}


def test_files_are_changed_made_and_deleted(repository: pygit2.Repository) -> None:
    """Modes stay, folders are made and taken away, and nothing is left beside the objects of the repository."""
    changes = {
        "run.sh": b"#!/bin/sh\ntrue\n",
        "new/d/e.txt": b"e",
        "docs/b.md": None,
        "docs/c.md": None,
        "a.py": b"x = 1\n",
    }
    assert written(repository, changes) == ["docs/b.md", "docs/c.md", "new/d/e.txt", "run.sh"]
    root = Path(repository.workdir)
    assert (root / "run.sh").read_bytes() == b"#!/bin/sh\ntrue\n"
    assert os.access(root / "run.sh", os.X_OK)
    assert (root / "new/d/e.txt").read_bytes() == b"e"
    assert not (root / "docs").exists()
    assert not list(Path(repository.path).glob("clockwork*"))
    assert repository.status() == {
        "docs/b.md": pygit2.enums.FileStatus.WT_DELETED,
        "docs/c.md": pygit2.enums.FileStatus.WT_DELETED,
        "new/d/e.txt": pygit2.enums.FileStatus.WT_NEW,
        "run.sh": pygit2.enums.FileStatus.WT_MODIFIED,
    }


def change_file(root: Path, _repository: pygit2.Repository) -> None:
    (root / "a.py").write_bytes(b"mine\n")


def stage_file(root: Path, repository: pygit2.Repository) -> None:
    (root / "a.py").write_bytes(b"mine\n")
    repository.index.add("a.py")
    repository.index.write()
    (root / "a.py").write_bytes(b"x = 1\n")


def untracked(root: Path, _repository: pygit2.Repository) -> None:
    (root / "new.txt").write_bytes(b"mine\n")


def ignored(root: Path, repository: pygit2.Repository) -> None:
    (Path(repository.path) / "info").mkdir(exist_ok=True)
    (Path(repository.path) / "info/exclude").write_text("new.txt\n")
    (root / "new.txt").write_bytes(b"mine\n")


def committed(root: Path, repository: pygit2.Repository) -> None:
    (root / "a.py").write_bytes(b"later\n")
    repository.index.add("a.py")
    repository.index.write()
    who = pygit2.Signature("Ann", "ann@example.com", 1_700_000_100, 0)
    repository.create_commit("HEAD", who, who, "Later", repository.index.write_tree(), [repository.head.target])


def linked(root: Path, _repository: pygit2.Repository) -> None:
    (root / "a.py").unlink()
    (root / "a.py").symlink_to("/etc/passwd")


def dangling(root: Path, _repository: pygit2.Repository) -> None:
    (root / "new.txt").symlink_to("/nowhere")


@pytest.mark.parametrize("happens", [change_file, stage_file, untracked, ignored, committed, linked, dangling])
def test_own_work_is_never_lost(repository: pygit2.Repository, happens: object) -> None:
    """A file that is not as the commit has it refuses the whole change, whatever stands before it."""
    base, root = str(repository.head.target), Path(repository.workdir)
    assert callable(happens)
    happens(root, repository)
    before = snapshot(repository)
    with pytest.raises(Refused):
        apply(root, base, {"a.py": b"x = 2\n", "docs/b.md": b"# New\n", "new.txt": b"new\n"})
    assert snapshot(repository) == before


@pytest.mark.parametrize(
    "path",
    [
        "../out", "/etc/x", ".git/hooks/pre-commit", ".GIT/config", "a/../../x", ".github/workflows/x.yml",
        "link/x", f"docs/{'n' * 300}", "a.py/x", "docs", "link", "nul\0", ".gitmodules", "git~1/x",
    ],
)  # fmt: skip
def test_hostile_paths_write_nothing(repository: pygit2.Repository, path: str) -> None:
    """Ways out, into .git, through links and into workflows are refused, with everything else of the change."""
    before = snapshot(repository)
    with pytest.raises(Refused):
        written(repository, {"a.py": b"x = 2\n", path: b"evil"})
    assert snapshot(repository) == before


def test_a_disk_that_fails_half_way_leaves_all_as_it_was(repository: pygit2.Repository) -> None:
    """A folder that takes no file is told after others were written: those are put back, and made folders go."""
    root = Path(repository.workdir)
    (root / "name").mkdir()
    long = "n" * 300  # longer than a name may be: found out when it is made
    before = snapshot(repository)
    with pytest.raises(Refused, match="nothing was written"):
        written(repository, {"a.py": b"x = 2\n", "docs/b.md": None, f"made/{long}/z": b"z"})
    assert snapshot(repository) == before
    assert not (root / "made").exists()
    assert not list(Path(repository.path).glob("clockwork*"))


def test_a_bare_repository_takes_nothing(tmp_path: Path) -> None:
    """There is nothing to write to."""
    pygit2.init_repository(tmp_path / "bare", bare=True)
    with pytest.raises(Invalid):
        apply(tmp_path / "bare", "0" * 40, {"a": b""})
