"""What autoscalers say they may set, and what lies within it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.drift.kubernetes.scaling import Horizontal, Policy, Scaler, Vertical, amounts, scalers
from bot.model.json import JSON, Tree
from tests.drift.makers import live
from tests.table import table


def scaler_of(kind: str, version: str, spec: Tree) -> dict[tuple[str, str, str], tuple[Scaler, ...]]:
    observed = live({"apiVersion": version, "kind": kind, "metadata": {"name": "x", "namespace": "shop"}, "spec": spec})
    return {**scalers([(observed.id, observed.tree), (observed.id, observed.tree)])}


WEB: Tree = {"name": "web"}
HPA, SCALED, VPA = "HorizontalPodAutoscaler/shop/x", "ScaledObject/shop/x", "VerticalPodAutoscaler/shop/x"


@table(
    ("kind", "version", "spec", "scaler"),
    [
        ("HorizontalPodAutoscaler", "autoscaling/v2", {"scaleTargetRef": WEB}, Horizontal(HPA, 1, 1)),
        (
            "HorizontalPodAutoscaler",
            "autoscaling/v2",
            {"scaleTargetRef": WEB, "minReplicas": 2, "maxReplicas": 9},
            Horizontal(HPA, 2, 9),
        ),
        ("ScaledObject", "keda.sh/v1alpha1", {"scaleTargetRef": WEB}, Horizontal(SCALED, 0, 100)),
        (
            "ScaledObject",
            "keda.sh/v1alpha1",
            {"scaleTargetRef": WEB, "minReplicaCount": 3, "maxReplicaCount": 5},
            Horizontal(SCALED, 3, 5),
        ),
        (
            "ScaledObject",
            "keda.sh/v1alpha1",
            {"scaleTargetRef": WEB, "minReplicaCount": 3, "idleReplicaCount": 1},
            Horizontal(SCALED, 1, 100),
        ),
        (
            "ScaledObject",
            "keda.sh/v1alpha1",
            {"scaleTargetRef": WEB, "minReplicaCount": 1, "idleReplicaCount": 4},
            Horizontal(SCALED, 1, 100),
        ),
        ("VerticalPodAutoscaler", "autoscaling.k8s.io/v1", {"targetRef": WEB}, Vertical(VPA)),
        (
            "VerticalPodAutoscaler",
            "autoscaling.k8s.io/v1",
            {"targetRef": WEB, "updatePolicy": {"updateMode": "Off"}},
            Vertical(VPA, updates=False),
        ),
        (
            "VerticalPodAutoscaler",
            "autoscaling.k8s.io/v1",
            {
                "targetRef": WEB,
                "updatePolicy": {"updateMode": "Initial"},
                "resourcePolicy": {
                    "containerPolicies": [
                        {},
                        {
                            "containerName": "a",
                            "mode": "Off",
                            "controlledResources": ["cpu"],
                            "minAllowed": {"cpu": "100m", "memory": "NaN", "x": []},
                            "maxAllowed": {"cpu": 2},
                            "controlledValues": "RequestsOnly",
                        },
                    ]
                },
            },
            Vertical(
                VPA,
                updates=False,
                policies=(
                    Policy(),
                    Policy(
                        "a",
                        off=True,
                        controlled=frozenset({"cpu"}),
                        low=(("cpu", Decimal("0.1")),),
                        high=(("cpu", Decimal(2)),),
                        requests_only=True,
                    ),
                ),
            ),
        ),
    ],
)
def test_an_autoscaler_says_what_it_may_set(kind: str, version: str, spec: Tree, scaler: Scaler) -> None:
    """Of a Deployment unless it names another kind; one that is declared and live is one."""
    assert scaler_of(kind, version, spec) == {("Deployment", "shop", "web"): (scaler,)}
    reference = "targetRef" if "targetRef" in spec else "scaleTargetRef"
    other = {**spec, reference: {"name": "db", "kind": "StatefulSet"}}
    assert [*scaler_of(kind, version, other)] == [("StatefulSet", "shop", "db")]
    assert scaler_of(kind, "example.com/v1", spec) == {}


@pytest.mark.parametrize(
    ("replicas", "allowed"), [(2, True), (9, True), (5, True), (1, False), (10, False), ("5", False), (None, False)]
)
def test_a_number_of_replicas_is_within_bounds(replicas: JSON, *, allowed: bool) -> None:
    """Both of which belong to them."""
    assert Horizontal("h", 2, 9).allows(replicas) is allowed


CPU = Policy("*", low=(("cpu", Decimal(1)),), high=(("cpu", Decimal(4)),))
TWICE: Tree = {"requests": {"cpu": "500m"}, "limits": {"cpu": "1"}}


@table(
    ("policies", "changed", "allowed"),
    [
        ((), {"requests": {"cpu": "9"}}, True),
        ((), {"requests": {"gpu": "9"}}, False),
        ((), {"requests": {"cpu": "NaN"}}, False),
        ((), {"requests": "9"}, False),
        ((), {}, False),
        ((), {"claims": {"cpu": "1"}}, False),
        ((CPU,), {"requests": {"cpu": "1"}}, True),
        ((CPU,), {"requests": {"cpu": "4"}}, True),
        ((CPU,), {"requests": {"cpu": "900m"}}, False),
        ((CPU,), {"requests": {"cpu": "4001m"}}, False),
        ((CPU,), {"requests": {"memory": "1Gi"}}, True),
        ((CPU,), {"requests": {"cpu": "1", "gpu": "1"}}, False),
        ((CPU,), {"limits": {"cpu": "2"}}, True),
        ((CPU,), {"limits": {"cpu": "8"}}, True),
        ((CPU,), {"limits": {"cpu": "8.08"}}, True),
        ((CPU,), {"limits": {"cpu": "8.09"}}, False),
        ((CPU,), {"limits": {"cpu": "1.99"}}, True),
        ((CPU,), {"limits": {"cpu": "1.9"}}, False),
        ((CPU,), {"limits": {"memory": "1Gi"}}, False),
        ((replace(CPU, requests_only=True),), {"limits": {"cpu": "2"}}, False),
        ((replace(CPU, off=True),), {"requests": {"cpu": "2"}}, False),
        ((replace(CPU, off=True), Policy("web")), {"requests": {"cpu": "2"}}, True),
        ((Policy("other", off=True),), {"requests": {"cpu": "2"}}, True),
    ],
)
def test_amounts_are_within_the_policy_of_their_container(
    policies: tuple[Policy, ...], changed: Tree, *, allowed: bool
) -> None:
    """Limits in the proportion that Git declares, with a little room for rounding."""
    made = [*amounts((), changed)]
    assert Vertical("v", policies=policies).allows("web", made, TWICE) is allowed
    assert not Vertical("v", updates=False, policies=policies).allows("web", made, TWICE)


def test_limits_without_requests_are_the_requests() -> None:
    """As the API server would make them; what says nothing has no proportion."""
    only = {"limits": {"cpu": "1"}}
    vertical = Vertical("v", policies=(CPU,))
    for limit, allowed in (("1", True), ("4", True), ("5", False)):
        assert vertical.allows("web", [*amounts(("limits", "cpu"), limit)], only) is allowed
    zero = {"requests": {"cpu": "0"}, "limits": {"cpu": "1"}}
    assert vertical.allows("web", [*amounts(("limits",), {"cpu": "4"})], zero)
