"""Verbs whose plain parameters are not put through Pydantic, which takes longer to load than a short run takes for all else.

Typer (since 0.26) makes a checker of Pydantic for every parameter, given or not (``typer/core.py``, ``process_value``). One
that was not given, and a text in ASCII where any text is taken, need none; all else is Typer's business as before, so that
every mistake is told in the same words.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class PlainCommand(TyperCommand):
    """A verb whose parameters are read by Typer where there is anything to read."""

    def get_params(self, ctx: Any) -> Any:
        return _eased(super().get_params(ctx))


class PlainGroup(TyperGroup):
    """The same of a group of verbs."""

    def get_params(self, ctx: Any) -> Any:
        return _eased(super().get_params(ctx))


def ease(app: typer.Typer) -> None:
    """Every verb and group of ``app`` is such a one."""
    app.info.cls = PlainGroup
    for command in app.registered_commands:
        command.cls = PlainCommand
    for group in app.registered_groups:
        if group.typer_instance is not None:
            ease(group.typer_instance)


def _eased(parameters: Any) -> Any:
    for parameter in parameters:
        if not isinstance(parameter.process_value, partial):
            setattr(parameter, "process_value", partial(_read, parameter, parameter.process_value))  # noqa: B010
    return parameters


def _read(parameter: Any, read: Callable[[Any, Any], Any], context: Any, value: Any) -> Any:
    if value is None and not parameter.required:
        value = () if parameter.multiple or parameter.nargs == -1 else None
    elif not (_takes_text(parameter) and isinstance(value, str) and value.isascii()):
        return read(context, value)
    return value if parameter.callback is None else parameter.callback(context, parameter, value)


def _takes_text(parameter: Any) -> bool:
    return getattr(getattr(parameter, "type_descriptor", None), "annotation", None) is str
