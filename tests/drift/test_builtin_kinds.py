"""Built-in kinds that only the published OpenAPI describes."""

from __future__ import annotations

from typing import Any

import pytest

from bot.drift.kubernetes import builtin
from bot.drift.kubernetes.kinds import TYPES, by_hand, is_known, shape_of
from bot.drift.shapes import Form
from tests.drift.makers import Pair, declared, examine, live, thing
from tests.table import table

POLICY_API = "admissionregistration.k8s.io/v1"
CASES: list[tuple[str, str, dict[str, Any], dict[str, Any], list[str]]] = [
    (
        "scheduling.k8s.io/v1",
        "PriorityClass",
        {"value": 1000},
        {"value": 1000, "globalDefault": True, "preemptionPolicy": "PreemptLowerPriority"},
        ["globalDefault"],
    ),
    (
        "scheduling.k8s.io/v1",
        "PriorityClass",
        {"value": 1000},
        {"value": 1000, "preemptionPolicy": "Never"},
        ["preemptionPolicy"],
    ),
    (
        "networking.k8s.io/v1",
        "IngressClass",
        {"spec": {"controller": "a", "parameters": {"kind": "K", "name": "n"}}},
        {"spec": {"controller": "a", "parameters": {"kind": "K", "name": "n", "scope": "Cluster"}}},
        [],
    ),
    (
        "networking.k8s.io/v1",
        "IngressClass",
        {"spec": {"controller": "a"}},
        {"spec": {"controller": "b"}},
        ["spec.controller"],
    ),
    (
        "node.k8s.io/v1",
        "RuntimeClass",
        {"handler": "a", "overhead": {"podFixed": {"memory": "1024Mi"}}},
        {"handler": "a", "overhead": {"podFixed": {"memory": "1Gi"}}},
        [],
    ),
    (
        "node.k8s.io/v1",
        "RuntimeClass",
        {"handler": "a"},
        {"handler": "a", "scheduling": {"nodeSelector": {"x": "y"}}},
        ["scheduling"],
    ),
    (
        "discovery.k8s.io/v1",
        "EndpointSlice",
        {"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"port": 80}]},
        {
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.0.0.1"]}],
            "ports": [{"port": 80, "protocol": "TCP", "name": ""}],
        },
        [],
    ),
    (
        POLICY_API,
        "ValidatingAdmissionPolicy",
        {
            "spec": {
                "validations": [{"expression": "true"}],
                "matchConstraints": {"resourceRules": [{"resources": ["pods"]}]},
            }
        },
        {
            "spec": {
                "validations": [{"expression": "true"}],
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "resourceRules": [{"resources": ["pods"], "scope": "*"}],
                    "matchPolicy": "Equivalent",
                    "namespaceSelector": {},
                    "objectSelector": {},
                },
            }
        },
        [],
    ),
    (
        POLICY_API,
        "ValidatingAdmissionPolicy",
        {"spec": {"failurePolicy": "Fail"}},
        {"spec": {"failurePolicy": "Ignore"}},
        ["spec.failurePolicy"],
    ),
    (
        POLICY_API,
        "ValidatingAdmissionPolicyBinding",
        {"spec": {"policyName": "p", "validationActions": ["Deny", "Audit"]}},
        {"spec": {"policyName": "p", "validationActions": ["Audit", "Deny"]}},
        [],
    ),
    (
        POLICY_API,
        "ValidatingAdmissionPolicyBinding",
        {"spec": {"policyName": "p", "validationActions": ["Deny"]}},
        {"spec": {"policyName": "p", "validationActions": ["Warn"]}},
        ["spec.validationActions"],
    ),
    (
        "storage.k8s.io/v1",
        "CSIDriver",
        {"spec": {}},
        {"spec": {"attachRequired": True, "podInfoOnMount": False, "volumeLifecycleModes": ["Persistent"]}},
        [],
    ),
    ("storage.k8s.io/v1", "CSIDriver", {"spec": {}}, {"spec": {"attachRequired": False}}, ["spec.attachRequired"]),
    (
        "flowcontrol.apiserver.k8s.io/v1",
        "FlowSchema",
        {"spec": {"priorityLevelConfiguration": {"name": "a"}}},
        {"spec": {"priorityLevelConfiguration": {"name": "a"}, "matchingPrecedence": 1000}},
        [],
    ),
    (
        "flowcontrol.apiserver.k8s.io/v1",
        "FlowSchema",
        {"spec": {"priorityLevelConfiguration": {"name": "a"}}},
        {"spec": {"priorityLevelConfiguration": {"name": "exempt"}}},
        ["spec.priorityLevelConfiguration.name"],
    ),
    (
        "snapshot.storage.k8s.io/v1",
        "VolumeSnapshotClass",
        {"driver": "a", "deletionPolicy": "Retain"},
        {"driver": "a", "deletionPolicy": "Delete", "parameters": {"x": "y"}},
        ["deletionPolicy", "parameters.x"],
    ),
    ("coordination.k8s.io/v1", "Lease", {}, {"spec": {"holderIdentity": "a"}}, []),
    (
        "storage.k8s.io/v1",
        "StorageClass",
        {"provisioner": "a"},
        {"provisioner": "a", "mountOptions": ["ro"]},
        ["mountOptions"],
    ),
]


@table(("version", "kind", "desired", "observed", "paths"), CASES)
def test_a_built_in_kind_is_compared_by_what_kubernetes_publishes(
    version: str, kind: str, desired: dict[str, Any], observed: dict[str, Any], paths: list[str]
) -> None:
    """Its defaults are no drift; a field that is new or another one is, without anybody recorded to have written it."""
    result = examine(Pair(declared(thing(kind, version, **desired)), live(thing(kind, version, **observed))))
    assert sorted(drift.where for drift in result.drift) == sorted(paths)


def test_every_published_kind_has_a_shape() -> None:
    """With metadata and the fields of its type; none of them is in our own tables."""
    every = builtin.published()
    assert every.version.startswith("v1.")
    assert len(every.kinds) > 30
    for group, kind in every.kinds:
        shape = shape_of(group, kind)
        assert shape.form is Form.STRUCT
        assert "metadata" in shape.fields
        assert is_known(group, kind)
        assert not by_hand(group, kind)
    assert TYPES.keys().isdisjoint(every.types.keys() - {"NodeSpec"})


def test_every_default_is_of_a_published_type() -> None:
    """A default of a type that is gone would say nothing."""
    assert builtin.DEFAULTS.keys() <= builtin.published().types.keys()


def test_what_is_left_out_is_counted_with_the_reason() -> None:
    """A new named element of a list is drift even where no table knows the list; an unknown field is counted."""
    before = thing("Gateway", "gateway.networking.k8s.io/v1", spec={"listeners": [{"name": "web", "port": 80}]})
    after = thing(
        "Gateway",
        "gateway.networking.k8s.io/v1",
        spec={"listeners": [{"name": "web", "port": 80}, {"name": "admin", "port": 9000}], "addresses": ["10.0.0.1"]},
    )
    result = examine(Pair(declared(before), live(after)))
    assert [drift.where for drift in result.drift] == ["spec.listeners[admin]"]
    assert [(hidden.by, hidden.drift.where, hidden.reason) for hidden in result.suppressed] == [
        ("unrecorded", "spec.addresses", "not recorded who wrote it")
    ]


FILLED_IN: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        {"spec": {"maxReplicas": 3, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}}},
        {
            "spec": {
                "maxReplicas": 3,
                "behavior": {
                    "scaleDown": {
                        "stabilizationWindowSeconds": 60,
                        "selectPolicy": "Max",
                        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
                    },
                    "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max"},
                },
            }
        },
    ),
    (
        "apiregistration.k8s.io/v1",
        "APIService",
        {"spec": {"service": {"name": "a", "namespace": "b"}}},
        {"spec": {"service": {"name": "a", "namespace": "b", "port": 443}}},
    ),
    (
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        {"spec": {"names": {"kind": "Gate", "plural": "gates"}}},
        {"spec": {"names": {"kind": "Gate", "plural": "gates", "singular": "gate", "listKind": "GateList"}}},
    ),
    (
        "batch/v1",
        "Job",
        {"spec": {"podFailurePolicy": {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "A"}]}]}}},
        {
            "spec": {
                "podFailurePolicy": {
                    "rules": [{"action": "Ignore", "onPodConditions": [{"type": "A", "status": "True"}]}]
                }
            }
        },
    ),
    (
        "v1",
        "PersistentVolume",
        {"spec": {"azureDisk": {"diskName": "a"}, "csi": {"driver": "x"}}},
        {
            "spec": {
                "azureDisk": {"diskName": "a", "kind": "Shared"},
                "csi": {"driver": "x"},
                "nodeAffinity": {"required": {}},
            }
        },
    ),
    (
        "coordination.k8s.io/v1",
        "Lease",
        {"spec": {"leaseDurationSeconds": 15}},
        {"spec": {"leaseDurationSeconds": 15, "holderIdentity": "a", "leaseTransitions": 2}},
    ),
    ("v1", "Namespace", {"spec": {}}, {"spec": {"finalizers": ["kubernetes"]}}),
]


@pytest.mark.parametrize(("version", "kind", "desired", "observed"), FILLED_IN)
def test_what_the_server_fills_in_below_a_declared_field_is_no_drift(
    version: str, kind: str, desired: dict[str, Any], observed: dict[str, Any]
) -> None:
    """Although nothing records who wrote it."""
    result = examine(Pair(declared(thing(kind, version, **desired)), live(thing(kind, version, **observed))))
    assert result.drift == ()


def test_a_new_entry_below_a_field_that_git_declares_is_drift() -> None:
    """In a built-in kind, where the field is one that no table describes further."""
    spec = {"accessModes": ["ReadWriteOnce"], "selector": {"matchLabels": {"a": "b"}}}
    before = thing("PersistentVolumeClaim", spec=spec)
    after = thing("PersistentVolumeClaim", spec={**spec, "selector": {"matchLabels": {"a": "b", "c": "d"}}})
    assert [drift.where for drift in examine(Pair(declared(before), live(after))).drift] == [
        "spec.selector.matchLabels.c"
    ]
