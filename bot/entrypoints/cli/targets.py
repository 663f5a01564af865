"""``clockwork targets``: where the repository is deployed to. ``clockwork origin``: which line sets a rendered value."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bot.entrypoints.cli.options import JsonOption, grouped, located
from bot.entrypoints.cli.printing import print_json
from bot.model.wording import counted, some
from bot.report.console import open_console

if TYPE_CHECKING:
    from rich.console import Console

    from bot.flows.targets import ListedUnit, Listing, UnitKindFigures
    from bot.wiring.repository import Options


def register(app: typer.Typer) -> None:
    """Add the verbs."""

    @app.command()
    @grouped(options=located("repo settings branch target"))
    def targets(
        *,
        options: Options,
        everything: Annotated[bool, typer.Option("--all", help="List every unit and every reason.")] = False,
        as_json: JsonOption = False,
    ) -> None:
        """List where the repository is deployed to, what was found and what is not compared. Reads only."""
        from bot.wiring.reconcile import open_targets

        listing = open_targets(options)
        if as_json:
            print_json(listing.as_json())
        else:
            show(listing, open_console(), everything=everything)

    @app.command()
    @grouped(options=located("repo settings branch target"))
    def origin(
        *,
        resource: Annotated[str, typer.Argument(metavar="RESOURCE", help="Such as Deployment/shop/web.")],
        path: Annotated[str, typer.Argument(metavar="PATH", help="Such as spec.replicas.")],
        options: Options,
        as_json: JsonOption = False,
    ) -> None:
        """Show which line of the repository sets a value that is deployed. Reads only."""
        from bot.wiring.reconcile import open_origin

        value_origin = open_origin(options, resource, path)
        if as_json:
            print_json(value_origin.as_json())
        else:
            print(value_origin.text())


_MOST_UNITS: Final = 8
"""Of a target; more are told by their kinds."""
_MOST_SUBJECTS: Final = 3


def show(listing: Listing, console: Console, *, everything: bool = False) -> None:
    """The listing for people: in short, or with ``everything`` each unit and each reason."""
    from rich.text import Text

    def line(text: str, style: str = "", *, indent: int = 0) -> None:
        console.print(Text(" " * indent + text, style), soft_wrap=True)

    for target in listing.targets:
        facts = [counted(target.resources, "object")]
        facts += [f"live state: {target.observer}"] if target.observer else []
        facts += [] if target.compared else ["not compared"]
        console.print(
            Text(target.name, style="bold"), Text(f"  {', '.join(facts)}", style="dim"), sep="", soft_wrap=True
        )
        for path in target.paths:
            line(f"files below {path}", indent=2)
        if everything or len(target.units) <= _MOST_UNITS:
            for unit in target.units:
                line(_unit(unit, with_reason=everything), indent=2)
        else:
            for figures in target.by_kind():
                line(_kind(figures), indent=2)
    if listing.plain:
        line(f"{'Also, as' if listing.targets else 'As'} they are: {counted(listing.plain, 'resource')} of plain files")
    if not listing.targets and not listing.plain:
        line("This repository declares nothing.")
    if everything:
        for note in listing.notes:
            line(f"{note.state}: {note.rule}: {note.detail}")
    else:
        _show_groups(listing, console)


def _show_groups(listing: Listing, console: Console) -> None:
    """What is not compared, by reason."""
    from rich.text import Text

    groups = listing.groups()
    if groups:
        console.print()
        console.print(Text("Not compared", style="bold"))
    for group in groups:
        subjects = some(group.subjects, _MOST_SUBJECTS)
        count = f"{len(group.subjects)} × " if len(group.subjects) > 1 else ""
        console.print(Text(_wrapped(f"{count}{group.reason}", 2, console.width)), soft_wrap=True)
        console.print(Text(_wrapped(subjects, 6, console.width), style="dim"), soft_wrap=True)
    short = any(len(target.units) > _MOST_UNITS for target in listing.targets)
    if short or any(len(group.subjects) > _MOST_SUBJECTS for group in groups):
        console.print(Text("--all lists every unit and every reason.", style="dim"))


def _wrapped(sentence: str, indent: int, width: int) -> str:
    """``sentence`` in lines of at most ``width``, whole names whole."""
    margin = " " * indent
    return textwrap.fill(
        sentence,
        width,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _unit(unit: ListedUnit, *, with_reason: bool) -> str:
    state = counted(unit.objects, "object")
    if unit.problem is not None:
        state = f"not compared: {unit.problem}" if with_reason else "not compared"
    origins = "".join(f", from {source}" for source in unit.fetched) if unit.problem is None else ""
    return f"{unit.kind} {unit.name}{f' {unit.path}' if unit.path else ''}: {state}{origins}"


def _kind(figures: UnitKindFigures) -> str:
    failed = f"{figures.failed} not compared" if figures.failed else ""
    if not figures.rendered:
        return f"{figures.failed} {figures.kind}: not compared"
    rendered = f"{figures.rendered + figures.failed} {figures.kind}: {counted(figures.objects, 'object')}"
    return ", ".join(part for part in (rendered, failed) if part)
