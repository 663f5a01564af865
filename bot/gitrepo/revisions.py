"""Names of commits that Git has and libgit2 has not: where a branch is pushed to, and the reflog of ``@``.

Sources: gitrevisions(7), ``@{push}``; git-config(1), ``branch.<name>.pushRemote``, ``remote.pushDefault``, ``push.default``.
"""

from __future__ import annotations

import re
from typing import Final

import pygit2

from bot.model.patterns import regex

_PUSH: Final = regex(r"(?P<branch>.*?)@\{push\}(?P<rest>.*)", re.IGNORECASE)
_AS_NAMED: Final = frozenset({"current", "matching"})


def libgit2_name(git: pygit2.Repository, name: str) -> str:
    """The same name as libgit2 knows it; unchanged where there is nothing to say otherwise."""
    if name.startswith("@@{"):
        return f"HEAD{name[1:]}"
    match = _PUSH.fullmatch(name)
    if match is None:
        return name
    branch = match["branch"]
    if branch in {"", "@", "HEAD"}:
        if git.head_is_unborn or git.head_is_detached:
            return name
        branch = git.head.shorthand
    return f"{_pushed(git, branch)}{match['rest']}"


def _pushed(git: pygit2.Repository, branch: str) -> str:
    """Where ``git push`` takes a branch: to its own name, unless that is only allowed for the branch that it follows."""

    def setting(name: str) -> str:
        return (git.config[name] or "") if name in git.config else ""

    own_remote = setting(f"branch.{branch}.remote")
    remote = setting(f"branch.{branch}.pushRemote") or setting("remote.pushDefault") or own_remote or "origin"
    if remote != own_remote or setting("push.default") in _AS_NAMED:
        return f"refs/remotes/{remote}/{branch}"
    return f"{branch}@{{upstream}}"
