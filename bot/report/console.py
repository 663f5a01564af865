"""Consoles, texts and colours of a terminal, for every verb that prints something for people.

By themselves, since what shows reports takes long to load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bot.model.patterns import regex
from bot.model.severity import Severity

if TYPE_CHECKING:
    from rich.console import Console

COLOUR: Final = {Severity.LOW: "cyan", Severity.MEDIUM: "yellow", Severity.HIGH: "red", Severity.CRITICAL: "bold red"}
"""The rich style of each severity."""


_COMMAND: Final = regex(r"\A\s*:(?=:)|#(?=#\[)")
"""What makes a line of a log a command to GitHub's runner: ``::name::`` behind white space, ``##[name]`` anywhere.

Source: actions/runner, ``ActionCommand.cs``. One sets an output of the step, another masks a word in all that follows.
"""


def open_console(**options: Any) -> Console:
    """Rich's console with these of its options. It would take the ``:100:`` of a port for the name of a picture."""
    from rich.console import Console

    return Console(emoji=False, **options)


def printable(text: str) -> str:
    """Text that cannot move the cursor, hide itself, or command whoever reads the log."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return _COMMAND.sub(r"\g<0> ", shown)
