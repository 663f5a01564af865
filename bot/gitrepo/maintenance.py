"""Many small packs and single objects become one pack, as ``git gc --auto`` has it; libgit2 has none of that.

Every fetch leaves a pack and every commit some objects, and what is looked up is searched for in all packs: a daemon, and a
cache that is kept between runs, would grow larger and slower for as long as they live. Whoever reads meanwhile, in this
process or another, finds the objects in the new pack: libgit2 looks for packs again where it misses one.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pygit2

_PACKS: Final = 50
"""So many packs are left alone, as by git itself (git-config(1), ``gc.autoPackLimit``)."""
_SAMPLE: Final = 27
"""So many single objects in one of the 256 folders are left alone (``gc.auto``: 6700 in all of them)."""
_LARGEST: Final = 64 << 20
"""The packs that are gathered have at most this many bytes: a large clone is not written again for each small fetch."""
_HEADER: Final = b"\xfftOc\x00\x00\x00\x02"
"""What an index of a pack begins with, in version 2; a table of 256 counts follows (gitformat-pack(5), "pack-*.idx")."""
_FANOUT: Final = 256 * 4
_ID: Final = 20


def maintain(repository: pygit2.Repository) -> None:
    """What is small is in one pack, where there is too much of it. The caller holds :func:`~bot.gitrepo.lock.writing`.

    The new pack is there before anything else goes: after a crash some objects are here twice, and none is gone. Where it
    cannot be written all stays as it is, and whoever has to write something is told of a disk that is full.
    """
    with suppress(pygit2.GitError, OSError):
        _gather(repository)


def _gather(repository: pygit2.Repository) -> None:
    objects = Path(repository.path) / "objects"
    packs, single = _small_packs(objects), _single_objects(objects)
    if not packs and not single:
        return
    builder = pygit2.PackBuilder(repository)
    for index in packs:
        for oid in _ids(index.read_bytes()):
            builder.add(pygit2.Oid(raw=oid))
    for file in single:
        builder.add(pygit2.Oid(hex=f"{file.parent.name}{file.name}"))
    before = {*objects.glob("pack/pack-*.idx")}
    builder.write(objects / "pack")
    if {*objects.glob("pack/pack-*.idx")} == before:
        return  # the same pack was here, and which one of them it is nobody says
    for index in packs:
        index.unlink()  # first, as nobody looks for a pack without one
        index.with_suffix(".pack").unlink()
    for file in single:
        file.unlink()
    repository.free()  # libgit2 keeps what it knows of a pack that is gone until then


def _small_packs(objects: Path) -> list[Path]:
    """The indexes of the smallest packs; none while there are few."""
    if sum(name.endswith(".idx") for name in _names(objects / "pack")) <= _PACKS:
        return []
    indexes = [*objects.glob("pack/pack-*.idx")]
    sizes = {index: index.with_suffix(".pack").stat().st_size for index in indexes if _is_read(index)}
    return list(_up_to(_LARGEST, sorted(sizes.items(), key=lambda pack: pack[1]))) if len(sizes) > _PACKS else []


def _up_to(most: int, sizes: list[tuple[Path, int]]) -> Iterator[Path]:
    total = 0
    for index, size in sizes:
        total += size
        if total > most:
            return
        yield index


def _single_objects(objects: Path) -> list[Path]:
    """The files of all single objects; none while there are few, told from one folder as git does."""
    if len(_names(objects / "17")) <= _SAMPLE:
        return []
    return [file for file in objects.glob("[0-9a-f][0-9a-f]/*") if len(file.name) == 2 * _ID - 2]


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except FileNotFoundError:
        return []


def _is_read(index: Path) -> bool:
    """Whether it is of version 2: libgit2 writes no other, and Git has written no other since 2008."""
    with index.open("rb") as file:
        return file.read(len(_HEADER)) == _HEADER


def _ids(index: bytes) -> Iterator[bytes]:
    """The ids in an index (gitformat-pack(5), "Version 2 pack-*.idx files")."""
    start = len(_HEADER) + _FANOUT
    (count,) = struct.unpack_from(">I", index, start - 4)
    for at in range(start, start + count * _ID, _ID):
        yield index[at : at + _ID]
