"""Tells people what a run found: what is news goes into the ledger, what is due goes out, what came of it is recorded.

Called by :mod:`bot.wiring.notifications` beside the run, never within it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

from bot.errors import BotError, Refused, Stale, Unavailable
from bot.flows import conditions
from bot.flows.conditions import Blocked
from bot.flows.intents import TRIES, record
from bot.model.ledger import Actor, Entry, LedgerView
from bot.model.notice import Announcement, Delivery, DeliveryResult, Notice, NoticeEvent
from bot.model.proposal import Tick
from bot.notices.memory import NoticeHistory, claim, note, notice_history, settlement
from bot.notices.news import Standing, end, news
from bot.notices.routing import Directory, Parcel, due
from bot.ports import Clock, Ledger
from bot.safety.limits import Limits
from bot.secrecy.redaction import redact

_SHOWN: Final = 20
"""Notices that a message spells out; the others are counted."""

Finding: TypeAlias = Tick | BotError | Blocked
"""What there is to tell of: a run, one that failed, a pull request that the guard blocks."""
Compose: TypeAlias = Callable[[str, Mapping[str, object]], tuple[str, str]]
"""Title and body for a receiver from the values of the template."""
Deliver: TypeAlias = Callable[[Mapping[str, Announcement]], Mapping[str, Delivery]]
"""Sends each receiver its message and gives an account for each, within a time limit."""


@dataclass(slots=True)
class Unremembered:
    """What was told while the ledger could not be asked, for the life of the process: receiver and subject."""

    sent: set[tuple[str, str]] = field(default_factory=set)
    standing: dict[str, Notice] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Teller:
    """What telling needs. ``repository`` is the name that messages begin with."""

    repository: str
    ledger: Ledger
    limits: Limits
    directory: Directory
    compose: Compose
    deliver: Deliver
    clock: Clock
    actor: Actor
    new_id: Callable[[], str]
    unremembered: Unremembered = field(default_factory=Unremembered)


def tell(finding: Finding, teller: Teller) -> tuple[Delivery, ...]:
    """Everything that is due is sent, once; what became of each message, and of what was given up.

    Raises ``Stale`` when the ledger moved every time: nothing was sent then.
    """
    now = teller.clock.now()
    try:
        view = teller.ledger.read()
    except (Unavailable, Refused) as exc:
        if isinstance(finding, Blocked):
            return _without_memory(conditions.verdict(finding, now), teller)
        failed = finding if isinstance(finding, BotError) else exc
        return _without_memory(conditions.failure(failed.message, now), teller)
    if isinstance(finding, Tick) and conditions.distrusts_ledger(finding, view, teller.limits, now):
        return _without_memory(conditions.failure(finding.blocked or "", now), teller)
    try:
        view, parcels = _claimed(finding, view, teller, now)
    except Refused:
        if not isinstance(finding, Blocked):
            raise
        # A job that judges pull requests may only read the repository, and it judges each head once.
        return _without_memory(conditions.verdict(finding, now), teller)
    if isinstance(finding, Tick):
        teller.unremembered.standing.clear()
        teller.unremembered.sent.clear()
    memory = notice_history(view.entries)
    messages = {parcel.receiver: _message(parcel, memory, teller) for parcel in parcels if parcel.notices}
    deliveries = teller.deliver(messages)
    _settle(parcels, deliveries, view, teller)
    given_up = [
        Delivery(parcel.receiver, DeliveryResult.DROPPED, f"{len(parcel.given_up)} given up")
        for parcel in parcels
        if parcel.given_up
    ]
    return (*deliveries.values(), *given_up)


def _claimed(
    finding: Finding, view: LedgerView, teller: Teller, now: datetime
) -> tuple[LedgerView, tuple[Parcel, ...]]:
    """The ledger with the news and with a claim for everything that is due now."""
    for _ in range(TRIES):
        notes = _notes(finding, view, teller, now)
        parcels = tuple(due(notice_history((*view.entries, *notes)), teller.directory.subscribers, now))
        claims = [
            claim(parcel.receiver, parcel.notices, id_=teller.new_id(), actor=teller.actor, at=now)
            for parcel in parcels
            if parcel.notices
        ]
        try:
            return teller.ledger.append(view, [*notes, *claims]), parcels
        except Stale:
            view = teller.ledger.read()
    raise Stale("the ledger moved every time; people are told in the next run")


def _notes(finding: Finding, view: LedgerView, teller: Teller, now: datetime) -> list[Entry]:
    """The news as entries. What nobody wants to hear of, nor of its end, is not worth one."""
    memory = notice_history(view.entries)
    fresh = news(_standing(finding, view, teller, now), memory.standing, tuple(memory.notices.values()))
    recovered = _recovered(finding, memory, teller, now)
    notes = []
    for notice in (*fresh, *recovered):
        receivers = teller.directory.addressees(notice)
        if receivers or notice.subject in memory.standing or _awaited(notice, teller.directory):
            notes.append(note(notice, receivers, id_=teller.new_id(), actor=teller.actor))
    return notes


def _standing(finding: Finding, view: LedgerView, teller: Teller, now: datetime) -> Standing:
    match finding:
        case Tick():
            return conditions.of_tick(finding, view, teller.limits, now=now)
        case Blocked():
            return conditions.of_verdict(finding, now)
        case _:
            return conditions.of_failure(finding.message, view, teller.limits, now=now)


def _awaited(notice: Notice, directory: Directory) -> bool:
    """Whether anybody is told when what begins now ends."""
    return any(directory.addressees(end(notice, event, "", notice.at)) for event in notice.event.endings)


def _recovered(finding: Finding, memory: NoticeHistory, teller: Teller, now: datetime) -> tuple[Notice, ...]:
    """The end of a failure that was told while the ledger could not be asked."""
    failed = teller.unremembered.standing.get(conditions.RUN)
    if failed is None or not isinstance(finding, Tick):
        return ()
    if conditions.RUN in memory.standing:
        return ()
    return (end(failed, NoticeEvent.RUN_RECOVERED, "Runs succeed again", now),)


def _without_memory(notice: Notice, teller: Teller) -> tuple[Delivery, ...]:
    """Tell of a failure that the ledger cannot remember: once to each receiver in the life of this process."""
    teller.unremembered.standing[notice.subject] = notice
    messages = {}
    for subscriber in teller.directory.subscribers:
        is_addressed = subscriber.name in teller.directory.addressees(notice)
        quiet = subscriber.quiet is not None and subscriber.quiet.contains(notice.at) and not subscriber.passes(notice)
        if is_addressed and not quiet and (subscriber.name, notice.subject) not in teller.unremembered.sent:
            messages[subscriber.name] = _composed(subscriber.name, (notice,), 0, teller)
    deliveries = teller.deliver(messages)
    for receiver, delivery in deliveries.items():
        if delivery.result is not DeliveryResult.FAILED:
            teller.unremembered.sent.add((receiver, notice.subject))
    return tuple(deliveries.values())


def _message(parcel: Parcel, memory: NoticeHistory, teller: Teller) -> Announcement:
    notices = tuple(memory.notices[id_] for id_ in parcel.notices)
    return _composed(parcel.receiver, notices, parcel.dropped, teller, ids=parcel.notices)


def _composed(
    receiver: str, notices: Sequence[Notice], dropped: int, teller: Teller, *, ids: Sequence[str] = ()
) -> Announcement:
    """The message for one receiver; nothing secret is in it, whatever a template of the repository does."""
    shown_notices = sorted(notices, key=lambda notice: -notice.severity.rank)[:_SHOWN]
    values = {
        "repository": teller.repository,
        "notices": shown_notices,
        "more": len(notices) - len(shown_notices),
        "dropped": dropped,
        "severity": shown_notices[0].severity,
    }
    title, body = teller.compose(receiver, values)
    number = hashlib.sha256("\0".join(ids or [teller.new_id()]).encode()).hexdigest()[:32]
    return Announcement(number, teller.repository, redact(title), redact(body), tuple(notices), dropped)


def _settle(parcels: Sequence[Parcel], deliveries: Mapping[str, Delivery], view: LedgerView, teller: Teller) -> None:
    """Record what came of each parcel."""
    entries, at = [], teller.clock.now()
    for parcel in parcels:
        results = [(parcel.given_up, Delivery(parcel.receiver, DeliveryResult.DROPPED, "given up"))]
        if parcel.notices:
            results.append((parcel.notices, deliveries[parcel.receiver]))
        entries += [
            settlement(
                parcel.receiver,
                ids,
                delivery.result,
                conditions.as_sentence(delivery.answer),
                id_=teller.new_id(),
                actor=teller.actor,
                at=at,
            )
            for ids, delivery in results
            if ids
        ]
    record(teller.ledger, view, entries)
