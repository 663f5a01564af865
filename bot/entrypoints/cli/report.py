"""``clockwork report``: what went wrong in guarded runs, as Markdown on the branch or on the screen."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.entrypoints.cli.options import JsonOption, RepoOption, SettingsOption
from bot.entrypoints.cli.printing import print_json


def register(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def report(
        repo: RepoOption = ".",
        settings: SettingsOption = None,
        stdout: Annotated[bool, typer.Option("--stdout", help="Print the Markdown; commit nothing.")] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Write AI_Failure_Modes.md and commit it if its picture changed."""
        import sys
        from datetime import timedelta

        from bot.wiring.workers import open_workers
        from bot.workers.analysis import analyse
        from bot.workers.export import document
        from bot.workers.work import Worker, export_now, learned, run_worker, sessions

        workers = open_workers(settings, repo)
        if stdout:
            kept_sessions, now = sessions(workers), workers.clock.now()
            report_bytes = document(
                kept_sessions,
                analyse(kept_sessions, now),
                at=now,
                pages=workers.pages,
                learned=learned(workers, kept_sessions),
            )
            sys.stdout.buffer.write(report_bytes)
            sys.stdout.flush()
            return
        outcome = run_worker(Worker.EXPORT, workers, run=lambda _, group: export_now(group, patience=timedelta(0)))
        if as_json:
            print_json(dict(outcome.figures))
        else:
            print(outcome.summary)
