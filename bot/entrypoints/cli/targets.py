"""``clockwork targets``: where the repository is deployed to. ``clockwork origin``: which line sets a rendered value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import BranchOption, JsonOption, RepoOption, SettingsOption, TargetOption

if TYPE_CHECKING:
    from rich.console import Console

    from bot.flows.targets import Listing


def register(app: typer.Typer) -> None:
    """Add the verbs."""

    @app.command()
    def targets(
        repo: RepoOption = ".",
        settings: SettingsOption = None,
        branch: BranchOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """List where the repository is deployed to, what was found and what is not compared. Reads only."""
        from rich.console import Console

        from bot.wiring.reconcile import open_targets
        from bot.wiring.repository import Options

        listing = open_targets(Options(repo, settings=settings, branch=branch))
        if as_json:
            print(json.dumps(listing.as_json(), ensure_ascii=False))
        else:
            _show(listing, Console())

    @app.command()
    def origin(
        resource: Annotated[str, typer.Argument(metavar="RESOURCE", help="Such as Deployment/shop/web.")],
        path: Annotated[str, typer.Argument(metavar="PATH", help="Such as spec.replicas.")],
        repo: RepoOption = ".",
        settings: SettingsOption = None,
        branch: BranchOption = None,
        target: TargetOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Show which line of the repository sets a value that is deployed. Reads only."""
        from bot.wiring.reconcile import open_origin
        from bot.wiring.repository import Options

        value_origin = open_origin(Options(repo, settings=settings, branch=branch, target=target), resource, path)
        print(json.dumps(value_origin.as_json(), ensure_ascii=False) if as_json else value_origin.text())


def _show(listing: Listing, console: Console) -> None:
    from rich.text import Text

    for target in listing.targets:
        words = [f"{target.resources} object{'' if target.resources == 1 else 's'}"]
        words += [f"live state: {target.observer}"] if target.observer else []
        words += [] if target.compared else ["not compared"]
        console.print(
            Text(target.name, style="bold"), Text(f"  {', '.join(words)}", style="dim"), sep="", soft_wrap=True
        )
        for path in target.paths:
            console.print(Text(f"  files below {path}"), soft_wrap=True)
        for unit in target.units:
            state = f"not compared: {unit.problem}" if unit.problem else f"{unit.objects} objects"
            where = f" {unit.path}" if unit.path else ""
            console.print(Text(f"  {unit.kind} {unit.name}{where}: {state}"), soft_wrap=True)
    if listing.plain:
        console.print(
            Text(f"{'Also, as' if listing.targets else 'As'} they are: {listing.plain} resources of plain files")
        )
    if not listing.targets and not listing.plain:
        console.print("This repository declares nothing.")
    for note in listing.notes:
        console.print(Text(f"not compared: {note.rule}: {note.detail}"), soft_wrap=True)
