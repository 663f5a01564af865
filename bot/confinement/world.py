"""Makes a small world in this process, for good, and runs one program in it.

Run by :mod:`bot.confinement.walls` as a script of its own (``python -I -S world.py WORLD -- PROGRAM…``, where ``WORLD`` is
a JSON object, see :class:`World`): nothing of it happens in a process with threads, and it imports nothing of this project.

The program sees the files that it was given, read-only, its own folders, a ``/proc`` of its own, and no network but one
address: what it sends to ``127.0.0.1:PORT`` comes out of a UNIX socket on the other side of the wall. Everything it
started ends with it, in whatever session it hid, because the first process of a PID namespace takes all others with it
(pid_namespaces(7)); without namespaces, because this process is their reaper (``PR_SET_CHILD_SUBREAPER``, prctl(2)).

Sources: user_namespaces(7) (why ``setgroups`` is denied first), mount_namespaces(7), mount_setattr(2) (the only way to
make a whole tree read-only at once, Linux 5.12), pivot_root(2) (the form with two dots), netdevice(7).
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys
import threading
from importlib import import_module
from types import ModuleType

_NEW_USER, _NEW_MOUNTS, _NEW_PIDS, _NEW_NETWORK = 0x10000000, 0x00020000, 0x20000000, 0x40000000
_NEW_IPC, _NEW_HOSTNAME = 0x08000000, 0x04000000
_MOUNT_SETATTR, _PIVOT_ROOT = 442, {"x86_64": 155, "aarch64": 41}
_READ_ONLY, _NO_SUID, _NO_DEVICES, _NO_EXECUTE, _BIND, _RECURSIVE, _PRIVATE = 1, 2, 4, 8, 4096, 16384, 1 << 18
_DETACH = 2
_RECURSIVELY = 0x8000
_DIES_WITH_PARENT, _SUBREAPER, _NO_NEW_PRIVILEGES = 1, 36, 38
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1
# As containers have them, without a terminal (OCI runtime specification, config-linux, "Default Devices").
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_CHUNK = 65536
_GRACE = 0.3
"""Seconds for a program to end by itself; those who stop it wait for longer."""
_LIBC = ctypes.CDLL(None, use_errno=True)


def _check(result: int, deed: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{deed}: {os.strerror(number)}")
    return result


def enter_namespaces(user: int, group: int) -> None:
    """New user, mount, PID, network, IPC and host name namespaces, in which this process has the ids that are given.

    Who is not root inside executes nothing with a capability (capabilities(7)).
    """
    host_user, outside_group = os.getuid(), os.getgid()
    flags = _NEW_USER | _NEW_MOUNTS | _NEW_PIDS | _NEW_NETWORK | _NEW_IPC | _NEW_HOSTNAME
    _check(_LIBC.unshare(flags), "unshare")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {host_user} 1")
    _write("/proc/self/gid_map", f"{group} {outside_group} 1")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib would cost more than all of this
        file.write(text)


def build(root: str, readable: list[str], writable: list[str], files: dict[str, str]) -> None:
    """Make ``root`` (an empty folder) the root, with the files named, ``files`` by their text, and nothing else."""
    _mount("none", "/", None, _RECURSIVE | _PRIVATE)
    _mount("tmpfs", root, "tmpfs", _NO_SUID | _NO_DEVICES, b"size=64m,mode=755")
    temporary = f"{root}/tmp"  # noqa: S108 - the only one that there will be
    os.mkdir(temporary)  # noqa: PTH102
    _mount("tmpfs", temporary, "tmpfs", _NO_SUID | _NO_DEVICES, b"size=256m,mode=1777")
    for device in _DEVICES:
        _bind(device, root, 0)
    for path in readable:
        if os.path.lexists(path):
            _bind(_real(path, root), root, _READ_ONLY | _NO_SUID | _NO_DEVICES)
    for path in writable:
        _bind(path, root, _NO_SUID | _NO_DEVICES)
    for path, text in files.items():
        _make_mount_point(root + path, folder=False)
        _write(root + path, text)
    os.makedirs(root + "/proc", exist_ok=True)  # noqa: PTH103
    # Where parts of /proc are masked, as in containers, a new one may not be mounted (mount_namespaces(7)): then there is
    # none. The one outside would show the environment of other processes.
    _LIBC.mount(b"proc", (root + "/proc").encode(), b"proc", _NO_SUID | _NO_DEVICES | _NO_EXECUTE, None)
    os.chdir(root)
    number = _PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise OSError(0, f"no number of pivot_root is known for {os.uname().machine}")
    _check(_LIBC.syscall(number, b".", b"."), "pivot_root")
    _check(_LIBC.umount2(b".", _DETACH), "umount2")
    _attributes("/", _READ_ONLY, recursively=False)
    os.chdir("/")


def _real(path: str, root: str) -> str:
    """``path`` without symbolic links, each of which is made in the new root too, so that the name works there."""
    real_path = ""
    for part in path.strip("/").split("/"):
        real_path = f"{real_path}/{part}"
        if os.path.islink(real_path):  # noqa: PTH114
            if not os.path.lexists(root + real_path):
                os.makedirs(os.path.dirname(root + real_path), exist_ok=True)  # noqa: PTH103, PTH120
                os.symlink(os.readlink(real_path), root + real_path)  # noqa: PTH115, PTH211
            remaining = path[len(real_path) :]
            target = os.path.join(os.path.dirname(real_path), os.readlink(real_path))  # noqa: PTH115, PTH118, PTH120
            return _real(os.path.normpath(target) + remaining, root)
    return real_path


def _bind(path: str, root: str, attributes: int) -> None:
    _make_mount_point(root + path, folder=os.path.isdir(path))  # noqa: PTH112
    _mount(path, root + path, None, _BIND | _RECURSIVE)
    if attributes:
        _attributes(root + path, attributes, recursively=True)


def _make_mount_point(path: str, *, folder: bool) -> None:
    os.makedirs(path if folder else os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
    if not folder and not os.path.lexists(path):
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))


def _mount(source: str, target: str, kind: str | None, flags: int, options: bytes | None = None) -> None:
    encoded = None if kind is None else kind.encode()
    _check(_LIBC.mount(os.fsencode(source), os.fsencode(target), encoded, flags, options), f"mount {target}")


def _attributes(path: str, attributes: int, *, recursively: bool) -> None:
    attribute_bytes = struct.pack("=QQQQ", attributes, 0, 0, 0)
    flags = _RECURSIVELY if recursively else 0
    _check(
        _LIBC.syscall(_MOUNT_SETATTR, -100, os.fsencode(path), flags, attribute_bytes, len(attribute_bytes)),
        f"mount_setattr {path}",
    )


def raise_loopback() -> None:
    """Loopback is down in a new network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(any_socket, _GET_FLAGS, request), 16)
        if not flags & _UP:
            fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", b"lo", flags | _UP))


def keep_door(listener: socket.socket, path: str) -> None:
    """Every connection of ``listener`` gets one of its own to ``path``, until this process ends."""
    while True:
        inner, _ = listener.accept()
        outer = socket.socket(socket.AF_UNIX)
        try:
            outer.connect(path)
        except OSError:
            inner.close()
            outer.close()
            continue
        for source, sink in ((inner, outer), (outer, inner)):
            threading.Thread(target=_carry, args=(source, sink), daemon=True).start()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    except OSError:
        pass
    for end, direction in ((source, socket.SHUT_RD), (sink, socket.SHUT_WR)):
        try:
            end.shutdown(direction)
        except OSError:  # the other side hung up first
            continue


def _beside(name: str) -> ModuleType:
    """The script of that name in this folder, which is on no path here."""
    folder = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    sys.path.insert(0, folder)
    try:
        return import_module(name)
    finally:
        sys.path.remove(folder)


def become(program: list[str], folder: str, calls: ModuleType | None = None) -> None:
    """Execute ``program`` in ``folder``; it gets no privilege by executing anything. Never returns.

    With ``calls`` (:mod:`bot.confinement.calls`) it is in a network namespace, whose sockets it keeps.
    """
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _check(_LIBC.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "prctl")
        if calls is not None:
            calls.refuse_calls(_LIBC, network=True)
        os.chdir(folder)
        os.execve(program[0], program, os.environ)  # noqa: S606 - the program that was asked for, without a shell
    except OSError as exc:
        sys.stderr.write(f"{program[0]}: {exc.strerror}\n")
    os._exit(127)


def wait_for(child: int) -> int:
    """The exit code of ``child``, as a shell tells it; other children are reaped meanwhile."""
    while True:
        ended, status = os.wait()
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def end_descendants() -> None:
    """Kill everything that this process's program left behind; as the reaper, this process is the parent of all of it."""
    while children := _children():
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            os.waitpid(child, 0)


def _children() -> list[int]:
    """The processes whose parent this is, by the fourth field of their ``stat`` (proc_pid_stat(5)); the second is in
    brackets and may hold anything.
    """
    children = []
    for name in os.listdir("/proc"):  # noqa: PTH208
        try:
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                fields = file.read().rpartition(b")")[2].split()
        except OSError:  # no process, or ended meanwhile
            continue
        if int(fields[1]) == os.getpid():
            children.append(int(name))
    return children


def main(argv: list[str]) -> int:
    """Make the world that the first word tells of, run the program after ``--`` in it, and return its exit code."""
    world = json.loads(argv[0])
    calls = _beside("calls")  # now, while it can be read
    program = argv[argv.index("--") + 1 :]
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the program gets it too: its end is ours
    match world["wall"]:
        case "namespaces":
            return _in_namespaces(world, program, calls)
        case "bubblewrap":
            return _behind_door(world, program, calls)
        case _:
            return _under_landlock(world, program)


def _dies_with_parent(number: signal.Signals) -> None:
    _check(_LIBC.prctl(_DIES_WITH_PARENT, int(number), 0, 0, 0), "prctl")


def _in_namespaces(world: dict[str, object], program: list[str], calls: ModuleType) -> int:
    _dies_with_parent(signal.SIGKILL)
    enter_namespaces(int(str(world["user"])), int(str(world["group"])))
    first = os.fork()
    if first == 0:
        code = 126
        try:
            _dies_with_parent(signal.SIGKILL)
            files = world["files"]
            file_map = files if isinstance(files, dict) else {}
            build(str(world["root"]), _texts(world["readable"]), _texts(world["writable"]), file_map)
            code = _behind_door(world, program, calls)
        except OSError as exc:
            sys.stderr.write(f"no wall could be built: {exc}\n")
        os._exit(code)
    return wait_for(first)


def _behind_door(world: dict[str, object], program: list[str], calls: ModuleType) -> int:
    """Run ``program`` with its door, if it has one: both are in this network namespace."""
    door, listener = str(world["door"] or ""), None
    if door:
        raise_loopback()
        listener = socket.create_server(("127.0.0.1", int(str(world["port"]))), backlog=64)
    child = os.fork()
    if child == 0:
        become(program, str(world["folder"]), calls)
    if listener is not None:
        threading.Thread(target=keep_door, args=(listener, door), daemon=True).start()
    return wait_for(child)


def _under_landlock(world: dict[str, object], program: list[str]) -> int:
    """Run ``program`` by way of :mod:`bot.confinement.landlock`, and end what it leaves behind.

    Whoever stops this process kills it soon after, and with it the only one who knows what the program started. So a program
    that does not heed SIGTERM is killed first.
    """
    _check(_LIBC.prctl(_SUBREAPER, 1, 0, 0, 0), "prctl")
    port = [f"--connect={world['port']}"] if world["port"] else []
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "landlock.py")  # noqa: PTH100, PTH118, PTH120
    arguments = [*port, *_texts(world["readable"]), "--", *_texts(world["writable"]), "--"]
    child = os.fork()
    if child == 0:
        become([sys.executable, "-I", "-S", script, *arguments, *program], str(world["folder"]))
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.signal(signal.SIGTERM, lambda *_: signal.setitimer(signal.ITIMER_REAL, _GRACE))
    _dies_with_parent(signal.SIGTERM)
    code = wait_for(child)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    end_descendants()
    return code


def _texts(value: object) -> list[str]:
    return [str(text) for text in value] if isinstance(value, list) else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
