"""What the API server derives, copies and fills in is no drift, and what it would not is."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bot.model.drift import Drift, SetValue
from tests.drift.makers import OPTIONS, Pair, declared, deployment, diff, live

Tree = dict[str, Any]


def drifts_of(desired: Tree, observed: Tree) -> tuple[Drift, ...]:
    return diff(Pair(declared(desired), live(observed)), OPTIONS)


def wheres(desired: Tree, live: Tree) -> list[str]:
    return [drift.where for drift in drifts_of(desired, live)]


def scaler(target: Tree) -> Tree:
    metric = {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", **target}}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"maxReplicas": 4, "scaleTargetRef": {"kind": "Deployment", "name": "web"}, "metrics": [metric]},
    }


@pytest.mark.parametrize(
    ("desired", "observed", "drifts"),
    [
        ({"averageValue": "1000m"}, {"averageValue": "1"}, 0),
        ({"averageValue": 0.5}, {"averageValue": "500m"}, 0),
        ({"value": "1k"}, {"value": "1000"}, 0),
        ({"averageValue": "1"}, {"averageValue": "2"}, 1),
    ],
)
def test_targets_of_metrics_are_quantities(desired: Tree, observed: Tree, drifts: int) -> None:
    """However they are written."""
    assert len(drifts_of(scaler(desired), scaler(observed))) == drifts


def test_a_replication_controller_is_known() -> None:
    """With quantities, the selector of its template and the labels that it copies from there."""
    tree = {**deployment(resources={"limits": {"cpu": "1000m"}}), "apiVersion": "v1", "kind": "ReplicationController"}
    tree = copy.deepcopy(tree)
    del tree["spec"]["selector"], tree["metadata"]["labels"]
    live = copy.deepcopy(tree)
    live["metadata"]["labels"] = {"app": "web"}
    live["spec"]["selector"] = {"app": "web"}
    live["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"] = "1"
    assert wheres(tree, live) == []
    live["spec"]["selector"] = {"app": "other"}
    assert wheres(tree, live) == ["spec.selector.app"]


def with_pod(**fields: Any) -> Tree:
    tree = deployment(ports=fields.pop("ports", []))
    tree["spec"]["template"]["spec"] |= fields
    return tree


@pytest.mark.parametrize(
    ("volume", "live", "drifts"),
    [
        ({"name": "v"}, {"name": "v", "emptyDir": {}}, []),
        ({"name": "v"}, {"name": "v", "emptyDir": {"medium": "Memory"}}, ["emptyDir"]),
        ({"name": "v", "emptyDir": {}}, {"name": "v"}, []),
        ({"name": "v", "hostPath": {"path": "/x"}}, {"name": "v", "emptyDir": {}}, ["hostPath", "emptyDir"]),
    ],
)
def test_a_volume_of_nothing_is_an_empty_folder(volume: Tree, live: Tree, drifts: list[str]) -> None:
    """SetDefaults_Volume."""
    expected = [f"spec.template.spec.volumes[v].{name}" for name in drifts]
    assert wheres(with_pod(volumes=[volume]), with_pod(volumes=[live])) == expected


def test_on_the_hosts_network_a_port_is_the_hosts_port() -> None:
    """Servers before 1.28 write it into templates, newer ones leave it out, and neither is drift."""
    plain, same = {"containerPort": 9100}, {"containerPort": 9100, "hostPort": 9100}
    on = {"hostNetwork": True}
    assert wheres(with_pod(ports=[plain], **on), with_pod(ports=[same], **on)) == []
    assert wheres(with_pod(ports=[same], **on), with_pod(ports=[plain], **on)) == []
    port = "spec.template.spec.containers[web].ports[9100/TCP].hostPort"
    assert wheres(with_pod(ports=[plain]), with_pod(ports=[same])) == [port]
    assert port in wheres(with_pod(ports=[plain]), with_pod(ports=[same], **on))


def pod(resources: Tree, **spec: Any) -> Tree:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": {"containers": [{"name": "a", "image": "a:1", "resources": resources}], **spec},
    }


def sent(tree: Tree) -> Tree:
    """The same as ``helm`` left it, whose every field is its own."""
    tree = copy.deepcopy(tree)
    tree["metadata"]["managedFields"] = [{"manager": "helm", "operation": "Update", "fieldsV1": {"f:spec": {}}}]
    return tree


def test_a_bare_pod_requests_its_limits_and_has_the_usual_account() -> None:
    """SetDefaults_Pod and the admission plug-in for service accounts; a template keeps what it says."""
    limits = {"limits": {"cpu": "1", "memory": "1Gi"}}
    asked = {**limits, "requests": {"cpu": "1", "memory": "1Gi"}}
    account = {"serviceAccountName": "default", "serviceAccount": "default"}
    assert wheres(pod(limits), sent(pod(asked, **account))) == []
    more = {**limits, "requests": {"cpu": "2", "memory": "1Gi"}}
    drift = drifts_of(pod(limits), sent(pod(more)))
    assert [difference.where for difference in drift] == ["spec.containers[a].resources.requests.cpu"]
    assert drift[0].adopt == ()
    assert wheres(pod({}), sent(pod({}, serviceAccountName="admin"))) == ["spec.serviceAccountName"]
    assert len(wheres(deployment(resources=limits), deployment(resources=asked))) == 2


@pytest.mark.parametrize("written", ["", "default", None])
def test_no_account_is_the_usual_account(written: str | None) -> None:
    """In templates too, however nothing is written."""
    tree = with_pod() if written is None else with_pod(serviceAccountName=written)
    assert wheres(tree, with_pod(serviceAccountName="default", serviceAccount="default")) == []
    assert wheres(tree, with_pod()) == []


def test_a_job_without_labels_has_those_of_its_template() -> None:
    """SetDefaults_Job; labels of its own are all it has."""
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    tree: Tree = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "shop"}}
    tree["spec"] = {"template": template}
    live = copy.deepcopy(tree)
    live["metadata"]["labels"] = {"app": "x"}
    assert wheres(tree, live) == []
    live["metadata"]["labels"] = {"app": "y"}
    assert [drift.adopt for drift in drifts_of(tree, live)] == [()]
    tree["metadata"]["labels"] = {"app": "z"}
    assert [drift.adopt for drift in drifts_of(tree, live)] == [(SetValue(("metadata", "labels", "app"), "y"),)]


@pytest.mark.parametrize(("value", "drifts"), [("$(A)", 1), ("$$(A)", 0), ("$$$(A)", 1), ("x$$(A)$(B)", 0)])
def test_two_dollar_signs_refer_to_nothing(value: str, drifts: int) -> None:
    """``$$`` is one dollar sign, so the order of the variables means nothing."""
    variables = [{"name": "A", "value": "1"}, {"name": "C", "value": value}]
    assert len(drifts_of(deployment(env=variables), deployment(env=variables[::-1]))) == drifts
