"""Publishes what a run without rights judged: the second job of a pull request from a fork."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import Invalid, Refused
from bot.guardrails import artifact
from bot.model.codehost import ItemState
from bot.model.finding import Mode
from bot.wiring.actions import finished_run, judged_commit
from bot.wiring.guard import Guard, review

if TYPE_CHECKING:
    from bot.flows.head_check import Reviewed
    from bot.github.finished_workflow import FinishedWorkflow
    from bot.guardrails.artifact import Artifact
    from bot.model.codehost import PullRequest

_DELETED = "a repository that is gone"


def publish(guard: Guard, file: Path, *, head: str | None, mode: Mode | None, comment: bool) -> Reviewed:
    """Judge the pull request that an artifact is about and publish the check on its head.

    Nothing is published where the artifact is malformed or too large (``Invalid``), or not about the commit and branch that
    its run was for, this repository and the head of an open pull request (``Refused``).
    """
    artifact_read = artifact.read(_bytes(file))
    finished = finished_run(guard.opened.options.environment)
    artifact.check(artifact_read, repository=guard.opened.name, head=judged_commit(finished, head))
    pull = guard.host.pull(artifact_read.number)
    _check_pull(artifact_read, pull)
    if finished is None:
        _check_alone(pull, guard.host.pulls())
    else:
        _check_run(finished, pull, guard.opened.name)
    return review(guard, artifact_read.number, mode=mode, comment=comment, claims=artifact_read.claims)


def _check_pull(given_artifact: Artifact, pull: PullRequest) -> None:
    if pull.state is not ItemState.OPEN:
        raise Refused(f"the artifact is about #{pull.number}, which is {pull.state.value}")
    if pull.head_sha != given_artifact.head:
        raise Refused(
            f"the artifact is about {given_artifact.head[:12]}, and #{pull.number} is at {pull.head_sha[:12]}",
            advice="A newer run judges the newer commit.",
        )


def _check_run(finished: FinishedWorkflow, pull: PullRequest, repository: str) -> None:
    """Return where the run was for this pull request: anybody can open another one with the same commit as its head."""
    if finished.repository.casefold() != repository.casefold():
        raise Refused(f"the run was in {finished.repository}, and this is {repository}")
    run_repository, pull_repository = finished.head_repository or "", pull.head_repository
    if finished.pulls:
        matches = pull.number in finished.pulls
    else:
        matches = bool(run_repository) and (run_repository.casefold(), finished.head_branch) == (
            pull_repository.casefold(),
            pull.head_ref,
        )
    if not matches:
        raise Refused(
            f"the artifact is about #{pull.number}, whose head is {pull.head_ref!r} of {pull_repository or _DELETED}, "
            f"and its run was for {finished.head_branch!r} of {run_repository or _DELETED}",
            advice=f"Nothing was published. `clockwork guard pr {pull.number}` judges it without an artifact.",
        )


def _check_alone(pull: PullRequest, pulls: Sequence[PullRequest]) -> None:
    """Return where no other open pull request has the same head: without an event nothing tells which one is meant."""
    other_numbers = [
        candidate.number
        for candidate in pulls
        if candidate.head_sha == pull.head_sha and candidate.number != pull.number
    ]
    if other_numbers:
        number_list = ", ".join(f"#{number}" for number in sorted(other_numbers)[:10])
        raise Refused(
            f"the artifact is about #{pull.number}, and {number_list} has the same head",
            advice="In a workflow_run job the event tells whose run it was.",
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
