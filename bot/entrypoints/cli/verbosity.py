"""How much is told beside the results: ``-q``, ``-v``, ``--log-level``, ``--log-format``, anywhere on the command line.

They are kept in the environment, so that a daemon which is started in the background has them too, and a container can set
them. Events go to standard error; results, to standard output.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bot.entrypoints.levels import FORMAT, FORMATS, LEVEL, LEVELS
from bot.errors import Invalid
from bot.model.dataclass import dataclass

if TYPE_CHECKING:
    from bot.model.requests import RequestsLeft
    from bot.ports import Meter

_FLAGS: Final = {"-q": "error", "--quiet": "error", "-v": "info", "--verbose": "info", "-vv": "debug"}
_VALUED: Final = {"--log-level": (LEVEL, tuple(LEVELS)), "--log-format": (FORMAT, FORMATS)}
_RESULTS: Final = frozenset({"--json", "--help", "-h", "--version", "--schema", "--stdout"})
"""Who asks for one of these wants the output, however quiet it is to be."""


@dataclass(frozen=True, slots=True)
class Verbosity:
    """What was asked for: variables to set, and whether results for people are left out too."""

    variables: Mapping[str, str]
    quiet: bool = False

    def apply(self, environment: MutableMapping[str, str]) -> None:
        """Events are told so from now on; with ``quiet`` nothing is printed but errors."""
        environment.update(self.variables)
        if self.quiet:
            environment["TERM"] = "dumb"  # no spinner (rich.console, is_dumb_terminal)
            sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the program ends


def split_verbosity(argv: Sequence[str]) -> tuple[Verbosity, list[str]]:
    """What ``argv`` says of it, and the other arguments. Raises ``Invalid`` for a level or format that there is none of."""
    variables, remaining_arguments, quiet = dict[str, str](), list[str](), False
    waiting = iter(argv)
    for argument in waiting:
        name, equals, value_text = argument.partition("=")
        if argument == "--":
            remaining_arguments += [argument, *waiting]
        elif (argument in _FLAGS or name in _VALUED) and _wants_value(remaining_arguments):
            remaining_arguments.append(argument)
        elif argument in _FLAGS:
            variables[LEVEL] = _FLAGS[argument]
            quiet = quiet or _FLAGS[argument] == "error"
        elif name in _VALUED:
            variable, choices = _VALUED[name]
            variables[variable] = _value(name, value_text if equals else next(waiting, ""), choices)
        else:
            remaining_arguments.append(argument)
    return Verbosity(variables, quiet and not _RESULTS & set(remaining_arguments)), remaining_arguments


def _wants_value(argv: Sequence[str]) -> bool:
    """Whether the last of ``argv`` is an option whose value comes next, whatever that looks like (as Click reads it)."""
    if not argv or not argv[-1].startswith("-"):
        return False
    import typer.main

    from bot.entrypoints.cli.app import build

    command: Any = typer.main.get_command(build())
    waits = False
    for argument in argv:
        if waits:
            waits = False
        elif argument.startswith("-"):
            waits = _is_open(argument, command)
        else:
            command = getattr(command, "commands", {}).get(argument, command)
    return waits


def _is_open(argument: str, command: Any) -> bool:
    """Whether an option of a command lacks its value: ``--at``, ``-m``, ``-ym``, and not ``--at=2h`` or ``-mtext``."""
    valued = {
        name
        for option in command.params
        if option.param_type_name == "option" and not option.is_flag and not option.count
        for name in option.opts
    }
    if argument.startswith("--"):
        return argument in valued
    first = next((at for at, letter in enumerate(argument[1:], 1) if f"-{letter}" in valued), None)
    return first == len(argument) - 1


def _value(name: str, value_text: str, choices: Sequence[str]) -> str:
    if value_text not in choices:
        from bot.intake.declared import suggestion

        advice = suggestion(value_text, choices, otherwise=f"Known: {', '.join(choices)}.")
        raise Invalid(f"Invalid value for '{name}': {value_text!r}", advice=advice)
    return value_text


def is_logged(level: str) -> bool:
    """Whether events of that level are told."""
    return LEVELS[level] >= LEVELS.get(os.environ.get(LEVEL, ""), LEVELS["warning"])


def event(name: str, level: str = "info", **facts: object) -> None:
    """Tell of something that happened, where that is asked for."""
    if is_logged(level):
        from bot.entrypoints.daemon.log import logger

        log = logger(level=os.environ.get(LEVEL, "warning"), form=os.environ.get(FORMAT, "text"))
        getattr(log, level)(name, **facts)


def speaks_json() -> bool:
    """Whether errors are told as events, for programs."""
    return os.environ.get(FORMAT) == "json"


class ToldMeter:
    """Tells of each request and rendering at ``debug``, beside those that are told anyway."""

    def __init__(self, *other_meters: Meter) -> None:
        self._meters = other_meters

    def answered(self, method: str, status: str) -> None:
        event("answered", "debug", method=method, status=status)
        for meter in self._meters:
            meter.answered(method, status)

    def rendered(self, kind: str, seconds: float) -> None:
        event("rendered", "debug", kind=kind, seconds=round(seconds, 3))
        for meter in self._meters:
            meter.rendered(kind, seconds)

    def left(self, requests: RequestsLeft) -> None:
        for meter in self._meters:
            meter.left(requests)
