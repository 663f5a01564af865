"""The targets of a repository for people: what was found, how, what is not compared and why. Behind ``clockwork
targets``.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.flows.declare import Declaration
from bot.model.drift import IgnoreNote


@dataclass(frozen=True, slots=True)
class ListedUnit:
    """One thing that is rendered for a target. ``problem`` is why it could not be; None when it could."""

    kind: str
    name: str
    path: str
    how: str
    objects: int
    problem: str | None


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


@dataclass(frozen=True, slots=True)
class Listing:
    """All targets. ``plain`` counts the resources of the unnamed target: files that are applied as they are."""

    targets: tuple[ListedTarget, ...]
    plain: int
    notes: tuple[IgnoreNote, ...]

    def as_json(self) -> dict[str, object]:
        """The listing as ``clockwork targets --json`` prints it."""
        return {
            "targets": [
                {
                    "name": target.name,
                    "declared": target.declared,
                    "observer": target.observer or None,
                    "paths": list(target.paths),
                    "resources": target.resources,
                    "compared": target.compared,
                    "units": [
                        {
                            "kind": unit.kind,
                            "name": unit.name,
                            "path": unit.path,
                            "found": unit.how,
                            "objects": unit.objects,
                            "not_compared": unit.problem,
                        }
                        for unit in target.units
                    ],
                }
                for target in self.targets
            ],
            "plain_resources": self.plain,
            "not_compared": [{"subject": note.rule, "reason": note.detail} for note in self.notes],
        }


def listing(declaration: Declaration) -> Listing:
    """The targets that ``declaration`` has."""
    deployment = declaration.deployment
    counts: dict[str, int] = {}
    for desired in declaration.resources:
        counts[desired.id.target] = counts.get(desired.id.target, 0) + 1
    if deployment is None:
        return Listing((), len(declaration.resources), ())
    listed = []
    for target in deployment.discovery.targets:
        expansion = deployment.expansions.get(target.name)
        units = [] if expansion is None else [
            ListedUnit(
                each.unit.kind.value,
                each.unit.name,
                each.unit.path,
                each.unit.how,
                len(each.rendering.objects),
                None if each.rendering.error is None else each.rendering.error.reason,
            )
            for each in expansion.units
        ]  # fmt: skip
        observer = next((each.observer for each in deployment.targets if each.name == target.name), "")
        objects = sum(unit.objects for unit in units) or counts.get(target.name, 0)
        listed.append(
            ListedTarget(
                target.name,
                target.declared,
                observer,
                target.paths,
                objects,
                target.name in deployment.looked,
                tuple(units),
            )
        )
    return Listing(tuple(listed), counts.get("", 0), deployment.notes)
