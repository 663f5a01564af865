"""A command line that cannot be understood, in one message: what is wrong, what was perhaps meant, where help is."""

from __future__ import annotations

import re
from typing import Final

import typer

from bot.errors import Invalid
from bot.model.patterns import regex

UsageMistake: Final[type[Exception]] = typer.BadParameter.__mro__[1]
"""Click's ``UsageError``, which Typer has under several names (its own copy since 0.26, the package before)."""
_CHOICES: Final = regex(r"(?P<quote>['\"])(?P<word>[^'\"]*)(?P=quote) is not one of (?P<known>.*?)\.?\Z", re.DOTALL)
_NUMBER: Final = regex(r"Input should be a valid (integer|number)\b.*", re.DOTALL)
_BOUND: Final = regex(r"Input should be (greater|less) than or equal to (-?[\d.]+)")


def explained(mistake: Exception) -> Invalid | str:
    """The mistake as ``Invalid``; the help of a group that was called without a verb as text."""
    context = getattr(mistake, "ctx", None)
    path = context.command_path if context is not None else "clockwork"
    message = str(getattr(mistake, "format_message", lambda: mistake)())
    if type(mistake).__name__ == "NoArgsIsHelpError":
        return message
    return Invalid(_reworded(message), advice=f"See `{path} --help`.")


def _reworded(message: str) -> str:
    """The message without the words of the library that reads values, and with what was perhaps meant."""
    message = message.replace("Value error, ", "").rstrip(".")
    message = _NUMBER.sub("not a whole number" if "integer" in message else "not a number", message)
    message = _BOUND.sub(
        lambda match: f"it is {'at least' if match[1] == 'greater' else 'at most'} {match[2]}", message
    )
    if (match := _CHOICES.search(message)) is not None:
        from bot.intake.declared import suggestion

        choices = re.findall(r"['\"]([^'\"]+)['\"]", match["known"])
        near = suggestion(match["word"], choices)
        return f"{message}{f'. {near}' if near else ''}"
    return message
