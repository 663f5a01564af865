"""The hooks that a commit declares for a target, and what belongs to the same release. Called while plans are made.

Where Flux or Argo CD deploys a unit, they run its hooks, so none of them is told of here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from bot.flows.declare import Declaration
from bot.model.hooks import Hook, is_hook
from bot.model.json import Tree, get, mapping, text
from bot.model.resource import Desired, Platform, ResourceId
from bot.model.target import Unit, UnitKind
from bot.plans.hooks import Releases
from bot.targets.desired import hooks, identity, made_once

_RENDERED_HERE: Final = frozenset({UnitKind.KUSTOMIZE, UnitKind.HELM, UnitKind.DIRECTORY})
"""Units that nobody else deploys."""


def releases_of(name: str, declaration: Declaration, declared: Mapping[ResourceId, Desired], commit: str) -> Releases:
    """The releases of the target called ``name``, of which ``declared`` are the resources."""
    of = dict(_rendered(name, declaration))
    kept_resources = {
        id_: resource
        for id_, resource in declared.items()
        if id_.platform is Platform.KUBERNETES and of.get(id_, "") is not None
    }
    own_hooks = [
        Hook(_named(resource, commit), of.get(id_) or "")
        for id_, resource in kept_resources.items()
        if is_hook(resource.tree)
    ]
    charts = [Hook(_named(resource, commit), _release(unit) or "") for unit, resource in _charts(name, declaration)]
    once_only = [Hook(resource, _release(unit) or "", once=True) for unit, resource in _made_once(name, declaration)]
    hooks = {
        hook.desired.id: hook
        for hook in [*own_hooks, *charts, *(hook for hook in once_only if hook.desired.id not in kept_resources)]
    }
    return Releases(tuple(hooks.values()), {id_: of.get(id_) or "" for id_ in kept_resources if id_ not in hooks})


def _rendered(name: str, declaration: Declaration) -> Iterator[tuple[ResourceId, str | None]]:
    """The release of each rendered resource; None where a controller deploys it."""
    deployment = declaration.deployment
    if deployment is None or name not in deployment.expansions:
        return
    for unit, rendered in deployment.expansions[name].objects():
        if (id_ := identity(rendered)) is not None:
            yield id_._replace(target=name), _release(unit)


def _charts(name: str, declaration: Declaration) -> Iterator[tuple[Unit, Desired]]:
    deployment = declaration.deployment
    if deployment is not None and name in deployment.expansions:
        yield from (pair for pair in hooks(deployment.expansions[name]) if pair[0].kind in _RENDERED_HERE)


def _made_once(name: str, declaration: Declaration) -> Iterator[tuple[Unit, Desired]]:
    deployment = declaration.deployment
    if deployment is not None and name in deployment.expansions:
        yield from (pair for pair in made_once(deployment.expansions[name]) if pair[0].kind in _RENDERED_HERE)


def _release(unit: Unit) -> str | None:
    """What a unit is called as a release."""
    return f"{unit.kind.value} {unit.name}" if unit.kind in _RENDERED_HERE else None


def _named(desired: Desired, commit: str) -> Desired:
    """A hook that the server would name anew each time has one name for each commit: it runs once then, whoever tries."""
    meta: Tree = mapping(get(desired.tree, "metadata"))
    if text(meta.get("name")) or not (begins := text(meta.get("generateName"))):
        return desired
    name = f"{begins}{commit[:7]}"
    metadata = {key: value for key, value in meta.items() if key != "generateName"} | {"name": name}
    id_ = desired.id._replace(name=name)
    return replace(desired, id=id_, task=id_.qualified, tree={**desired.tree, "metadata": metadata})
