"""Rendered objects as desired resources: what Git declares for one target, each object with the file it began in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bot.intake.declared import Declared
from bot.intake.manifest import secret_pointers
from bot.model.resource import Desired, Platform, ResourceId, SourceError, SourceKind, api_group
from bot.model.target import RenderedObject, Target, Unit
from bot.targets.expansion import Expansion
from bot.targets.flux import namespace, text


def identity(rendered: RenderedObject) -> ResourceId | None:
    """The resource that an object is, within its target; None for one without a name, which nobody can find again."""
    tree = rendered.tree
    kind, name = text(tree, "kind"), text(tree, "metadata", "name")
    if not kind or not name:
        return None
    group = api_group(tree.get("apiVersion"))
    return ResourceId(Platform.KUBERNETES, kind, namespace(tree), name, group)


def declared(expansion: Expansion) -> Declared:
    """The resources of a target. An object that is declared in different versions is an error, and blocked: nothing is
    written about it.
    """
    target = expansion.target.name
    blocked: dict[ResourceId, SourceError] = {}
    for conflict in expansion.conflicts:
        first, second, *_ = conflict.objects
        if (id_ := identity(first)) is not None:
            location = f"{first.file}:{first.line}" if first.file else "another place"
            message = (
                f"{id_} is declared twice and differently for target {target}: here and in {location}; "
                "it is left alone until one is gone"
            )
            blocked[id_] = SourceError(second.file or first.file, second.line or 1, 1, message)
    kept_objects = tuple(
        _desired(id_, rendered, target, unit.file)
        for unit, rendered in expansion.objects()
        if (id_ := identity(rendered)) is not None and id_ not in blocked
    )
    return Declared(kept_objects, tuple(blocked.values()))


def hooks(expansion: Expansion) -> Iterator[tuple[Unit, Desired]]:
    """What runs around a change of each unit."""
    for unit in expansion.units:
        for rendered in unit.rendering.hooks:
            if (id_ := identity(rendered)) is not None:
                yield unit.unit, _desired(id_, rendered, expansion.target.name, unit.unit.file)


def made_once(expansion: Expansion) -> Iterator[tuple[Unit, Desired]]:
    """What is made when a unit is installed, where it is not there."""
    for unit in expansion.units:
        for rendered in unit.rendering.once:
            if (id_ := identity(rendered)) is not None:
                yield unit.unit, _desired(id_, rendered, expansion.target.name, unit.unit.file)


def _desired(id_: ResourceId, rendered: RenderedObject, target: str, unit_file: str) -> Desired:
    full = id_._replace(target=target)
    return Desired(
        id=full,
        task=full.qualified,
        source=SourceKind.RENDERED,
        tree=rendered.tree,
        file=rendered.file or unit_file,
        line=rendered.line or 1,
        sensitive=secret_pointers(rendered.tree) if id_.kind == "Secret" and not id_.group else frozenset(),
        unknown=frozenset(rendered.opaque),
    )


def clashes(targets: Iterable[tuple[Target, Iterable[ResourceId]]]) -> Mapping[str, tuple[str, ResourceId]]:
    """Targets that declare an object that another one declares too, each with that other one and the first such object.

    What settings name is meant, and what a controller deploys is deployed: a folder that was only found gives way to both.
    """
    owners: dict[ResourceId, Target] = {}
    clashing: dict[str, tuple[str, ResourceId]] = {}
    for target, ids in targets:
        for id_ in ids:
            owning_target = owners.setdefault(id_.local, target)
            if owning_target is target:
                continue
            weight, other_weight = _weight(target), _weight(owning_target)
            if weight >= other_weight:
                clashing.setdefault(owning_target.name, (target.name, id_.local))
            if weight <= other_weight:
                clashing.setdefault(target.name, (owning_target.name, id_.local))
            else:
                owners[id_.local] = target
    return clashing


def _weight(target: Target) -> int:
    return 2 if target.declared else int(bool(target.cluster))
