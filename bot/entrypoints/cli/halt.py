"""``clockwork halt`` and ``resume`` (everything), ``suspend`` and ``unsuspend`` (one task), ``retry`` and ``ignore`` (one
proposal).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import RepoOption, SettingsOption

if TYPE_CHECKING:
    from pathlib import Path

    from bot.flows.commands import Orders

Reason = Annotated[str, typer.Option("--reason", "-m", help="The reason; kept in the ledger.")]
Task = Annotated[str, typer.Argument(help="A task as reports name it, such as Deployment/shop/web.")]
Fingerprint = Annotated[str, typer.Argument(help="The proposal's, as reports and the ledger show it.")]


def halt(reason: Reason, repo: RepoOption = ".", settings: SettingsOption = None) -> None:
    """Stop every write of every run, wherever it runs, until somebody resumes.

    It is in the ledger. `clockwork daemon pause` holds back one daemon only, on its machine.
    """
    from bot.flows.commands import halt as order

    print(order(_orders(settings, repo), reason=reason))


def resume(
    reason: Reason,
    task: Annotated[str | None, typer.Argument(help="Only this task; everything without it.")] = None,
    repo: RepoOption = ".",
    settings: SettingsOption = None,
) -> None:
    """Lift a halt or an emergency stop, or let one task go on. The failures that led to it no longer count.

    A daemon that was paused goes on by `clockwork daemon resume`.
    """
    from bot.flows.commands import resume as order

    print(order(_orders(settings, repo), reason=reason, task=task))


def suspend(
    task: Task,
    reason: Reason,
    repo: RepoOption = ".",
    settings: SettingsOption = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="TIME", help="ISO 8601 (UTC without an offset) or 2h, 3d; else unsuspend."),
    ] = None,
) -> None:
    """Stop writes for one task."""
    from bot.flows.commands import suspend as order

    print(order(_orders(settings, repo), reason=reason, task=task, until=until))


def unsuspend(task: Task, reason: Reason, repo: RepoOption = ".", settings: SettingsOption = None) -> None:
    """Allow writes for one task again."""
    from bot.flows.commands import unsuspend as order

    print(order(_orders(settings, repo), reason=reason, task=task))


def retry(fingerprint: Fingerprint, reason: Reason, repo: RepoOption = ".", settings: SettingsOption = None) -> None:
    """Make a rejected proposal again."""
    from bot.flows.commands import retry as order

    print(order(_orders(settings, repo), reason=reason, fingerprint=fingerprint))


def ignore(fingerprint: Fingerprint, reason: Reason, repo: RepoOption = ".", settings: SettingsOption = None) -> None:
    """Never make exactly this proposal again."""
    from bot.flows.commands import ignore as order

    print(order(_orders(settings, repo), reason=reason, fingerprint=fingerprint))


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command()(halt)
    app.command()(resume)
    app.command()(suspend)
    app.command()(unsuspend)
    app.command()(retry)
    app.command()(ignore)


def _orders(settings: Path | None, repo: str) -> Orders:
    from bot.wiring.reconcile import open_orders

    return open_orders(settings, repo)
