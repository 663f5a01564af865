"""The scene of one deployment for the inverse search: what is rendered, from which files, and how each object came to be.

Called by :mod:`bot.flows.changes` for remedies, by :mod:`bot.flows.rendering` for findings, by all who look at drift for the
lines they name, and by ``clockwork origin``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.flows.declare import Declaration, Declarer
from bot.flows.deployment import Deployment, DeploymentReader, KnownRendering, uncovered
from bot.model.drift import Drift, RemoveEntry, SetValue
from bot.model.filetree import FileTree
from bot.model.json import Pointer, Tree
from bot.model.resource import Platform, ResourceId, SourceKind
from bot.model.target import Rendering, Target, Unit, UnitKind
from bot.origins.scene import ObjectId, Objects, Scene
from bot.targets import argo
from bot.targets.desired import identity
from bot.targets.documents import Documents
from bot.targets.expansion import Expansion, RenderedUnit

_MOST_LOCATED: Final = 20
"""Drifts of one look whose lines are searched for."""
_REFERRED_TO: Final = frozenset({"ConfigMap", "Secret"})
"""Objects that others take variables and values from (fluxcd.io: ``substituteFrom``, ``valuesFrom``)."""


def scene_of(deployment: Deployment, target: str, reader: DeploymentReader) -> Scene:
    """What the search needs to know about this deployment; how objects came to be is told of ``target`` alone. A folder that
    another target deploys is no place of its own.
    """
    from bot.origins.expanded import changing, inputs, provenance, uses

    documents = reader.documents.on(deployment.tree)
    known_expansions = deployment.expansions
    uncovered_targets = uncovered([of.target for of in known_expansions.values()], known_expansions)
    expansions = {
        name: known_expansions[name]
        for name in dict.fromkeys([*(uncovered_target.name for uncovered_target in uncovered_targets), target])
    }
    again = _Again(deployment, reader, expansions)
    return Scene(
        tree=reader.with_cached_only(deployment.tree),
        objects={target_name: _objects(of, documents) for target_name, of in expansions.items()},
        render=again.rendered_targets,
        inputs={target_name: inputs(of, documents) for target_name, of in expansions.items()},
        provenance={target: provenance(expansions[target], documents)},
        noise={id_: pointers for of in expansions.values() for id_, pointers in changing(of).items()},
        uses=uses(expansions.values(), documents),
        near=again.near if len(expansions[target].units) > 1 else None,
    )


def located(declarer: Declarer, declaration: Declaration, drifts: Sequence[Drift]) -> tuple[Drift, ...]:
    """The drifts of rendered objects with the file and line that set what Git says, and not those at which the object begins;
    as many as are worth the renderings.
    """
    deployment, reader = declaration.deployment, declarer.targets
    if deployment is None or reader is None:
        return tuple(drifts)
    rendered = {resource.id for resource in declaration.resources if resource.source is SourceKind.RENDERED}
    scenes: dict[str, Scene] = {}
    located_drifts: list[Drift] = []
    for number, drift in enumerate(drifts):
        pointer = _written(drift)
        if pointer is None or number >= _MOST_LOCATED or drift.resource not in rendered:
            located_drifts.append(drift)
            continue
        target = drift.resource.target
        if target not in scenes:
            scenes[target] = scene_of(deployment, target, reader)
        spot = reader.plans.deciding(target, drift.resource.local, pointer, scenes[target])
        located_drifts.append(drift if spot is None else replace(drift, file=spot.file, line=spot.line))
    return tuple(located_drifts)


def _written(drift: Drift) -> Pointer | None:
    """Where the value is in Git's object that differs from what runs; None for what Git does not say."""
    edit = drift.adopt[0] if len(drift.adopt) == 1 else None
    return edit.pointer if isinstance(edit, SetValue | RemoveEntry) else None


@dataclass(frozen=True, slots=True)
class _Again:
    """A deployment rendered again from other trees."""

    deployment: Deployment
    reader: DeploymentReader
    expansions: Mapping[str, Expansion]

    def rendered_targets(self, tree: FileTree, names: frozenset[str]) -> Objects | None:
        """The named targets; None where one of them is gone, or something renders no longer."""
        targets = self._targets(tree)
        objects_by_target: dict[str, Mapping[ResourceId, Tree]] = {}
        for target_name in names:
            after = self.reader.expand(targets[target_name], tree) if target_name in targets else None
            if after is None or _broken(after) - _broken(self.expansions[target_name]):
                return None
            objects_by_target[target_name] = _objects(after, self.reader.documents.on(tree))
        return objects_by_target

    def near(self, tree: FileTree, object_id: ObjectId) -> Objects | None:
        """The target of one object, of which only the units are rendered again that bring the object forth, and those that
        read a changed file and hold what others refer to.
        """
        name, id_ = object_id
        targets, before = self._targets(tree), self.expansions[name]
        if name not in targets:
            return None
        after = self.reader.expand(targets[name], tree, _far(before, id_, frozenset(tree.changed)))
        if _broken(after) - _broken(before):
            return None
        return {name: _objects(after, self.reader.documents.on(tree))}

    def _targets(self, tree: FileTree) -> Mapping[str, Target]:
        """The targets of ``tree``: those of the deployment, unless a changed file declares the application that one begins
        with.
        """
        units = (unit for of in self.expansions.values() for unit in of.target.units)
        declared = [argo.declaring(unit) for unit in units if unit.kind is UnitKind.ARGO_APPLICATION]
        if frozenset(tree.changed).isdisjoint(frozenset[str]().union(*declared)):
            return {each: of.target for each, of in self.expansions.items()}
        return {target.name: target for target in self.reader.discovery(tree).targets}


def _far(expansion: Expansion, id_: ResourceId, changed: frozenset[str]) -> KnownRendering:
    """What is known already of the units that have nothing to do with one object."""
    far: dict[tuple[str, ...], Rendering] = {}
    path = _path(expansion, id_)
    for index, rendered_unit in enumerate(expansion.units):
        refers = any(rendered.tree.get("kind") in _REFERRED_TO for rendered in rendered_unit.rendering.objects)
        if path and index not in path and not (refers and changed & rendered_unit.rendering.inputs):
            far[rendered_unit.unit.identity] = rendered_unit.rendering
    return lambda unit: far.get(unit.identity)


def _path(expansion: Expansion, id_: ResourceId) -> frozenset[int]:
    """The indexes of the unit that an object comes from and of those that brought that one along; none where no unit
    has it.
    """
    objects_of = (frozenset(map(identity, unit.rendering.objects)) for unit in expansion.units)
    index = next((number for number, ids in enumerate(objects_of) if id_ in ids), None)
    path: set[int] = set()
    while index is not None:
        path.add(index)
        index = expansion.units[index].parent
    return frozenset(path)


def _objects(expansion: Expansion, documents: Documents) -> Mapping[ResourceId, Tree]:
    """The objects of a target. A unit that does not render is an object too, another one whenever a file changes that it
    may be made from: nobody can prove that it stays as it is.
    """
    from bot.origins.expanded import objects

    broken = [unit for unit in expansion.units if unit.rendering.error is not None]
    return objects(expansion) | {_stand_in(unit.unit): _contents(unit, documents) for unit in broken}


def _stand_in(unit: Unit) -> ResourceId:
    return ResourceId(Platform.KUBERNETES, f"{unit.kind.value} (not rendered)", unit.space, unit.name)


def _contents(rendered: RenderedUnit, documents: Documents) -> Tree:
    from bot.origins.expanded import made_from

    ids = (f"{path}\0{documents.tree.id_of(path)}" for path in sorted(made_from(rendered, documents)))
    return {"files": hashlib.sha256("\n".join(ids).encode(errors="surrogateescape")).hexdigest()}


def _broken(expansion: Expansion) -> frozenset[tuple[str, ...]]:
    return frozenset(unit.unit.identity for unit in expansion.units if unit.rendering.error is not None)
