"""Programs of regular expressions: the parts of an expression, and the steps that find it.

Source: Russ Cox, "Regular Expression Matching: the Virtual Machine Approach" (https://swtch.com/~rsc/regexp/regexp2.html).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from bot.assembly.faults import Misuse
from bot.assembly.regex.characters import Condition, Test

_MOST_STEPS: Final = 2000


class BadPattern(Misuse):
    """Text that is no regular expression; ``fault`` is what is wrong in it."""

    def __init__(self, fault: str) -> None:
        super().__init__(f"takes a regular expression; this has {fault}")


@dataclass(frozen=True, slots=True)
class Take:
    """Go on with the next step if the character passes the test."""

    test: Test


@dataclass(frozen=True, slots=True)
class Hold:
    """Go on where the condition holds at this position."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Save:
    """Remember the position: groups have two slots each, where they begin and where they end."""

    slot: int


@dataclass(slots=True)
class Fork:
    """Go on at ``first`` and, where that leads to no match, at ``second``."""

    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Jump:
    """Go on at ``target``."""

    target: int


@dataclass(frozen=True, slots=True)
class Done:
    """A match."""


Step: TypeAlias = Take | Hold | Save | Fork | Jump | Done


@dataclass(frozen=True, slots=True)
class RegexProgram:
    """``names`` are those of the groups, in order; None for a group without one."""

    steps: tuple[Step, ...]
    names: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class RegexGroup:
    """The ``index``-th group; 0 is the whole expression."""

    index: int
    part: Part


@dataclass(frozen=True, slots=True)
class Row:
    """Parts one after another."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some parts, the first that leads to a match."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A part ``low`` to ``high`` times, as often as can be or, when ``lazy``, as seldom."""

    part: Part
    low: int
    high: int | None
    lazy: bool


Part: TypeAlias = "Take | Hold | RegexGroup | Row | Choice | Repeat"


def compiled(part: Part, names: Sequence[str | None]) -> RegexProgram:
    """The program of a whole expression whose groups have these names. Raises :class:`BadPattern` if it is too large."""
    writer = _Writer()
    writer.write(RegexGroup(0, part))
    return RegexProgram((*writer.steps, Done()), tuple(names))


@dataclass(slots=True)
class _Writer:
    """Writes parts as steps (Russ Cox, "Regular Expression Matching: the Virtual Machine Approach")."""

    steps: list[Step] = field(default_factory=list)

    def write(self, part: Part) -> None:
        match part:
            case Take() | Hold():
                self._add(part)
            case RegexGroup(index, inner):
                self._add(Save(2 * index))
                self.write(inner)
                self._add(Save(2 * index + 1))
            case Row(parts):
                for inner in parts:
                    self.write(inner)
            case Choice(parts):
                self._choose(parts)
            case Repeat():
                self._repeat(part)

    def _add(self, step: Step) -> None:
        if len(self.steps) >= _MOST_STEPS:
            raise BadPattern("too large an expression")
        self.steps.append(step)

    def _fork(self, *, lazy: bool) -> Callable[[], None]:
        """A fork into what is written next and, once the answer is called, what is written after that."""
        position = len(self.steps)
        fork = Fork(position + 1, position + 1)
        self._add(fork)

        def join() -> None:
            fork.second = len(self.steps)
            if lazy:
                fork.first, fork.second = fork.second, fork.first

        return join

    def _choose(self, parts: tuple[Part, ...]) -> None:
        ends: list[int] = []
        for inner in parts[:-1]:
            join = self._fork(lazy=False)
            self.write(inner)
            ends.append(len(self.steps))
            self._add(Jump(0))
            join()
        self.write(parts[-1])
        for end in ends:
            self.steps[end] = Jump(len(self.steps))

    def _repeat(self, part: Repeat) -> None:
        for _ in range(part.low if part.high is not None else part.low - 1):
            self.write(part.part)
        if part.high is None:
            join = None if part.low else self._fork(lazy=part.lazy)
            start = len(self.steps)
            self.write(part.part)
            again, on = start, len(self.steps) + 1
            self._add(Fork(on, again) if part.lazy else Fork(again, on))
            if join:
                join()
            return
        joins = []
        for _ in range(part.high - part.low):
            joins.append(self._fork(lazy=part.lazy))
            self.write(part.part)
        for join in joins:
            join()
