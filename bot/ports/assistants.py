"""AI tools, and the records of what they were asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from bot.model.figures import Figures
    from bot.model.guarded import Draft, DraftAssignment
    from bot.model.session import Prompt, Reply, Session


@runtime_checkable
class Assistant(Protocol):
    """An AI tool. Its reply is untrusted input. Never raises: every failure is a reply with a status."""

    @property
    def name(self) -> str: ...

    def run(self, prompt: Prompt) -> Reply: ...


@runtime_checkable
class Drafter(Protocol):
    """An AI tool that does what a prompt says. Its output is untrusted. Never raises: every failure is in the draft."""

    @property
    def name(self) -> str: ...

    def draft(self, assignment: DraftAssignment) -> Draft: ...


class SessionStore(Protocol):
    """Keeps session records without making the caller wait."""

    def record(self, session: Session) -> None:
        """Take ``session`` for writing soon. Never raises and never blocks: a full queue costs a metric."""
        ...

    def close(self) -> None:
        """Everything taken so far is written."""
        ...


class SessionRecords(Protocol):
    """Session records as they are kept. Every method may wait, and raises ``BotError`` when it cannot."""

    def recent(self, *, since: datetime | None = None, limit: int = 1000) -> Sequence[Session]:
        """Sessions newest first."""
        ...

    def figures(self, *, since: datetime | None = None) -> Figures:
        """Figures over whole hours from ``since`` on, brought up to date first."""
        ...

    def prune(self, before: datetime, *, batch: int = 500) -> int:
        """Up to ``batch`` sessions older than ``before`` are gone; how many. Figures stay."""
        ...

    def tidy(self) -> None:
        """Room that is no longer used is given back."""
        ...
