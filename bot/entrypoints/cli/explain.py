"""``clockwork explain``: the whole chain of decision about one task or fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import JsonOption, grouped, located
from bot.entrypoints.cli.printing import print_json

if TYPE_CHECKING:
    from bot.wiring.repository import Options


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    @grouped(options=located("repo live live_command settings branch var target"))
    def explain(
        *,
        subject: Annotated[str, typer.Argument(metavar="TASK|FINGERPRINT")],
        options: Options,
        as_json: JsonOption = False,
    ) -> None:
        """Explain a decision and what would change it. About a task, a proposal or a difference."""
        from bot.flows.explain import explain as reasons
        from bot.wiring.reconcile import open_loop

        explanation = reasons(open_loop(options, dry_run=True), subject)
        if as_json:
            print_json(explanation.as_json())
        else:
            print(explanation.text())
