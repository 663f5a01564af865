"""The bytes of a file, also in a partial clone (``git clone --filter=blob:none``), where many are still on the server.

libgit2 knows no promisor remotes (libgit2/libgit2#5564); Git itself fetches what it is asked for, with the credentials
the clone was made with (git's Documentation/technical/partial-clone, "Fetching Missing Objects").
Used by everything here that reads files.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import Final

import pygit2
from pygit2.enums import ObjectType

from bot.errors import Invalid, Unavailable

_SECONDS: Final = 120


def blob_bytes(repository: pygit2.Repository, oid: pygit2.Oid | str) -> bytes:
    """The content of a blob. Raises ``Invalid`` when there is none of that id, ``Unavailable`` when it cannot be fetched."""
    with suppress(KeyError, ValueError, pygit2.GitError):
        kind, data = repository.read(oid)
        if kind == ObjectType.BLOB:
            return data
    return blob_at(repository, oid).data


def blob_size(repository: pygit2.Repository, oid: pygit2.Oid | str) -> int:
    """The length of a blob in bytes; raises as :func:`blob_bytes`."""
    return blob_at(repository, oid).size


def blob_at(repository: pygit2.Repository, oid: pygit2.Oid | str) -> pygit2.Blob:
    """A blob, unpacked once for its size and its content; raises as :func:`blob_bytes`."""
    try:
        return repository[oid].peel(pygit2.Blob)
    except (KeyError, ValueError, pygit2.GitError) as exc:
        if not _is_partial(repository) or len(str(oid)) != 40:
            raise Invalid(f"there is no blob {oid} here") from exc
    _ask_git(repository, str(oid))
    try:
        return repository[oid].peel(pygit2.Blob)
    except (KeyError, ValueError, pygit2.GitError) as exc:
        raise Invalid(f"there is no blob {oid} here or on the server it was cloned from") from exc


def _is_partial(repository: pygit2.Repository) -> bool:
    """Whether some remote is set as ``remote.<name>.promisor`` (git-config(1))."""
    return any(item.name.endswith(".promisor") and item.value == "true" for item in repository.config)


def _ask_git(repository: pygit2.Repository, oid: str) -> None:
    command = ["git", "--git-dir", repository.path, "cat-file", "-e", oid]
    environment = os.environ | {"GIT_TERMINAL_PROMPT": "0"}
    try:
        subprocess.run(command, env=environment, capture_output=True, check=False, timeout=_SECONDS)
    except (FileNotFoundError, subprocess.TimeoutExpired) as exc:
        raise Unavailable(
            f"this clone is partial, and git could not fetch {oid[:12]}",
            advice="clone without --filter, or install git",
        ) from exc
