"""What people are told beside what stands on the code host: notices, the message that carries them, what came of it.

Made by :mod:`bot.flows.conditions`, remembered and addressed by :mod:`bot.notices`, sent by :mod:`bot.receivers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from bot.model.severity import Severity


class NoticeEvent(StrEnum):
    """What happened. Routes in the settings name these."""

    DRIFT_NEW = "drift.new"
    DRIFT_CLOSED = "drift.closed"
    PULL_OPENED = "pull.opened"
    PULL_MERGED = "pull.merged"
    PULL_REJECTED = "pull.rejected"
    """Somebody closed it."""
    PULL_CLOSED = "pull.closed"
    """Clockwork closed it: its drift is gone or goes another way."""
    ISSUE_OPENED = "issue.opened"
    ISSUE_CLOSED = "issue.closed"
    HALTED = "halt"
    RESUMED = "resume"
    BREAKER = "breaker"
    """Somebody else keeps changing a field that was corrected again and again."""
    BREAKER_OVER = "breaker.over"
    RUN_FAILED = "run.failed"
    RUN_RECOVERED = "run.recovered"
    VERDICT_BLOCKED = "verdict.blocked"
    TEST = "test"

    @property
    def endings(self) -> tuple[NoticeEvent, ...]:
        """The events that end what this one begins; none for an event that stands for nothing."""
        return _ENDINGS.get(self, ())


_ENDINGS: Final[Mapping[NoticeEvent, tuple[NoticeEvent, ...]]] = {
    NoticeEvent.DRIFT_NEW: (NoticeEvent.DRIFT_CLOSED,),
    NoticeEvent.PULL_OPENED: (NoticeEvent.PULL_MERGED, NoticeEvent.PULL_REJECTED, NoticeEvent.PULL_CLOSED),
    NoticeEvent.ISSUE_OPENED: (NoticeEvent.ISSUE_CLOSED,),
    NoticeEvent.HALTED: (NoticeEvent.RESUMED,),
    NoticeEvent.BREAKER: (NoticeEvent.BREAKER_OVER,),
    NoticeEvent.RUN_FAILED: (NoticeEvent.RUN_RECOVERED,),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that happened. ``subject`` is what it is about: the same for a beginning and its end.

    ``target`` is None for what concerns the whole repository, and empty for the target without a name. ``text`` is one
    line, its secrets redacted. ``at`` is UTC.
    """

    event: NoticeEvent
    subject: str
    severity: Severity
    text: str
    at: datetime
    target: str | None = None
    task: str = ""
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Announcement:
    """What one receiver gets at once. ``id`` is the same when the same notices are sent again.

    ``dropped`` counts earlier notices that this receiver never got.
    """

    id: str
    repository: str
    title: str
    body: str
    notices: tuple[Notice, ...]
    dropped: int = 0

    @property
    def severity(self) -> Severity:
        """The worst severity among the notices."""
        return max((notice.severity for notice in self.notices), key=lambda severity: severity.rank)


class DeliveryResult(StrEnum):
    """What came of sending a message."""

    DELIVERED = "delivered"
    FAILED = "failed"
    """Not taken: it is sent again later."""
    UNANSWERED = "unanswered"
    """Sent, and no answer in time: it may have arrived, so it is not sent again."""
    DROPPED = "dropped"
    """Given up."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of one message, and what the receiver answered, in a few words without secrets."""

    receiver: str
    result: DeliveryResult
    answer: str = ""
