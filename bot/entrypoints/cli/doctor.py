"""``clockwork doctor``: what would fail here, and what to do about it."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bot.entrypoints.cli.options import JsonOption, grouped, located
from bot.entrypoints.cli.printing import print_json
from bot.model.diagnosis import Diagnosis, Health
from bot.report.console import open_console

if TYPE_CHECKING:
    from rich.console import Console

    from bot.wiring.repository import Options

_COLOUR: Final = {Health.OK: "green", Health.NOTE: "yellow", Health.FAILS: "bold red", Health.SKIPPED: "dim"}


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    @grouped(options=located("repo live live_command settings branch target"))
    def doctor(
        *,
        options: Options,
        offline: Annotated[bool, typer.Option("--offline", help="Ask nothing over the network.")] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Find out what would fail and what to do about it. Reads only; exits 1 if something would fail.

        Looks at settings, rules and guardrails, the rights of the token by lane, branch rules and labels, the ledger
        with its halts and closed lanes, what each target's observer reads, renderers, assistants and their walls,
        the variables that settings name, the workflow, the cache and the clock.
        """
        from bot.wiring.doctor import diagnose

        with open_console(stderr=True, quiet=as_json or not sys.stderr.isatty()).status("looking…"):
            diagnoses = diagnose(options, offline=offline)
        if as_json:
            print_json([asdict(diagnosis) for diagnosis in diagnoses])
        else:
            show(diagnoses, open_console(highlight=False))
        if any(diagnosis.health is Health.FAILS for diagnosis in diagnoses):
            raise typer.Exit(1)


def show(diagnoses: tuple[Diagnosis, ...], console: Console) -> None:
    """A line a diagnosis with what to do below it, and how many would fail."""
    from rich.text import Text

    from bot.model.wording import counted
    from bot.report.console import printable

    wide = max((len(diagnosis.area) for diagnosis in diagnoses), default=0)
    for diagnosis in diagnoses:
        lines = _wrapped(printable(diagnosis.message), console.width - wide - 9)
        if diagnosis.advice and diagnosis.health is not Health.OK:
            lines += _wrapped(f"→ {printable(diagnosis.advice)}", console.width - wide - 9)
        first, *more_lines = lines
        head = Text(f"{diagnosis.health.value:<5}", _COLOUR[diagnosis.health])
        console.print(head, Text(f"  {diagnosis.area:<{wide}}  {first}"), sep="", soft_wrap=True)
        for line in more_lines:
            console.print(Text(" " * (wide + 9) + line), soft_wrap=True)
    fails = sum(diagnosis.health is Health.FAILS for diagnosis in diagnoses)
    notes = sum(diagnosis.health is Health.NOTE for diagnosis in diagnoses)
    verdict = f"{counted(fails, 'thing')} would fail" if fails else "Nothing would fail"
    also = f", {counted(notes, 'note')}" if notes else ""
    console.print(Text(f"\n{verdict}{also}.", "bold"))


def _wrapped(text: str, width: int) -> list[str]:
    """Words on lines that are no longer than ``width``; a path or a command longer than that stays whole."""
    return textwrap.wrap(text, max(width, 20), break_long_words=False, break_on_hyphens=False) or [""]
