"""The workload that a pod belongs to, and its pods' problems told there.

Called by observers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.model.json import get, mappings, text
from bot.model.resource import Observed, Platform, ResourceId, api_group


def with_pod_problems(resources: Mapping[ResourceId, Observed]) -> dict[ResourceId, Observed]:
    """``resources`` with the problems of every pod also on the workload that owns it, where that is among them.

    Git declares the workload, not its pods: a crash loop must show up where somebody can act on it.
    """
    merged = dict(resources)
    for id_, observed in resources.items():
        if id_.platform is not Platform.KUBERNETES or id_.kind != "Pod" or not observed.problems:
            continue
        owner = top_owner(id_, resources)
        if owner != id_ and owner in merged:
            merged_owner = merged[owner]
            added = tuple(
                replace(problem, message=f"pod {id_.name}: {problem.message}") for problem in observed.problems
            )
            merged[owner] = replace(merged_owner, problems=(*merged_owner.problems, *added))
    return merged


def top_owner(id_: ResourceId, resources: Mapping[ResourceId, Observed]) -> ResourceId:
    """The workload at the end of the controller references, through a ReplicaSet even when that was not listed."""
    for _ in range(4):
        observed = resources.get(id_)
        above = _owner_by_reference(id_, observed) if observed is not None else _owner_by_name(id_)
        if above is None:
            return id_
        id_ = above
    return id_


def _owner_by_reference(id_: ResourceId, observed: Observed) -> ResourceId | None:
    for reference in mappings(get(observed.tree, "metadata", "ownerReferences")):
        if reference.get("controller") is True:
            kind, name = text(reference.get("kind")), text(reference.get("name"))
            return ResourceId(Platform.KUBERNETES, kind, id_.scope, name, api_group(reference.get("apiVersion")))
    return None


def _owner_by_name(id_: ResourceId) -> ResourceId | None:
    """A ReplicaSet is called ``<deployment>-<pod template hash>`` (Kubernetes: Deployments, pod-template-hash label)."""
    name, dash, _ = id_.name.rpartition("-")
    if id_.kind != "ReplicaSet" or not dash:
        return None
    return ResourceId(Platform.KUBERNETES, "Deployment", id_.scope, name, "apps")
