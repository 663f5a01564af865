"""What ``clockwork verify`` looks with, and where it writes how that ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bot.flows.action_plan import about
from bot.flows.applied import last_applied, record_applied
from bot.flows.verifying import Verification, note_deployment, publish, tell_pulls, verify
from bot.github import actions
from bot.model.codehost import CheckState, PullRequest
from bot.ports import CodeHost
from bot.shipped import folder
from bot.texts import Texts
from bot.wiring.appliers import apply_settings
from bot.wiring.host import open_host
from bot.wiring.reconcile import assessment_of, open_pushed
from bot.wiring.repository import OpenRepository, Options, SystemClock, repository_to_read

_MOST_COMMITS: Final = 20
"""Commits since the last apply whose pull requests are told how it ended."""


@dataclass(frozen=True, slots=True)
class AppliedVerification:
    """How it ended, and in sentences what was written where."""

    last_look: Verification
    written: tuple[str, ...] = ()
    pulls: tuple[int, ...] = ()
    """The pull requests that were told."""


def open_verification(
    options: Options, *, publish: bool, tasks: Sequence[str] = ()
) -> Callable[[float], AppliedVerification]:
    """Verifies for so many seconds. Without ``publish`` nothing is written, and a folder is read as it lies."""
    open_repo = open_pushed(options) if publish else repository_to_read(options)
    return verification_of(open_repo, publish=publish, tasks=tasks)


def verification_of(
    open_repo: OpenRepository, *, publish: bool, done_lines: Sequence[str] = (), tasks: Sequence[str] = ()
) -> Callable[[float], AppliedVerification]:
    """As :func:`open_verification`, of a repository that is open.

    ``done_lines`` are sentences about what was applied, ``tasks`` what alone is looked at (all without any).
    """
    assess, clock = assessment_of(open_repo), SystemClock()

    def run(wait: float) -> AppliedVerification:
        verification = verify(lambda: about(assess(), tasks), clock, wait=wait)
        return _published(verification, open_repo, done_lines) if publish else AppliedVerification(verification)

    return run


def _published(verification: Verification, open_repo: OpenRepository, done_lines: Sequence[str]) -> AppliedVerification:
    commits = _since_applied(open_repo, verification.assessment.declaration.commit)
    host, pulls = open_host(open_repo, SystemClock()), tuple[PullRequest, ...]()
    output_lines: list[str] = []
    if verification.state is CheckState.SUCCESS and open_repo.git is not None:
        target, commit = open_repo.options.target, commits[0]
        applied = record_applied(
            open_repo.git, branch=open_repo.branch, commit=commit, name=open_repo.name, target=target
        )
        output_lines.append(f"Remembered as applied{'' if target is None else f' to {target}'}: {applied}")
    if host is not None:
        output_lines += _on_commit(verification, open_repo, host, done_lines)
        pulls = tell_pulls(verification, host, Texts.at(folder("templates")), commits=commits, done_lines=done_lines)
        output_lines += [f"Comment: {pull.url}" for pull in pulls]
    return AppliedVerification(verification, tuple(output_lines), tuple(pull.number for pull in pulls))


def _on_commit(
    verification: Verification, open_repo: OpenRepository, host: CodeHost, done_lines: Sequence[str]
) -> Iterator[str]:
    target, run = open_repo.options.target, actions.run(open_repo.options.environment)
    yield f"Check: {publish(verification, host, target=target, done_lines=done_lines).url}"
    if environment := apply_settings(open_repo, target or "").environment:
        yield note_deployment(verification, host, environment=environment, link=run.link if run else None)


def _since_applied(open_repo: OpenRepository, commit: str) -> list[str]:
    """The commits that came since the last apply, newest first; the last one alone where nothing was applied yet."""
    before = last_applied(open_repo.repository, open_repo.options.target)
    if before is None or not open_repo.repository.is_ancestor(before, commit):
        return [commit]
    newer = open_repo.repository.log(commit, limit=_MOST_COMMITS, until=before)
    return [info.sha for info in newer] or [commit]
