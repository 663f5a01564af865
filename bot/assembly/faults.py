"""What stops one evaluation, and the limits that keep hostile configuration from running for ever."""

from __future__ import annotations

from typing import Final

from bot.model.resource import SourceError

MOST_ELEMENTS: Final = 20_000
LONGEST_TEXT: Final = 1_000_000
"""Limits of one value: configuration of a pull request is evaluated before anybody has looked at it."""
CHARACTERS: Final = 20
"""Characters of text that are looked at in one step."""
_LEAST_STEPS: Final = 50_000
_STEPS_PER_BYTE: Final = 20
_MOST_STEPS: Final = 3_000_000
TOO_LONG: Final = "evaluating this configuration takes too long"


class Fault(Exception):
    """An expression that has no value. ``error`` is None when its cause was already reported elsewhere."""

    def __init__(self, error: SourceError | None, *, static: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.static = static
        """Whether the text alone is wrong, whatever the values are: no ``try()`` makes up for it."""


class Misuse(ValueError):
    """Arguments that are not what a function takes; the message says what it takes."""


class EvaluationBudget:
    """How much one assembly may still compute, in values made and text looked at."""

    def __init__(self, steps: int = 200_000) -> None:
        self.left = self.granted = steps
        self.opened: set[str] = set()
        self.secrets = 0
        """How many sensitive values were come across."""

    @staticmethod
    def of(size: int) -> EvaluationBudget:
        """What files of ``size`` bytes may cost."""
        return EvaluationBudget(min(_LEAST_STEPS + _STEPS_PER_BYTE * size, _MOST_STEPS))

    def open(self, path: str, size: int) -> None:
        """Allow for a file that a function reads, once."""
        more_steps = max(min(_STEPS_PER_BYTE * size, _MOST_STEPS - self.granted), 0)
        if path not in self.opened and not self.spent:
            self.left += more_steps
            self.granted += more_steps
        self.opened.add(path)

    def spend(self, steps: int = 1) -> bool:
        """Take ``steps`` off; False once nothing is left."""
        self.left -= steps
        return self.left >= 0

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.left < 0
