"""One writer at a time in a local bare clone, and no lock that outlives its holder.

libgit2 writes a ref by way of ``NAME.lock``, as git does (git, lockfile.h), leaves that file behind when its process is
killed, and fails every later write on it. The kernel's own lock goes with its holder (flock(2)): while it is held, nobody
else writes here, so such files are leavings and are removed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Holds the folder for writing; waits for another process of ours that does. The lock dies with its process."""
    descriptor = os.open(folder / "clockwork.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        _hold(descriptor)
        _remove_leavings(folder)
        yield
    finally:
        os.close(descriptor)


def _hold(descriptor: int) -> None:
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _remove_leavings(folder: Path) -> None:
    leavings = {f"{name}.lock" for name in ("HEAD", "config", "packed-refs", "shallow")}
    with os.scandir(folder) as entries:
        left = [entry.path for entry in entries if entry.name in leavings]
    for leaving in (*left, *_locks_below(folder / "refs")):
        with suppress(FileNotFoundError):
            Path(leaving).unlink()


def _locks_below(folder: Path) -> Iterator[str]:
    for path, _, names in os.walk(folder):
        yield from (f"{path}/{name}" for name in names if name.endswith(".lock"))
