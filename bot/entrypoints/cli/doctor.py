"""``clockwork doctor``: what would fail here, and what to do about it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bot.entrypoints.cli.options import (
    BranchOption,
    JsonOption,
    LiveCommandOption,
    LiveOption,
    RepoOption,
    SettingsOption,
    TargetOption,
)
from bot.model.diagnosis import Diagnosis, Health

if TYPE_CHECKING:
    from rich.console import Console

_COLOUR: Final = {Health.OK: "green", Health.NOTE: "yellow", Health.FAILS: "bold red", Health.SKIPPED: "dim"}


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def doctor(
        repo: RepoOption = ".",
        live: LiveOption = None,
        live_command: LiveCommandOption = None,
        settings: SettingsOption = None,
        branch: BranchOption = None,
        target: TargetOption = None,
        offline: Annotated[bool, typer.Option("--offline", help="Ask nothing over the network.")] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Find out what would fail and what to do about it. Reads only; exits 1 if something would fail.

        Looks at settings, rules and guardrails, the rights of the token by lane, branch rules and labels, the ledger
        with its halts and closed lanes, what each target's observer reads, renderers, assistants and their walls,
        the variables that settings name, the workflow, the cache and the clock.
        """
        from rich.console import Console

        from bot.wiring.doctor import diagnose
        from bot.wiring.repository import Options

        options = Options(repo, live, live_command, settings, branch, target=target)
        with Console(stderr=True, quiet=as_json or not sys.stderr.isatty()).status("looking…"):
            diagnoses = diagnose(options, offline=offline)
        if as_json:
            print(json.dumps([asdict(each) for each in diagnoses], ensure_ascii=False))
        else:
            show(diagnoses, Console(highlight=False))
        if any(each.health is Health.FAILS for each in diagnoses):
            raise typer.Exit(1)


def show(diagnoses: tuple[Diagnosis, ...], console: Console) -> None:
    """A line a diagnosis with what to do below it, and how many would fail."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from bot.report.terminal import printable
    from bot.report.wording import counted

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in diagnoses:
        said = Text(printable(each.message))
        if each.advice and each.health is not Health.OK:
            said.append(f"\n→ {printable(each.advice)}", "bold" if each.health is Health.FAILS else "")
        table.add_row(Text(each.health.value, _COLOUR[each.health]), each.area, said)
    console.print(table)
    fails = sum(each.health is Health.FAILS for each in diagnoses)
    notes = sum(each.health is Health.NOTE for each in diagnoses)
    verdict = f"{counted(fails, 'thing')} would fail" if fails else "Nothing would fail"
    also = f", {counted(notes, 'note')}" if notes else ""
    console.print(Padding(Text(f"{verdict}{also}.", "bold"), (1, 0, 0, 0)))
