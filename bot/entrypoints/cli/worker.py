"""``clockwork worker``: run a background worker, start and stop it, see how it is, read what it found out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import JsonOption, RepoOption, SettingsOption
from bot.entrypoints.cli.printing import print_json
from bot.workers.names import Worker

if TYPE_CHECKING:
    from bot.errors import BotError
    from bot.workers.work import Outcome


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Background work over the records of guarded runs.", no_args_is_help=True)
    for verb in (run, status, start, stop, insights):
        group.command(verb.__name__)(verb)
    app.add_typer(group, name="worker")


def run(
    name: Worker,
    repo: RepoOption = ".",
    settings: SettingsOption = None,
    once: Annotated[bool, typer.Option("--once", help="Run once and exit, even if it is stopped.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run one worker, at its interval or once: analysis, metrics, export or cleanup."""
    from bot.wiring.workers import open_workers
    from bot.workers.schedule import keep_working
    from bot.workers.work import run_worker

    workers = open_workers(settings, repo)
    if once:
        _print_outcome(run_worker(name, workers), as_json=as_json)
        return
    keep_working(
        workers,
        stopped=lambda: False,
        report=lambda _, outcome: _print_outcome(outcome, as_json=as_json),
        only={name},
    )


def status(repo: RepoOption = ".", settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Show each worker: whether it is on, its last run and its next, what came of it."""
    from bot.entrypoints.cli.records import show_workers
    from bot.wiring.workers import open_workers, workers_status

    rows = workers_status(open_workers(settings, repo))
    if as_json:
        print_json({"workers": rows}, indent=2)
    else:
        show_workers(rows)


def start(name: Worker, repo: RepoOption = ".", settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Let a worker that was stopped run again. It comes at its next time, at once where that is over."""
    from bot.wiring.workers import open_workers
    from bot.workers.control import start as start_worker

    _tell(start_worker(name, open_workers(settings, repo)), name, as_json=as_json)


def stop(
    name: Worker,
    repo: RepoOption = ".",
    settings: SettingsOption = None,
    reason: Annotated[str, typer.Option("--message", "-m", help="Why.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Stop a worker on this machine until it is started again, over restarts too. A run that began ends by itself."""
    from bot.wiring.workers import open_workers
    from bot.workers.control import stop as stop_worker

    _tell(stop_worker(name, open_workers(settings, repo), reason), name, as_json=as_json)


def insights(repo: RepoOption = ".", settings: SettingsOption = None, as_json: JsonOption = False) -> None:
    """Print the trends and spikes that the analysis found and saved."""
    from bot.entrypoints.cli.records import show_insights
    from bot.wiring.workers import open_workers
    from bot.workers.control import insights_json

    saved = insights_json(open_workers(settings, repo).memory.saved())
    if as_json:
        print_json(saved, indent=2)
    else:
        show_insights(saved)


def _tell(sentence: str, name: Worker, *, as_json: bool) -> None:
    if as_json:
        print_json({"worker": name.value, "message": sentence})
    else:
        print(sentence)


def _print_outcome(outcome: Outcome | BotError, *, as_json: bool) -> None:
    from bot.errors import BotError

    if isinstance(outcome, BotError):
        print(f"clockwork: {outcome}", file=sys.stderr, flush=True)
    elif as_json:
        line = {"worker": outcome.worker.value, "skipped": outcome.skipped, **outcome.figures}
        print_json(line)
    else:
        print(outcome.summary, flush=True)
