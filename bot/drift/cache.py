"""Remembers what a pair differed in, so that an object that changed neither in Git nor live costs a look-up.

A pair is the same pair while its blob in Git, its place in that blob, the live version, the base and the options are
the same. :func:`bot.drift.compare.compare` takes a memo from its caller, who keeps it between ticks; without one every
comparison starts anew. One memo serves one comparison at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bot.drift.diff import PairResult
from bot.drift.options import ComparisonOptions
from bot.drift.surroundings import NOTABLE_KINDS, ComparisonContext
from bot.model.json import Pointer, Tree
from bot.model.resource import Desired, Observed

Key: TypeAlias = tuple[str | None, str, int, Pointer]


@dataclass(slots=True)
class _Entry:
    """One answer, the live version and base it was made of, and the round that asked for it last."""

    version: str
    base: Tree | None
    difference: PairResult
    round: int


class Memo:
    """Differences by where the declared side stands, with the live version and base they were made of.

    Holds what the last comparison used and nothing older.
    """

    def __init__(self) -> None:
        self._entries: dict[Key, _Entry] = {}
        self._round = 0
        self._stamp: tuple[ComparisonOptions, ComparisonContext] | None = None
        self._declared: Sequence[Desired] = ()
        self._notable: Sequence[Desired] = ()
        self._inner_memos: dict[str, Memo] = {}

    def of(self, name: str) -> Memo:
        """The memory of another comparison by its name: one for each place that is looked at by itself."""
        return self._inner_memos.setdefault(name, Memo()) if name else self

    def __len__(self) -> int:
        return len(self._entries)

    def begin(self, options: ComparisonOptions, around: ComparisonContext) -> None:
        """Forget everything if the question itself has changed."""
        if self._stamp != (options, around):
            self._entries = {}
            self._stamp = (options, around)
        self._round += 1

    def notable(self, desired: Sequence[Desired]) -> Sequence[Desired]:
        """Those that others depend on. A declaration that is the same object as before is not looked through again."""
        if desired is not self._declared or not isinstance(desired, tuple):
            self._declared = desired
            self._notable = [resource for resource in desired if resource.id.kind in NOTABLE_KINDS]
        return self._notable

    def find(self, desired: Desired, observed: Observed, base: Tree | None) -> PairResult | None:
        """What this very pair differed in; None when it was not met, or one of its sides is another now."""
        entry = self._entries.get((desired.blob, desired.file, desired.document, desired.root))
        if entry is None or entry.version != observed.version or entry.base != base:
            return None
        entry.round = self._round
        return entry.difference

    def keep(self, desired: Desired, observed: Observed, base: Tree | None, difference: PairResult) -> None:
        """Remember the answer where both sides can be told apart from their next version."""
        if desired.blob is not None and observed.version:
            key = (desired.blob, desired.file, desired.document, desired.root)
            self._entries[key] = _Entry(observed.version, base, difference, self._round)

    def end(self) -> None:
        """What this comparison did not ask for is gone."""
        self._entries = {key: entry for key, entry in self._entries.items() if entry.round == self._round}
