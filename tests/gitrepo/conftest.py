"""A running Git server and a repository on it, for every test that asks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pygit2
import pytest

from bot.gitrepo.repository import GitRepository
from tests.gitrepo.server import GitServer, serve

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[GitServer]:
    with serve(tmp_path / "server") as running:
        yield running


def seed(path: Path, files: dict[str, bytes], *, branch: str = "main", modes: dict[str, int] | None = None) -> str:
    """A commit with ``files`` at the tip of ``branch`` of the bare repository at ``path``, on top of what is there."""
    repository = pygit2.Repository(str(path))
    index = pygit2.Index()
    for name, data in files.items():
        mode = (modes or {}).get(name, 0o100644)
        index.add(pygit2.IndexEntry(name, repository.create_blob(data), pygit2.enums.FileMode(mode)))
    who = pygit2.Signature("A Person", "person@example.org", int(NOW.timestamp()), 0)
    ref = repository.references.get(f"refs/heads/{branch}")
    parents = [] if ref is None else [ref.target]
    return str(
        repository.create_commit(f"refs/heads/{branch}", who, who, "Seed", index.write_tree(repository), parents)
    )


@pytest.fixture
def repo(box: GitServer, bare: Path, tmp_path: Path) -> GitRepository:
    """A fetched clone of ``shop.git``, which the module's own fixture ``bare`` made."""
    repository = GitRepository.open(box.url("shop.git"), tmp_path / "clone")
    repository.fetch()
    return repository
