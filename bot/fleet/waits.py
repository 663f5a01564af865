"""What of one repository waits for people, and what is held back by a limit: as its last account told. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

MOST_NAMED: Final = 3
"""So many items, reasons and people are named of each repository; the others are only counted."""


@dataclass(frozen=True, slots=True)
class AwaitedItem:
    """One open pull request or issue of ours. ``asked`` are people whom a rule gives it to; nobody where none does."""

    number: int
    kind: Literal["pull request", "issue"]
    title: str
    url: str
    updated: datetime | None = None
    asked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldTasks:
    """Tasks that one limit, or one other reason, keeps from being fixed. ``again``: when the first of them is tried again,
    None where a person has to act before. ``why`` is a sentence about one of them.
    """

    reason: str
    tasks: int
    why: str
    again: datetime | None = None


@dataclass(frozen=True, slots=True)
class WaitingForPeople:
    """How many pull requests and issues of ours are open, and the newest of them."""

    pulls: int
    issues: int
    items: tuple[AwaitedItem, ...] = ()

    @property
    def total(self) -> int:
        """All that is open."""
        return self.pulls + self.issues
