"""Keeps the caller from waiting: findings are taken at once and worked off by one thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

ROOM: Final = 64


class Background(Generic[T]):
    """A bounded queue with one thread. When it is full, the oldest makes room and is counted in :attr:`dropped`.

    A newer item that ``supersedes`` the last one that waits takes its place.
    """

    def __init__(
        self, work: Callable[[T], object], *, supersedes: Callable[[T, T], bool], room: int = ROOM, name: str = "told"
    ) -> None:
        self._work = work
        self._supersedes = supersedes
        self._waiting: deque[T] = deque()
        self._room = room
        self._ready = threading.Condition()
        self._closed = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name=f"clockwork-{name}", daemon=True)
        self._thread.start()

    def submit(self, item: T) -> None:
        """Have ``item`` worked on soon. Never waits and never raises."""
        with self._ready:
            if self._waiting and self._supersedes(item, self._waiting[-1]):
                self._waiting.pop()
            elif len(self._waiting) >= self._room:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(item)
            self._ready.notify()

    def close(self, seconds: float) -> bool:
        """Take nothing more and work off what waits, for ``seconds`` at most; whether all was done."""
        with self._ready:
            self._closed = True
            self._ready.notify()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._ready:
                while not self._waiting and not self._closed:
                    self._ready.wait()
                if not self._waiting:
                    return
                item = self._waiting.popleft()
            self._work(item)
