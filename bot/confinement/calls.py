"""System calls that a program behind a wall is refused, for good: what no namespace and no rule of Landlock keeps apart.

Loaded from its file by the two scripts beside it, so it imports nothing of this project.

- Keys of the kernel: the keyring of a session is inherited into every namespace (keyrings(7)).
- Sockets of other families than those that a network namespace has: those of virtual machines reach the host
  (``AF_VSOCK``, vsock(7)), and io_uring opens any (``IORING_OP_SOCKET``, io_uring_enter(2)).
- Memory and queues of System V and POSIX, which Landlock does not know (sysvipc(7), mq_overview(7)).

Sources of the numbers: Linux's ``arch/x86/entry/syscalls/syscall_64.tbl`` and ``include/uapi/asm-generic/unistd.h``; of the
architectures ``include/uapi/linux/audit.h``; of the rest ``Documentation/userspace-api/seccomp_filter.rst`` and socket(2).
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SOCKET = {"x86_64": 41, "aarch64": 198}
_KEYS = {"x86_64": (248, 249, 250), "aarch64": (217, 218, 219)}
"""``add_key``, ``request_key``, ``keyctl``."""
_SHARED = {"x86_64": (29, 64, 68, 240), "aarch64": (194, 190, 186, 180)}
"""``shmget``, ``semget``, ``msgget``, ``mq_open``."""
_IO_URING_SETUP = 425
_X32 = 0x40000000
"""From here on are x32's numbers for the same calls."""
_SECCOMP, _FILTER = 22, 2
_LOAD, _EQUAL, _AT_LEAST, _MASK, _ANSWER = 0x20, 0x15, 0x35, 0x54, 0x06
"""``BPF_LD|W|ABS``, ``JMP|JEQ|K``, ``JMP|JGE|K``, ``ALU|AND|K``, ``RET|K``."""
_ALLOWED = (_ANSWER, 0, 0, 0x7FFF0000)
_REFUSED = (_ANSWER, 0, 0, 0x00050000 | 13)
"""``SECCOMP_RET_ERRNO`` with EACCES."""
_ARCHITECTURE, _NUMBER, _FIRST, _SECOND, _THIRD = 4, 0, 16, 24, 32
"""Where in ``seccomp_data`` those are, and the first three arguments."""
_LOCAL, _INTERNET, _INTERNET6, _NETLINK = 1, 2, 10, 16
_STREAM, _KIND, _TCP = 1, 0xF, 6
_Instruction = tuple[int, int, int, int]


def refuse_calls(libc: ctypes.CDLL, *, network: bool, streams: bool = True) -> None:
    """No call of these works from now on. Nothing on a machine whose numbers are not known.

    With ``network`` the process has a network namespace of its own: sockets of what that knows stay. Without, there are
    sockets of TCP alone, for Landlock to judge when they connect, and with ``streams`` false none. The process must have
    given up to gain privileges. ``OSError`` where the kernel refuses.
    """
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        return
    calls = [_IO_URING_SETUP, *_KEYS[machine], *(() if network else _SHARED[machine])]
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        *_unless(_EQUAL, _ARCHITECTURES[machine]),
        (_LOAD, 0, 0, _NUMBER),
        *_when(_AT_LEAST, _X32, _REFUSED),
        *(instruction for call in calls for instruction in _when(_EQUAL, call, _REFUSED)),
        (_EQUAL, 1, 0, _SOCKET[machine]),
        _ALLOWED,
        *(_families() if network else _only_streams() if streams else []),
        _REFUSED,
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *instruction) for instruction in program))
    header = struct.pack("@HP", len(program), ctypes.addressof(code))
    if libc.prctl(_SECCOMP, _FILTER, header, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl: {os.strerror(ctypes.get_errno())}")


def _when(test: int, value: int, answer: _Instruction) -> list[_Instruction]:
    return [(test, 0, 1, value), answer]


def _unless(test: int, value: int) -> list[_Instruction]:
    """Refused where the test fails."""
    return [(test, 1, 0, value), _REFUSED]


def _families() -> list[_Instruction]:
    families = (_LOCAL, _INTERNET, _INTERNET6, _NETLINK)
    return [
        (_LOAD, 0, 0, _FIRST),
        *(instruction for family in families for instruction in _when(_EQUAL, family, _ALLOWED)),
    ]


def _only_streams() -> list[_Instruction]:
    """Landlock does not judge Multipath TCP (its documentation, "Network support"), so that the protocol is looked at too."""
    return [
        (_LOAD, 0, 0, _FIRST),
        (_EQUAL, 2, 0, _INTERNET),
        *_unless(_EQUAL, _INTERNET6),
        (_LOAD, 0, 0, _SECOND),
        (_MASK, 0, 0, _KIND),
        *_unless(_EQUAL, _STREAM),
        (_LOAD, 0, 0, _THIRD),
        *_when(_EQUAL, 0, _ALLOWED),
        *_when(_EQUAL, _TCP, _ALLOWED),
    ]
