"""Where a cluster serves a kind: asked of the API server, version by version (Kubernetes docs, "The Kubernetes API",
"Discovery API").
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.kubeapi.api import ClusterApi
from bot.model.json import mapping, mappings, text, texts


@dataclass(frozen=True, slots=True)
class Served:
    """Where the cluster serves a kind: ``/api/v1``, ``deployments``, whether its objects have a namespace."""

    root: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None) -> str:
        """The list's path: of one namespace, or of all with None."""
        below = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.root}{below}/{self.plural}"


def root_of(group: str, version: str) -> str:
    """The path below which a version of a group is served; the core group's is another one."""
    return f"/apis/{group}/{version}" if group else f"/api/{version or 'v1'}"


def discovered(api: ClusterApi, root: str) -> dict[str, Served]:
    """The kinds that can be listed below ``root``; none where the cluster has no such API version."""
    return {
        text(entry.get("kind")): Served(root, text(entry.get("name")), entry.get("namespaced") is True)
        for entry in mappings(mapping(api.get(root)).get("resources"))
        if "list" in texts(entry.get("verbs")) and "/" not in text(entry.get("name"))
    }


def discovered_elsewhere(api: ClusterApi, group: str, kind: str) -> Served | None:
    """The kind in any version of its group, for manifests that name one the cluster no longer serves."""
    if not group:
        return None
    for version in mappings(mapping(api.get(f"/apis/{group}")).get("versions")):
        endpoint = discovered(api, root_of(group, text(version.get("version")))).get(kind)
        if endpoint is not None:
            return endpoint
    return None
