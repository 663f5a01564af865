"""Live resources put the way Git puts them, where both mean the same and only the platform knows.

A manifest without a namespace lands in the current one; podman writes ``localhost/`` before an image that it built or
was given itself; and a key that an engine does not show (``x-unknown``) is taken to be as declared: nobody can know better.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from bot.drift.compose.inspected.inspect import REPLICAS, UNKNOWN
from bot.model.json import JSON, Tree, mappings, text, texts
from bot.model.resource import Desired, Observed, Platform, ResourceId

_LOCAL: Final = "localhost/"
"""podman-build(1), ``--tag``: where an image's name has no registry, ``localhost`` is put before it."""


def placed(
    resources: Mapping[ResourceId, Observed], declared: Iterable[Desired], namespace: str
) -> dict[ResourceId, Observed]:
    """``resources`` where what is live in ``namespace`` has no scope if Git declares it without a namespace."""
    located = dict(resources)
    for desired in declared:
        id_ = desired.id
        if id_.platform is Platform.KUBERNETES and not id_.scope and id_ not in located:
            live = located.pop(id_._replace(scope=namespace), None)
            if live is not None:
                located[id_] = replace(live, id=id_)
    return located


def spelled(resources: Mapping[ResourceId, Observed], declared: Iterable[Desired]) -> dict[ResourceId, Observed]:
    """``resources`` with the services that Git declares in Git's spelling of what the engine cannot tell apart."""
    respelled = dict(resources)
    for desired in declared:
        live = respelled.get(desired.id)
        if live is not None and desired.id.platform is Platform.COMPOSE:
            changes = _respelled(desired, live.tree)
            if other_replicas := [
                {**replica, **_respelled(desired, replica)} for replica in mappings(live.tree.get(REPLICAS))
            ]:
                changes[REPLICAS] = other_replicas
            if changes:
                respelled[desired.id] = replace(live, tree={**live.tree, **changes})
    return respelled


def _respelled(desired: Desired, live: Tree) -> dict[str, JSON]:
    changes: dict[str, JSON] = {
        key: desired.tree[key] for key in texts(live.get(UNKNOWN)) if key in desired.tree and key not in live
    }
    image = text(live.get("image"))
    if image.startswith(_LOCAL) and not text(desired.tree.get("image")).startswith(_LOCAL):
        changes["image"] = image.removeprefix(_LOCAL)
    return changes
