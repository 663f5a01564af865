"""Remembers what a pair differed in, so that an object that changed neither in Git nor live costs a look-up.

A pair is the same pair while its blob in Git, its place in that blob, the live version, the base and the options are
the same. :func:`bot.drift.compare.compare` takes a memo from its caller, who keeps it between ticks; without one every
comparison starts anew. One memo serves one comparison at a time.
"""

from __future__ import annotations

from typing import TypeAlias

from bot.drift.diff import Difference
from bot.drift.options import Options
from bot.drift.surroundings import Surroundings
from bot.model.resource import Desired, Observed, Pointer, Tree

Key: TypeAlias = tuple[str, str, int, Pointer]
Entry: TypeAlias = tuple[str, Tree | None, Difference]


class Memo:
    """Differences by where the declared side stands, with the live version and base they were made of.

    Holds what the last comparison used and nothing older.
    """

    def __init__(self) -> None:
        self._old: dict[Key, Entry] = {}
        self._new: dict[Key, Entry] = {}
        self._stamp: tuple[Options, Surroundings] | None = None

    def __len__(self) -> int:
        return len(self._old)

    def begin(self, options: Options, around: Surroundings) -> None:
        """Forget everything if the question itself has changed."""
        if self._stamp != (options, around):
            self._old = {}
            self._stamp = (options, around)
        self._new = {}

    def find(self, desired: Desired, observed: Observed, base: Tree | None) -> Difference | None:
        """What this very pair differed in; None when it was not met, or one of its sides is another now."""
        if desired.blob is None:
            return None
        key = (desired.blob, desired.file, desired.document, desired.root)
        entry = self._old.get(key)
        if entry is None or entry[0] != observed.version or not entry[0]:
            return None
        if entry[1] is not base and entry[1] != base:
            return None
        self._new[key] = entry
        return entry[2]

    def keep(self, desired: Desired, observed: Observed, base: Tree | None, difference: Difference) -> None:
        """Remember the answer where both sides can be told apart from their next version."""
        if desired.blob is not None and observed.version:
            key = (desired.blob, desired.file, desired.document, desired.root)
            self._new[key] = (observed.version, base, difference)

    def end(self) -> None:
        """What this comparison did not ask for is gone."""
        self._old, self._new = self._new, {}
