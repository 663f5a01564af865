"""Publishes what a run without rights judged: the second job of a pull request from a fork."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import Invalid, Refused
from bot.guardrails import artifact
from bot.model.codehost import ItemState
from bot.model.finding import Mode
from bot.wiring.actions import judged_commit
from bot.wiring.guard import Guard, review

if TYPE_CHECKING:
    from bot.flows.head_check import Reviewed
    from bot.guardrails.artifact import Artifact
    from bot.model.codehost import PullRequest


def publish(guard: Guard, file: Path, *, head: str | None, mode: Mode | None, comment: bool) -> Reviewed:
    """Judge the pull request that an artifact is about and publish the check on its head.

    Nothing is published where the artifact is malformed or too large (``Invalid``), or not about the commit that its run was
    for, this repository and the head of an open pull request (``Refused``).
    """
    given = artifact.read(_bytes(file))
    commit = judged_commit(guard.opened.options.environment, head)
    artifact.check(given, repository=guard.opened.name, head=commit)
    _check_pull(given, guard.host.pull(given.number))
    return review(guard, given.number, mode=mode, comment=comment, claims=given.claims)


def _check_pull(given: Artifact, pull: PullRequest) -> None:
    if pull.state is not ItemState.OPEN:
        raise Refused(f"the artifact is about #{pull.number}, which is {pull.state.value}")
    if pull.head_sha != given.head:
        raise Refused(
            f"the artifact is about {given.head[:12]}, and #{pull.number} is at {pull.head_sha[:12]}",
            advice="A newer run judges the newer commit.",
        )


def _bytes(file: Path) -> bytes:
    """A file's bytes, no more than an artifact may have. A link is not followed: whoever packed it chose where it leads."""
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            raise Invalid(f"{file} is no regular file")
        with file.open("rb") as stream:
            return stream.read(artifact.MAX_BYTES + 1)
    except OSError as exc:
        raise Invalid(f"{file} cannot be read: {exc.strerror}") from exc
