"""Proves a ledger: every commit of its chain, from the first, changed nothing that was there before.

``clockwork ledger verify`` prints the result; :mod:`bot.gitrepo.ledger` fetches and asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pygit2
from pygit2.enums import SortMode

from bot.errors import Refused
from bot.gitrepo.chapter import EMPTY, Chapter, read_chapter
from bot.model.ledger import Entry
from bot.safety.compaction import Retention, retained

__all__ = ["Verification", "everything", "verify"]

_SHORTEST: Final = 86400.0


@dataclass(frozen=True, slots=True)
class Verification:
    """What was proved: commits and entries in the chain, the digest it ends in, and each break that was found."""

    commits: int
    entries: int
    head: str
    problems: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(repository: pygit2.Repository, tip: str | None, retention: Retention) -> Verification:
    """Walks the chain from its first commit. A broken commit is reported and the walk goes on from it.

    Each snapshot is judged by the retention it was written with, which may not be shorter than a day unless
    ``retention``, today's own, is.
    """
    chapter, commits, problems = EMPTY, 0, []
    seen: dict[str, bytes] = {}
    for commit in _chain(repository, tip):
        commits += 1
        if len(commit.parent_ids) > 1 or (commits == 1) != (not commit.parent_ids):
            problems.append(f"{commit.short_id}: the chain has a fork or begins anew here")
        try:
            later = read_chapter(repository, str(commit.tree_id), chapter)
        except Refused as exc:
            problems.append(f"{commit.short_id}: {exc.message}")
            continue
        problems.extend(f"{commit.short_id}: {problem}" for problem in _step(chapter, later, seen, retention))
        new = max(0, later.sequence - chapter.sequence)
        recent = zip(later.entries[-new:], later.lines[-new:], strict=True) if new else ()
        seen.update((entry.id, line) for entry, line in recent)
        chapter = later
    return Verification(commits, chapter.sequence, chapter.head, tuple(problems))


def everything(repository: pygit2.Repository, tip: str | None) -> list[Entry]:
    """Every entry of the chain, oldest first. Raises ``Refused`` where it is broken."""
    found: list[Entry] = []
    chapter = EMPTY
    for commit in _chain(repository, tip):
        chapter = read_chapter(repository, str(commit.tree_id), chapter)
        new = chapter.sequence - len(found)
        found.extend(chapter.entries[-new:] if new > 0 else ())
    return found


def _step(before: Chapter, after: Chapter, seen: dict[str, bytes], own: Retention) -> Iterator[str]:
    """What is wrong with going from one chapter to the next."""
    added = after.sequence - before.sequence
    if added < 0:
        yield f"{-added} entries disappeared"
        return
    if after.snapshot == before.snapshot and before.files.items() <= after.files.items():
        return
    old = list(zip(after.entries, after.lines, strict=True))[: len(after.entries) - added]
    for entry, line in old:
        if seen.get(entry.id) != line:
            yield f"entry {entry.id} was slipped in or changed"
    kept = after.retention or own
    if kept.seconds < min(own.seconds, _SHORTEST):
        yield f"compaction kept only the last {kept.seconds:g} seconds"
    lost = retained(before.entries, kept) - {entry.id for entry, _ in old}
    if lost:
        yield f"{len(lost)} entries that still count were dropped, such as {min(lost)}"


def _chain(repository: pygit2.Repository, tip: str | None) -> Iterator[pygit2.Commit]:
    """Commits from the first to ``tip``."""
    if tip is not None:
        yield from repository.walk(tip, SortMode.TOPOLOGICAL | SortMode.REVERSE)
