"""``clockwork verify``: wait until what runs is what the branch says, and write on its commit how that ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import JsonOption, TaskOption, grouped, located
from bot.entrypoints.cli.printing import print_json
from bot.report.console import open_console

if TYPE_CHECKING:
    from bot.wiring.repository import Options


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    @grouped(options=located("repo live live_command settings var target"))
    def verify(
        *,
        options: Options,
        task: TaskOption = None,
        wait: Annotated[
            float,
            typer.Option("--wait", metavar="SECONDS", min=0, help="Look again for so long while something differs."),
        ] = 300,
        publish: Annotated[
            bool, typer.Option(help="Write a check on the commit, and remember it as applied when nothing differs.")
        ] = True,
        as_json: JsonOption = False,
    ) -> None:
        """Wait until what runs is what Git says, and write on the commit how that ended. Exit 1 when something differs.

        With --task nothing is written: it says nothing about the rest.
        """
        from bot.model.codehost import CheckState
        from bot.report.json import to_json
        from bot.report.terminal import show_report
        from bot.wiring.verifying import open_verification

        verification = open_verification(options, publish=publish and not task, tasks=task or ())(wait)
        report = verification.last_look.assessment.report
        if as_json:
            print_json(
                {"state": verification.last_look.state.value, "looks": verification.last_look.looks, **to_json(report)}
            )
        else:
            show_report(report, open_console())
            print("\n".join([f"{verification.last_look.title}.", *verification.written]))
        if verification.last_look.state is CheckState.NEUTRAL:
            raise typer.Exit(3)
        if verification.last_look.state is CheckState.FAILURE:
            raise typer.Exit(2 if report.errors else 1)
