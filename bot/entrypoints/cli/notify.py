"""``clockwork notify test``: a test message to every receiver, and what came back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import JsonOption, RepoOption, SettingsOption
from bot.entrypoints.cli.printing import print_json

if TYPE_CHECKING:
    from bot.model.notice import Delivery


def print_delivery(delivery: Delivery) -> None:
    """One line for a message that did not arrive."""
    if delivery.result != "delivered":
        print_warning(f"{delivery.receiver}: {delivery.result}: {delivery.answer}")


def print_warning(text: str) -> None:
    """One line."""
    print(f"notifications: {text}", file=sys.stderr)


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Notifications.", no_args_is_help=True)
    app.add_typer(group, name="notify")

    @group.callback()
    def _group() -> None:
        """Keeps ``test`` a verb of its own."""

    @group.command("test")
    def test(
        repo: RepoOption = ".",
        settings: SettingsOption = None,
        receiver: Annotated[
            list[str] | None, typer.Option("--receiver", metavar="NAME", help="Only this one; may be repeated.")
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Send a test message to each receiver and say what came back; exit 3 where one did not take it."""
        from bot.model.notice import DeliveryResult
        from bot.wiring.notifications import open_test

        deliveries = open_test(settings, repo, tuple(receiver or ())).send()
        if as_json:
            rows = [
                {"receiver": delivery.receiver, "result": delivery.result, "answer": delivery.answer}
                for delivery in deliveries
            ]
            print_json(rows)
        else:
            for delivery in deliveries:
                print(f"{delivery.receiver}: {delivery.result}: {delivery.answer}")
        if any(delivery.result is not DeliveryResult.DELIVERED for delivery in deliveries):
            raise typer.Exit(3)
