"""Variables in Compose files: ``$NAME``, ``${NAME}``, defaults, alternatives and required ones, and ``.env`` files.

The rules are those of the Compose specification, "Interpolation". The process environment is not looked at: what Git
declares must not depend on the machine that looks. ``.env`` files: Docker documentation, "Set, use, and manage variables in
a Compose file with interpolation", ".env file syntax".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR: Final = re.compile(r":-|-|:\?|\?|:\+|\+")
_LINE: Final = re.compile(r"\s*(?:export\s+)?(?P<key>[A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(?P<value>.*?)\s*\Z")
_SINGLE: Final = re.compile(r"'([^']*)'\s*(?:#.*)?\Z")
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?\Z')


@dataclass(frozen=True, slots=True)
class Use:
    """One variable in a text: its name, the span of ``${...}`` in the text, and the span of its default if that counted."""

    name: str
    start: int
    end: int
    default: tuple[int, int] | None = None


@dataclass(slots=True)
class Interpolated:
    """A text with its variables filled in. ``unset`` are names without value or default, ``problems`` are sentences."""

    text: str = ""
    uses: list[Use] = field(default_factory=list)
    unset: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def fill(text: str, variables: Mapping[str, str], *, depth: int = 0) -> Interpolated:
    """``text`` with every variable replaced. A mistake leaves the text as it is and is told in ``problems``."""
    filled = Interpolated()
    parts: list[str] = []
    at = 0
    while (dollar := text.find("$", at)) >= 0:
        parts.append(text[at:dollar])
        if text.startswith("$$", dollar):
            parts.append("$")
            at = dollar + 2
            continue
        name = _NAME.match(text, dollar + 1)
        if name:
            filled.uses.append(Use(name[0], dollar, name.end()))
            parts.append(_plain(name[0], variables, filled))
            at = name.end()
        elif text.startswith("${", dollar) and (end := _closing(text, dollar + 2)) is not None and depth < 20:
            parts.append(_braced(text, (dollar, end), variables, filled, depth))
            at = end + 1
        else:
            filled.problems.append(f"{text[dollar : dollar + 20]!r} is not a variable; a dollar sign is written '$$'")
            parts.append("$")
            at = dollar + 1
    filled.text = "".join(parts) + text[at:]
    return filled


def _plain(name: str, variables: Mapping[str, str], filled: Interpolated) -> str:
    if name not in variables:
        filled.unset.append(name)
    return variables.get(name, "")


def _closing(text: str, at: int) -> int | None:
    depth = 1
    for index in range(at, len(text)):
        if text.startswith("${", index):
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if depth == 0:
                return index
    return None


def _braced(text: str, span: tuple[int, int], variables: Mapping[str, str], filled: Interpolated, depth: int) -> str:
    start, end = span
    name = _NAME.match(text, start + 2)
    operator = _OPERATOR.match(text, name.end()) if name else None
    if name is None or (operator is None and name.end() != end):
        filled.problems.append(f"{text[start : end + 1]!r} is not a variable")
        return text[start : end + 1]
    value = variables.get(name[0])
    mark = operator[0] if operator else ""
    missing = value is None or (mark.startswith(":") and value == "")
    word_at = operator.end() if operator else end
    use = Use(name[0], start, end + 1, (word_at, end) if mark.endswith("-") and missing else None)
    filled.uses.append(use)
    if mark.endswith("-") and missing:
        return _word(text[word_at:end], variables, filled, depth)
    if mark.endswith("+"):
        return "" if missing else _word(text[word_at:end], variables, filled, depth)
    if mark.endswith("?") and missing:
        filled.problems.append(f"the variable {name[0]} is required: {text[word_at:end] or 'it is not set'}")
    elif value is None:
        filled.unset.append(name[0])
    return value or ""


def _word(word: str, variables: Mapping[str, str], filled: Interpolated, depth: int) -> str:
    inner = fill(word, variables, depth=depth + 1)
    filled.unset += inner.unset
    filled.problems += inner.problems
    return inner.text


@dataclass(frozen=True, slots=True)
class EnvLine:
    """One assignment of a ``.env`` file. Lines count from 1.

    ``start`` and ``end`` are the offsets of the value as it is spelled: with its quotes, without blanks and comment.
    """

    key: str
    value: str
    line: int
    start: int
    end: int


def parse_env(chars: str) -> tuple[EnvLine, ...]:
    """The assignments of a ``.env`` file in order; what is no assignment is passed over, as Compose does for comments."""
    assignments: list[EnvLine] = []
    known: dict[str, str] = {}
    at = 0
    for number, line in enumerate(chars.split("\n"), 1):
        match = None if line.lstrip().startswith("#") else _LINE.match(line.removesuffix("\r"))
        if match:
            known[match["key"]], length = _env_value(match["value"], known)
            start = at + match.start("value")
            assignments.append(EnvLine(match["key"], known[match["key"]], number, start, start + length))
        at += len(line) + 1
    return tuple(assignments)


def _env_value(raw: str, known: Mapping[str, str]) -> tuple[str, int]:
    """The value that ``raw`` spells, and how many characters of it are that spelling."""
    single = _SINGLE.match(raw)
    if single:
        return single[1], len(single[1]) + 2
    double = _DOUBLE.match(raw)
    if double:
        return fill(double[1].replace("\\n", "\n").replace('\\"', '"'), known).text, len(double[1]) + 2
    spelled = re.split(r"\s+#", raw, maxsplit=1)[0].strip()
    return fill(spelled, known).text, len(spelled)
