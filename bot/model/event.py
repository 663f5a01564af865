"""What happened on the code host, as far as it says when to look. An event never says what to do.

Made by :mod:`bot.github.webhook` from verified deliveries; the daemon's one consumer matches on the union. A lost event
costs one interval, a repeated one is recognised by its ``delivery``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class PushEvent:
    """A branch, or another ref, moved. ``after`` is None when it was deleted, ``before`` when it is new."""

    delivery: str
    repository: str
    ref: str
    before: str | None
    after: str | None
    sender: str
    paths: tuple[str, ...] = ()
    """Paths that the listed commits touch; empty says nothing, since hosts list only some commits."""


@dataclass(frozen=True, slots=True)
class PullRequestEvent:
    """Something about a pull request: ``action`` is the host's word (opened, synchronize, closed, reopened, edited)."""

    delivery: str
    repository: str
    action: str
    number: int
    head_sha: str
    head_ref: str
    base_ref: str
    merged: bool
    sender: str


@dataclass(frozen=True, slots=True)
class IssueEvent:
    """Something about an issue."""

    delivery: str
    repository: str
    action: str
    number: int
    sender: str


@dataclass(frozen=True, slots=True)
class CommentEvent:
    """A comment on an issue or pull request. ``body`` is hostile text.

    ``sender`` did this: for ``created`` that is the author, for ``edited`` it may be somebody else than whoever wrote it.
    """

    delivery: str
    repository: str
    action: str
    number: int
    comment: int
    body: str
    sender: str
    sender_id: int | None
    on_pull: bool
    association: str


@dataclass(frozen=True, slots=True)
class CheckEvent:
    """Somebody asks for checks to run again on a commit (``rerequested``), or a check changed."""

    delivery: str
    repository: str
    action: str
    head_sha: str
    name: str
    sender: str
    numbers: tuple[int, ...] = ()
    """Pull requests that the host names for that commit."""


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


Event: TypeAlias = PushEvent | PullRequestEvent | IssueEvent | CommentEvent | CheckEvent | PingEvent | Ignored
