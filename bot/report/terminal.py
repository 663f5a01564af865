"""How reports and runs appear on a terminal. Used by the verbs that print them for people.

Names, values and log lines come from outside: whatever could colour, hide or move text is shown as it is written.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bot.model.decision import Decision
from bot.model.drift import LEFT_OUT, Drift, DriftKind, Report
from bot.model.json import JSON
from bot.model.proposal import Effect, Preview, TakenAction, Tick
from bot.model.resource import RENDERER
from bot.model.severity import Severity
from bot.model.wording import counted
from bot.report.console import COLOUR, printable
from bot.report.contrast import contrasted
from bot.report.markdown import in_short
from bot.report.score import by_target, score
from bot.report.wording import (
    CHANGED_UNSEEN,
    NOTHING_DECLARED,
    all_compared,
    is_self_explanatory,
    outlook,
    remedy,
    sides,
)

_EFFECT: Final = {
    Effect.COMMITTED: "green",
    Effect.RESTORED: "green",
    Effect.OPENED: "green",
    Effect.UPDATED: "green",
    Effect.CLOSED: "green",
    Effect.PLANNED: "blue",
    Effect.DENIED: "yellow",
    Effect.FAILED: "red",
    Effect.UNSUPPORTED: "yellow",
    Effect.WAITING: "yellow",
    Effect.UNDELIVERED: "red",
}
WIDTH: Final = 60
_ENDLESS: Final = 10_000
_TABLES_FROM: Final = 80
"""Columns of a terminal from which on there is a table, whatever it holds."""
_INDENT: Final = 9
_SHORTEST: Final = 24
"""Characters of a value that are shown on the narrowest terminal."""
_VALUES: Final = 28
"""Columns that values have at least."""


def value(shown_value: JSON, width: int = WIDTH) -> str:
    """A value on one line, cut to ``width`` characters; ``absent`` for no value. Control characters are escaped."""
    if shown_value is None:
        return "absent"
    text = printable(
        shown_value if isinstance(shown_value, str) else json.dumps(shown_value, ensure_ascii=False, default=str)
    )
    return text if len(text) <= width else text[: width - 1] + "…"


def text_pair(declared: JSON, live: JSON, width: int = WIDTH) -> tuple[str, str]:
    """Two values as :func:`value` shows them, cut to the part that differs, so that they never look alike."""
    return contrasted(value(declared, sys.maxsize), value(live, sys.maxsize), width)


def show_report(
    report: Report, console: Console, *, decisions: Sequence[Decision] = (), suppressed: bool = False
) -> None:
    """The report by task (in lines where tables do not fit), then what could not be read, then counts.

    ``decisions`` add what comes of it when the bot runs; ``suppressed`` also lists what ignore rules and controllers hide,
    and by which rule.
    """
    tasks: dict[str, list[Drift]] = {}
    for drift in report.drift:
        tasks.setdefault(drift.task, []).append(drift)
    order = sorted(tasks, key=lambda task: (-max(d.severity.rank for d in tasks[task]), task))
    groups = {task: _in_order(tasks[task]) for task in order}
    tables = {task: _table(task, drifts) for task, drifts in groups.items()}
    wide = all(_fits(table, console) for table in tables.values())
    if not wide and console.width >= _TABLES_FROM:
        tables = {task: _compact(task, drifts, console.width) for task, drifts in groups.items()}
        wide = True
    for task, drifts in groups.items():
        if wide:
            console.print(tables[task])
        else:
            _show_lines(task, drifts, console)
        _show_evidence(task, drifts, console)
    for line in _remarks(report):
        console.print(line, highlight=False)
    console.print(escape(counts(report)), highlight=False)
    if decisions:
        console.print(f"clockwork reconcile: {outlook(decisions)}", highlight=False)
    if len(report.targets) > 1:
        scores = by_target(report)
        figures = (
            f"{name} {drift} (score {scores[name]:g})" if drift else f"{name} {drift}"
            for name, drift in report.drift_by_target.items()
        )
        console.print(escape(f"differences by target: {', '.join(figures)}"), highlight=False)
    for hidden in report.suppressed if suppressed else ():
        hidden_line = f"{hidden.drift.resource.qualified} {hidden.drift.where}: {value(hidden.drift.observed)}"
        console.print(f"suppressed by {hidden.by} ({hidden.reason}): {hidden_line}", markup=False, highlight=False)
    for reason, text in LEFT_OUT.items() if suppressed else ():
        if number := report.left_out.get(reason):
            console.print(f"left out: {counted(number, 'live field')} ({text})", markup=False, highlight=False)


def show_errors(report: Report, console: Console) -> None:
    """What is wrong in Git, without which nothing can be told."""
    for error in report.errors:
        console.print(f"[red]error[/red] {escape(str(error))}", highlight=False)


def _remarks(report: Report) -> Iterator[str]:
    for error in report.errors:
        yield f"[red]error[/red] {escape(str(error))}"
    for gap in report.unreachable:
        if gap.observer == RENDERER:
            yield f"[yellow]cannot render[/yellow] {escape(f'{gap.target}: {gap.cause}')}"
            continue
        source = f"{gap.observer} {gap.target}".strip()
        yield f"[yellow]cannot read live state[/yellow] from {escape(f'{source}: {gap.cause}')}"
    for note in report.notes:
        yield f"[yellow]{note.state}[/yellow] {escape(f'{note.rule}: {note.detail}')}"


def counts(report: Report) -> str:
    """One sentence of figures."""
    parts = [counted(report.resources, "resource"), counted(len(report.drift), "difference")]
    parts += [f"{n} {s.value}" for s in reversed(Severity) if (n := sum(d.severity is s for d in report.drift))]
    if report.suppressed:
        parts.append(f"{len(report.suppressed)} suppressed")
    if report.errors:
        parts.append(counted(len(report.errors), "error"))
    if report.unreachable:
        parts.append(f"{len(report.unreachable)} not read")
    if report.drift:
        parts.append(f"score {score(report.drift):g} of 100")
    return " · ".join(parts)


def _table(task: str, drifts: Sequence[Drift]) -> Table:
    table = Table(title=escape(task), title_justify="left", title_style="bold", box=None, pad_edge=False, expand=False)
    for name in ("severity", "what", "Git says", "runs", "who", "declared at"):
        table.add_column(name, header_style="dim", overflow="fold")
    for drift in drifts:
        declared, live = sides(drift)
        cells = (_subject_cell(drift, task), *text_pair(declared, live), _writer_cell(drift), drift.declared_at)
        _add_row(table, drift, *map(escape, cells))
    return table


def _compact(task: str, drifts: Sequence[Drift], width: int) -> Table:
    """Three columns: below what differs who wrote it and where it is declared, below what Git says what runs."""
    table = Table(title=escape(task), title_justify="left", title_style="bold", box=None, pad_edge=False, expand=False)
    room = width - len("severity") - 4
    values = max(_narrowest(*text_pair(*sides(drift))) for drift in drifts)
    parts = [
        part
        for drift in drifts
        for part in (_subject_cell(drift, task), _writer_cell(drift), drift.declared_at)
        if part
    ]
    first_width = min(max(map(len, parts)), room - min(values, _VALUES))
    for name in ("severity", "what", "Git says → runs"):
        table.add_column(name, header_style="dim", overflow="fold")
    table.columns[1].width = first_width
    for drift in drifts:
        declared, live = sides(drift)
        writer, location = _writer_cell(drift), drift.declared_at
        origin = f"{writer} · {location}" if writer and location else writer or location
        origin = (
            origin
            if len(origin) <= first_width
            else "\n".join(_folded(part, first_width) for part in (writer, location) if part)
        )
        subject = escape(_folded(_subject_cell(drift, task), first_width)) + (
            f"\n[dim]{escape(origin)}[/]" if origin else ""
        )
        cells = _stacked(*text_pair(declared, live), room - first_width)
        _add_row(table, drift, subject, cells)
    return table


def _add_row(table: Table, drift: Drift, *cells: str) -> None:
    """Rich would read a cell's markup again each time that it measures the cell."""
    texts = (f"[{COLOUR[drift.severity]}]{drift.severity.value}[/]", *cells)
    table.add_row(*(Text.from_markup(text, emoji=False) for text in texts))


def _narrowest(declared: str, live: str) -> int:
    """The columns that both values need, one below the other."""
    return len(live) if live == CHANGED_UNSEEN else max(len(declared), len(live) + len("→ "), len("Git says → runs"))


def _folded(text: str, width: int) -> str:
    """``text`` in lines of ``width`` characters at most, broken behind a separator of a path where one is in the last half."""
    lines = []
    while len(text) > width:
        cut_index = max(text.rfind(separator, 0, width) for separator in " /.[],:") + 1
        cut_index = cut_index if cut_index > width // 2 else width
        lines.append(text[:cut_index].rstrip())
        text = text[cut_index:]
    return "\n".join([*lines, text])


def _stacked(declared: str, live: str, width: int) -> str:
    """Both values on one line where they fit, else one below the other."""
    if live == CHANGED_UNSEEN:
        return live
    between = " " if len(declared) + len(live) + 3 <= width else "\n"
    return f"{escape(declared)}{between}[dim]→[/] {escape(live)}"


def _fits(table: Table, console: Console) -> bool:
    return console.measure(table, options=console.options.update(width=_ENDLESS)).maximum <= console.width


def _show_lines(task: str, drifts: Sequence[Drift], console: Console) -> None:
    """For a narrow terminal: some lines for each drift, so that paths and values stay whole."""
    console.print(f"[bold]{escape(task)}[/]", highlight=False)
    for drift in drifts:
        for line in _lines(drift, task, console.width):
            console.print(line, highlight=False, soft_wrap=True)


def _lines(drift: Drift, task: str, width: int) -> Iterator[str]:
    yield f"[{COLOUR[drift.severity]}]{drift.severity.value:<8}[/] {escape(_subject_cell(drift, task))}"
    declared, live = sides(drift)
    desired_text, right = text_pair(declared, live, min(WIDTH, max((width - _INDENT - 3) // 2, _SHORTEST)))
    before = "" if live == CHANGED_UNSEEN else f"{escape(desired_text)} [dim]→[/] "
    yield f"         {before}{escape(right)}"
    origin = " · ".join(part for part in (_writer_cell(drift), drift.declared_at) if part)
    if origin:
        yield f"         [dim]{escape(origin)}[/]"


def _in_order(drifts: Sequence[Drift]) -> list[Drift]:
    return sorted(drifts, key=lambda d: (-d.severity.rank, str(d.resource), d.where))


def _show_evidence(task: str, drifts: Sequence[Drift], console: Console) -> None:
    """Below the table, in the order of its rows: why something is unhealthy, one line each, cut to the console."""
    for drift in drifts:
        if drift.evidence:
            resource = "" if drift.resource.qualified == task else f"{drift.resource} "
            reason = drift.observed if drift.kind is DriftKind.UNHEALTHY else drift.where or drift.kind.value
            for line in (f"  {resource}{reason}", *(f"    {line}" for line in in_short(drift.evidence))):
                console.print(f"[dim]{escape(value(line, console.width))}[/dim]", highlight=False, soft_wrap=True)


def _subject_cell(drift: Drift, task: str) -> str:
    resource = "" if drift.resource.qualified == task else f"{drift.resource} "
    subject = f"{resource}{drift.where}".strip() or drift.kind.value
    label = subject if drift.kind.value in {"changed", subject} else f"{subject} ({drift.kind.value})"
    return f"{label}: {drift.message}" if drift.message and not drift.path else label


def _writer_cell(drift: Drift) -> str:
    when = f" {drift.changed_at:%Y-%m-%d %H:%M}" if drift.changed_at else ""
    return f"{drift.manager or ''}{when}".strip()


def show_tick(tick: Tick, console: Console) -> None:
    """What one run observed and did."""
    report = tick.report
    show_report(report, console)
    if tick.blocked:
        console.print(f"[bold red]{escape(tick.blocked)}[/]", highlight=False)
    for note in tick.notes:
        console.print(f"[yellow]closed[/]      {escape(note)}", highlight=False, soft_wrap=True)
    for action in tick.actions:
        for line in _account(action):
            console.print(line, highlight=False, soft_wrap=True)
    if tick.actions or tick.blocked or report.drift:
        return
    if not report.resources and all_compared(report):
        console.print(f"[yellow]{NOTHING_DECLARED}[/]")
    elif all_compared(report):
        console.print("[green]In sync: what runs is what Git says.[/]")
    else:
        console.print("[yellow]No difference found, but not everything was compared.[/]")


def _account(action: TakenAction) -> Iterator[str]:
    """What became of one proposal, and below it the link. Where nothing came of it: about which task, and why."""
    style = _EFFECT.get(action.effect, "dim")
    effect = f"[{style}]{action.effect.value:<11}[/]"
    if is_self_explanatory(action):
        yield f"{effect} {escape(action.message)}"
    else:
        number = "" if action.number is None else f" #{action.number}"
        yield f"{effect} {remedy(action.lane)}{number} [bold]{escape(action.task)}[/]"
        yield f"            {escape(action.message)}"
    if action.url or action.sha:
        yield f"            [dim]{escape(action.url or action.sha or '')}[/]"
    if action.preview is not None:
        yield from _preview(action.preview)


_PATCH: Final = {"+": "green", "-": "red"}


def _preview(preview: Preview) -> Iterator[str]:
    """The text as it would be read, then the patch from the first column on, so that it can be applied."""
    yield ""
    yield f"    [bold]{escape(printable(preview.title))}[/]"
    yield ""
    for line in preview.body.splitlines():
        yield f"    {escape(printable(line))}".rstrip()
    yield ""
    for line in preview.patch.splitlines():
        style = _PATCH.get(line[:1], "dim")
        yield f"[{style}]{escape(printable(line))}[/]"
    if preview.patch:
        yield ""
