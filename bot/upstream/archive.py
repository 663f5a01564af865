"""Archives that others packed, as values: nothing of them touches the disk by its own names.

An archive may be made to harm whoever unpacks it: names that lead out, links, devices, a few bytes that unpack to gigabytes
(Helm's own limits are in ``pkg/chart/loader/archive/archive.go``: 100 MiB in all, 5 MiB a file). Packed again by
:func:`packed`, files have the same bytes everywhere, so that a digest tells them apart.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.errors import Invalid
from bot.model.filetree import FileTree, content_id

_DRIVE: Final = re.compile(r"[A-Za-z]:")
_CHUNK: Final = 64 * 1024
_MIB: Final = 1024 * 1024
_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """Bytes of all files and of everything between them, bytes of one file, number of entries."""

    total: int = 100 * _MIB
    file: int = 16 * _MIB
    entries: int = 20_000


def unpacked(data: bytes, limits: UnpackLimits) -> dict[str, bytes]:
    """The regular files of a gzipped tar archive by their names, with ``/`` and relative. Raises ``Invalid``."""
    files: dict[str, bytes] = {}
    if not data.startswith(_GZIP):
        raise Invalid("it is no gzipped archive")
    stream = _Bounded(data, limits.total)
    try:
        with tarfile.open(fileobj=stream, mode="r|", errorlevel=1) as archive:
            for number, member in enumerate(archive):
                if number >= limits.entries:
                    raise Invalid(f"it has more than {limits.entries} entries")
                _take(archive, member, files, limits)
        while stream.read():
            pass  # the checksum of gzip stands at its end, which tar does not read to
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as exc:
        raise Invalid("it is no whole gzipped tar archive") from exc
    return files


def _take(archive: tarfile.TarFile, member: tarfile.TarInfo, files: dict[str, bytes], limits: UnpackLimits) -> None:
    if member.isdir():
        return
    name = checked_name(member.name)
    if not member.isreg():
        raise Invalid(f"{name} in it is a link or a device, which no archive of files needs")
    if member.size > limits.file:
        raise Invalid(f"{name} in it is larger than {limits.file / _MIB:g} MiB")
    content = archive.extractfile(member)
    files[name] = b"" if content is None else content.read()


def checked_name(name: str) -> str:
    """A name as a path below the top. Raises ``Invalid`` for one that leads elsewhere or that no file should have."""
    parts = [part for part in name.split("/") if part not in {"", "."}]
    odd = any(ord(character) < 32 or character in "\\\x7f" for character in name)
    if not parts or name.startswith("/") or ".." in parts or odd or _DRIVE.match(name):
        raise Invalid(f"the name {name[:100]!r} in it leads out of its folder")
    return "/".join(parts)


class _Bounded(io.RawIOBase):
    """The bytes of a gzip stream, which end in ``Invalid`` when they are too many."""

    def __init__(self, data: bytes, most: int) -> None:
        self._stream = gzip.GzipFile(fileobj=io.BytesIO(data))
        self._most = most
        self._read = 0

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes."""
        chunk = self._stream.read(_CHUNK if size < 0 else size)
        self._read += len(chunk)
        if self._read > self._most:
            raise Invalid(f"it unpacks to more than {self._most / _MIB:g} MiB")
        return chunk


def packed(files: Mapping[str, bytes]) -> bytes:
    """``files`` as a gzipped tar archive without times, owners or modes."""
    target = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=target, mode="wb", compresslevel=1, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size = len(files[name])
            archive.addfile(member, io.BytesIO(files[name]))
    return target.getvalue()


def tree_of(files: Mapping[str, bytes]) -> FileTree:
    """Files in memory as a tree."""
    ids = {name: content_id(data) for name, data in files.items()}
    contents = {ids[name]: data for name, data in files.items()}
    return FileTree(ids, contents.__getitem__)


def chart_of(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a packaged chart below its folder: every name begins with that (``LoadArchiveFiles`` in helm's
    ``archive.go`` takes the first part off whatever it is). Raises ``Invalid`` where there is no chart.
    """
    below = {name.partition("/")[2]: data for name, data in files.items() if "/" in name}
    if "Chart.yaml" not in below:
        raise Invalid("it has no Chart.yaml, so it is no chart")
    return below
