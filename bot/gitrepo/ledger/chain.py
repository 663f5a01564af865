"""The ledger's chain on its ref: read, appended to by compare-and-swap, remembered (see the package for the theory).

Satisfies :class:`bot.ports.Ledger`. The tip that was read last is kept in the clone, for each ref its own. Made by
wiring.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pygit2

from bot.errors import Invalid, Refused
from bot.gitrepo import history, trees
from bot.gitrepo.credentials import Credentials
from bot.gitrepo.ledger import audit
from bot.gitrepo.ledger.audit import ChainVerification
from bot.gitrepo.ledger.tree import EMPTY, LedgerTree, appended, compacted, read_tree
from bot.gitrepo.lock import writing
from bot.gitrepo.maintenance import maintain
from bot.gitrepo.receive_pack import RefMove
from bot.gitrepo.remote import Remote
from bot.gitrepo.repository import CLOCKWORK, GitRepository, bare_clone
from bot.gitrepo.signing import Signer
from bot.model.ledger import Entry, LedgerView
from bot.ports import BranchMove, Signature
from bot.safety.compaction import Retention
from bot.safety.trailers import one_line

DEFAULT_REF: Final = "refs/clockwork/ledger"
_ARRIVED_REF: Final = "refs/clockwork/arrived"
_SEEN_REF: Final = "refs/clockwork/seen"
_UNSHALLOW: Final = 2**31 - 1
"""``GIT_FETCH_DEPTH_UNSHALLOW`` (libgit2, include/git2/remote.h): fetch all that a shallow clone lacks."""


class GitLedger:
    """See :class:`bot.ports.Ledger`. Not for several threads at once; any number of processes and machines."""

    def __init__(
        self,
        url: str,
        directory: Path,
        *,
        credentials: Credentials | None = None,
        ref: str = DEFAULT_REF,
        author: Signature = CLOCKWORK,
        signer: Signer | None = None,
        retention: Retention | None = None,
        compact_every: int = 128,
        branches: GitRepository | None = None,
    ) -> None:
        """The ledger on ``ref`` (a branch name, or a full ref name) of the repository at ``url``; nothing is fetched.

        ``directory`` is a bare clone of its own, made when missing. A snapshot is written every ``compact_every``
        appends, or later while there is little to fold away. ``branches`` is the repository of the same ``url`` whose
        branches move along with entries, and whose fetch shows where the ledger is too.
        """
        self._repository = bare_clone(url, directory)
        self._remote = Remote(self._repository, url, credentials)
        self._ref = full_name(ref)
        self._arrived_ref, self._seen_ref = (_local_ref(name, self._ref) for name in (_ARRIVED_REF, _SEEN_REF))
        self._author = author
        self._signer = signer
        self._retention = retention or Retention()
        self._compact_every = compact_every
        self._branches = branches
        self._last_read: tuple[str | None, LedgerTree, LedgerView] = (None, EMPTY, LedgerView(None))

    def read(self) -> LedgerView:
        """See the port. Raises ``Refused`` when it cannot be read, or broke its law since it was read here last."""
        with writing(Path(self._repository.path)):
            tip = self._last_seen() if self._is_where_it_was() else self._fetch(depth=1 if self._is_new() else 0)
            if tip != self._last_read[0]:
                tree = self._trusted(tip)
                self._last_read = (tip, tree, LedgerView(None) if tip is None else tree.view(tip))
            if tip is not None:
                self._remember(tip)
            maintain(self._repository)
        return self._last_read[2]

    def append(self, view: LedgerView, entries: Sequence[Entry]) -> LedgerView:
        return self.append_with(view, entries, ())[0]

    def append_with(
        self, view: LedgerView, entries: Sequence[Entry], moves: Sequence[BranchMove]
    ) -> tuple[LedgerView, bool]:
        if not entries:
            return view, False
        tree = self._tree(view.tip)
        changes: dict[str, bytes | None] = {}
        if self._is_long(tree):
            tree, changes = compacted(tree, self._retention)
        tree, new_files = appended(tree, entries)
        commit = self._commit(view.tip, {**changes, **new_files}, entries)
        with writing(Path(self._repository.path)):
            together = bool(moves) and self._pushed_with(RefMove(self._ref, commit, view.tip), moves)
            if not together:
                self._remote.push(self._ref, commit, expected=view.tip)
            self._remember(commit)
            maintain(self._repository)
        self._last_read = (commit, tree, tree.view(commit))
        return self._last_read[2], together

    def _pushed_with(self, own_move: RefMove, moves: Sequence[BranchMove]) -> bool:
        """Whether the remote took the entries and the branches at once. After False it may have."""
        branches = self._branches
        if branches is None:
            return False
        return branches.moved(
            moves, lambda refs: self._remote.push_atomically([own_move, *refs], other_repositories=[branches.git])
        )

    def verify(self) -> ChainVerification:
        """The whole chain from its first commit checked link by link; fetches all of it."""
        repository, tip = self._full_chain()
        return audit.verify(repository, tip, self._retention)

    def everything(self) -> Sequence[Entry]:
        """Every entry ever appended, oldest first, those folded away included; fetches the whole chain."""
        repository, tip = self._full_chain()
        return audit.everything(repository, tip, self._retention)

    def _full_chain(self) -> tuple[pygit2.Repository, str | None]:
        """The whole chain.

        Opened anew because libgit2 keeps the commits it parsed in a cache, and those that ended a shallow clone would
        stay without parents there (measured with libgit2 1.9).
        """
        with writing(Path(self._repository.path)):
            tip = self._fetch(depth=_UNSHALLOW if self._repository.is_shallow else 0)
        return pygit2.Repository(self._repository.path), tip

    def _fetch(self, *, depth: int) -> str | None:
        """The remote's tip, fetched. Raises ``Refused`` when it does not descend from the tip that was read last."""
        last_seen = self._last_seen()
        advertised = self._remote.fetch([f"+{self._ref}:{self._arrived_ref}"], depth=depth)
        tip = advertised.refs.get(self._ref)
        if tip == last_seen:
            return tip
        if tip is None:
            raise Refused(f"{self._ref} vanished: {self._remote.location} no longer has it", advice=self._recovery())
        if not isinstance(self._repository.get(tip), pygit2.Commit):
            raise Refused(
                f"{self._ref} at {self._remote.location} names {tip[:12]}, which is no commit",
                advice="is the name of the ledger's ref right?",
            )
        if last_seen is not None and not history.ancestry(self._repository, last_seen, tip):
            raise Refused(
                f"{self._ref} at {self._remote.location} was rewritten: {last_seen[:12]} is no longer in it",
                advice=self._recovery(),
            )
        return tip

    def _is_where_it_was(self) -> bool:
        """Whether a fetch of the branches just showed the ledger where it was seen last. Who appends is told what that missed:
        a view that is out of date by then is stale.
        """
        listing, last_seen = None if self._branches is None else self._branches.take_listing(), self._last_seen()
        return (
            listing is not None
            and listing.get(self._ref) == last_seen
            and (last_seen is None or last_seen in self._repository)
        )

    def _is_new(self) -> bool:
        """Whether nothing of the ledger is here yet."""
        return not any(name in self._repository.references for name in (self._arrived_ref, self._seen_ref))

    def _recovery(self) -> str:
        return (
            "`clockwork ledger verify` shows what is wrong; find out who did that, and put the ref back; "
            f"to accept the ledger as it is now, stop Clockwork and delete {self._repository.path}"
        )

    def _last_seen(self) -> str | None:
        reference = self._repository.references.get(self._seen_ref)
        return None if reference is None else str(reference.target)

    def _remember(self, tip: str) -> None:
        self._repository.references.create(self._seen_ref, tip, force=True)

    def _trusted(self, tip: str | None) -> LedgerTree:
        """The ledger at ``tip``, proved to follow what this process, or one before it, read last."""
        since, known_tree, _ = self._last_read
        if since is None and (since := self._last_seen()) is not None:
            known_tree = self._tree(since)
        if tip is None or since is None:
            return self._tree(tip)
        if since == tip:
            return known_tree
        return audit.follow(self._repository, since, known_tree, tip, self._retention, advice=self._recovery())

    def _tree(self, tip: str | None) -> LedgerTree:
        """The ledger at ``tip``, which is here, by itself."""
        if tip is None:
            return EMPTY
        if tip == self._last_read[0]:
            return self._last_read[1]
        return read_tree(self._repository, str(history.commit_of(self._repository, tip).tree_id))

    def _is_long(self, tree: LedgerTree) -> bool:
        """Whether it is time for a snapshot: often enough for short tails, rarely enough for long snapshots."""
        return len(tree.files) >= max(self._compact_every, len(tree.lines) // 16)

    def _commit(self, parent: str | None, changes: dict[str, bytes | None], entries: Sequence[Entry]) -> str:
        base = None if parent is None else str(history.commit_of(self._repository, parent).tree_id)
        tree = trees.written(self._repository, base, changes)
        by = pygit2.Signature(self._author.name, self._author.email, int(_moment(entries).timestamp()), 0)
        parents: list[str | pygit2.Oid] = [] if parent is None else [parent]
        message = _message(entries)
        return trees.commit(
            self._repository, tree, parents, author=by, committer=by, message=message, signer=self._signer
        )


def full_name(ref: str) -> str:
    """The full name of the ref that a setting names: a plain name is a branch.

    Raises ``Invalid`` for what Git allows no ref to be called.
    """
    full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
    if not pygit2.reference_is_valid_name(full):
        raise Invalid(
            f"{ref!r} is not a name that Git allows for a ref",
            advice=f"write a full name such as {DEFAULT_REF}, or the name of a branch",
        )
    return full


def _local_ref(prefix: str, ref: str) -> str:
    """The local ref that goes with the remote's ``ref``: what was read from one says nothing of another."""
    return prefix if ref == DEFAULT_REF else f"{prefix}-{hashlib.sha256(ref.encode()).hexdigest()[:16]}"


def _moment(entries: Sequence[Entry]) -> datetime:
    return max(entries[-1].at, datetime.fromtimestamp(0, UTC))


def _message(entries: Sequence[Entry]) -> str:
    """One line for each entry, for people who read the ref with ``git log``."""
    lines = [_summary(entry) for entry in entries]
    first = lines[0] if len(lines) == 1 else f"{len(lines)} entries: {lines[0]}"
    return "\n\n".join([one_line(first, limit=100), "\n".join(lines)]) + "\n"


def _summary(entry: Entry) -> str:
    fields = [entry.kind, entry.result or "", entry.task or "", entry.lane or "", entry.fingerprint or ""]
    return one_line(" ".join(text for text in fields if text), limit=200)
