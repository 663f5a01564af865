"""What was asked of the server: tests read it to prove that a run wrote nothing, people to see what a bot does."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

_LINES = 10_000


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One request. ``path`` is without ``/api/v3``."""

    method: str
    path: str
    status: int
    token: str = field(default="", compare=False)
    """The digest of the token that came with it, empty where none came."""

    @property
    def writes(self) -> bool:
        """Whether it asked for a change. Git's fetch POSTs do not."""
        return self.method not in ("GET", "HEAD") and not self.path.endswith("/git-upload-pack")


class RequestJournal:
    """The last ten thousand requests, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: deque[JournalLine] = deque(maxlen=_LINES)

    def keep(self, most: int) -> None:
        """So many are kept from now on."""
        with self._lock:
            self._lines = deque(self._lines, maxlen=most)

    def add(self, line: JournalLine) -> None:
        """Take one request down."""
        with self._lock:
            self._lines.append(line)

    def lines(self) -> tuple[JournalLine, ...]:
        """Everything since the start or the last :meth:`clear`."""
        with self._lock:
            return tuple(self._lines)

    def writes(self) -> tuple[JournalLine, ...]:
        """The requests that asked for a change."""
        return tuple(line for line in self.lines() if line.writes)

    def clear(self) -> None:
        """Begin anew."""
        with self._lock:
            self._lines.clear()
