"""The files of one commit as a value: paths, content ids, and bytes that are read when somebody asks.

Candidate edits are laid over it, so that what a change would come to can be rendered before anybody commits it.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

_ABSENT: Final = object()


def content_id(data: bytes) -> str:
    """The id of a blob as Git has it (SHA-1 over a header and the bytes; git-hash-object(1))."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class FileTree:
    """Repository paths with forward slashes to content ids; ``load`` gives the bytes of an id. Regular files only.

    ``changed`` are files laid over it (None: deleted).
    """

    blobs: Mapping[str, str]
    load: Callable[[str], bytes]
    changed: Mapping[str, bytes | None] = field(default_factory=dict)
    _sorted: list[str] = field(default_factory=list, compare=False, repr=False)

    def __contains__(self, path: object) -> bool:
        data = self.changed.get(path, _ABSENT) if isinstance(path, str) else None
        return path in self.blobs if data is _ABSENT else data is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.under(""))

    def under(self, folder: str) -> list[str]:
        """The paths below ``folder`` (empty: all), sorted."""
        if not self._sorted:
            self._sorted.extend(sorted(path for path in {*self.blobs, *self.changed} if path in self))
        if not folder:
            return list(self._sorted)
        prefix = folder.rstrip("/") + "/"
        start = bisect_left(self._sorted, prefix)
        return self._sorted[start : bisect_left(self._sorted, prefix[:-1] + "0", start)]

    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None when there is none."""
        if path in self.changed:
            return self.changed[path]
        blob = self.blobs.get(path)
        return None if blob is None else self.load(blob)

    def id_of(self, path: str) -> str | None:
        """The content id of a file; None when there is none."""
        if path not in self.changed:
            return self.blobs.get(path)
        data = self.changed[path]
        return None if data is None else content_id(data)

    def with_changes(self, changed: Mapping[str, bytes | None]) -> FileTree:
        """This tree with ``changed`` files (None deletes)."""
        return FileTree(self.blobs, self.load, {**self.changed, **changed})
