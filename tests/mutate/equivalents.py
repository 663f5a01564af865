"""The mutants that no test can tell from the program, and why: ``equivalents.toml``.

An entry names its file, the function, and the source text before and after, so that it holds while lines move.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.mutate.mutants import Mutant

LISTED: Final = Path(__file__).with_name("equivalents.toml")


@dataclass(frozen=True, slots=True)
class Equivalent:
    """One mutant by what it is, and the reason that it changes nothing anybody can see."""

    file: str
    function: str
    before: str
    after: str
    reason: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What a mutant and its entry have in common."""
        return self.file, self.function, self.before, self.after


def key_of(mutant: Mutant) -> tuple[str, str, str, str]:
    """The key by which an entry names this mutant."""
    return mutant.file, mutant.function, mutant.before, mutant.after


def load(path: Path = LISTED) -> dict[tuple[str, str, str, str], Equivalent]:
    """Every entry by its key. Raises ``ValueError`` where one is listed twice or has no reason."""
    entries = [Equivalent(**entry) for entry in tomllib.loads(path.read_text()).get("equivalent", [])]
    listed = {entry.key: entry for entry in entries}
    if len(listed) != len(entries) or not all(entry.reason.strip() for entry in entries):
        raise ValueError(f"{path.name}: every entry is listed once and says why")
    return listed


def stale(listed: Iterable[Equivalent], mutants: Iterable[Mutant]) -> list[Equivalent]:
    """The entries that name no mutant of the program as it is now."""
    keys = {key_of(mutant) for mutant in mutants}
    return [entry for entry in listed if entry.key not in keys]
