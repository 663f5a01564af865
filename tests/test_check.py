"""The one command that runs every check."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.check import COVERED, FAST, ROOT, Step, report, run


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


def test_continuous_integration_runs_the_same() -> None:
    """``.ci/run`` calls the command, every tool is a locked development dependency, and the script can be executed."""
    script = ROOT / ".ci" / "run"
    assert 'python -m tests.check "$@"' in script.read_text()
    assert os.access(script, os.X_OK)
    locked = Path(ROOT / "requirements.lock").read_text()
    packages = {"lint-imports": "import-linter"}
    for step in (*FAST, *COVERED):
        assert f"\n{packages.get(step.tool, step.tool)}==" in locked
