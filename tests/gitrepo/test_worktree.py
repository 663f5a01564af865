"""A plain folder read as if it were a commit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.errors import Invalid, Refused
from bot.gitrepo.worktree import WORKTREE, WorkTree
from bot.ports import Repository
from tests.gitrepo.conftest import NOW


@pytest.fixture
def tree(tmp_path: Path) -> WorkTree:
    root = tmp_path / "folder"
    for name, data in {"a.yaml": b"a", "k8s/web.yaml": b"w", "node_modules/x.yaml": b"n", ".git/config": b"c"}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    (root / "run.sh").write_bytes(b"#!")
    (root / "run.sh").chmod(0o755)
    (tmp_path / "secret").write_bytes(b"s")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "linked").symlink_to(tmp_path)
    return WorkTree(root)


def test_reads_what_a_commit_of_it_would_hold(tree: WorkTree) -> None:
    """Regular files, sorted, with modes; no links, no tools' folders."""
    port: Repository = tree
    entries = port.entries(WORKTREE)
    assert [(entry.path, entry.mode) for entry in entries] == [
        ("a.yaml", 0o100644),
        ("k8s/web.yaml", 0o100644),
        ("run.sh", 0o100755),
    ]
    assert [port.blob(entry.blob) for entry in entries] == [b"a", b"w", b"#!"]
    assert [entry.path for entry in port.entries(WORKTREE, "k8s")] == ["k8s/web.yaml"]
    assert list(port.entries(WORKTREE, "nothing")) == []
    assert port.read(WORKTREE, "k8s/web.yaml") == b"w"


def test_nothing_outside_is_read(tree: WorkTree, tmp_path: Path) -> None:
    """Neither by link, nor by dots, nor by an absolute path, nor a folder."""
    for path in ("link", "linked/secret", "../secret", str(tmp_path / "secret"), "k8s", "none"):
        assert tree.read(WORKTREE, path) is None
    links = {path: tree.is_link(WORKTREE, path) for path in ("link", "linked/secret", "../secret", "k8s", "none")}
    assert links == {"link": True, "linked/secret": True, "../secret": False, "k8s": False, "none": False}


def test_a_changed_file_has_another_blob_id(tree: WorkTree, tmp_path: Path) -> None:
    """What is cached by blob id notices a change."""
    before = tree.entries(WORKTREE)[0]
    file = tmp_path / "folder" / "a.yaml"
    file.write_bytes(b"b")
    os.utime(file, ns=(1, 1))
    assert tree.entries(WORKTREE)[0].blob != before.blob
    (tmp_path / "folder" / "a.yaml").unlink()
    with pytest.raises(Invalid):
        tree.blob(before.blob)


def test_nothing_is_written(tree: WorkTree) -> None:
    """Committing and pushing are Refused with advice."""
    with pytest.raises(Refused):
        tree.commit(WORKTREE, {"a.yaml": b"x"}, message="m", at=NOW)
    with pytest.raises(Refused):
        tree.push("main", WORKTREE, expected=None)
    with pytest.raises(Refused):
        tree.delete_branch("main", expected=WORKTREE)
    assert (tree.head("any"), tree.resolve("HEAD"), tree.resolve("v1")) == (WORKTREE, WORKTREE, None)
    with pytest.raises(Invalid):
        WorkTree(Path("/nonexistent"))
