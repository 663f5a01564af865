"""Manifests in API versions that are gone, beside what servers store of them today."""

from __future__ import annotations

from typing import Any

import pytest

from bot.drift.compare import compare
from bot.model.drift import DriftKind
from bot.model.observation import Observation
from bot.model.resource import Platform
from tests.drift.makers import NOW, OPTIONS, Pair, declared, deployment, examine, live, thing


def found(desired: dict[str, Any], observed: dict[str, Any]) -> list[tuple[DriftKind, str]]:
    seen = live(observed)
    report = compare(
        [declared(desired)], Observation(NOW, {seen.id: seen}, frozenset({Platform.KUBERNETES})), options=OPTIONS
    )
    return [(drift.kind, drift.where) for drift in report.drift]


def old_ingress(version: str, port: Any = 80) -> dict[str, Any]:
    path = {"path": "/", "backend": {"serviceName": "web", "servicePort": port}}
    rule = {"host": "a.example.com", "http": {"paths": [path]}}
    return thing("Ingress", version, spec={"backend": {"serviceName": "other", "servicePort": 1}, "rules": [rule]})


def ingress(port: dict[str, Any]) -> dict[str, Any]:
    backend = {"service": {"name": "web", "port": port}}
    rule = {
        "host": "a.example.com",
        "http": {"paths": [{"path": "/", "pathType": "ImplementationSpecific", "backend": backend}]},
    }
    spec = {"defaultBackend": {"service": {"name": "other", "port": {"number": 1}}}, "rules": [rule]}
    return thing("Ingress", "networking.k8s.io/v1", spec=spec)


@pytest.mark.parametrize("version", ["networking.k8s.io/v1beta1", "extensions/v1beta1"])
def test_an_old_ingress_is_the_new_one(version: str) -> None:
    """Its backends are in another form, and its group may be gone."""
    assert found(old_ingress(version), ingress({"number": 80})) == []
    assert found(old_ingress(version, "http"), ingress({"name": "http"})) == []
    assert found(old_ingress(version, "80"), ingress({"number": 80})) == []
    where = "spec.rules[#0].http.paths[#0].backend.service.port.number"
    assert found(old_ingress(version), ingress({"number": 81})) == [(DriftKind.CHANGED, where)]


def test_no_edit_writes_the_new_form_into_an_old_manifest() -> None:
    """A field that both forms have can be edited; a backend cannot, nor can a rule be added."""
    changed = ingress({"number": 81})
    changed["spec"]["rules"][0]["host"] = "b.example.com"
    drifts = examine(Pair(declared(old_ingress("networking.k8s.io/v1beta1")), live(changed))).drift
    edits = {drift.where: len(drift.adopt) for drift in drifts}
    assert edits == {"spec.rules[#0].host": 1, "spec.rules[#0].http.paths[#0].backend.service.port.number": 0}


def test_a_workload_of_a_group_that_is_gone_is_the_one_that_runs() -> None:
    """With the defaults of its version where the server still has them, and today's where it was applied again."""
    old = {**deployment(), "apiVersion": "extensions/v1beta1"}
    del old["spec"]["selector"]
    assert found(old, deployment()) == []
    now = deployment()
    now["spec"] |= {"progressDeadlineSeconds": 2147483647, "revisionHistoryLimit": 2147483647}
    now["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}
    assert found(old, now) == []
    now["spec"]["progressDeadlineSeconds"] = 5
    assert found(old, now) == [(DriftKind.ADDED, "spec.progressDeadlineSeconds")]


def test_a_manifest_of_today_finds_what_an_old_server_lists() -> None:
    """The groups of one object count as one in both directions; a kind that nobody lists is not missing."""
    assert found(deployment(), {**deployment(), "apiVersion": "extensions/v1beta1"}) == []
    seen = Observation(NOW, {}, frozenset({Platform.KUBERNETES}), frozenset({("networking.k8s.io", "Ingress")}))
    report = compare([declared(old_ingress("extensions/v1beta1"))], seen, options=OPTIONS)
    assert [drift.kind for drift in report.drift] == [DriftKind.MISSING]


OLD_METRICS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 70}},
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}},
    ),
    (
        {"type": "Pods", "pods": {"metricName": "rps", "targetAverageValue": "1k"}},
        {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "1k"}}},
    ),
    (
        {"type": "External", "external": {"metricName": "q", "metricSelector": {"a": "b"}, "targetValue": "30"}},
        {
            "type": "External",
            "external": {"metric": {"name": "q", "selector": {"a": "b"}}, "target": {"type": "Value", "value": "30"}},
        },
    ),
    (
        {
            "type": "Object",
            "object": {"metricName": "h", "target": {"kind": "Service", "name": "s"}, "targetValue": "5"},
        },
        {
            "type": "Object",
            "object": {
                "describedObject": {"kind": "Service", "name": "s"},
                "metric": {"name": "h"},
                "target": {"type": "Value", "value": "5"},
            },
        },
    ),
]


@pytest.mark.parametrize(("old", "new"), OLD_METRICS)
def test_old_metrics_of_an_autoscaler_are_the_new_ones(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Each source of ``autoscaling/v2beta1``."""
    kind = "HorizontalPodAutoscaler"
    before = thing(kind, "autoscaling/v2beta1", spec={"maxReplicas": 3, "metrics": [old]})
    after = thing(kind, "autoscaling/v2", spec={"maxReplicas": 3, "metrics": [new]})
    assert found(before, after) == []
    assert found(before, thing(kind, "autoscaling/v2", spec={"maxReplicas": 4, "metrics": [new]})) != []


def test_an_old_definition_is_the_new_one() -> None:
    """One schema, one set of columns for every version."""
    column = {"name": "Age", "type": "date"}
    shared = {"group": "example.com", "names": {"kind": "Plan", "plural": "plans"}, "scope": "Namespaced"}
    schema = {"openAPIV3Schema": {"type": "object"}}
    old = {
        **shared,
        "version": "v1",
        "validation": schema,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [{**column, "JSONPath": ".metadata.creationTimestamp"}],
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": schema,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [{**column, "jsonPath": ".metadata.creationTimestamp"}],
    }
    new = {**shared, "versions": [version], "conversion": {"strategy": "None"}}
    kind = "CustomResourceDefinition"
    assert (
        found(thing(kind, "apiextensions.k8s.io/v1beta1", spec=old), thing(kind, "apiextensions.k8s.io/v1", spec=new))
        == []
    )


def test_shares_of_a_priority_level_have_another_name_today() -> None:
    """Since ``v1beta3``."""
    kind, api = "PriorityLevelConfiguration", "flowcontrol.apiserver.k8s.io"
    old = thing(kind, f"{api}/v1beta2", spec={"type": "Limited", "limited": {"assuredConcurrencyShares": 5}})
    new = thing(kind, f"{api}/v1", spec={"type": "Limited", "limited": {"nominalConcurrencyShares": 5}})
    assert found(old, new) == []
    new["spec"]["limited"]["nominalConcurrencyShares"] = 50
    assert [kind for kind, _ in found(old, new)] == [DriftKind.CHANGED]


def _sliced(version: str, **endpoint: Any) -> dict[str, Any]:
    return thing(
        "EndpointSlice",
        f"discovery.k8s.io/{version}",
        addressType="IPv4",
        endpoints=[{"addresses": ["10.0.0.1"], **endpoint}],
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"topology": {"topology.kubernetes.io/zone": "a"}}, {"zone": "a"}),
        ({"nodeName": "n", "topology": {"kubernetes.io/hostname": "n"}}, {"nodeName": "n"}),
        ({"topology": {"kubernetes.io/hostname": "n"}}, {"deprecatedTopology": {"kubernetes.io/hostname": "n"}}),
        ({"topology": {"rack": "7"}}, {"deprecatedTopology": {"rack": "7"}}),
        ({"nodeName": "n"}, {"nodeName": "n"}),
    ],
)
def test_the_topology_of_an_old_endpoint_has_fields_of_its_own_today(old: dict[str, Any], new: dict[str, Any]) -> None:
    """The zone, and the node where both said the same; the rest is kept as it was."""
    assert found(_sliced("v1beta1", **old), _sliced("v1", **new)) == []
    assert found(_sliced("v1beta1", **old), _sliced("v1", **{**new, "zone": "b"})) == [(DriftKind.CHANGED, "endpoints")]


def test_an_old_runtime_class_and_an_old_claim_of_devices_are_the_new_ones() -> None:
    """The class had a specification; the only way to ask was for one kind of device."""
    kind, api = "RuntimeClass", "node.k8s.io"
    old = thing(kind, f"{api}/v1alpha1", spec={"runtimeHandler": "gvisor", "overhead": {"podFixed": {"cpu": "1"}}})
    new = thing(kind, f"{api}/v1", handler="gvisor", overhead={"podFixed": {"cpu": "1000m"}})
    assert found(old, new) == []
    assert found(old, {**new, "handler": "runc"}) == [(DriftKind.CHANGED, "handler")]
    asked = {"deviceClassName": "gpu", "selectors": [{"cel": {"expression": "true"}}]}
    for kind in ("ResourceClaim", "ResourceClaimTemplate"):
        before: dict[str, Any]
        after: dict[str, Any]
        before, after = (
            {"devices": {"requests": [request]}}
            for request in ({"name": "a", **asked}, {"name": "a", "exactly": {**asked, "count": 1}})
        )
        if kind == "ResourceClaimTemplate":
            before, after = {"spec": before}, {"spec": after}
        claim = thing(kind, "resource.k8s.io/v1beta1", spec=before)
        assert found(claim, thing(kind, "resource.k8s.io/v1", spec=after)) == []
        assert found(claim, thing(kind, "resource.k8s.io/v1", spec={})) != []


def test_an_autoscaler_of_the_first_version_notes_what_it_has_no_field_for() -> None:
    """Its metrics beside the processor and its behaviour stand in annotations, on either side; a broken one is a note."""
    kind, cpu = "HorizontalPodAutoscaler", {"type": "Utilization", "averageUtilization": 80}
    memory = {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 70}}
    metrics = [
        {"type": "Resource", "resource": {"name": "cpu", "target": cpu}},
        {"type": "Resource", "resource": memory},
    ]
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 60, "selectPolicy": "Max"}}
    now = thing(kind, "autoscaling/v2", spec={"maxReplicas": 3, "metrics": metrics, "behavior": behavior})
    notes = {
        "autoscaling.alpha.kubernetes.io/metrics": '[{"type":"Resource","resource":{"name":"memory",'
        '"targetAverageUtilization":70}}]',
        "autoscaling.alpha.kubernetes.io/behavior": '{"ScaleUp":null,"ScaleDown":{"StabilizationWindowSeconds":60,'
        '"SelectPolicy":"Max"}}',
    }
    spec = {"maxReplicas": 3, "targetCPUUtilizationPercentage": 80}
    old = thing(kind, "autoscaling/v1", metadata={"annotations": notes}, spec=spec)
    assert found(now, old) == []
    assert found(old, now) == []
    now["spec"]["behavior"] = {"scaleDown": {**behavior["scaleDown"], "stabilizationWindowSeconds": 0}}
    (changed,) = examine(Pair(declared(old), live(now))).drift
    assert (changed.where, changed.adopt) == ("spec.behavior.scaleDown.stabilizationWindowSeconds", ())
    for broken in ("{", "7", '{"a": ' * 2000):
        other = thing(
            kind,
            "autoscaling/v1",
            metadata={"annotations": {"autoscaling.alpha.kubernetes.io/metrics": broken}},
            spec=spec,
        )
        assert (DriftKind.CHANGED, "spec.metrics") in found(now, other)
