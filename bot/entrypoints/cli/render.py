"""``clockwork render``: the artifacts that the .cw files make, written below .clockwork/build."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.entrypoints.cli.options import VariableOption


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def render(
        repo: Annotated[Path, typer.Option("--repo", "-r", metavar="DIR", help="The folder.")] = Path(),
        var: VariableOption = None,
        check: Annotated[
            bool, typer.Option("--check", help="Write nothing; exit 1 when an artifact is stale.")
        ] = False,
    ) -> None:
        """Render .cw files into committed artifacts. Intake → Assembly → Forge."""
        from bot.wiring.reconcile import render_folder

        rendered = render_folder(repo, tuple(var or ()), write=not check)
        for error in rendered.errors:
            typer.echo(str(error), err=True)
        if rendered.errors:
            raise typer.Exit(2)
        for path in rendered.changes:
            print(f"{'stale' if check else 'wrote'} {path}")
        if not rendered.changes:
            print("Every artifact is what its .cw files render to; nothing was changed.")
        if check and rendered.changes:
            raise typer.Exit(1)
