"""Folders for what a process needs while it runs: gone with it, or, where it was killed, when the next one needs such a folder.

Each is locked by its process (flock(2)), and the kernel takes the lock away with the process however that ends; a process
number would say nothing in another container that has the same folder of temporary files.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
import tempfile
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Final

PREFIX: Final = "clockwork-tmp-"
_YOUNG: Final = 60.0
"""Seconds in which a folder may not be locked yet."""


def folder_of(owner: object, purpose: str) -> Path:
    """A new folder that only this user can look into; it goes with ``owner``, at the latest with this process."""
    path, lock = _make_folder(purpose)
    weakref.finalize(owner, _drop, path, lock)
    return path


@contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """The same for the time of the block."""
    path, lock = _make_folder(purpose)
    try:
        yield path
    finally:
        _drop(path, lock)


def _make_folder(purpose: str) -> tuple[Path, int | None]:
    _remove_abandoned(tempfile.gettempdir())
    path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}-")).resolve()
    return path, _locked(path)


def _drop(path: Path, lock: int | None) -> None:
    _remove(path)
    if lock is not None:
        os.close(lock)


def _locked(path: Path) -> int | None:
    """The descriptor that holds the lock; None where somebody else has it, or the file system has no locks."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


@cache
def _remove_abandoned(top: str) -> None:
    """Once a process: the folders of this user whose processes are gone."""
    with suppress(OSError):  # a folder that others may write and nobody list
        for path in list(Path(top).glob(f"{PREFIX}*")):
            with suppress(OSError):  # gone meanwhile
                _remove_if_abandoned(path)


def _remove_if_abandoned(path: Path) -> None:
    facts = path.lstat()
    is_ours = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid()
    if is_ours and time.time() - facts.st_ctime > _YOUNG and (lock := _locked(path)) is not None:
        _drop(path, lock)


def _remove(root: Path) -> None:
    """Take ``root`` away, however a program left it: folders so deep that recursion ends, or locked against their owner."""
    with suppress(RecursionError):
        shutil.rmtree(root, ignore_errors=True)
    if root.exists():
        for argv in (("chmod", "-R", "u+rwX"), ("rm", "-rf")):
            subprocess.run([*argv, "--", str(root)], check=False, capture_output=True)
