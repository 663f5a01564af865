"""What was fetched, on disk: contents by their SHA-256, and for each request what it came to and when.

Safe between processes: a file is written whole or not at all, contents are the same for everybody who writes them, and what is
read is checked against its name. Nothing that lies here is believed: what is cut short, altered or of another version is not
there. The folder is for its owner alone: charts of private registries are in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from bot.model.upstream import UpstreamRequest, UpstreamSource

_FORMAT: Final = 1
_SWEPT_EVERY: Final = 16
_LEAVINGS_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a request came to: ``content`` is the SHA-256 of what is stored. ``pinned``: it will never be anything else.
    ``at`` is when that was found out, in seconds since 1970.
    """

    source: UpstreamSource
    content: str
    pinned: bool
    at: float


@dataclass(slots=True)
class Store:
    """The folder. Never raises for what lies in it, nor for a disk that takes nothing."""

    folder: Path
    most_bytes: int
    now: Callable[[], float] = time.time
    _written: int = field(default=0, init=False)

    def receipt(self, request: UpstreamRequest) -> Receipt | None:
        """What ``request`` came to; None where nothing readable says so."""
        path = self._receipts / _name(request)
        try:
            body = json.loads(path.read_bytes())
            if body.pop("format") != _FORMAT or body.pop("request") != request.as_tree():
                return None
            return Receipt(**{**body, "source": UpstreamSource(**body["source"])})
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def remember(self, request: UpstreamRequest, receipt: Receipt) -> None:
        """Keep what ``request`` came to."""
        body = {"format": _FORMAT, "request": request.as_tree(), **asdict(receipt)}
        self._write(self._receipts, _name(request), json.dumps(body).encode())

    def content(self, digest: str) -> bytes | None:
        """The bytes of a SHA-256; None, and no file any more, where they are others."""
        path = self._contents / digest
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if hashlib.sha256(data).hexdigest() != digest:
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path, (self.now(), self.now()))
        return data

    def keep(self, data: bytes) -> str:
        """The SHA-256 of ``data``, which is kept."""
        digest = hashlib.sha256(data).hexdigest()
        self._write(self._contents, digest, data)
        self._written += 1
        if self._written % _SWEPT_EVERY == 1:
            self._sweep()
        return digest

    @property
    def _receipts(self) -> Path:
        return self.folder / "receipts"

    @property
    def _contents(self) -> Path:
        return self.folder / "contents"

    def scratch(self) -> tempfile.TemporaryDirectory[str]:
        """A folder for work in progress, on the same disk; gone afterwards. Raises ``OSError``."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=".work-", dir=self.folder, ignore_cleanup_errors=True)

    def _write(self, folder: Path, name: str, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as file:
                file.write(data)
            Path(file.name).replace(folder / name)

    def _sweep(self) -> None:
        """The contents that were not asked for the longest go until the rest is small enough; a receipt without its
        content is asked for again.
        """
        total = 0
        for at, size, path in sorted(self._files(), reverse=True):
            total += size
            abandoned = path.name.startswith(".") and self.now() - at > _LEAVINGS_SECONDS
            if total > self.most_bytes or abandoned:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for path in (*self._contents.glob("*"), *self._receipts.glob("*")):
            with contextlib.suppress(OSError):
                about = path.stat()
                yield about.st_mtime, about.st_size, path


def _name(request: UpstreamRequest) -> str:
    return hashlib.sha256(json.dumps(request.as_tree(), sort_keys=True).encode()).hexdigest() + ".json"
