"""How reports and ticks look on a terminal. Used by the verbs that print them for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.model.drift import Drift, DriftKind, Report, Severity
from bot.model.json import JSON
from bot.model.proposal import Action, Effect, Tick
from bot.report.markdown import in_short

_COLOUR: Final = {Severity.LOW: "cyan", Severity.MEDIUM: "yellow", Severity.HIGH: "red", Severity.CRITICAL: "bold red"}
_EFFECT: Final = {
    Effect.COMMITTED: "green",
    Effect.OPENED: "green",
    Effect.UPDATED: "green",
    Effect.CLOSED: "green",
    Effect.PLANNED: "blue",
    Effect.DENIED: "yellow",
    Effect.FAILED: "red",
    Effect.UNSUPPORTED: "yellow",
}
WIDTH: Final = 60
_ENDLESS: Final = 10_000


def value(shown: JSON, width: int = WIDTH) -> str:
    """A value on one line, cut to ``width`` characters; ``absent`` for no value. Control characters are escaped."""
    if shown is None:
        return "absent"
    text = shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False, default=str)
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= width else text[: width - 1] + "…"


def show_report(report: Report, console: Console) -> None:
    """The report by task (in lines where tables do not fit), then what could not be read or looked at, then counts."""
    tasks: dict[str, list[Drift]] = {}
    for drift in report.drift:
        tasks.setdefault(drift.task, []).append(drift)
    order = sorted(tasks, key=lambda task: (-max(d.severity.rank for d in tasks[task]), task))
    groups = {task: _in_order(tasks[task]) for task in order}
    tables = {task: _table(task, drifts) for task, drifts in groups.items()}
    wide = all(_fits(table, console) for table in tables.values())
    for task, drifts in groups.items():
        if wide:
            console.print(tables[task])
        else:
            _show_lines(task, drifts, console)
        _show_evidence(task, drifts, console)
    for error in report.errors:
        console.print(f"[red]error[/red] {escape(str(error))}", highlight=False)
    for gone in report.unreachable:
        console.print(
            f"[yellow]could not look[/yellow] {escape(f'{gone.observer} {gone.target}: {gone.cause}')}", highlight=False
        )
    for note in report.notes:
        console.print(f"[yellow]{note.state}[/yellow] {escape(f'{note.rule}: {note.detail}')}", highlight=False)
    console.print(escape(counts(report)), highlight=False)


def counts(report: Report) -> str:
    """One sentence of figures."""
    parts = [f"{report.resources} resources", f"{len(report.drift)} drift"]
    parts += [f"{n} {s.value}" for s in reversed(Severity) if (n := sum(d.severity is s for d in report.drift))]
    parts.append(f"{len(report.suppressed)} suppressed")
    if report.errors:
        parts.append(f"{len(report.errors)} errors")
    if report.unreachable:
        parts.append(f"{len(report.unreachable)} not looked at")
    return " · ".join(parts)


def _table(task: str, drifts: Sequence[Drift]) -> Table:
    table = Table(title=escape(task), title_justify="left", title_style="bold", box=None, pad_edge=False, expand=False)
    for name in ("severity", "what", "Git says", "runs", "who", "declared at"):
        table.add_column(name, header_style="dim", overflow="fold")
    for drift in drifts:
        shown = (_what(drift, task), value(drift.desired), value(drift.observed), _who(drift), drift.declared_at)
        table.add_row(f"[{_COLOUR[drift.severity]}]{drift.severity.value}[/]", *map(escape, shown))
    return table


def _fits(table: Table, console: Console) -> bool:
    return console.measure(table, options=console.options.update(width=_ENDLESS)).maximum <= console.width


def _show_lines(task: str, drifts: Sequence[Drift], console: Console) -> None:
    """For a narrow terminal: some lines for each drift, so that paths and values stay whole."""
    console.print(f"[bold]{escape(task)}[/]", highlight=False)
    for drift in drifts:
        for line in _lines(drift, task):
            console.print(line, highlight=False, soft_wrap=True)


def _lines(drift: Drift, task: str) -> Iterator[str]:
    yield f"[{_COLOUR[drift.severity]}]{drift.severity.value:<8}[/] {escape(_what(drift, task))}"
    yield f"         {escape(value(drift.desired))} [dim]→[/] {escape(value(drift.observed))}"
    origin = " · ".join(part for part in (_who(drift), drift.declared_at) if part)
    if origin:
        yield f"         [dim]{escape(origin)}[/]"


def _in_order(drifts: Sequence[Drift]) -> list[Drift]:
    return sorted(drifts, key=lambda d: (-d.severity.rank, str(d.resource), d.where))


def _show_evidence(task: str, drifts: Sequence[Drift], console: Console) -> None:
    """Below the table, in the order of its rows: why something is unhealthy, one line each, cut to the console."""
    for drift in drifts:
        if drift.evidence:
            resource = "" if str(drift.resource) == task else f"{drift.resource} "
            reason = drift.observed if drift.kind is DriftKind.UNHEALTHY else drift.where or drift.kind.value
            for line in (f"  {resource}{reason}", *(f"    {line}" for line in in_short(drift.evidence))):
                console.print(f"[dim]{escape(value(line, console.width))}[/dim]", highlight=False, soft_wrap=True)


def _what(drift: Drift, task: str) -> str:
    resource = "" if str(drift.resource) == task else f"{drift.resource} "
    what = f"{resource}{drift.where}".strip() or drift.kind.value
    said = what if drift.kind.value in {"changed", what} else f"{what} ({drift.kind.value})"
    return f"{said}: {drift.message}" if drift.message and not drift.path else said


def _who(drift: Drift) -> str:
    when = f" {drift.changed_at:%Y-%m-%d %H:%M}" if drift.changed_at else ""
    return f"{drift.manager or ''}{when}".strip()


def show_tick(tick: Tick, console: Console) -> None:
    """What one tick saw and did."""
    show_report(tick.report, console)
    if tick.blocked:
        console.print(f"[bold red]{escape(tick.blocked)}[/]", highlight=False)
    for action in tick.actions:
        console.print(_line(action), highlight=False, soft_wrap=True)
    report = tick.report
    unseen = report.unreachable or report.errors or any(note.state == "not compared" for note in report.notes)
    if not tick.actions and not tick.blocked and not report.drift:
        fine = "[green]Nothing to do: what runs is what Git says.[/]"
        console.print("[yellow]No drift was seen, but not everything was compared.[/]" if unseen else fine)


def _line(action: Action) -> str:
    colour = _EFFECT.get(action.effect, "dim")
    link = f"  {action.url or action.sha}" if action.url or action.sha else ""
    said = f"{action.lane.value} {action.task}: {action.message}{link}"
    return f"[{colour}]{action.effect.value:>12}[/] {escape(said)}"


def tick_json(tick: Tick) -> dict[str, object]:
    """A tick as one JSON object: the report's keys, then decisions and actions."""
    from bot.report.json import to_json

    return {
        **to_json(tick.report),
        "at": tick.at.isoformat(),
        "branch": tick.branch,
        "commit": tick.commit,
        "blocked": tick.blocked,
        "decisions": [
            {
                "drift": decision.drift.id,
                "remedy": decision.lane.value,
                "direction": decision.direction.value,
                "rule": decision.rule,
                "risk": decision.risk,
                "reasons": list(decision.reasons),
            }
            for decision in tick.decisions
        ],
        "actions": [
            {
                "effect": action.effect.value,
                "remedy": action.lane.value,
                "task": action.task,
                "message": action.message,
                "fingerprint": action.fingerprint,
                "url": action.url,
                "sha": action.sha,
                "number": action.number,
                "limit": action.limit,
                "next_eligible": action.next_eligible.isoformat() if action.next_eligible else None,
                "drifts": list(action.drifts),
            }
            for action in tick.actions
        ],
    }
