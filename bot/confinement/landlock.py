"""Gives up, in this process and for good, every file and every connection it does not need; then becomes a program.

Run as a script of its own (``python -I -S landlock.py [--connect=PORT] READ… -- WRITE… -- PROGRAM…``), so that nothing of
it happens in a process with threads. It imports nothing of this project: it starts for every build.

With ``--connect`` the program may open TCP connections to that port, of whatever address: Landlock knows no addresses.

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
_CONNECT, _PORTS_SINCE = 2, 4
_SIGNALS_AND_SOCKETS = 3
"""Abstract UNIX sockets and signals to processes outside: version 6."""
_ARCHITECTURES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""The number of ``socket`` by architecture. ``io_uring_setup``, which opens sockets too, is 425 everywhere."""
_IO_URING_SETUP = 425


def restrict(readable: list[str], writable: list[str], port: int | None = None) -> None:
    """Only ``readable`` files and folders can be read and executed from now on, only ``writable`` ones written, and no
    socket can be opened but to ``port``. Raises ``OSError`` where the kernel cannot do that.
    """
    libc = ctypes.CDLL(None, use_errno=True)
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
    _close_network(libc, streams=port is not None)


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


def _close_network(libc: ctypes.CDLL, *, streams: bool) -> None:
    """``socket`` fails with EACCES, also where Landlock knows no network yet, and for datagrams and local sockets; with
    ``streams`` TCP sockets can be made, which Landlock judges when they connect.
    """
    if platform.machine() not in _ARCHITECTURES:
        return
    architecture, socket = _ARCHITECTURES[platform.machine()]
    load, equal, at_least, mask, answer = (
        0x20,
        0x15,
        0x35,
        0x54,
        0x06,
    )  # BPF_LD|W|ABS, JMP|JEQ|K, JMP|JGE|K, ALU|AND|K, RET|K
    allowed, refused = 0x7FFF0000, 0x00050000 | 13  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | EACCES
    # socket(2): domains, SOCK_STREAM, the type without flags, IPPROTO_TCP. Landlock does not judge Multipath TCP (its
    # documentation, "Network support"), so that the protocol is looked at too.
    internet, internet6 = (2, 10) if streams else (0xFFFFFFFF, 0xFFFFFFFF)
    stream, kind, tcp = 1, 0xF, 6
    program = [
        (load, 0, 0, 4),  # seccomp_data.arch
        (equal, 0, 14, architecture),  # another one has other numbers: refused
        (load, 0, 0, 0),  # seccomp_data.nr
        (at_least, 12, 0, 0x40000000),  # x32's numbers for the same calls: refused
        (equal, 11, 0, _IO_URING_SETUP),
        (equal, 0, 9, socket),  # any other call: allowed
        (load, 0, 0, 16),  # seccomp_data.args[0], the domain
        (equal, 1, 0, internet),
        (equal, 0, 7, internet6),
        (load, 0, 0, 24),  # args[1], the type
        (mask, 0, 0, kind),
        (equal, 0, 4, stream),
        (load, 0, 0, 32),  # args[2], the protocol
        (equal, 1, 0, 0),
        (equal, 0, 1, tcp),
        (answer, 0, 0, allowed),
        (answer, 0, 0, refused),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *instruction) for instruction in program))
    header = struct.pack("@HP", len(program), ctypes.addressof(code))
    if libc.prctl(_SECCOMP, _FILTER, header, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


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
