"""``clockwork worker run NAME``: one background worker, once or at its interval."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import JsonOption, RepoOption, SettingsOption

if TYPE_CHECKING:
    from bot.errors import BotError
    from bot.workers.work import Outcome


class WorkerName(StrEnum):
    """The names of :class:`bot.workers.work.Worker`, spelt here so that ``--help`` needs no import of them."""

    ANALYSIS = "analysis"
    METRICS = "metrics"
    EXPORT = "export"
    CLEANUP = "cleanup"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Background work over the records of guarded runs.", no_args_is_help=True)

    @group.callback()
    def _group() -> None:
        """Keeps ``run`` a verb of its own."""

    @group.command()
    def run(
        name: WorkerName,
        repo: RepoOption = ".",
        settings: SettingsOption = None,
        once: Annotated[bool, typer.Option("--once", help="Run once and exit.")] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Run one worker: analysis, metrics, export or cleanup."""
        from bot.wiring.workers import open_workers
        from bot.workers.schedule import keep_working
        from bot.workers.work import Worker, work

        workers = open_workers(settings, repo)
        chosen = Worker(name.value)
        if once:
            _say(work(chosen, workers), as_json=as_json)
            return
        keep_working(
            workers,
            stopped=lambda: False,
            report=lambda _, outcome: _say(outcome, as_json=as_json),
            only={chosen},
        )

    app.add_typer(group, name="worker")


def _say(outcome: Outcome | BotError, *, as_json: bool) -> None:
    from bot.errors import BotError

    if isinstance(outcome, BotError):
        print(f"clockwork: {outcome}", file=sys.stderr, flush=True)
    elif as_json:
        line = {"worker": outcome.worker.value, "skipped": outcome.skipped, **outcome.figures}
        print(json.dumps(line), flush=True)
    else:
        print(outcome.summary, flush=True)
