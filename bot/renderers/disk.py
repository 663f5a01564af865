"""Renderings that outlive the process, in a folder of the bot's own: a run on a fresh morning renders what changed.

One file for each unit, named by a digest of the unit, the tools and our own code, holding a digest of its contents: what
is cut short, altered or of another version is no rendering and goes. What is in it came from the repository in the clear;
the folder is for its owner alone all the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from bot.model.filetree import FileTree, Reads
from bot.model.target import NotCompared, RenderedObject, Rendering, Unit
from bot.model.upstream import NotFetched, UpstreamRequest, UpstreamSource

_CONTENT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""How Git names what a file holds. Those of no commit are known by size and age, which tells nothing on another day."""
_VARIANTS: Final = 4
_MOST_BYTES: Final = 64 * 1024 * 1024
_LARGEST: Final = 64 * 1024 * 1024
"""Bytes of one file, unpacked."""


@dataclass(slots=True)
class Disk:
    """The folder. Safe between processes: a file is written whole or not at all. Never raises for what lies in it."""

    folder: Path
    most_bytes: int = _MOST_BYTES
    _unswept: int = field(default=0, init=False)
    """So many bytes more may be written before the folder is looked through again."""

    def __post_init__(self) -> None:
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def name(self, unit: Unit, versions: Sequence[str]) -> str:
        """The file for a unit."""
        facts: list[object] = [
            *versions,
            unit.kind,
            unit.name,
            unit.path,
            unit.namespace,
        ]
        facts += [unit.spec, unit.file, unit.line, unit.how]
        return hashlib.sha256(json.dumps(facts, sort_keys=True, default=_plain).encode()).hexdigest()

    def find(self, name: str, tree: FileTree) -> tuple[Reads, Rendering] | None:
        """What was rendered from the same answers as ``tree`` gives; None where nothing was."""
        for reads, rendering in self._variants(name):
            if reads.same_in(tree):
                with contextlib.suppress(OSError):
                    os.utime(self.folder / name)
                with contextlib.suppress(KeyError, TypeError, ValueError):  # of a format that says it is this one
                    return reads, _rendering(rendering)
        return None

    def keep(self, name: str, reads: Reads, rendering: Rendering) -> None:
        """Remember a rendering of files in commits, and no failure: its cause may be this machine. A disk that takes nothing is
        no reason to stop.
        """
        has_failed = rendering.error is not None or any(gap.again or gap.missing_tool for gap in rendering.left_out)
        if has_failed or not all(_CONTENT.fullmatch(id_) for id_ in reads.files.values() if id_ is not None):
            return
        variants = [(reads, _written(rendering)), *(variant for variant in self._variants(name) if variant[0] != reads)]
        rows = [
            [r.files, r.folders, _upstream_written(r), _revisions_written(r), written_rendering]
            for r, written_rendering in variants[:_VARIANTS]
        ]
        body = json.dumps(rows, default=_plain).encode()
        if len(body) > _LARGEST:
            return
        data = zlib.compress(body, 1)
        with contextlib.suppress(OSError):
            with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".", delete=False) as file:
                file.write(hashlib.sha256(data).digest() + data)
            Path(file.name).replace(self.folder / name)
            self._unswept -= len(data)
            if self._unswept < 0:
                self._sweep()
                self._unswept = self.most_bytes // 4

    def _variants(self, name: str) -> list[tuple[Reads, Any]]:
        """What a file holds; nothing, and no file any more, where it is not what was written."""
        path = self.folder / name
        try:
            data = path.read_bytes()
        except OSError:
            return []
        try:
            if hashlib.sha256(data[32:]).digest() != data[:32]:
                raise ValueError("cut short or altered")  # noqa: TRY301 - one way out for all that is wrong with a file
            unpacked = zlib.decompressobj().decompress(data[32:], _LARGEST)
            return [
                (Reads(files, folders, _upstream(sources), _revisions(revisions)), row)
                for files, folders, sources, revisions, row in json.loads(unpacked)
            ]
        except (ValueError, TypeError, KeyError, AttributeError, zlib.error):
            with contextlib.suppress(OSError):
                path.unlink()
            return []

    def _sweep(self) -> None:
        """The files that were not asked for the longest go until the folder is small enough."""
        entries = sorted(self._files(), reverse=True)
        total = 0
        for _, size, path in entries:
            total += size
            if total > self.most_bytes:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):
                about = path.stat()
                yield about.st_mtime, about.st_size, path


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return sorted(value) if isinstance(value, (set, frozenset)) else list(value)  # type: ignore[call-overload]


def _upstream_written(reads: Reads) -> list[object]:
    """What was fetched for a rendering, or was not, by the request."""
    return [[request.as_tree(), asdict(answer)] for request, answer in reads.upstream.items()]


def _upstream(entries: Any) -> dict[UpstreamRequest, UpstreamSource | NotFetched]:
    answers: dict[UpstreamRequest, UpstreamSource | NotFetched] = {}
    for tree, answer in entries:
        answers[_request(tree)] = NotFetched(**answer) if "reason" in answer else UpstreamSource(**answer)
    return answers


def _revisions_written(reads: Reads) -> list[object]:
    """Whether what was rendered is what somebody named, by the request."""
    return [[request.as_tree(), answer] for request, answer in reads.revisions.items()]


def _revisions(entries: Any) -> dict[UpstreamRequest, bool]:
    return {_request(tree): bool(answer) for tree, answer in entries}


def _request(tree: Any) -> UpstreamRequest:
    if (request := UpstreamRequest.of(tree)) is None:
        raise ValueError("a request that nobody makes")
    return request


def _written(rendering: Rendering) -> Mapping[str, object]:
    return {
        "objects": [
            [
                rendered.tree,
                rendered.file,
                rendered.line,
                [[list(at), reason] for at, reason in rendered.opaque.items()],
            ]
            for rendered in rendering.objects
        ],
        "inputs": sorted(rendering.inputs),
        "left_out": [asdict(gap) for gap in rendering.left_out],
        "error": None if rendering.error is None else asdict(rendering.error),
        "cluster_kinds": sorted(rendering.cluster_kinds),
        "fetched": [asdict(source) for source in rendering.fetched],
    }


def _rendering(data: Any) -> Rendering:
    return Rendering(
        tuple(
            RenderedObject(tree, file, line, {tuple(at): reason for at, reason in opaque})
            for tree, file, line, opaque in data["objects"]
        ),
        frozenset(data["inputs"]),
        tuple(NotCompared(**gap) for gap in data["left_out"]),
        None if data["error"] is None else NotCompared(**data["error"]),
        frozenset((group, kind) for group, kind in data["cluster_kinds"]),
        tuple(UpstreamSource(**source) for source in data["fetched"]),
    )
