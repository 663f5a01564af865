"""What stands at this moment according to the ledger: halted, suspended, rejected, stopped, dangling.

Flows ask once per tick; status pages, ``clockwork explain`` and the dashboard print it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.model.ledger import Entry, LedgerView
from bot.safety.history import history_of
from bot.safety.limits import Limits
from bot.safety.spans import span
from bot.safety.suspension import suspended_until


@dataclass(frozen=True, slots=True)
class State:
    """The standing orders and the unfinished work of one ledger at one time.

    ``halt`` is the entry of the person who halted everything; ``emergency`` says that too many failures did. ``stopped``
    maps tasks to their failures in a row once that is too many. ``rejected`` and ``ignored`` map fingerprints to the
    entry that said so. ``open`` are all intents without an outcome, oldest first; ``dangling`` those of them that are too
    old to be somebody's work in hand: the next tick closes them by finding the work or its absence.
    """

    halt: Entry | None
    emergency: bool
    failures: int
    suspended: Mapping[str, Entry] = field(default_factory=dict)
    stopped: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, Entry] = field(default_factory=dict)
    ignored: Mapping[str, Entry] = field(default_factory=dict)
    open: tuple[Entry, ...] = ()
    dangling: tuple[Entry, ...] = ()

    @property
    def halted(self) -> bool:
        """Whether nothing at all may be written."""
        return self.halt is not None or self.emergency


def state(view: LedgerView, now: datetime, limits: Limits | None = None) -> State:
    """What stands at ``now``."""
    limits = limits or Limits()
    history = history_of(view)
    return State(
        halt=history.halt,
        emergency=limits.total_failures is not None and limits.total_failures <= len(history.failures),
        failures=len(history.failures),
        suspended={task: entry for task, entry in history.suspensions.items() if _lasts(entry, now)},
        stopped={
            task: len(row)
            for (task, _), row in history.failures_in_a_row.items()
            if limits.consecutive_failures is not None and limits.consecutive_failures <= len(row)
        },
        rejected=dict(history.rejections),
        ignored={ignored_task: entry for ignored_task, entry in history.ignores.items() if _lasts(entry, now)},
        open=tuple(history.open),
        dangling=tuple(entry for entry in history.open if _dangles(entry, now, limits.in_progress)),
    )


def _lasts(entry: Entry, now: datetime) -> bool:
    until = suspended_until(entry)
    return until is None or until > now


def _dangles(entry: Entry, now: datetime, grace: float) -> bool:
    """Too old to be in hand; an intent from further in the future than that is of a broken clock and dangles too."""
    return abs(now - entry.at) >= span(grace)
