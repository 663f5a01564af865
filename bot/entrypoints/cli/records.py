"""Session records, agents, workers and their figures on a terminal. Used by ``sessions``, ``agents``, ``stats``, ``worker``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.markup import escape
from rich.table import Table

from bot.model.json import JSON, elements, get, integer, mapping, mappings, text, texts
from bot.model.wording import counted, span
from bot.report.console import open_console, printable

_VERDICT: Final = {"approve": "green", "warn": "yellow", "block": "red"}


def show_sessions(rows: Sequence[Mapping[str, JSON]]) -> None:
    """One line a run: when, id, who, verdict, how much was wrong, how long it took."""
    out = open_console()
    if not rows:
        out.print("no sessions", highlight=False)
        return
    table = _table("time (UTC)", "id", "agent", "tools", "verdict", "pull", "violations", "failures", "seconds")
    for row in rows:
        table.add_row(
            _moment(row["at"]),
            _plain(text(row["id"])[:12]),
            _plain(row["agent"]),
            _plain(", ".join(texts(row["tools"]))),
            _verdict(row["verdict"]),
            f"#{row['pull']}" if row["pull"] is not None else "",
            text(row["violations"]),
            _plain(", ".join([*texts(row["failures"]), *(["run failed"] if row["failed"] else [])])),
            _number(row["seconds"]),
        )
    out.print(table)


def show_session(record: JSON) -> None:
    """Everything of one run: its facts, its findings, what each assistant answered."""
    out = open_console()
    run = mapping(record)
    names = ("id", "at", "repository", "agent", "mode", "verdict", "number", "base", "head", "milliseconds", "failure")
    for name in names:
        if run[name] not in (None, ""):
            out.print(f"[dim]{name:13}[/] {_plain(run[name])}", highlight=False, soft_wrap=True)
    for finding in mappings(run["findings"]):
        location = _plain(f"{text(finding['file'])}:{text(finding['line'])}") if finding["file"] else "the change"
        headline = f"{_plain(finding['enforce'])} [bold]{_plain(finding['rule'])}[/] {_plain(finding['title'])}"
        out.print(f"\n{headline} ({location}, by {_plain(finding['by'])})", highlight=False, soft_wrap=True)
        for name in ("message", "evidence", "suggestion"):
            if finding[name]:
                out.print(f"    {_plain(finding[name])}", highlight=False, soft_wrap=True)
    for reply in mappings(run["replies"]):
        cost = "" if reply["cost_usd"] is None else f", ${_number(reply['cost_usd'], 4)}"
        spent = integer(reply["milliseconds"]) / 1000
        headline = f"[bold]{_plain(reply['assistant'])}[/]: {_plain(reply['status'])}, {spent:.1f} s{cost}"
        out.print(f"\n{headline}, findings: {len(elements(reply['findings']))}", highlight=False)
        if reply["message"]:
            out.print(f"    {_plain(reply['message'])}", highlight=False, soft_wrap=True)


def show_agents(rows: Sequence[Mapping[str, JSON]]) -> None:
    """One line an agent."""
    table = _table("agent", "document", "runs", "success", "failures by category")
    for row in rows:
        table.add_row(
            _plain(row["agent"]),
            _plain(row["document"] or "none"),
            text(row["runs"]),
            _rate(row["success_rate"]),
            _counts(mapping(row["failures"]).items()),
        )
    open_console().print(table)


def show_statistics(figures: Mapping[str, JSON]) -> None:
    """All runs, then each tool and agent, then what went wrong most."""
    out = open_console()
    if not figures["runs"]:
        out.print("no sessions", highlight=False)
        return
    table = _table("", "runs", "success", "mean s", "p95 s", "verdicts", "cost $")
    table.add_row("[bold]all[/]", *_row(figures))
    for kind in ("tools", "agents"):
        for name, part in mapping(figures[kind]).items():
            table.add_row(f"{kind[:-1]} {_plain(name)}", *_row(mapping(part)))
    out.print(table)
    for title, kind, key in (("violations", "violations", "rule"), ("failures", "failures", "category")):
        ranked = [(text(entry[key]), entry["count"]) for entry in mappings(figures[kind])]
        out.print(f"[dim]top {title}:[/] {_counts(ranked) or 'none'}", highlight=False)


def _row(figures: Mapping[str, JSON]) -> Sequence[str]:
    return (
        text(figures["runs"]),
        _rate(figures["success_rate"]),
        _number(figures["mean_seconds"]),
        _number(figures["p95_seconds"]),
        ", ".join(f"{name} {number}" for name, number in mapping(get(figures, "verdicts")).items()),
        "" if figures["cost_usd"] is None else _number(figures["cost_usd"], 2),
    )


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, header_style="dim", overflow="fold", no_wrap=name.endswith("(UTC)"))
    return table


def _plain(value: JSON) -> str:
    return escape(printable(value if isinstance(value, str) else str(value)))


def _verdict(value: JSON) -> str:
    return f"[{_VERDICT.get(text(value), 'default')}]{_plain(value)}[/]"


def _counts(counts: Iterable[tuple[str, JSON]]) -> str:
    return ", ".join(f"{_plain(name)} {number}" for name, number in counts)


def _rate(value: JSON) -> str:
    return f"{value:.1%}" if isinstance(value, (int, float)) else "–"


def _number(value: JSON, digits: int = 1) -> str:
    return f"{value:.{digits}f}" if isinstance(value, (int, float)) else "–"


def show_workers(rows: Sequence[Mapping[str, JSON]]) -> None:
    """One line a worker."""
    table = _table("worker", "state", "every", "last run (UTC)", "next (UTC)", "result")
    for row in rows:
        failed = f"[red]failed[/] ({integer(row['failures_in_a_row'])} in a row): " if row["failed"] else ""
        caught_up = f" [dim](missed {integer(row['missed_before'])} before)[/]" if row["missed_before"] else ""
        stopped = f" [dim](stopped: {_plain(row['reason'])})[/]" if row["stopped"] and row["reason"] else ""
        table.add_row(
            _plain(row["worker"]),
            _plain(row["state"]),
            _span(row["interval"]),
            _moment(row["last"])[5:16] or "–",
            _moment(row["next"])[5:16] or "–",
            f"{failed}{_plain(row['result'] or 'not run yet')}{caught_up}{stopped}",
        )
    open_console().print(table)


def show_insights(saved: Mapping[str, JSON]) -> None:
    """The spikes, newest first, then the trends by category."""
    out = open_console()
    if saved["at"] is None:
        out.print("no analysis was saved yet: `clockwork worker run analysis --once`", highlight=False)
        return
    facts = f"{counted(integer(saved['failures']), 'failure')} in {counted(integer(saved['runs']), 'run')}"
    out.print(f"analysis of {_moment(saved['at'])} UTC: {facts}", highlight=False)
    for insight in mappings(saved["insights"]):
        out.print(f"  {_plain(insight['message'])}", highlight=False, soft_wrap=True)
    for note in mappings(saved["lessons"]):
        link = f" {_plain(note['link'])}" if note["link"] else ""
        out.print(
            f"  guardrail for {_plain(note['category'])}: {_plain(note['outcome'])}{link}",
            highlight=False,
            soft_wrap=True,
        )
    table = _table("", "24 h", "usual", "8 days", "total")
    for trend in mappings(saved["trends"]):
        table.add_row(
            f"{text(trend['dimension'])} {_plain(trend['name'])}",
            text(elements(trend["days"])[-1]),
            _number(trend["median"]),
            " ".join(text(day) for day in elements(trend["days"])),
            text(trend["total"]),
        )
    out.print(table)


def _moment(value: JSON) -> str:
    return text(value)[:19].replace("T", " ") or "–"


def _span(value: JSON) -> str:
    return span(value if isinstance(value, (int, float)) else 0)
