"""``clockwork explain``: the whole chain of decision about one task or fingerprint."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from bot.entrypoints.cli.options import (
    BranchOption,
    JsonOption,
    LiveCommandOption,
    LiveOption,
    RepoOption,
    SettingsOption,
    VariableOption,
)


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
        as_json: JsonOption = False,
    ) -> None:
        """Tell why Clockwork does what it does about a task, a proposal or a drift, and what would change it."""
        from bot.flows.explain import explain as reasons
        from bot.wiring import Options, open_loop

        options = Options(repo, live, live_command, settings, branch, tuple(var or ()))
        told = reasons(open_loop(options, dry_run=True), subject)
        print(json.dumps(told.as_json(), ensure_ascii=False) if as_json else told.text())
