"""A guardrail result and the list of guardrails on a terminal. Used by ``clockwork guard``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from bot.entrypoints.cli.printing import Lines, Piece
from bot.guardrails.verdict import title
from bot.model.finding import Verdict
from bot.model.severity import Severity
from bot.report.console import COLOUR, open_console, printable

if TYPE_CHECKING:
    from bot.flows.rendered_diff import TargetDifference
    from bot.guardrails.rulebook import RuleBook
    from bot.model.finding import Change, Finding, Mode
    from bot.model.session import ReviewResult

_DIFF: Final = {"+": "green", "-": "red"}
_VERDICT: Final = {Verdict.APPROVE: "bold green", Verdict.WARN: "bold yellow", Verdict.BLOCK: "bold red"}


def show_result(change: Change, rules: RuleBook, result: ReviewResult, mode: Mode, url: str | None) -> None:
    """Every finding with its location, then the notes and the verdict."""
    out = Lines()
    show_findings(result.findings, out)
    for note in result.notes:
        out.add((printable(note), "dim"))
    bound = f" ({change.base[:10]}..{change.head[:10]}, {mode.value}, rules {rules.hash})"
    out.add((title(result.findings), _VERDICT[result.verdict]), (bound, "dim"))
    if url:
        out.add(url)


def show_findings(findings: Sequence[Finding], out: Lines) -> None:
    """Every finding with its location, message, evidence and what to do."""
    for finding in findings:
        out.add(*_headline(finding), wrap=False)
        out.add(f"    {printable(finding.message)}")
        if finding.evidence:
            out.add((f"    {printable(finding.evidence)}", "dim"))
        if finding.suggestion:
            out.add(f"    → {printable(finding.suggestion)}")


def show_patch(patch: str, out: Lines) -> None:
    """The lines of a patch, coloured."""
    for line in patch.splitlines():
        out.add((printable(line), _DIFF.get(line[:1], "dim")), wrap=False)


def show_rendered(rendered: Sequence[TargetDifference]) -> None:
    """What a change does to the rendered objects of each target."""
    out = Lines()
    for difference in rendered:
        counts = f": {difference.counts}" if difference.objects else ""
        out.add((printable(difference.target), "bold"), counts)
        for reason in difference.failed:
            out.add(("cannot be rendered any more", "red"), f": {printable(reason)}")
        for reason in difference.unrendered:
            out.add((f"not rendered: {printable(reason)}", "dim"))
        for object_difference in difference.objects:
            out.add(f"  {printable(object_difference.headline)}", wrap=False)
            for line in object_difference.diff.splitlines():
                out.add((f"    {printable(line)}", _DIFF.get(line[:1], "dim")), wrap=False)


def _headline(finding: Finding) -> Sequence[Piece]:
    location = "" if finding.file is None else printable(finding.file)
    if finding.line is not None:
        location += f":{finding.line}"
    by = "" if finding.by == "detector" else f" {printable(finding.by)}"
    level = (f"{finding.severity.value.lower():8}", COLOUR[finding.severity])
    return level, f" {finding.enforce.value:6} ", (finding.rule, "bold"), f" {location}  {finding.title}", (by, "dim")


def show_rules(rows: Sequence[Mapping[str, str | None]], errors: Sequence[str]) -> None:
    """The guardrails as a table, then the documents that were left out."""
    from rich.markup import escape
    from rich.table import Table

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
    out = open_console()
    out.print(table)
    for error in errors:
        out.print(f"[red]left out[/] {escape(error)}", highlight=False)
