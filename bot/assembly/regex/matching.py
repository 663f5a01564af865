"""Runs the programs of regular expressions over text: all alternatives side by side, one character at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from bot.assembly.faults import EvaluationBudget, Misuse

Slots: TypeAlias = tuple[int | None, ...]
"""Where the groups begin and end: two positions for each, the whole match first; None for a group without a part in it."""
_Thread: TypeAlias = tuple[int, Slots]

_STEPS_PER_VALUE: Final = 50


@dataclass(frozen=True, slots=True)
class Take:
    """Go on with the next step if the character passes the test."""

    test: Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Hold:
    """Go on where the condition, which takes no character, matches at this position."""

    condition: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Save:
    """Remember the position: groups have two slots each, where they begin and where they end."""

    slot: int


@dataclass(frozen=True, slots=True)
class Go:
    """Go on so many steps from here and, where the first of these ways leads to no match, the other way."""

    ways: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """A match."""


Steps: TypeAlias = "tuple[Take | Hold | Save | Go | Done, ...]"


@dataclass(frozen=True, slots=True)
class RegexProgram:
    """``names`` are those of the groups, in order; None for a group without one."""

    steps: Steps
    names: tuple[str | None, ...]


def find_all(program: RegexProgram, text: str, budget: EvaluationBudget) -> Iterator[Slots]:
    """All matches from left to right. An empty one right behind another does not count (Go, ``FindAll``)."""
    start, last = 0, -1
    while start <= len(text):
        slots = search(program, text, start, budget)
        if slots is None:
            return
        begin, end = slots[0] or 0, slots[1] or 0
        if end > begin or begin != last:
            yield slots
        last = end
        start = end if end > start else start + 1


def search(program: RegexProgram, text: str, start: int, budget: EvaluationBudget) -> Slots | None:
    """The leftmost match from ``start`` on; of those that begin there, the one that alternatives in their order give.

    Source: Rob Pike's algorithm in Russ Cox, "Regular Expression Matching: the Virtual Machine Approach". Its time is
    the length of the program times that of the text; ``budget`` is charged for it.
    """
    threads: list[_Thread] = []
    best: Slots | None = None
    nothing: Slots = (None,) * (2 * len(program.names) + 2)
    spent = 0
    for index in range(start, len(text) + 1):
        if best is None:
            threads.append((0, nothing))
        elif not threads:
            break
        threads, slots, steps = _followed(program, threads, text, index)
        best = slots or best
        spent += steps
        if spent >= _STEPS_PER_VALUE:
            if not budget.spend(spent // _STEPS_PER_VALUE):
                raise Misuse("takes too long with these values")
            spent %= _STEPS_PER_VALUE
    return best


def _followed(
    program: RegexProgram, threads: list[_Thread], text: str, index: int
) -> tuple[list[_Thread], Slots | None, int]:
    """The threads after the character at ``index``, the match that ends before it, and how many steps that took.

    ``threads`` are in the order of preference: what comes after a match is given up.
    """
    steps, known_steps, kept_threads = program.steps, set[int](), list[_Thread]()
    todo = threads[::-1]
    character = text[index] if index < len(text) else None
    step_count = 0
    while todo:
        at, slots = todo.pop()
        if at in known_steps:
            continue
        known_steps.add(at)
        step_count += 1
        match steps[at]:
            case Take(test):
                if character is not None and test(character):
                    kept_threads.append((at + 1, slots))
            case Hold(condition):
                if condition.match(text, index):
                    todo.append((at + 1, slots))
            case Save(slot):
                todo.append((at + 1, (*slots[:slot], index, *slots[slot + 1 :])))
            case Go(ways):
                todo += [(at + way, slots) for way in reversed(ways)]
            case Done():
                return kept_threads, slots, step_count
    return kept_threads, None, step_count
