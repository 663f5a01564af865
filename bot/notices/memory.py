"""What was told, as notes of the ledger have it.

A notice is a ``note`` whose detail has ``event`` and ``subject``; ``for`` names its receivers. A claim has ``telling``, a
result has ``told`` and ``result``; both have the ``notices`` they are about, by the ids of their entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot.model.ledger import Actor, Entry, EntryKind
from bot.model.notice import DeliveryResult, Notice, NoticeEvent
from bot.model.severity import Severity

TRIES: Final = 5
"""So often a notice is sent to a receiver that refuses it."""
IN_HAND: Final = timedelta(minutes=10)
"""So long a claim without a result is somebody's work."""
LONGEST: Final = timedelta(hours=36)
"""A notice waits no longer."""
REMEMBERED: Final = timedelta(days=2)
"""So long every ledger keeps what came of a notice (:class:`bot.safety.compaction.Retention`)."""


@dataclass(slots=True)
class Post:
    """How far one notice is with one receiver. ``claimed`` is the time of a claim without a result."""

    tries: int = 0
    claimed: datetime | None = None
    last: datetime | None = None
    done: bool = False


@dataclass(slots=True)
class NoticeHistory:
    """The memory of one ledger, read-only by agreement once made: notices by the ids of their entries."""

    notices: dict[str, Notice] = field(default_factory=dict)
    receivers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    posts: dict[tuple[str, str], Post] = field(default_factory=dict)
    """By receiver and notice."""
    standing: dict[str, Notice] = field(default_factory=dict)
    """Subject -> the notice that it began with, as long as nothing ended it."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Receiver -> how many notices it never got since it last got one."""

    def post(self, receiver: str, notice: str) -> Post:
        """How far that notice is with that receiver."""
        return self.posts.setdefault((receiver, notice), Post())


def notice_history(entries: Iterable[Entry]) -> NoticeHistory:
    """The memory that ``entries``, oldest first, come to."""
    memory = NoticeHistory()
    for entry in entries:
        if entry.kind is not EntryKind.NOTE:
            continue
        if (notice := notice_of(entry)) is not None:
            memory.notices[entry.id] = notice
            memory.receivers[entry.id] = tuple(entry.detail.get("for", "").split())
            _stand(memory.standing, notice)
        elif (receiver := entry.detail.get("telling")) is not None:
            for notice_id in entry.detail.get("notices", "").split():
                memory.post(receiver, notice_id).claimed = entry.at
        elif (receiver := entry.detail.get("told")) is not None:
            _settle(memory, receiver, entry)
    return memory


def _stand(standing: dict[str, Notice], notice: Notice) -> None:
    if notice.event.endings:
        standing[notice.subject] = notice
    else:
        standing.pop(notice.subject, None)


def _settle(memory: NoticeHistory, receiver: str, entry: Entry) -> None:
    ids, result = entry.detail.get("notices", "").split(), entry.detail.get("result")
    for notice_id in ids:
        post = memory.post(receiver, notice_id)
        post.claimed, post.last = None, entry.at
        post.tries += 1
        post.done = post.done or result != DeliveryResult.FAILED
    if result == DeliveryResult.DELIVERED:
        memory.dropped[receiver] = 0
    elif result in {DeliveryResult.DROPPED, DeliveryResult.UNANSWERED}:
        memory.dropped[receiver] = memory.dropped.get(receiver, 0) + len(ids)


def standing_entries(entries: Iterable[Entry]) -> Iterable[Entry]:
    """The notices that still stand: forgotten, they would be told again."""
    last: dict[str, Entry] = {}
    for entry in entries:
        if (notice := notice_of(entry)) is not None:
            if notice.event.endings:
                last[notice.subject] = entry
            else:
                last.pop(notice.subject, None)
    return last.values()


def notice_of(entry: Entry) -> Notice | None:
    """The notice that an entry remembers; None for any other, and for an event of a later version."""
    detail = entry.detail
    if entry.kind is not EntryKind.NOTE or "subject" not in detail or detail.get("event") not in _EVENTS:
        return None
    return Notice(
        event=NoticeEvent(detail["event"]),
        subject=detail["subject"],
        severity=_SEVERITIES.get(entry.severity or "", Severity.MEDIUM),
        text=entry.reason,
        at=entry.at,
        target=detail.get("target"),
        task=detail.get("task", ""),
        link=entry.link,
    )


_EVENTS: Final = frozenset(NoticeEvent)
_SEVERITIES: Final[Mapping[str, Severity]] = {severity.value: severity for severity in Severity}


def note(notice: Notice, receivers: Sequence[str], *, id_: str, actor: Actor) -> Entry:
    """The entry that remembers a notice and for whom it is."""
    detail = {"event": notice.event.value, "subject": notice.subject, "for": " ".join(receivers), "task": notice.task}
    detail = {key: value for key, value in detail.items() if value}
    if notice.target is not None:
        detail["target"] = notice.target
    return Entry(
        id=id_,
        kind=EntryKind.NOTE,
        at=notice.at,
        actor=actor,
        severity=notice.severity.value,
        reason=notice.text,
        link=notice.link,
        detail=detail,
    )


def claim(receiver: str, notices: Sequence[str], *, id_: str, actor: Actor, at: datetime) -> Entry:
    """The entry that takes notices in hand for one receiver."""
    detail = {"telling": receiver, "notices": " ".join(notices)}
    return Entry(id=id_, kind=EntryKind.NOTE, at=at, actor=actor, detail=detail)


def settlement(
    receiver: str, notices: Sequence[str], result: DeliveryResult, answer: str, *, id_: str, actor: Actor, at: datetime
) -> Entry:
    """The entry that says what came of notices with one receiver."""
    detail = {"told": receiver, "result": result.value, "notices": " ".join(notices)}
    return Entry(id=id_, kind=EntryKind.NOTE, at=at, actor=actor, reason=answer, detail=detail)
