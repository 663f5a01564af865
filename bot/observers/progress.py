"""Counts what the worker threads of one observer have done and tells it. Used by the observers that ask many things."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import Future
from typing import TypeVar

from bot.ports import ObserverStep, Tell

_T = TypeVar("_T")


class Phase:
    """One kind of work of one observer, in ``total`` parts."""

    def __init__(self, tell: Tell, observer: str, doing: str, total: int) -> None:
        self._tell = tell
        self._observer = observer
        self._doing = doing
        self._total = total
        self._done = 0
        self._objects = 0
        self._lock = threading.Lock()

    def over(self, futures: Iterable[Future[_T]]) -> None:
        """Tell the start, and each future as it finishes, well or not; nothing where there is nothing to do."""
        if self._total:
            self._step(0, 0)
        for future in futures:
            future.add_done_callback(lambda _: self._step(1, 0))

    def read(self, objects: int) -> None:
        """Tell that so many more objects were read."""
        self._step(0, objects)

    def _step(self, parts: int, objects: int) -> None:
        with self._lock:
            self._done += parts
            self._objects += objects
            self._tell(ObserverStep(self._observer, self._doing, self._done, self._total, self._objects))
