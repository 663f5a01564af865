"""A real remote repository whose settings keep sessions in a real database."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bot.model.session import Session
from bot.sessions.sql import SqlSessions


def git(where: Path, *arguments: str) -> str:
    """What git printed in the folder ``where``."""
    env = {"PATH": os.environ["PATH"], "HOME": str(where), "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *who, *arguments], cwd=where, env=env, capture_output=True, check=True)
    return done.stdout.decode()


def make_remote(
    folder: Path, monkeypatch: pytest.MonkeyPatch, sessions: Sequence[Session], files: Mapping[str, str] | None = None
) -> Path:
    """A bare repository whose database holds ``sessions``; we stand in a clone of it, with a home of our own."""
    database = f"sqlite:///{folder}/sessions.db"
    bare, clone = folder / "remote.git", folder / "clone"
    git(folder, "init", "-q", "--bare", str(bare))
    git(folder, "clone", "-q", str(bare), str(clone))
    contents = {"clockwork.yaml": f"version: 1\nsessions:\n  store: {database}\n", **(files or {})}
    for path, text in contents.items():
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        (clone / path).write_text(text)
    git(clone, "add", ".")
    git(clone, "commit", "-q", "-m", "Begin")
    git(clone, "push", "-q", "origin", "HEAD:main")
    log = SqlSessions(database)
    log.write(sessions)
    log.close()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    monkeypatch.chdir(clone)
    return bare
