"""What an examination of a repository's surroundings found: one line a thing, with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How a thing is."""

    OK = "ok"
    NOTE = "note"
    """Nothing fails, but less is done than could be."""
    FAILS = "FAILS"
    """A run would fail, or write nothing, for it."""
    SKIPPED = "--"
    """It was not looked at."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was examined. ``advice`` says what to do where something is to be done."""

    area: str
    health: Health
    message: str
    advice: str = ""
