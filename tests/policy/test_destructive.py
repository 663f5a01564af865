"""What cannot be undone by the next commit: each table entry, and the near misses that are no such thing."""

from __future__ import annotations

from typing import Any

import pytest

from bot.model.drift import Drift, DriftKind
from bot.model.json import JSON
from bot.policy.context import Context
from bot.policy.destructive import destructive
from tests.policy.cases import drift, resource
from tests.table import table

NOTHING = Context()


def why(where: str, desired: JSON = 1, observed: JSON = 2, **more: Any) -> str | None:
    """The reason for a drift at ``Kind/scope/name path``."""
    name, _, path = where.partition(" ")
    return destructive(drift(name, path, desired, observed, **more), NOTHING)


@table(
    ("where", "reason"),
    [
        ("StatefulSet/a/b spec.volumeClaimTemplates[data].spec.resources", "where the data is"),
        ("StatefulSet/a/b spec.volumeClaimTemplates", "where the data is"),
        ("Deployment/a/b spec.template.spec.volumes[x].ephemeral.storageClassName", "the storage class"),
        ("Deployment/a/b spec.template.spec.volumes[x].persistentVolumeClaim.claimName", "another claim"),
        ("Cluster/a/b spec.storage.reclaimPolicy", "outlives its claim"),
        ("Bucket/a/b spec.deletionPolicy", "outlives its object"),
        ("Cluster/a/b spec.persistentVolumeReclaimPolicy", "outlives its claim"),
        ("Deployment/a/b spec.selector.matchLabels.app", "a selector cannot be changed"),
        ("StatefulSet/a/b spec.selector.matchLabels.app", "a selector cannot be changed"),
        ("DaemonSet/a/b spec.selector.matchLabels.app", "a selector cannot be changed"),
        ("StatefulSet/a/b spec.serviceName", "this field cannot be changed"),
        ("StatefulSet/a/b spec.podManagementPolicy", "this field cannot be changed"),
        ("RoleBinding/a/b roleRef.name", "roleRef cannot be changed"),
        ("ClusterRoleBinding/a/b roleRef.name", "roleRef cannot be changed"),
    ],
)
def test_a_field_that_bears_data_or_cannot_change_needs_people(where: str, reason: str) -> None:
    """The reason names the path and what it decides."""
    text = why(where)
    assert text is not None
    assert text.startswith(f"At {where.split()[1]}, ")
    assert reason in text


@table(
    "where",
    [
        "Deployment/a/b spec.volumeClaimTemplates[data].spec",
        "Service/a/b spec.selector.app",
        "Deployment/a/b spec.serviceName",
        "Deployment/a/b spec.podManagementPolicy",
        "Deployment/a/b spec.template.spec.volumes[x].configMap.name",
        "Role/a/b rules",
        "Role/a/b roleRef.name",
        "StatefulSet/a/b spec.replicas",
        "service/a/b image",
        "service/a/b volumes[/data]",
    ],
)
def test_another_field_is_configuration(where: str) -> None:
    """A question for a pull request."""
    assert why(where) is None


@table(
    "kind",
    [
        "PersistentVolumeClaim",
        "PersistentVolume",
        "StorageClass",
        "VolumeSnapshot",
        "VolumeSnapshotContent",
        "VolumeSnapshotClass",
        "VolumeAttachment",
        "volume",
    ],
)
def test_storage_holds_data(kind: str) -> None:
    """Any field of it but labels; that it is unhealthy is only reported."""
    assert why(f"{kind}/a/b spec.x") == f"A {kind} holds data: a wrong step here loses it."
    assert why(f"{kind}/a/b spec.x", kind=DriftKind.UNHEALTHY) is None
    assert why(f"{kind}/a/b metadata.labels.team") is None
    assert why(f"{kind}/a/b labels.team") is None


@pytest.mark.parametrize("kind", ["Secret", "SealedSecret", "ExternalSecret", "secret"])
def test_secrets_are_rotated_by_people(kind: str) -> None:
    """Any field but labels, and any field anywhere that is known to be secret."""
    assert "concerns a secret" in str(why(f"{kind}/a/b data.password"))
    assert why(f"{kind}/a/b metadata.labels.team") is None
    assert "concerns a secret" in str(why(f"{kind}/a/b metadata.labels.team", sensitive=True))
    assert "concerns a secret" in str(why("service/a/b environment.X", sensitive=True))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (DriftKind.MISSING, "is declared but does not run"),
        (DriftKind.REMOVED, "was taken out of Git but still runs"),
        (DriftKind.UNMANAGED, "runs but is not in Git"),
        (DriftKind.UNHEALTHY, None),
        (DriftKind.STALE_ARTIFACT, None),
        (DriftKind.IMAGE_MOVED, None),
    ],
)
def test_a_whole_resource_comes_and_goes_by_hand(kind: DriftKind, reason: str | None) -> None:
    """A field that is missing or removed is another matter."""
    text = why("Deployment/a/b", kind=kind)
    assert (reason in text) if reason is not None and text is not None else text is None
    assert why("Deployment/a/b spec.x", kind=kind) is None


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("TF-REPLACE", "Terraform would destroy the resource and create it again."),
        ("TF-DELETE", "Terraform would delete the resource."),
        ("TF-UPDATE", None),
    ],
)
def test_terraform_says_what_it_would_do(rule: str, reason: str | None) -> None:
    """A plan that replaces or deletes needs people."""
    assert why("aws_instance/web ami", rule=rule) == reason


@table(
    ("where", "observed", "stops"),
    [
        ("StatefulSet/a/db spec.replicas", 0, True),
        ("StatefulSet/a/db spec.replicas", "0", True),
        ("StatefulSet/a/db spec.replicas", 1, False),
        ("StatefulSet/a/db spec.replicas", False, False),
        ("StatefulSet/a/db spec.replicas", None, False),
        ("StatefulSet/a/db spec.other", 0, False),
        ("service/a/db deploy.replicas", 0, True),
        ("service/a/db scale", 0, True),
        ("Deployment/a/web spec.replicas", 0, False),
    ],
)
def test_a_workload_that_keeps_data_is_not_stopped(where: str, observed: JSON, stops: bool) -> None:
    """Scaled to zero, in each word for it; a workload without data may be."""
    context = Context(databases=frozenset({resource("StatefulSet/a/db"), resource("service/a/db")}))
    name, path = where.split()
    text = destructive(drift(name, path, 2, observed), context)
    assert text == ("It stops a workload that keeps data." if stops else None)


VOLUME: dict[str, Any] = {"type": "volume", "source": "data", "target": "/data"}
CLAIM: dict[str, Any] = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}


@table(
    ("one", "mounted"),
    [
        (drift("service/a/b", "volumes[/data]", VOLUME, None, kind=DriftKind.MISSING), True),
        (drift("service/a/b", "volumes[/data]", VOLUME, {}, kind=DriftKind.CHANGED), True),
        (drift("service/a/b", "volumes[/data]", VOLUME, {}, kind=DriftKind.ADDED), False),
        (drift("service/a/b", "volumes[/data]", VOLUME | {"type": "bind"}, None, kind=DriftKind.MISSING), False),
        (drift("service/a/b", "mounts[/data]", VOLUME, None, kind=DriftKind.MISSING), False),
        (drift("service/a/b", "volumes[/data]", "data:/data", None, kind=DriftKind.MISSING), False),
        (drift("Deployment/a/b", "spec.template.spec.volumes[data]", CLAIM, None, kind=DriftKind.MISSING), True),
        (
            drift("Deployment/a/b", "spec.template.spec.volumes[x]", {"emptyDir": {}}, None, kind=DriftKind.MISSING),
            False,
        ),
        (drift("aws_instance/b", "volumes[data]", VOLUME, None, kind=DriftKind.MISSING), False),
    ],
    ids=lambda value: f"{value.resource} {value.kind}" if isinstance(value, Drift) else "",
)
def test_a_data_mount_that_is_gone_needs_people(one: Drift, mounted: bool) -> None:
    """A named volume or a claim that Git declares and that is gone or replaced; a folder of the host is configuration."""
    text = destructive(one, NOTHING)
    assert (text is not None) is mounted
    if text is not None:
        assert text.startswith(f"At {one.where}, a mounted data volume is gone")
