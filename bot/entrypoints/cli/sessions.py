"""``clockwork sessions``, ``agents`` and ``stats``: what guarded runs came to, read from their records."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import JsonOption, RepoOption, SettingsOption
from bot.entrypoints.cli.printing import print_json
from bot.model.choices import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.model.session import Session
    from bot.workers.records import SessionFilter
    from bot.workers.statistics import AgentDocument

_ToolOption = Annotated[
    str | None, typer.Option("--tool", metavar="NAME", help="Only runs in which this assistant took part.")
]
_AgentOption = Annotated[
    str | None, typer.Option("--agent", metavar="NAME", help="Only runs over this agent's changes.")
]
_VerdictOption = Annotated[Verdict | None, typer.Option("--verdict", help="Only runs that came to this verdict.")]
_SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Only runs since then: 2026-11-20, or 7d, 12h back.")
]
_LimitOption = Annotated[int, typer.Option("--limit", min=1, help="At most so many runs, the newest.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    sessions = typer.Typer(help="The records of guarded runs.", no_args_is_help=True)
    sessions.command("list")(list_)
    sessions.command("show")(show)
    app.add_typer(sessions, name="sessions")
    agents = typer.Typer(help="The agents whose work is judged.", no_args_is_help=True)
    agents.callback()(_agents)
    agents.command("list")(list_agents)
    app.add_typer(agents, name="agents")
    app.command("stats")(stats)


def list_(
    *,
    repo: RepoOption = ".",
    settings: SettingsOption = None,
    tool: _ToolOption = None,
    agent: _AgentOption = None,
    verdict: _VerdictOption = None,
    since: _SinceOption = None,
    limit: _LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """List runs, newest first."""
    from bot.entrypoints.cli.records import show_sessions
    from bot.workers.records import matching_sessions, summary

    session_filter = _filter(tool, agent, verdict, since)
    rows = [
        summary(session)
        for session in matching_sessions(_records(settings, repo, session_filter), session_filter, limit=limit)
    ]
    if as_json:
        print_json({"sessions": rows}, indent=2)
    else:
        show_sessions(rows)


def show(
    identity: Annotated[str, typer.Argument(metavar="ID", help="The id of a run, or how it begins.")],
    *,
    repo: RepoOption = ".",
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show everything that is recorded of one run. No diff and no prompt is."""
    from bot.entrypoints.cli.records import show_session
    from bot.workers.records import SessionFilter, full_record, with_id

    record = full_record(with_id(_records(settings, repo, SessionFilter()), identity))
    if as_json:
        print_json(record, indent=2)
    else:
        show_session(record)


def stats(
    *,
    repo: RepoOption = ".",
    settings: SettingsOption = None,
    tool: _ToolOption = None,
    agent: _AgentOption = None,
    verdict: _VerdictOption = None,
    since: _SinceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Totals, success rate, times, top violations and failures of the runs that are kept, by tool and by agent."""
    from bot.entrypoints.cli.records import show_statistics
    from bot.workers.statistics import statistics_of

    session_filter = _filter(tool, agent, verdict, since)
    figures = statistics_of(
        [session for session in _records(settings, repo, session_filter) if session_filter.takes(session)]
    ).as_json()
    if as_json:
        print_json(figures, indent=2)
    else:
        show_statistics(figures)


def _agents() -> None:
    """Keeps ``list`` a verb of its own."""


def list_agents(
    *,
    repo: RepoOption = ".",
    settings: SettingsOption = None,
    since: _SinceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the agents: their document, runs, success rate, failures by category."""
    from bot.entrypoints.cli.records import show_agents
    from bot.workers.statistics import agent_records

    session_filter = _filter(None, None, None, since)
    kept_sessions = [session for session in _records(settings, repo, session_filter) if session_filter.takes(session)]
    rows = [record.as_json() for record in agent_records(kept_sessions, _documents(settings, repo))]
    if as_json:
        print_json({"agents": rows}, indent=2)
    else:
        show_agents(rows)


def _filter(tool: str | None, agent: str | None, verdict: Verdict | None, since: str | None) -> SessionFilter:
    from bot.wiring.repository import SystemClock
    from bot.workers.records import SessionFilter

    return SessionFilter(tool, agent, verdict, None if since is None else _back(since, SystemClock().now()))


def _back(since: str, now: datetime) -> datetime:
    """The time that ``since`` means: a span such as ``7d`` is one back from now."""
    from bot.model.moment import moment

    at = moment(since, now=now)
    return at if at <= now else now - (at - now)


def _records(settings: Path | None, repo: str, session_filter: SessionFilter) -> Sequence[Session]:
    """The records since the filter's time; they may be gone already where they are older than ``sessions.keep_days``."""
    from bot.wiring.workers import open_sessions
    from bot.workers.work import SESSIONS

    return open_sessions(settings, repo).recent(since=session_filter.since, limit=SESSIONS)


def _documents(settings: Path | None, repo: str) -> Mapping[str, AgentDocument]:
    from bot.wiring.workers import open_rules
    from bot.workers.statistics import AgentDocument

    rules = open_rules(settings, repo)
    guardrails_by_agent = [(guardrail.for_agent, guardrail) for guardrail in rules.guardrails]
    return {
        agent: AgentDocument(guardrail.file, guardrail.title)
        for agent, guardrail in guardrails_by_agent
        if agent is not None
    }
