"""What a push over HTTP is made of: packet lines, and a pack of the objects that a server does not have yet.

gitprotocol-common(5), "pkt-line Format"; gitformat-pack(5). Pure but for reading objects. Used by
:mod:`bot.gitrepo.receive_pack`.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Collection, Iterator, Mapping

import pygit2
from pygit2.enums import FileMode

FLUSH = b"0000"
_MOST_COMMITS = 100
"""How many commits are looked through for one that the server has."""


def packet(data: bytes) -> bytes:
    """One packet line: four hex digits that count themselves too, then the data."""
    return f"{len(data) + 4:04x}".encode() + data


def packets(data: bytes) -> Iterator[bytes]:
    """The contents of packet lines in order, a flush as nothing. ``ValueError`` for what is none."""
    at = 0
    while at < len(data):
        size = int(data[at : at + 4], 16)
        if size in {1, 2, 3} or at + max(size, 4) > len(data):
            raise ValueError(f"a packet line of {size} bytes")
        yield data[at + 4 : at + size] if size else b""
        at += max(size, 4)


def news(
    repository: pygit2.Repository, commit: str, known_ids: Collection[str]
) -> Mapping[str, tuple[int, bytes]] | None:
    """The objects that came with ``commit`` since the ``known_ids`` ones, by id: type and contents. None where nothing known is
    near.
    """
    objects: dict[str, tuple[int, bytes]] = {}
    waiting, visited = [commit], set[str]()
    while waiting:
        name = waiting.pop()
        if name in known_ids or name in visited:
            continue
        visited.add(name)
        if len(visited) > _MOST_COMMITS:
            return None
        tag_commit = repository[name].peel(pygit2.Commit)
        parents = [str(parent) for parent in tag_commit.parent_ids]
        before = repository[parents[0]].peel(pygit2.Tree) if parents and parents[0] in repository else None
        if parents and before is None:
            return None
        for oid in (name, *_added(tag_commit.tree, before)):
            objects[oid] = repository.read(oid)
        waiting += parents
    return objects


def _added(tree: pygit2.Tree, before: pygit2.Tree | None) -> Iterator[str]:
    """The ids of what ``tree`` holds and ``before`` does not hold under the same name; a submodule's commit is elsewhere."""
    if before is not None and tree.id == before.id:
        return
    yield str(tree.id)
    for entry in tree:
        old = _entry(before, entry.name)
        if (old is not None and old.id == entry.id) or entry.filemode == FileMode.COMMIT:
            continue
        if entry.filemode == FileMode.TREE:
            deeper = old is not None and old.filemode == FileMode.TREE
            yield from _added(entry.peel(pygit2.Tree), old.peel(pygit2.Tree) if deeper and old is not None else None)
        else:
            yield str(entry.id)


def _entry(tree: pygit2.Tree | None, name: str | None) -> pygit2.Object | None:
    return tree[name] if tree is not None and name is not None and name in tree else None


def pack(objects: Mapping[str, tuple[int, bytes]]) -> bytes:
    """A pack of whole objects (gitformat-pack(5), version 2)."""
    parts = [b"PACK", struct.pack(">II", 2, len(objects))]
    for kind, data in objects.values():
        parts += [_size(kind, len(data)), zlib.compress(data)]
    body = b"".join(parts)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def _size(kind: int, size: int) -> bytes:
    """Three bits of type and the size, four bits and then seven a byte, each byte but the last with its highest bit set."""
    line, size = [(kind << 4) | (size & 15)], size >> 4
    while size:
        line[-1] |= 128
        line.append(size & 127)
        size >>= 7
    return bytes(line)
