"""Repository paths as the files of tools write them: relative to a folder, with ``..``, or somewhere on the network; and what
targets may be called.
"""

from __future__ import annotations

import posixpath
from typing import Final

from bot.model.patterns import regex

_REMOTE: Final = regex(
    r"[a-z][a-z0-9+.-]*://|[\w.-]+@[\w.-]+:|(?:github\.com|gitlab\.com|bitbucket\.org|dev\.azure\.com)[/:]|.*[?&]ref=|git::"
)
"""What kustomize takes for a Git repository or a URL (kustomize docs, "remote targets"; go-getter forms of old)."""

TARGET_NAME: Final = regex(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
"""What a target may be called: it stands in tasks, branch names and ledger entries. No slash."""


def is_remote(text: str) -> bool:
    """Whether a reference leads out of the repository, to a URL or another Git repository."""
    return _REMOTE.match(text) is not None


def joined(folder: str, reference: str) -> str | None:
    """``reference`` as seen from ``folder``, as a repository path (empty: the top). None where it leads out of it."""
    if reference.startswith("/"):
        return None
    path = posixpath.normpath(posixpath.join(folder, reference))
    if path == ".." or path.startswith("../"):
        return None
    return "" if path == "." else path


def is_below(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder`` or lies in it; everything lies in the top (empty)."""
    return not folder or path == folder or path.startswith(folder + "/")
