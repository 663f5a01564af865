"""What sections of the settings are made of: durations, strictness, and names that may be a plug-in's."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from typing import Annotated, Final, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationInfo,
    WithJsonSchema,
)

from bot.model.patterns import regex
from bot.settings import Installed

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST: Final = 3650 * 86400
_VARIABLE: Final = regex(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_DURATION: Final = regex(r"(?:\d+(?:\.\d+)?[smhd])+\Z")


def seconds_of(value: object) -> object:
    """Seconds from ``90``, ``"90s"``, ``"1h30m"``; anything else is left for pydantic to complain about."""
    if isinstance(value, str) and _DURATION.match(value):
        return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)([smhd])", value))
    return value


def _bearable(seconds: float) -> float:
    """The same number, unless no clock could count it."""
    if not 0 <= seconds <= _LONGEST:
        raise ValueError("a duration is between 0 and 3650d; write seconds, or text such as 10m or 1h30m")
    return seconds


def _variable_name(value: str) -> str:
    if not _VARIABLE.match(value):
        raise ValueError("name an environment variable; the address itself never stands in this file")
    return value


VariableName: TypeAlias = Annotated[str, AfterValidator(_variable_name)]
"""The name of an environment variable that holds what does not belong into a file."""

_AS_WRITTEN: Final = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^(\d+(\.\d+)?[smhd])+$"}]
}
"""A duration as people write it, for editors (JSON Schema, "Schema Composition", anyOf)."""
Seconds = Annotated[float, BeforeValidator(seconds_of), AfterValidator(_bearable), WithJsonSchema(_AS_WRITTEN)]
"""A duration in seconds, ten years at most; text such as ``10m`` or ``1h30m`` is understood."""


class Section(BaseModel):
    """A part of the settings: unknown keys are errors. What checks one is built when one is first read; defaults, which need
    no check, are made without.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def installed_kind(name: str, built_in: Collection[str], group: str, info: ValidationInfo) -> str:
    """``name``, if it is built in or a plug-in of that name is installed."""
    if name in built_in:
        return name
    find: Installed | None = (info.context or {}).get("installed")
    names = sorted({*built_in, *(() if find is None else find(group))})
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
    raise ValueError(f"unknown {name!r}; {hint} (plug-ins: entry points clockwork.{group})")
