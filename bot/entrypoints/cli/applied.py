"""``clockwork applied``: remembers which commit was last applied, the base of every three-way comparison."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.entrypoints.cli.options import RepoOption, SettingsOption, TargetOption


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def applied(
        commit: Annotated[
            str | None, typer.Argument(help="The commit that was applied; the branch's head without it.")
        ] = None,
        repo: RepoOption = ".",
        settings: SettingsOption = None,
        target: TargetOption = None,
    ) -> None:
        """Record which commit was deployed last. A removal from Git is then told from an addition made live."""
        from bot.wiring.reconcile import record_applied

        print(f"Applied: {record_applied(settings, repo, commit, target)}")
