"""What a program can reach behind each wall that stands on this machine."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import socket
import sys
import time
from pathlib import Path

import pytest

from bot.confinement import calls
from bot.confinement.closure import closure
from bot.confinement.walls import ConfinedWorld, Wall, available, confined_command, own_network
from bot.processes import ProcessEnd, ProcessResult, run

SECRET = "planted-9c41f0"
BEHIND = pytest.mark.parametrize(
    "wall",
    [
        pytest.param(wall, marks=pytest.mark.skipif(wall not in available(), reason=f"{wall} does not stand here"))
        for wall in (Wall.NAMESPACES, Wall.BUBBLEWRAP, Wall.LANDLOCK)
    ],
)


@pytest.fixture
def space(tmp_path: Path) -> Path:
    for name in ("root", "work"):
        (tmp_path / name).mkdir()
    (tmp_path / "secret").write_text(SECRET)
    return tmp_path


def python(
    wall: Wall, space: Path, source: str, *, port: int | None = None, door: Path | None = None, seconds: float = 30
) -> ProcessResult:
    """A Python program behind ``wall`` with its own closure and a working directory."""
    program = space / "work" / "program"
    program.write_text(f"#!{sys.executable} -I\n{source}")
    program.chmod(0o755)
    path = os.environ["PATH"]
    world = ConfinedWorld(space / "root", space / "work", closure(program, path), (space / "work",), port, door)
    return run(
        confined_command(wall, world, [str(program)]),
        b"in",
        env={"PATH": path},
        deadline_seconds=seconds,
        grace_seconds=1,
    )


@BEHIND
def test_a_program_runs_with_its_own_things(wall: Wall, space: Path) -> None:
    """It reads stdin, writes into its folder, and its exit code comes out."""
    ran = python(wall, space, "import sys; open('x', 'w').write(sys.stdin.read()); print('out'); sys.exit(7)")
    assert (ran.ending, ran.exit_code, ran.stdout) == (ProcessEnd.EXITED, 7, b"out\n")
    assert (space / "work" / "x").read_text() == "in"


@BEHIND
def test_other_files_are_not_there(wall: Wall, space: Path) -> None:
    """No file that it was not given can be read: not by its path, not by a link, not through /proc."""
    (space / "work" / "link").symlink_to(space / "secret")
    places = [str(space / "secret"), "link", f"/proc/1/root{space}/secret", "/etc/shadow", str(Path.home() / ".ssh")]
    source = f"""
for place in {places!r} + [f"/proc/{{number}}/environ" for number in range(1, 2000)]:
    try:
        print(place, open(place, 'rb').read())
    except OSError as exc:
        print(type(exc).__name__)
"""
    os.environ["PLANTED"] = SECRET
    try:
        ran = python(wall, space, source)
    finally:
        del os.environ["PLANTED"]
    assert SECRET.encode() not in ran.stdout
    assert b"Error" in ran.stdout


@BEHIND
def test_what_it_was_given_cannot_be_written(wall: Wall, space: Path) -> None:
    """Libraries and its interpreter are read-only even for root."""
    library = Path(os.__file__)
    ran = python(wall, space, f"open({str(library.parent / 'planted.txt')!r}, 'w')")
    assert ran.exit_code == 1
    assert not (library.parent / "planted.txt").exists()


@BEHIND
def test_nothing_can_be_connected_to(wall: Wall, space: Path) -> None:
    """A listener on this machine's loopback, a UNIX socket outside and a datagram are all out of reach."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as local:
        local.bind(str(space / "socket"))
        local.listen()
        source = f"""
import socket
for family, kind, address in [
    (socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', {listener.getsockname()[1]})),
    (socket.AF_UNIX, socket.SOCK_STREAM, {str(space / "socket")!r}),
]:
    try:
        socket.socket(family, kind).connect(address)
        print('connected')
    except OSError as exc:
        print('refused')
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))
    print('sent')
except OSError:
    print('refused')
"""
        assert python(wall, space, source).stdout.split() == [b"refused"] * 3


@BEHIND
def test_the_one_port_leads_out(wall: Wall, space: Path) -> None:
    """With a port, that port is reached and the next one is not."""
    with socket.socket(socket.AF_UNIX) as door, socket.create_server(("127.0.0.1", 0)) as direct:
        listener = door if own_network(wall) else direct
        path = space / "door" if own_network(wall) else None
        if path is not None:
            door.bind(str(path))
            door.listen()
        port = 8737 if own_network(wall) else direct.getsockname()[1]
        listener.settimeout(20)
        source = f"""
import socket
try:
    socket.create_connection(('127.0.0.1', {port} + 1), 5)
    print('leak')
except OSError:
    print('refused')
print(socket.create_connection(('127.0.0.1', {port}), 5) is not None)
"""
        ran = python(wall, space, source, port=port, door=path)
        assert ran.stdout.split() == [b"refused", b"True"], ran.stderr


@BEHIND
@pytest.mark.parametrize("hangs", [False, True], ids=["ends", "hangs"])
def test_nothing_outlives_it(wall: Wall, space: Path, *, hangs: bool) -> None:
    """What it started in a session of its own is gone when it is, also when it is stopped at the deadline."""
    beat = space / "work" / "beat"
    source = f"""
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.close(0); os.close(1); os.close(2)
        while True:
            open({str(beat)!r}, 'a').write('x')
            time.sleep(0.02)
    os._exit(0)
while not os.path.exists({str(beat)!r}):
    time.sleep(0.01)
if {hangs}:
    time.sleep(600)
"""
    ran = python(wall, space, source, seconds=3 if hangs else 30)
    assert ran.ending is (ProcessEnd.TIMEOUT if hangs else ProcessEnd.EXITED)
    size = beat.stat().st_size
    time.sleep(0.3)
    assert beat.stat().st_size == size


@BEHIND
def test_who_does_not_heed_a_signal_is_ended_too(wall: Wall, space: Path) -> None:
    """A program that ignores SIGTERM, and what it started in another session, are gone after the deadline."""
    beat = space / "work" / "beat"
    source = f"""
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    os.close(0); os.close(1); os.close(2)
while True:
    open({str(beat)!r}, 'a').write('x')
    time.sleep(0.02)
"""
    assert python(wall, space, source, seconds=3).ending is ProcessEnd.TIMEOUT
    size = beat.stat().st_size
    time.sleep(0.3)
    assert beat.stat().st_size == size


@BEHIND
def test_no_privilege_is_left(wall: Wall, space: Path) -> None:
    """It can mount nothing, and executing a set-user-id program gives it nothing (prctl(2), no_new_privs)."""
    source = """
import ctypes
libc = ctypes.CDLL(None)
print(libc.mount(b'none', b'/tmp', b'tmpfs', 0, None), libc.prctl(39, 0, 0, 0, 0))
"""
    assert python(wall, space, source).stdout.split() == [b"-1", b"1"]


@BEHIND
def test_what_no_namespace_keeps_apart_is_refused(wall: Wall, space: Path) -> None:
    """Keys of the kernel, sockets of virtual machines, io_uring, and shared memory outside (EACCES, or not there at all)."""
    libc = ctypes.CDLL(None, use_errno=True)
    memory = libc.shmget(0x636C, 4096, 0o1600)
    numbers = calls._KEYS[platform.machine()]
    source = f"""
import ctypes, socket
libc = ctypes.CDLL(None, use_errno=True)
def errno(result):
    return ctypes.get_errno() if result < 0 else 'leak'
for number in {numbers!r}:
    print(errno(libc.syscall(number, 0, -3, 0)))
print(errno(libc.syscall({calls._IO_URING_SETUP}, 4, ctypes.create_string_buffer(200))))
for family in (17, 38, 40):
    try:
        print('leak', socket.socket(family, socket.SOCK_STREAM))
    except OSError as exc:
        print(exc.errno)
print(errno(libc.shmget(0x636C, 0, 0)))
print(socket.socket().fileno() > 0 if {own_network(wall)} else True)
"""
    try:
        assert memory >= 0
        told = python(wall, space, source).stdout.decode().split()
    finally:
        libc.shmctl(memory, 0, None)
    assert told == ["13"] * 7 + ["2" if own_network(wall) else "13", "True"]


def test_a_closure_holds_what_a_program_starts_with(tmp_path: Path) -> None:
    """A script of a package brings its interpreter and the packages beside it, not the project around them."""
    package = tmp_path / "project" / "node_modules"
    (package / ".bin").mkdir(parents=True)
    (package / "tool").mkdir()
    script = package / "tool" / "cli.js"
    script.write_text("#!/usr/bin/env -S sh -e\n")
    (package / ".bin" / "tool").symlink_to("../tool/cli.js")
    files = closure(package / ".bin" / "tool", os.environ["PATH"])
    assert {package, script, package / ".bin" / "tool"} <= set(files)
    assert tmp_path / "project" not in files
    assert Path(shutil.which("sh") or "") in files


def test_a_virtual_environment_brings_what_it_stands_on() -> None:
    """The interpreter of this very test run is found with its libraries."""
    files = closure(Path(sys.executable), os.environ["PATH"])
    assert any(Path(os.__file__).is_relative_to(each) for each in files)
