"""Reading and writing Git trees without a checkout. Cost follows what changed, never how many files there are.

Trees are read raw: hostile ones hold names that no checkout could have (``..``, ``a/b``, ``.git``), and those are passed
over. Used by :mod:`bot.gitrepo.repository` and :mod:`bot.gitrepo.ledger.chain`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Final, TypeAlias

import pygit2
from pygit2.enums import FileMode, ObjectType

from bot.errors import Refused
from bot.gitrepo.paths import check_writable, is_plain_name
from bot.model.dataclass import dataclass
from bot.model.patterns import regex
from bot.ports import TreeEntry

if TYPE_CHECKING:
    from bot.gitrepo.signing import Signer

MAX_FILES: Final = 2_000_000
"""A tree can name the same subtree ten times at ten levels ("git bomb"); nobody's repository has this many files."""

_MAX_PATH: Final = 4096
"""Linux' PATH_MAX (path_resolution(7)): nobody could check a longer one out."""
FOLDER: Final = 0o040000
LINK: Final = 0o120000
REGULAR: Final = frozenset({0o100644, 0o100755, 0o100664})
"""Modes of files. 100664 is no longer written; git tolerates it in old trees (git, fsck.c)."""

_ENTRY: Final = regex(rb"([0-7]+) ([^\0]*)\0(.{20})", re.DOTALL)
"""An entry of a tree as it is stored: mode in octal, name, zero, id (git, tree-walk.c, ``decode_tree_entry``)."""
_FOLDERS: Final = frozenset({b"40000", b"040000"})

_Id: TypeAlias = pygit2.Oid | str


def children(repository: pygit2.Repository, tree: _Id) -> Iterator[tuple[str, int, str]]:
    """The (name, mode, object id) of each entry of one tree in Git's order.

    Raises ``Refused`` for what is not here, is no tree or is a damaged one.
    """
    for octal, raw, sha in _rows(repository, tree):
        yield raw.decode(errors="surrogateescape"), int(octal, 8), sha.hex()


def _rows(repository: pygit2.Repository, tree: _Id) -> list[tuple[bytes, bytes, bytes]]:
    """The (octal mode, name, binary object id) of each entry."""
    try:
        kind, data = repository.read(tree)
    except (KeyError, ValueError, pygit2.GitError) as exc:
        raise Refused(f"the tree {tree} cannot be read") from exc
    if kind != ObjectType.TREE:
        raise Refused(f"{tree} is in the place of a tree and is none")
    if _ENTRY.sub(b"", data):
        raise Refused(f"the tree {tree} is damaged")
    return _ENTRY.findall(data)


def entries_of(
    repository: pygit2.Repository,
    tree: _Id,
    under: str = "",
    *,
    suffixes: tuple[str, ...] = (),
    modes: Container[int] = REGULAR,
) -> list[TreeEntry]:
    """All regular files below ``tree``, or what else has such a mode, sorted by path; paths begin with ``under`` and a slash
    where it is given.

    With ``suffixes`` only files whose name ends in one of them; any other costs one match of a pattern and no more.
    """
    endings = tuple(suffix.encode() for suffix in suffixes)
    files: list[TreeEntry] = []
    waiting = [(tree, f"{under}/" if under else "")]
    while waiting:
        oid, folder = waiting.pop()
        for octal, raw, sha in _rows(repository, oid):
            if endings and not raw.endswith(endings) and octal not in _FOLDERS:
                continue
            name, mode = raw.decode(errors="surrogateescape"), int(octal, 8)
            path = folder + name
            if not is_plain_name(name) or len(path) > _MAX_PATH:
                continue
            if mode == FOLDER:
                waiting.append((sha.hex(), path + "/"))
            elif mode in modes:
                files.append(TreeEntry(path, sha.hex(), mode))
        if len(files) + len(waiting) > MAX_FILES:
            raise Refused(f"the tree {tree} holds more than {MAX_FILES:,} files; this is not a repository to work on")
    return sorted(files, key=lambda file: file.path)


def find(repository: pygit2.Repository, tree: _Id, path: str) -> tuple[int, str] | None:
    """The (mode, object id) at ``path`` below ``tree``, never through anything but real folders; None when absent."""
    mode, oid = FOLDER, str(tree)
    for part in path.split("/"):
        if mode != FOLDER:
            return None
        entry = next((entry for entry in children(repository, oid) if entry[0] == part), None)
        if entry is None:
            return None
        _, mode, oid = entry
    return mode, oid


@dataclass(slots=True)
class _Folder:
    """The changes below one folder: files by name (None deletes) and deeper folders by name."""

    files: dict[str, bytes | None] = field(default_factory=dict)
    folders: dict[str, _Folder] = field(default_factory=dict)


def written(
    repository: pygit2.Repository, base: _Id | None, changes: Mapping[str, bytes | None], *, workflows: bool = False
) -> str:
    """The id of the tree that ``base`` (None: the empty tree) becomes with ``changes``; only touched folders are built.

    Raises ``Refused`` for a path that :func:`bot.gitrepo.paths.check_writable` refuses, and for one that would go
    through, or replace, a symlink, submodule or folder. With ``workflows`` those may be written.
    """
    root = _Folder()
    for path, data in changes.items():
        parts = check_writable(path, workflows=workflows)
        folder = root
        for part in parts[:-1]:
            folder = folder.folders.setdefault(part, _Folder())
        folder.files[parts[-1]] = data
    built = _build(repository, base, root, "")
    return built or str(repository.TreeBuilder().write())


def check_writable_in(repository: pygit2.Repository, base: _Id, paths: Iterable[str]) -> None:
    """Raise the ``Refused`` that :func:`written` on ``base`` would raise for one of ``paths`` on its own."""
    for path in paths:
        parts = check_writable(path)
        for depth in range(1, len(parts) + 1):
            prefix = "/".join(parts[:depth])
            entry = find(repository, base, prefix)
            if entry is None:
                break
            if depth < len(parts) and entry[0] != FOLDER:
                raise Refused(f"will not write below {prefix}: {_kind_name(entry[0])} is in the way")
            if depth == len(parts) and entry[0] not in REGULAR:
                raise Refused(f"will not write {prefix}: {_kind_name(entry[0])} is there")


def commit(
    repository: pygit2.Repository,
    tree: str,
    parents: list[str | pygit2.Oid],
    *,
    author: pygit2.Signature,
    committer: pygit2.Signature,
    message: str,
    signer: Signer | None,
) -> str:
    """The id of a new commit object, signed when there is a ``signer``; no ref moves."""
    if signer is None:
        return str(repository.create_commit(None, author, committer, message, tree, parents))
    text = str(repository.create_commit_string(author, committer, message, tree, parents))
    return str(repository.create_commit_with_signature(text, signer.sign(text.encode())))


def _build(repository: pygit2.Repository, base: _Id | None, folder: _Folder, prefix: str) -> str | None:
    """The id of the folder's new tree, or None when nothing is left in it."""
    tree = None if base is None else repository[base].peel(pygit2.Tree)
    builder = repository.TreeBuilder() if tree is None else repository.TreeBuilder(tree)
    for name, deeper in folder.folders.items():
        mode, oid = _present(tree, name) or (FOLDER, None)
        if mode != FOLDER or name in folder.files:
            raise Refused(f"will not write below {prefix}{name}: {_kind_name(mode)} is in the way")
        below = _build(repository, oid, deeper, f"{prefix}{name}/")
        if below is not None:
            builder.insert(name, below, FileMode.TREE)
        elif oid is not None:
            builder.remove(name)
    for name, data in folder.files.items():
        present = _present(tree, name)
        mode = 0o100644 if present is None else present[0]
        if mode not in REGULAR:
            raise Refused(f"will not write {prefix}{name}: {_kind_name(mode)} is there")
        if data is not None:
            builder.insert(name, repository.create_blob(data), FileMode(0o100755 if mode == 0o100755 else 0o100644))
        elif present is not None:
            builder.remove(name)
    return str(builder.write()) if len(builder) else None


def _present(tree: pygit2.Tree | None, name: str) -> tuple[int, str] | None:
    """The (mode, object id) of one entry, without a look at the others."""
    if tree is None or name not in tree:
        return None
    entry = tree[name]
    return entry.filemode, str(entry.id)


def _kind_name(mode: int) -> str:
    kinds = {FOLDER: "a folder", LINK: "a symlink", 0o160000: "a submodule"}
    return kinds.get(mode, "a file")
