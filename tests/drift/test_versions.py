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
