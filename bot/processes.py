"""Runs one outside program with nothing but what it was given: the shared ground under assistants and renderers.

A program gets its text on stdin, an environment of exactly the variables passed in plus a fresh ``HOME``, and an empty
working directory; all of it is gone afterwards. It runs in a session of its own, so that ending it ends what it started
too: SIGTERM to the whole group, SIGKILL after a grace period. What it prints is capped, and how it ended is a value.

The group is only signalled while its leader is unreaped (``WNOWAIT``): a reaped leader's id may belong to somebody
else.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, Final, Protocol

from bot.temporary import temporary_folder

DEADLINE_SECONDS: Final = 120.0
OUTPUT_CAP: Final = 4 * 1024 * 1024
GRACE_SECONDS: Final = 5.0
STDERR_KEPT: Final = 8192
_CHUNK: Final = 65536
_TICK: Final = 0.05
_DRAIN_SECONDS: Final = 0.5

Monotonic = Callable[[], float]


class ProcessEnd(StrEnum):
    """How a run ended."""

    EXITED = "exited"
    TIMEOUT = "timeout"
    TOO_LARGE = "too_large"
    NOT_FOUND = "not_found"
    """The program is not there or cannot be executed."""


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """One finished run. ``exit_code`` is the program's own, negative for the signal that ended it, None if it never
    started or nobody knows.

    ``stdout`` is whole unless ``ending`` is ``TOO_LARGE`` or ``TIMEOUT``; ``stderr`` is its last 8 KiB, unredacted, and
    not in the repr: whoever keeps it redacts it first and cuts it shorter then, so that no half secret is left.
    """

    ending: ProcessEnd
    exit_code: int | None
    stdout: bytes = field(repr=False)
    stderr: str = field(repr=False)
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class Workspace:
    """A home, an empty working directory and a scratch directory for files that are handed over; gone after the run."""

    home: Path
    work: Path
    scratch: Path


class StartedProgram(Protocol):
    """A program that runs, as the leader of a process group of its own, and the parent's ends of its pipes."""

    @property
    def pid(self) -> int: ...
    @property
    def stdin(self) -> IO[bytes] | None: ...
    @property
    def stdout(self) -> IO[bytes] | None: ...
    @property
    def stderr(self) -> IO[bytes] | None: ...

    def has_exited(self) -> bool:
        """Whether it has ended. It stays unreaped, and its number with it, until :meth:`wait`."""
        ...

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to all of its group, while nobody else can have its number. Nothing where nobody is left."""
        ...

    def wait(self) -> int | None:
        """Its exit code once it has ended, negative for a signal; None where nobody knows."""
        ...


class _Spawned(subprocess.Popen[bytes]):
    """A program in a fresh process."""

    def has_exited(self) -> bool:
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


@contextlib.contextmanager
def fresh_workspace() -> Iterator[Workspace]:
    """A workspace that only this user can look into, removed afterwards whatever a program left there."""
    with temporary_folder("work") as root:
        workspace = Workspace(root / "home", root / "work", root / "scratch")
        for directory in (workspace.home, workspace.work, workspace.scratch):
            directory.mkdir(mode=0o700)
        yield workspace


def run(
    argv: Sequence[str],
    stdin: bytes,
    *,
    env: Mapping[str, str],
    deadline_seconds: float = DEADLINE_SECONDS,
    output_cap: int = OUTPUT_CAP,
    grace_seconds: float = GRACE_SECONDS,
    workspace: Workspace | None = None,
    to_end_of_output: bool = False,
    monotonic: Monotonic = time.monotonic,
) -> ProcessResult:
    """Run ``argv`` to its end with ``stdin`` and ``env`` (plus ``HOME`` and ``TMPDIR`` where it names none), in
    ``workspace`` or one made for this run.

    ``env`` needs a ``PATH``; ``output_cap`` counts bytes of stdout. What the program started and left behind may write for
    half a second more, with ``to_end_of_output`` until the deadline, so that what ``EXITED`` has is whole. Never raises
    for what the program does: that it is missing, hangs, prints too much or exits badly is in the returned value.
    """
    with contextlib.ExitStack() as stack:
        workspace = workspace or stack.enter_context(fresh_workspace())
        full = full_environment(env, workspace)
        return follow(
            lambda: _spawned(argv, full, workspace),
            stdin,
            deadline_seconds=deadline_seconds,
            output_cap=output_cap,
            grace_seconds=grace_seconds,
            to_end_of_output=to_end_of_output,
            monotonic=monotonic,
        )


def full_environment(env: Mapping[str, str], workspace: Workspace) -> dict[str, str]:
    """What a program sees: ``env``, and a fresh ``HOME`` and ``TMPDIR`` where it names none."""
    return {"HOME": str(workspace.home), "TMPDIR": str(workspace.scratch), **env}


def follow(
    start: Callable[[], StartedProgram],
    stdin: bytes,
    *,
    deadline_seconds: float = DEADLINE_SECONDS,
    output_cap: int = OUTPUT_CAP,
    grace_seconds: float = GRACE_SECONDS,
    to_end_of_output: bool = False,
    monotonic: Monotonic = time.monotonic,
) -> ProcessResult:
    """What :func:`run` does with a program, however it is started."""
    started = monotonic()
    try:
        child = start()
    except (OSError, ValueError) as exc:  # the latter for an argument that no program can be given
        return ProcessResult(ProcessEnd.NOT_FOUND, None, b"", getattr(exc, "strerror", None) or str(exc))
    watch = _Watch(child, stdin, output_cap, monotonic, keeps_all=to_end_of_output)
    return watch.to_the_end(started, deadline_seconds, grace_seconds)


def _spawned(argv: Sequence[str], env: Mapping[str, str], workspace: Workspace) -> StartedProgram:
    program = argv[0] if os.sep in argv[0] else shutil.which(argv[0], path=env.get("PATH", os.defpath))
    if program is None:
        raise FileNotFoundError(2, f"{argv[0]}: no such program on PATH")
    return _Spawned(
        [program, *argv[1:]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=workspace.work,
        env=env,
        start_new_session=True,
        bufsize=0,
    )


class _Watch:
    """Feeds and reads one child's three pipes without blocking on any of them."""

    def __init__(self, child: StartedProgram, stdin: bytes, cap: int, monotonic: Monotonic, *, keeps_all: bool) -> None:
        self._child = child
        self._keeps_all = keeps_all
        self._unsent = memoryview(stdin)
        self._cap = cap
        self._monotonic = monotonic
        self._stdout = bytearray()
        self._stderr = bytearray()
        self._pipes = selectors.DefaultSelector()
        self._exit = -1

    def to_the_end(self, started: float, deadline_seconds: float, grace_seconds: float) -> ProcessResult:
        try:
            self._open_pipes()
            ending = self._follow(started + deadline_seconds)
        finally:
            code = self._end_group(grace_seconds)
            self._close_pipes()
        spent = round((self._monotonic() - started) * 1000)
        return ProcessResult(ending, code, bytes(self._stdout), self._stderr.decode("utf-8", "replace"), spent)

    def _open_pipes(self) -> None:
        child = self._child
        for pipe, events in (
            (child.stdin, selectors.EVENT_WRITE),
            (child.stdout, selectors.EVENT_READ),
            (child.stderr, selectors.EVENT_READ),
        ):
            assert pipe is not None  # noqa: S101 - all three were asked for as pipes
            os.set_blocking(pipe.fileno(), False)
            self._pipes.register(pipe, events)
        if hasattr(os, "pidfd_open"):  # Linux: the end of the program wakes the wait for its output (pidfd_open(2))
            with contextlib.suppress(
                OSError
            ):  # a kernel or a seccomp filter that does not know it: then the tick is the wait
                self._exit = os.pidfd_open(child.pid)
                self._pipes.register(self._exit, selectors.EVENT_READ)

    def _follow(self, deadline: float) -> ProcessEnd:
        """Until the program has exited and its output was read, as far as that counts, or the deadline or the cap stops it."""
        exited_at: float | None = None
        while True:
            now = self._monotonic()
            if exited_at is None and self._child.has_exited():
                exited_at = now
            drained = exited_at is not None and not self._keeps_all and now >= exited_at + _DRAIN_SECONDS
            if drained or (exited_at is not None and self._quiet()):
                return ProcessEnd.EXITED
            if now >= deadline and (exited_at is None or self._keeps_all):
                return ProcessEnd.TIMEOUT
            self._pump(_TICK)
            if len(self._stdout) > self._cap:
                return ProcessEnd.TOO_LARGE

    def _quiet(self) -> bool:
        """Whether both outputs are at their end (what the program started may keep them open beyond its own life)."""
        child = self._child
        return not any(key.fileobj in (child.stdout, child.stderr) for key in self._pipes.get_map().values())

    def _pump(self, seconds: float) -> None:
        for key, _ in self._pipes.select(seconds):
            if key.fileobj is self._child.stdin:
                self._feed(self._child.stdin)
            elif key.fileobj is self._child.stdout:
                self._drain(self._child.stdout, self._keep_stdout)
            elif key.fileobj is self._child.stderr:
                self._drain(self._child.stderr, self._keep_stderr)
            elif key.fd == self._exit:
                self._pipes.unregister(self._exit)

    def _feed(self, pipe: IO[bytes]) -> None:
        try:
            self._unsent = self._unsent[os.write(pipe.fileno(), self._unsent[:_CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # the program does not read what it is given, which is its right
            self._unsent = memoryview(b"")
        if not self._unsent:
            self._close(pipe)

    def _drain(self, pipe: IO[bytes], keep: Callable[[bytes], None]) -> None:
        try:
            chunk = os.read(pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return
        if chunk:
            keep(chunk)
        else:
            self._close(pipe)

    def _keep_stdout(self, chunk: bytes) -> None:
        if len(self._stdout) <= self._cap:
            self._stdout += chunk

    def _keep_stderr(self, chunk: bytes) -> None:
        self._stderr = (self._stderr + chunk)[-STDERR_KEPT:]

    def _close(self, pipe: IO[bytes]) -> None:
        self._pipes.unregister(pipe)
        pipe.close()

    def _close_pipes(self) -> None:
        self._pipes.close()
        if self._exit >= 0:
            os.close(self._exit)
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            if pipe is not None:
                pipe.close()

    def _end_group(self, grace_seconds: float) -> int | None:
        """Nothing of the child's group runs when this returns. The program's exit code, negative for a signal."""
        child = self._child
        if not child.has_exited():
            child.signal_group(signal.SIGTERM)
            until = self._monotonic() + grace_seconds
            while not child.has_exited() and self._monotonic() < until:
                self._pump(_TICK)
        child.signal_group(signal.SIGKILL)
        return child.wait()


def own_identity() -> str:
    """What tells this process from every other one, of other machines and containers too; empty where nothing does.

    proc(5) and pid_namespaces(7): the boot, the namespace in which the number counts, the number, and when it started.
    """
    return _identity(os.getpid()) or ""


def has_ended(identity: str) -> bool:
    """Whether the process with that :func:`own_identity` is known to have ended: where it would be seen, it is not there."""
    location, _, number = identity.rpartition("/")[0].rpartition("/")
    this_process = own_identity()
    if not this_process or not number.isdigit() or this_process.rpartition("/")[0].rpartition("/")[0] != location:
        return False
    return _identity(int(number)) != identity


def _identity(number: int) -> str | None:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = Path("/proc/self/ns/pid").readlink()
        started = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
    return f"{boot}/{space}/{number}/{started}"
