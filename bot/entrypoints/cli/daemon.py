"""``clockwork daemon run``: timers, a file watch and webhooks say when to reconcile; the loop is the same as everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.entrypoints.cli.options import BranchOption, LiveCommandOption, LiveOption, RepoOption, SettingsOption


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="The long-running daemon.", no_args_is_help=True)
    app.add_typer(group, name="daemon")

    @group.callback()
    def _group() -> None:
        """Keeps ``run`` a verb of its own."""

    @group.command()
    def run(
        repo: RepoOption = ".",
        live: LiveOption = None,
        live_command: LiveCommandOption = None,
        settings: SettingsOption = None,
        branch: BranchOption = None,
        port: Annotated[
            int | None, typer.Option(min=0, max=65535, help="Port of the status API; 0 takes a free one.")
        ] = None,
        watch: Annotated[
            Path | None,
            typer.Option(
                "--watch", metavar="DIR", exists=True, file_okay=False, help="Also when a file in it changes."
            ),
        ] = None,
    ) -> None:
        """Reconcile at every interval, on webhooks and on file changes, until stopped."""
        from bot.entrypoints.running import run as work
        from bot.wiring.repository import Options

        work(Options(repo, live, live_command, settings, branch), port=port, watch=watch)
