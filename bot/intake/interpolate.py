"""Compose's variable interpolation: ``${NAME}`` with defaults, alternatives and required ones.

The rules are those of the Compose specification, "Interpolation", and of ``template/template.go`` of compose-go, which carries
them out: a dollar sign that begins no variable is itself, braces inside a default are counted, a default is one line. The
process environment is not looked at: what Git declares must not depend on the machine that looks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR: Final = re.compile(r":-|-|:\?|\?|:\+|\+")
_BRACE: Final = re.compile(r"[{}]")
_DEEPEST: Final = 20
LONGEST: Final = 131_072
"""Characters that variables put into one text: Linux takes no longer variable (execve(2), MAX_ARG_STRLEN)."""


class Unsettled(str):
    """The value of a variable where another one stands in it that nothing in the repository sets: ``variable``."""

    __slots__ = ("variable",)

    variable: str

    @staticmethod
    def of(value: str, variable: str) -> Unsettled:
        """``value`` as it is without ``variable``."""
        unsettled = Unsettled(value)
        unsettled.variable = variable
        return unsettled


@dataclass(frozen=True, slots=True)
class Use:
    """One variable in a text: its name, the span of ``${...}`` in the text, and the span of its default if that counted."""

    name: str
    start: int
    end: int
    default: tuple[int, int] | None = None


@dataclass(slots=True)
class Interpolated:
    """A text with its variables filled in. ``unset`` are names without value or default, also those in values that were put
    in; ``problems`` are sentences.
    """

    text: str = ""
    uses: list[Use] = field(default_factory=list)
    unset: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    required: list[str] = field(default_factory=list)
    """The variables that have no value and must have one; ``problems`` tells of them, too."""
    names: list[str] = field(default_factory=list)
    """The variables whose values were put in, also where they stand in the default of another one."""
    added: int = 0
    """Characters of the values that were put in."""
    dropped: bool = False
    """Whether the text counts for nothing: only what is wrong with it is asked."""

    def inserted(self, name: str, value: str) -> str:
        """``value``, or nothing where that would make the text too long."""
        if self.dropped:
            return ""
        if isinstance(value, Unsettled):
            self.unset.append(value.variable)
        self.names.append(name)
        self.added += len(value)
        return value if self.added <= LONGEST else ""


def fill(text: str, variables: Mapping[str, str]) -> Interpolated:
    """``text`` with every variable replaced, in time that grows with its length. A mistake leaves the text as it is and is
    told in ``problems``.
    """
    filled = Interpolated()
    filled.text = _Filling(text, variables, filled, _closings(text)).between(0, len(text), 0)
    if filled.added > LONGEST:
        filled.text = text
        filled.problems.append(f"its variables put in more than {LONGEST} characters")
    return filled


def _closings(text: str) -> Mapping[int, int]:
    """The closing brace of each opening one that has any, by offset."""
    closings: dict[int, int] = {}
    open_braces: list[int] = []
    at = 0
    while brace := _BRACE.search(text, at):
        at = brace.end()
        if brace[0] == "{":
            open_braces.append(brace.start())
            at += 1  # compose-go passes over what follows (getFirstBraceClosingIndex): "${A:-{}}" is "{}"
        elif open_braces:
            closings[open_braces.pop()] = brace.start()
    return closings


@dataclass(frozen=True, slots=True)
class _Filling:
    """One text while its variables are filled in."""

    text: str
    variables: Mapping[str, str]
    filled: Interpolated
    closings: Mapping[int, int]

    def between(self, start: int, end: int, depth: int) -> str:
        """What stands from ``start`` to ``end``; ``depth`` is how many defaults it is in."""
        parts: list[str] = []
        at = start
        while (dollar := self.text.find("$", at, end)) >= 0:
            parts.append(self.text[at:dollar])
            part, at = self._variable(dollar, end, depth)
            parts.append(part)
        return "".join(parts) + self.text[at:end]

    def _variable(self, dollar: int, end: int, depth: int) -> tuple[str, int]:
        """What the dollar sign at ``dollar`` begins, and where it ends."""
        follows = self.text[dollar + 1 : dollar + 2] if dollar + 1 < end else ""
        if follows == "$":
            return "$", dollar + 2
        name = _NAME.match(self.text, dollar + 1, end)
        if name:
            if not depth:
                self.filled.uses.append(Use(name[0], dollar, name.end()))
            return self._plain(name[0]), name.end()
        if follows != "{":
            return "$", dollar + 1
        return self._braced(dollar, end, depth)

    def _plain(self, name: str) -> str:
        if name not in self.variables:
            self.filled.unset.append(name)
        return self.filled.inserted(name, self.variables.get(name, ""))

    def _braced(self, start: int, end: int, depth: int) -> tuple[str, int]:
        name = _NAME.match(self.text, start + 2, end)
        if name is None:
            return self._problem(start, min(start + 20, end))
        if self.text[name.end() : name.end() + 1] == "}" and name.end() < end:
            self._used(Use(name[0], start, name.end() + 1), depth)
            return self._plain(name[0]), name.end() + 1
        operator = _OPERATOR.match(self.text, name.end(), end)
        close = self._closing(start, end)
        if operator is None or close is None or self.text.find("\n", start, close) >= 0:
            return self._problem(start, end if close is None else close + 1)
        if depth >= _DEEPEST:
            return self._problem(start, close + 1, f"more than {_DEEPEST} defaults inside each other")
        return self._operated(Use(name[0], start, close + 1), operator, depth), close + 1

    def _closing(self, start: int, end: int) -> int | None:
        """The brace that closes the variable; without one, the last brace before the line ends."""
        close = self.closings.get(start + 1)
        if close is not None and close < end:
            return close
        line = self.text.find("\n", start, end)
        last = self.text.rfind("}", start, end if line < 0 else line)
        return None if last < 0 else last

    def _problem(self, start: int, end: int, reason: str = "") -> tuple[str, int]:
        excerpt = self.text[start : min(end, start + 60)]
        self.filled.problems.append(f"{excerpt!r} is not a variable" + (f": {reason}" if reason else ""))
        return self.text[start:end], end

    def _used(self, use: Use, depth: int) -> None:
        if not depth:
            self.filled.uses.append(use)

    def _operated(self, use: Use, operator: re.Match[str], depth: int) -> str:
        value, mark, argument = self.variables.get(use.name), operator[0], (operator.end(), use.end - 1)
        missing = value is None or (mark.startswith(":") and value == "")
        counts = mark.endswith("-") and missing
        self._used(Use(use.name, use.start, use.end, argument if counts else None), depth)
        if counts or (mark.endswith("+") and not missing):
            return self.between(*argument, depth + 1)
        self._unused(argument, depth)
        if mark.endswith("?") and missing:
            reason = self.text[slice(*argument)] or "it is not set"
            self.filled.required.append(use.name)
            self.filled.problems.append(f"the variable {use.name} is required: {reason}")
        return self.filled.inserted(use.name, value or "")

    def _unused(self, argument: tuple[int, int], depth: int) -> None:
        """Compose fills in a default that does not count and the reason of a required variable, too: what is wrong in there is
        wrong (``withDefaultWhenAbsence`` in ``template/template.go``).
        """
        dropped = Interpolated(dropped=True)
        replace(self, filled=dropped).between(*argument, depth + 1)
        self.filled.problems += dropped.problems
        self.filled.required += dropped.required
