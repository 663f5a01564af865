"""The newest guarded runs for pages. Only the consumer may read the records, so they are asked for ahead and kept a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from bot.errors import BotError
from bot.model.session import Session

_FRESH: Final = 60.0
"""Seconds for which records are not read again."""
_PATIENCE: Final = 2.0
"""Seconds that the first page waits for the first reading."""
_POLL: Final = 0.05


@dataclass(slots=True)
class GuardedRunQuestions:
    """``ask`` has a question answered by the consumer, ``read`` is the question. For the API's thread."""

    ask: Callable[[Callable[[], object]], Future[object]]
    read: Callable[[], Sequence[Session]]
    monotonic: Callable[[], float] = time.monotonic
    sessions: tuple[Session, ...] | None = None
    trouble: str | None = None
    """Why the last reading failed."""
    _answer: Future[object] | None = field(default=None, init=False)
    _at: float = field(default=0.0, init=False)

    @property
    def mark(self) -> tuple[str, ...]:
        """Another one when anything is different."""
        newest = "" if not self.sessions else self.sessions[0].id
        return (str(self.sessions is None), newest, str(len(self.sessions or ())), self.trouble or "")

    def refresh(self) -> None:
        """Take what was answered meanwhile, and ask again where that is some time ago."""
        if self._answer is not None and self._answer.done():
            self._take(self._answer)
            self._answer, self._at = None, self.monotonic()
        never = self.sessions is None and self.trouble is None
        if self._answer is None and (never or self.monotonic() - self._at >= _FRESH):
            self._answer = self.ask(self.read)

    async def first(self, stopping: Callable[[], bool]) -> None:
        """Wait a little where nothing is known yet."""
        until = self.monotonic() + _PATIENCE
        self.refresh()
        while self._answer is not None and self.sessions is None and self.monotonic() < until and not stopping():
            await asyncio.sleep(_POLL)
            self.refresh()

    def _take(self, answer: Future[object]) -> None:
        try:
            runs = answer.result()
        except BotError as exc:
            self.trouble = exc.message
            return
        self.sessions, self.trouble = _sessions(runs), None


def _sessions(runs: object) -> tuple[Session, ...]:
    return tuple(run for run in runs if isinstance(run, Session)) if isinstance(runs, Sequence) else ()
