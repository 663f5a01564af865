"""Words that people choose from, on the command line and in settings. Reading them costs nothing else of the model."""

from __future__ import annotations

from enum import StrEnum


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
