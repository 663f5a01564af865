"""A folder on this disk read as if it were a commit: for ``--repo DIR`` where files may not be committed, or no Git is.

Satisfies :class:`bot.ports.Repository` for reading; every commit name means "the files as they are now". Blob ids are
made of path, size and change time, so that what is cached by blob id stays correct without reading every file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from bot.errors import BotError, Invalid, Refused
from bot.gitrepo.paths import check_writable
from bot.model.finding import FileChange
from bot.ports import BranchMove, CommitInfo, Signature, TreeEntry

WORKTREE: Final = "worktree"
"""The name under which the files on disk appear as a commit."""

_SKIPPED: Final = frozenset(
    {".git", "node_modules", ".venv", "venv", "__pycache__", ".terraform", ".tox", ".mypy_cache"}
)


class WorkTree:
    """The regular files below ``root``; symlinks are not followed and folders of tools are passed over."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise Invalid(f"{root} is not a folder")
        self._root = root

    def fetch(self) -> None:
        """Nothing to do: the files are here."""

    def head(self, branch: str) -> str | None:
        del branch
        return WORKTREE

    def default_branch(self) -> str:
        return WORKTREE

    def branches(self) -> Sequence[str]:
        return ()

    def entries(self, commit: str, under: str = "", *, suffixes: tuple[str, ...] = ()) -> Sequence[TreeEntry]:
        del commit
        start = os.path.normpath(under) if under else ""
        files = (entry for entry in self._walk(start) if not suffixes or entry.path.endswith(suffixes))
        return sorted(files, key=lambda entry: entry.path)

    def read(self, commit: str, path: str) -> bytes | None:
        del commit
        parts = path.split("/")
        if path.startswith("/") or ".." in parts or any(self._is_link(parts[:n]) for n in range(1, len(parts) + 1)):
            return None
        file = self._root / path
        return file.read_bytes() if file.is_file() else None

    def links(self, commit: str, *, suffixes: tuple[str, ...] = ()) -> Sequence[str]:
        del commit
        return sorted(path for path in self._linked("") if not suffixes or path.endswith(suffixes))

    def is_link(self, commit: str, path: str) -> bool:
        del commit
        parts = path.split("/")
        return any(self._is_link(parts[:depth]) for depth in range(1, len(parts) + 1))

    def blob(self, blob: str) -> bytes:
        data = self.read(WORKTREE, blob.partition(":")[2])
        if data is None:
            raise Invalid(f"the file behind {blob!r} is gone")
        return data

    def log(self, commit: str, *, limit: int, until: str | None = None) -> Sequence[CommitInfo]:
        del commit, limit, until
        return ()

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        return ancestor == commit

    def merge_base(self, commit: str, other_commit: str) -> str | None:
        return commit if commit == other_commit else None

    def changed(self, base: str, head: str) -> Sequence[FileChange]:
        del base, head
        return ()

    def resolve(self, name: str) -> str | None:
        return WORKTREE if name in {WORKTREE, "HEAD"} else None

    def commit(
        self,
        parent: str,
        changes: Mapping[str, bytes | None],
        *,
        message: str,
        at: datetime,
        author: Signature | None = None,
    ) -> str:
        del parent, changes, message, at, author
        raise self._read_only()

    def write(self, changes: Mapping[str, bytes | None]) -> None:
        """The files on this disk have these bytes (None: are gone), as ``clockwork render`` leaves them; no commit."""
        for path, data in changes.items():
            file = self._root / path
            if data is None:
                file.unlink(missing_ok=True)
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)

    def check_writable(self, parent: str, paths: Iterable[str]) -> None:
        """What a commit of these files would be told by their names alone; links in the way are not looked for."""
        del parent
        for path in paths:
            check_writable(path)

    def push(self, branch: str, commit: str, *, expected: str | None) -> str:
        del branch, commit, expected
        raise self._read_only()

    def push_all(self, moves: Sequence[BranchMove]) -> Sequence[str | BotError]:
        return [self._read_only() for _ in moves]

    def delete_branch(self, branch: str, *, expected: str) -> None:
        del branch, expected
        raise self._read_only()

    def _read_only(self) -> Refused:
        return Refused(
            f"{self._root} is only read", advice="give the URL of a Git remote with --repo to have it changed"
        )

    def _is_link(self, parts: Sequence[str]) -> bool:
        return self._root.joinpath(*parts).is_symlink()

    def _walk(self, under: str) -> Iterator[TreeEntry]:
        try:
            items = list(os.scandir(self._root / under))
        except (NotADirectoryError, FileNotFoundError):
            return
        except PermissionError as exc:
            raise Invalid(f"cannot read the folder {self._root / under}") from exc
        for item in items:
            path = f"{under}/{item.name}" if under else item.name
            if item.is_dir(follow_symlinks=False):
                if item.name not in _SKIPPED:
                    yield from self._walk(path)
            elif item.is_file(follow_symlinks=False):
                yield _entry(path, item.stat(follow_symlinks=False))

    def _linked(self, under: str) -> Iterator[str]:
        """The symbolic links below a folder; what cannot be listed is told by whoever reads files."""
        with suppress(OSError), os.scandir(self._root / under) as items:
            for item in items:
                path = f"{under}/{item.name}" if under else item.name
                if item.is_symlink():
                    yield path
                elif item.is_dir() and item.name not in _SKIPPED:
                    yield from self._linked(path)


def _entry(path: str, facts: os.stat_result) -> TreeEntry:
    mode = 0o100755 if facts.st_mode & stat.S_IXUSR else 0o100644
    return TreeEntry(path, f"{facts.st_mtime_ns:x}-{facts.st_size:x}-{facts.st_ino:x}:{path}", mode)
