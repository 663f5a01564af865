"""Finds the live resource that a declared one means. Called by :mod:`bot.drift.compare`.

Mostly by identity. A Kubernetes manifest without a namespace means its kind's cluster-scoped object, the one in
``default``, or the only one of that name; a Compose service means the one of its project, a container without project
that bears its name, or the one of the undeclared project that has most of the services that its project declares.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from bot.model.json import text
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

    def __init__(self, resources: Mapping[ResourceId, Observed], declared: Iterable[Desired] = ()) -> None:
        self.resources = resources
        self._by_name: _Names | None = None
        self._declared = _projects(one.id for one in declared if one.id.platform is Platform.COMPOSE)
        self._renamed: dict[str, str | None] = {}

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
        project = self.project(id_.scope)
        named = text(desired.tree.get("container_name"))
        names = {named} - {""} if project == id_.scope else {id_.name, named} - {""}
        alone = [one for name in names for one in self._named(id_, name) if not one.id.scope]
        if alone:
            return alone[0] if len(alone) == 1 else None
        return next((one for one in self._named(id_, id_.name) if one.id.scope == project), None)

    def project(self, declared: str) -> str | None:
        """The name under which a declared project runs: its own, else that of the one undeclared project that has at
        least half of its services; None where there is no such project.
        """
        if declared not in self._renamed:
            running = _projects(id_ for id_ in self.resources if id_.platform is Platform.COMPOSE and id_.scope)
            self._renamed[declared] = declared if declared in running else self._most_alike(declared, running)
        return self._renamed[declared]

    def _most_alike(self, declared: str, running: Mapping[str, set[str]]) -> str | None:
        wanted = self._declared.get(declared, set())
        shared = {name: len(wanted & there) for name, there in running.items() if name not in self._declared}
        best = max(shared.values(), default=0)
        alike = [name for name, number in shared.items() if number == best]
        return alike[0] if len(alike) == 1 and best and 2 * best >= len(wanted) else None

    def _named(self, id_: ResourceId, name: str) -> list[Observed]:
        if self._by_name is None:
            self._by_name = defaultdict(list)
            for other, observed in self.resources.items():
                self._by_name[other.platform, other.group, other.kind, other.name].append(observed)
        return self._by_name.get((id_.platform, id_.group, id_.kind, name), [])


def _projects(ids: Iterable[ResourceId]) -> dict[str, set[str]]:
    """The names of services by project."""
    found: dict[str, set[str]] = {}
    for id_ in ids:
        if id_.kind == "service":
            found.setdefault(id_.scope, set()).add(id_.name)
    return found
