"""Stored bytes as files: unpacked when somebody needs them, and held while memory allows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.errors import Invalid
from bot.model.filetree import FileTree
from bot.model.upstream import UpstreamKind, UpstreamRequest, host_of
from bot.upstream.archive import UnpackLimits, chart_of, tree_of, unpacked
from bot.upstream.hosts import split
from bot.upstream.store import Store

_MOST_BYTES: Final = 128 * 1024 * 1024


@dataclass(slots=True)
class FetchedContents:
    """Trees by what they were asked as and the SHA-256 of their bytes; those that were not asked for the longest go."""

    store: Store
    limits: UnpackLimits
    _trees: OrderedDict[str, tuple[FileTree, int]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tree(self, request: UpstreamRequest, digest: str, data: bytes | None = None) -> FileTree | None:
        """The files of a request in the bytes of a digest; ``data`` where they are at hand, else the stored ones. None
        where there are none. Raises ``Invalid`` for what cannot be unpacked.
        """
        key = f"{request.kind} {digest} {request.url if request.kind is UpstreamKind.FILE else ''}"
        with self._lock:
            if key in self._trees:
                self._trees.move_to_end(key)
                return self._trees[key][0]
        data = self.store.content(digest) if data is None else data
        if data is None:
            return None
        try:
            files = self._files(request, data)
        except Invalid as exc:
            raise Invalid(f"what {host_of(request.url)} sends cannot be unpacked: {exc.message}") from exc
        tree = tree_of(files)
        self._hold(key, tree, sum(map(len, files.values())))
        return tree

    def _files(self, request: UpstreamRequest, data: bytes) -> Mapping[str, bytes]:
        match request.kind:
            case UpstreamKind.FILE:
                _, parts = split(request.url)
                return {parts.path.rpartition("/")[2] or "file": data}
            case UpstreamKind.CHART:
                return chart_of(unpacked(data, self.limits))
            case UpstreamKind.GIT:
                return unpacked(data, self.limits)
            case UpstreamKind.OCI:
                files = unpacked(data, self.limits)
                return chart_of(files) if _is_chart(files) else files

    def _hold(self, key: str, tree: FileTree, size: int) -> None:
        with self._lock:
            self._trees[key] = tree, size
            while len(self._trees) > 1 and sum(entry for _, entry in self._trees.values()) > _MOST_BYTES:
                self._trees.popitem(last=False)


def _is_chart(files: Mapping[str, bytes]) -> bool:
    """Whether an archive of a registry is a chart, which lies in a folder of its own; manifests may lie anywhere."""
    tops = {name.partition("/")[0] for name in files}
    return len(tops) == 1 and f"{next(iter(tops))}/Chart.yaml" in files
