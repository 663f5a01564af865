"""Puts the verbs together. Each verb is a module with ``register(app)``; its imports happen when it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final, Protocol

import typer
from typer.models import CommandInfo

from bot import __version__
from bot.entrypoints.cli.examples import add_examples, verb_name
from bot.entrypoints.cli.quick import ease

VERBS: Final[Mapping[str, tuple[str, ...]]] = {
    "demo": ("demo",),
    "init": ("init",),
    "doctor": ("doctor",),
    "config": ("check-config", "schema"),
    "drift": ("drift",),
    "plan": ("plan",),
    "bundle": ("build",),
    "apply": ("apply",),
    "verify": ("verify",),
    "reconcile": ("reconcile", "simulate"),
    "explain": ("explain",),
    "guard": ("guard",),
    "propose": ("propose",),
    "halt": ("halt", "resume", "suspend", "unsuspend", "retry", "ignore"),
    "comments": ("comments", "hear"),
    "ledger": ("ledger",),
    "policy": ("policy",),
    "render": ("render",),
    "targets": ("targets", "origin"),
    "applied": ("applied",),
    "report": ("report",),
    "sessions": ("stats", "sessions", "agents"),
    "worker": ("worker",),
    "daemon": ("daemon",),
    "fleet": ("fleet",),
    "notify": ("notify",),
    "sandbox": ("sandbox",),
}
"""The modules of this package that have verbs, in the order of the help, with the words that theirs begin with."""


class VerbModule(Protocol):
    """A module that has verbs."""

    def register(self, app: typer.Typer) -> None:
        """Add them."""
        ...


_LISTING: Final = frozenset({"--help", "-h", "--version"})


def _version(value: bool) -> None:
    if value:
        print(f"clockwork {__version__}")
        raise typer.Exit


def build(argv: Sequence[str] | None = None) -> typer.Typer:
    """The whole command line. Given ``argv``, only what the verb needs that they begin with; where they name none, all verbs
    with their names and first sentences alone: reading the parameters of sixty verbs takes longer than everything else.
    """
    first = argv[0] if argv else None
    modules = [module for module, verbs in VERBS.items() if first in verbs]
    app = typer.Typer(
        name="clockwork",
        help="Keeps what runs equal to what Git says, by changing Git the way each change deserves.",
        no_args_is_help=True,
        add_completion=not modules,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_bare if modules else _root)
    for module in modules or VERBS:
        _verbs(module).register(app)
    if argv is not None and len(argv) > 1:
        _narrow(app, argv[0], argv[1])
    add_examples(app)
    ease(app)
    if argv is not None and not modules and (first is None or first in _LISTING or not first.startswith("-")):
        _outline(app, first or "")
    return app


def _bare() -> None:
    """What stands before a verb that comes first: nothing, so that no parameter is read for it."""


def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Print nothing but errors; the exit code says the rest."),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Tell what happens; -vv each request and rendering."),
    log_level: str = typer.Option("warning", "--log-level", metavar="LEVEL", help="debug, info, warning or error."),
    log_format: str = typer.Option("text", "--log-format", metavar="FORMAT", help="text or json."),
) -> None:
    """Keeps what runs equal to what Git says, by changing Git the way each change deserves.

    The options below may stand anywhere on the command line.
    """
    # The command line took them out before (bot.entrypoints.cli.verbosity); here they are for --help.
    del version, quiet, verbose, log_level, log_format


def _narrow(app: typer.Typer, group: str, first_word: str) -> None:
    """Leave out of a group the verbs beside the named one, where it has that: reading their parameters takes longer than all
    else of a short run.
    """
    for registered in app.registered_groups:
        instance = registered.typer_instance
        if registered.name == group and instance is not None:
            verbs = [verb for verb in instance.registered_commands if _name(verb) == first_word]
            instance.registered_commands = verbs or instance.registered_commands


def _name(command: CommandInfo) -> str:
    return command.name or ("" if command.callback is None else verb_name(command.callback))


def _verbs(module: str) -> VerbModule:
    verbs: VerbModule = import_module(f"bot.entrypoints.cli.{module}")
    return verbs


def _outline(app: typer.Typer, verb: str) -> None:
    for command in app.registered_commands:
        if command.callback is not None and verb != _name(command):
            command.callback = _without_parameters(command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None and group.name != verb:
            group.typer_instance.registered_commands.clear()
            group.typer_instance.registered_groups.clear()


def _without_parameters(verb: Callable[..., Any]) -> Callable[[], None]:
    def outlined() -> None: ...

    outlined.__name__, outlined.__doc__ = verb.__name__, verb.__doc__
    return outlined
