"""Small verbs that several tests share."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import github
import github.PullRequest
import github.Repository

from bot.sandbox.server import Sandbox

BOT = "clockwork"


@dataclass(frozen=True)
class Box:
    """A running server with the tokens of an app (``clockwork``) and of an ordinary person (``mallory``)."""

    server: Sandbox
    token: str
    personal: str


@contextmanager
def client(server: Sandbox, token: str) -> Iterator[github.Github]:
    gh = github.Github(
        auth=github.Auth.Token(token),
        base_url=server.api_url,
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )
    try:
        yield gh
    finally:
        gh.close()


def tip(repo: github.Repository.Repository, branch: str = "main") -> str:
    return repo.get_git_ref(f"heads/{branch}").object.sha


def propose(
    repo: github.Repository.Repository, branch: str = "fix", *, files: dict[str, str] | None = None, title: str = "Fix"
) -> github.PullRequest.PullRequest:
    """A pull request from a new branch that adds ``files``."""
    repo.create_git_ref(f"refs/heads/{branch}", tip(repo))
    for path, text in (files or {"new.txt": "hello\n"}).items():
        repo.create_file(path, f"Add {path}", text, branch=branch)
    return repo.create_pull(title=title, body="Why not", head=branch, base="main")


def authed(box: Box, full_name: str, token: str | None = None) -> str:
    return box.server.git_url(full_name).replace("://", f"://x:{token or box.token}@")


def git(*arguments: str, at: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run git as a person would, untouched by this machine's settings."""
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(at),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Ann",
        "GIT_AUTHOR_EMAIL": "ann@example.org",
        "GIT_COMMITTER_NAME": "Ann",
        "GIT_COMMITTER_EMAIL": "ann@example.org",
    }
    return subprocess.run(["git", *arguments], cwd=at, env=environment, check=check, capture_output=True, text=True)


def cloned(box: Box, full_name: str, at: Path, token: str | None = None) -> Path:
    git("clone", "-q", authed(box, full_name, token), "work", at=at)
    return at / "work"


def commit_file(work: Path, path: str, text: str, message: str = "Change") -> None:
    (work / path).parent.mkdir(parents=True, exist_ok=True)
    (work / path).write_text(text, encoding="utf-8")
    git("add", "-A", at=work)
    git("commit", "-q", "-m", message, at=work)
