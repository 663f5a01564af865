"""What a table of kinds knows of single fields: additions without any recorded writer, and spellings of one meaning."""

from __future__ import annotations

from typing import Any, Final

from tests.drift.makers import Pair, declared, examine, live, thing
from tests.table import table

RBAC: Final = "rbac.authorization.k8s.io/v1"
BACKEND: Final = {"service": {"name": "z", "port": {"number": 1}}}
VERSION: Final[dict[str, Any]] = {"name": "v1", "served": True, "storage": True}
RELEASE: Final = "helm.toolkit.fluxcd.io/v2"


def _crd(**version: Any) -> dict[str, Any]:
    names = {"kind": "Gate", "plural": "gates"}
    return {"spec": {"group": "example.com", "names": names, "versions": [{**VERSION, **version}]}}


def _schema(**field: Any) -> dict[str, Any]:
    return _crd(schema={"openAPIV3Schema": {"type": "object", "properties": {"a": {"type": "string", **field}}}})


def _bound(**account: Any) -> dict[str, Any]:
    return {"subjects": [{"kind": "ServiceAccount", "name": "a", **account}, {"kind": "User", "name": "u"}]}


CRD: Final = ("CustomResourceDefinition", "apiextensions.k8s.io/v1")
SCHEMA: Final = "spec.versions[v1].schema.openAPIV3Schema.properties.a"
ROWS: Final[list[tuple[tuple[str, str], dict[str, Any], dict[str, Any], list[str]]]] = [
    # a field that the table names is told as a whole, whoever is recorded
    (("Ingress", "networking.k8s.io/v1"), {"spec": {}}, {"spec": {"defaultBackend": BACKEND}}, ["spec.defaultBackend"]),
    (("StatefulSet", "apps/v1"), {"spec": {}}, {"spec": {"ordinals": {"start": 1}}}, ["spec.ordinals"]),
    (
        ("Service", "v1"),
        {"spec": {"ports": [{"port": 80}]}},
        {"spec": {"ports": [{"port": 80}], "newer": {"a": 1}}},
        ["spec.newer.a"],
    ),
    # an account without a namespace is one of the binding's
    (("RoleBinding", RBAC), _bound(), _bound(namespace="shop"), []),
    (("RoleBinding", RBAC), _bound(), _bound(namespace="other"), ["subjects"]),
    # what is empty in a definition may say something
    (CRD, _crd(), _crd(subresources={"status": {}}), ["spec.versions[v1].subresources"]),
    (CRD, _crd(), _crd(subresources={}), []),
    (CRD, _schema(), _schema(default=""), [f"{SCHEMA}.default"]),
    (CRD, _schema(), _schema(minLength=0), [f"{SCHEMA}.minLength"]),
    (CRD, _schema(required=["b", "a"]), _schema(required=["a", "b"]), []),
    (CRD, _schema(), _schema(nullable=False, description=""), []),
    # who is ready need not say so
    (
        ("EndpointSlice", "discovery.k8s.io/v1"),
        {"endpoints": [{"addresses": ["10.0.0.1"]}]},
        {"endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}]},
        [],
    ),
    (
        ("EndpointSlice", "discovery.k8s.io/v1"),
        {"endpoints": [{"addresses": ["10.0.0.1"]}]},
        {"endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": False}}]},
        ["endpoints"],
    ),
    # values of a chart are texts where texts were meant
    (
        ("HelmRelease", RELEASE),
        {"spec": {"values": {"a": False}}},
        {"spec": {"values": {"a": "false"}}},
        ["spec.values.a"],
    ),
    (("HelmRelease", RELEASE), {"spec": {"values": {"a": 2}}}, {"spec": {"values": {"a": "2"}}}, ["spec.values.a"]),
    (("HelmRelease", RELEASE), {"spec": {"values": {"a": 2}}}, {"spec": {"values": {"a": 2.0}}}, []),
    (("HelmRelease", RELEASE), {"spec": {"interval": "5m"}}, {"spec": {"interval": "5m0s"}}, []),
    # bounds of an autoscaler are quantities
    (
        ("VerticalPodAutoscaler", "autoscaling.k8s.io/v1"),
        {"spec": {"resourcePolicy": {"containerPolicies": [{"maxAllowed": {"cpu": "1"}}]}}},
        {"spec": {"resourcePolicy": {"containerPolicies": [{"maxAllowed": {"cpu": "1000m"}}]}}},
        [],
    ),
    # what controllers only read, somebody wrote
    *(
        (
            ("ScaledObject", "keda.sh/v1alpha1"),
            {"metadata": {"annotations": {"a": "b"}}},
            {"metadata": {"annotations": {"a": "b", key: "true"}}},
            [f'metadata.annotations["{key}"]'],
        )
        for key in ("autoscaling.keda.sh/paused", "argocd.argoproj.io/sync-options", "karpenter.sh/do-not-disrupt")
    ),
]


@table(("what", "before", "now", "places"), ROWS)
def test_a_field_is_told_by_what_it_means(
    what: tuple[str, str], before: dict[str, Any], now: dict[str, Any], places: list[str]
) -> None:
    """In either direction, where it means the same."""
    kind, version = what
    one, other = thing(kind, version, **before), thing(kind, version, **now)
    assert [drift.where for drift in examine(Pair(declared(one), live(other))).drift] == places
    if not places:
        assert not examine(Pair(declared(other), live(one))).drift
