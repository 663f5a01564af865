"""Fields that cannot be changed while their object lives: another value means deleting and creating it.

Source: the validation of updates in Kubernetes (``pkg/apis/*/validation``, "field is immutable"), by API group and kind;
names as in the paths of a report. A Secret or ConfigMap that says ``immutable: true`` keeps all its data
(Kubernetes docs, "Immutable ConfigMaps").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.model.json import Tree
from bot.model.paths import Path, format_path
from bot.model.resource import Platform, ResourceId

_FIELDS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "ReplicaSet"): ("spec.selector",),
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "StatefulSet"): ("spec.selector", "spec.serviceName", "spec.podManagementPolicy", "spec.volumeClaimTemplates"),
    ("batch", "Job"): ("spec.selector", "spec.template", "spec.completionMode", "spec.podFailurePolicy"),
    ("", "Service"): ("spec.clusterIP",),
    ("", "PersistentVolumeClaim"): (
        "spec.accessModes", "spec.storageClassName", "spec.volumeName", "spec.selector", "spec.volumeMode",
    ),
    ("", "PersistentVolume"): ("spec.volumeMode", "spec.nodeAffinity"),
    ("", "Secret"): ("type",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"),
    ("scheduling.k8s.io", "PriorityClass"): ("value", "preemptionPolicy"),
    ("node.k8s.io", "RuntimeClass"): ("handler",),
    ("networking.k8s.io", "IngressClass"): ("spec.controller",),
}  # fmt: skip
_DATA: Final = ("data", "stringData", "binaryData", "immutable")


def cannot_change(resource: ResourceId, path: Path, live: Tree) -> bool:
    """Whether the field at ``path`` keeps its value as long as the live object does."""
    if resource.platform is not Platform.KUBERNETES:
        return False
    fields = _FIELDS.get((resource.group, resource.kind), ())
    if resource.kind in {"Secret", "ConfigMap"} and not resource.group and live.get("immutable") is True:
        fields += _DATA
    location = format_path(path)
    return any(location == field or location.startswith((f"{field}.", f"{field}[")) for field in fields)
