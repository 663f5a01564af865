"""What a run inside GitHub Actions shows on its page. Called by the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.github import actions
from bot.model.codehost import Annotation


def log_lines(annotations: Iterable[Annotation], environment: Mapping[str, str]) -> tuple[str, ...]:
    """Lines for standard output that show ``annotations`` on the run and the diff; none outside of Actions."""
    return () if actions.run(environment) is None else tuple(actions.log_lines(annotations))


def is_job(environment: Mapping[str, str]) -> bool:
    """Whether this is a job of GitHub Actions."""
    return actions.run(environment) is not None


def outputs(values: Mapping[str, str]) -> str:
    """``values`` as the file of a step's outputs holds them."""
    return actions.outputs(values)


def job_summary(markdown: str) -> str:
    """``markdown`` as long as a job summary may be."""
    return actions.summary(markdown)
