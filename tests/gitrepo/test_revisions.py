"""Names of commits that Git has and libgit2 has not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pygit2
import pytest

from bot.gitrepo.revisions import libgit2_name

FOLLOWED = {"branch.main.remote": "origin"}


@pytest.fixture
def git(tmp_path: Path) -> pygit2.Repository:
    """A repository with one commit on ``main``."""
    repository = pygit2.init_repository(str(tmp_path), initial_head="main")
    me = pygit2.Signature("Ann", "ann@example.com")
    repository.create_commit("HEAD", me, me, "Begin", repository.TreeBuilder().write(), [])
    return repository


@pytest.mark.parametrize(
    ("config", "name", "words"),
    [
        (FOLLOWED, "@{push}", "main@{upstream}"),
        (FOLLOWED, "HEAD@{push}~2", "main@{upstream}~2"),
        (FOLLOWED, "topic@{PUSH}", "refs/remotes/origin/topic"),
        (FOLLOWED | {"push.default": "current"}, "@{push}", "refs/remotes/origin/main"),
        (FOLLOWED | {"remote.pushDefault": "fork"}, "@{push}^", "refs/remotes/fork/main^"),
        (
            FOLLOWED | {"branch.main.pushRemote": "mine", "remote.pushDefault": "fork"},
            "@{push}",
            "refs/remotes/mine/main",
        ),
        ({}, "@@{1}", "HEAD@{1}"),
        ({}, "HEAD~1", "HEAD~1"),
        ({}, "a@b", "a@b"),
    ],
)
def test_where_a_branch_is_pushed_to_is_known(
    git: pygit2.Repository, config: Mapping[str, str], name: str, words: str
) -> None:
    """As ``git push`` would take it: to what it follows, or to its own name elsewhere."""
    for setting, value in config.items():
        git.config[setting] = value
    assert libgit2_name(git, name) == words


def test_without_a_branch_nobody_knows(git: pygit2.Repository) -> None:
    """A detached head is pushed nowhere."""
    git.set_head(git.head.target)
    assert libgit2_name(git, "@{push}") == "@{push}"
