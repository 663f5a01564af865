"""What one tick wants to do, and what became of it.

A proposal joins the decisions of one task that share a lane: one commit, one pull request or one issue. ``explain``,
``simulate``, the run itself and its report all show these same values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from bot.model.choices import Join as Join  # noqa: PLC0414 - those who propose look for it here
from bot.model.codehost import Issue, PullRequest
from bot.model.decision import Decision, Lane
from bot.model.drift import Drift, Report
from bot.model.severity import Severity


@dataclass(frozen=True, slots=True)
class Proposal:
    """All decisions about one task in one lane. Never empty.

    One about many tasks has a task of its own and names theirs in ``joins``.
    """

    lane: Lane
    task: str
    decisions: tuple[Decision, ...]
    joins: tuple[str, ...] = ()
    alike: bool = True
    """Whether all that it joins changes in the same way."""
    name: str = ""
    """What people call the task where that is shorter: ``prod/web``. Empty: as it is."""

    @property
    def apart(self) -> tuple[Proposal, ...]:
        """The proposals that it joins, by task; itself where it joins none."""
        return proposals(self.decisions) if self.joins else (self,)

    @property
    def key(self) -> str:
        """16 hex digits over lane and task: stays the same while the drift changes."""
        return key_of(self.lane, self.task)

    @property
    def digest(self) -> str:
        """16 hex digits over the drifts: another observation is another proposal."""
        return hashlib.sha256("\0".join(self.drifts).encode()).hexdigest()[:16]

    @property
    def fingerprint(self) -> str:
        """Key and digest: exactly this proposal and no other."""
        return f"{self.key}-{self.digest}"

    @property
    def drifts(self) -> tuple[str, ...]:
        """The ids of the drifts, sorted."""
        return tuple(sorted(decision.drift.id for decision in self.decisions))

    @property
    def safe(self) -> bool:
        """Whether all of it would be committed, were the branch to take commits."""
        return all(decision.safe for decision in self.decisions)

    @property
    def merges(self) -> bool:
        """Whether it merges by itself, so that limits count it as a commit."""
        return all(decision.merges for decision in self.decisions) and not self.draft

    @property
    def draft(self) -> bool:
        """Whether its pull request is opened as a draft: one rule that wants it is enough."""
        return any(decision.draft for decision in self.decisions)

    @property
    def severity(self) -> Severity:
        """The worst severity among the drifts."""
        return max((decision.drift.severity for decision in self.decisions), key=lambda severity: severity.rank)

    @property
    def fields(self) -> tuple[str, ...]:
        """``resource path`` of every drift: what the convergence breaker counts."""
        return tuple(sorted({field_of(decision.drift) for decision in self.decisions}))


def field_of(drift: Drift) -> str:
    """``resource path``: what is corrected, whatever its value."""
    return f"{drift.resource.qualified} {drift.where}".strip()


def key_of(lane: Lane, task: str) -> str:
    """16 hex digits over lane and task."""
    return hashlib.sha256(f"{lane}\0{task}".encode()).hexdigest()[:16]


PREFIX: Final = "clockwork/"
"""What our branches' names begin with unless settings say otherwise."""


def branch_of(task: str, prefix: str = PREFIX) -> str:
    """The branch of a task's config pull request: always the same for the same task."""
    slug = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in task.lower()).strip("-")
    return f"{prefix}{slug[:60] or 'task'}-{key_of(Lane.CONFIG_PULL_REQUEST, task)[:8]}"


def proposals(decisions: Sequence[Decision]) -> tuple[Proposal, ...]:
    """The decisions grouped by lane and task, worst first, then by task. Decisions for nothing are left out."""
    groups: dict[tuple[Lane, str], list[Decision]] = {}
    for decision in decisions:
        if decision.lane is not Lane.NOTHING:
            groups.setdefault((decision.lane, decision.drift.task), []).append(decision)
    all_proposals = [Proposal(lane, task, tuple(sorted(group, key=_order))) for (lane, task), group in groups.items()]
    return tuple(sorted(all_proposals, key=lambda p: (-p.severity.rank, p.task, p.lane)))


def _order(decision: Decision) -> tuple[str, str, str]:
    return (str(decision.drift.resource), decision.drift.where, decision.drift.id)


class Effect(StrEnum):
    """What became of a proposal, or of a pull request or issue whose drift is gone."""

    COMMITTED = "committed"
    RESTORED = "restored"
    """What runs is put back to what Git says."""
    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"
    UNCHANGED = "unchanged"
    """The pull request or issue is already there and says the same."""
    DENIED = "denied"
    """A limit says no for now."""
    REJECTED = "rejected"
    """Somebody closed exactly this proposal."""
    HANDED_OVER = "handed-over"
    """Somebody else pushed to our branch; it is theirs now."""
    IN_PROGRESS = "in-progress"
    """Another run began this a moment ago."""
    PLANNED = "planned"
    """A run that may write would do it."""
    WAITING = "waiting"
    """The host lets nobody of us write it; the one issue about that, or another item, tells people of it."""
    UNDELIVERED = "undelivered"
    """The host lets us neither write it nor tell anybody: this report is all there is."""
    UNSUPPORTED = "unsupported"
    """The value cannot be written into Git safely, or there is no code host to propose it on."""
    FAILED = "failed"

    @property
    def wrote(self) -> bool:
        """Whether something in Git, on the code host or in what runs is different now."""
        return self in {Effect.COMMITTED, Effect.RESTORED, Effect.OPENED, Effect.UPDATED, Effect.CLOSED}


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run that may write would write: title and body of the commit, pull request or issue, and a unified diff.

    Credentials are redacted. ``patch`` is empty for an issue.
    """

    title: str
    body: str
    patch: str = ""


@dataclass(frozen=True, slots=True)
class TakenAction:
    """One line of a tick's account. ``url`` leads to the commit, pull request or issue; ``sha`` to a commit."""

    effect: Effect
    lane: Lane
    task: str
    message: str
    severity: Severity | None = None
    fingerprint: str = ""
    url: str | None = None
    sha: str | None = None
    number: int | None = None
    limit: str | None = None
    next_eligible: datetime | None = None
    drifts: tuple[str, ...] = ()
    name: str = ""
    """The task as titles call it; empty where that is no shorter."""
    preview: Preview | None = field(default=None, repr=False)
    """Of a run that writes nothing: what it would write."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The account of one look: what was seen at which commit, what was decided, what was done.

    ``blocked`` says why nothing could be written, or nothing more (halted, unreadable ledger); None when it could.
    """

    at: datetime
    commit: str
    branch: str
    report: Report
    decisions: tuple[Decision, ...] = ()
    actions: tuple[TakenAction, ...] = ()
    blocked: str | None = None
    notes: tuple[str, ...] = field(default=())
    """One line for each way of writing that the host has closed to us, with the switch or right that opens it."""
    pulls: tuple[PullRequest, ...] | None = field(default=None, repr=False)
    """Our pull requests as they were before anything was done; None without a code host, or where nobody looked."""
    issues: tuple[Issue, ...] | None = field(default=None, repr=False)
    looked_at: frozenset[str] = field(default=frozenset(), repr=False)
    """Of the tasks that people were told differ, those of which everything was really looked at."""

    @property
    def wrote(self) -> bool:
        """Whether this look changed anything."""
        return any(action.effect.wrote for action in self.actions)
