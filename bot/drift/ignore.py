"""Ignore rules: what a person has decided not to hear about, why, and until when.

The file is a mapping with one key, ``ignores``, a list of rules::

    ignores:
      - id: web-replicas              # optional; "file#number" otherwise
        target: prod                  # optional glob: a target of `clockwork targets`; all of them when left out
        resource: Deployment/shop/*   # glob over the resource without its target; everything when left out
        selector: app=web,tier!=db    # optional: by the labels in Git (metadata.labels, or labels of a Compose service),
                                      # live ones only where Git does not declare the resource; as text like here
                                      # (also: key in (a,b), key notin (a,b), key, !key), or a mapping with matchLabels
                                      # and matchExpressions
        path: spec.template.spec.containers[*].image   # this path and everything below it
        kinds: [changed, added]       # optional
        reason: the canary changes it # required
        owner: team-shop              # optional
        expires: 2026-12-31           # optional, the last day it counts (UTC)
        allow_critical: false         # a CRITICAL drift is reported anyway unless this is true

Read by wiring, applied by :mod:`bot.drift.compare`, explained by ``clockwork drift --ignore-explain``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.drift.selector import Labels, Selector, parse
from bot.errors import Invalid
from bot.intake.lined import read_document
from bot.intake.mistakes import reason
from bot.model.drift import Drift, DriftKind, IgnoreNote, Report, Suppressed
from bot.model.globs import name_matches, path_covers
from bot.model.paths import Path, parse_path
from bot.model.resource import Desired, LeftAlone, ResourceId
from bot.model.severity import Severity

_CHANGES: Final = frozenset({DriftKind.CHANGED, DriftKind.ADDED, DriftKind.REMOVED, DriftKind.MISSING})
"""Differences within a resource."""
LabelsOf: TypeAlias = Callable[[ResourceId], Labels | None]
"""The labels of a resource; None where its platform has none."""


@dataclass(frozen=True)
class IgnoreRule:
    """One rule. ``path`` is parsed; ``*`` is any one part and ``**`` any number of them.

    ``group`` and ``managers`` (who wrote the live value) are said by rules that are ``taken_over`` from the object of a
    controller, which may be about more than there is.
    """

    id: str
    reason: str
    resource: str = "*"
    target: str | None = None
    selector: Selector | None = None
    path: Path = ()
    kinds: frozenset[DriftKind] = frozenset()
    owner: str | None = None
    expires: date | None = None
    allow_critical: bool = False
    file: str = ""
    group: str | None = None
    managers: frozenset[str] = frozenset()
    taken_over: bool = False

    def expired(self, now: datetime) -> bool:
        """Whether its last day is over (UTC)."""
        return self.expires is not None and now.astimezone(UTC).date() > self.expires

    def matches(self, drift: Drift, labels_of: LabelsOf) -> bool:
        """Whether it is about ``drift``, expired or not."""
        if self.kinds and drift.kind not in self.kinds:
            return False
        if self.target is not None and not name_matches(self.target, drift.resource.target):
            return False
        if (self.group is not None and self.group != drift.resource.group) or (
            self.managers and drift.manager not in self.managers
        ):
            return False
        if not (name_matches(self.resource, str(drift.resource)) and path_covers(self.path, drift.path)):
            return False
        if self.selector is None:
            return True
        labels = labels_of(drift.resource)
        return labels is not None and self.selector.selects(labels)


@dataclass(frozen=True, slots=True)
class Ignores:
    """The rules of one or more files, in order: the first that matches and may hide it does."""

    rules: tuple[IgnoreRule, ...] = ()

    def __add__(self, other: Ignores) -> Ignores:
        return Ignores((*self.rules, *other.rules))


@dataclass(frozen=True, slots=True)
class IgnoreResult:
    """Drifts after the rules: what is left, what is hidden, and which rules need a person."""

    reported: tuple[Drift, ...]
    suppressed: tuple[Suppressed, ...]
    notes: tuple[IgnoreNote, ...]


@dataclass(frozen=True, slots=True)
class IgnoreExplanation:
    """One rule and what it did: ``state`` is active, unused, expired or overruled."""

    rule: IgnoreRule
    state: str
    hidden: int
    detail: str


def apply_ignores(
    drifts: Sequence[Drift], ignores: Ignores, now: datetime, labels_of: LabelsOf = lambda _: {}
) -> IgnoreResult:
    """Every drift either kept or hidden by a rule that is in force; nothing is dropped."""
    kept_drifts: list[Drift] = []
    hidden: list[Suppressed] = []
    used: set[str] = set()
    overruled: dict[str, list[Drift]] = {}
    for drift in drifts:
        matching = [rule for rule in ignores.rules if rule.matches(drift, labels_of)]
        used.update(rule.id for rule in matching)
        active = [rule for rule in matching if not rule.expired(now)]
        allowed = [rule for rule in active if drift.severity is not Severity.CRITICAL or rule.allow_critical]
        if allowed:
            hidden.append(Suppressed(drift, f"ignore:{allowed[0].id}", allowed[0].reason))
        else:
            kept_drifts.append(drift)
            for rule in active:
                overruled.setdefault(rule.id, []).append(drift)
    return IgnoreResult(tuple(kept_drifts), tuple(hidden), tuple(_notes(ignores, used, overruled, now)))


def _notes(ignores: Ignores, used: set[str], overruled: dict[str, list[Drift]], now: datetime) -> list[IgnoreNote]:
    notes: list[IgnoreNote] = []
    for rule in ignores.rules:
        owner = f" (owner: {rule.owner})" if rule.owner else ""
        if rule.expired(now):
            notes.append(IgnoreNote(rule.id, "expired", f"expired on {rule.expires}{owner}: renew or remove it"))
        elif rule.id not in used and not rule.taken_over:
            notes.append(IgnoreNote(rule.id, "unused", f"matches nothing{owner}: remove it, or look at its pattern"))
        for drift in overruled.get(rule.id, ()):
            location = f"{drift.resource.qualified} {drift.where}".strip()
            notes.append(IgnoreNote(rule.id, "overruled", f"{location} is CRITICAL and reported anyway{owner}"))
    return notes


def explain(ignores: Ignores, report: Report) -> tuple[IgnoreExplanation, ...]:
    """What each rule did in ``report``, in the order of the rules."""
    notes: dict[str, list[IgnoreNote]] = {}
    for note in report.notes:
        notes.setdefault(note.rule, []).append(note)
    hidden = Counter(suppressed.by for suppressed in report.suppressed)
    return tuple(_explanation(rule, hidden[f"ignore:{rule.id}"], notes.get(rule.id, [])) for rule in ignores.rules)


def _explanation(rule: IgnoreRule, count: int, notes: list[IgnoreNote]) -> IgnoreExplanation:
    detail = "; ".join(note.detail for note in notes) or rule.reason
    return IgnoreExplanation(rule, notes[0].state if notes else "active", count, detail)


def of_resources(resources: Iterable[Desired]) -> Ignores:
    """The rules that declarations have with them, with file and line as their reason."""
    return Ignores(tuple(_of_place(desired, left_alone) for desired in resources for left_alone in desired.left_alone))


def _of_place(desired: Desired, left_alone: LeftAlone) -> IgnoreRule:
    at = f"{left_alone.file}:{left_alone.line}"
    return IgnoreRule(
        f"{at} {left_alone.name}",
        f"{at} ignores changes of {left_alone.name}",
        str(desired.id.local),
        target=desired.id.target,
        group=desired.id.group,
        path=left_alone.path,
        kinds=_CHANGES,
        file=left_alone.file,
        taken_over=True,
    )


def _texts(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    id: str | None = Field(default=None, min_length=1)
    target: str | None = Field(default=None, min_length=1)
    resource: str = Field(default="*", min_length=1)
    selector: Any = None
    path: str = ""
    kinds: Annotated[frozenset[DriftKind], BeforeValidator(_texts)] = frozenset()
    reason: str = Field(min_length=1)
    owner: str | None = None
    expires: date | None = None
    allow_critical: bool = False


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ignores: list[_Rule] = []


def load(data: bytes, file: str) -> Ignores:
    """The rules of one file. Raises :class:`~bot.errors.Invalid` that names file, rule and what to do."""
    document = read_document(data, file, not_yaml="not YAML")
    try:
        parsed = _File.model_validate(document.value or {})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        location = ".".join(str(part) for part in first["loc"])
        raise Invalid(
            f"{file}:{document.line(first['loc'])}: {location}: {reason(first)}",
            advice=f"an ignore rule needs a reason; see the keys {', '.join(_Rule.model_fields)}",
        ) from error
    rules = tuple(_rule(rule, number, file) for number, rule in enumerate(parsed.ignores, start=1))
    _refuse_twins(rules, file)
    return Ignores(rules)


def _rule(rule: _Rule, number: int, file: str) -> IgnoreRule:
    try:
        path = parse_path(rule.path)
    except Invalid as error:
        raise Invalid(f"{file}: ignores.{number - 1}.path: {error.message}") from error
    try:
        selector = parse(rule.selector) if "selector" in rule.model_fields_set else None
    except Invalid as error:
        raise Invalid(f"{file}: ignores.{number - 1}.selector: {error.message}") from error
    own_fields = {"id": rule.id or f"{file}#{number}", "selector": selector, "path": path, "file": file}
    return IgnoreRule(**{**dict(rule), **own_fields})


def _refuse_twins(rules: Sequence[IgnoreRule], file: str) -> None:
    seen_ids: set[str] = set()
    for rule in rules:
        if rule.id in seen_ids:
            raise Invalid(f"{file}: two ignore rules have the id {rule.id!r}", advice="give each rule its own id")
        seen_ids.add(rule.id)
