"""Which repository paths the bot may ever write. Asked for every path of every commit, before anything is built.

The rules are those of Git's own ``verify_path`` (git, read-cache.c) for all platforms at once (git-config(1),
``core.protectHFS`` and ``core.protectNTFS``; CVE-2014-9390 and CVE-2019-1352 are what they prevent), so that no clone on
any system is harmed, plus the one folder in which a commit would run code: ``.github/workflows`` (docs.github.com,
"Workflow syntax for GitHub Actions").
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from bot.errors import Refused
from bot.model.patterns import regex

# The characters that HFS+ leaves out of comparisons (git, utf8.c, next_hfs_char).
_HFS_IGNORED: Final = regex("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_CONTROL: Final = regex(r"[\x00-\x1f\x7f]")
# The short name that NTFS gives to ``.git``; git itself looks for GIT~1 alone (git, path.c, is_ntfs_dotgit).
_NTFS_GIT: Final = regex(r"git~\d+\Z")
_MAX_BYTES: Final = 4096  # PATH_MAX of Linux (path_resolution(7))


def check_writable(path: str, *, workflows: bool = False) -> tuple[str, ...]:
    """The components of ``path``. Raises ``Refused`` for one that must never be written.

    ``workflows``: a person asked for one, so that files right in that folder, by its real name, may be.
    """
    if not path or path.startswith("/") or re.match(r"[A-Za-z]:", path):
        raise Refused(f"will not write {path!r}: it is not a path inside the repository")
    if _CONTROL.search(path) or "\\" in path or len(path.encode(errors="surrogateescape")) > _MAX_BYTES:
        raise Refused(f"will not write {path!r}: control characters, backslashes or too long")
    if not path.isascii() and path.encode(errors="replace") != path.encode(errors="surrogateescape"):
        raise Refused(f"will not write {path!r}: its name is not UTF-8", advice="rename it")
    parts = tuple(path.split("/"))
    folded = tuple(_folded(part) for part in parts)
    for part, plain in zip(parts, folded, strict=True):
        if plain in {"", ".", ".."} or _is_git(plain):
            raise Refused(f"will not write {path!r}: {part!r} is not a file name Git allows everywhere")
    if (
        workflows
        and parts[:2] == (".github", "workflows")
        and re.fullmatch(r"[\w-]+\.ya?ml", "/".join(parts[2:]), re.ASCII)
    ):
        return parts
    if folded[:2] == (".github", "workflows") or _short_name_of_workflows(folded):
        raise Refused(f"will not write {path!r}: a commit there would run code", advice="change workflows by hand")
    if folded[-1] == ".gitmodules":
        raise Refused(f"will not write {path!r}: it would add a submodule")
    return parts


def is_plain_name(name: str) -> bool:
    """Whether a tree entry's name is one that a path can be made of; hostile trees hold others."""
    return name not in {"", ".", ".."} and "/" not in name and name.lower() != ".git"


def _folded(part: str) -> str:
    """The name as the most forgiving file system would see it: HFS+ and NTFS fold case and drop some characters."""
    without = _HFS_IGNORED.sub("", unicodedata.normalize("NFC", part)).casefold()
    name, _, _ = without.partition(":")
    stripped = name.rstrip(" .")
    return stripped or ("." if name == "." else ".." if name else "")


def _is_git(folded: str) -> bool:
    return folded == ".git" or _NTFS_GIT.match(folded) is not None


def _short_name_of_workflows(folded: tuple[str, ...]) -> bool:
    """Whether NTFS short names (``GITHUB~1/WORKFL~1``) could lead into the workflows folder."""
    if len(folded) < 3:
        return False
    first = folded[0] == ".github" or re.match(r"github~\d+\Z", folded[0]) is not None
    second = folded[1] == "workflows" or re.match(r"workfl~\d+\Z", folded[1]) is not None
    return first and second
