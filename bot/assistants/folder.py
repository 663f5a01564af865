"""The copy of a repository's files that a tool works in: laid out before it runs, compared after everything of it ended.

What lies there afterwards is a stranger's: it is walked by open folders (openat(2)) and never through a link, in bounds,
and whatever is no plain file of a usual size is named and not read. The user's own files are nowhere near.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bot.model.filetree import FileTree, content_id
from bot.model.guarded import DraftFile

MAX_FILES: Final = 300
"""Files that differ; beyond, what was left is incomplete."""
MAX_FILE: Final = 1_000_000
"""Bytes of one file, as many as are read of one in a pull request."""
MAX_BYTES: Final = 16 * 1024 * 1024
"""Bytes of all files that differ."""
MAX_DEPTH: Final = 100
MAX_SEEN: Final = 400_000
"""Names that are looked at."""


@dataclass(frozen=True, slots=True)
class LeftFiles:
    """The files that differ from what was laid out, sorted; ``incomplete`` says why they are not all."""

    files: tuple[DraftFile, ...] = ()
    incomplete: str | None = None


@dataclass(frozen=True, slots=True)
class LaidFile:
    """A file that was laid out: content id, and bytes."""

    blob: str
    size: int


def write_tree(tree: FileTree, folder: Path) -> Mapping[str, LaidFile]:
    """Write the files of ``tree`` below the empty ``folder``; what was written, by path.

    A path that no file system here can hold, or that would lead out, is left out.
    """
    laid_files: dict[str, LaidFile] = {}
    for path in tree.under(""):
        data, blob = tree.read(path), tree.id_of(path)
        if data is None or blob is None or not _is_inside(path):
            continue
        file = folder / path
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        except (OSError, ValueError):
            continue
        laid_files[path] = LaidFile(blob, len(data))
    return laid_files


def _is_inside(path: str) -> bool:
    return not path.startswith("/") and not {"", ".", ".."} & {*path.split("/")}


def changed_files(folder: Path, laid_files: Mapping[str, LaidFile]) -> LeftFiles:
    """What differs in ``folder`` from the files that were ``laid_files`` out there. Never raises for what lies in it."""
    walk = _Walk(laid_files)
    try:
        root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as exc:
        return LeftFiles(incomplete=f"its folder cannot be read: {exc.strerror}")
    try:
        walk.enter(root, "", 0)
    except _EnoughError as enough:
        return LeftFiles(tuple(walk.files), str(enough))
    finally:
        os.close(root)
    removed_files = [DraftFile(path, None) for path in laid_files if path not in walk.visited]
    files = sorted([*walk.files, *removed_files], key=lambda file: file.path)
    if len(files) > MAX_FILES:
        return LeftFiles(tuple(files[:MAX_FILES]), f"it changed {len(files)} files, of which {MAX_FILES} are taken")
    return LeftFiles(tuple(files))


class _EnoughError(Exception):
    """Why the walk ends early."""


@dataclass(slots=True)
class _Walk:
    laid: Mapping[str, LaidFile]
    files: list[DraftFile] = field(default_factory=list)
    visited: set[str] = field(default_factory=set)
    names: int = 0
    bytes: int = 0

    def enter(self, folder: int, prefix: str, depth: int) -> None:
        """Look at everything in the open ``folder``."""
        for name in self._names_in(folder, prefix):
            path = prefix + name
            try:
                facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISDIR(facts.st_mode):
                    self._deeper(folder, name, path, depth)
                else:
                    self._visit(folder, name, path, facts)
            except OSError as exc:
                self._refuse(path, f"it cannot be read: {exc.strerror}")

    def _names_in(self, folder: int, prefix: str) -> Iterator[str]:
        with os.scandir(folder) as entries:
            for entry in entries:
                self.names += 1
                if self.names > MAX_SEEN:
                    raise _EnoughError(
                        f"it left more than {MAX_SEEN:,} files, in {prefix or 'the top folder'!r} at last"
                    )
                yield entry.name

    def _deeper(self, folder: int, name: str, path: str, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise _EnoughError(f"it left folders more than {MAX_DEPTH} deep, below {path[:80]!r}")
        descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        try:
            self.enter(descriptor, f"{path}/", depth + 1)
        finally:
            os.close(descriptor)

    def _visit(self, folder: int, name: str, path: str, facts: os.stat_result) -> None:
        self.visited.add(path)
        laid_file = self.laid.get(path)
        if not stat.S_ISREG(facts.st_mode):
            self._refuse(path, _KINDS.get(stat.S_IFMT(facts.st_mode), "it is no plain file"))
        elif facts.st_size > MAX_FILE and (laid_file is None or laid_file.size != facts.st_size):
            self._refuse(path, f"it is larger than {MAX_FILE:,} bytes")
        else:
            data = _contents(folder, name)
            if laid_file is None or content_id(data) != laid_file.blob:
                self._keep(DraftFile(path, data))

    def _refuse(self, path: str, reason: str) -> None:
        self.visited.add(path)
        self._keep(DraftFile(path, None, reason))

    def _keep(self, file: DraftFile) -> None:
        self.files.append(file)
        self.bytes += len(file.data or b"")
        if self.bytes > MAX_BYTES or len(self.files) > MAX_FILES:
            raise _EnoughError(f"it changed more than {MAX_FILES} files or {MAX_BYTES:,} bytes")


_KINDS: Final = {
    stat.S_IFLNK: "it is a symbolic link",
    stat.S_IFIFO: "it is a named pipe",
    stat.S_IFSOCK: "it is a socket",
    stat.S_IFCHR: "it is a device",
    stat.S_IFBLK: "it is a device",
}


def _contents(folder: int, name: str) -> bytes:
    """The bytes of a plain file. O_NONBLOCK: what became a pipe meanwhile must not hold anybody up."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "no plain file")
        return file.read()
