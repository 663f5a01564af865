"""``clockwork render``: the artifacts that the .cw files make, written below .clockwork/build; or declared objects alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.entrypoints.cli.options import TargetOption, VariableOption


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def render(
        resource: Annotated[
            list[str] | None, typer.Argument(metavar="[RESOURCE]...", help="Print these, such as Deployment/shop/web.")
        ] = None,
        repo: Annotated[Path, typer.Option("--repo", "-r", metavar="DIR", help="The folder.")] = Path(),
        var: VariableOption = None,
        check: Annotated[
            bool, typer.Option("--check", help="Write nothing; exit 1 when an artifact is stale.")
        ] = False,
        target: TargetOption = None,
    ) -> None:
        """Render .cw files into committed artifacts, or print single objects for kubectl.

        A RESOURCE is printed to standard output as Git declares it, rendered as its target deploys it; no file is written.
        """
        from bot.wiring.reconcile import open_printed, render_folder
        from bot.wiring.repository import Options

        if resource:
            if check:
                raise typer.BadParameter("--check is about artifacts: leave it out, or name no RESOURCE")
            print(open_printed(Options(str(repo), target=target, variables=tuple(var or ())), resource), end="")
            return
        if target is not None:
            raise typer.BadParameter("--target chooses where a RESOURCE is deployed: name one")
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
