"""Who wrote a live field decides: 24 cases of managers, operations and fields, and the autoscalers' bounds."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bot.drift.compare import compare
from bot.drift.diff import PairResult
from bot.drift.kubernetes.ownership import Role, role_of
from bot.drift.options import Roster
from bot.model.drift import Drift, DriftKind
from bot.model.observation import Observation
from bot.model.resource import Platform
from tests.drift.makers import NOW, OPTIONS, Pair, declared, deployment, examine, live
from tests.table import table

REPLICAS: dict[str, Any] = {"f:spec": {"f:replicas": {}}}
CONTAINER = 'k:{"name":"web"}'


def pod(fields: dict[str, Any]) -> dict[str, Any]:
    return {"f:spec": {"f:template": {"f:spec": fields}}}


def container(fields: dict[str, Any]) -> dict[str, Any]:
    return pod({"f:containers": {CONTAINER: fields}})


ENV = container({"f:env": {'k:{"name":"DEBUG"}': {".": {}, "f:name": {}, "f:value": {}}}})
LABEL: dict[str, Any] = {"f:metadata": {"f:labels": {"f:team": {}}}}
ANNOTATION: dict[str, Any] = {"f:metadata": {"f:annotations": {"f:example.com/note": {}}}}
RESOURCES = container({"f:resources": {"f:requests": {"f:cpu": {}}}})
IMAGE = container({"f:image": {}})
SIDECAR = pod({"f:containers": {'k:{"name":"agent"}': {".": {}, "f:image": {}, "f:name": {}}}})
VOLUME = pod({"f:volumes": {'k:{"name":"extra"}': {".": {}, "f:name": {}, "f:emptyDir": {}}}})


def change(tree: dict[str, Any], what: str) -> dict[str, Any]:
    """``tree`` as somebody left it."""
    changed = copy.deepcopy(tree)
    spec = changed["spec"]["template"]["spec"]
    web = spec["containers"][0]
    match what:
        case "replicas":
            changed["spec"]["replicas"] = 5
        case "env":
            web["env"].append({"name": "DEBUG", "value": "1"})
        case "label":
            changed["metadata"]["labels"]["team"] = "blue"
        case "annotation":
            changed["metadata"]["annotations"]["example.com/note"] = "y"
        case "resources":
            web["resources"]["requests"]["cpu"] = "2"
        case "image":
            web["image"] = "shop/web:2.0"
        case "container":
            spec["containers"].append({"name": "agent", "image": "agent:1"})
        case "volume":
            spec["volumes"].append({"name": "extra", "emptyDir": {}})
    return changed


BASE = deployment(env=[{"name": "A", "value": "1"}], resources={"requests": {"cpu": "1"}})
BASE["spec"]["template"]["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}]

Case = tuple[str, str, str, str, dict[str, Any], DriftKind | None]
"""What changed, manager, operation, subresource, fields owned, and the kind of drift it is (None: none)."""

CASES: list[Case] = [
    ("replicas", "kube-controller-manager", "Update", "scale", REPLICAS, None),
    ("replicas", "keda-operator", "Update", "scale", REPLICAS, None),
    ("replicas", "kube-controller-manager", "Update", "", REPLICAS, None),
    ("replicas", "kubectl", "Update", "scale", REPLICAS, DriftKind.CHANGED),
    ("replicas", "kubectl-edit", "Update", "", REPLICAS, DriftKind.CHANGED),
    ("replicas", "argocd-controller", "Apply", "", REPLICAS, DriftKind.CHANGED),
    ("resources", "vpa-updater", "Update", "", RESOURCES, None),
    ("resources", "kubectl-set", "Update", "", RESOURCES, DriftKind.CHANGED),
    ("image", "kubectl-set", "Update", "", IMAGE, DriftKind.CHANGED),
    ("image", "keel", "Update", "", IMAGE, DriftKind.CHANGED),
    ("image", "Lens", "Update", "", IMAGE, DriftKind.CHANGED),
    ("env", "kubectl-edit", "Update", "", ENV, DriftKind.ADDED),
    ("env", "k9s", "Update", "", ENV, DriftKind.ADDED),
    ("env", "node-fetch", "Update", "", ENV, DriftKind.ADDED),
    ("env", "some-operator", "Update", "", ENV, None),
    ("env", "helm", "Update", "", ENV, DriftKind.REMOVED),
    ("env", "argocd-controller", "Apply", "", ENV, DriftKind.REMOVED),
    ("label", "kubectl-label", "Update", "", LABEL, DriftKind.ADDED),
    ("label", "some-operator", "Update", "", LABEL, None),
    ("annotation", "dashboard", "Update", "", ANNOTATION, DriftKind.ADDED),
    ("annotation", "some-operator", "Update", "", ANNOTATION, None),
    ("container", "kubectl-patch", "Update", "", SIDECAR, DriftKind.ADDED),
    ("container", "sidecar-injector", "Update", "", SIDECAR, None),
    ("volume", "kubectl-edit", "Update", "", VOLUME, DriftKind.ADDED),
]


def judged(what: str, entry: dict[str, Any] | None) -> PairResult:
    tree = change(BASE, what)
    if entry is not None:
        tree["metadata"]["managedFields"] = [entry]
    return examine(Pair(declared(BASE), live(tree)))


@table("case", CASES, ids=[f"{c[0]}-{c[1]}-{c[2]}-{c[3]}" for c in CASES])
def test_the_writer_decides_whether_it_is_drift(case: Case) -> None:
    """A person's writing is drift with name and time, an autoscaler's is suppressed, a controller's addition is none."""
    what, manager, operation, subresource, fields, kind = case
    entry = {"manager": manager, "operation": operation, "fieldsV1": fields, "time": "2026-04-30T08:00:00Z"}
    result = judged(what, {**entry, "subresource": subresource} if subresource else entry)
    assert [drift.kind for drift in result.drift] == ([] if kind is None else [kind])
    for drift in result.drift:
        assert drift.manager == manager
        assert drift.changed_at is not None
        assert drift.changed_at.isoformat() == "2026-04-30T08:00:00+00:00"
    if what in {"replicas", "resources"} and kind is None:
        assert len(result.suppressed) == 1


@pytest.mark.parametrize("what", ["env", "label", "container", "volume", "image", "replicas"])
def test_without_managed_fields_an_addition_where_git_speaks_is_drift(what: str) -> None:
    """A snapshot without managedFields hides nothing: Git declares the list, so an extra element is drift."""
    assert len(judged(what, None).drift) == 1


def test_without_managed_fields_a_controllers_annotation_is_none() -> None:
    """Bookkeeping and annotations in a controller's domain stay quiet while nobody knows the writer."""
    tree = copy.deepcopy(BASE)
    tree["metadata"]["annotations"] |= {
        "deployment.kubernetes.io/revision": "4",
        "kubectl.kubernetes.io/restartedAt": "now",
        "sidecar.istio.io/status": "{}",
        "field.cattle.io/publicEndpoints": "[]",
    }
    assert examine(Pair(declared(BASE), live(tree))) == PairResult(left_out=(("trace", 4),))


def autoscaler(low: int, high: int) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"minReplicas": low, "maxReplicas": high, "scaleTargetRef": {"kind": "Deployment", "name": "web"}},
    }


def scaled(low: int, high: int, entry: dict[str, Any] | None) -> tuple[Drift, ...]:
    tree = change(BASE, "replicas")
    if entry is not None:
        tree["metadata"]["managedFields"] = [entry]
    objects = [live(tree), live(autoscaler(low, high))]
    seen = Observation(
        NOW, resources={scaler.id: scaler for scaler in objects}, covered=frozenset({Platform.KUBERNETES})
    )
    return compare([declared(BASE)], seen, options=OPTIONS).drift


SCALE = {"manager": "kube-controller-manager", "operation": "Update", "subresource": "scale", "fieldsV1": REPLICAS}


def test_an_autoscaler_within_its_bounds_is_no_drift_and_beyond_them_it_is() -> None:
    """Five replicas are right for 2..10, and drift for 2..4 whoever wrote them."""
    assert scaled(2, 10, SCALE) == ()
    assert scaled(2, 10, None) == ()
    assert [drift.where for drift in scaled(2, 4, SCALE)] == ["spec.replicas"]


def test_a_person_scaling_what_an_autoscaler_scales_is_drift() -> None:
    """The bounds excuse the autoscaler, not a person."""
    person = {**SCALE, "manager": "kubectl"}
    assert [drift.manager for drift in scaled(2, 10, person)] == ["kubectl"]


ROLES = [
    ("kubectl", "Apply", "", Role.DEPLOYER),
    ("kubectl", "Update", "", Role.PERSON),
    ("kubectl-client-side-apply", "Update", "", Role.DEPLOYER),
    ("kubectl-create", "Update", "", Role.CREATOR),
    ("Mozilla", "Update", "", Role.PERSON),
    ("HashiCorp", "Update", "", Role.DEPLOYER),
    ("kustomize-controller", "Apply", "", Role.DEPLOYER),
    ("kube-controller-manager", "Update", "scale", Role.AUTOSCALER),
    ("anything", "Update", "scale", Role.STRANGER),
    ("cert-manager-cainjector", "Update", "", Role.CONTROLLER),
]


@table(("manager", "operation", "subresource", "role"), ROLES)
def test_managers_have_roles(manager: str, operation: str, subresource: str, role: Role) -> None:
    """The usual field managers are known by name."""
    assert role_of(manager, operation, subresource, Roster()) is role


def test_an_installation_names_its_own_people_and_robots() -> None:
    """Names in the roster win over the usual ones."""
    roster = Roster(people=frozenset({"ops-tool"}), controllers=frozenset({"curl"}))
    assert role_of("ops-tool", "Update", "", roster) is Role.PERSON
    assert role_of("curl", "Update", "", roster) is Role.CONTROLLER


@pytest.mark.parametrize(
    ("said", "held", "manager", "told"),
    [
        ([], ["foo/x"], None, []),
        (["foo/x"], ["bar/y", "foo/x"], None, []),
        (["foo/x"], ["bar/y", "foo/x"], "bar-controller", []),
        (["foo/x"], ["bar/y", "foo/x"], "kubectl-edit", ["bar/y"]),
        (["foo/x"], ["bar/y"], None, ["foo/x"]),
        (["foo/x"], [], None, ["foo/x"]),
    ],
)
def test_each_finalizer_belongs_to_whoever_added_it(
    said: list[str], held: list[str], manager: str | None, told: list[str]
) -> None:
    """Controllers add theirs beside what Git says; a person's is drift, and so is one that is gone."""
    tree = deployment()
    metadata = {**tree["metadata"], "finalizers": held}
    if manager is not None:
        fields: dict[str, Any] = {"f:metadata": {"f:finalizers": {".": {}, 'v:"bar/y"': {}}}}
        metadata["managedFields"] = [{"manager": manager, "operation": "Update", "fieldsV1": fields}]
    desired = {**tree, "metadata": {**tree["metadata"], "finalizers": said}}
    drifts = examine(Pair(declared(desired), live({**tree, "metadata": metadata}))).drift
    assert [drift.where for drift in drifts] == [f"metadata.finalizers[{name}]" for name in told]
