"""Lets the code host make the commits of branches, so that they are verified, behind the port of the Git repository.

Of the host it knows the port alone. The commit that Git made here is the draft: its files and message are sent, and
what the host made of it comes back by a fetch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from bot.errors import BotError, Unavailable
from bot.gitrepo.receive_pack import RefMove
from bot.gitrepo.repository import GitRepository
from bot.model.codehost import CommitDraft
from bot.model.finding import FileChange, FileStatus
from bot.ports import BranchMove, CommitMaker


@dataclass(eq=False)
class VerifiedRepository(GitRepository):
    """A Git repository whose pushes of one new commit to a branch are made by the host.

    Everything else is pushed by Git: rewritten branches (a lease cannot be said to the host), refs that are no
    branches, several commits at once, and files whose kind cannot be said to the host (new executables, symlinks).
    """

    commits: CommitMaker = field(kw_only=True)

    @staticmethod
    def over(git: GitRepository, commits: CommitMaker) -> VerifiedRepository:
        """The repository ``git`` with ``commits``."""
        return VerifiedRepository(git.git, git.remote, git.author, git.signer, commits=commits)

    def push(self, branch: str, commit: str, *, expected: str | None) -> str:
        draft = self._draft(branch, commit, expected)
        if draft is None:
            return super().push(branch, commit, expected=expected)
        if draft.expected != expected:
            super().push(branch, draft.expected, expected=expected)
        commit_id = self.commits.make(draft)
        with suppress(Unavailable):  # it is made; the next run fetches again
            self.fetch()
        return commit_id

    def push_all(self, moves: Sequence[BranchMove]) -> Sequence[str | BotError]:
        """The host makes one commit at a time."""
        return [self._pushed(move) for move in moves]

    def moved(self, moves: Sequence[BranchMove], push: Callable[[Sequence[RefMove]], bool]) -> bool:
        """Not by Git."""
        del moves, push
        return False

    def _draft(self, branch: str, commit: str, expected: str | None) -> CommitDraft | None:
        """What to tell the host; None where Git has to push. A new branch starts at a commit that the remote has."""
        (info,) = self.log(commit, limit=1)
        if branch.startswith("refs/") or commit == expected or len(info.parents) != 1:
            return None
        (parent,) = info.parents
        if parent != expected and not self._may_start(parent, expected):
            return None
        changes = self.changed(parent, commit)
        additions = {change.path: self._bytes(change, commit) for change in changes if not _removed(change)}
        deletions = [change.old_path or change.path for change in changes if _removed(change) or change.old_path]
        contents = {path: data for path, data in additions.items() if data is not None}
        if len(contents) < len(additions) or not all(_is_text(path) for path in (*contents, *deletions)):
            return None
        return CommitDraft(branch, parent, info.message, contents, deletions)

    def _may_start(self, parent: str, expected: str | None) -> bool:
        """Whether the branch can be put on ``parent`` first: it is published, and nothing of the branch is lost."""
        if expected is not None and not self.is_ancestor(expected, parent):
            return False
        heads = [head for name in self.branches() if (head := self.head(name)) is not None]
        return parent in heads or any(self.is_ancestor(parent, head) for head in heads)

    def _bytes(self, change: FileChange, commit: str) -> bytes | None:
        """The file's new bytes; None for what is no plain file, or is executable and not known as such to the host."""
        was_modified = change.status is FileStatus.MODIFIED
        if change.mode != 0o100644 and not (was_modified and change.mode == 0o100755):
            return None
        return change.after if change.after is not None else self.read(commit, change.path)


def _removed(change: FileChange) -> bool:
    return change.status is FileStatus.REMOVED


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
