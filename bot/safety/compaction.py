"""What of a ledger must stay when older entries are folded into a snapshot.

The promise: every limit, state and fight answers the same from what stays as from the whole, for any time from now on.
Age alone cannot decide that, because clocks lie; so the horizon follows the *earliest* of the recent entries, and what a
count could still need is kept by count. Used by the ledger when it writes a snapshot, and by ``ledger verify``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bot.model.ledger import Entry, EntryKind
from bot.notices.memory import standing_entries
from bot.safety.history import ORDER, VOICES, Attempt, budget_of_intent, disputes, history_of_entries
from bot.safety.limits import Limits
from bot.safety.spans import before

_RECENT: Final = 64
_MOST_FAILURES: Final = 1000
_LONGEST: Final = 1e11
"""Three thousand years, in seconds: a snapshot says how long its entries stay, and cannot say "for ever"."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How much stays: everything within ``seconds``, and the last ``attempts`` of each task whatever their age."""

    seconds: float = 2 * 86400.0
    attempts: int = 4

    @classmethod
    def of(cls, limits: Limits) -> Retention:
        """Enough for ``limits``: twice the longest window, and more attempts than a task's budget counts."""
        longest = max(limits.convergence_window, limits.cooldown, 86400.0)
        most = max(limits.fixes_per_hour, limits.task_proposals_per_hour, limits.consecutive_failures or 0, 3)
        return cls(min(_LONGEST, 2 * longest), most + 1)


def retained(entries: Sequence[Entry], retention: Retention) -> frozenset[str]:
    """The ids of the entries that stay; the others may go."""
    if not entries:
        return frozenset()
    horizon = before(min(entry.at for entry in entries[-_RECENT:]), retention.seconds)
    stay = {entry.id for entry in entries if entry.at >= horizon and entry.kind is not EntryKind.SNAPSHOT}
    stay.update(entry.id for entry in entries[-_RECENT:])
    stay.update(entry.id for entry in _standing(entries))
    stay.update(entry.id for index in disputes(entries) for entry in entries[max(0, index + 1 - VOICES) : index + 1])
    stay.update(_attempts(entries, stay, retention))
    return frozenset(stay)


def _standing(entries: Sequence[Entry]) -> Iterable[Entry]:
    """The last word on each subject: halts, resumes, suspensions, rejections, ignores, what people were told to stand."""
    last: dict[tuple[str, str | None], Entry] = {}
    for entry in entries:
        match entry.kind:
            case EntryKind.HALT:
                last.setdefault(("halt", None), entry)
            case EntryKind.RESUME:
                last[("resume", entry.task)] = entry
                last.pop(("halt", None), None) if entry.task is None else None
            case EntryKind.SUSPEND | EntryKind.UNSUSPEND:
                last[("suspend", entry.task)] = entry
            case EntryKind.REJECT | EntryKind.RETRY:
                last[("reject", entry.fingerprint)] = entry
            case EntryKind.IGNORE:
                last[("ignore", entry.fingerprint)] = entry
            case EntryKind.NOTE if ORDER in entry.detail:
                last[(entry.detail[ORDER], entry.fingerprint or entry.task)] = entry
            case _:
                pass
    return (*last.values(), *standing_entries(entries))


def _attempts(entries: Sequence[Entry], stay: set[str], retention: Retention) -> set[str]:
    """Both halves of every attempt that a count could still need."""
    history = history_of_entries(entries)
    keep: list[Attempt] = [*history.failures[-_MOST_FAILURES:]]
    by_task: dict[tuple[str | None, str], list[Attempt]] = defaultdict(list)
    for attempt in history.attempts:
        by_task[attempt.intent.task, budget_of_intent(attempt.intent)].append(attempt)
        mentioned = attempt.intent.id in stay or (attempt.outcome is not None and attempt.outcome.id in stay)
        if attempt.outcome is None or mentioned:
            keep.append(attempt)
    for attempts in by_task.values():
        keep.extend(attempts[-retention.attempts :])
        keep.extend([attempt for attempt in attempts if attempt.succeeded][-1:])
    for row in history.failures_in_a_row.values():
        keep.extend(row)
    outcomes = {attempt.outcome.id for attempt in keep if attempt.outcome is not None}
    return outcomes | {attempt.intent.id for attempt in keep}
