"""Versions and constraints over them, as Helm, Flux and Argo CD read both: they share one library.

Source: Masterminds/semver v3, its README ("Checking Version Constraints") and ``constraints.go``. Versions may lack parts and
begin with ``v``; a version with a pre-release satisfies only constraints of which one names a pre-release too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import total_ordering
from typing import Final

_IDENTIFIERS: Final = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION: Final = re.compile(rf"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-({_IDENTIFIERS}))?(?:\+({_IDENTIFIERS}))?")
_PART: Final = r"[0-9]+|[xX*]"
_BOUND: Final = rf"v?({_PART})(?:\.({_PART}))?(?:\.({_PART}))?(?:-({_IDENTIFIERS}))?(?:\+{_IDENTIFIERS})?"
_OPERATOR: Final = r"!=|=>|=<|>=|<=|~>|=|>|<|~|\^|"
_COMPARATOR: Final = re.compile(rf"({_OPERATOR})\s*{_BOUND}")
_RANGE: Final = re.compile(r"\s*(\S+)\s+-\s+(\S+)\s*")
_BETWEEN: Final = re.compile(r"\s*,\s*(?=\S)|\s+|\Z")
_LONGEST: Final = 256
"""Characters of a version or constraint: ``MaxVersionLen`` of the library."""


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """One version; build metadata does not count when two are compared (semver.org 2.0.0, item 10)."""

    major: int
    minor: int
    patch: int
    pre: str = ""
    text: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __lt__(self, other: Version) -> bool:
        return self._key() < other._key()

    def _key(self) -> tuple[object, ...]:
        identifiers = tuple(
            (0, int(identifier), "") if identifier.isdecimal() else (1, 0, identifier)
            for identifier in self.pre.split(".")
            if identifier
        )
        return self.major, self.minor, self.patch, not self.pre, identifiers


def parse_version(text: str) -> Version | None:
    """The version that ``text`` is; None where it is none."""
    match = _VERSION.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    major, minor, patch, pre, _ = match.groups()
    if any(part and len(part) > 1 and part[0] == "0" and part.isdecimal() for part in (pre or "").split(".")):
        return None
    return Version(int(major), int(minor or 0), int(patch or 0), pre or "", text)


def is_exact(text: str) -> bool:
    """Whether ``text`` names one version, whole: it is the same tomorrow."""
    return re.fullmatch(rf"v?\d+\.\d+\.\d+(?:-{_IDENTIFIERS})?(?:\+{_IDENTIFIERS})?", text) is not None


@dataclass(frozen=True, slots=True)
class _Comparator:
    operator: str
    bound: Version
    parts: int
    """How many parts of the bound are written; the others are ``x``."""

    def takes(self, version: Version, *, previews: bool) -> bool:
        """Whether a version satisfies this one. ``previews``: those with a pre-release may."""
        bound, is_complete = self.bound, self.parts in {0, 3}  # in the library a bare x is 0.0.0 in all but name
        if version.pre and not bound.pre and not previews:
            return False
        match self.operator:
            case "!=":
                return self._differs(version)
            case ">":
                return version > bound if is_complete else self._prefix(version) > self._prefix(bound)
            case "<":
                return version < bound
            case ">=" | "=>":
                return version >= bound
            case "<=" | "=<":
                return version <= bound if self.parts == 3 else self._prefix(version) <= self._prefix(bound)
            case "^":
                return version >= bound and self._caret(version)
            case "~" | "~>":
                return self._tilde(version)
            case _:
                return version == bound if self.parts == 3 else self._tilde(version)

    def _prefix(self, version: Version) -> tuple[int, ...]:
        return (version.major, version.minor, version.patch)[: self.parts or 2]

    def _differs(self, version: Version) -> bool:
        if self.parts in {0, 3}:
            return version != self.bound
        if self._prefix(version) != self._prefix(self.bound):
            return True
        return self.parts == 2 and bool(version.pre or self.bound.pre) and version.pre != self.bound.pre

    def _tilde(self, version: Version) -> bool:
        bound = self.bound
        if version < bound:
            return False
        if (bound.major, bound.minor, bound.patch) == (0, 0, 0) and self.parts in {0, 3}:
            return True  # ~0.0.0 takes everything, for ~* is written so in the library
        return version.major == bound.major and (self.parts < 2 or version.minor == bound.minor)

    def _caret(self, version: Version) -> bool:
        bound = self.bound
        if bound.major > 0 or self.parts == 1:
            return version.major == bound.major
        if bound.minor > 0 or self.parts == 2:
            return (version.major, version.minor) == (0, bound.minor)
        return (version.major, version.minor, version.patch) == (0, 0, bound.patch)


@dataclass(frozen=True, slots=True)
class Constraint:
    """Which versions are taken: comparators that all hold, of one group at least."""

    groups: tuple[tuple[_Comparator, ...], ...]

    def takes(self, version: Version) -> bool:
        """Whether ``version`` satisfies it."""
        return any(
            all(comparator.takes(version, previews=any(sibling.bound.pre for sibling in group)) for comparator in group)
            for group in self.groups
        )

    def newest(self, versions: Iterable[Version]) -> Version | None:
        """The greatest version that satisfies it; None where none does."""
        return max((version for version in versions if self.takes(version)), default=None)


def parse_constraint(text: str) -> Constraint | None:
    """The constraint that ``text`` is; None where it is none."""
    if len(text) > _LONGEST:
        return None
    groups = []
    for part in _RANGE.sub(r" >=\1 <=\2 ", text).split("||"):
        group = _comparators(part.strip())
        if not group:
            return None
        groups.append(group)
    return Constraint(tuple(groups))


def _comparators(text: str) -> tuple[_Comparator, ...] | None:
    """Comparators with spaces or commas between them; None where something else stands there."""
    comparators: list[_Comparator] = []
    position = 0
    while position < len(text):
        match = _COMPARATOR.match(text, position)
        between = _BETWEEN.match(text, match.end()) if match else None
        if match is None or between is None:
            return None
        comparators.append(_comparator(*match.groups()))
        position = between.end()
    return tuple(comparators)


def _comparator(operator: str, major: str, minor: str | None, patch: str | None, pre: str | None) -> _Comparator:
    numbers: list[int] = []
    for part in (major, minor, patch):
        if part is None or not part.isdecimal():
            break
        numbers.append(int(part))
    parts = len(numbers)
    numbers += [0] * (3 - parts)
    return _Comparator(operator, Version(numbers[0], numbers[1], numbers[2], pre or ""), parts)
