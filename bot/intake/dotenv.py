"""Files of variables: ``.env``, ``env_file`` in both of its formats, ``label_file``.

Called by :mod:`bot.intake.compose_file` to read and by :mod:`bot.edits` to find the line that gives a value. Sources: Docker
documentation, "Set, use, and manage variables in a Compose file with interpolation", ".env file syntax"; where that is silent
``dotenv/parser.go`` of compose-go, and for ``format: raw`` ``pkg/kvfile`` of docker/cli.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from bot.intake.interpolate import LONGEST, Interpolated, Unsettled, fill

_BLANK: Final = " \t\v\f\r\x85\xa0"
_START: Final = re.compile(r"\s*")
_EXPORT: Final = re.compile(rf"export[{_BLANK}]+")
_KEY: Final = re.compile(rf"(?P<key>[\w.\-\[\]{_BLANK}]*)(?P<end>[=:\n]|\Z)")
_GAP: Final = re.compile(rf"(?:(?!\r?\n)[{_BLANK}])*")
_QUOTED: Final = {
    "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
}
_ESCAPE: Final = re.compile(r"\\([abcfnrtv$\"\\]|0\d{0,3})")
_ESCAPED: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    '"': '"',
    "\\": "\\",
    "$": "$$",
}
_GROWTH: Final = 64
"""Characters that variables put in, for each that is written, beside one longest value."""
_RAW: Final = re.compile(r"(?P<key>[^=\n]*)(?:=(?P<value>[^\n]*))?(?:\n|\Z)")


@dataclass(frozen=True, slots=True)
class EnvLine:
    """One assignment. Lines count from 1.

    ``start`` and ``end`` are the offsets of the value as it is spelled: with its quotes, without blanks and comment.
    ``unset`` are variables in it that have no value; ``plain`` says that nothing in it is replaced (``format: raw``).
    """

    key: str
    value: str
    line: int
    start: int
    end: int
    unset: tuple[str, ...] = ()
    plain: bool = False
    names: tuple[str, ...] = ()
    """The variables whose values were put in."""
    problem: str = ""
    """Why Compose refuses the value: none of what is written there, which may be a secret."""


@dataclass(frozen=True, slots=True)
class EnvText:
    """The assignments of one file in order, and the line (from 1) and reason for which reading stopped: none of what is
    written there, which may be a secret.
    """

    lines: tuple[EnvLine, ...] = ()
    problem: tuple[int, str] | None = None
    inherited: tuple[str, ...] = ()
    """Names that stand alone and that nothing here gives a value: they come from the shell."""


def parse_env(
    chars: str,
    known_variables: Mapping[str, str] | None = None,
    earlier: Mapping[str, str] | None = None,
    *,
    raw: bool = False,
) -> EnvText:
    """The assignments of ``chars``; ``known_variables`` come before those of the file itself, which come before those
    of ``earlier`` files. ``raw``: each value is what stands behind the equals sign.
    """
    reading = _Reading(chars, dict(known_variables or {}), assigned=dict(earlier or {}))
    return reading.raw() if raw else reading.expanded()


@dataclass(frozen=True, slots=True)
class _Spelled:
    """The variables in a value that have none, and those that were put in."""

    unset: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    problem: str = ""


@dataclass(slots=True)
class _Reading:
    chars: str
    variables: dict[str, str]
    lines: list[EnvLine] = field(default_factory=list)
    assigned: dict[str, str] = field(default_factory=dict)
    inherited: list[str] = field(default_factory=list)
    added: int = 0
    number: int = 1
    counted: int = 0

    def expanded(self) -> EnvText:
        at = self._start(0)
        while at < len(self.chars):
            if self.chars[at] == "#":
                end = self.chars.find("\n", at)
                at = self._start(end) if end >= 0 else len(self.chars)
                continue
            after = self._assignment(at)
            if isinstance(after, str):
                return self._ended((self._line(at), after))
            at = self._start(after)
        return self._ended(None)

    def _ended(self, problem: tuple[int, str] | None) -> EnvText:
        return EnvText(tuple(self.lines), problem, tuple(self.inherited))

    def _start(self, at: int) -> int:
        blank = _START.match(self.chars, at)
        return blank.end() if blank else at

    def _line(self, at: int) -> int:
        """The number of the line that holds the offset ``at``, which only grows."""
        self.number += self.chars.count("\n", self.counted, at)
        self.counted = at
        return self.number

    def _assignment(self, at: int) -> int | str:
        """Where the assignment at ``at`` ends, or what is wrong with it."""
        export = _EXPORT.match(self.chars, at)
        match = _KEY.match(self.chars, export.end() if export else at)
        key = match["key"].strip() if match else ""
        if match is None or re.search(rf"[{_BLANK}]", key):
            return "this line does not begin with the name of a variable"
        if match["end"] in {"", "\n"}:
            self._inherit(key, at)
            return match.end()
        gap = _GAP.match(self.chars, match.end())
        return self._value(key, gap.end() if gap else match.end())

    def _inherit(self, key: str, at: int) -> None:
        """A name alone takes the value that it has outside."""
        if key in self.variables:
            self._add(key, self.variables[key], at, at, _Spelled((), (key,)))
        else:
            self.inherited.append(key)

    def _value(self, key: str, at: int) -> int | str:
        quote = self.chars[at : at + 1]
        if quote in _QUOTED:
            match = _QUOTED[quote].match(self.chars, at)
            if match is None:
                return f"the value of {key} begins with {quote} and does not end with it"
            value, spelled = self._unquoted(match[1], quote)
            self._add(key, value, at, match.end(), spelled)
            return match.end()
        end = self.chars.find("\n", at)
        end = len(self.chars) if end < 0 else end
        value_text = self.chars[at:end].partition(" #")[0].rstrip()
        value, spelled = self._filled(value_text)
        self._add(key, value, at, at + len(value_text), spelled)
        return end

    def _unquoted(self, inner: str, quote: str) -> tuple[str, _Spelled]:
        text = inner.replace(f"\\{quote}", quote)
        return (text, _Spelled()) if quote == "'" else self._filled(_ESCAPE.sub(_meaning, text))

    def _filled(self, text: str) -> tuple[str, _Spelled]:
        if "$" not in text:
            return text, _Spelled()
        filled = fill(text, ChainMap(self.variables, self.assigned))
        self.added += filled.added
        if self.added > LONGEST + _GROWTH * len(self.chars):
            return text, _Spelled(("the variables of this file repeat each other too often",))
        return filled.text, _Spelled((*filled.unset, *filled.problems), tuple(filled.names), _problem(filled))

    def _add(self, key: str, value: str, start: int, end: int, spelled: _Spelled) -> None:
        if spelled.unset:
            cause = spelled.unset[0]
            value = Unsettled.of(value, cause if re.fullmatch(r"\w+", cause) else key)
        self.assigned[key] = value
        line = EnvLine(key, value, self._line(start), start, end, unset=spelled.unset, names=spelled.names)
        self.lines.append(replace(line, problem=f"the value of {key} {spelled.problem}") if spelled.problem else line)

    def raw(self) -> EnvText:
        at = 0
        while at < len(self.chars):
            match = _RAW.match(self.chars, at)
            if match is None:
                break
            at = match.end()
            key = match["key"].lstrip().removesuffix("\r")
            if not key or key.startswith("#"):
                continue
            if re.search(r"\s", key):
                return self._ended((self._line(match.start()), "the name of a variable has a blank in it"))
            if match["value"] is not None:
                value = match["value"].removesuffix("\r")
                line = EnvLine(
                    key, value, self._line(match.start()), match.start("value"), match.start("value") + len(value)
                )
                self.lines.append(EnvLine(line.key, value, line.line, line.start, line.end, plain=True))
            else:
                self._inherit(key, match.start())
        return self._ended(None)


def _problem(filled: Interpolated) -> str:
    if filled.required:
        return f"needs the variable {filled.required[0]}, which is not set"
    return "has a dollar sign before what is no variable" if filled.problems else ""


def _meaning(escape: re.Match[str]) -> str:
    """What an escape in double quotes stands for; one that Go does not know stays, an octal one without its zero."""
    letters = escape[1]
    if letters[0] == "0":
        number = int(letters, 8) if len(letters) == 4 and set(letters) <= set("01234567") else None
        return f"\\{letters[1:]}" if number is None or number > 255 else chr(number)
    return _ESCAPED.get(letters, escape[0])
