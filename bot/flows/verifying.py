"""``clockwork verify``: look until what runs is what a commit says, and write on the commit how that ended.

Rolling out takes time, so a difference is looked at again until the wait is over. What could not be looked at never counts
as verified.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot import escape
from bot.errors import Closed
from bot.flows.context import Messages
from bot.flows.observation import Assessment
from bot.model.codehost import Check, CheckState, DeploymentNote, Marker, PublishedCheck, PullRequest
from bot.model.drift import Report
from bot.model.wording import counted
from bot.ports import Clock, CodeHost, DeployingHost
from bot.report.markdown import summary
from bot.report.wording import all_compared

CHECK: Final = "clockwork/verify"
"""The name of the check on the commit."""
_COMMENT: Final = "verified"
_AGAIN: Final = 5.0
"""Seconds from one look to the next."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The last look, and after how many."""

    assessment: Assessment
    looks: int

    @property
    def state(self) -> CheckState:
        """Success only where everything was looked at and nothing differs; neutral where nobody knows."""
        report = self.assessment.report
        if report.drift or report.errors:
            return CheckState.FAILURE
        return CheckState.SUCCESS if all_compared(report) else CheckState.NEUTRAL

    @property
    def title(self) -> str:
        """One line for people."""
        match self.state:
            case CheckState.SUCCESS:
                return "What runs is what Git says"
            case CheckState.NEUTRAL:
                return "Not everything could be looked at"
            case _:
                return _fault(self.assessment.report)


def _fault(report: Report) -> str:
    if report.errors:
        return f"{counted(len(report.errors), 'error')} in Git"
    return f"{counted(len(report.drift), 'difference')} between Git and what runs"


def verify(assess: Callable[[], Assessment], clock: Clock, *, wait: float) -> Verification:
    """Look until nothing differs, at most for ``wait`` seconds; a mistake in Git does not go away by waiting."""
    until, looks = clock.now() + timedelta(seconds=wait), 0
    while True:
        assessment, looks = assess(), looks + 1
        report = assessment.report
        settled = not (report.drift or report.unreachable)
        if settled or report.errors or clock.now() >= until:
            return Verification(assessment, looks)
        clock.sleep(_AGAIN)


def publish(
    verification: Verification, host: CodeHost, *, target: str | None = None, done_lines: Sequence[str] = ()
) -> PublishedCheck:
    """Write the result on the commit, below ``done_lines`` (what the run did before); the same result is written once.

    A ``target`` that was looked at alone has a check of its own, which says nothing about the others.
    """
    assessment = verification.assessment
    lines = [f"- {escape.line(line)}" for line in done_lines]
    text = "\n".join([*lines, *([""] if lines else []), summary(assessment.report, assessment.decisions)])
    commit = assessment.declaration.commit
    name = CHECK if target is None else f"{CHECK}/{target}"
    return host.publish(
        Check(
            name, commit, verification.state, verification.title, text, external_id=_identity(verification, done_lines)
        )
    )


def tell_pulls(
    verification: Verification,
    host: CodeHost,
    texts: Messages,
    *,
    commits: Sequence[str],
    done_lines: Sequence[str] = (),
) -> tuple[PullRequest, ...]:
    """Say how it ended on the pull requests that ``commits`` were merged from: one comment each, which says what is newest.

    ``done_lines`` are sentences about what was applied. Where we may not comment, or the host knows no merges, nothing is said.
    """
    if not isinstance(host, DeployingHost):
        return ()
    assessment = verification.assessment
    text = "" if verification.state is CheckState.SUCCESS else summary(assessment.report, assessment.decisions)
    body = texts.render("verified.md", title=verification.title, commit=commits[0], done=done_lines, summary=text)
    told_pulls = []
    for pull in {pull.number: pull for commit in commits if (pull := host.merged_as(commit)) is not None}.values():
        with suppress(Closed):
            host.comment(pull.number, marker=Marker(_COMMENT, f"pull/{pull.number}", ""), body=body)
            told_pulls.append(pull)
    return tuple(told_pulls)


def note_deployment(verification: Verification, host: CodeHost, *, environment: str, link: str | None) -> str:
    """Note in an environment of the host how it ended; a sentence about that."""
    if not isinstance(host, DeployingHost):
        return f"Deployment: {environment}: this host has no deployments."
    commit = verification.assessment.declaration.commit
    note = DeploymentNote(environment, commit, verification.state, verification.title, link)
    try:
        return f"Deployment: {host.note_deployment(note)}"
    except Closed as exc:
        return f"Deployment: {environment}: not noted: {exc.message} (the token needs deployments: write)"


def _identity(verification: Verification, done_lines: Sequence[str]) -> str:
    report = verification.assessment.report
    facts = [
        verification.state,
        sorted(drift.id for drift in report.drift),
        sorted(gap.target for gap in report.unreachable),
        *done_lines,
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
