"""Ends the programs that the daemon started and nobody waits for any more: what reads live state, renderers, assistants.

Each has a session of its own, so that it could be ended with all that it started; for the same reason no signal to the
daemon reaches it. Where the kernel does not list children (proc(5), ``/proc/pid/task/tid/children``), they end by their
own time-outs.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_GRACE: Final = 2.0
_POLL: Final = 0.05


def children() -> frozenset[int]:
    """The pids of the programs that this process started and that still run."""
    pids: set[int] = set()
    for children_file in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # the thread has ended
            pids.update(int(pid) for pid in children_file.read_text().split())
    return frozenset(pids)


def end_children(*, grace: float = _GRACE) -> None:
    """None of them runs any more: told to end, and after ``grace`` seconds killed."""
    for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 0.0)):
        for pid in children():
            _send(pid, number)
        end = time.monotonic() + seconds
        while _running() and time.monotonic() < end:
            time.sleep(_POLL)


def _running() -> bool:
    """Whether any child has not ended. Who has, and was not waited for, is a zombie (proc(5), ``/proc/pid/stat``)."""
    for pid in children():
        with suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                return True
    return False


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
