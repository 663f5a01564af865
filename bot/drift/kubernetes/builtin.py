"""Built-in kinds that no table of ours describes field by field, from the OpenAPI document that Kubernetes publishes.

``openapi.json`` beside this module is data with its version, made by ``.github/scripts/kubernetes_types.py``; it is read
when the first such kind is met. The document has no defaults, so those stand here with their sources, and so does what
the control plane writes by itself. Asked by :mod:`bot.drift.kubernetes.kinds`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from bot.drift.shapes import Default, Defaults, Types


@dataclass(frozen=True, slots=True)
class Published:
    """What one release of Kubernetes publishes: types by name, and by (group, kind) the type of each kind."""

    version: str
    types: Types
    kinds: Mapping[tuple[str, str], str]


_SNAPSHOTS: Final[Types] = {
    "snapshot.VolumeSnapshotClass": {
        "apiVersion kind": "ignored:leaf",
        "metadata": "Metadata",
        "driver deletionPolicy": "leaf",
        "parameters": "map text",
    },
}
"""kubernetes-csi/external-snapshotter, client/config/crd: on most clusters as if it were built in."""
_CONTROLLED: Final[Mapping[str, Mapping[str, str]]] = {
    "coordination.Lease": {"spec": "controller:map controller:any"},
    "core.Node": {"spec": "NodeSpec"},
    "discovery.EndpointSlice": {"endpoints": "set discovery.Endpoint", "ports": "set discovery.EndpointPort"},
    "storage.CSINode": {"spec": "controller:map controller:any"},
    "storage.VolumeAttachment": {"spec": "controller:map controller:any"},
    "admissionregistration.ValidatingAdmissionPolicySpec": {"validations": "list any", "auditAnnotations": "list any"},
    "admissionregistration.NamedRuleWithOperations": {
        "apiGroups apiVersions operations resources resourceNames": "set"
    },
    "certificates.CertificateSigningRequestSpec": {"username uid groups extra": "allocated:any"},
    "resource.ResourceClaimSpec": {"controller": "allocated:leaf"},
}
"""Written by the control plane, or equal in another order (Kubernetes API reference)."""
_NODE: Final[Types] = {
    "NodeSpec": {
        "podCIDR providerID externalID": "allocated:leaf",
        "podCIDRs": "allocated:set",
        "configSource": "any",
        "unschedulable": "leaf",
        "taints": "controller:keyed[key,effect] any",
    },
}


def _by(source: str, **values: object) -> dict[str, Default]:
    return {field: Default(source, value) for field, value in values.items()}  # type: ignore[arg-type]  # JSON values


_HOOKS: Final = "admissionregistration/v1 SetDefaults_"
_FLOW: Final = "flowcontrol/v1 SetDefaults_"

DEFAULTS: Final[Defaults] = {
    "scheduling.PriorityClass": _by(
        "scheduling/v1 SetDefaults_PriorityClass", preemptionPolicy="PreemptLowerPriority", globalDefault=False
    ),
    "admissionregistration.ValidatingAdmissionPolicySpec": _by(
        f"{_HOOKS}ValidatingAdmissionPolicySpec", failurePolicy="Fail"
    ),
    "admissionregistration.MutatingAdmissionPolicySpec": _by(
        f"{_HOOKS}MutatingAdmissionPolicySpec", failurePolicy="Fail"
    ),
    "admissionregistration.MatchResources": _by(
        f"{_HOOKS}MatchResources", matchPolicy="Equivalent", namespaceSelector={}, objectSelector={}
    ),
    "admissionregistration.NamedRuleWithOperations": _by(f"{_HOOKS}Rule", scope="*"),
    "networking.IngressClassParametersReference": _by("networking/v1 SetDefaults_IngressClass", scope="Cluster"),
    "discovery.EndpointPort": _by("discovery/v1 SetDefaults_EndpointPort", name="", protocol="TCP"),
    "discovery.EndpointConditions": _by("discovery/v1 types.go: nil is to be taken for true", ready=True, serving=True),
    "storage.CSIDriverSpec": _by(
        "storage/v1 SetDefaults_CSIDriver",
        attachRequired=True,
        podInfoOnMount=False,
        storageCapacity=False,
        fsGroupPolicy="ReadWriteOnceWithFSType",
        volumeLifecycleModes=["Persistent"],
        requiresRepublish=False,
        seLinuxMount=False,
    ),
    "snapshot.VolumeSnapshotClass": {},
    "flowcontrol.FlowSchemaSpec": _by(f"{_FLOW}FlowSchemaSpec", matchingPrecedence=1000),
    "flowcontrol.LimitedPriorityLevelConfiguration": _by(
        f"{_FLOW}LimitedPriorityLevelConfiguration", nominalConcurrencyShares=30, lendablePercent=0
    ),
    "flowcontrol.ExemptPriorityLevelConfiguration": _by(
        f"{_FLOW}ExemptPriorityLevelConfiguration", nominalConcurrencyShares=0, lendablePercent=0
    ),
    "flowcontrol.QueuingConfiguration": _by(f"{_FLOW}QueuingConfiguration", queues=64, handSize=8, queueLengthLimit=50),
    "resource.ExactDeviceRequest": _by(
        "resource/v1 SetDefaults_ExactDeviceRequest", allocationMode="ExactCount", count=1
    ),
}
"""A source ``storage/v1 SetDefaults_CSIDriver`` is that function in ``pkg/apis/storage/v1/defaults.go`` of Kubernetes."""


@cache
def published() -> Published:
    """The types and kinds of the release that ``openapi.json`` is of."""
    read = json.loads(files(__package__).joinpath("openapi.json").read_text(encoding="utf-8"))
    types = {name: _overruled(fields, _CONTROLLED.get(name, {})) for name, fields in read["types"].items()}
    kinds = {(group, kind): type_ for name, type_ in read["kinds"].items() for group, kind in [_split(name)]}
    kinds["snapshot.storage.k8s.io", "VolumeSnapshotClass"] = "snapshot.VolumeSnapshotClass"
    return Published(read["version"], {**_NODE, **_SNAPSHOTS, **types}, kinds)


def _overruled(fields: Mapping[str, str], rows: Mapping[str, str]) -> Mapping[str, str]:
    return {**fields, **{field: notation for keys, notation in rows.items() for field in keys.split()}}


def _split(name: str) -> tuple[str, str]:
    group, _, kind = name.rpartition("/")
    return group, kind
