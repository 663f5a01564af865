"""A run inside GitHub Actions: what its environment says, and the texts it can print.

The names are those of docs.github.com, "Variables reference" (default environment variables) and "Workflow commands for
GitHub Actions".
Pure: the environment comes in as a mapping, texts go out as strings; the command line reads and prints them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bot.model.codehost import Annotation, AnnotationLevel

_MAX_SUMMARY: Final = 1024 * 1024
"""Bytes of one step's summary (docs.github.com, "Workflow commands for GitHub Actions", "Step isolation and limits")."""
_MAX_ANNOTATIONS: Final = 10
"""Of one level in one step (GitHub REST API, Update a check run: "GitHub Actions are limited to 10 warning annotations and
10 error annotations per step").
"""
EVENTS_OF_STRANGERS: Final = frozenset({"pull_request", "pull_request_review", "pull_request_review_comment"})
"""Events whose runs have a token that may only read where a fork caused them (docs.github.com, "Events that trigger
workflows", ``pull_request``: "The GITHUB_TOKEN has read-only permissions in pull requests from forked repositories"). Those of
``pull_request_target`` and ``workflow_run`` have the rights that their workflow asks for."""
_LEVELS: Final = {
    AnnotationLevel.NOTICE: "notice",
    AnnotationLevel.WARNING: "warning",
    AnnotationLevel.FAILURE: "error",
}
"""How a log marks a line (docs.github.com, "Workflow commands for GitHub Actions", ``notice``, ``warning``, ``error``)."""


@dataclass(frozen=True, slots=True)
class WorkflowJob:
    """One job of one workflow run. ``link`` is its page; None for what the runner does not name."""

    link: str | None
    event: str
    actor: str | None
    actor_id: int | None
    attempt: int


def run(environment: Mapping[str, str]) -> WorkflowJob | None:
    """The run that ``environment`` describes; None outside of GitHub Actions."""
    if environment.get("GITHUB_ACTIONS") != "true":
        return None
    server = environment.get("GITHUB_SERVER_URL") or "https://github.com"
    repository, number = environment.get("GITHUB_REPOSITORY"), environment.get("GITHUB_RUN_ID")
    link = f"{server}/{repository}/actions/runs/{number}" if repository and number else None
    return WorkflowJob(
        link=link,
        event=environment.get("GITHUB_EVENT_NAME", ""),
        actor=environment.get("GITHUB_ACTOR") or None,
        actor_id=_number(environment.get("GITHUB_ACTOR_ID")),
        attempt=_number(environment.get("GITHUB_RUN_ATTEMPT")) or 1,
    )


def log_line(annotation: Annotation) -> str:
    """The workflow command that shows ``annotation`` in the run and on the diff (``::error file=...::message``)."""
    properties = {
        "file": annotation.path,
        "line": str(annotation.start_line),
        "endLine": str(annotation.end_line),
        "title": annotation.title,
    }
    property_list = ",".join(f"{name}={_property(text)}" for name, text in properties.items() if text)
    return f"::{_LEVELS[annotation.level]} {property_list}::{_data(annotation.message)}"


def log_lines(annotations: Iterable[Annotation]) -> Iterator[str]:
    """:func:`log_line` of as many annotations as the run shows, the first of each level."""
    shown_counts: Counter[AnnotationLevel] = Counter()
    for annotation in annotations:
        shown_counts[annotation.level] += 1
        if shown_counts[annotation.level] <= _MAX_ANNOTATIONS:
            yield log_line(annotation)


def outputs(values: Mapping[str, str]) -> str:
    """Lines for ``$GITHUB_OUTPUT`` ("Setting an output parameter"). A value is one line: another would be another output."""
    return "".join(f"{name}={' '.join(value.split())}\n" for name, value in values.items())


def summary(markdown: str) -> str:
    """``markdown`` as a job summary: cut to what the runner accepts, ending in a line end."""
    data = markdown.encode()
    if len(data) <= _MAX_SUMMARY - 1:
        return markdown.rstrip("\n") + "\n"
    note = "\n\n*The rest is left out: it is longer than a job summary may be.*\n"
    return data[: _MAX_SUMMARY - len(note)].decode(errors="ignore").rsplit("\n", 1)[0] + note


def _data(text: str) -> str:
    """Escaped as actions/toolkit does (packages/core/src/command.ts, ``escapeData``)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """As ``escapeProperty`` of the same file: a colon or comma would begin another property."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
