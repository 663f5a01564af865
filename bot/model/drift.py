"""One field, or one resource, that differs; and the whole comparison as a report."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias

from bot.model.json import JSON, Pointer, canonical
from bot.model.paths import Path, format_path
from bot.model.resource import ResourceId, SourceError, Unreachable
from bot.model.severity import Severity


class DriftKind(StrEnum):
    """What is different."""

    CHANGED = "changed"
    """Declared and live, with another value."""
    ADDED = "added"
    """Live only: somebody added it outside Git."""
    REMOVED = "removed"
    """Applied earlier, gone from Git, still live."""
    MISSING = "missing"
    """Declared (a field or a whole resource), not live."""
    UNMANAGED = "unmanaged"
    """A whole live resource that Git does not declare."""
    UNHEALTHY = "unhealthy"
    STALE_ARTIFACT = "stale-artifact"
    IMAGE_MOVED = "image-moved"


@dataclass(frozen=True, slots=True)
class SetValue:
    """Write ``value`` at ``pointer``, which exists in the desired tree."""

    pointer: Pointer
    value: JSON


@dataclass(frozen=True, slots=True)
class AddEntry:
    """Add to the mapping (``key`` given) or append to the list (``key`` is None) at ``pointer``.

    Mappings on the way to ``pointer`` that the tree does not have yet are created.
    """

    pointer: Pointer
    key: str | None
    value: JSON


@dataclass(frozen=True, slots=True)
class RemoveEntry:
    """Remove the mapping entry or list element at ``pointer``."""

    pointer: Pointer


Edit: TypeAlias = SetValue | AddEntry | RemoveEntry
"""One change of a desired tree, in the tree's own (raw, short-syntax-keeping) vocabulary."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """What edits come to: changed files (path to new bytes; the others stay) and sentences a reviewer should see in the
    pull request.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drift:
    """One field, or one resource, that differs.

    ``path`` is canonical and for people and rules (``ports[80/tcp].published``); the empty path is the whole resource.
    ``desired`` and ``observed`` are canonical values, already masked when ``sensitive``. ``adopt`` holds the edits of
    the desired tree that would make Git say what is live; empty when no edit can. ``manager`` and ``changed_at`` tell
    who wrote the live value and when, where the platform knows. ``rule`` is the id of the severity rule.
    """

    resource: ResourceId
    task: str
    kind: DriftKind
    path: Path
    desired: JSON
    observed: JSON
    severity: Severity
    rule: str
    file: str | None = None
    line: int | None = None
    manager: str | None = None
    changed_at: datetime | None = None
    sensitive: bool = False
    message: str | None = None
    evidence: tuple[str, ...] = ()
    adopt: tuple[Edit, ...] = field(default=(), compare=False)

    @property
    def declared_at(self) -> str:
        """``file:line`` in Git, as far as known; empty where no file declares it."""
        return f"{self.file}:{self.line}" if self.file and self.line else self.file or ""

    @property
    def where(self) -> str:
        """The path as text; empty for the whole resource."""
        return format_path(self.path)

    @property
    def id(self) -> str:
        """The fingerprint: 16 hex digits over resource, path, kind and both values; the same for the same drift."""
        facts = [
            self.resource.platform,
            self.resource.group,
            str(self.resource),
            self.kind,
            self.where,
            self.desired,
            self.observed,
            *([self.resource.target] if self.resource.target else []),
        ]
        return hashlib.sha256(canonical(facts)).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A drift that an ignore rule or an owning controller hides, and which."""

    drift: Drift
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class IgnoreNote:
    """What a reader should know: an ignore rule that is unused, expired or overruled (by a CRITICAL drift), or a place
    (``file:line``, or a repository that declares nothing) that is not compared because Git alone cannot tell it, or a file
    without which settings do nothing.
    """

    rule: str
    state: str
    detail: str


LEFT_OUT: Final[Mapping[str, str]] = {
    "default": "equals its default, or says no more than its absence",
    "server": "the server fills it in where Git is silent",
    "allocated": "the platform gives it out",
    "image": "image or engine bring it",
    "trace": "a note of what a tool did on the way",
}
"""Why live fields of which Git says nothing are no difference."""


@dataclass(frozen=True, slots=True)
class Report:
    """The whole comparison of one commit with one observation. ``resources`` counts declared resources."""

    resources: int
    drift: tuple[Drift, ...] = ()
    errors: tuple[SourceError, ...] = ()
    unreachable: tuple[Unreachable, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    notes: tuple[IgnoreNote, ...] = ()
    targets: Mapping[str, int] = field(default_factory=dict)
    """The named targets that were compared, each with how many resources it declares."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """How many live fields were passed over, by why (the keys of :data:`LEFT_OUT`)."""

    @property
    def drift_by_target(self) -> Mapping[str, int]:
        """How much drift each of the named targets has, those in sync among them."""
        counts = Counter(drift.resource.target for drift in self.drift)
        return {name: counts[name] for name in self.targets}
