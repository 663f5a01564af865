"""Pull requests, issues, comments and checks as the flows see them: GitHub's words, nobody's library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Marker:
    """What ties a pull request, issue or comment to the thing it is about.

    It is the first line of the body and carries an HMAC over repository, ``kind`` and ``key`` and ``digest``, so nobody
    else can write one. ``key`` says what it is about (stays the same while its content changes); ``digest`` which exact
    proposal it shows.
    """

    kind: str
    key: str
    digest: str

    @property
    def about(self) -> tuple[str, str]:
        """The same for all that is about one thing, whatever it shows."""
        return self.kind, self.key


class ItemState(StrEnum):
    """State of a pull request or issue."""

    OPEN = "open"
    CLOSED = "closed"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """One pull request. ``marker`` is None unless its body starts with a valid marker and the author is us, or the ledger
    knows it as ours; ``claim`` is what our account's body says without a valid signature. ``node`` is the host's own id.
    """

    number: int
    url: str
    state: ItemState
    title: str
    body: str
    author: str
    author_id: int | None
    base_ref: str
    base_sha: str
    head_ref: str
    head_sha: str
    labels: tuple[str, ...] = ()
    marker: Marker | None = None
    closed_by_us: bool = False
    updated_at: datetime | None = None
    draft: bool = False
    node: str = ""
    claim: Marker | None = None
    forked: bool = False
    """Whether the head is in another repository."""
    head_repository: str = ""
    """The ``owner/name`` of the repository that the head is in; empty where that is gone, or the host does not tell."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue. ``marker`` as for pull requests."""

    number: int
    url: str
    state: ItemState
    title: str
    body: str
    author: str
    labels: tuple[str, ...] = ()
    marker: Marker | None = None
    updated_at: datetime | None = None
    closed_by_us: bool = False
    node: str = ""
    claim: Marker | None = None


@dataclass(frozen=True, slots=True)
class BodyEdit:
    """One edit of the body of an issue. ``body`` is what it said then, without a marker line; None where the host does not
    tell. ``by_us`` says that it was this account.
    """

    editor: str
    editor_id: int | None
    at: datetime
    body: str | None
    by_us: bool = False


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the host says about the repository: its ``id`` (0 where the host has none), its name by now, its switches."""

    id: int
    name: str
    issues: bool = True
    archived: bool = False
    auto_merge: bool = False
    queue_prefix: str = ""
    """What the names of the branches begin with on which a merge queue tests; empty where there is no such thing."""


@dataclass(frozen=True, slots=True)
class HostRights:
    """What the token may do and what the host lets anybody do, as far as the host tells without being tried.

    ``push`` is None where the host does not say; ``denied`` names the rights to write that the token lacks. ``rules`` are
    those of the branch, by the host's names for them. ``actions_propose`` tells whether the token of an Actions job may
    open pull requests; None where only administrators are told. ``at`` is the host's clock.
    """

    login: str
    push: bool | None
    denied: tuple[str, ...] = ()
    rules: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    actions_propose: bool | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment on an issue or pull request. ``marker`` as for pull requests."""

    id: int
    author: str
    author_id: int | None
    body: str
    created_at: datetime
    marker: Marker | None = None
    claim: Marker | None = None


class CheckState(StrEnum):
    """Conclusion of a check run; ``in_progress`` while there is none."""

    IN_PROGRESS = "in_progress"
    SUCCESS = "success"
    NEUTRAL = "neutral"
    FAILURE = "failure"


class AnnotationLevel(StrEnum):
    """GitHub's three levels."""

    NOTICE = "notice"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Annotation:
    """One remark on lines of a file of the head commit. Lines count from 1."""

    path: str
    start_line: int
    end_line: int
    level: AnnotationLevel
    title: str
    message: str


@dataclass(frozen=True, slots=True)
class Check:
    """A status check on one commit. The adapter splits annotations into batches and falls back to a commit status."""

    name: str
    head_sha: str
    state: CheckState
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class PublishedCheck:
    """What became of a :class:`Check`. ``kind`` is ``check-run`` or ``commit-status``.

    ``state`` is the conclusion of a check with the same ``external_id`` that stood there already.
    """

    id: int
    url: str
    kind: str
    state: CheckState | None = None


@dataclass(frozen=True, slots=True)
class DeploymentNote:
    """That a commit runs in an environment of the host, or does not (``state``), in a sentence; ``link`` leads to the run."""

    environment: str
    commit: str
    state: CheckState
    description: str
    link: str | None = None


@dataclass(frozen=True, slots=True)
class QueuedHead:
    """What a merge queue would make of the branch ``base``: the commit ``sha`` on its own branch ``ref``."""

    sha: str
    base: str
    ref: str
    number: int | None = None
    """The pull request that it was made for, where the branch's name tells."""


@dataclass(frozen=True, slots=True)
class Whoami:
    """The account behind the token. ``id`` 0 and login ``github-actions[bot]`` for the Actions token."""

    login: str
    id: int | None
    permissions: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class CommitDraft:
    """A commit to be made on ``branch`` while that is at ``expected``. ``additions`` are whole files by path."""

    branch: str
    expected: str
    message: str
    additions: Mapping[str, bytes]
    deletions: Sequence[str] = ()
