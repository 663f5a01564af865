"""Autoscalers: who may scale without a name that says so, and the bounds and modes of vertical ones."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bot.drift.compare import compare
from bot.model.drift import Report
from bot.model.observation import Observation
from bot.model.resource import Platform
from tests.drift.makers import NOW, OPTIONS, declared, deployment, live

Tree = dict[str, Any]
REPLICAS: Tree = {"f:spec": {"f:replicas": {}}}
CPU: Tree = {"f:requests": {"f:cpu": {}}}
RESOURCES: Tree = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"web"}': {"f:resources": CPU}}}}}}


def run(desired: Tree, *observed: Tree) -> Report:
    objects = [live(tree) for tree in observed]
    seen = Observation(
        NOW, resources={resource.id: resource for resource in objects}, covered=frozenset({Platform.KUBERNETES})
    )
    return compare([declared(desired)], seen, options=OPTIONS)


def horizontal(low: int, high: int) -> Tree:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"minReplicas": low, "maxReplicas": high, "scaleTargetRef": {"kind": "Deployment", "name": "web"}},
    }


def scaled(manager: str, replicas: int) -> Tree:
    tree = deployment()
    tree["spec"]["replicas"] = replicas
    entry = {"manager": manager, "operation": "Update", "subresource": "scale", "fieldsV1": REPLICAS}
    tree["metadata"]["managedFields"] = [entry]
    return tree


@pytest.mark.parametrize("manager", ["kubectl.exe", "kubectl1.29", "my-script", "python-requests", "some-operator"])
def test_scaling_is_no_autoscalers_only_because_it_goes_through_scale(manager: str) -> None:
    """Without an autoscaler in sight, nobody else is one by the way that the number came."""
    assert [drift.manager for drift in run(deployment(), scaled(manager, 0)).drift] == [manager]


@pytest.mark.parametrize("manager", ["kube-controller-manager", "k3s", "keda-operator", "acme-autoscaler"])
def test_autoscalers_are_known_by_name(manager: str) -> None:
    """The control plane, KEDA and what calls itself an autoscaler."""
    report = run(deployment(), scaled(manager, 5))
    assert (report.drift, len(report.suppressed)) == ((), 1)


def test_the_bounds_of_an_autoscaler_count_for_a_stranger_and_not_for_a_person() -> None:
    """What scales a workload that an autoscaler aims at may be its machinery under another name."""
    assert run(deployment(), scaled("acme", 5), horizontal(2, 10)).drift == ()
    assert len(run(deployment(), scaled("acme", 50), horizontal(2, 10)).drift) == 1
    assert len(run(deployment(), scaled("kubectl.exe", 5), horizontal(2, 10)).drift) == 1


def vertical(updates: str = "Auto", **policy: Any) -> Tree:
    return {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "targetRef": {"kind": "Deployment", "name": "web"},
            "updatePolicy": {"updateMode": updates},
            "resourcePolicy": {"containerPolicies": [{"containerName": "*", **policy}]},
        },
    }


BOUNDS: dict[str, Any] = {"minAllowed": {"cpu": "100m"}, "maxAllowed": {"cpu": "2"}}
SET: list[tuple[Tree, Tree, bool]] = [
    (vertical(), {"cpu": "64"}, True),
    (vertical(**BOUNDS), {"cpu": "2000m"}, True),
    (vertical(**BOUNDS), {"cpu": "64"}, False),
    (vertical(**BOUNDS), {"cpu": "50m"}, False),
    (vertical(**BOUNDS), {}, False),
    (vertical("Off"), {"cpu": "1"}, False),
    (vertical("Initial"), {"cpu": "1"}, False),
    (vertical("Recreate"), {"cpu": "1"}, True),
    (vertical(mode="Off"), {"cpu": "1"}, False),
    (vertical(containerName="other", maxAllowed={"cpu": "1"}), {"cpu": "64"}, True),
    (vertical(containerName="web", mode="Off"), {"cpu": "1"}, False),
    (vertical(controlledResources=["memory"]), {"cpu": "1"}, False),
]


@pytest.mark.parametrize("manager", ["", "vpa-updater"])
@pytest.mark.parametrize(("scaler", "requests", "allowed"), SET)
def test_a_vertical_autoscaler_sets_what_its_policies_let_it(
    scaler: Tree, requests: Tree, manager: str, *, allowed: bool
) -> None:
    """Outside of its bounds, or where it is told not to touch what runs, somebody else did it."""
    live = deployment(resources={"requests": requests})
    if manager:
        entry = {"manager": manager, "operation": "Update", "fieldsV1": RESOURCES}
        live["metadata"]["managedFields"] = [entry]
    report = run(deployment(resources={"requests": {"cpu": "500m"}}), live, scaler)
    assert (len(report.drift), len(report.suppressed)) == ((0, 1) if allowed else (1, 0))


@pytest.mark.parametrize(
    ("policy", "limit", "allowed"),
    [
        (BOUNDS, "4", True),
        (BOUNDS, "5", False),
        ({**BOUNDS, "controlledValues": "RequestsOnly"}, "4", False),
        ({}, "64", True),
    ],
)
def test_limits_follow_the_requests_in_proportion(policy: Tree, limit: str, *, allowed: bool) -> None:
    """Git allows twice what it requests, so a limit may be twice the highest request."""
    desired = deployment(resources={"requests": {"cpu": "500m"}, "limits": {"cpu": "1"}})
    live = deployment(resources={"requests": {"cpu": "500m"}, "limits": {"cpu": limit}})
    assert (run(desired, live, vertical(**policy)).drift == ()) is allowed


def test_resources_that_git_leaves_out_have_bounds_too() -> None:
    """What a vertical autoscaler adds is its own within its bounds, and drift beyond them."""
    for requests, drifts in (({"cpu": "1"}, 0), ({"cpu": "64"}, 1)):
        live = copy.deepcopy(deployment(resources={"requests": requests}))
        entry = {"manager": "vpa-updater", "operation": "Update", "fieldsV1": RESOURCES}
        live["metadata"]["managedFields"] = [entry]
        assert len(run(deployment(), live, vertical(**BOUNDS)).drift) == drifts
