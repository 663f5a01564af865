"""Git: a repository without a work tree, and the durable memory that is kept in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from bot.model.dataclass import dataclass

if TYPE_CHECKING:
    from bot.errors import BotError
    from bot.model.finding import FileChange
    from bot.model.ledger import Entry, LedgerView


class Clock(Protocol):
    """Time as an argument. One ``now`` per tick."""

    def now(self) -> datetime:
        """The current time, timezone-aware UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after about ``seconds`` seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Signature:
    """Who a commit is by."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One blob of a commit: repository path with forward slashes, blob id, git mode."""

    path: str
    blob: str
    mode: int


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """One commit's header. ``at`` is the committer time in UTC."""

    sha: str
    parents: tuple[str, ...]
    message: str
    author: Signature
    committer: Signature
    at: datetime


@dataclass(frozen=True, slots=True)
class BranchMove:
    """One branch that is to go from ``expected`` (None: absent) to ``commit``."""

    branch: str
    commit: str
    expected: str | None


class Repository(Protocol):
    """One Git repository without a work tree (a bare clone of a remote, or a local folder read-only)."""

    def fetch(self) -> None:
        """Bring all refs up to date with the remote."""
        ...

    def head(self, branch: str) -> str | None:
        """The commit at the tip of the remote's ``branch`` as last fetched; None when there is no such branch."""
        ...

    def default_branch(self) -> str:
        """The remote's default branch."""
        ...

    def branches(self) -> Sequence[str]:
        """The names of the remote's branches as last fetched, sorted."""
        ...

    def entries(self, commit: str, under: str = "", *, suffixes: tuple[str, ...] = ()) -> Sequence[TreeEntry]:
        """All regular-file blobs of ``commit`` (no symlinks, no submodules) below ``under``, sorted by path; with
        ``suffixes`` only those whose path ends in one of them. The same object while the tree is the same.
        """
        ...

    def read(self, commit: str, path: str) -> bytes | None:
        """The bytes of one file at ``commit``; None when there is none."""
        ...

    def blob(self, blob: str) -> bytes:
        """The bytes of a blob id from :meth:`entries`."""
        ...

    def commit(
        self,
        parent: str,
        changes: Mapping[str, bytes | None],
        *,
        message: str,
        at: datetime,
        author: Signature | None = None,
    ) -> str:
        """A new commit on ``parent`` with ``changes`` (None deletes), not yet pushed. Modes of existing files are kept.

        Raises ``Refused`` for a path outside the repository, through a symlink or submodule, or under
        ``.github/workflows/``.
        """
        ...

    def check_writable(self, parent: str, paths: Iterable[str]) -> None:
        """Raise the ``Refused`` that :meth:`commit` on ``parent`` would raise for one of ``paths``. Writes nothing."""
        ...

    def push(self, branch: str, commit: str, *, expected: str | None) -> str:
        """Move the remote's ``branch`` from ``expected`` (None: must not exist) to ``commit``; the commit it is at then.

        That is ``commit``, or one with its parent, files and message that the host made in its place to sign it.
        Without force where ``commit`` descends from ``expected``; otherwise with a lease on ``expected``. Raises
        ``Stale`` when the branch is elsewhere by now and ``Refused`` when the server's rules say no.
        """
        ...

    def push_all(self, moves: Sequence[BranchMove]) -> Sequence[str | BotError]:
        """Move several branches as :meth:`push` moves one, at once where the remote can; of each what :meth:`push` returns,
        or the error that it raises.
        """
        ...

    def delete_branch(self, branch: str, *, expected: str) -> None:
        """Delete the remote's ``branch`` while it is still at ``expected``; ``Stale`` otherwise."""
        ...

    def links(self, commit: str, *, suffixes: tuple[str, ...] = ()) -> Sequence[str]:
        """The paths of the symbolic links of ``commit``, with ``suffixes`` those whose path ends in one of them, sorted."""
        ...

    def is_link(self, commit: str, path: str) -> bool:
        """Whether ``path`` is, or leads through, a symbolic link: nothing is read there."""
        ...

    def log(self, commit: str, *, limit: int, until: str | None = None) -> Sequence[CommitInfo]:
        """Up to ``limit`` commits from ``commit`` back along all parents, newest first, stopping before ``until``."""
        ...

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        """Whether ``ancestor`` is ``commit`` or one of its ancestors."""
        ...

    def merge_base(self, commit: str, other_commit: str) -> str | None:
        """The best common ancestor, None when histories are unrelated."""
        ...

    def changed(self, base: str, head: str) -> Sequence[FileChange]:
        """The files that differ from ``base`` to ``head`` with renames found, sorted by path."""
        ...

    def resolve(self, name: str) -> str | None:
        """The commit a branch, tag, or abbreviated sha names; None when it names none."""
        ...


@runtime_checkable
class ListingRepository(Protocol):
    """A repository that tells which refs there are."""

    def refs(self, prefix: str) -> Mapping[str, str]:
        """The commits of the refs as last fetched whose full names begin with ``prefix``, by the rest of the name."""
        ...


class AddingRepository(Protocol):
    """A repository that somebody asked to begin with this bot."""

    def commit_addition(self, parent: str, additions: Mapping[str, bytes], *, message: str, at: datetime) -> str:
        """A new commit on ``parent`` with files that are not there yet, not yet pushed. Workflows may be among them, as
        in no other commit. Raises ``Refused`` for a path that exists and for what no commit may hold.
        """
        ...


class Ledger(Protocol):
    """The durable memory of intents and outcomes."""

    def read(self) -> LedgerView:
        """The ledger now (fetches). Raises ``Unavailable`` when it cannot be read and ``Refused`` when it does not parse
        or its chain is broken: both mean zero writes.
        """
        ...

    def append(self, view: LedgerView, entries: Sequence[Entry]) -> LedgerView:
        """The ledger with ``entries`` added, durable when this returns. Compare-and-swap on ``view.tip``: raises
        ``Stale`` when somebody appended in between.
        """
        ...

    def append_with(
        self, view: LedgerView, entries: Sequence[Entry], moves: Sequence[BranchMove]
    ) -> tuple[LedgerView, bool]:
        """As :meth:`append`, and whether the branches moved with it: all of them in the same instant, or, where the remote
        cannot or a branch is elsewhere, none. The branches are those of the :class:`Repository`, which knows of it.
        """
        ...
