"""The ledger read as attempts: each intent beside its outcome, in the order in which the ledger took them.

Theory of time. The order of entries is certain (the ledger is a compare-and-swap chain), their clocks are not. Within
one budget an entry therefore counts as made no earlier than the entries before it: *ledger time* is the running maximum
of what clocks said. What is dated after "now" is in every window that ends now. So a clock that is set back can only
deny, never widen a budget, neither while it is back nor once it is right again. The price is that one entry dated far
ahead would deny for as long.

An authorised resume written after it heals that, but a resume has a clock too, and it may be that one which is wrong.
So two things are needed. The entry must be outvoted: dated more than a day after the resume, and after three of the
five entries whose last the resume is. And whoever asks must be on the resume's side: only what is dated more than a day
(and more than the window) after "now" counts as made at the resume. Whoever's clock is right, or less than a day behind,
is therefore never granted anything by a resume that was given on a machine whose clock is behind.

Everything is indexed once per ledger tip, so that asking a limit costs a bisection. Used by the other modules here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from itertools import accumulate
from threading import Lock
from typing import Final, assert_never

from bot.model.decision import Lane
from bot.model.ledger import Entry, EntryKind, LedgerView, Result
from bot.safety.spans import after, before

TOGETHER: Final = "together"
"""The key in an outcome's detail that names the first intent of a commit that failed for all of them at once."""

CLOSED: Final = "closed"
"""The key in the detail of an abandoned outcome that says: the host closed this lane to us (its value is the lane's)."""
ADVICE: Final = "advice"
"""The key in the detail of such an outcome for the switch, rule or right that a person changes."""
UNTIL: Final = "until"
"""The key in the detail of an abandoned outcome for the time (ISO 8601) before which the host wants no request."""
MERGES: Final = "merges"
"""The key in an intent's detail that says: its pull request merges by itself, so it draws on the budget of fixes."""
JOINED: Final = "joined"
"""The key in a rejection's detail for the fingerprint of the joined proposal that it was a part of."""
ORDER: Final = "order"
"""The key in a note's detail for what a person ordered that has no kind of entry of its own: :data:`APPROVE` and so on."""
APPROVE: Final = "approve"
"""Its value: the proposal of this fingerprint may be opened whatever is asked of people already."""
APPLY: Final = "apply"
"""Its value: the plan in :data:`PLAN` may be carried out."""
PLAN: Final = "plan"
"""The key for the beginning of a plan's digest, 12 hex digits."""
RESTORE: Final = "restore"
"""Its value: the named drifts of the task are restored by people, not offered for adoption."""
ADOPT: Final = "adopt"
"""Its value: they are offered for adoption again."""
OPENS: Final = "opens"
"""The key in an intent's detail that says: a pull request is opened, not an open one updated."""

_BROKEN_CLOCK: Final = timedelta(days=1)
VOICES: Final = 5
"""So many entries, the last of which is a resume, are asked whether an earlier one is dated too late."""
_MAJORITY: Final = 3


class Budget(StrEnum):
    """What an attempt draws on: writing to the branch is scarce, proposing is not."""

    FIX = "fix"
    PROPOSAL = "proposal"

    __hash__ = str.__hash__  # an enum's own is written in Python, and every attempt asks for it four times


def budget_of(lane: Lane | None) -> Budget:
    """Patches and restored fields are fixes; pull requests and issues are proposals; an intent without a lane is a fix."""
    match lane:
        case Lane.CONFIG_PULL_REQUEST | Lane.RUNBOOK_ISSUE:
            return Budget.PROPOSAL
        case Lane.ARTIFACT_PATCH | Lane.RESTORE | Lane.NOTHING | None:
            return Budget.FIX
        case _ as never:
            assert_never(never)


def budget_of_intent(intent: Entry) -> Budget:
    """As its lane, but for a pull request that merges without a person: that is a fix."""
    return Budget.FIX if MERGES in intent.detail else budget_of(intent.lane)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One intent and how it ended (None: not yet, or nobody lived to tell). ``at`` is the later of their clocks, and
    ``healed`` the same by the resumes that outvoted one of them.
    """

    intent: Entry
    outcome: Entry | None
    at: datetime
    healed: datetime

    @property
    def failed(self) -> bool:
        """Whether it is known to have failed."""
        return self.outcome is not None and self.outcome.result is Result.FAILED

    @property
    def succeeded(self) -> bool:
        """Whether it is known to have succeeded."""
        return self.outcome is not None and self.outcome.result is Result.SUCCEEDED

    @property
    def counts(self) -> bool:
        """Whether it uses up a budget: everything but what was given up before anything was written."""
        return self.outcome is None or self.outcome.result is not Result.ABANDONED


@dataclass(slots=True)
class Timeline:
    """Attempts that draw on one budget, with their ledger times (never decreasing)."""

    attempts: list[Attempt] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    disputed: bool = False

    def add(self, attempt: Attempt) -> None:
        """Takes the next attempt in ledger order."""
        self.attempts.append(attempt)
        self.times.append(max(attempt.at, self.times[-1]) if self.times else attempt.at)
        self.disputed |= attempt.healed != attempt.at

    def as_of(self, now: datetime, seconds: float) -> Sequence[datetime]:
        """The ledger times for a window of ``seconds``: what was outvoted is set back where ``now`` contradicts it too."""
        limit = after(now, max(seconds, _BROKEN_CLOCK.total_seconds()))
        if not self.disputed or limit is None:
            return self.times
        return list(
            accumulate((attempt.healed if attempt.at >= limit else attempt.at for attempt in self.attempts), max)
        )

    def last(self, now: datetime, seconds: float) -> datetime | None:
        """The time of the last attempt as a window of ``seconds`` sees it; None when there was none."""
        times = self.as_of(now, seconds)
        return times[-1] if times else None

    def within(self, now: datetime, seconds: float) -> Sequence[Attempt]:
        """The attempts that are less than ``seconds`` old at ``now``, or dated after it, oldest first."""
        return self.attempts[bisect_right(self.as_of(now, seconds), before(now, seconds)) :]

    def free_at(self, now: datetime, seconds: float, allowed: int) -> datetime | None:
        """When fewer than ``allowed`` attempts will be younger than ``seconds``; None when none ever may."""
        times = self.as_of(now, seconds)
        return after(times[-allowed], seconds) if 0 < allowed <= len(times) else None


@dataclass(slots=True)
class History:
    """One ledger, indexed. Read-only by agreement once made."""

    attempts: list[Attempt] = field(default_factory=list)
    by_budget: dict[Budget, Timeline] = field(default_factory=partial(defaultdict, Timeline))
    by_task: dict[tuple[str, Budget], Timeline] = field(default_factory=partial(defaultdict, Timeline))
    by_severity: dict[tuple[str, Budget], Timeline] = field(default_factory=partial(defaultdict, Timeline))
    by_field: dict[str, Timeline] = field(default_factory=partial(defaultdict, Timeline))
    opened: Timeline = field(default_factory=Timeline)
    """Pull requests that were opened, but for those that merge by themselves."""
    open: list[Entry] = field(default_factory=list)
    failures_in_a_row: dict[tuple[str, Budget], list[Attempt]] = field(default_factory=dict)
    failures: list[Attempt] = field(default_factory=list)
    """Everything that failed since the last resume of everything; what failed as one commit is here once."""
    halt: Entry | None = None
    suspensions: dict[str, Entry] = field(default_factory=dict)
    rejections: dict[str, Entry] = field(default_factory=dict)
    ignores: dict[str, Entry] = field(default_factory=dict)
    approvals: dict[str, Entry] = field(default_factory=dict)
    """Fingerprint -> the order by which somebody asked for this pull request now."""
    agreed: dict[str, Entry] = field(default_factory=dict)
    """The beginning of a plan's digest -> the order by which somebody agreed to it."""
    restores: dict[str, Entry] = field(default_factory=dict)
    """Task -> the order by which somebody chose to restore it."""
    closed: dict[Lane, Entry] = field(default_factory=dict)
    """The last refusal of each lane that the host closed, unless a write in that lane, or a resume, came after it."""
    wait: Entry | None = None
    """The last outcome by which the host asked to wait."""

    def timeline(self, task: str, budget: Budget) -> Timeline:
        """The attempts on one task that draw on ``budget``."""
        return self.by_task.get((task, budget)) or Timeline()

    def overall(self, budget: Budget) -> Timeline:
        """The attempts on the whole repository that draw on ``budget``."""
        return self.by_budget.get(budget) or Timeline()


def history_of(view: LedgerView) -> History:
    """The index of ``view``: built once for each ledger and remembered for the few last ones. Safe for many threads."""
    key = id(view.entries)
    with _remembering:
        cached = _recent.get(key)
        if cached is not None and cached[0] is view.entries:
            return cached[1]
        new_history = history_of_entries(view.entries)
        while len(_recent) >= _REMEMBERED:
            _recent.pop(next(iter(_recent)))
        _recent[key] = (view.entries, new_history)
        return new_history


_REMEMBERED: Final = 4
_remembering: Final = Lock()
_recent: dict[int, tuple[tuple[Entry, ...], History]] = {}
"""A memo, not a state: the tuple is kept beside its index, so its identity cannot be reused."""


def history_of_entries(entries: Sequence[Entry]) -> History:
    """The index of ``entries``, built anew."""
    outcomes = _final_outcomes(entries)
    healed = _healed(entries)
    history = History()
    attempts: dict[str, Attempt] = {}
    for entry in entries:
        match entry.kind:
            case EntryKind.INTENT:
                attempts[entry.id] = _attempt(entry, outcomes.get(entry.id), healed)
                _add_attempt(history, attempts[entry.id])
            case EntryKind.OUTCOME:
                attempt = attempts.get(entry.intent or "")
                if attempt is not None and attempt.outcome is entry:
                    _add_result(history, attempt)
            case _:
                _add_control(history, entry)
    return history


def _final_outcomes(entries: Sequence[Entry]) -> dict[str, Entry]:
    """The outcome of each intent. Where several were written, the first that says something was written counts."""
    outcomes: dict[str, Entry] = {}
    for entry in entries:
        if entry.kind is EntryKind.OUTCOME and entry.intent is not None:
            earlier_outcome = outcomes.get(entry.intent)
            if earlier_outcome is None or (
                earlier_outcome.result is Result.ABANDONED and entry.result is not Result.ABANDONED
            ):
                outcomes[entry.intent] = entry
    return outcomes


def _attempt(intent: Entry, outcome: Entry | None, healed: Mapping[str, datetime]) -> Attempt:
    ends = intent if outcome is None else outcome
    at = max(intent.at, ends.at)
    if not healed:
        return Attempt(intent, outcome, at, at)
    return Attempt(intent, outcome, at, max(healed.get(entry.id, entry.at) for entry in (intent, ends)))


def disputes(entries: Sequence[Entry]) -> tuple[int, ...]:
    """The places of the resumes that an earlier entry is dated more than a day after."""
    latest, resumes = None, []
    for index, entry in enumerate(entries):
        if entry.kind is EntryKind.RESUME and latest is not None and latest - entry.at > _BROKEN_CLOCK:
            resumes.append(index)
        latest = entry.at if latest is None else max(latest, entry.at)
    return tuple(resumes)


def _healed(entries: Sequence[Entry]) -> dict[str, datetime]:
    """The entries that a later resume shows to be of a broken clock, and when they count as made: at that resume."""
    resumes = disputes(entries)
    if not resumes:
        return {}
    earliest = min(entries[index].at for index in resumes)
    healed: dict[str, datetime] = {}
    for index, entry in enumerate(entries[: resumes[-1]]):
        if entry.at - earliest > _BROKEN_CLOCK:
            times = [entries[resume].at for resume in resumes if _outvoted(entries, index, resume)]
            healed |= {entry.id: min(times)} if times else {}
    return healed


def _outvoted(entries: Sequence[Entry], index: int, resume: int) -> bool:
    """Whether a resume is about the entry at ``index``, and its voices say that the entry's clock was wrong. One that came
    before the entry has no voice after it.
    """
    entry, last = entries[index], entries[resume]
    voices = entries[max(index + 1, resume + 1 - VOICES) : resume + 1]
    against = sum(entry.at - voice.at > _BROKEN_CLOCK for voice in voices)
    return last.task in {None, entry.task} and entry.at - last.at > _BROKEN_CLOCK and against >= _MAJORITY


def _add_attempt(history: History, attempt: Attempt) -> None:
    intent = attempt.intent
    history.attempts.append(attempt)
    if attempt.outcome is None:
        history.open.append(intent)
    if not attempt.counts:
        return
    budget = budget_of_intent(intent)
    history.by_budget[budget].add(attempt)
    if intent.task is not None:
        history.by_task[intent.task, budget].add(attempt)
    if OPENS in intent.detail:
        history.opened.add(attempt)
    if intent.severity is not None:
        history.by_severity[intent.severity, budget].add(attempt)
    if budget is Budget.FIX and not attempt.failed:
        for name in intent.fields:
            history.by_field[name].add(attempt)


def _add_result(history: History, attempt: Attempt) -> None:
    row = (attempt.intent.task or "", budget_of_intent(attempt.intent))
    _note_refusal(history, attempt)
    if attempt.failed:
        if _together(attempt) is None or _together(attempt) not in map(_together, history.failures[-1:]):
            history.failures.append(attempt)
        history.failures_in_a_row.setdefault(row, []).append(attempt)
    elif attempt.succeeded:
        history.failures_in_a_row.pop(row, None)


def _note_refusal(history: History, attempt: Attempt) -> None:
    outcome, lane = attempt.outcome, attempt.intent.lane
    if outcome is None:
        return
    if attempt.succeeded and lane is not None:
        history.closed.pop(lane, None)
    if (closed_lane := outcome.detail.get(CLOSED)) in _LANES:
        history.closed[Lane(closed_lane)] = outcome
    if UNTIL in outcome.detail:
        history.wait = outcome


_LANES: Final = frozenset(lane.value for lane in Lane)


def _together(attempt: Attempt) -> str | None:
    return None if attempt.outcome is None else attempt.outcome.detail.get(TOGETHER)


def _add_control(history: History, entry: Entry) -> None:
    if entry.kind is EntryKind.RESUME:
        _forget(history, entry.task)
    match entry.kind:
        case EntryKind.HALT:
            history.halt = history.halt or entry
        case EntryKind.RESUME if entry.task is None:
            history.halt = None
        case EntryKind.RESUME | EntryKind.UNSUSPEND if entry.task is not None:
            history.suspensions.pop(entry.task, None)
        case EntryKind.SUSPEND if entry.task is not None:
            history.suspensions[entry.task] = entry
        case EntryKind.REJECT if entry.fingerprint is not None:
            history.rejections[entry.fingerprint] = entry
        case EntryKind.RETRY if entry.fingerprint is not None:
            _take_back(history, entry.fingerprint)
            history.ignores.pop(entry.fingerprint, None)
        case EntryKind.IGNORE if entry.fingerprint is not None:
            history.ignores[entry.fingerprint] = entry
        case EntryKind.NOTE:
            _note_order(history, entry)
        case _:
            pass


def _note_order(history: History, entry: Entry) -> None:
    match entry.detail.get(ORDER):
        case "approve" if entry.fingerprint is not None:
            history.approvals[entry.fingerprint] = entry
        case "apply":
            history.agreed[entry.detail.get(PLAN, "")] = entry
        case "restore" if entry.task is not None:
            history.restores[entry.task] = entry
        case "adopt" if entry.task is not None:
            history.restores.pop(entry.task, None)
        case _:
            pass


def _take_back(history: History, fingerprint: str) -> None:
    """No rejection of that proposal any more, nor of those that were rejected as parts of it."""
    parts = [part for part, entry in history.rejections.items() if entry.detail.get(JOINED) == fingerprint]
    for rejected in (fingerprint, *parts):
        history.rejections.pop(rejected, None)


def _forget(history: History, task: str | None) -> None:
    if task is None:
        history.closed.clear()
        history.wait = None
        history.failures.clear()
        history.failures_in_a_row.clear()
        return
    for budget in Budget:
        history.failures_in_a_row.pop((task, budget), None)
