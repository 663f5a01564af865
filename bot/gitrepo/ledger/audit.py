"""Proves a ledger: every commit of its chain changed nothing that was there before.

``clockwork ledger verify`` prints the result for the whole chain, from its first commit; a runner asks the same of what
is new to it before it writes. :mod:`bot.gitrepo.ledger.chain` fetches and asks.

The law for one step: the commit before is its only parent; the files of the tail stay as they are and new ones come
after them. Or there is a new snapshot, which stands for exactly the ledger before, whose lines are lines of that
ledger in their order, and which holds every entry that still counts. (A snapshot is judged by the retention it was
written with, which may not be shorter than a day unless the reader's own is.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import pygit2
from pygit2.enums import SortMode

from bot.errors import Refused
from bot.gitrepo.history import commit_of
from bot.gitrepo.ledger.tree import EMPTY, LedgerTree, read_tree
from bot.model.ledger import Entry
from bot.safety.compaction import Retention, retained

_SHORTEST: Final = 86400.0


@dataclass(frozen=True, slots=True)
class ChainVerification:
    """What was proved: commits and entries in the chain, the digest it ends in, and each break that was found."""

    commits: int
    entries: int
    head: str
    problems: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(repository: pygit2.Repository, tip: str | None, retention: Retention) -> ChainVerification:
    """Walks the chain from its first commit. A broken commit is reported and the walk goes on from it."""
    tree, commits, problems = EMPTY, 0, list[str]()
    for commit, later, wrong in _steps(repository, _chain(repository, tip), None, EMPTY, retention):
        tree, commits = later, commits + 1
        problems.extend(f"{commit.short_id}: {problem}" for problem in wrong)
    return ChainVerification(commits, tree.sequence, tree.head, tuple(problems))


def follow(
    repository: pygit2.Repository, since: str, trusted: LedgerTree, tip: str, retention: Retention, *, advice: str
) -> LedgerTree:
    """The ledger at ``tip``, come from ``trusted``, the one at ``since``, lawfully; ``advice`` is for when it did not.

    Without a new snapshot the tail proves that itself; across one, each commit between the two is checked. Raises
    ``Refused`` for the first break.
    """
    commit = commit_of(repository, tip)
    later = read_tree(repository, str(commit.tree_id), trusted)
    if later.snapshot == trusted.snapshot:
        steps: Iterable[_Step] = [(commit, later, list(_breaks(trusted, later, retention)))]
    else:
        steps = _steps(repository, _chain(repository, tip, since=since), since, trusted, retention)
    for commit, later, wrong in steps:
        if wrong:
            raise Refused(f"the ledger was tampered with in {commit.short_id}: {wrong[0]}", advice=advice)
        trusted = later
    return trusted


def everything(repository: pygit2.Repository, tip: str | None, retention: Retention) -> list[Entry]:
    """Every entry of the chain, oldest first. Raises ``Refused`` where it is broken."""
    entries: list[Entry] = []
    for commit, tree, wrong in _steps(repository, _chain(repository, tip), None, EMPTY, retention):
        if wrong:
            raise Refused(f"the ledger's chain is broken in {commit.short_id}: {wrong[0]}")
        new = tree.sequence - len(entries)
        entries.extend(tree.entries[-new:] if new > 0 else ())
    return entries


_Step: TypeAlias = tuple[pygit2.Commit, LedgerTree, list[str]]


def _steps(
    repository: pygit2.Repository,
    commits: Iterable[pygit2.Commit],
    last: str | None,
    tree: LedgerTree,
    retention: Retention,
) -> Iterator[_Step]:
    """Each commit with the ledger it holds and what is wrong with it after the one before; ``tree`` is at ``last``.

    A commit that cannot be read leaves the ledger as it was.
    """
    for commit in commits:
        problems: list[str] = []
        if [str(parent) for parent in commit.parent_ids] != [last] * (last is not None):
            problems.append("the chain has a fork or begins anew here")
        last = str(commit.id)
        try:
            later = read_tree(repository, str(commit.tree_id), tree)
            problems.extend(_breaks(tree, later, retention))
            tree = later
        except Refused as exc:
            problems.append(exc.message)
        yield commit, tree, problems


def _breaks(before: LedgerTree, after: LedgerTree, own_retention: Retention) -> Iterator[str]:
    """What is wrong with going from one commit to the next."""
    if after.sequence < before.sequence:
        yield f"{before.sequence - after.sequence} entries disappeared"
    elif after.snapshot != before.snapshot:
        yield from _dishonest(before, after, own_retention)
    else:
        changed = [name for name, blob in before.files.items() if after.files.get(name) != blob]
        if changed:
            yield f"entries that were there were changed or removed: tail/{min(changed)}"


def _dishonest(before: LedgerTree, after: LedgerTree, own_retention: Retention) -> Iterator[str]:
    """What is wrong with the compaction between two commits."""
    if after.since != (before.sequence, before.head):
        yield f"the snapshot stands for {after.since[0]} entries and not for the {before.sequence} before it"
        return
    old = list(zip(after.entries, after.lines, strict=True))[: len(after.entries) - after.sequence + before.sequence]
    lines = iter(before.lines)
    stranger = next((entry for entry, line in old if line not in lines), None)
    if stranger is not None:
        yield f"entry {stranger.id} was slipped in, changed or moved"
    retention = after.retention or own_retention
    if retention.seconds < min(own_retention.seconds, _SHORTEST):
        yield f"compaction kept only the last {retention.seconds:g} seconds"
    lost_ids = retained(before.entries, retention) - {entry.id for entry, _ in old}
    if lost_ids:
        yield f"{len(lost_ids)} entries that still count were dropped, such as {min(lost_ids)}"


def _chain(repository: pygit2.Repository, tip: str | None, *, since: str | None = None) -> Iterator[pygit2.Commit]:
    """Commits from the first, or the one after ``since``, to ``tip``."""
    if tip is None:
        return
    walker = repository.walk(tip, SortMode.TOPOLOGICAL | SortMode.REVERSE)
    if since is not None:
        walker.hide(since)
    yield from walker
