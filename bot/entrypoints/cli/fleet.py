"""``clockwork fleet``: keep many repositories, see how they are, and work for a queue of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.entrypoints.cli.options import JsonOption
from bot.entrypoints.cli.printing import print_json
from bot.entrypoints.cli.verbosity import event
from bot.report.console import open_console

if TYPE_CHECKING:
    from bot.entrypoints.fleet.celery_queue import CeleryRunner
    from bot.entrypoints.fleet.processes import ProcessPool
    from bot.errors import BotError
    from bot.fleet.run import FleetMember, FleetRun
    from bot.flows.fleet import FleetLoop, FleetPacing, FleetRunner
    from bot.wiring.fleet import OpenFleet

_File = Annotated[Path, typer.Argument(metavar="FILE", help="The fleet's file.", show_default="fleet.yaml")]
_Workers = Annotated[
    int | None, typer.Option("--workers", min=1, max=256, help="How many repositories at once; schedule.workers.")
]
_Broker = Annotated[
    str | None,
    typer.Option(
        "--celery",
        metavar="URL",
        envvar="CLOCKWORK_CELERY_BROKER",
        help="Celery's broker, redis:// or amqp://; $CLOCKWORK_CELERY_BROKER keeps a password out of sight.",
    ),
]
_Status = Annotated[
    str | None,
    typer.Option(
        "--status",
        metavar="ADDRESS",
        help="Serve the status page at HOST:PORT; its password is $CLOCKWORK_STATUS_TOKEN, or in the file that is named.",
    ),
]
_DEFAULT = Path("fleet.yaml")


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="Many repositories from one file.", no_args_is_help=True)
    app.add_typer(group, name="fleet")
    group.command("list")(list_)
    group.command()(run)
    group.command()(worker)


def list_(
    file: _File = _DEFAULT,
    matrix: Annotated[
        int | None,
        typer.Option("--matrix", min=1, metavar="N", help="A JSON list of at most N groups, for a matrix of Actions."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the repositories that take part, with their last run and their next. Runs nothing."""
    from bot.report.fleet import fleet_json, show_fleet

    loop = _loop(_open(file), None, None)
    loop.discover()
    if matrix is not None:
        names = [repository.name for repository in loop.status().repositories]
        print_json([" ".join(names[first::matrix]) for first in range(min(matrix, len(names)))])
    elif as_json:
        print_json(fleet_json(loop.status()))
    else:
        show_fleet(loop.status(), open_console())


def run(
    file: _File = _DEFAULT,
    once: Annotated[bool, typer.Option("--once", help="Run each repository once and exit.")] = False,
    workers: _Workers = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="Only this repository; several by spaces, or given again."),
    ] = None,
    celery: _Broker = None,
    status: _Status = None,
    as_json: JsonOption = False,
) -> None:
    """Run the repositories of a fleet, the latest first, until stopped or once.

    Each run is a process with the token of its own repository; one that fails, hangs or crashes touches no other. With
    --celery the workers of a queue carry the runs out. Exit code of --once: 3 where a run failed, 4 where one is blocked.
    """
    from bot.entrypoints.fleet.keeping import exclusive_lock, load_repositories, save_history, save_repositories

    fleet = _open(file)
    with exclusive_lock(fleet.cache):
        runner = _runner(fleet, workers or fleet.settings.schedule.workers, celery)
        loop = _loop(fleet, runner, workers, only=tuple(name for names in only or () for name in names.split()))
        loop.other_repositories = load_repositories(fleet.state) if only else {}

        def keep() -> None:
            save_repositories(fleet.state, {**loop.other_repositories, **loop.repositories})
            save_history(fleet.history, loop.history)

        loop.on_run = _Teller(loop, keep, as_json=as_json, quiet=once)
        try:
            with _shown(loop, fleet, status):
                waiting = _run_until_stopped(loop, fleet.settings.schedule.time_limit, runs_once=once)
        except KeyboardInterrupt:
            runner.end()
            raise
        finally:
            runner.close()
            if loop.repositories:
                keep()
    if once:
        _summed_up(loop, waiting, as_json=as_json)


def worker(file: _File = _DEFAULT, celery: _Broker = None, workers: _Workers = None) -> None:
    """Carry out runs that `fleet run --celery` puts into a queue, until stopped.

    The worker has the fleet's file and its secrets; a task names a repository and nothing else.
    """
    from bot.entrypoints.fleet.celery_queue import work
    from bot.errors import Invalid

    if celery is None:
        raise Invalid("a worker needs a broker", advice="Name it with --celery or CLOCKWORK_CELERY_BROKER.")
    fleet = _open(file)
    work(fleet, celery, workers or fleet.settings.schedule.workers)


class _Teller:
    """Tells of each run as it ends, and keeps what is known on disk every few seconds."""

    def __init__(self, loop: FleetLoop, keep: Callable[[], None], *, as_json: bool, quiet: bool) -> None:
        self._loop = loop
        self._keep = keep
        self._as_json = as_json
        self._quiet = quiet
        self._next = loop.clock.now()

    def __call__(self, account: FleetRun) -> None:
        from datetime import timedelta

        from bot.report.fleet import run_json, run_line

        event("repository ran", repository=account.name, result=account.result.value, seconds=account.seconds)
        if not self._quiet and self._as_json:
            print_json(run_json(account))
        elif not self._quiet:
            print(run_line(account), flush=True)
        if (now := self._loop.clock.now()) >= self._next:
            self._next = now + timedelta(seconds=5)
            self._keep()


@contextmanager
def _shown(loop: FleetLoop, fleet: OpenFleet, address: str | None) -> Iterator[None]:
    """The fleet has a page meanwhile, where one is wanted."""
    if address is None:
        yield
        return
    from bot.entrypoints.fleet.site import site_token, status_site

    token = site_token(os.environ, fleet.cache)
    with status_site(address, loop.status, token.text) as url:
        print(f"status page: {url} (password: {token.kept_in})", file=sys.stderr, flush=True)
        yield


def _open(file: Path) -> OpenFleet:
    from bot.wiring.fleet import open_fleet
    from bot.wiring.repository import SystemClock

    return open_fleet(file, dict(os.environ), SystemClock())


def _runner(fleet: OpenFleet, workers: int, broker: str | None) -> ProcessPool | CeleryRunner:
    if broker is None:
        from bot.entrypoints.fleet.processes import ProcessPool, forking

        return ProcessPool(fleet, workers, forking(fleet))
    from bot.entrypoints.fleet.celery_queue import CeleryRunner, broker_problem, open_queue

    queue = open_queue(broker, fleet.settings)
    if (problem := broker_problem(queue)) is not None:
        raise problem
    return CeleryRunner(queue, fleet.settings.schedule.time_limit)


def _loop(
    fleet: OpenFleet, runner: FleetRunner | None, workers: int | None, *, only: tuple[str, ...] = ()
) -> FleetLoop:
    from bot.entrypoints.fleet.keeping import load_history, load_repositories
    from bot.entrypoints.fleet.processes import ProcessPool
    from bot.flows.fleet import FleetLoop

    return FleetLoop(
        partial(_selected, fleet, only),
        runner or ProcessPool(fleet, 1),
        _pacing(fleet, workers),
        fleet.clock,
        repositories=load_repositories(fleet.state),
        on_failure=_warned,
        history=load_history(fleet.history),
    )


def _selected(fleet: OpenFleet, only: tuple[str, ...]) -> tuple[FleetMember, ...]:
    """Who takes part, of those that were named where some were. ``Invalid`` for a name that does not."""
    from bot.errors import Invalid
    from bot.intake.declared import suggestion

    members = fleet.members()
    names = [member.name for member in members]
    for name in only:
        if name not in names:
            raise Invalid(
                f"{name} takes no part in this fleet", advice=suggestion(name, names, otherwise="See `fleet list`.")
            )
    return tuple(member for member in members if not only or member.name in only)


def _pacing(fleet: OpenFleet, workers: int | None) -> FleetPacing:
    from datetime import timedelta

    from bot.fleet.schedule import RetryPacing
    from bot.flows.fleet import FleetPacing

    schedule, budget = fleet.settings.schedule, fleet.settings.budget
    return FleetPacing(
        workers or schedule.workers,
        RetryPacing(timedelta(seconds=schedule.retry), timedelta(seconds=schedule.longest_retry)),
        timedelta(seconds=schedule.discover),
        budget.reserve,
        budget.expected,
    )


def _warned(exc: BotError) -> None:
    print(f"fleet: who takes part could not be asked: {exc.message}", file=sys.stderr, flush=True)


def _run_until_stopped(loop: FleetLoop, limit: float, *, runs_once: bool) -> tuple[str, ...]:
    """Run until told to stop, or everybody once; then who was not run. A signal lets what runs come to its end, which takes
    ``limit`` seconds at most; another one raises ``KeyboardInterrupt``.
    """
    import signal
    import threading

    from bot.model.wording import counted, span

    stop = threading.Event()

    def on_signal(_number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        if loop.running:
            text = f"fleet: stopping once {counted(loop.running, 'run')} ended, after {span(limit)} at the latest"
            # Not print: a handler must not wait for its lock.
            os.write(2, f"{text}; stop it again to end them now\n".encode())

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        if runs_once:
            return loop.once(stop.is_set)
        loop.run(stop.is_set)
        return ()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _summed_up(loop: FleetLoop, waiting: tuple[str, ...], *, as_json: bool) -> None:

    from bot.fleet.status import FleetResult
    from bot.report.fleet import fleet_json, show_fleet

    status = loop.status()
    if as_json:
        print_json({**fleet_json(status), "not_run": list(waiting)})
    else:
        show_fleet(status, open_console())
        if waiting:
            print(f"not run, because their account has no requests left or of a stop: {', '.join(waiting)}")
    results = {repository.result for repository in status.repositories if repository.name not in waiting}
    if waiting or any(result is not None and result.is_failure for result in results):
        raise typer.Exit(3)
    if FleetResult.BLOCKED in results:
        raise typer.Exit(4)
