"""Figures over the sessions that are kept, as ``clockwork stats`` and ``clockwork agents`` tell them. Pure.

What Prometheus reads comes from the running figures of :mod:`bot.workers.metrics`, which outlive their sessions; these
here are of the records themselves, so they can be asked by tool as well as by agent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.model.figures import Group, group_of, merge
from bot.model.json import JSON
from bot.model.session import Session
from bot.workers.failures import failures_in
from bot.workers.records import hidden, tools_of

TOP: Final = 10


@dataclass(frozen=True, slots=True)
class RunStatistics:
    """The figures of some sessions. ``failures`` counts by category, ``verdicts`` runs; ``cost_usd`` sums what the
    assistants told of their cost, None when none of them told any.
    """

    group: Group
    verdicts: Mapping[str, int]
    failures: Mapping[str, int]
    cost_usd: float | None

    def as_json(self, top: int = TOP) -> dict[str, JSON]:
        """Rates between 0 and 1, times in seconds; the ``top`` violations by rule and failures by category."""
        return {
            "runs": self.group.sessions,
            "success_rate": self.group.success_rate,
            "mean_seconds": _seconds(self.group.mean_milliseconds),
            "p95_seconds": _seconds(self.group.p95_milliseconds),
            "verdicts": dict(self.verdicts),
            "violations": _named(self.group.top_rules(top), "rule"),
            "failures": _named(_top(self.failures, top), "category"),
            "cost_usd": self.cost_usd,
        }


@dataclass(frozen=True, slots=True)
class Statistics:
    """All sessions together, and by tool and by agent. A session counts for every tool that took part in it."""

    all: RunStatistics
    tools: Mapping[str, RunStatistics]
    agents: Mapping[str, RunStatistics]

    def as_json(self) -> dict[str, JSON]:
        """One object, with no credential in any name."""
        parts = {
            "tools": {name: part.as_json() for name, part in self.tools.items()},
            "agents": {name: part.as_json() for name, part in self.agents.items()},
        }
        return {**self.all.as_json(), **{name: hidden(part) for name, part in parts.items()}}


@dataclass(frozen=True, slots=True)
class AgentDocument:
    """The file of a document about an agent, and its title."""

    file: str
    title: str


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """One agent: the document about it (None: there is none), and the figures of its runs."""

    name: str
    document: AgentDocument | None
    runs: RunStatistics

    def as_json(self) -> dict[str, JSON]:
        """Document, runs, success rate, failures by category."""
        figures = self.runs.as_json(top=len(self.runs.failures))
        kept_figures = {name: figures[name] for name in ("runs", "success_rate", "verdicts")}
        return {
            "agent": hidden(self.name),
            "document": None if self.document is None else self.document.file,
            "title": None if self.document is None else self.document.title,
            **kept_figures,
            "failures": hidden(dict(self.runs.failures)),
        }


def statistics_of(sessions: Sequence[Session]) -> Statistics:
    """The figures of ``sessions``, tools and agents with most runs first."""
    tools: dict[str, list[Session]] = {}
    agents: dict[str, list[Session]] = {}
    for session in sessions:
        agents.setdefault(session.agent, []).append(session)
        for tool in tools_of(session):
            tools.setdefault(tool, []).append(session)
    return Statistics(run_statistics(sessions), _parts(tools), _parts(agents))


def run_statistics(sessions: Sequence[Session]) -> RunStatistics:
    """The figures of ``sessions`` together."""
    costs = [reply.cost_usd for session in sessions for reply in session.replies if reply.cost_usd is not None]
    failures = Counter(failure.category for failure in failures_in(sessions))
    return RunStatistics(
        group=merge(map(group_of, sessions)),
        verdicts=dict(sorted(Counter(session.verdict.value for session in sessions).items())),
        failures=dict(_top(failures, len(failures))),
        cost_usd=sum(costs) if costs else None,
    )


def agent_records(sessions: Iterable[Session], documents: Mapping[str, AgentDocument]) -> Sequence[AgentRecord]:
    """Every agent that a document is about or that ran, by name. ``documents`` are by agent."""
    runs: dict[str, list[Session]] = {name: [] for name in documents}
    for session in sessions:
        runs.setdefault(session.agent, []).append(session)
    return [
        AgentRecord(name, documents.get(name), run_statistics(agent_sessions))
        for name, agent_sessions in sorted(runs.items())
    ]


def _parts(sessions: Mapping[str, Sequence[Session]]) -> Mapping[str, RunStatistics]:
    ranked = sorted(sessions.items(), key=lambda item: (-len(item[1]), item[0]))
    return {name: run_statistics(part_sessions) for name, part_sessions in ranked}


def _top(counts: Mapping[str, int], limit: int) -> Sequence[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]


def _named(ranked: Sequence[tuple[str, int]], key: str) -> JSON:
    return [{key: hidden(name), "count": number} for name, number in ranked]


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds / 1000, 3)
