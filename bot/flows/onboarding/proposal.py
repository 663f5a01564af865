"""Opens the onboarding pull request: one branch, one commit of new files, one body. Called by ``clockwork init``.

It obeys what every writer obeys: nothing while halted, and no branch that somebody else took over. The ledger is not
begun by it: until somebody merges, the repository has nothing of Clockwork but this branch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.errors import Closed, Invalid, Refused
from bot.flows.context import RunContext
from bot.flows.memory import check_running
from bot.flows.onboarding.forecast import FirstRun
from bot.flows.onboarding.starter import SETTINGS, WORKFLOW, Starter
from bot.flows.onboarding.survey import Survey
from bot.flows.ownership import own_tip
from bot.model.codehost import Marker, PullRequest
from bot.ports import AddingRepository

KIND: Final = "onboarding"
"""The kind of the marker of such a pull request."""
TITLE: Final = "Begin with Clockwork"


@dataclass(frozen=True, slots=True)
class OnboardingPull:
    """What became of the request. ``number`` is None where nothing is missing; ``new`` tells whether it was opened now."""

    number: int | None = None
    url: str = ""
    new: bool = False

    def text(self) -> str:
        """One sentence for whoever asked."""
        if self.number is None:
            return "Nothing is missing: the repository has all that init would add."
        if not self.new:
            return f'PR #{self.number} "{TITLE}" is open already: {self.url}'
        return f'Opened PR #{self.number} "{TITLE}": {self.url}'


def propose(
    survey: Survey, starter: Starter, forecast: FirstRun, run: RunContext, repository: AddingRepository
) -> OnboardingPull:
    """The one open onboarding pull request, opened or brought up to date.

    Raises ``Invalid`` without a code host, ``Refused`` while everything is halted, where the branch is somebody else's and
    where the token may not add workflows.
    """
    if not starter.files:
        return OnboardingPull()
    if run.host is None:
        raise Invalid(
            "there is no code host to open a pull request on", advice="Leave --pull-request out: init writes the files."
        )
    check_running(run.ledger, run.limits, run.clock.now())
    branch = f"{run.prefix}init"
    pulls = run.host.pulls()
    _push(branch, starter, run, repository)
    body = body_of(survey, starter, forecast, run)
    digest = hashlib.sha256(body.encode()).hexdigest()[:16]
    marker = Marker(KIND, "init", digest)
    pull = run.host.open_pull(
        marker=marker, title=TITLE, body=body, head=branch, base=run.branch, labels=run.labels, listed=pulls
    )
    return OnboardingPull(pull.number, pull.url, new=pull.number not in _onboarding_numbers(pulls))


def body_of(survey: Survey, starter: Starter, forecast: FirstRun, run: RunContext) -> str:
    """The body of the pull request."""
    return run.texts.render(
        "onboarding.md",
        survey=survey,
        files=tuple(starter.files),
        kept=starter.unchanged,
        first=forecast,
        settings=SETTINGS,
        workflow=WORKFLOW if WORKFLOW in starter.files else None,
    )


def _onboarding_numbers(pulls: Sequence[PullRequest]) -> frozenset[int]:
    """The numbers of the onboarding pull requests among the open ones."""
    marked = ((pull.number, pull.marker or pull.claim) for pull in pulls)
    return frozenset(number for number, marker in marked if marker is not None and marker.kind == KIND)


def _push(branch: str, starter: Starter, run: RunContext, repository: AddingRepository) -> None:
    """The branch is one commit of the files on the base's head; untouched where it holds exactly them on it already."""
    head, tip = run.head(), own_tip(branch, run)
    if tip is not None and run.repository.merge_base(tip, head) == head and _has_files(tip, starter, run):
        return
    paths = "\n".join(f"- {path}" for path in starter.files)
    message = f"{TITLE}\n\n{paths}\n\nNothing that this adds runs before it is merged.\n"
    commit = repository.commit_addition(head, starter.files, message=message, at=run.clock.now())
    try:
        run.repository.push(branch, commit, expected=tip)
    except Closed:
        raise
    except Refused as exc:
        if "workflow" not in exc.message:
            raise
        advice = "Give the token the right to write workflows, or leave the workflow out with --no-workflow."
        raise Refused(exc.message, advice=advice) from exc


def _has_files(tip: str, starter: Starter, run: RunContext) -> bool:
    return all(run.repository.read(tip, path) == data for path, data in starter.files.items())
