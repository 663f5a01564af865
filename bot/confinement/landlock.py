"""Gives up, in this process and for good, every file and every connection it does not need; then becomes a program.

Run as a script of its own (``python -I -S landlock.py [--connect=PORT] READ… -- WRITE… -- PROGRAM…``), so that nothing of
it happens in a process with threads. It imports nothing of this project: it starts for every build.

With ``--connect`` the program may open TCP connections to that port, of whatever address: Landlock knows no addresses.

Sources: Linux's ``Documentation/userspace-api/landlock.rst`` and ``include/uapi/linux/landlock.h`` (what may be
handled by which version of the interface). It needs no privilege and outlives ``execve(2)``; so do the refusals of
:mod:`bot.confinement.calls`.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from importlib import import_module
from types import ModuleType

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Numbers of the system calls, the same on every architecture that got them (landlock_create_ruleset(2))."""
_NO_NEW_PRIVILEGES = 38
_EXECUTE, _WRITE, _READ, _LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_FILES_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights to files that a version of the interface can take away."""
_ON_FILES = _EXECUTE | _WRITE | _READ | 1 << 14 | 1 << 15
"""Rights that mean something for a file that is no folder: the others are refused for one (EINVAL)."""
_CONNECTIONS = 3
"""To bind and to connect TCP sockets: version 4."""
_CONNECT, _PORTS_SINCE = 2, 4
_SIGNALS_AND_SOCKETS = 3
"""Abstract UNIX sockets and signals to processes outside: version 6."""


def restrict(readable: list[str], writable: list[str], port: int | None = None) -> None:
    """Only ``readable`` files and folders can be read and executed from now on, only ``writable`` ones written, and no
    socket can be opened but to ``port``. Raises ``OSError`` where the kernel cannot do that.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    calls = _beside("calls")  # now, while it can be read
    version = _call(libc, _CREATE_RULESET, None, 0, 1)
    rights = _FILES_BY_VERSION[max(version_known for version_known in _FILES_BY_VERSION if version_known <= version)]
    handled = struct.pack("=QQQ", rights, _CONNECTIONS, _SIGNALS_AND_SOCKETS)
    if port is not None and version < _PORTS_SINCE:
        raise OSError(0, "a kernel that cannot tell ports apart (Landlock before version 4)")
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = _call(libc, _CREATE_RULESET, handled[:size], size, 0)
    for path in readable:
        _allow(libc, rules, path, _EXECUTE | _READ | _LIST)
    for path in writable:
        _allow(libc, rules, path, rights & ~_EXECUTE)
    if port is not None:
        _call(libc, _ADD_RULE, rules, 2, struct.pack("=QQ", _CONNECT, port), 0)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    _call(libc, _RESTRICT_SELF, rules, 0)
    os.close(rules)
    # socket(2) fails, also where Landlock knows no network yet, and for datagrams and local sockets
    calls.refuse_calls(libc, network=False, streams=port is not None)


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rights &= -1 if os.path.isdir(path) else _ON_FILES  # noqa: PTH112 - pathlib would cost more than all of this
        _call(libc, _ADD_RULE, rules, 1, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)


def _beside(name: str) -> ModuleType:
    """The script of that name in this folder, which is on no path here."""
    folder = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    sys.path.insert(0, folder)
    try:
        return import_module(name)
    finally:
        sys.path.remove(folder)


def _call(libc: ctypes.CDLL, number: int, *arguments: object) -> int:
    result: int = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}")
    return result


def main(argv: list[str]) -> None:
    """Restrict this process as ``argv`` says and become the program at its end."""
    port = int(argv.pop(0).removeprefix("--connect=")) if argv[0].startswith("--connect=") else None
    first = argv.index("--")
    second = argv.index("--", first + 1)
    restrict(argv[:first], argv[first + 1 : second], port)
    program = argv[second + 1 :]
    os.execve(program[0], program, os.environ)  # noqa: S606 - the program that was asked for, without a shell


if __name__ == "__main__":
    main(sys.argv[1:])
