"""``clockwork drift``: what differs between Git and what runs. Reads only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import JsonOption, SchemaOption, grouped, located
from bot.entrypoints.cli.printing import append, print_json
from bot.report.console import open_console

if TYPE_CHECKING:
    from bot.flows.observation import Assessment
    from bot.wiring.repository import Options


@grouped(options=located("repo live live_command settings var target"))
def drift(
    *,
    options: Options,
    as_json: JsonOption = False,
    schema: SchemaOption = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 when there is drift.")] = False,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Also append Markdown, such as a job summary.")
    ] = None,
    ignore_explain: Annotated[
        bool, typer.Option("--ignore-explain", help="Also list what is suppressed and by which rule.")
    ] = False,
) -> None:
    """Show what differs between Git and what runs. Reads only."""
    from bot.report.json import SCHEMA, to_json
    from bot.report.terminal import show_report

    if schema:
        print_json(SCHEMA, indent=2)
        return
    assessment = _assessed(options, quiet=as_json)
    report = assessment.report
    if as_json:
        print_json(to_json(report, assessment.decisions))
    else:
        show_report(report, open_console(), decisions=assessment.decisions, suppressed=ignore_explain)
    if markdown is not None:
        from bot.report.markdown import summary

        append(markdown, summary(report, assessment.decisions))
    if report.errors:
        raise typer.Exit(2)
    if report.unreachable:
        raise typer.Exit(3)
    if exit_code and report.drift:
        raise typer.Exit(1)


def _assessed(options: Options, *, quiet: bool) -> Assessment:
    from bot.entrypoints.cli.progress import progress
    from bot.ports import ObserverStep
    from bot.wiring.reconcile import open_assessment

    with progress(quiet=quiet) as tell:
        tell(ObserverStep("git", "reading what is declared"))
        assess = open_assessment(replace(options, tell=tell))
        tell(ObserverStep("git", "read", 1, 1))
        return assess()


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(drift)
