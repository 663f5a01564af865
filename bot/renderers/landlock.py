"""Gives up, in this process and for good, every file and every connection it does not need; then becomes a program.

Run by :mod:`bot.renderers.confined` as a script of its own (``python -I -S landlock.py READ… -- WRITE… -- PROGRAM…``),
so that nothing of it happens in a process with threads. It imports nothing of this project: it starts for every build.

Sources: Linux's ``Documentation/userspace-api/landlock.rst`` and ``include/uapi/linux/landlock.h`` (what may be
handled by which version of the interface), ``Documentation/userspace-api/seccomp_filter.rst``, and
``include/uapi/linux/audit.h`` for the architectures. Neither needs a privilege; both outlive ``execve(2)``.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Numbers of the system calls, the same on every architecture that got them (landlock_create_ruleset(2))."""
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_EXECUTE, _WRITE, _READ, _LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_FILES_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights to files that a version of the interface can take away."""
_ON_FILES = _EXECUTE | _WRITE | _READ | 1 << 14 | 1 << 15
"""Rights that mean something for a file that is no folder: the others are refused for one (EINVAL)."""
_CONNECTIONS = 3
"""To bind and to connect TCP sockets: version 4."""
_SIGNALS_AND_SOCKETS = 3
"""Abstract UNIX sockets and signals to processes outside: version 6."""
_ARCHITECTURES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""The number of ``socket`` by architecture. ``io_uring_setup``, which opens sockets too, is 425 everywhere."""
_IO_URING_SETUP = 425


def restrict(readable: list[str], writable: list[str]) -> None:
    """Only ``readable`` files and folders can be read and executed from now on, only ``writable`` ones written, and no
    socket can be opened. Raises ``OSError`` where the kernel cannot do that.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = _call(libc, _CREATE_RULESET, None, 0, 1)
    rights = _FILES_BY_VERSION[max(known for known in _FILES_BY_VERSION if known <= version)]
    handled = struct.pack("=QQQ", rights, _CONNECTIONS, _SIGNALS_AND_SOCKETS)
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = _call(libc, _CREATE_RULESET, handled[:size], size, 0)
    for path in readable:
        _allow(libc, rules, path, _EXECUTE | _READ | _LIST)
    for path in writable:
        _allow(libc, rules, path, rights & ~_EXECUTE)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    _call(libc, _RESTRICT_SELF, rules, 0)
    os.close(rules)
    _close_network(libc)


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rights &= -1 if os.path.isdir(path) else _ON_FILES  # noqa: PTH112 - pathlib would cost more than all of this
        _call(libc, _ADD_RULE, rules, 1, struct.pack("=Qi", rights, opened), 0)
    finally:
        os.close(opened)


def _close_network(libc: ctypes.CDLL) -> None:
    """``socket`` fails with EACCES, also where Landlock knows no network yet, and for datagrams and local sockets."""
    if platform.machine() not in _ARCHITECTURES:
        return
    architecture, socket = _ARCHITECTURES[platform.machine()]
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_JMP|JGE|K, BPF_RET|K
    allowed, refused = 0x7FFF0000, 0x00050000 | 13  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | EACCES
    program = [
        (load, 0, 0, 4),  # seccomp_data.arch
        (equal, 0, 5, architecture),  # another one has other numbers: refused
        (load, 0, 0, 0),  # seccomp_data.nr
        (at_least, 3, 0, 0x40000000),  # x32's numbers for the same calls: refused
        (equal, 2, 0, socket),
        (equal, 1, 0, _IO_URING_SETUP),
        (answer, 0, 0, allowed),
        (answer, 0, 0, refused),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *words) for words in program))
    header = struct.pack("@HP", len(program), ctypes.addressof(code))
    if libc.prctl(_SECCOMP, _FILTER, header, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _call(libc: ctypes.CDLL, number: int, *arguments: object) -> int:
    result: int = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}")
    return result


def main(words: list[str]) -> None:
    """Restrict this process as the words say and become the program after them."""
    first = words.index("--")
    second = words.index("--", first + 1)
    restrict(words[:first], words[first + 1 : second])
    program = words[second + 1 :]
    os.execve(program[0], program, os.environ)  # noqa: S606 - the program that was asked for, without a shell


if __name__ == "__main__":
    main(sys.argv[1:])
