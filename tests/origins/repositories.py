"""The repositories of ``tests/gitops/origins``, rendered by the real tools, as scenes of the search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from bot.flows.deployment import DeploymentReader
from bot.flows.tracing import scene_of
from bot.model.drift import SetValue
from bot.model.filetree import FileTree
from bot.model.json import JSON
from bot.model.resource import ResourceId
from bot.origins.effect import desired_tree
from bot.origins.scene import EditPlan, Goal, Scene
from bot.targets.documents import Documents
from tests import gitops
from tests.flows.folders import shared_renderers
from tests.renderers.needs import HELM, KUSTOMIZE

NEEDS = [KUSTOMIZE, HELM]
"""The marks of tests that render these repositories."""


@dataclass(frozen=True)
class Repository:
    """One repository, and how all of its targets came to be."""

    tree: FileTree
    scene: Scene


@cache
def repository(name: str) -> Repository:
    return repository_of(gitops.repository(f"origins/{name}"))


def repository_of(tree: FileTree) -> Repository:
    """The repository of a tree that renders."""
    documents = Documents(tree)
    reader = DeploymentReader(shared_renderers(), documents)
    deployment = reader.read(tree)
    assert not deployment.errors
    scenes = {target: scene_of(deployment, target, reader) for target in deployment.expansions}
    together = {target: scene.provenance[target] for target, scene in scenes.items()}
    return Repository(tree, replace(next(iter(scenes.values())), provenance=together))


def proof(asked: Goal, plan: EditPlan, repo: Repository) -> list[str]:
    """What is wrong with a plan: all targets rendered again with it, compared with what is wanted and what it says."""
    scene = repo.scene
    names = frozenset(scene.objects)
    after = scene.render(scene.tree.with_changes(dict(plan.files)), names)
    if after is None:
        return ["it does not render"]
    wrong = []
    for id_, edits in asked.edits.items():
        new = plan.renamed.get(id_, id_)
        now = after[asked.target].get(new)
        desired = desired_tree(scene.objects[asked.target][id_], edits)
        if (asked.target, id_) not in plan.moves or new != id_:
            made, asked_for = (_masked(tree, asked.target, id_, scene) for tree in (now, desired))
            if now is None or canonical(_nameless(made)) != canonical(_nameless(asked_for)):
                wrong.append(f"{id_} is not what was wanted")
    changed = set()
    for name in names:
        for id_ in {**scene.objects[name], **after[name]}:
            before, now = scene.objects[name].get(id_), after[name].get(id_)
            if _masked(before, name, id_, scene) != _masked(now, name, id_, scene):
                changed.add((name, id_))
    expected = set(plan.moves) | {(asked.target, id_) for id_ in (*plan.through, *asked.edits)}
    wrong += [f"{each} changes and is not named" for each in sorted(changed - expected, key=str)]
    wrong += [f"{each} is named and does not change" for each in sorted(expected - changed, key=str)]
    return wrong


def _masked(tree: JSON, target: str, id_: ResourceId, scene: Scene) -> JSON:
    made: JSON = tree
    for pointer in scene.noise.get((target, id_), frozenset()) if tree is not None else ():
        made = desired_tree(made, [SetValue(pointer, None)])
    return made


def _nameless(tree: JSON) -> JSON:
    assert isinstance(tree, Mapping)
    return desired_tree(tree, [SetValue(("metadata", "name"), "")])


def canonical(tree: JSON) -> JSON:
    """Without what is empty, and lists of named elements sorted: what Kubernetes does not tell apart."""
    if isinstance(tree, Mapping):
        made = {key: canonical(value) for key, value in tree.items()}
        return {key: value for key, value in sorted(made.items()) if value is not None and value not in ({}, [])}
    if isinstance(tree, (list, tuple)):
        if tree and all(isinstance(each, Mapping) and "name" in each for each in tree):
            return sorted((canonical(each) for each in tree), key=lambda each: str(each["name"]))  # type: ignore[index,call-overload]
        return [canonical(each) for each in tree]
    return tree
