"""A guardrail result and the list of guardrails on a terminal. Used by ``clockwork guard``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.guardrails.report import title
from bot.guardrails.rulebook import RuleBook
from bot.model.drift import Severity
from bot.model.finding import Change, Finding, Mode, Verdict
from bot.model.session import ReviewResult
from bot.report.console import COLOUR, printable

if TYPE_CHECKING:
    from bot.flows.rendered_diff import TargetDifference

_DIFF: Final = {"+": "green", "-": "red"}
_VERDICT: Final = {Verdict.APPROVE: "bold green", Verdict.WARN: "bold yellow", Verdict.BLOCK: "bold red"}


def show_result(
    change: Change,
    rules: RuleBook,
    result: ReviewResult,
    mode: Mode,
    url: str | None,
    *,
    console: Console | None = None,
) -> None:
    """Every finding with its location, then the notes and the verdict."""
    out = console or Console()
    show_findings(result.findings, out)
    for note in result.notes:
        out.print(f"[dim]{escape(printable(note))}[/]", highlight=False)
    bound = f"{change.base[:10]}..{change.head[:10]}, {mode.value}, rules {rules.hash}"
    out.print(f"[{_VERDICT[result.verdict]}]{escape(title(result))}[/] [dim]({bound})[/]", highlight=False)
    if url:
        out.print(escape(url), highlight=False)


def show_findings(findings: Sequence[Finding], out: Console) -> None:
    """Every finding with its location, message, evidence and what to do."""
    for finding in findings:
        out.print(_headline(finding), highlight=False, soft_wrap=True)
        out.print(f"    {escape(printable(finding.message))}", highlight=False)
        if finding.evidence:
            out.print(f"    [dim]{escape(printable(finding.evidence))}[/]", highlight=False)
        if finding.suggestion:
            out.print(f"    → {escape(printable(finding.suggestion))}", highlight=False)


def show_patch(patch: str, out: Console) -> None:
    """The lines of a patch, coloured."""
    for line in patch.splitlines():
        colour = _DIFF.get(line[:1], "dim")
        out.print(f"[{colour}]{escape(printable(line))}[/]", highlight=False, soft_wrap=True)


def show_rendered(rendered: Sequence[TargetDifference], *, console: Console | None = None) -> None:
    """What a change does to the rendered objects of each target."""
    out = console or Console()
    for difference in rendered:
        counts = f": {difference.counts}" if difference.objects else ""
        out.print(f"[bold]{escape(printable(difference.target))}[/]{counts}", highlight=False)
        for reason in difference.failed:
            out.print(f"[red]cannot be rendered any more[/]: {escape(printable(reason))}", highlight=False)
        for reason in difference.unrendered:
            out.print(f"[dim]not rendered: {escape(printable(reason))}[/]", highlight=False)
        for each in difference.objects:
            out.print(f"  {escape(printable(each.headline))}", highlight=False, soft_wrap=True)
            for line in each.diff.splitlines():
                colour = _DIFF.get(line[:1], "dim")
                out.print(f"    [{colour}]{escape(printable(line))}[/]", highlight=False, soft_wrap=True)


def _headline(finding: Finding) -> str:
    location = "" if finding.file is None else escape(printable(finding.file))
    if finding.line is not None:
        location += f":{finding.line}"
    by = "" if finding.by == "detector" else f" [dim]{escape(printable(finding.by))}[/]"
    colour = COLOUR[finding.severity]
    word = f"[{colour}]{finding.severity.value.lower():8}[/]"
    return f"{word} {finding.enforce.value:6} [bold]{escape(finding.rule)}[/] {location}  {escape(finding.title)}{by}"


def show_rules(
    rows: Sequence[Mapping[str, str | None]], errors: Sequence[str], *, console: Console | None = None
) -> None:
    """The guardrails as a table, then the documents that were left out."""
    out = console or Console()
    table = Table(box=None, pad_edge=False)
    for name in ("id", "severity", "agents", "standard", "strict", "title"):
        table.add_column(name, header_style="dim", overflow="fold")
    for row in rows:
        severity = Severity((row["severity"] or "low").upper())
        table.add_row(
            escape(row["id"] or ""),
            f"[{COLOUR[severity]}]{severity.value.lower()}[/]",
            row["agent_severity"] or "",
            row["standard"] or "",
            row["strict"] or "",
            escape(row["title"] or ""),
        )
    out.print(table)
    for error in errors:
        out.print(f"[red]left out[/] {escape(error)}", highlight=False)
