"""A code host: pull requests, issues, checks and deliveries; and what some hosts can do besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from bot.model.codehost import (
        BodyEdit,
        Check,
        Comment,
        CommitDraft,
        DeploymentNote,
        HostFacts,
        HostRights,
        Issue,
        Marker,
        PublishedCheck,
        PullRequest,
        Whoami,
    )
    from bot.model.decision import Attention
    from bot.model.event import Event


@runtime_checkable
class CodeHost(Protocol):
    """Pull requests, issues and checks, as far as flows need them.

    Creation never duplicates: look by marker, create, read back.
    """

    def whoami(self) -> Whoami: ...

    def facts(self) -> HostFacts:
        """What the host says about the repository now."""
        ...

    def pulls(self) -> Sequence[PullRequest]:
        """Every open pull request of anybody, newest first, in a number of requests that does not depend on who asked for
        what. ``marker`` where author and signature say that it is ours.
        """
        ...

    def issues(self) -> Sequence[Issue]:
        """Every open issue of anybody, newest first. Pull requests are not among them."""
        ...

    def closed(self) -> Sequence[PullRequest | Issue]:
        """The closed ones of ours, with their markers, that can be told without a ledger, newest first."""
        ...

    def item(self, number: int) -> PullRequest | Issue | None:
        """One pull request or issue in whatever state; None when it is gone. A closed pull request comes without branches
        and commits (those texts are empty).
        """
        ...

    def pull(self, number: int) -> PullRequest:
        """One pull request of anybody. ``Invalid`` when there is none."""
        ...

    def label(self, number: int, labels: Sequence[str]) -> None:
        """These labels too, where the host lets us; never raises for want of that."""
        ...

    def merge_when_green(self, number: int) -> None:
        """The host merges it by itself once everything required is there. ``Refused`` where it does not."""
        ...

    def open_pull(
        self,
        *,
        marker: Marker,
        title: str,
        body: str,
        head: str,
        base: str,
        labels: Sequence[str],
        listed: Sequence[PullRequest] | None = None,
        draft: bool = False,
    ) -> PullRequest:
        """The one open pull request with this marker key, or from this branch of ours: found or created. ``body`` comes
        without the marker line. ``listed`` are the open ones that were just listed; without them they are listed again.
        A new one is a ``draft`` where the host has drafts.
        ``Closed`` where nobody with our rights may create one.
        """
        ...

    def update_pull(self, number: int, *, marker: Marker, title: str, body: str) -> PullRequest: ...

    def close_pull(self, number: int, *, comment: str | None, marker: Marker | None = None) -> None:
        """Closed, with ``comment`` posted exactly once before (``marker`` identifies the comment)."""
        ...

    def open_issue(
        self,
        *,
        marker: Marker,
        title: str,
        body: str,
        labels: Sequence[str],
        listed: Sequence[Issue] | None = None,
    ) -> Issue:
        """The one open issue with this marker key: found or created. ``listed`` as for :meth:`open_pull`. ``Closed`` where
        there may be none.
        """
        ...

    def update_issue(self, number: int, *, marker: Marker, title: str, body: str) -> Issue: ...

    def close_issue(self, number: int, *, comment: str | None, marker: Marker | None = None) -> None: ...

    def comments(self, number: int) -> Sequence[Comment]:
        """All comments on an issue or pull request, oldest first."""
        ...

    def comment(self, number: int, *, marker: Marker, body: str) -> Comment:
        """The one comment of ours with this marker on that thread: found (and updated if its text differs) or created."""
        ...

    def publish(self, check: Check) -> PublishedCheck:
        """The check with this name on this commit, created or updated; a commit status where check runs are denied."""
        ...

    def may_write(self, login: str) -> bool:
        """Whether that user has write, maintain or admin permission on the repository."""
        ...

    def head_ref(self, number: int) -> str:
        """The ref of the repository under which the head of that pull request is kept, also when it is a fork's."""
        ...

    def commits(self) -> CommitMaker | None:
        """What makes and signs commits in this account's name; None where the host does not."""
        ...

    def flush(self) -> None:
        """Carry out reads that were saved for later; called at the end of a tick."""
        ...


@runtime_checkable
class AttentiveHost(Protocol):
    """A code host that gives pull requests and issues to people."""

    def give(self, number: int, attention: Attention, *, pull: bool) -> None:
        """They are assigned and, for a pull request, asked for a review, as far as the host lets us; never raises for want
        of that.
        """
        ...


@runtime_checkable
class DeployingHost(Protocol):
    """A code host that shows what is deployed where, and knows what a commit was merged from."""

    def merged_as(self, commit: str) -> PullRequest | None:
        """The pull request whose merge made ``commit``; None where none did."""
        ...

    def note_deployment(self, note: DeploymentNote) -> str:
        """The address of the one deployment of that commit in that environment, which now says this. ``Closed`` where our
        rights do not reach so far.
        """
        ...


@runtime_checkable
class BoardHost(Protocol):
    """A code host that tells who edited an issue, so that people can give orders by ticking its check boxes."""

    def edits(self, issue: Issue) -> Sequence[BodyEdit]:
        """The last edits of its body, a hundred at most, oldest first; none where it is as it was opened."""
        ...

    def rewrite_issue(self, issue: Issue, *, marker: Marker, title: str, body: str) -> Issue:
        """The issue with this title and body, open. Raises ``Stale`` where its body is not what ``issue`` says any more."""
        ...


@runtime_checkable
class ExaminedHost(Protocol):
    """A code host that can say what the token may do before anything is tried."""

    def rights(self, branch: str) -> HostRights:
        """What the token may do in the repository and on ``branch``. Nothing is written."""
        ...


class CommitMaker(Protocol):
    """A code host that makes commits on branches itself, so that it can vouch for them."""

    def make(self, draft: CommitDraft) -> str:
        """The id of the one commit made from ``draft``: a compare-and-swap on the branch's head.

        Raises ``Stale`` when the branch is elsewhere (nothing was written) and ``Refused`` when rights or rules say no.
        """
        ...


class Webhooks(Protocol):
    """Reads the deliveries by which a code host tells of events."""

    @property
    def max_bytes(self) -> int:
        """The largest body that a delivery may have."""
        ...

    def read(self, headers: Mapping[str, str], body: bytes) -> Event:
        """The event of a genuine delivery. ``Refused`` when it is not signed with our secret, ``Invalid`` when it is not
        readable.
        """
        ...


@runtime_checkable
class NotifyingHost(CodeHost, Webhooks, Protocol):
    """A code host that reads its own deliveries; GitHub's are read without one."""
