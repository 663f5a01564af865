"""``clockwork explain``: the whole chain of decision about one task or fingerprint."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.entrypoints.cli.options import (
    BranchOption,
    JsonOption,
    LiveCommandOption,
    LiveOption,
    RepoOption,
    SettingsOption,
    TargetOption,
    VariableOption,
)
from bot.entrypoints.cli.printing import print_json


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def explain(
        subject: Annotated[str, typer.Argument(metavar="TASK|FINGERPRINT")],
        repo: RepoOption = ".",
        live: LiveOption = None,
        live_command: LiveCommandOption = None,
        settings: SettingsOption = None,
        branch: BranchOption = None,
        var: VariableOption = None,
        target: TargetOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Explain a decision and what would change it. About a task, a proposal or a difference."""
        from bot.flows.explain import explain as reasons
        from bot.wiring.reconcile import open_loop
        from bot.wiring.repository import Options

        options = Options(repo, live, live_command, settings, branch, tuple(var or ()), target)
        explanation = reasons(open_loop(options, dry_run=True), subject)
        if as_json:
            print_json(explanation.as_json())
        else:
            print(explanation.text())
