"""Checks what a repository says to Clockwork before a run meets it: settings, rules, ignore rules, guardrails.

Called by ``clockwork check-config`` and ``clockwork doctor``. Every file is read by who would read it in a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bot.errors import BotError

Reading: TypeAlias = Callable[[], str]
"""Reads one part of the configuration and says in a few words what it holds. Raises ``BotError`` for what is wrong."""


@dataclass(frozen=True, slots=True)
class ConfigurationPart:
    """One part: what it is, what it holds in a few words, or what is wrong with it (a line a mistake). ``advice`` says what to
    do about contents that are right and do nothing.
    """

    name: str
    contents: str = ""
    problem: str | None = None
    advice: str = ""


def checked(readings: Mapping[str, Reading]) -> tuple[ConfigurationPart, ...]:
    """All parts, each read whatever the others say."""
    return tuple(_checked(name, reading) for name, reading in readings.items())


def _checked(name: str, reading: Reading) -> ConfigurationPart:
    try:
        return ConfigurationPart(name, reading())
    except BotError as exc:
        return ConfigurationPart(name, problem=str(exc))
