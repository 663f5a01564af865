"""Questions about commits: who came from whom, what changed between two. Used by :mod:`bot.gitrepo.repository`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pygit2
from pygit2.enums import DeltaStatus, DiffFind, DiffOption, SortMode

from bot.errors import Invalid
from bot.gitrepo.blobs import blob_at, blob_bytes, blob_size
from bot.model.finding import FileChange, FileStatus
from bot.ports import CommitInfo, Signature

_MAX_BYTES = 20_000_000
_SUBMODULE = 0o160000
"""The mode of a gitlink, whose id is a commit of another repository (git, object.h, S_IFGITLINK)."""
_SAMPLE = 512
"""Bytes of a file that is too large: enough to tell what it is."""
_STATUS = {
    DeltaStatus.ADDED: FileStatus.ADDED,
    DeltaStatus.COPIED: FileStatus.ADDED,
    DeltaStatus.DELETED: FileStatus.REMOVED,
    DeltaStatus.RENAMED: FileStatus.RENAMED,
}


def commit_of(repository: pygit2.Repository, sha: str) -> pygit2.Commit:
    """The commit ``sha`` (a tag is followed). Raises ``Invalid`` when it is not here or is no commit."""
    try:
        return repository[sha].peel(pygit2.Commit)
    except (KeyError, ValueError, pygit2.GitError) as exc:
        raise Invalid(f"there is no commit {sha!r} here", advice="fetch, or check the name") from exc


def described(commit: pygit2.Commit) -> CommitInfo:
    """The commit's header as a value. Text that is not UTF-8 is kept readable."""
    return CommitInfo(
        sha=str(commit.id),
        parents=tuple(str(parent) for parent in commit.parent_ids),
        message=commit.raw_message.decode(errors="replace"),
        author=_signed(commit.author),
        committer=_signed(commit.committer),
        at=_moment(commit.commit_time),
    )


def _signed(by: pygit2.Signature) -> Signature:
    return Signature(by.raw_name.decode(errors="replace"), by.raw_email.decode(errors="replace"))


def walk(repository: pygit2.Repository, commit: str, *, limit: int, until: str | None) -> list[CommitInfo]:
    """Up to ``limit`` commits back from ``commit`` along all parents, newest first, none that ``until`` reaches."""
    walker = repository.walk(commit_of(repository, commit).id, SortMode.TOPOLOGICAL | SortMode.TIME)
    if until is not None:
        walker.hide(commit_of(repository, until).id)
    return [described(ancestor) for ancestor, _ in zip(walker, range(limit), strict=False)]


def ancestry(repository: pygit2.Repository, ancestor: str, commit: str) -> bool:
    """Whether ``ancestor`` is ``commit`` or reachable from it; no when either is not here."""
    try:
        return ancestor == commit or repository.descendant_of(commit, ancestor)
    except (KeyError, ValueError, pygit2.GitError):
        return False


def best_common_ancestor(repository: pygit2.Repository, commit: str, second: str) -> str | None:
    """The merge base of two commits, None for unrelated histories."""
    base = repository.merge_base(commit_of(repository, commit).id, commit_of(repository, second).id)
    return None if base is None else str(base)


def changes(repository: pygit2.Repository, base: str, head: str) -> Sequence[FileChange]:
    """What differs between two commits, renames found, sorted by path. Too large files come without bytes."""
    old, new = commit_of(repository, base).tree, commit_of(repository, head).tree
    diff = old.diff_to_tree(new, flags=DiffOption.INCLUDE_TYPECHANGE | DiffOption.SKIP_BINARY_CHECK)
    _find_renames(repository, diff)
    return sorted((_change(repository, delta) for delta in diff.deltas), key=lambda change: change.path)


def _find_renames(repository: pygit2.Repository, diff: pygit2.Diff) -> None:
    try:
        diff.find_similar(flags=DiffFind.FIND_RENAMES)
    except (KeyError, pygit2.GitError):
        # A partial clone: what is compared must be here first.
        for side in (side for delta in diff.deltas for side in (delta.old_file, delta.new_file)):
            if side.mode not in {0, _SUBMODULE}:
                blob_size(repository, side.id)
        diff.find_similar(flags=DiffFind.FIND_RENAMES)


def _change(repository: pygit2.Repository, delta: pygit2.DiffDelta) -> FileChange:
    status = _STATUS.get(delta.status, FileStatus.MODIFIED)
    before, lost_before = _side(repository, delta.old_file, absent=status is FileStatus.ADDED)
    after, lost_after = _side(repository, delta.new_file, absent=status is FileStatus.REMOVED)
    omitted = lost_after or lost_before
    old_path = _text(delta.old_file.raw_path)
    present = delta.old_file if status is FileStatus.REMOVED else delta.new_file
    return FileChange(
        path=_text(present.raw_path),
        status=status,
        before=None if omitted else before,
        after=None if omitted else after,
        old_path=old_path if status is FileStatus.RENAMED else None,
        omitted=omitted,
        mode=int(present.mode),
        old_mode=int(delta.old_file.mode) if delta.old_file.mode not in {0, present.mode} else None,
        sample=blob_bytes(repository, present.id)[:_SAMPLE] if omitted and present.mode != _SUBMODULE else b"",
    )


def _side(repository: pygit2.Repository, side: pygit2.DiffFile, *, absent: bool) -> tuple[bytes | None, str | None]:
    """The bytes of one side, or why they are left out."""
    if absent:
        return None, None
    if side.mode == _SUBMODULE:
        return None, "submodule"
    blob = blob_at(repository, side.id)
    if blob.size > _MAX_BYTES:
        return None, f"too large ({blob.size:,} bytes)"
    return blob.data, None


def _text(path: bytes) -> str:
    return path.decode(errors="surrogateescape")


def _moment(seconds: int) -> datetime:
    """Git's seconds since 1970 as UTC; a commit can claim any number."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
