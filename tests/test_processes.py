"""Programs run alone, with what they were given and no more, and end when they should."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.processes import ProcessEnd, ProcessResult, fresh_workspace, run

ENV: Mapping[str, str] = {"PATH": os.environ["PATH"]}


def python(
    code: str, stdin: bytes = b"", *, env: Mapping[str, str] = ENV, deadline: float = 30, cap: int = 1 << 22
) -> ProcessResult:
    return run(
        [sys.executable, "-I", "-c", code], stdin, env=env, deadline_seconds=deadline, output_cap=cap, grace_seconds=0.3
    )


def alive(pid: int) -> bool:
    """Whether the process runs (a zombie that nobody reaped yet does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}


def gone(pid: int, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < until:
        os.sched_yield()
    return not alive(pid)


def test_large_input_comes_back_whole() -> None:
    """Three megabytes go in and out at once without either side waiting for the other."""
    data = os.urandom(3 << 20)
    ran = python("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())", data)
    assert (ran.ending, ran.exit_code) == (ProcessEnd.EXITED, 0)
    assert ran.stdout == data


def test_the_environment_is_an_allowlist(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program sees its own variables, PATH, HOME and TMPDIR, and none of ours."""
    monkeypatch.setenv("GITHUB_TOKEN", "never-handed-over")
    ran = python("import os, json; print(json.dumps(dict(os.environ)))", env={**ENV, "ONE_KEY": "k"})
    seen = json.loads(ran.stdout)
    assert set(seen) - {"LC_CTYPE"} == {"PATH", "HOME", "TMPDIR", "ONE_KEY"}
    assert seen["HOME"] != os.environ.get("HOME")


def test_the_working_directory_is_empty_and_goes_away() -> None:
    """The program starts in an empty folder; what it leaves there and in HOME is gone afterwards."""
    code = (
        "import os, json, pathlib; here = pathlib.Path.cwd(); before = os.listdir();"
        "(here / 'left').write_text('x'); home = pathlib.Path(os.environ['HOME']); (home / '.rc').write_text('x');"
        "print(json.dumps([str(here), str(home), before, oct(home.parent.stat().st_mode)]))"
    )
    here, home, before, mode = json.loads(python(code).stdout)
    assert before == []
    assert mode.endswith("700")
    assert not Path(here).exists()
    assert not Path(home).exists()


def test_a_program_that_ignores_sigterm_is_killed() -> None:
    """The deadline ends a program that ignores SIGTERM."""
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    ran = python(code, deadline=0.5)
    assert ran.ending is ProcessEnd.TIMEOUT
    assert ran.exit_code == -9


def test_a_polite_program_may_clean_up() -> None:
    """SIGTERM comes first: a program that handles it exits with its own code."""
    code = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *a: sys.exit(7));"
        "print('up', flush=True); time.sleep(600)"
    )
    ran = python(code, deadline=1.0)
    assert (ran.ending, ran.exit_code) == (ProcessEnd.TIMEOUT, 7)


@pytest.mark.parametrize("main_ends", [True, False])
def test_what_the_program_started_ends_with_it(*, main_ends: bool) -> None:
    """A grandchild that keeps the pipes open neither survives nor holds the answer up."""
    code = (
        "import subprocess, sys, time;"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        f"print(p.pid, flush=True); {'pass' if main_ends else 'time.sleep(600)'}"
    )
    ran = python(code, deadline=20 if main_ends else 1.0)
    assert ran.ending is (ProcessEnd.EXITED if main_ends else ProcessEnd.TIMEOUT)
    assert gone(int(ran.stdout))


def test_endless_output_is_cut_off() -> None:
    """A program that prints without end is stopped at the cap, and no more than a chunk beyond it is kept."""
    ran = python("import sys\nwhile True: sys.stdout.write('x' * 65536)", cap=200_000)
    assert ran.ending is ProcessEnd.TOO_LARGE
    assert 200_000 < len(ran.stdout) <= 200_000 + 65536


def test_endless_stderr_is_not_kept() -> None:
    """A flood on stderr is noise: its tail stays, the run goes on."""
    ran = python("import sys; sys.stderr.write('n' * 2_000_000 + 'last words'); print('{}')")
    assert ran.ending is ProcessEnd.EXITED
    assert ran.stderr.endswith("last words")
    assert len(ran.stderr) == 8192


def test_a_program_that_does_not_read_is_fine() -> None:
    """Not reading stdin is a program's right."""
    ran = python("print('ok')", b"x" * (1 << 20))
    assert (ran.ending, ran.exit_code, ran.stdout) == (ProcessEnd.EXITED, 0, b"ok\n")


def test_closing_both_outputs_is_not_exiting() -> None:
    """A program that closes its outputs and lives on is still held to the deadline."""
    ran = python("import os, time; os.close(1); os.close(2); time.sleep(600)", deadline=0.7)
    assert ran.ending is ProcessEnd.TIMEOUT


@pytest.mark.parametrize("argv", [["no-such-program-anywhere"], ["/etc/hostname"]])
def test_a_missing_program_is_a_value(argv: list[str]) -> None:
    """A program that is not there, or is no program, is told, not raised."""
    ran = run(argv, b"", env=ENV)
    assert ran.ending is ProcessEnd.NOT_FOUND
    assert ran.exit_code is None


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="not Linux")
def test_a_system_that_tells_no_ends_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel, or a filter, refuses ``pidfd_open``, the end of a program is noticed all the same."""

    def refused(_pid: int, _flags: int = 0) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refused)
    ended = python("print('done')")
    assert (ended.ending, ended.stdout) == (ProcessEnd.EXITED, b"done\n")


def test_no_files_stay_open() -> None:
    """Fifty runs leave as many open files as none."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        run(["true"], b"", env=ENV)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_place_given_from_outside_stays_until_its_owner_leaves() -> None:
    """Files handed over in the scratch folder, and files left there, can be read after the run."""
    with fresh_workspace() as workspace:
        (workspace.scratch / "in").write_text("hello")
        code = "import os, pathlib; d = pathlib.Path(os.environ['TMPDIR']); (d / 'out').write_text((d / 'in').read_text() * 2)"
        run([sys.executable, "-I", "-c", code], b"", env=ENV, workspace=workspace)
        assert (workspace.scratch / "out").read_text() == "hellohello"
    assert not workspace.scratch.exists()
