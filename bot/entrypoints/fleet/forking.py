"""Asks a fork server for processes, and starts it: at first, when it died, and when the program has changed on disk.

Where there is none, because the platform or somebody's seccomp filter does not let it be, each run has a fresh process.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, Final
from weakref import WeakSet

from bot.entrypoints.fleet.fork_server import RUN, STALE

# -P: what lies in the current folder, such as a repository of strangers, is never imported.
PROGRAM: Final = (sys.executable, "-P", "-m", "bot.entrypoints.fleet")
"""The process of a run; with the number of a socket, a fork server of such."""
_PATIENCE: Final = 120.0
"""Seconds in which a server is to answer. Its first answer comes when it has loaded the program."""
_TRIES: Final = 2
_PAUSE: Final = 600.0
"""Seconds in which nobody tries again where there was none to be had: the program may just be being installed."""
_SHORT: Final = 5.0
"""Seconds in which a server ends that has nothing to do."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class ForkedProgram:
    """Satisfies :class:`bot.processes.StartedProgram`."""

    pid: int
    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]
    _process: int
    """The descriptor of the process (pidfd_open(2))."""
    _server: socket.socket

    def has_exited(self) -> bool:
        return _is_readable(self._process)

    def signal_group(self, number: signal.Signals) -> None:
        if self.has_exited() and self._server_is_gone():
            return  # somebody has reaped it, and its number may be another's
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def wait(self) -> int | None:
        code = None
        with self._server, suppress(OSError, ValueError):
            self._server.send(RUN)
            code = int(self._server.recv(64))
        os.close(self._process)
        return code

    def _server_is_gone(self) -> bool:
        """The server says nothing before it is asked; so whatever can be read is its end."""
        return _is_readable(self._server.fileno())


def _is_readable(descriptor: int) -> bool:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(0))


class _GoneError(Exception):
    """The server is not there, does not answer, or runs an old program."""


@dataclass(slots=True)
class Forking:
    """One fork server, for any number of threads. ``environment`` is what every run sees."""

    environment: Mapping[str, str] = field(repr=False)
    program: Sequence[str] = PROGRAM
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _control: socket.socket | None = None
    _servers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _again: float = 0.0
    """When a server is tried again, by the monotonic clock."""
    _programs: WeakSet[ForkedProgram] = field(default_factory=WeakSet)
    """Those that somebody still waits for."""

    def start(self) -> ForkedProgram | None:
        """A process of a run, which waits for its first line (:func:`~bot.entrypoints.fleet.fork_server.surroundings_line`).

        None where no server can be had: that is told, and for a while nobody tries. ``OSError`` where the machine has no room
        for another process.
        """
        for _ in range(_TRIES if time.monotonic() >= self._again else 0):
            with suppress(_GoneError):
                return self._forked()
        with self._lock:
            if (now := time.monotonic()) >= self._again:
                sys.stderr.write("fleet: there is no fork server to be had; each run gets a fresh process\n")
                self._again = now + _PAUSE
        return None

    def end_runs(self) -> None:
        """Every run that goes on is told to end."""
        with self._lock:
            programs = list(self._programs)
        for program in programs:
            with suppress(OSError, ValueError):  # of one that ended and was waited for meanwhile
                program.signal_group(signal.SIGTERM)

    def close(self) -> None:
        """The server ends with the last of its runs, or at once where it hangs."""
        self._leave(self._control)
        for server in self._servers:
            try:
                server.wait(_SHORT)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()

    def _forked(self) -> ForkedProgram:
        answers, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control = None
        with ExitStack() as stack:
            stack.enter_context(answers)
            with child_end, _pipes(stack) as (ends, streams):
                try:
                    with self._lock:
                        control = self._running()
                        socket.send_fds(control, [RUN], [*ends, child_end.fileno()])
                except OSError as exc:
                    self._leave(control)
                    raise _GoneError from exc
            try:
                pid, process = _answer(answers)
            except _GoneError:
                self._leave(control)
                raise
            stack.pop_all()
        program = ForkedProgram(pid, *streams, process, answers)
        with self._lock:
            self._programs.add(program)
        return program

    def _running(self) -> socket.socket:
        """Where to ask a server, which is started where there is none. The lock is held."""
        if self._control is None:
            self._servers = [server for server in self._servers if server.poll() is None]
            control, child_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            control.settimeout(_PATIENCE)
            with child_end:
                server = subprocess.Popen(
                    [*self.program, str(child_end.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    cwd="/",
                    env=self.environment,
                    pass_fds=[child_end.fileno()],
                    start_new_session=True,
                )
            self._servers.append(server)
            self._control = control
        return self._control

    def _leave(self, control: socket.socket | None) -> None:
        """That server is asked for nothing more."""
        with self._lock:
            if control is not None and self._control is control:
                self._control = None
                control.close()


@contextmanager
def _pipes(stack: ExitStack) -> Iterator[tuple[list[int], tuple[IO[bytes], IO[bytes], IO[bytes]]]]:
    """Standard input, output and error: the ends of a run, which are closed after, and ours, which are closed by ``stack``."""
    with ExitStack() as child_ends:
        ends, streams = list[int](), list[IO[bytes]]()
        for mode in ("wb", "rb", "rb"):
            read, write = os.pipe()
            end, child_end = (read, write) if mode == "wb" else (write, read)
            child_ends.callback(os.close, end)
            ends.append(end)
            streams.append(stack.enter_context(os.fdopen(child_end, mode, buffering=0)))
        yield ends, (streams[0], streams[1], streams[2])


def _answer(answers: socket.socket) -> tuple[int, int]:
    """The number and the descriptor of a process."""
    answers.settimeout(_PATIENCE)
    try:
        message, descriptors, _, _ = socket.recv_fds(answers, 256, 1)
    except OSError as exc:
        raise _GoneError from exc
    if message.startswith(b"!"):
        raise OSError(message[1:].decode())
    if not descriptors or message == STALE:
        raise _GoneError
    return int(message), descriptors[0]
