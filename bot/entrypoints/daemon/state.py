"""The daemon's folder on this machine, one for each repository and branch.

``clockwork.pid`` is locked while a daemon runs (flock(2)): the kernel lets go of the lock with the process, however it
ends, so a pid that is written there says nothing by itself and everything while the lock is held. ``runtime.json`` (mode
0600) says how to reach the API, ``paused.json`` that nothing may be written, ``judged.json`` which pull requests were
judged, ``daemon.log`` what happened. Used by the daemon and by the verbs that talk to it.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from bot.errors import Invalid, Refused, Unavailable

PID: Final = "clockwork.pid"
LOG: Final = "daemon.log"
_RUNTIME: Final = "runtime.json"
_PAUSED: Final = "paused.json"
_JUDGED: Final = "judged.json"
_PATIENCE: Final = 0.5
_STEP: Final = 0.02
_Content = TypeVar("_Content")


@dataclass(frozen=True, slots=True)
class Runtime:
    """How to reach a running daemon. ``token`` gives control over it; ``log`` is None where it logs to standard error."""

    pid: int
    host: str
    port: int
    token: str = field(repr=False)
    version: str
    started: datetime
    repository: str
    remote: str
    branch: str
    log: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody wants this daemon to write nothing. ``at`` is UTC."""

    at: datetime
    by: str
    reason: str = ""


_RUNTIMES: Final = TypeAdapter(Runtime)
_PAUSES: Final = TypeAdapter(Pause)
_NUMBERS: Final = TypeAdapter(dict[int, str])


@dataclass(frozen=True, slots=True)
class StateFolder:
    """One daemon's folder, which may not exist yet."""

    path: Path

    @property
    def log(self) -> Path:
        """The log of a daemon in the background."""
        return self.path / LOG

    def make(self) -> None:
        """The folder exists, readable by its owner alone. ``Invalid`` where it cannot."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as exc:
            raise Invalid(
                f"the state folder {self.path} cannot be made: {exc.strerror}",
                advice="Name another with --state, daemon.state or XDG_STATE_HOME.",
            ) from exc

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """This process is the one daemon of ``name`` while the context lasts. ``Refused`` while another is."""
        self.make()
        descriptor = os.open(self.path / PID, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _locked(descriptor):
                raise Refused(
                    f"a daemon is running for {name} already: pid {_pid(descriptor) or 'unknown'}",
                    advice="`clockwork daemon status` tells what it does, `clockwork daemon stop` ends it.",
                )
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
            os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)

    def holder(self) -> int | None:
        """The pid of the daemon that runs; None when none does. ``Unavailable`` while one is just starting."""
        try:
            descriptor = os.open(self.path / PID, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            return _holder(descriptor, self.path)
        finally:
            os.close(descriptor)

    def runtime(self) -> Runtime | None:
        """How to reach the daemon that runs, or that ran last and did not say goodbye; None without one."""
        return _read(self.path / _RUNTIME, _RUNTIMES)

    def announce(self, runtime: Runtime) -> None:
        """Tell others of this user how to reach this daemon."""
        _write(self.path / _RUNTIME, _RUNTIMES.dump_json(runtime))

    def withdraw(self) -> None:
        """Nobody shall try to reach this daemon any more."""
        (self.path / _RUNTIME).unlink(missing_ok=True)

    def pause(self) -> Pause | None:
        """Whether somebody paused the daemon, over its restarts."""
        return _read(self.path / _PAUSED, _PAUSES)

    def set_pause(self, pause: Pause | None) -> None:
        """Remember that it is paused, or no more."""
        if pause is None:
            (self.path / _PAUSED).unlink(missing_ok=True)
        else:
            _write(self.path / _PAUSED, _PAUSES.dump_json(pause))

    def judged(self) -> dict[int, str]:
        """What each open pull request was when it was judged, by number."""
        return _read(self.path / _JUDGED, _NUMBERS) or {}

    def set_judged(self, judged_heads: Mapping[int, str]) -> None:
        """Remember what was judged. Losing it costs judging every open pull request once more."""
        _write(self.path / _JUDGED, json.dumps(judged_heads).encode())


def known_states(root: Path, remote: str, branch: str | None) -> Iterator[StateFolder]:
    """The state folders below ``root`` whose last daemon kept ``branch`` (any, when None) of ``remote``."""
    for file in sorted(root.glob(f"*/{_RUNTIME}")):
        state = StateFolder(file.parent)
        runtime = state.runtime()
        if runtime is not None and runtime.remote == remote and branch in {None, runtime.branch}:
            yield state


def _holder(descriptor: int, folder: Path) -> int | None:
    """Whoever holds the lock. Between taking it and writing its pid a daemon shows that of the one before: a pid counts
    once it was read twice.
    """
    end, before = time.monotonic() + _PATIENCE, None
    while not _is_free(descriptor):
        pid = _pid(descriptor)
        if pid is not None and pid == before:
            return pid
        if time.monotonic() > end:
            raise Unavailable(f"a daemon is starting in {folder}", advice="Try again in a moment.")
        before = pid
        time.sleep(_STEP)
    return None


def _locked(descriptor: int) -> bool:
    """Whether the lock could be taken. Who only asks whether it is held has it for an instant: that is waited for."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(_STEP)
        else:
            return True


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def _pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
    return int(text) if text.isdigit() else None


def _read(file: Path, kind: TypeAdapter[_Content]) -> _Content | None:
    """What a file of ours holds. One that is not there, or not whole, holds nothing: everything here can be made anew."""
    try:
        return kind.validate_json(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None


def _write(file: Path, data: bytes) -> None:
    """The file holds ``data``, wholly or not at all, readable by its owner alone."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(data)
    fresh.replace(file)
