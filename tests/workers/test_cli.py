"""``clockwork report`` and ``clockwork worker run`` on a real remote repository and a real database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.entrypoints.cli import main
from tests.sessions.samples import session
from tests.workers.remotes import git, make_remote


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bare repository with two recorded sessions; we stand in a clone of it."""
    return make_remote(tmp_path, monkeypatch, [session(1), session(2)])


def test_report_commits_once(remote: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The document is committed to the branch; a second run makes no second commit."""
    before = git(remote, "rev-list", "--count", "main")
    assert main(["report", "--repo", str(remote), "--json"]) == 0
    sha = json.loads(capfd.readouterr().out)["commit"]
    assert git(remote, "rev-parse", "main").strip() == sha
    assert "**100 failures per 100 runs**: 2 in 2 runs" in git(remote, "show", "main:AI_Failure_Modes.md")
    assert main(["report", "--repo", str(remote)]) == 0
    assert capfd.readouterr().out == "AI_Failure_Modes.md was left as it is: the picture is the same.\n"
    assert int(git(remote, "rev-list", "--count", "main")) == int(before) + 1


def test_report_can_print_only(remote: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """``--stdout`` prints the Markdown and writes nothing."""
    before = git(remote, "rev-parse", "main")
    assert main(["report", "--repo", str(remote), "--stdout"]) == 0
    assert capfd.readouterr().out.startswith("# AI failure modes\n")
    assert git(remote, "rev-parse", "main") == before


@pytest.mark.parametrize("name", ["analysis", "metrics", "export", "cleanup"])
def test_each_worker_runs_alone(remote: Path, capfd: pytest.CaptureFixture[str], name: str) -> None:
    """``worker run NAME --once`` runs that worker and says what it did."""
    assert main(["worker", "run", name, "--once", "--json", "--repo", str(remote)]) == 0
    printed = json.loads(capfd.readouterr().out)
    assert (printed["worker"], printed["skipped"]) == (name, False)
