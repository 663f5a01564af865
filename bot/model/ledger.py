"""What the ledger remembers: intents, outcomes and what people told the bot.

The ledger is a chain of commits on a ref; each commit carries entries as canonical JSON. These values are what flows
and ``safety`` see; the bytes are :mod:`bot.gitrepo.ledger.chain`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.model.decision import Lane


class EntryKind(StrEnum):
    """What one entry records."""

    INTENT = "intent"
    OUTCOME = "outcome"
    HALT = "halt"
    RESUME = "resume"
    SUSPEND = "suspend"
    UNSUSPEND = "unsuspend"
    REJECT = "reject"
    RETRY = "retry"
    IGNORE = "ignore"
    NOTE = "note"
    SNAPSHOT = "snapshot"


class Result(StrEnum):
    """How an intent ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABANDONED = "abandoned"
    """Given up before anything was written (lost a race, decided otherwise): counts against no limit."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. ``id`` is GitHub's numeric user id where known: names can be given away, ids cannot."""

    login: str
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger.

    ``id`` is unique (32 hex digits). ``intent`` is, for an outcome, the id of the intent it ends. ``fingerprint`` is
    the proposal's or drift's fingerprint; ``drifts`` the ids of the drifts it is about; ``fields`` the
    ``resource path`` texts that were corrected (the convergence breaker counts them). ``result`` only for outcomes,
    ``link`` is the run, commit, pull request or issue. ``at`` is UTC.
    """

    id: str
    kind: EntryKind
    at: datetime
    actor: Actor
    task: str | None = None
    lane: Lane | None = None
    fingerprint: str | None = None
    drifts: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    severity: str | None = None
    intent: str | None = None
    result: Result | None = None
    reason: str = ""
    link: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LedgerView:
    """The ledger as read at ``tip`` (a commit id; None when the ledger does not exist yet), oldest entry first.

    ``entries`` may begin with the state of an older ledger folded into a SNAPSHOT entry by compaction; everything
    that a limit can still count is always present as real entries.
    """

    tip: str | None
    entries: tuple[Entry, ...] = ()
