"""Finds the live resource that a declared one means. Called by :mod:`bot.drift.compare`.

Mostly by identity. A Kubernetes manifest without a namespace means its kind's cluster-scoped object, the one in
``default``, or the only one of that name; a Compose service means the one of its project, a container without project
that bears its name, or the only one of that name where its project runs under another name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final, TypeAlias

from bot.drift.peek import text
from bot.model.resource import Desired, Observed, Platform, ResourceId

_Names: TypeAlias = dict[tuple[Platform, str, str, str], list[Observed]]

_CLUSTER_SCOPED: Final = frozenset(
    [
        "Namespace",
        "Node",
        "PersistentVolume",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "StorageClass",
        "IngressClass",
        "PriorityClass",
        "RuntimeClass",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
        "APIService",
        "CSIDriver",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ClusterIssuer",
    ]
)


class Live:
    """Live resources by identity, and by name where somebody asks."""

    def __init__(self, resources: Mapping[ResourceId, Observed]) -> None:
        self.resources = resources
        self._by_name: _Names | None = None
        self._projects: frozenset[str] | None = None

    def find(self, desired: Desired) -> Observed | None:
        """The live resource that ``desired`` means; None when there is none, or more than one may be meant."""
        found = self.resources.get(desired.id)
        if found is not None:
            return found
        match desired.id.platform:
            case Platform.KUBERNETES:
                return self._object(desired.id)
            case Platform.COMPOSE:
                return self._service(desired)
            case _:
                return None

    def _object(self, id_: ResourceId) -> Observed | None:
        if id_.scope and id_.kind not in _CLUSTER_SCOPED:
            return None
        named = self._named(id_, id_.name)
        return next((one for one in named if one.id.scope in {"", "default"}), named[0] if len(named) == 1 else None)

    def _service(self, desired: Desired) -> Observed | None:
        id_ = desired.id
        names = {id_.name, text(desired.tree.get("container_name"))} - {""}
        alone = [one for name in names for one in self._named(id_, name) if not one.id.scope]
        if alone:
            return alone[0] if len(alone) == 1 else None
        if id_.scope in self.projects:
            return None
        named = self._named(id_, id_.name)
        return named[0] if len(named) == 1 else None

    @property
    def projects(self) -> frozenset[str]:
        """The Compose projects that run."""
        if self._projects is None:
            self._projects = frozenset(id_.scope for id_ in self.resources if id_.platform is Platform.COMPOSE)
        return self._projects

    def _named(self, id_: ResourceId, name: str) -> list[Observed]:
        if self._by_name is None:
            self._by_name = defaultdict(list)
            for other, observed in self.resources.items():
                self._by_name[other.platform, other.group, other.kind, other.name].append(observed)
        return self._by_name.get((id_.platform, id_.group, id_.kind, name), [])
