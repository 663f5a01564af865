"""The order in which tests are handed to the workers of pytest-xdist, each of which begins with a run of neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, cycle
from typing import TypeVar

_T = TypeVar("_T")


def shared_out(files: Sequence[Sequence[_T]], is_slow: Callable[[_T], bool], workers: int) -> list[_T]:
    """All tests of ``files``, so that each of ``workers`` equal parts begins with its share of the files with slow ones.

    They wait for much, which others fill, and none of them is left for the end, where one worker would run it alone. The
    other files stay beside their neighbours, with which they share what is prepared for a folder.
    """
    slow = [any(map(is_slow, tests)) for tests in files]
    parts: list[list[_T]] = [[] for _ in range(workers)]
    for part, tests in zip(cycle(parts), (each for each, late in zip(files, slow, strict=True) if late), strict=False):
        part.extend(tests)
    full = sum(map(len, files)) / workers
    for tests in (each for each, late in zip(files, slow, strict=True) if not late):
        next((part for part in parts if len(part) < full), parts[-1]).extend(tests)
    return [*chain.from_iterable(parts)]
