"""Runs another program for an observer: no shell, a deadline for everything it starts, a cap on what it may say."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from bot.errors import Invalid, Unavailable

_CHUNK: Final = 65536
_STDERR_KEPT: Final = 65536


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended. ``stderr`` is the last 64 KiB of it; both may hold secrets and are not in the repr."""

    code: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    cap: int,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Finished:
    """``argv`` run to its end in a process group of its own.

    Raises :class:`Invalid` when it cannot be started, :class:`Unavailable` after ``timeout`` seconds or when it writes
    more than ``cap`` bytes to its standard output; in both cases the whole group is gone.
    """
    if not argv:
        raise Invalid("cannot start an empty command")
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=None if env is None else dict(env),
            start_new_session=True,
        )
    except (OSError, ValueError) as exc:
        raise Invalid(
            f"cannot start {argv[0]}: {getattr(exc, 'strerror', None) or exc}",
            advice="check that the program is installed and on PATH",
        ) from exc
    with process:
        try:
            return _collected(process, argv[0], timeout=timeout, cap=cap)
        finally:
            kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Whatever ``process`` left running in its group is killed; it was started with ``start_new_session``."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _collected(process: subprocess.Popen[bytes], name: str, *, timeout: float, cap: int) -> Finished:
    deadline = time.monotonic() + timeout
    kept = {"stdout": bytearray(), "stderr": bytearray()}
    with selectors.DefaultSelector() as selector:
        for key, pipe in (("stdout", process.stdout), ("stderr", process.stderr)):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, key)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise _too_slow(name, timeout)
            for ready, _ in selector.select(left):
                _take(selector, ready.fileobj, kept[ready.data])
            if len(kept["stdout"]) > cap:
                raise Unavailable(f"{name} wrote more than {cap} bytes")
            del kept["stderr"][:-_STDERR_KEPT]
    try:
        code = process.wait(max(deadline - time.monotonic(), 0))
    except subprocess.TimeoutExpired as exc:
        raise _too_slow(name, timeout) from exc
    return Finished(code, bytes(kept["stdout"]), bytes(kept["stderr"]))


def _too_slow(name: str, timeout: float) -> Unavailable:
    return Unavailable(f"{name} did not finish within {timeout:g} s")


def _take(selector: selectors.BaseSelector, pipe: IO[bytes] | object, into: bytearray) -> None:
    number = pipe.fileno() if hasattr(pipe, "fileno") else -1
    chunk = os.read(number, _CHUNK)
    if chunk:
        into.extend(chunk)
    else:
        selector.unregister(number)
