"""Who a field manager is by its name, which fields it owns, and which notes are nobody's drift."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.drift.kubernetes.ownership import Owners, Role, owns, role_of
from bot.drift.kubernetes.well_known import injected, is_bookkeeping, is_trace
from bot.drift.options import Roster
from bot.drift.shapes import ANY
from bot.drift.walk import Difference, Location, Side, Step
from bot.model.json import JSON, Tree
from bot.model.paths import Item
from tests.table import table

NAMES = {
    Role.PERSON: "kubectl kubectl.exe kubectl1.29 kubectl-v1.29.exe KUBECTL kubectl-edit kubectl-scale oc oc-edit oc.exe "
    "k9s openlens Lens node-fetch okteto dashboard kubernetes-dashboard-api mozilla telepresence",
    Role.CREATOR: "kubectl-create kubectl-replace kubectl-run kubectl-convert",
    Role.DEPLOYER: "kubectl-client-side-apply before-first-apply clockwork helm argocd argocd-controller argocd_x argo-cd "
    "kustomize-controller flux flux-x hashicorp terraform-provider opentofu pulumi pulumi-kubernetes-x kapp fleet "
    "fleet-agent skaffold ansible ansible-x",
    Role.AUTOSCALER: "horizontal-pod-autoscaler acme-vertical-pod-autoscaler-x acme-autoscaler hpa hpa-x keda keda-operator "
    "vpa-updater cluster-proportional-autoscaler goldilocks kube-scaler kube-downscaler kube-green flagger "
    "rollouts-controller argo-rollouts-controller",
    Role.CONTROLLER: "manager acme-manager acme.manager acme-manager-x acme-controller operators some-operator.x kube-x "
    "kubelet cert-manager-x k3s kubelite hyperkube microshift deploy@x rke2 k0s cloud-x gke-x csi-x cainjector "
    "acme-cainjector acme_webhook scheduler attacher acme-plugin googlecontainerengine coredns istio linkerd-x "
    "external-dns datadog dapr.x traefik olm istiod pilot-discovery keel sealed-secrets-x apiextensions.crossplane.io "
    "x.crossplane.io",
    Role.STRANGER: "okhttp python-requests kubectl-neat kubectlx xhelm helmx keda2 acme agentx",
}


@table(("role", "name"), [(role, name) for role, names in NAMES.items() for name in names.split()])
def test_a_manager_is_known_by_its_name(role: Role, name: str) -> None:
    """Up to the first slash."""
    assert role_of(name, "Update", "", Roster()) is role
    assert role_of(f"{name}/v1.2", "Update", "", Roster()) is role


@table(
    ("manager", "operation", "subresource", "role"),
    [
        ("kubectl", "Apply", "", Role.DEPLOYER),
        ("kubectl", "Update", "scale", Role.PERSON),
        ("kube-controller-manager", "Update", "", Role.CONTROLLER),
        ("kube-controller-manager", "Update", "status", Role.CONTROLLER),
        *((name, "Update", "scale", Role.AUTOSCALER) for name in ("kube-controller-manager", "k3s", "K3S", "kubelite")),
        *((name, "Update", "scale", Role.AUTOSCALER) for name in ("hyperkube", "microshift")),
        ("kubelet", "Update", "scale", Role.CONTROLLER),
    ],
)
def test_the_way_of_a_write_tells_more_than_the_name(
    manager: str, operation: str, subresource: str, role: Role
) -> None:
    """Applied, or through the number of replicas."""
    assert role_of(manager, operation, subresource, Roster()) is role


@pytest.mark.parametrize("name", ["ops", "ops/v1"])
def test_an_installation_knows_its_own(name: str) -> None:
    """By the whole name or by the one before the slash, whatever it would be else."""
    for roster, role in (
        (Roster(people=frozenset({name})), Role.PERSON),
        (Roster(deployers=frozenset({name})), Role.DEPLOYER),
        (Roster(controllers=frozenset({name})), Role.CONTROLLER),
    ):
        assert role_of("ops/v1", "Update", "", roster) is role
    assert role_of("helm", "Update", "", Roster(people=frozenset({"helm"}))) is Role.PERSON
    assert role_of("other", "Update", "", Roster(people=frozenset({name}))) is Role.STRANGER


# -- owned fields ------------------------------------------------------------------------------------------------------

FIELDS: Tree = {
    "f:spec": {
        "f:replicas": {},
        "f:atomic": {},
        "f:ports": {
            'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:name": {}},
            'k:{"port":53,"protocol":"UDP"}': {},
            "k:no json": {"f:name": {}},
            "k:[1]": {},
        },
        "f:empty": None,
    }
}


@table(
    ("steps", "owned"),
    [
        (("spec",), True),
        (("spec", "replicas"), True),
        (("spec", "other"), False),
        (("spec", "atomic", "anything", "below"), True),
        (("spec", "ports", {"port": 80, "protocol": "TCP"}), True),
        (("spec", "ports", {"port": 80}), True),
        (("spec", "ports", {"port": 80}, "name"), True),
        (("spec", "ports", {"port": 80}, "targetPort"), False),
        (("spec", "ports", {"port": 53}), False),
        (("spec", "ports", {"port": 53, "protocol": "UDP"}, "name"), True),
        (("spec", "ports", {"port": 81}), False),
        (("spec", "ports", 0), False),
        (("spec", "ports", {}), False),
        (("spec", "empty"), False),
        (("status",), False),
        ((), True),
    ],
)
def test_a_set_of_fields_owns_what_it_names_and_what_is_below(steps: tuple[Step, ...], *, owned: bool) -> None:
    """An element by its keys, of which a protocol need not be said."""
    assert owns(FIELDS, steps) is owned


def test_who_owns_nothing_owns_no_field() -> None:
    """Not even the object."""
    assert not owns({}, ("spec",))
    assert owns({}, ())


def entry(manager: str, hour: int | None, fields: JSON = None, **more: JSON) -> Tree:
    time: Tree = {} if hour is None else {"time": f"2026-05-01T{hour:02}:00:00Z"}
    owned: JSON = {"f:spec": {"f:a": {}}} if fields is None else fields
    return {"manager": manager, "operation": "Update", "fieldsV1": owned, **time, **more}


def owners(*entries: Tree) -> Owners:
    return Owners({"metadata": {"managedFields": [*entries]}}, Roster())


@table(
    ("entries", "writer"),
    [
        ((), None),
        ((entry("helm", 1),), "helm"),
        ((entry("helm", 1), entry("acme", 2)), "acme"),
        ((entry("acme", 2), entry("helm", 1)), "acme"),
        ((entry("acme", 2), entry("kubectl-edit", 1)), "kubectl-edit"),
        ((entry("kubectl-edit", 1), entry("k9s", 2)), "k9s"),
        ((entry("helm", None), entry("acme", 2)), "acme"),
        ((entry("helm", 1, {"f:spec": {"f:b": {}}}), entry("acme", None)), "acme"),
        ((entry("acme", 1, subresource="status"),), None),
        ((entry("acme", 1, subresource="scale"),), "acme"),
    ],
)
def test_a_person_tells_most_then_the_latest(entries: tuple[Tree, ...], writer: str | None) -> None:
    """Of those who own the field; a status is nobody's writing."""
    told = owners(*entries).writer(("spec", "a"))
    assert (None if told is None else told.manager) == writer


def test_an_entry_says_how_and_when() -> None:
    """By apply or update, and through what."""
    writer = owners(entry("helm", 3, subresource="scale", operation="Apply")).writer(("spec", "a"))
    assert writer is not None
    assert (writer.role, writer.applied, writer.subresource) == (Role.DEPLOYER, True, "scale")
    assert writer.at == datetime(2026, 5, 1, 3, tzinfo=UTC)
    scaled = owners(entry("k3s", 3, subresource="scale")).writer(("spec", "a"))
    assert scaled is not None
    assert (scaled.role, scaled.applied) == (Role.AUTOSCALER, False)


def test_only_what_a_deployer_applied_was_applied() -> None:
    """Not what it updated, nor what somebody else applied."""
    applied = owners(entry("acme", 1, operation="Apply"), entry("helm", 2, operation="Apply"))
    assert (writer := applied.applied(("spec", "a"))) is not None
    assert writer.manager == "helm"
    assert applied.applied(("spec", "b")) is None
    assert owners(entry("helm", 2)).applied(("spec", "a")) is None
    assert owners(entry("acme", 2, operation="Apply")).applied(("spec", "a")) is None


def test_who_owns_every_part_sent_them_together() -> None:
    """Of nothing, nobody did."""
    both = owners(entry("helm", 1, {"f:spec": {"f:a": {}, "f:b": {}}}), entry("acme", 2))
    helm, acme = both.writer(("spec", "b")), both.writer(("spec", "a"))
    assert helm is not None
    assert acme is not None
    parts = [("spec", "a"), ("spec", "b")]
    assert (both.wrote(helm, parts), both.wrote(acme, parts), both.wrote(acme, parts[:1])) == (True, False, True)
    assert not both.wrote(helm, [])


@pytest.mark.parametrize(("name", "person"), [("kubectl-edit", True), ("helm", False)])
def test_a_person_is_among_the_writers(name: str, *, person: bool) -> None:
    """Of anything but the status."""
    assert owners(entry("acme", 1), entry(name, 1)).person is person
    assert not owners(entry(name, 1, subresource="status")).person


# -- notes -------------------------------------------------------------------------------------------------------------

TRACES = """kubectl.kubernetes.io/last-applied-configuration kubectl.kubernetes.io/restartedAt kubernetes.io/change-cause
deployment.kubernetes.io/revision deprecated.daemonset.template.generation pod-template-hash pod-template-generation
control-plane.alpha.kubernetes.io/leader autoscaling.alpha.kubernetes.io/conditions pv.kubernetes.io/bind-completed
volume.kubernetes.io/selected-node volume.beta.kubernetes.io/storage-provisioner kubernetes.io/metadata.name
batch.kubernetes.io/job-name endpoints.kubernetes.io/last-change-trigger-time controller-uid controller-revision-hash
rollouts-pod-template-hash objectset.rio.cattle.io/hash field.cattle.io/publicEndpoints
reloader.stakater.com/last-reloaded-from sidecar.istio.io/status cni.projectcalico.org/podIPs
k8s.v1.cni.cncf.io/networks-status k8s.v1.cni.cncf.io/network-status cloud.google.com/neg-status
reconcile.fluxcd.io/requestedAt argocd.argoproj.io/refresh vault.hashicorp.com/agent-inject-status clockwork.dev/x"""
NOTES = """kubectl.kubernetes.io/default-container autoscaling.alpha.kubernetes.io/behavior pv.kubernetes.io/x
volume.beta.kubernetes.io/x statefulset.kubernetes.io/pod-name apps.kubernetes.io/pod-index meta.helm.sh/release-name
field.cattle.io/x rollout.argoproj.io/x kustomize.toolkit.fluxcd.io/name argocd.argoproj.io/tracking-id
cloud.google.com/neg cni.projectcalico.org/x k8s.v1.cni.cncf.io/x checksum/config ingress.kubernetes.io/backends
ingress.kubernetes.io/https-forwarding-rule ingress.kubernetes.io/static-ip"""
DOMAINS = """kubernetes.io/x example.kubernetes.io/x k8s.io/x istio.io/x openshift.io/x amazonaws.com/x dynatrace.com/x
cncf.io/x rancher.io/x traefik.io/x vmware.com/x rook.io/x"""
PEOPLES = """example.com/x x kubernetes.iox/x ingress.kubernetes.io/whitelist nginx.ingress.kubernetes.io/x
container.apparmor.security.beta.kubernetes.io/web seccomp.security.alpha.kubernetes.io/pod"""


@pytest.mark.parametrize("part", ["labels", "annotations"])
@pytest.mark.parametrize(
    ("names", "trace", "note", "domain"),
    [
        (TRACES, True, None, None),
        (NOTES, False, True, None),
        (DOMAINS, False, False, True),
        (PEOPLES, False, False, False),
    ],
)
def test_notes_are_known_by_their_names(
    part: str, names: str, *, trace: bool, note: bool | None, domain: bool | None
) -> None:
    """What tools leave, what controllers note, and what stands in their domains; among labels and annotations alone."""
    for name in names.split():
        assert is_trace(("metadata", part, name)) is trace, name
        assert note is None or is_bookkeeping(("metadata", part, name), "x") is note, name
        assert domain is None or injected(added(name, "x", part)) is domain, name
        assert not is_trace(("data", name))
        assert not is_bookkeeping(("data", name), "x")
        assert not injected(added(name, "x", "data"))


def added(name: str | Item, value: JSON, part: str) -> Difference:
    """Something that is only live, in a part of the metadata."""
    top = Location(Location(None, "", "", ""), "metadata", "metadata", "metadata")
    around = Location(top, part, part, part)
    last = around.element(name.key, -1, value) if isinstance(name, Item) else around.entry(name)
    return Difference(Side.OBSERVED, last, None, value, ANY)


def test_helm_calls_itself_the_manager_of_its_objects() -> None:
    """By one label with one value."""
    path = ("metadata", "labels", "app.kubernetes.io/managed-by")
    assert is_bookkeeping(path, "Helm")
    assert not is_bookkeeping(path, "me")
    assert not is_bookkeeping((*path[:2], "app.kubernetes.io/name"), "Helm")


FROM_POD: dict[str, Any] = {"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "a"}}}


@table(
    ("key", "element", "by_agents"),
    [
        ("istio-proxy", {"image": "x"}, True),
        ("kube-api-access-abc", {}, True),
        ("vault-agent", {}, True),
        ("workload-certs", {}, True),
        ("azure-identity-token", {}, True),
        ("agent", {"image": "x"}, False),
        ("/var/run/secrets/kubernetes.io/serviceaccount", {}, True),
        ("/var/run/other", {}, False),
        ("node.kubernetes.io/not-ready/Exists/NoExecute", {}, True),
        ("X", FROM_POD, True),
        ("X", {"name": "X", "valueFrom": {"resourceFieldRef": {"resource": "a"}}}, True),
        ("X", {"name": "X", "valueFrom": {"secretKeyRef": {"name": "a"}}}, False),
        ("X", {"name": "X", "value": "x"}, False),
        ("/a", {"mountPath": "/a", "name": "istio-token"}, True),
        ("/a", {"mountPath": "/a", "name": "data"}, False),
        ("/a", {"mountPath": "/a", "name": 5}, False),
        ("/a", {"name": "istio-token"}, False),
        ("x", "text", False),
    ],
)
def test_what_agents_inject_is_known_by_its_look(key: str, element: JSON, *, by_agents: bool) -> None:
    """Their names, tokens, and what they take from the pod itself."""
    assert injected(added(Item(key), element, "x")) is by_agents
