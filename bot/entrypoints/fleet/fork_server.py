"""The process that has loaded the program, and forks one process for each run of a fleet: that costs a run its imports.

It is never given anything that belongs to a repository. What it gets for a run is descriptors: order and environment come
to the forked process through its own standard input, so no run can find in its memory what another was given. Its own
environment holds what every run of the fleet sees. It has one thread, no connection and no handler of a signal. What runs have
in common beyond that is where things lie in memory, and the seed of the hashes of texts.

A run stays unreaped, and its number with it, until whoever asked for it asks for its exit code. Called by
:mod:`bot.entrypoints.fleet.forking`, as ``python -m bot.entrypoints.fleet NUMBER`` with the number of a socket.
"""

from __future__ import annotations

import gc
import json
import os
import select
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

RUN: Final = b"run"
"""The request: with the descriptors of standard input, output and error, and of the socket that answers."""
STALE: Final = b"stale"
"""The answer of a server whose program has changed on disk: another is to be started."""
_ANSWERS: Final = 3
"""Which of the descriptors that is."""


class ForkServer:
    """Answers requests that come over ``control``, until that is closed and the last run has ended."""

    def __init__(self, control: socket.socket, data: Sequence[Path] = ()) -> None:
        self._control = control
        self._data = data
        self._poll = select.poll()
        self._running: dict[int, tuple[int, int]] = {}
        """The run that a socket answers for, until its exit code is asked for: its descriptor and its number."""
        self._ending: dict[int, tuple[int, int]] = {}
        """By a run's descriptor: its number, and the socket that is to be told its exit code."""
        self._files = _files(data)

    def serve(self) -> None:
        """Returns in a forked process alone; the server ends in here."""
        self._poll.register(self._control, select.POLLIN)
        os.close(os.pidfd_open(os.getpid()))  # where that is not allowed, nobody begins to ask
        while self._control.fileno() >= 0 or self._running or self._ending:
            for descriptor, _ in self._poll.poll():
                if descriptor == self._control.fileno():
                    if self._is_forked():
                        return
                elif descriptor in self._running:
                    self._let_go(descriptor)
                else:
                    self._reap(descriptor)
        os._exit(0)

    def _is_forked(self) -> bool:
        """Whether this is the process of the run that was asked for."""
        message, descriptors, _, _ = socket.recv_fds(self._control, len(RUN), _ANSWERS + 1)
        if not message:
            self._poll.unregister(self._control)
            self._control.close()
            return False
        answers = descriptors[_ANSWERS]
        if self._files != _files(self._data):
            _tell(answers, STALE)
            pid = None
        else:
            pid = _forked(answers)
        if pid == 0:
            self._control.detach()
            _leave_all_but(descriptors[:_ANSWERS])
            return True
        for descriptor in descriptors[:_ANSWERS] if pid else descriptors:
            os.close(descriptor)
        if pid:
            self._keep(pid, answers)
        return False

    def _keep(self, pid: int, answers: int) -> None:
        run = os.pidfd_open(pid)
        _tell(answers, str(pid).encode(), run)
        self._running[answers] = run, pid
        self._poll.register(answers, select.POLLIN)

    def _let_go(self, answers: int) -> None:
        """Whoever asked wants the exit code, or is gone: what has ended is reaped."""
        self._poll.unregister(answers)
        with suppress(OSError):
            os.read(answers, len(RUN))  # a socket that is closed with something unread loses the answer (unix(7))
        run, pid = self._running.pop(answers)
        self._ending[run] = pid, answers
        self._poll.register(run, select.POLLIN)

    def _reap(self, run: int) -> None:
        self._poll.unregister(run)
        pid, answers = self._ending.pop(run)
        _tell(answers, str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
        os.close(run)
        os.close(answers)


def _forked(answers: int) -> int | None:
    try:
        return os.fork()
    except OSError as exc:
        _tell(answers, f"!{exc.strerror}".encode())
        return None


def _leave_all_but(streams: list[int]) -> None:
    """This process has these as its standard streams, nothing else that is open, and a session of its own."""
    os.setsid()
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    os.closerange(3, max(int(entry.name) for entry in Path("/proc/self/fd").iterdir()) + 1)
    gc.enable()


def _tell(answers: int, text: bytes, *descriptors: int) -> None:
    with socket.socket(fileno=answers) as answering:
        with suppress(OSError):  # nobody listens any more
            socket.send_fds(answering, [text], descriptors)
        answering.detach()


def _files(data: Sequence[Path]) -> Mapping[str, tuple[int, int]]:
    """When each file of the program that is loaded was written, and its size; and the same of the data that was read."""
    stats_by_file = dict[str, tuple[int, int]]()
    loaded = [file for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))]
    for file in (*loaded, *map(str, data)):
        with suppress(OSError):
            stats = os.stat(file)  # noqa: PTH116 - a thousand files before each run
            stats_by_file[file] = stats.st_mtime_ns, stats.st_size
    return stats_by_file


def serve(number: int) -> None:
    """Load what runs use, and serve the socket of that number. What follows happens in a forked process, which is as if it
    were fresh: it has the environment and the folder that the first line of its standard input names.
    """
    from bot.wiring.fleet import load_program

    gc.disable()
    data = load_program()
    gc.freeze()  # the pages of what is loaded stay shared
    ForkServer(socket.socket(fileno=number), data).serve()
    adopt_environment(sys.stdin.buffer.readline())


def surroundings_line(environment: Mapping[str, str], folder: str) -> bytes:
    """The first line of the standard input of a forked process."""
    return json.dumps({"environment": dict(environment), "folder": folder}).encode() + b"\n"


def adopt_environment(surroundings: bytes) -> None:
    """This process has that environment, what Python adds to it at its start (PEP 538), and no other, and is in that folder."""
    surroundings_fields = json.loads(surroundings)
    added = {key: text for key, text in os.environ.items() if key == "LC_CTYPE"}
    os.environ.clear()
    os.environ.update(added | surroundings_fields["environment"])
    os.chdir(surroundings_fields["folder"])
