"""What a run inside GitHub Actions shows on its page. Called by the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import Invalid, Refused
from bot.github import actions
from bot.model.codehost import Annotation

if TYPE_CHECKING:
    from bot.github.finished_workflow import FinishedWorkflow


def log_lines(annotations: Iterable[Annotation], environment: Mapping[str, str]) -> tuple[str, ...]:
    """Lines for standard output that show ``annotations`` on the run and the diff; none outside of Actions."""
    return () if actions.run(environment) is None else tuple(actions.log_lines(annotations))


def is_job(environment: Mapping[str, str]) -> bool:
    """Whether this is a job of GitHub Actions."""
    return actions.run(environment) is not None


def runs_for_strangers(environment: Mapping[str, str]) -> bool | None:
    """Whether the event of this run gives pull requests from forks a token that may only read; None outside of Actions."""
    run = actions.run(environment)
    return None if run is None else run.event in actions.EVENTS_OF_STRANGERS


def outputs(values: Mapping[str, str]) -> str:
    """``values`` as the file of a step's outputs holds them."""
    return actions.outputs(values)


def job_summary(markdown: str) -> str:
    """``markdown`` as long as a job summary may be."""
    return actions.summary(markdown)


def finished_run(environment: Mapping[str, str]) -> FinishedWorkflow | None:
    """The run that a ``workflow_run`` event is about; None for another event. ``Refused`` where no pull request started it."""
    run = actions.run(environment)
    if run is None or run.event != "workflow_run":
        return None
    from bot.github import finished_workflow

    finished = finished_workflow.finished_run(_event(environment))
    if finished.event != "pull_request":
        raise Refused(f"the run was started by {finished.event}, and only those of pull requests are published")
    return finished


def judged_commit(finished: FinishedWorkflow | None, revision_text: str | None) -> str:
    """The commit that the ``finished`` run was for, or as it was ``revision_text``.

    ``Invalid`` where neither tells, ``Refused`` where the two differ.
    """
    if finished is None and revision_text is None:
        raise Invalid(
            "the commit is missing that the artifact's run was for",
            advice="Name it with --head; in a workflow_run job its event says it.",
        )
    if finished is not None and revision_text not in {None, finished.head_sha}:
        raise Refused(f"--head is {revision_text}, and the run was for {finished.head_sha}")
    return revision_text or (finished.head_sha if finished is not None else "")


def _event(environment: Mapping[str, str]) -> bytes:
    path = environment.get("GITHUB_EVENT_PATH", "")
    try:
        return Path(path).read_bytes()
    except OSError as exc:
        raise Invalid(f"the event of this run cannot be read: {exc.strerror}") from exc
