"""Figures over sessions: how many, how well, how long. Pure; the same whether they come from SQL or from memory.

Times are kept as counts per bucket of a logarithmic scale, so that figures of many hours add up and the 95th percentile
is known within 2.5 % without keeping every time. A session succeeded when nothing of the run itself failed; whether it
approved or blocked is another question.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bot.model.finding import Enforce
from bot.model.session import Session

_GROWTH: Final = math.log(1.05)


def succeeded(session: Session) -> bool:
    """Whether the run came to its end and every assistant that was asked answered well."""
    return session.failure is None and not any(reply.status.failed for reply in session.replies)


def counted_rules(session: Session) -> Counter[str]:
    """How often each rule fired at ``warn`` or ``block``."""
    return Counter(finding.rule for finding in session.findings if finding.enforce.rank >= Enforce.WARN.rank)


def bucket(milliseconds: int) -> int:
    """The bucket that a time falls into: 0 up to 1 ms, then each 5 % wider than the one before."""
    return 0 if milliseconds <= 1 else math.ceil(math.log(milliseconds) / _GROWTH)


def bucket_milliseconds(index: int) -> float:
    """A time in the middle of a bucket, at most 2.5 % from any time in it."""
    return 1.0 if index == 0 else math.exp((index - 0.5) * _GROWTH)


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of one agent, or of all. ``milliseconds`` is a sum, ``durations`` counts per bucket."""

    sessions: int = 0
    succeeded: int = 0
    milliseconds: int = 0
    durations: Mapping[int, int] = field(default_factory=dict)
    rules: Mapping[str, int] = field(default_factory=dict)

    @property
    def success_rate(self) -> float | None:
        """Between 0 and 1; None without sessions."""
        return self.succeeded / self.sessions if self.sessions else None

    @property
    def mean_milliseconds(self) -> float | None:
        return self.milliseconds / self.sessions if self.sessions else None

    @property
    def p95_milliseconds(self) -> float | None:
        """The time within which 95 of 100 sessions ended (nearest rank), within 2.5 %."""
        remaining = math.ceil(0.95 * sum(self.durations.values()))
        for index in sorted(self.durations):
            remaining -= self.durations[index]
            if remaining <= 0:
                return bucket_milliseconds(index)
        return None

    def top_rules(self, limit: int = 10) -> Sequence[tuple[str, int]]:
        """The rules that fired most, most first, then by name."""
        return sorted(self.rules.items(), key=lambda item: (-item[1], item[0]))[:limit]


@dataclass(frozen=True, slots=True)
class Figures:
    """All sessions since ``since``, and the same per agent."""

    since: datetime | None = None
    agents: Mapping[str, Group] = field(default_factory=dict)

    @property
    def all(self) -> Group:
        return merge(self.agents.values())


def merge(groups: Iterable[Group]) -> Group:
    """The figures of several groups taken together."""
    durations: Counter[int] = Counter()
    rules: Counter[str] = Counter()
    sessions = succeeded = milliseconds = 0
    for group in groups:
        sessions += group.sessions
        succeeded += group.succeeded
        milliseconds += group.milliseconds
        durations.update(group.durations)
        rules.update(group.rules)
    return Group(sessions, succeeded, milliseconds, dict(durations), dict(rules))


def group_of(session: Session) -> Group:
    """The figures of one session."""
    spent = max(0, session.milliseconds)
    return Group(1, int(succeeded(session)), spent, {bucket(spent): 1}, dict(counted_rules(session)))


def figures_of(sessions: Iterable[Session], *, since: datetime | None = None) -> Figures:
    """The figures of ``sessions`` held in memory, for stores that keep no running counts."""
    by_agent: dict[str, list[Group]] = {}
    for session in sessions:
        if since is None or session.at >= since:
            by_agent.setdefault(session.agent, []).append(group_of(session))
    return Figures(since, {agent: merge(groups) for agent, groups in sorted(by_agent.items())})


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """What became of the sessions handed in: ``waiting + written + lost + saved`` were taken, ``dropped`` were not."""

    waiting: int = 0
    written: int = 0
    dropped: int = 0
    """Refused at the door: the queue was full or closed."""
    lost: int = 0
    """Taken, but the log would not have them after all tries, and they could not be kept."""
    saved: int = 0
    """Taken, and kept on this machine until the log has them."""
    refused: int = 0
    """Kept by an earlier process, and put aside: a log that takes others does not take them."""
    unreadable: int = 0
    """Files among those that are kept which are no records."""
