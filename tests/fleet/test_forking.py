"""Processes that are forked for runs are as fresh ones are, and nothing that one was given is found in another."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from bot import processes
from bot.entrypoints.fleet.fork_server import RUN, surroundings_line
from bot.entrypoints.fleet.forking import ForkedProgram, Forking
from bot.entrypoints.fleet.processes import forking
from bot.processes import ProcessEnd, ProcessResult
from bot.wiring.fleet import load_program, open_fleet
from bot.wiring.repository import SystemClock
from tests.fleet.brokers import wait_for
from tests.fleet.memory import holds

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="without pidfd_open(2) each run is a fresh process"
)

_ROOT: Final = str(Path(__file__).parents[2])
_COMMON: Final[Mapping[str, str]] = {"PATH": os.environ["PATH"], "PYTHONPATH": _ROOT, "HOME": "/nowhere"}
_LIGHT: Final = """
import socket, sys
from bot.entrypoints.fleet.fork_server import ForkServer, adopt_environment
ForkServer(socket.socket(fileno=int(sys.argv[1]))).serve()
adopt_environment(sys.stdin.buffer.readline())
exec(sys.stdin.read())
"""
"""A server that has loaded nearly nothing, whose processes do what they are told."""
_FULL: Final = """
import os, sys
read, kind = set(), type(os.environ)
def spying(self, key, before=kind.__getitem__):
    read.add(key)
    return before(self, key)
kind.__getitem__ = spying
from bot.entrypoints.fleet.fork_server import serve
serve(int(sys.argv[1]))
exec(sys.stdin.read())
"""
"""The real one, which notes what is read of the environment."""
_STATE: Final = """
import gc, json, os, random, resource, tempfile
lines = list(open("/proc/self/status"))
told = {line.split(":")[0]: line.split()[1:] for line in lines if line.startswith(("SigI", "SigB", "SigC", "Thr", "Um"))}
told |= {"fds": [number for number in range(200) if os.path.exists(f"/proc/self/fd/{number}")]}
told |= {"pipes": [os.readlink(f"/proc/self/fd/{number}")[:5] for number in range(3)], "environment": dict(os.environ)}
told |= {"own": [os.getpid() == os.getsid(0) == os.getpgid(0), os.getpriority(os.PRIO_PROCESS, 0), os.getcwd() == FOLDER]}
told |= {"limits": [resource.getrlimit(number) for number in range(16)], "tmp": tempfile.gettempdir()}
told |= {"gc": gc.isenabled(), "children": open(f"/proc/self/task/{os.getpid()}/children").read()}
print(json.dumps({"state": told, "chance": random.random()}))
"""


def forks(program: str = _LIGHT, **more: str) -> Forking:
    return Forking({**_COMMON, **more}, (sys.executable, "-P", "-c", program))


@pytest.fixture(scope="module")
def light() -> Iterator[Forking]:
    server = forks()
    yield server
    server.close()


def ran(server: Forking, code: str, *, deadline: float = 60, **more: str) -> ProcessResult:
    """What became of a forked process that does ``code``."""

    def start() -> ForkedProgram:
        program = server.start()
        assert program is not None
        return program

    with processes.fresh_workspace() as workspace:
        told = code.replace("FOLDER", repr(str(workspace.work)))
        line = surroundings_line(processes.full_environment({**_COMMON, **more}, workspace), str(workspace.work))
        return processes.follow(start, line + told.encode(), deadline_seconds=deadline, grace_seconds=0.3)


def waiting(server: Forking, secret: str) -> ForkedProgram:
    """A process that was given ``secret`` in its environment and by its standard input, and waits."""
    program = server.start()
    assert program is not None
    code = f"import time; given = {secret!r}; print('ready', flush=True); time.sleep(300)"
    program.stdin.write(surroundings_line({**_COMMON, "SECRET": secret}, "/") + code.encode())
    program.stdin.close()
    assert program.stdout.readline() == b"ready\n"
    return program


def ended(program: ForkedProgram) -> int | None:
    program.signal_group(signal.SIGKILL)
    wait_for(program.has_exited)
    program.stdout.close()
    program.stderr.close()
    return program.wait()


def server_of(program: ForkedProgram) -> int:
    return int(Path(f"/proc/{program.pid}/stat").read_text().rpartition(")")[2].split()[1])


def opened(process: Path) -> int:
    """How many descriptors it has."""
    return len(list((process / "fd").iterdir()))


def test_a_forked_process_is_as_a_fresh_one(light: Forking) -> None:
    """Descriptors, environment, folder, umask, signals, limits, session: all the same; chance is not."""
    with processes.fresh_workspace() as workspace:
        told = _STATE.replace("FOLDER", repr(str(workspace.work)))
        fresh = processes.run((sys.executable, "-P", "-c", told), b"", env={**_COMMON, "OWN": "1"}, workspace=workspace)
    first, second = (ran(light, _STATE, OWN="1") for _ in range(2))
    assert [each.stderr for each in (fresh, first, second)] == [""] * 3
    states: list[dict[str, Any]] = [json.loads(each.stdout) for each in (fresh, first, second)]
    for state in states:
        assert state["state"].pop("tmp") == state["state"]["environment"].pop("TMPDIR")
    assert states[0]["state"]["environment"]["OWN"] == "1"
    assert states[0]["state"]["fds"] == [0, 1, 2]
    assert states[0]["state"] == states[1]["state"] == states[2]["state"]
    assert len({state["chance"] for state in states}) == 3


def test_nothing_of_one_is_in_another(light: Forking) -> None:
    """What one was given is in its own memory, and neither in that of the next, nor of one beside it, nor of the server."""
    texts = [os.urandom(16).hex() for _ in range(3)]
    before = waiting(light, texts[0])
    assert holds(before.pid, texts[0])
    assert ended(before) == -signal.SIGKILL
    beside, last = waiting(light, texts[1]), waiting(light, texts[2])
    found = {(pid, text) for pid in (beside.pid, last.pid, server_of(last)) for text in texts if holds(pid, text)}
    assert found == {(beside.pid, texts[1]), (last.pid, texts[2])}
    assert [ended(each) for each in (beside, last)] == [-signal.SIGKILL] * 2


def test_what_goes_wrong_in_one_is_its_own(light: Forking) -> None:
    """A crash, an exit code, an exception, a hang with a program that it started: each is told, the server stays."""
    other = waiting(light, "")
    server = server_of(other)
    assert ran(light, "import os; os.kill(os.getpid(), 11)").exit_code == -signal.SIGSEGV
    assert ran(light, "raise SystemExit(7)").exit_code == 7
    failed = ran(light, "1/0")
    assert (failed.exit_code, "ZeroDivisionError" in failed.stderr) == (1, True)
    mark = f"4711.{os.getpid()}1"
    hung = ran(light, f"import subprocess; print(flush=True); subprocess.run(['sleep', '{mark}'])", deadline=1)
    assert hung.ending is ProcessEnd.TIMEOUT
    assert not any(mark.encode() in path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline"))
    assert (server_of(other), other.has_exited()) == (server, False)
    ended(other)


def test_a_server_that_dies_takes_nobody_with_it() -> None:
    """What runs goes on to its end, though nobody knows its exit code; the next process comes from another server."""
    server = forks()
    lasting = waiting(server, "x")
    first = server_of(lasting)
    os.kill(first, signal.SIGKILL)
    assert ran(server, "print(6 * 7)").stdout == b"42\n"
    assert not lasting.has_exited()
    assert ended(lasting) is None
    last = waiting(server, "x")
    assert server_of(last) != first
    ended(last)
    server.close()


def test_a_server_that_nobody_asks_ends() -> None:
    """Whoever started it is gone, and so is whoever waits for a run: it reaps that run when it ends, and then goes."""
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    answers, answering = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    words = [sys.executable, "-P", "-c", _LIGHT, str(theirs.fileno())]
    read, write = os.pipe()
    with subprocess.Popen(words, env=_COMMON, pass_fds=[theirs.fileno()]) as server:
        with control, theirs, answers, answering, Path(os.devnull).open("wb") as nothing:
            socket.send_fds(control, [RUN], [read, nothing.fileno(), nothing.fileno(), answering.fileno()])
            run = int(answers.recv(64))
        os.close(read)
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(0.2)
        os.close(write)  # with the end of its input the run fails, for want of a first line
        assert server.wait(60) == 0
    assert not Path(f"/proc/{run}").exists()


def test_a_program_that_changed_is_loaded_anew(tmp_path: Path) -> None:
    """What runs then is not disturbed."""
    module = tmp_path / "shipped_yesterday.py"
    module.write_text("VERSION = 1\n")
    server = forks("import shipped_yesterday\n" + _LIGHT, PYTHONPATH=f"{_ROOT}:{tmp_path}")
    code = "print(shipped_yesterday.VERSION)"
    assert ran(server, code).stdout == b"1\n"
    running = waiting(server, "x")
    module.write_text("VERSION = 22\n")
    assert ran(server, code).stdout == b"22\n"
    assert not running.has_exited()
    assert ended(running) == -signal.SIGKILL
    server.close()


def at_rest(server: Path) -> int:
    """Its descriptors: those of a run are closed a moment after it was told how that ended."""
    counts = list[int]()
    while len(counts) < 10:
        counts.append(opened(server))
        time.sleep(0.02)
    return min(counts)


def test_fifty_runs_leave_nothing(light: Forking) -> None:
    """Neither descriptors here, nor descriptors, children or memory in the server."""
    held = list[tuple[int, int, int, str]]()
    for _ in range(2):
        for number in range(25):
            assert ran(light, f"print({number})").stdout == f"{number}\n".encode()
        probe = waiting(light, "")
        server = Path(f"/proc/{server_of(probe)}")
        ended(probe)
        task = server / "task" / server.name / "children"
        pages = int((server / "statm").read_text().split()[1])
        held.append((opened(Path("/proc/self")), at_rest(server), pages, task.read_text()))
    (*counts, pages, children), (*later, pages_later, _) = held
    assert counts == later
    assert children == ""
    assert pages_later - pages < 64


def test_without_a_server_runs_are_fresh_processes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Where it cannot be had, that is told once. Who says so, or has no home, gets none from the start."""
    server = forks("raise SystemExit(1)")
    assert [server.start(), server.start()] == [None, None]
    assert capfd.readouterr().err.count("no fork server to be had") == 1
    server.close()
    file = tmp_path / "fleet.yaml"
    file.write_text("version: 1\nenvironment: [A]\nrepositories: [{url: /a}, {url: /b, environment: [B]}]\n")
    fleet = open_fleet(file, {"HOME": "/h", "A": "1", "B": "2", "C": "3"}, SystemClock())
    assert {member.url: fleet.sees_more(member) for member in fleet.members()} == {"/a": False, "/b": True}
    made = forking(fleet)
    assert made is not None
    assert set(made.environment) == {"HOME", "A", "PATH"}
    assert forking(open_fleet(file, {"A": "1"}, SystemClock())) is None
    file.write_text("version: 1\nrepositories: [{url: /a}]\nschedule: {processes: fresh}\n")
    assert forking(open_fleet(file, {"HOME": "/h"}, SystemClock())) is None


def test_a_core_without_extras_is_loaded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no run there can use is left out. The files that were read are named, so that a change of them is seen."""
    for name in ("github", "httpx", "httpcore", "certifi"):
        monkeypatch.setitem(sys.modules, name, None)
    read = load_program()
    assert {"fields", "metadata", "platforms"} <= {path.parent.name for path in read}
    assert all(path.exists() for path in read)


def test_what_is_loaded_before_depends_on_no_run(tmp_path: Path) -> None:
    """Loading the program reads no variable that runs see differently, starts no thread and opens nothing."""
    server = forks(_FULL)
    names = "'CLOCKWORK_SECRET', 'CLOCKWORK_TOKEN', 'GITHUB_API_URL', 'GITHUB_TOKEN', 'TMPDIR', 'KUBECONFIG'"
    told = ran(server, f"import os, tempfile; print(sorted(read & {{{names}}}), tempfile.tempdir, 'HOME' in read)")
    assert told.stdout == b"[] None True\n", told.stderr
    state = json.loads(ran(server, _STATE).stdout)["state"]
    assert (state["fds"], state["Threads"]) == ([0, 1, 2], ["1"])
    probe = waiting(server, "")
    path = Path(f"/proc/{server_of(probe)}")
    kinds = sorted(str(each.readlink()).partition(":")[0] for each in (path / "fd").iterdir() if int(each.name) > 2)
    assert kinds == ["anon_inode", "socket", "socket"], "the run, who asked for it, and whoever asks for runs"
    assert len(list((path / "task").iterdir())) == 1
    ended(probe)
    server.close()
