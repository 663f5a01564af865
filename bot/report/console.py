"""Texts and colours of a terminal, for every verb that prints something for people.

By themselves, since what shows reports takes long to load.
"""

from __future__ import annotations

from typing import Final

from bot.model.severity import Severity

COLOUR: Final = {Severity.LOW: "cyan", Severity.MEDIUM: "yellow", Severity.HIGH: "red", Severity.CRITICAL: "bold red"}
"""The rich style of each severity."""


def printable(text: str) -> str:
    """Text that cannot move the cursor or hide itself."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
