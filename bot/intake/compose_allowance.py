"""What the Compose projects of a repository may come to: as many values as their files have bytes, and some more.

Called by :mod:`bot.intake.compose_project` and by whoever repeats what a file says once: ``extends``, ``include``, files of
variables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_LEAST_VALUES: Final = 50_000
OPENING: Final = 20
"""What opening a file costs, beside its values."""
CHARACTERS: Final = 64
"""Characters that variables put in, for one value."""


class Excessive(ValueError):
    """Projects that come to more than their files may make of themselves."""


@dataclass(slots=True)
class ReadingAllowance:
    """How many values the projects of one reading may still come to. ``extends``, ``include``, files of variables and aliases
    repeat what is written once, and what a stranger writes must not cost more than in proportion to its length: each byte
    that is read allows one value, which no file without repeats comes near.
    """

    left: int = _LEAST_VALUES
    opened: set[str] = field(default_factory=set)

    def open(self, path: str, data: bytes) -> None:
        """Allow for a file, once."""
        self.left += 0 if path in self.opened else len(data)
        self.opened.add(path)

    def spend(self, values: int) -> None:
        """Take ``values`` off. Raises :class:`Excessive` when nothing is left."""
        self.left -= values
        if self.left < 0:
            raise Excessive
