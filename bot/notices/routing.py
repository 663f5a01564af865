"""Whom a notice concerns, and when it may be sent: routes, digests, quiet hours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bot.model.globs import name_matches
from bot.model.notice import Notice
from bot.model.severity import Severity
from bot.notices.memory import IN_HAND, LONGEST, REMEMBERED, TRIES, NoticeHistory, Post

MOST: Final = 200
"""So many notices go into one message, and wait for one receiver, at most; the oldest beyond them are given up."""
_FIRST_GAP: Final = timedelta(minutes=1)
_GROWTH: Final = 5
"""The pause before the next try: 1, 5, 25 and 125 minutes."""


@dataclass(frozen=True, slots=True)
class NoticeRoute:
    """Which notices go to which receivers. Empty ``events`` and ``targets`` are all; both may be globs."""

    to: tuple[str, ...]
    events: tuple[str, ...] = ()
    severity: Severity = Severity.LOW
    targets: tuple[str, ...] = ()

    def concerns(self, notice: Notice) -> bool:
        """Whether a notice goes this way. What concerns the whole repository concerns each target."""
        return (
            notice.severity.rank >= self.severity.rank
            and (not self.events or any(name_matches(pattern, notice.event) for pattern in self.events))
            and (
                not self.targets
                or notice.target is None
                or any(name_matches(pattern, notice.target) for pattern in self.targets)
            )
        )


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``begin`` to ``end`` by the wall clock of ``zone``, past midnight where the end is the earlier."""

    begin: time
    end: time
    zone: ZoneInfo

    def contains(self, now: datetime) -> bool:
        """Whether ``now`` is inside: the beginning belongs to it, the end does not."""
        local = now.astimezone(self.zone).time().replace(tzinfo=None)
        if self.begin <= self.end:
            return self.begin <= local < self.end
        return local >= self.begin or local < self.end


@dataclass(frozen=True, slots=True)
class Subscriber:
    """When one receiver may be told. ``digest`` collects for so long from the first notice that waits.

    ``critical_passes``: what is CRITICAL waits for nothing.
    """

    name: str
    digest: timedelta = timedelta()
    quiet: QuietHours | None = None
    critical_passes: bool = False

    def passes(self, notice: Notice) -> bool:
        """Whether a notice waits for neither a digest nor the morning."""
        return self.critical_passes and notice.severity is Severity.CRITICAL

    def may_send(self, oldest: datetime, now: datetime) -> bool:
        """Whether everything that waits, since ``oldest``, may go out."""
        return now - oldest >= self.digest and (self.quiet is None or not self.quiet.contains(now))


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is due for one receiver: ids of notices in the order in which they happened; ``given_up`` never will be."""

    receiver: str
    notices: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()
    dropped: int = 0
    """How many it never got since it last got one, those given up now included."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Who is told what: routes and subscribers."""

    routes: tuple[NoticeRoute, ...] = ()
    subscribers: tuple[Subscriber, ...] = field(default=())

    def addressees(self, notice: Notice) -> tuple[str, ...]:
        """The receivers of a notice, in the order of the settings."""
        subscriber_names = {name for route in self.routes if route.concerns(notice) for name in route.to}
        return tuple(subscriber.name for subscriber in self.subscribers if subscriber.name in subscriber_names)


def due(memory: NoticeHistory, subscribers: Iterable[Subscriber], now: datetime) -> Iterator[Parcel]:
    """What may be sent at ``now``, by receiver."""
    for subscriber in subscribers:
        waiting = [
            id_ for id_ in _open(memory, subscriber.name, now) if not _in_hand(memory, subscriber.name, id_, now)
        ]
        hopeless = [id_ for id_ in waiting if _hopeless(memory, subscriber.name, id_, now)]
        waiting = [id_ for id_ in waiting if id_ not in set(hopeless)]
        given_up = [*hopeless, *waiting[: max(0, len(waiting) - MOST)]]
        ripe_notices = _ripe(memory, subscriber, waiting[-MOST:], now)
        if ripe_notices or given_up:
            dropped = memory.dropped.get(subscriber.name, 0) + len(given_up)
            yield Parcel(subscriber.name, tuple(ripe_notices), tuple(given_up), dropped)


def _open(memory: NoticeHistory, receiver: str, now: datetime) -> Iterator[str]:
    """What it was not told. Of what still stands for longer, the ledger no longer knows."""
    for id_, receivers in memory.receivers.items():
        recent = now - memory.notices[id_].at < REMEMBERED
        if recent and receiver in receivers and not memory.posts.get((receiver, id_), _NEW).done:
            yield id_


_NEW: Final = Post()


def _in_hand(memory: NoticeHistory, receiver: str, id_: str, now: datetime) -> bool:
    claimed = memory.posts.get((receiver, id_), _NEW).claimed
    return claimed is not None and abs(now - claimed) < IN_HAND


def _hopeless(memory: NoticeHistory, receiver: str, id_: str, now: datetime) -> bool:
    post = memory.posts.get((receiver, id_), _NEW)
    return post.tries >= TRIES or now - memory.notices[id_].at > LONGEST


def _ripe(memory: NoticeHistory, subscriber: Subscriber, waiting: Sequence[str], now: datetime) -> list[str]:
    """Those that wait for nothing; all that is to be tried now, once it is time."""
    ready = [id_ for id_ in waiting if _paused(memory.posts.get((subscriber.name, id_), _NEW), now)]
    if ready and subscriber.may_send(min(memory.notices[id_].at for id_ in ready), now):
        return ready
    return [id_ for id_ in ready if subscriber.passes(memory.notices[id_])]


def _paused(post: Post, now: datetime) -> bool:
    """Whether the pause after a failed try is over."""
    return post.last is None or now - post.last >= _FIRST_GAP * _GROWTH ** (post.tries - 1)
