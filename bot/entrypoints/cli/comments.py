"""``clockwork comments NUMBER``: answers the ``/clockwork`` commands that people wrote into a thread."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.entrypoints.cli.options import RepoOption, SettingsOption


def register(app: typer.Typer) -> None:
    """Add the verb, also by its former name, which workflows that people wrote still call."""

    def comments(
        number: Annotated[int, typer.Argument(metavar="NUMBER", help="Of an issue or pull request.")],
        repo: RepoOption = ".",
        settings: SettingsOption = None,
    ) -> None:
        """Answer the /clockwork comments on an issue or pull request."""
        from bot.flows.comments import answer_comments
        from bot.wiring.reconcile import open_orders

        answers = answer_comments(number, open_orders(settings, repo))
        print("\n".join(answers) or "No pending commands.")

    app.command("comments")(comments)
    app.command("hear", hidden=True)(comments)
