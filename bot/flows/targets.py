"""The targets of a repository for people: what was found, how, what is not compared and why. Behind ``clockwork
targets``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from bot.flows.declare import Declaration
from bot.model.drift import IgnoreNote
from bot.model.json import facts
from bot.model.target import Unit, UnitKind
from bot.model.upstream import UpstreamSource


@dataclass(frozen=True, slots=True)
class ListedUnit:
    """One thing that is rendered for a target. ``problem`` is why it could not be; None when it could. ``fetched`` is what
    it was made from beside files of the repository.
    """

    kind: str
    name: str
    path: str
    how: str
    objects: int
    problem: str | None
    subject: str = ""
    """What the problem is about, as notes call it."""
    fetched: tuple[UpstreamSource, ...] = ()
    release: str = ""
    """The name of a chart's release, as settings have it."""
    values: tuple[str, ...] = ()
    """The values files of a chart, as settings have them."""


@dataclass(frozen=True, slots=True)
class UnitKindFigures:
    """The units of one kind that a target has: how many could be rendered and to how many objects, how many not."""

    kind: str
    rendered: int
    objects: int
    failed: int


@dataclass(frozen=True, slots=True)
class ListedTarget:
    """One target. ``observer`` is its own live-state source by its name, empty for the repository's."""

    name: str
    declared: bool
    observer: str
    paths: tuple[str, ...]
    resources: int
    compared: bool
    units: tuple[ListedUnit, ...]

    def by_kind(self) -> tuple[UnitKindFigures, ...]:
        """The units in short, those of a kind together."""
        kinds = dict.fromkeys(unit.kind for unit in self.units)
        same = {kind: [unit for unit in self.units if unit.kind == kind] for kind in kinds}
        return tuple(
            UnitKindFigures(
                kind,
                sum(unit.problem is None for unit in units),
                sum(unit.objects for unit in units),
                sum(unit.problem is not None for unit in units),
            )
            for kind, units in same.items()
        )


@dataclass(frozen=True, slots=True)
class ReasonGroup:
    """What is left out for one reason. ``…`` in the reason is what differs from one to the next."""

    reason: str
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """All targets. ``plain`` counts the resources of the unnamed target: files that are applied as they are."""

    targets: tuple[ListedTarget, ...]
    plain: int
    notes: tuple[IgnoreNote, ...]

    def groups(self) -> tuple[ReasonGroup, ...]:
        """What is not compared by its reason, the most frequent first; what stands alone with its file and line.

        Notes tell it of the targets that are compared; of the others, and of what only this machine cannot render, the
        units do.
        """
        pairs = [(_LOCATION.sub("", note.rule), note.detail) for note in self.notes]
        distinct = set(pairs)
        for target in self.targets:
            for unit in target.units:
                subject = _LOCATION.sub("", unit.subject or unit.name)
                if unit.problem is not None and (subject, unit.problem) not in distinct:
                    pairs.append((subject if target.compared else f"{target.name}: {subject}", unit.problem))
        return tuple(self._placed(group) if len(group.subjects) == 1 else group for group in grouped(pairs))

    def _placed(self, group: ReasonGroup) -> ReasonGroup:
        """A subject with its file and line; each of several that are called the same."""
        called = (note.rule for note in self.notes if _LOCATION.sub("", note.rule) == group.subjects[0])
        return replace(group, subjects=tuple(dict.fromkeys(called)) or group.subjects)

    def as_json(self) -> dict[str, object]:
        """The listing as ``clockwork targets --json`` prints it."""
        return {
            "targets": [
                {
                    "name": target.name,
                    "declared": target.declared,
                    "observer": target.observer or None,
                    **facts(target, "paths resources compared"),
                    "units": [
                        {
                            **facts(unit, "kind name path found=how objects not_compared=problem"),
                            "fetched": [asdict(source) for source in unit.fetched],
                        }
                        for unit in target.units
                    ],
                }
                for target in self.targets
            ],
            "plain_resources": self.plain,
            "not_compared": [{"subject": note.rule, "reason": note.detail} for note in self.notes],
        }


_LOCATION: Final = re.compile(r" \([^()]*:\d+\)\Z")
"""The file and line behind a subject."""
_ALIKE: Final = 0.6
"""The share of its words that a reason has in common with others of its group."""


def grouped(reasons: Iterable[tuple[str, str]]) -> tuple[ReasonGroup, ...]:
    """Subjects with the same reason together, or with one that only names something else in it."""
    groups: list[tuple[list[str], list[str]]] = []
    for subject, reason in reasons:
        tokens = reason.split()
        for common, subjects in groups:
            if len(common) == len(tokens) and _share(common, tokens) >= _ALIKE:
                common[:] = [_common(entry, token) for entry, token in zip(common, tokens, strict=True)]
                subjects.append(subject)
                break
        else:
            groups.append((tokens, [subject]))
    reason_groups = [ReasonGroup(" ".join(common), tuple(dict.fromkeys(subjects))) for common, subjects in groups]
    return tuple(sorted(reason_groups, key=lambda group: -len(group.subjects)))


def _share(common: Sequence[str], tokens: Sequence[str]) -> float:
    return sum(first == second for first, second in zip(common, tokens, strict=True)) / max(len(tokens), 1)


def _common(first: str, second: str) -> str:
    """One word, or what stands for both with the punctuation that they end in."""
    if first == second:
        return first
    ends = {token[-1:] for token in (first, second)} & set(",;:.")
    return f"…{ends.pop()}" if len(ends) == 1 and first[-1:] == second[-1:] else "…"


def _as_settings_say(unit: Unit) -> tuple[str, tuple[str, ...]]:
    """Release and values files of a chart that lies here; nothing of what Flux or Argo CD deploys."""
    if unit.kind is not UnitKind.HELM:
        return "", ()
    release, files = unit.spec.get("releaseName"), unit.spec.get("valueFiles")
    return str(release or ""), tuple(map(str, files)) if isinstance(files, list) else ()


def listing(declaration: Declaration) -> Listing:
    """The targets that ``declaration`` has; the one that was asked for alone, where one was."""
    deployment = declaration.deployment
    counts: dict[str, int] = {}
    for desired in declaration.resources:
        counts[desired.id.target] = counts.get(desired.id.target, 0) + 1
    if deployment is None:
        return Listing((), len(declaration.resources), ())
    target_lines = []
    for target in deployment.discovery.targets:
        if deployment.only not in {None, target.name}:
            continue
        expansion = deployment.expansions.get(target.name)
        units = [] if expansion is None else [
            ListedUnit(
                unit.unit.kind.value,
                unit.unit.name,
                unit.unit.path,
                unit.unit.how,
                len(unit.rendering.objects),
                None if unit.rendering.error is None else unit.rendering.error.reason,
                "" if unit.rendering.error is None else unit.rendering.error.subject,
                unit.rendering.fetched,
                *_as_settings_say(unit.unit),
            )
            for unit in expansion.units
        ]  # fmt: skip
        observer = next(
            (deployed_target.observer for deployed_target in deployment.targets if deployed_target.name == target.name),
            "",
        )
        objects = sum(unit.objects for unit in units) or counts.get(target.name, 0)
        target_lines.append(
            ListedTarget(
                target.name,
                target.declared,
                observer,
                target.paths,
                objects,
                target.name in deployment.compared_names,
                tuple(units),
            )
        )
    return Listing(tuple(target_lines), counts.get("", 0), deployment.notes)
