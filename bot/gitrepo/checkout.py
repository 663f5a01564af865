"""Writes a change into a person's checkout: all of its files, or none. Called for ``--apply``.

Every file must be as the commit has it that the change was made from, in the index and on the disk, so that nobody's work
is lost. New contents are written beside the objects of the repository first; then each file is replaced at once
(rename(2)), and what was replaced is put back where a later one fails. Signals wait meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pygit2
from pygit2.enums import FileStatus

from bot.errors import Invalid, Refused
from bot.gitrepo import trees
from bot.gitrepo.paths import check_writable

_HELD_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ADVICE: Final = "Commit or stash your own changes, then run it again."


def apply(folder: Path, commit: str, changes: Mapping[str, bytes | None]) -> Sequence[str]:
    """The files of the checkout that ``folder`` lies in have these bytes (None: are gone), and no others changed.

    ``changes`` were made from ``commit``. The paths that are different now. Raises ``Refused``, with nothing changed,
    for a path that must never be written, a file that is not as ``commit`` has it, and a disk that takes nothing.
    """
    repository = _checkout(folder)
    root = Path(repository.workdir)
    tree = repository[commit].peel(pygit2.Tree).id
    different = {path: data for path, data in sorted(changes.items()) if _differs(repository, tree, path, data)}
    try:
        steps = [_checked(repository, root, tree, path, data) for path, data in different.items()]
        with _staging(repository) as stage, _signals_held():
            _all_or_none(steps, stage, root)
    except OSError as exc:
        raise Refused(
            f"nothing was written: {exc.filename or root}: {exc.strerror}", advice="Look at the disk."
        ) from exc
    return list(different)


def _checkout(folder: Path) -> pygit2.Repository:
    path = pygit2.discover_repository(str(folder))
    repository = None if path is None else pygit2.Repository(path)
    if repository is None or repository.is_bare:
        raise Invalid(f"{folder} is in no checkout of Git, so there is nothing to write to")
    return repository


def _differs(repository: pygit2.Repository, tree: pygit2.Oid, path: str, data: bytes | None) -> bool:
    entry = trees.find(repository, tree, path)
    if data is None or entry is None:
        return (data is None) != (entry is None)
    return entry[0] not in trees.REGULAR or entry[1] != str(pygit2.hash(data))


@dataclass(slots=True)
class _Step:
    """One file to be replaced, made or deleted. ``before`` is what lies there; None where nothing does."""

    file: Path
    data: bytes | None
    before: os.stat_result | None
    staged: Path = field(default_factory=Path)
    backup: Path = field(default_factory=Path)


def _checked(repository: pygit2.Repository, root: Path, tree: pygit2.Oid, path: str, data: bytes | None) -> _Step:
    check_writable(path)
    file = root / path
    _check_way(root, path)
    entry = trees.find(repository, tree, path)
    facts = file.lstat() if file.exists() or file.is_symlink() else None
    if entry is None:
        if facts is not None or _status(repository, path) is not None:
            raise Refused(
                f"{path} is there already, and not in the commit that the change was made from", advice=_ADVICE
            )
        return _Step(file, data, None)
    if entry[0] not in trees.REGULAR or facts is None or not stat.S_ISREG(facts.st_mode):
        raise Refused(f"{path} is not the file that the change was made from", advice=_ADVICE)
    if _status(repository, path) is not FileStatus.CURRENT or trees.find(repository, _head(repository), path) != entry:
        raise Refused(f"{path} has changes of your own", advice=_ADVICE)
    return _Step(file, data, facts)


def _check_way(root: Path, path: str) -> None:
    """Nothing but folders leads to a file that is written."""
    for folder in [*Path(path).parents][-2::-1]:
        full = root / folder
        if full.is_symlink() or (full.exists() and not full.is_dir()):
            raise Refused(f"will not write below {folder}: it is no folder")


def _head(repository: pygit2.Repository) -> pygit2.Oid:
    return repository.head.peel(pygit2.Tree).id


def _status(repository: pygit2.Repository, path: str) -> FileStatus | None:
    """What Git says of a file; None for one that it knows nothing of."""
    try:
        return FileStatus(repository.status_file(path))
    except KeyError:
        return None


@contextlib.contextmanager
def _staging(repository: pygit2.Repository) -> Iterator[Path]:
    """A folder on the file system of the checkout, as far as its ``.git`` is; a rename across two fails as a whole."""
    folder = Path(tempfile.mkdtemp(prefix="clockwork-apply-", dir=repository.path))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _all_or_none(steps: Sequence[_Step], stage: Path, root: Path) -> None:
    for number, step in enumerate(steps):
        step.staged, step.backup = stage / f"{number}.new", stage / f"{number}.old"
        _stage(step)
    finished_steps: list[_Step] = []
    new_folders: list[Path] = []
    try:
        for step in steps:
            _still(step)
            _make_folders(step.file.parent, root, new_folders)
            finished_steps.append(step)
            if step.data is None:
                step.file.unlink()
            else:
                step.staged.replace(step.file)
    except (OSError, Refused):
        _put_back(finished_steps, new_folders)
        raise
    for step in steps:
        if step.data is None:
            _tidy(step.file.parent, root)


def _stage(step: _Step) -> None:
    """New contents, on the disk; and a second name or a copy of what is there."""
    if step.before is not None:
        try:
            os.link(step.file, step.backup)
        except OSError:  # a file system without links, or another one
            shutil.copy2(step.file, step.backup)
    if step.data is None:
        return
    with step.staged.open("wb") as file:
        file.write(step.data)
        file.flush()
        os.fsync(file.fileno())
    if step.before is not None:
        step.staged.chmod(stat.S_IMODE(step.before.st_mode))


def _still(step: _Step) -> None:
    """Raise ``Refused`` where somebody wrote the file since it was looked at."""
    facts = step.file.lstat() if step.file.exists() or step.file.is_symlink() else None
    if _identity(facts) != _identity(step.before):
        raise Refused(f"{step.file} was written meanwhile; nothing was changed", advice="Run it again.")


def _identity(facts: os.stat_result | None) -> tuple[int, int, int] | None:
    return None if facts is None else (facts.st_ino, facts.st_size, facts.st_mtime_ns)


def _make_folders(folder: Path, root: Path, new_folders: list[Path]) -> None:
    """Make the folders that are missing on the way, and note them in ``new_folders``, the outermost first."""
    missing = [parent for parent in (folder, *folder.parents) if parent.is_relative_to(root) and not parent.exists()]
    for missing_folder in reversed(missing):
        missing_folder.mkdir()
        new_folders.append(missing_folder)


def _put_back(finished_steps: Sequence[_Step], new_folders: Sequence[Path]) -> None:
    for step in reversed(finished_steps):
        if step.before is not None:
            step.backup.replace(step.file)
        else:
            step.file.unlink(missing_ok=True)
    for folder in reversed(new_folders):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _tidy(folder: Path, root: Path) -> None:
    """Take away folders that a deleted file left empty, as Git does."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
