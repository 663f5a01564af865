"""Short spellings for ledgers in tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.model.decision import Lane
from bot.model.ledger import Actor, Entry, EntryKind, LedgerView, Result
from bot.model.severity import Severity
from bot.safety.limits import Request

NOON = datetime(2025, 6, 2, 12, 0, tzinfo=UTC)
"""A Monday."""


def at(minutes: float) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


class Book:
    """A ledger in the making; times are minutes after noon."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(self, kind: EntryKind, minutes: float, **more: object) -> Entry:
        base = Entry(id=f"{len(self.entries) + 1:032x}", kind=kind, at=at(minutes), actor=Actor("ann", 7), reason="why")
        made = replace(base, **more)  # type: ignore[arg-type]
        self.entries.append(made)
        return made

    def intent(self, minutes: float, task: str = "web", lane: Lane = Lane.ARTIFACT_PATCH, **more: object) -> Entry:
        return self.add(EntryKind.INTENT, minutes, task=task, lane=lane, **({"severity": "LOW"} | more))

    def outcome(self, intent: Entry, minutes: float, result: Result = Result.SUCCEEDED, **more: object) -> Entry:
        return self.add(
            EntryKind.OUTCOME, minutes, task=intent.task, lane=intent.lane, intent=intent.id, result=result, **more
        )

    def fix(self, minutes: float, result: Result = Result.SUCCEEDED, **more: object) -> Entry:
        made = self.add(
            EntryKind.INTENT, minutes, **({"task": "web", "lane": Lane.ARTIFACT_PATCH, "severity": "LOW"} | more)
        )
        self.outcome(made, minutes, result)
        return made

    @property
    def view(self) -> LedgerView:
        return LedgerView("t" * 40, tuple(self.entries))


def request(task: str = "web", lane: Lane = Lane.ARTIFACT_PATCH, **more: object) -> Request:
    return replace(Request(task, lane, Severity.LOW), **more)  # type: ignore[arg-type]
