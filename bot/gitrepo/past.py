"""Everything that was ever written: the commits of a history, oldest first, each with the files that no earlier one had.

A blob is read once, wherever and however often it stands, so the work is linear in what the repository holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pygit2
from pygit2.enums import DiffOption, SortMode

from bot.gitrepo import history, trees
from bot.gitrepo.blobs import blob_bytes, blob_size
from bot.model.dataclass import dataclass
from bot.model.finding import FileChange, FileStatus
from bot.model.past import CommitAdditions

_FILES = frozenset({int(mode) for mode in trees.REGULAR} | {int(trees.LINK)})


@dataclass(frozen=True, slots=True)
class PastCommits:
    """Commits by their ids, oldest first. ``largest`` is how many bytes of a file are read."""

    repository: pygit2.Repository
    ids: Sequence[str]
    largest: int

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[CommitAdditions]:
        visited: set[str] = set()
        for sha in self.ids:
            commit = history.commit_of(self.repository, sha)
            header = history.described(commit)
            subject = header.message.partition("\n")[0]
            yield CommitAdditions(sha, header.author.name, header.at, subject, tuple(self._new(commit, visited)))

    def _new(self, commit: pygit2.Commit, visited: set[str]) -> Iterator[tuple[str, FileChange]]:
        """Blobs that nobody saw, each with its id; a merge is what it adds to its first parent."""
        for delta in self._diff(commit).deltas:
            side = delta.new_file
            blob = str(side.id)
            if blob in visited or int(side.mode) not in _FILES:
                continue
            visited.add(blob)
            path = side.raw_path.decode(errors="surrogateescape")
            size = blob_size(self.repository, side.id)
            omitted = f"too large ({size:,} bytes)" if size > self.largest else None
            after = None if omitted else blob_bytes(self.repository, side.id)
            yield blob, FileChange(path, FileStatus.ADDED, None, after, omitted=omitted, mode=int(side.mode))

    def _diff(self, commit: pygit2.Commit) -> pygit2.Diff:
        """What a commit changes; all of it where its parent is not here, as in a shallow clone."""
        flags = DiffOption.SKIP_BINARY_CHECK | DiffOption.INCLUDE_TYPECHANGE
        if not commit.parent_ids or commit.parent_ids[0] not in self.repository:
            return commit.tree.diff_to_tree(flags=flags, swap=True)
        parent = self.repository[commit.parent_ids[0]].peel(pygit2.Commit)
        return parent.tree.diff_to_tree(commit.tree, flags=flags)


def commits_of(repository: pygit2.Repository, tips: Sequence[str], *, largest: int) -> PastCommits:
    """All commits that ``tips`` reach, oldest first."""
    walker = repository.walk(None, SortMode.TOPOLOGICAL | SortMode.TIME | SortMode.REVERSE)
    for tip in dict.fromkeys(tips):
        walker.push(history.commit_of(repository, tip).id)
    return PastCommits(repository, tuple(str(commit.id) for commit in walker), largest)


def tips_of(repository: pygit2.Repository) -> tuple[str, ...]:
    """What every branch, remote branch and tag names, and HEAD."""
    names = (name for name in repository.references if name.startswith(("refs/heads/", "refs/remotes/", "refs/tags/")))
    tips: list[str] = []
    for name in ("HEAD", *names):
        try:
            tips.append(str(repository.revparse_single(name).peel(pygit2.Commit).id))
        except (KeyError, ValueError, pygit2.GitError):
            continue
    return tuple(dict.fromkeys(tips))
