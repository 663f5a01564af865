"""``clockwork report`` and ``clockwork worker run`` on a real remote repository and a real database."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from bot.entrypoints.cli import main
from bot.sessions.sql import SqlSessions
from tests.sessions.samples import session


def git(where: Path, *arguments: str) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": str(where), "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *who, *arguments], cwd=where, env=env, capture_output=True, check=True)
    return done.stdout.decode()


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bare repository whose settings keep sessions in a database that holds two sessions; we stand in a clone of it."""
    database = f"sqlite:///{tmp_path}/sessions.db"
    bare, clone = tmp_path / "remote.git", tmp_path / "clone"
    git(tmp_path, "init", "-q", "--bare", str(bare))
    git(tmp_path, "clone", "-q", str(bare), str(clone))
    (clone / "clockwork.yaml").write_text(f"version: 1\nsessions:\n  store: {database}\n")
    git(clone, "add", ".")
    git(clone, "commit", "-q", "-m", "Begin")
    git(clone, "push", "-q", "origin", "HEAD:main")
    log = SqlSessions(database)
    log.write([session(1), session(2)])
    log.close()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(clone)
    return bare


def test_report_commits_once(remote: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The document is committed to the branch; a second run makes no second commit."""
    before = git(remote, "rev-list", "--count", "main")
    assert main(["report", "--repo", str(remote), "--json"]) == 0
    sha = json.loads(capfd.readouterr().out)["commit"]
    assert git(remote, "rev-parse", "main").strip() == sha
    assert "**2** failures in **2** of 2 recorded runs" in git(remote, "show", "main:AI_Failure_Modes.md")
    assert main(["report", "--repo", str(remote)]) == 0
    assert capfd.readouterr().out == "AI_Failure_Modes.md is up to date.\n"
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
