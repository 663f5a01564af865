"""``clockwork ledger``: read what was promised and done, and prove that nobody changed it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import JsonOption
from bot.entrypoints.cli.printing import print_json
from bot.errors import Refused
from bot.model.json import facts
from bot.report.console import open_console

if TYPE_CHECKING:
    from rich.console import Console

    from bot.model.ledger import Entry

_Repo = Annotated[
    str | None,
    typer.Option(
        "--repo", "-r", metavar="DIR|URL", help="URL or folder of the repository; default: from the settings."
    ),
]
_Settings = Annotated[Path | None, typer.Option("--settings", help="The settings file; default: clockwork.yaml.")]


def register(app: typer.Typer) -> None:
    """Add ``ledger show`` and ``ledger verify``."""
    group = typer.Typer(help="The record of intents and outcomes, kept in Git.", no_args_is_help=True)
    group.command("show")(show)
    group.command("verify")(verify)
    app.add_typer(group, name="ledger")


def show(
    *,
    repo: _Repo = None,
    settings: _Settings = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many entries, the newest.")] = 50,
    everything: Annotated[bool, typer.Option("--all", help="Also what compaction folded away.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the newest entries, oldest of them first."""
    from bot.wiring.ledger import open_ledger

    ledger = open_ledger(settings, repo)
    view = ledger.read()
    entries = list(ledger.everything() if everything else view.entries)[-limit:]
    if as_json:
        print_json({"tip": view.tip, "entries": [_plain(entry) for entry in entries]}, indent=2)
        return
    _print_entries(view.tip, entries)


def verify(*, repo: _Repo = None, settings: _Settings = None, as_json: JsonOption = False) -> None:
    """Verify the whole chain of entries. Exit code 4 when it is broken."""
    from bot.model.wording import counted
    from bot.wiring.ledger import open_ledger

    audit = open_ledger(settings, repo).verify()
    if as_json:
        facts = {"sound": audit.sound, "commits": audit.commits, "entries": audit.entries, "head": audit.head}
        print_json(facts | {"problems": list(audit.problems)}, indent=2)
    elif audit.sound:
        entries, commits = counted(audit.entries, "entry", "entries"), counted(audit.commits, "commit")
        print(f"OK: {entries} verified ({commits}, head {audit.head[:16]})")
    if not audit.sound:
        raise Refused(
            "the ledger's chain is broken:\n  " + "\n  ".join(audit.problems),
            advice="nothing is written on its authority until somebody found out who changed it",
        )


def _plain(entry: Entry) -> dict[str, object]:
    values = {
        **facts(entry, "id kind at"),
        "actor": {"login": entry.actor.login, "id": entry.actor.id},
        **facts(entry, "task lane fingerprint drifts fields severity intent result reason link detail"),
    }
    return {key: value for key, value in values.items() if value not in (None, [], {}, "")}


def _print_entries(tip: str | None, entries: list[Entry]) -> None:

    console = open_console(highlight=False)
    if not entries:
        console.print("the ledger is empty" if tip is None else f"nothing in the ledger at {tip[:12]}")
        return
    console.print(f"ledger at {(tip or '')[:12]}, times in UTC")
    for entry in entries:
        _print_entry(console, entry)


def _print_entry(console: Console, entry: Entry) -> None:
    """When, what and about which task; below it the proposal, who and why, and the link.

    Names, fingerprints and links stay in one piece, to be copied; words are wrapped.
    """
    from rich.padding import Padding
    from rich.text import Text

    from bot.safety.trailers import one_line

    # Text, not markup: what people and platforms wrote must not colour or hide anything.
    text_of_entry = f"{entry.kind} {entry.result}" if entry.result else str(entry.kind)
    head = Text.assemble("\n", (f"{entry.at:%Y-%m-%d %H:%M:%S}", "dim"), "  ", (text_of_entry, "bold"))
    console.print(head + Text(f"  {one_line(entry.task)}" if entry.task else ""), soft_wrap=True)
    if entry.lane or entry.fingerprint:
        proposal = " ".join(part for part in (entry.lane, entry.fingerprint) if part)
        console.print(Text(f"    {one_line(proposal)}"), soft_wrap=True)
    reason = f"{entry.actor.login}: {entry.reason}" if entry.reason else entry.actor.login
    console.print(Padding(Text(one_line(reason)), (0, 0, 0, 4), expand=False))
    if entry.link:
        console.print(Text(f"    {one_line(entry.link)}"), soft_wrap=True)
