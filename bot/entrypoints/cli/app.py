"""Puts the verbs together. Each verb is a module with ``register(app)``; its imports happen when it runs."""

from __future__ import annotations

import typer

from bot import __version__
from bot.entrypoints.cli import (
    applied,
    apply,
    bundle,
    comments,
    config,
    daemon,
    demo,
    doctor,
    drift,
    explain,
    fleet,
    guard,
    halt,
    init,
    ledger,
    notify,
    plan,
    policy,
    propose,
    reconcile,
    render,
    report,
    sandbox,
    sessions,
    targets,
    verify,
    worker,
)
from bot.entrypoints.cli.examples import illustrate

VERBS = (
    demo,
    init,
    doctor,
    config,
    drift,
    plan,
    bundle,
    apply,
    verify,
    reconcile,
    explain,
    guard,
    propose,
    halt,
    comments,
    ledger,
    policy,
    render,
    targets,
    applied,
    report,
    sessions,
    worker,
    daemon,
    fleet,
    notify,
    sandbox,
)


def _version(value: bool) -> None:
    if value:
        print(f"clockwork {__version__}")
        raise typer.Exit


def build() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="clockwork",
        help="Keeps what runs equal to what Git says, by changing Git the way each change deserves.",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def root(
        version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
        quiet: bool = typer.Option(
            False, "--quiet", "-q", help="Print nothing but errors; the exit code says the rest."
        ),
        verbose: bool = typer.Option(
            False, "--verbose", "-v", help="Tell what happens; -vv each request and rendering."
        ),
        log_level: str = typer.Option("warning", "--log-level", metavar="LEVEL", help="debug, info, warning or error."),
        log_format: str = typer.Option("text", "--log-format", metavar="FORMAT", help="text or json."),
    ) -> None:
        """Keeps what runs equal to what Git says, by changing Git the way each change deserves.

        The options below may stand anywhere on the command line.
        """
        # The command line took them out before (bot.entrypoints.cli.verbosity); here they are for --help.
        del version, quiet, verbose, log_level, log_format

    for verb in VERBS:
        verb.register(app)
    illustrate(app)
    return app
