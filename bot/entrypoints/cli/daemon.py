"""``clockwork daemon``: start, stop, and everything that a running daemon can be asked and told."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bot.entrypoints.cli import policy
from bot.entrypoints.cli.options import JsonOption, grouped, located
from bot.entrypoints.cli.printing import print_json
from bot.errors import Invalid
from bot.report.console import open_console

if TYPE_CHECKING:
    from bot.entrypoints.daemon.control import RunningDaemon
    from bot.entrypoints.daemon.running import DaemonOptions
    from bot.wiring.repository import Options

_Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port of the API; 0 takes a free one.")]
_Host = Annotated[
    str | None,
    typer.Option("--host", metavar="ADDRESS", help="Address of the API instead of daemon.host, such as a container's."),
]
_Watch = Annotated[
    list[Path] | None,
    typer.Option(
        "--watch",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Also run when a file in it changes, such as a snapshot of live state; may be given again.",
    ),
]
_State = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="DIR",
        envvar="CLOCKWORK_STATE",
        file_okay=False,
        help="The folder for pid, lock, log and pause; default: daemon.state, or below $XDG_STATE_HOME.",
    ),
]
_Log = Annotated[
    Path | None,
    typer.Option("--log", metavar="FILE", dir_okay=False, help="Log into a file that is rotated, not to stderr."),
]
_Policy = Annotated[
    str | None,
    typer.Option("--policy", metavar="LEVEL", help="This daemon's auto-fix level, whatever fixes.level says."),
]


def _started(
    options: Options, *, level: str | None, port: int | None, watch: list[Path] | None, **more: Any
) -> DaemonOptions:
    from bot.entrypoints.daemon.running import DaemonOptions

    if "-" in options.snapshots:
        raise Invalid(
            "--live -: a daemon looks again and again, and standard input is read once", advice="Name a file."
        )
    level_chosen = None if level is None else policy.level_named(level)
    return DaemonOptions(replace(options, level=level_chosen), port, tuple(watch or ()), **more)


@dataclass(frozen=True, slots=True)
class _DaemonSelection:
    """Which daemon a verb is about."""

    options: Options
    state: Path | None

    def running(self) -> RunningDaemon:
        """That daemon; the verbs differ in what they say where none runs."""
        from bot.entrypoints.daemon.control import running

        return running(self.options, self.state)


_STATE: Final = {"state": (_State, None)}
_STARTED: Final = located("repo live live_command settings branch").extended(
    {
        "level": (_Policy, None),
        "host": (_Host, None),
        "port": (_Port, None),
        "watch": (_Watch, None),
        **_STATE,
        "log": (_Log, None),
    },
    _started,
)
_SELECTED: Final = located("repo settings branch").extended(_STATE, _DaemonSelection)


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group = typer.Typer(help="The long-running daemon.", no_args_is_help=True)
    app.add_typer(group, name="daemon")
    group.command()(start)
    group.command()(run)
    group.command()(stop)
    group.command()(status)
    group.command()(check)
    group.command()(pause)
    group.command()(resume)
    policy.register(group)


@grouped(started=_STARTED)
def start(
    *,
    started: DaemonOptions,
    background: Annotated[bool, typer.Option("--background", help="Return once the API answers.")] = False,
    wait: Annotated[float, typer.Option("--wait", min=1, help="Seconds that the API may take to answer.")] = 60.0,
) -> None:
    """Start the daemon: in the foreground as `run` does, or in the background."""
    if not background:
        _work(started)
        return
    from bot.entrypoints.daemon.background import start as start_in_background

    runtime = start_in_background(started, wait=wait)
    print(f"started: pid {runtime.pid}, API on http://{runtime.host}:{runtime.port}, log {runtime.log}")


@grouped(started=_STARTED)
def run(
    *,
    started: DaemonOptions,
) -> None:
    """Keep the repository until stopped: at every interval, on webhooks and on file changes."""
    _work(started)


@grouped(selection=_SELECTED)
def stop(
    *,
    selection: _DaemonSelection,
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait until it has ended.")] = 60.0,
    kill: Annotated[bool, typer.Option("--kill", help="Kill it when it has not ended by then.")] = False,
) -> None:
    """Stop the daemon: it finishes what it is writing. Exit code 1 when it still runs after the time-out."""
    from bot.entrypoints.daemon.control import NotRunning
    from bot.entrypoints.daemon.control import stop as end

    try:
        daemon = selection.running()
    except NotRunning as exc:
        print(f"{exc.message}; nothing to stop")
        return
    if end(daemon, timeout=timeout, kill=kill):
        print(f"stopped (pid {daemon.pid})")
        return
    advice = "" if kill else "; wait, or use --kill: what it was writing is then finished by the next run"
    print(f"clockwork: pid {daemon.pid} still runs after {timeout:g} s{advice}", file=sys.stderr)
    raise typer.Exit(1)


@grouped(selection=_SELECTED)
def status(
    *,
    selection: _DaemonSelection,
    as_json: JsonOption = False,
) -> None:
    """Tell what the daemon does, saw and waits for. Exit code 3 when none runs."""
    from bot.entrypoints.daemon.control import NotRunning, ask
    from bot.errors import Unavailable

    daemon = None
    try:
        daemon = selection.running()
        answer = ask(daemon, "GET", "/v1/status")
    except Unavailable as exc:
        if not as_json:
            raise
        fields = {} if isinstance(exc, NotRunning) else {"pid": daemon.pid if daemon else None, "error": exc.message}
        print_json({"running": not isinstance(exc, NotRunning), **fields})
        raise typer.Exit(3) from exc
    if as_json:
        print_json(answer)
        return

    from bot.entrypoints.cli.daemon_status import show_status

    show_status(answer, open_console())


@grouped(selection=_SELECTED)
def check(
    *,
    selection: _DaemonSelection,
    as_json: JsonOption = False,
    timeout: Annotated[float, typer.Option("--timeout", min=1, help="Seconds to wait for the run.")] = 900.0,
) -> None:
    """Have the running daemon run now, and print what came of it as `clockwork reconcile` does."""
    from bot.entrypoints.cli.daemon_status import show_checkouts
    from bot.entrypoints.daemon.control import ask

    daemon = selection.running()
    console = open_console()
    query = f"?width={console.width}&colour={str(console.is_terminal and not console.no_color).lower()}"
    with open_console(stderr=True, quiet=as_json or not sys.stderr.isatty()).status("reconciling…"):
        answer = ask(daemon, "POST", f"/v1/check{query}", timeout=timeout)
    if as_json:
        checkouts = {"checkouts": answer["checkouts"]} if "checkouts" in answer else {}
        print_json({**answer["tick"], **checkouts})
    else:
        sys.stdout.write(answer["text"])
        show_checkouts(answer.get("checkouts", ()), console)
    raise typer.Exit(int(answer["exit_code"]))


@grouped(selection=_SELECTED)
def pause(
    *,
    selection: _DaemonSelection,
    reason: Annotated[str, typer.Option("--reason", "-m", help="The reason; shown by status.")] = "",
) -> None:
    """Have this one daemon write nothing, also after a restart; it goes on looking and reporting.

    Other runs (another machine, CI, the command line) go on writing: `clockwork halt` stops them all, by the ledger.
    """
    from bot.entrypoints.daemon.control import ask
    from bot.model.ledger import Actor
    from bot.wiring.actor import actor

    by = actor(selection.options, Actor("somebody")).login
    answer = ask(selection.running(), "POST", "/v1/pause", by=by, reason=reason)
    print(f"Paused since {answer['at'][:16].replace('T', ' ')} UTC: this daemon writes nothing until `daemon resume`.")


@grouped(selection=_SELECTED)
def resume(
    *,
    selection: _DaemonSelection,
) -> None:
    """End a pause of this daemon. A halt of everything is lifted by `clockwork resume` instead."""
    from bot.entrypoints.daemon.control import ask

    answer = ask(selection.running(), "POST", "/v1/unpause")
    print("Resumed: the daemon writes again." if answer["was_paused"] else "The daemon was not paused.")


def _work(started: DaemonOptions) -> None:
    from bot.entrypoints.daemon.running import run as work

    work(started)
