"""The scene of one deployment for the inverse search: what is rendered, from which files, and how each object came to be.

Called by :mod:`bot.flows.changes` for remedies, by :mod:`bot.flows.rendering` for findings and by ``clockwork origin``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from bot.flows.deployment import Deployment, DeploymentReader
from bot.model.filetree import FileTree
from bot.model.json import Tree
from bot.model.resource import Platform, ResourceId
from bot.model.target import Target, Unit, UnitKind
from bot.origins.expanded import changing, inputs, made_from, objects, provenance, uses
from bot.origins.scene import Noise, Scene
from bot.targets.documents import Documents
from bot.targets.expansion import Expansion, RenderedUnit


def scene_of(deployment: Deployment, target: str, reader: DeploymentReader) -> Scene:
    """What the search needs to know about this deployment; how objects came to be is told of ``target`` alone."""
    documents = reader.documents.on(deployment.tree)
    expansions = deployment.expansions
    return Scene(
        tree=deployment.tree,
        objects={each: _objects(of, documents) for each, of in expansions.items()},
        render=lambda tree, names: _rendered(deployment, reader, tree, names),
        inputs={each: inputs(of, documents) for each, of in expansions.items()},
        provenance={target: provenance(expansions[target], documents)},
        noise=Noise({id_: pointers for of in expansions.values() for id_, pointers in changing(of).items()}),
        uses=uses(expansions.values(), documents),
    )


def _rendered(
    deployment: Deployment, reader: DeploymentReader, tree: FileTree, names: frozenset[str]
) -> Mapping[str, Mapping[ResourceId, Tree]] | None:
    """The named targets, rendered from ``tree``; None where one of them is gone, or something renders no longer."""
    targets = _targets(deployment, reader, tree)
    made: dict[str, Mapping[ResourceId, Tree]] = {}
    for each in names:
        if each not in targets:
            return None
        after = reader.expand(targets[each], tree)
        if _broken(after) - _broken(deployment.expansions[each]):
            return None
        made[each] = _objects(after, reader.documents.on(tree))
    return made


def _objects(expansion: Expansion, documents: Documents) -> Mapping[ResourceId, Tree]:
    """The objects of a target. A unit that does not render is an object too, another one whenever a file changes that it
    may be made from: nobody can prove that it stays as it is.
    """
    broken = [each for each in expansion.units if each.rendering.error is not None]
    return objects(expansion) | {_stand_in(each.unit): _contents(each, documents) for each in broken}


def _stand_in(unit: Unit) -> ResourceId:
    return ResourceId(Platform.KUBERNETES, f"{unit.kind.value} (not rendered)", unit.space, unit.name)


def _contents(rendered: RenderedUnit, documents: Documents) -> Tree:
    ids = (f"{path}\0{documents.tree.id_of(path)}" for path in sorted(made_from(rendered, documents)))
    return {"files": hashlib.sha256("\n".join(ids).encode(errors="surrogateescape")).hexdigest()}


def _targets(deployment: Deployment, reader: DeploymentReader, tree: FileTree) -> Mapping[str, Target]:
    """The targets of ``tree``: those of the deployment, unless a changed file declares the application that one begins
    with.
    """
    units = (unit for of in deployment.expansions.values() for unit in of.target.units)
    declaring = {unit.file for unit in units if unit.kind is UnitKind.ARGO_APPLICATION}
    if not declaring & set(tree.changed):
        return {each: of.target for each, of in deployment.expansions.items()}
    return {target.name: target for target in reader.discovery(tree).targets}


def _broken(expansion: Expansion) -> frozenset[tuple[str, ...]]:
    return frozenset(each.unit.identity for each in expansion.units if each.rendering.error is not None)
