"""What is staged, or lies in a checkout, as a commit that no branch has, so that it is compared as any other one.

The index on the disk, the files and every ref stay as they are; the objects are left to Git's next clean-up (git-gc(1)).
"""

from __future__ import annotations

import time
from pathlib import Path

import pygit2

from bot.errors import Invalid


def snapshot(folder: Path, *, staged: bool) -> str:
    """The id of a commit on HEAD with what is staged, or else with every file that Git does not ignore.

    Before the first commit it is on one without files, so that there is something to compare with.
    Raises ``Invalid`` outside of a checkout and while a merge has conflicts.
    """
    path = pygit2.discover_repository(str(folder))
    repository = None if path is None else pygit2.Repository(path)
    if repository is None or repository.is_bare:
        raise Invalid(f"{folder} is in no checkout of Git", advice="Name two commits instead.")
    index = repository.index
    try:
        if not staged:
            index.add_all()
        tree = index.write_tree()
    except pygit2.GitError as exc:
        raise Invalid(f"{folder} cannot be compared: {exc}", advice="Finish the merge, or name two commits.") from exc
    author = pygit2.Signature("Clockwork", "clockwork@users.noreply.github.com", int(time.time()), 0)
    if repository.head_is_unborn:
        nothing = repository.TreeBuilder().write()
        parent = repository.create_commit(None, author, author, "Nothing yet", nothing, [])
    else:
        parent = repository.head.peel(pygit2.Commit).id
    return str(repository.create_commit(None, author, author, "What is not committed yet", tree, [parent]))
