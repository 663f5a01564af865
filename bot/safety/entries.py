"""Makes ledger entries, so that every flow and command writes them alike.

Ids and times are arguments: whoever calls has the clock and the randomness.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.model.ledger import Actor, Entry, EntryKind, Result
from bot.safety.limits import Permit
from bot.safety.suspension import UNTIL

__all__ = ["halt", "intent", "outcome", "reject", "resume", "retry", "suspend", "unsuspend"]


def intent(
    permit: Permit,
    *,
    entry_id: str,
    at: datetime,
    actor: Actor,
    reason: str,
    link: str | None = None,
    detail: Mapping[str, str] | None = None,
) -> Entry:
    """The promise to carry out what was permitted. Without a :class:`~bot.safety.limits.Permit` there is none."""
    request = permit.request
    return Entry(
        id=entry_id,
        kind=EntryKind.INTENT,
        at=at,
        actor=actor,
        task=request.task,
        lane=request.lane,
        fingerprint=request.fingerprint,
        drifts=request.drifts,
        fields=request.fields,
        severity=request.severity.value,
        reason=reason,
        link=link,
        detail=dict(detail or {}),
    )


def outcome(
    of: Entry,
    result: Result,
    *,
    entry_id: str,
    at: datetime,
    actor: Actor,
    reason: str = "",
    link: str | None = None,
) -> Entry:
    """How the intent ``of`` ended. ``link`` is the commit, pull request or issue."""
    return Entry(
        id=entry_id,
        kind=EntryKind.OUTCOME,
        at=at,
        actor=actor,
        task=of.task,
        lane=of.lane,
        fingerprint=of.fingerprint,
        drifts=of.drifts,
        severity=of.severity,
        intent=of.id,
        result=result,
        reason=reason,
        link=link,
    )


def halt(*, entry_id: str, at: datetime, actor: Actor, reason: str, link: str | None = None) -> Entry:
    """Nothing is written any more until a resume."""
    return Entry(id=entry_id, kind=EntryKind.HALT, at=at, actor=actor, reason=reason, link=link)


def resume(
    *,
    entry_id: str,
    at: datetime,
    actor: Actor,
    reason: str,
    task: str | None = None,
    link: str | None = None,
) -> Entry:
    """Everything (or one task) goes on: halts and failure counts before this are forgotten, budgets are not."""
    return Entry(id=entry_id, kind=EntryKind.RESUME, at=at, actor=actor, task=task, reason=reason, link=link)


def suspend(
    task: str,
    *,
    entry_id: str,
    at: datetime,
    actor: Actor,
    reason: str,
    until: datetime | None = None,
    link: str | None = None,
) -> Entry:
    """One task is left alone until a time, or until somebody says otherwise."""
    detail = {} if until is None else {UNTIL: until.isoformat()}
    return Entry(
        id=entry_id, kind=EntryKind.SUSPEND, at=at, actor=actor, task=task, reason=reason, link=link, detail=detail
    )


def unsuspend(task: str, *, entry_id: str, at: datetime, actor: Actor, reason: str) -> Entry:
    """One task is worked on again."""
    return Entry(id=entry_id, kind=EntryKind.UNSUSPEND, at=at, actor=actor, task=task, reason=reason)


def reject(
    fingerprint: str,
    *,
    entry_id: str,
    at: datetime,
    actor: Actor,
    reason: str,
    task: str | None = None,
    link: str | None = None,
) -> Entry:
    """This exact proposal stays away: somebody closed it unmerged."""
    return Entry(
        id=entry_id,
        kind=EntryKind.REJECT,
        at=at,
        actor=actor,
        task=task,
        fingerprint=fingerprint,
        reason=reason,
        link=link,
    )


def retry(
    fingerprint: str,
    *,
    entry_id: str,
    at: datetime,
    actor: Actor,
    reason: str,
    task: str | None = None,
    link: str | None = None,
) -> Entry:
    """A rejection is taken back."""
    return Entry(
        id=entry_id,
        kind=EntryKind.RETRY,
        at=at,
        actor=actor,
        task=task,
        fingerprint=fingerprint,
        reason=reason,
        link=link,
    )
