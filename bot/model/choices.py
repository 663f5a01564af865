"""Words that people choose from, on the command line and in settings. Reading them costs nothing else of the model."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

AI_PROGRAMS: Final = ("claude", "codex", "copilot", "gemini")
"""Kinds of assistants that need no settings: their program is on PATH and their key in its usual variable."""
ASSISTANTS: Final = (*AI_PROGRAMS, "openai", "command")
"""All that are built in."""


class Mode(StrEnum):
    """``standard`` reports, ``strict`` blocks on any critical violation or failure."""

    STANDARD = "standard"
    STRICT = "strict"


class FixLevel(StrEnum):
    """The four auto-fix policy levels (AutoFixPolicy)."""

    DISABLED = "disabled"
    CONSERVATIVE = "conservative"
    MODERATE = "moderate"
    AGGRESSIVE = "aggressive"


class Verdict(StrEnum):
    """The whole answer to a change."""

    APPROVE = "approve"
    WARN = "warn"
    BLOCK = "block"

    @property
    def rank(self) -> int:
        """0 for approve up to 2 for block."""
        return ("approve", "warn", "block").index(self.value)


class Join(StrEnum):
    """What pull requests about many objects are made of."""

    CHANGE = "change"
    """The same change of the same fields, of one kind and target."""
    TARGET = "target"
    """Whatever differs in one target."""
    FOLDER = "folder"
    """Whatever differs in what the files of one folder declare."""
    OWNER = "owner"
    """Whatever differs in what the same people own, by CODEOWNERS."""


class Confinement(StrEnum):
    """What settings ask for: a wall or nothing runs, the best there is even if that is none, or no wall."""

    REQUIRED = "required"
    BEST = "best"
    NONE = "none"
