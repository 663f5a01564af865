"""``clockwork policy show``: the rules that really run, in order."""

from __future__ import annotations

import typer

from bot.entrypoints.cli.options import RepoOption, SettingsOption


def register(app: typer.Typer) -> None:
    """Add the verb group."""
    group = typer.Typer(help="The auto-fix rules.", no_args_is_help=True)
    app.add_typer(group, name="policy")

    @group.command()
    def show(repo: RepoOption = ".", settings: SettingsOption = None) -> None:
        """Print the rules that run for this repository, first match first."""
        from bot.wiring import open_rules

        print(open_rules(settings, repo))
