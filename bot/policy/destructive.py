"""Which drifts cannot be undone by the next commit: whole resources, data, immutable fields, secrets.

``decide`` asks this first: a destructive drift is never written to Git by Clockwork, whatever a rule says. The answer is
a sentence, because people read it as the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, assert_never

from bot.model.drift import Drift, DriftKind
from bot.model.globs import path_matches
from bot.model.json import JSON
from bot.model.resource import Platform
from bot.policy.context import Context

_WHOLE_PLATFORMS: Final = {
    DriftKind.MISSING: "is declared but does not run: bringing it back creates something new",
    DriftKind.REMOVED: "was taken out of Git but still runs: finishing that deletes it",
    DriftKind.UNMANAGED: "runs but is not in Git: only people know whether it may be deleted or must be declared",
}
_STORAGE: Final = frozenset(
    {
        "PersistentVolumeClaim",
        "PersistentVolume",
        "StorageClass",
        "VolumeSnapshot",
        "VolumeSnapshotContent",
        "VolumeSnapshotClass",
        "VolumeAttachment",
        "volume",
    }
)
"""What holds data or decides where they are and how long they stay (Kubernetes docs, "Storage")."""
_SECRET_KINDS: Final = frozenset({"Secret", "SealedSecret", "ExternalSecret", "secret"})
_TERRAFORM: Final = {
    "TF-REPLACE": "would destroy the resource and create it again",
    "TF-DELETE": "would delete the resource",
}
_FIELDS: Final = (
    ("StatefulSet", "spec.volumeClaimTemplates.**", "volume claim templates decide where the data is"),
    ("*", "**.storageClassName", "the storage class decides where the data is"),
    ("*", "**.persistentVolumeClaim.**", "another claim is other data"),
    ("*", "**.reclaimPolicy", "the reclaim policy decides whether data outlives its claim"),
    ("*", "**.persistentVolumeReclaimPolicy", "the reclaim policy decides whether data outlives its claim"),
    ("*", "**.deletionPolicy", "the deletion policy decides whether data outlives its object"),
    ("Deployment", "spec.selector.**", "a selector cannot be changed: the workload would be replaced"),
    ("StatefulSet", "spec.selector.**", "a selector cannot be changed: the workload would be replaced"),
    ("DaemonSet", "spec.selector.**", "a selector cannot be changed: the workload would be replaced"),
    ("StatefulSet", "spec.serviceName", "this field cannot be changed: the workload would be replaced"),
    ("StatefulSet", "spec.podManagementPolicy", "this field cannot be changed: the workload would be replaced"),
    ("RoleBinding", "roleRef.**", "roleRef cannot be changed: the binding would be replaced"),
    ("ClusterRoleBinding", "roleRef.**", "roleRef cannot be changed: the binding would be replaced"),
)
"""Immutable and data-bearing fields: Kubernetes API reference, apps/v1, core/v1, rbac/v1."""


def destructive(drift: Drift, context: Context) -> str | None:
    """Why this drift needs people, as a full sentence; None when it does not."""
    if drift.rule in _TERRAFORM:
        return f"Terraform {_TERRAFORM[drift.rule]}."
    described = drift.path[:1] in {("metadata",), ("labels",)}
    if drift.sensitive or (drift.resource.kind in _SECRET_KINDS and not described):
        return "It concerns a secret: secrets are rotated by people and never written to Git."
    if not drift.path and drift.kind in _WHOLE_PLATFORMS:
        return f"The whole resource {_WHOLE_PLATFORMS[drift.kind]}."
    if drift.resource.kind in _STORAGE and drift.kind is not DriftKind.UNHEALTHY and not described:
        return f"A {drift.resource.kind} holds data: a wrong step here loses it."
    return _field(drift) or _data(drift, context)


def _field(drift: Drift) -> str | None:
    for kind, path, reason in _FIELDS:
        if kind in {"*", drift.resource.kind} and path_matches(path, drift.path):
            return f"At {drift.where}, {reason}."
    return None


def _data(drift: Drift, context: Context) -> str | None:
    if drift.resource in context.databases and _stops(drift):
        return "It stops a workload that keeps data."
    if drift.kind in {DriftKind.MISSING, DriftKind.CHANGED} and _is_data_mount(drift):
        return f"At {drift.where}, a mounted data volume is gone or another one is in its place."
    return None


def _stops(drift: Drift) -> bool:
    """Whether the live state (or, for a removal, Git) runs no copy at all."""
    counts = {"spec.replicas", "deploy.replicas", "scale"}
    return drift.where in counts and _zero(drift.observed)


def _zero(value: JSON) -> bool:
    return not isinstance(value, bool) and value in (0, "0")


def _is_data_mount(drift: Drift) -> bool:
    value = drift.desired
    if "volumes" not in drift.path or not isinstance(value, Mapping):
        return False
    match drift.resource.platform:
        case Platform.KUBERNETES | Platform.COMPOSE:
            return value.get("type") == "volume" or "persistentVolumeClaim" in value
        case Platform.TERRAFORM | Platform.HTTP:
            return False
        case _ as never:
            assert_never(never)
