"""Which ways of writing the host has closed to us, and until when it wants no request: outcomes of their own, no failures.

A branch that takes no pushes, pull requests that may not be created, issues that are switched off, a limit: none of it
says anything about a remedy. It is remembered in the ledger, so that no run asks the same again and again, and tried again
after a while, after a resume, and as soon as anything in that lane succeeded. Used by flows and by status pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.model.decision import Lane
from bot.model.ledger import LedgerView
from bot.model.wording import sentences
from bot.safety.history import ADVICE, UNTIL, History, history_of

AGAIN: Final = timedelta(hours=1)
"""After so long a closed lane is tried once more."""
_LONGEST_WAIT: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Closure:
    """One lane that is closed: what the host said, which switch to set, since when, and when it is tried again."""

    lane: Lane
    reason: str
    advice: str
    since: datetime | None = None
    again: datetime | None = None

    def text(self) -> str:
        """One sentence for people."""
        return sentences(f"{_NOUNS[self.lane]}: {self.reason}", self.advice)


_NOUNS: Final[Mapping[Lane, str]] = {
    Lane.ARTIFACT_PATCH: "The branch takes no direct commit",
    Lane.CONFIG_PULL_REQUEST: "No pull request can be opened",
    Lane.RUNBOOK_ISSUE: "No issue can be filed",
    Lane.NOTHING: "Nothing can be written",
}


def closures(view: LedgerView, now: datetime) -> Mapping[Lane, Closure]:
    """The lanes that are closed at ``now``. A refusal from further in the future than it lasts is of a broken clock."""
    return {
        lane: Closure(lane, entry.reason, entry.detail.get(ADVICE, ""), entry.at, entry.at + AGAIN)
        for lane, entry in history_of(view).closed.items()
        if abs(now - entry.at) < AGAIN
    }


def wait_of(history: History, now: datetime) -> datetime | None:
    """Until when the host wants no request, as it said to any run; None when it may be asked."""
    entry = history.wait
    if entry is None:
        return None
    try:
        until = datetime.fromisoformat(entry.detail[UNTIL])
    except ValueError:
        return None
    return until if until.tzinfo is not None and now < until <= now + _LONGEST_WAIT else None
