"""Refs are told as Git tells them, byte for byte."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pygit2
import pytest

from bot.sandbox.advertised import SERVICES, body
from bot.sandbox.bare_repositories import BareRepositories

WHO = pygit2.Signature("Ann", "ann@example.com", 1_700_000_000, 0)


def backend(path: Path, service: str, protocol: str) -> bytes:
    """What ``git http-backend`` answers, below its headers."""
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(path.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "HOME": str(path.parent),
        "PATH_INFO": f"/{path.name}/info/refs",
        "QUERY_STRING": f"service={service}",
        "REQUEST_METHOD": "GET",
        "GIT_PROTOCOL": protocol,
        "REMOTE_USER": "ann",
    }
    done = subprocess.run(["git", "http-backend"], env=environment, capture_output=True, check=True)
    return done.stdout.partition(b"\r\n\r\n")[2]


def commit(git: pygit2.Repository, branch: str = "main") -> pygit2.Oid:
    tree = git.TreeBuilder().write()
    return git.create_commit(f"refs/heads/{branch}", WHO, WHO, branch, tree, [])


def tags(git: pygit2.Repository) -> None:
    """One of each: light, annotated, of a tag, and one that is no tag by its name."""
    sha = commit(git)
    git.references.create("refs/tags/light", sha)
    tag = git.create_tag("v1", sha, pygit2.enums.ObjectType.COMMIT, WHO, "One")
    again = git.create_tag("v1-again", tag, pygit2.enums.ObjectType.TAG, WHO, "Once more")
    git.references.create("refs/notes/of-a-tag", again)


def pulls(git: pygit2.Repository) -> None:
    """Refs that are fetched and not pushed."""
    git.references.create("refs/pull/1/head", commit(git, "fix"))
    git.references.create("refs/pull-requests", commit(git))


def packed(git: pygit2.Repository) -> None:
    """Some refs lie in one file, and one of those was moved since."""
    tags(git)
    commit(git, "Z")
    commit(git, "a/b")
    subprocess.run(["git", "pack-refs", "--all"], cwd=git.path, check=True)
    git.references.create("refs/heads/Z", commit(git, "other"), force=True)


def part_pushes(git: pygit2.Repository) -> None:
    """Another configuration."""
    commit(git)
    git.config["receive.advertiseAtomic"] = False


def unborn(git: pygit2.Repository) -> None:
    """HEAD leads nowhere."""
    commit(git, "other")


def pointing(git: pygit2.Repository) -> None:
    """One ref leads to another."""
    commit(git)
    git.references.create("refs/heads/alias", "refs/heads/main")


ROWS: Mapping[str, tuple[Callable[[pygit2.Repository], object], bool]] = {
    "one branch": (commit, True),
    "tags": (tags, True),
    "pull requests": (pulls, True),
    "packed": (packed, True),
    "another configuration": (part_pushes, True),
    "an unborn head": (unborn, True),
    "a ref to a ref": (pointing, True),
    "nothing": (lambda _git: None, False),
}


@pytest.mark.parametrize(("made", "told"), ROWS.values(), ids=ROWS)
def test_refs_are_told_as_git_tells_them(
    tmp_path: Path, made: Callable[[pygit2.Repository], object], told: bool
) -> None:
    """To who fetches and who pushes, in both versions; an empty repository is left to Git."""
    repositories = BareRepositories(tmp_path)
    repositories.create("acme/shop", "main")
    made(repositories.open("acme/shop"))
    path = repositories.path("acme/shop")
    for service in SERVICES:
        for protocol in ("", "version=2"):
            answer = body(path, service, protocol)
            assert answer == (backend(path, service, protocol) if answer is not None else None)
            assert (answer is not None) is (told or (service, protocol) == ("git-upload-pack", "version=2"))


def test_what_is_out_of_the_ordinary_is_left_to_git(tmp_path: Path) -> None:
    """A detached head, a ref to nothing, objects of another repository, a shallow one, a version of the protocol."""
    repositories = BareRepositories(tmp_path)
    for number, name in enumerate(("detached", "broken", "borrowing", "shallow", "version")):
        repositories.create(f"acme/{name}", "main")
        git, path = repositories.open(f"acme/{name}"), repositories.path(f"acme/{name}")
        sha = commit(git)
        if name == "detached":
            git.set_head(sha)
        if name == "broken":
            (path / "refs/heads/broken").write_text("1" * 40 + "\n")
        if name in {"borrowing", "shallow"}:
            (path / ("shallow" if name == "shallow" else "objects/info/alternates")).write_text("")
        assert body(path, "git-upload-pack", "version=1" if name == "version" else "") is None, number
