"""Reading and writing commits, trees and diffs of one bare repository through libgit2.

Used by the endpoints, the merge button and the pages. Nothing here moves a ref (see :mod:`bot.sandbox.bare_repositories`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pygit2
from pygit2.enums import DiffFind, DiffOption, FileMode, MergeFavor, ObjectType, SortMode

from bot.sandbox.replies import unprocessable

_STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One file of a diff. ``patch`` is the hunks without git's header; None for binary or very large files."""

    path: str
    old_path: str | None
    status: str
    additions: int
    deletions: int
    patch: str | None
    blob: str


@dataclass(frozen=True, slots=True)
class Ident:
    """Who made a commit or tag, and when: what git calls an ident (git-var(1), ``GIT_AUTHOR_IDENT``)."""

    name: str
    email: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.name} <{self.email}> {int(self.at.timestamp())} +0000"

    def signature(self) -> pygit2.Signature:
        """For libgit2, in UTC."""
        return pygit2.Signature(self.name, self.email, int(self.at.timestamp()), 0)


def commit_at(git: pygit2.Repository, rev: str) -> pygit2.Commit | None:
    """The commit a branch, tag, full ref name, HEAD or (abbreviated) id names; None when it names none."""
    for name in (f"refs/heads/{rev}", f"refs/tags/{rev}", rev):
        try:
            target = git.revparse_single(name)
            return target.peel(pygit2.Commit)
        except (KeyError, ValueError, pygit2.GitError):
            continue
    return None


def entry_at(tree: pygit2.Tree, path: str) -> pygit2.Object | None:
    """The blob or tree at ``path`` below ``tree`` (the tree itself for an empty path), None when there is none."""
    if not path:
        return tree
    try:
        return tree[path]
    except KeyError:
        return None


def tree_with(git: pygit2.Repository, base: pygit2.Tree | None, changes: Mapping[str, bytes | None]) -> str:
    """The id of ``base`` with ``changes`` applied (None deletes). Modes of files that exist are kept."""
    index = pygit2.Index()
    if base is not None:
        index.read_tree(base)
    for path, data in changes.items():
        if data is None:
            index.remove(path)
            continue
        require_path(path)
        entry = None if base is None else entry_at(base, path)
        mode = FileMode.BLOB if entry is None else FileMode(entry.filemode)
        index.add(pygit2.IndexEntry(path, git.create_blob(data), mode))
    return str(index.write_tree(git))


def require_path(path: str) -> None:
    """422 unless ``path`` may stand in a tree: relative, no empty, ``.``, ``..`` or ``.git`` parts."""
    if any(part.lower() in ("", ".", "..", ".git") for part in path.split("/")):
        raise unprocessable("path contains a malformed path component")


def write_commit(
    git: pygit2.Repository, *, tree: str, parents: Sequence[str], message: str, author: Ident, committer: Ident
) -> str:
    """The id of a new commit that no ref points to yet."""
    return str(git.create_commit(None, author.signature(), committer.signature(), message, tree, list(parents)))


def history(git: pygit2.Repository, tip: str, *, hide: str | None = None) -> Iterator[pygit2.Commit]:
    """Commits reachable from ``tip`` but not from ``hide``, newest first."""
    walker = git.walk(tip, SortMode.TOPOLOGICAL | SortMode.TIME)
    if hide is not None:
        walker.hide(hide)
    return iter(walker)


def touches(commit: pygit2.Commit, path: str) -> bool:
    """Whether ``commit`` changed something at or below ``path`` against its first parent."""
    now = _id_at(commit.tree, path)
    before = _id_at(commit.parents[0].tree, path) if commit.parents else None
    return now != before


def _id_at(tree: pygit2.Tree, path: str) -> str | None:
    entry = entry_at(tree, path)
    return None if entry is None else str(entry.id)


def merge_base(git: pygit2.Repository, commit: str, other_commit: str) -> str | None:
    """The best common ancestor, None for unrelated histories."""
    base = git.merge_base(commit, other_commit)
    return None if base is None else str(base)


def diff_trees(old: pygit2.Tree | None, new: pygit2.Tree) -> tuple[FileDiff, ...]:
    """The files that differ from ``old`` (None: the empty tree) to ``new``, renames found, sorted by path."""
    diff = new.diff_to_tree(swap=True) if old is None else old.diff_to_tree(new, flags=DiffOption.NORMAL)
    diff.find_similar(flags=DiffFind.FIND_RENAMES)
    patches = (patch for patch in diff if patch is not None)
    return tuple(sorted((_file_diff(patch) for patch in patches), key=lambda file: file.path))


def _file_diff(patch: pygit2.Patch) -> FileDiff:
    delta = patch.delta
    status = _STATUS.get(delta.status_char(), "modified")
    _, additions, deletions = patch.line_stats
    text = None if delta.is_binary else _hunks(patch)
    side = delta.old_file if status == "removed" else delta.new_file
    old_path = delta.old_file.path if status == "renamed" else None
    return FileDiff(side.path, old_path, status, additions, deletions, text, str(side.id))


def _hunks(patch: pygit2.Patch) -> str | None:
    """The patch text from the first ``@@`` on."""
    text = patch.data.decode("utf-8", errors="replace")
    start = text.find("\n@@ ")
    return text[start + 1 :].rstrip("\n") if start >= 0 else None


def pull_diff(git: pygit2.Repository, base: str, head: str) -> tuple[FileDiff, ...]:
    """What a pull request shows: from the merge base of both to ``head``."""
    start = merge_base(git, base, head)
    old = None if start is None else git[start].peel(pygit2.Tree)
    return diff_trees(old, git[head].peel(pygit2.Tree))


def merged_tree(git: pygit2.Repository, own_tree: str, head_side: str) -> str | None:
    """The tree of a merge of both commits, None when they conflict or share no history."""
    if merge_base(git, own_tree, head_side) is None:
        return None
    index = git.merge_commits(
        git[own_tree].peel(pygit2.Commit), git[head_side].peel(pygit2.Commit), favor=MergeFavor.NORMAL
    )
    return None if index.conflicts is not None else str(index.write_tree(git))


def replayed(git: pygit2.Repository, onto: str, head: str, committer: Ident) -> str | None:
    """The tip of ``head``'s own commits replayed on ``onto``; None when one conflicts."""
    tip = onto
    for commit in reversed(list(history(git, head, hide=onto))):
        if len(commit.parents) > 1:
            continue
        base = commit.parents[0].tree_id if commit.parents else git.TreeBuilder().write()
        index = git.merge_trees(base, git[tip].peel(pygit2.Tree), commit.tree)
        if index.conflicts is not None:
            return None
        tree = index.write_tree(git)
        tip = str(git.create_commit(None, commit.author, committer.signature(), commit.message, tree, [tip]))
    return tip


def require_kind(git: pygit2.Repository, sha: str, kind: ObjectType, noun: str) -> pygit2.Object:
    """The object with this id, 422 when it is not there or is no ``noun``."""
    git_object = git.get(sha) if len(sha) == 40 else None
    if git_object is None or git_object.type != kind:
        raise unprocessable(f"{noun} does not exist")
    return git_object
