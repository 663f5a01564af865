"""The one command that runs every check."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.check import COLLECTED, COVERED, FAST, ROOT, Step, beside, report, run


def test_a_missing_tool_is_a_failure_that_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is skipped: the step fails by name, the others still run, and the exit code is 1."""
    results = run((Step("none", "no-such-tool"), Step("lint", "ruff", ("--version",))))
    assert [problem is None for _, problem, _ in results] == [False, True]
    assert report(results) == 1
    printed = capsys.readouterr().out
    assert "FAILED none" in printed
    assert "no-such-tool is not installed: .venv/bin/pip install" in printed
    assert "ok     lint" in printed


def test_a_step_that_fails_tells_its_exit_code() -> None:
    """A tool that finds something is a failure of that step."""
    ((_, problem, _),) = run((Step("lint", "ruff", ("check", "no-such-file.py")),))
    assert problem == "exit code 1"
    assert report(run((Step("lint", "ruff", ("--version",)),))) == 0


def test_what_is_compiled_is_kept(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Also where the image of Python has it switched off: hundreds of processes would compile the bot again."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    ((_, problem, _),) = run((Step("flags", "python", ("-c", "import sys; print(sys.flags.dont_write_bytecode)")),))
    assert (problem, capfd.readouterr().out.splitlines()[-1]) == (None, "0")


def test_steps_beside_each_other_print_what_failed(capfd: pytest.CaptureFixture[str]) -> None:
    """Results stand in the order of the steps; what a failure printed is shown whole under its name, and nothing else."""
    bad, good = Step("bad", "ruff", ("check", "no-such-file.py")), Step("good", "ruff", ("--version",))
    results = beside((bad, good, Step("none", "no-such-tool")))
    assert [(step.name, problem) for step, problem, _ in results[:2]] == [("bad", "exit code 1"), ("good", None)]
    assert "no-such-tool is not installed" in str(results[2][1])
    lines = capfd.readouterr().out.splitlines()
    assert any("no-such-file.py" in line for line in lines[lines.index("== bad") :])
    assert not any(line.startswith("ruff ") for line in lines)


@pytest.mark.parametrize(("npm", "told"), [("echo no registry >&2; exit 1", "no registry"), (None, "npm")])
def test_a_description_that_cannot_be_brought_fails_the_script(tmp_path: Path, npm: str | None, told: str) -> None:
    """``.ci/run`` goes no further: tests that need it would be skipped, and everything would look well."""
    programs, script = tmp_path / "bin", tmp_path / "project" / ".ci" / "run"
    script.parent.mkdir(parents=True)
    script.write_bytes((ROOT / ".ci" / "run").read_bytes())
    programs.mkdir()
    for name in ("dirname", "id"):
        (programs / name).symlink_to(str(shutil.which(name)))
    for name, text in {"npm": npm, "python3": "echo went on"}.items():
        if text is not None:
            (programs / name).write_text(f"#!/bin/sh\n{text}\n")
            (programs / name).chmod(0o755)
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run([bash, str(script)], env={"PATH": str(programs)}, check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert told in done.stderr
    assert "went on" not in done.stdout


def test_what_a_job_should_have_brought_is_not_skipped(tmp_path: Path) -> None:
    """In continuous integration the tests that hold the sandbox against GitHub run, and fail where its description is not
    there.
    """
    command = "from tests.sandbox.octokit import NEEDED; print(NEEDED.args[0])"
    told = {
        ci: subprocess.run(
            [sys.executable, "-c", command],
            cwd=tmp_path,  # its own folder comes before PYTHONPATH
            env={"PYTHONPATH": str(_without_description(tmp_path / (ci or "none"))), "CI": ci},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for ci in ("", "true")
    }
    assert told == {"": "True\n", "true": "False\n"}


def _without_description(folder: Path) -> Path:
    """The project's code as it lies in a folder where npm brought nothing."""
    shutil.copytree(ROOT / "tests" / "sandbox", folder / "tests" / "sandbox")
    shutil.copy(ROOT / "tests" / "__init__.py", folder / "tests")
    (folder / "bot").symlink_to(ROOT / "bot")
    return folder


def test_continuous_integration_runs_the_same() -> None:
    """``.ci/run`` calls the command, every tool is a locked development dependency, and the script can be executed."""
    script = ROOT / ".ci" / "run"
    assert 'python -m tests.check "$@"' in script.read_text()
    assert os.access(script, os.X_OK)
    locked = Path(ROOT / "requirements.lock").read_text()
    packages = {"lint-imports": "import-linter"}
    for step in (*FAST, *COLLECTED, *COVERED):
        assert f"\n{packages.get(step.tool, step.tool)}==" in locked
