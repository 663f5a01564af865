"""What the event of a ``workflow_run`` says of the run that it follows. Called by :mod:`bot.wiring.actions`."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import AliasPath, Field, ValidationError

from bot.errors import Invalid
from bot.github.payloads import PayloadPart, first_error


@dataclass(frozen=True, slots=True)
class FinishedWorkflow:
    """The run after which a ``workflow_run`` started: the commit and branch it was for, the event that started it, the
    repository whose workflow it ran, and the one that the branch is in (None where that is gone).

    ``pulls`` are the numbers of its pull requests, which GitHub leaves out for those from forks.
    """

    head_sha: str
    event: str
    repository: str
    head_repository: str | None
    head_branch: str
    pulls: frozenset[int]


def finished_run(payload: bytes) -> FinishedWorkflow:
    """What the event of a ``workflow_run`` says (docs.github.com, "Webhook events and payloads"). ``Invalid`` for another.

    The runner writes it into the file that GITHUB_EVENT_PATH names; nobody who proposes a change can.
    """
    try:
        part = _FinishedRunPart.model_validate_json(payload)
    except ValidationError as exc:
        raise Invalid(f"this is no workflow_run event: {first_error(exc)}") from exc
    pulls = frozenset(pull.number for pull in part.pulls or ())
    return FinishedWorkflow(
        part.head_sha, part.event, part.repository, part.head_repository, part.head_branch or "", pulls
    )


class _PullNumberPart(PayloadPart):
    number: int


class _FinishedRunPart(PayloadPart):
    head_sha: str = Field(pattern="^[0-9a-f]{40}$", validation_alias=AliasPath("workflow_run", "head_sha"))
    event: str = Field(validation_alias=AliasPath("workflow_run", "event"))
    repository: str = Field(validation_alias=AliasPath("repository", "full_name"))
    head_repository: str | None = Field(
        None, validation_alias=AliasPath("workflow_run", "head_repository", "full_name")
    )
    head_branch: str | None = Field(None, validation_alias=AliasPath("workflow_run", "head_branch"))
    pulls: list[_PullNumberPart] | None = Field(None, validation_alias=AliasPath("workflow_run", "pull_requests"))
