"""Running figures over sessions, for people and for monitoring systems.

The store counts (each session once, see :mod:`bot.sessions.sql`); this module asks it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.model.figures import Figures
from bot.ports import SessionRecords
from bot.workers.failures import failures_in

WINDOW: Final = timedelta(days=30)
SESSIONS: Final = 20_000
"""So many sessions of the last 30 days are looked at, at most."""


def figures_now(source: SessionRecords, *, now: datetime) -> Figures:
    """The figures of the last 30 days. Counts what is new since the last time; never starts over."""
    return source.figures(since=now - WINDOW)


@dataclass(frozen=True, slots=True)
class SessionFigures:
    """What a monitoring system is told of guarded runs; ``failures`` by category and agent."""

    figures: Figures
    failures: Mapping[tuple[str, str], int]


def measured(source: SessionRecords, *, now: datetime) -> SessionFigures:
    """Figures and failures over the last 30 days, of so many sessions at most."""
    sessions = source.recent(since=now - WINDOW, limit=SESSIONS)
    failures = Counter((failure.category, failure.agent) for failure in failures_in(sessions))
    return SessionFigures(figures_now(source, now=now), dict(failures))
