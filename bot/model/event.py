"""What happened on the code host, as far as it says when to look. An event never says what to do.

Made by :mod:`bot.github.webhook` from verified deliveries; the daemon's one consumer matches on the union. A lost event
costs one interval, a repeated one is recognised by its ``delivery``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class PushEvent:
    """A branch, or another ref, moved, came or went."""

    delivery: str
    repository: str
    ref: str


@dataclass(frozen=True, slots=True)
class PullRequestEvent:
    """Something about a pull request: ``action`` is the host's word (opened, synchronize, closed, reopened, edited)."""

    delivery: str
    repository: str
    action: str
    number: int


@dataclass(frozen=True, slots=True)
class IssueEvent:
    """Something about an issue."""

    delivery: str
    repository: str
    action: str
    number: int


@dataclass(frozen=True, slots=True)
class CommentEvent:
    """Something about a comment on the issue or pull request ``number``; what it says is read from the host."""

    delivery: str
    repository: str
    action: str
    number: int


@dataclass(frozen=True, slots=True)
class CheckEvent:
    """Somebody asks for checks to run again on a commit (``rerequested``), or a check changed."""

    delivery: str
    repository: str
    action: str
    numbers: tuple[int, ...] = ()
    """Pull requests that the host names for that commit."""


@dataclass(frozen=True, slots=True)
class MergeGroupEvent:
    """Something about a merge queue: ``checks_requested`` for a head that it tests, ``destroyed`` for one that it left."""

    delivery: str
    repository: str
    action: str


@dataclass(frozen=True, slots=True)
class PingEvent:
    """The host tries whether we are there."""

    delivery: str
    repository: str | None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A genuine delivery that is of no interest; ``why`` is for the log."""

    delivery: str
    why: str


Event: TypeAlias = (
    PushEvent | PullRequestEvent | IssueEvent | CommentEvent | CheckEvent | MergeGroupEvent | PingEvent | Ignored
)
