"""What somebody adds live: scripts and tools that nobody named, fields that the server fills in, notes of controllers."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from bot.drift.diff import PairResult
from bot.drift.kubernetes.ownership import Role, role_of
from bot.drift.options import Roster
from bot.drift.severity.gains import is_gain
from bot.model.drift import DriftKind
from bot.model.severity import Severity
from tests.drift.makers import Pair, declared, deployment, examine, live
from tests.table import table

Tree = dict[str, Any]


def fields(value: Any) -> Any:
    """What a field manager owns that sent ``value``."""
    if isinstance(value, dict):
        return {f"f:{key}": fields(entry) for key, entry in value.items()}
    if isinstance(value, list) and value and all(isinstance(element, dict) and "name" in element for element in value):
        return {f'k:{{"name":"{element["name"]}"}}': {".": {}, **fields(element)} for element in value}
    return {}


def written(tree: Tree, *writers: tuple[str, Tree]) -> Tree:
    """``tree`` with who wrote which parts of it, as its server tells."""
    tree = copy.deepcopy(tree)
    tree["metadata"]["managedFields"] = [
        {"manager": name, "operation": "Update", "time": "2026-04-30T08:00:00Z", "fieldsV1": fields(sent)}
        for name, sent in writers
    ]
    return tree


def judged(desired: Tree, observed: Tree) -> PairResult:
    return examine(Pair(declared(desired), live(observed)))


def wheres(result: PairResult) -> list[str]:
    return [drift.where for drift in result.drift]


def within(part: Tree) -> Tree:
    """A part of a pod template, by its place in the object."""
    return {"spec": {"template": {"spec": part}}}


MINER = {"name": "miner", "image": "evil:1", "securityContext": {"privileged": True}}
CONTROLLERS = ["some-operator", "manager", "cert-manager-webhook", "kube-scheduler", "acme-controller", "linkerd"]
STRANGERS = ["OpenAPI-Generator", "unknown", "Go-http-client", "okhttp", "rancher", "python-requests", "kubectl-neat"]
PEOPLE = ["kubectl.exe", "kubectl1.29", "kubectl-1.29.exe", "lens-desktop", "freelens", "k9s.exe"]


@pytest.mark.parametrize(
    ("names", "role"), [(CONTROLLERS, Role.CONTROLLER), (STRANGERS, Role.STRANGER), (PEOPLE, Role.PERSON)]
)
def test_a_name_that_no_table_knows_is_a_strangers(names: list[str], role: Role) -> None:
    """Controllers are known by what they are called, people by their tools, and everything else by nothing."""
    assert {role_of(name, "Update", "", Roster()) for name in names} == {role}
    assert {role_of(name, "Update", "scale", Roster()) for name in names} == {role}


def with_miner() -> Tree:
    tree = deployment()
    tree["spec"]["template"]["spec"]["containers"].append(MINER)
    return tree


@table("name", [*STRANGERS, *PEOPLE])
def test_what_a_stranger_adds_where_git_speaks_is_drift_with_its_name(name: str) -> None:
    """A privileged container added with the official Python client is as bad as one added by hand."""
    live = written(with_miner(), ("helm", deployment()), (name, within({"containers": [MINER]})))
    result = judged(deployment(), live)
    assert [(drift.kind, drift.manager, drift.severity) for drift in result.drift] == [
        (DriftKind.ADDED, name, Severity.CRITICAL)
    ]


ESCALATING = {"securityContext": {"allowPrivilegeEscalation": True, "readOnlyRootFilesystem": False}}


@pytest.mark.parametrize("name", ["some-operator", "kube-controller-manager", "vpa-updater", "helm", "istiod"])
@pytest.mark.parametrize("added", [MINER, {**ESCALATING, "name": "web", "image": "shop/web:1.0"}])
def test_nobody_gives_a_privilege_by_the_name_of_a_controller(name: str, added: Tree) -> None:
    """Anybody may take a name that is believed; what else a controller adds is counted as its own."""
    live = with_miner()
    containers = live["spec"]["template"]["spec"]["containers"]
    containers[:] = [{**containers[0], **added, "env": [{"name": "A", "value": "1"}]}]
    if added is MINER:
        containers[:] = [deployment()["spec"]["template"]["spec"]["containers"][0], MINER]
    git = deployment()
    git["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(deployment())}
    result = judged(git, written({**live, "metadata": {**live["metadata"], **git["metadata"]}}, (name, live)))
    assert [is_gain(drift) for drift in result.drift] == [True]
    assert not [hidden for hidden in result.suppressed if is_gain(hidden.drift)]


def test_nobody_gives_a_privilege_by_the_name_of_an_agent() -> None:
    """Meshes add their sidecars to pods, and not to what pods are made of."""
    live = with_miner()
    live["spec"]["template"]["spec"]["containers"][1] = {**MINER, "name": "istio-proxy"}
    assert [drift.severity for drift in judged(deployment(), live).drift] == [Severity.CRITICAL]
    edited_live = written(live, ("okhttp", within({"containers": [{"name": "istio-proxy"}]})))
    assert [drift.manager for drift in judged(deployment(), edited_live).drift] == ["okhttp"]


def test_what_a_stranger_adds_elsewhere_is_counted() -> None:
    """Git declares no labels of the Namespace, and a label is nothing severe."""
    tree: Tree = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    live = {**tree, "metadata": {"name": "shop", "labels": {"team": "blue"}}}
    result = judged(tree, written(live, ("unknown", {"metadata": {"labels": {"team": "blue"}}})))
    assert (result.drift, [drift.by for drift in result.suppressed]) == ((), ["manager:unknown"])


def gate(**spec: Any) -> Tree:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Gate",
        "metadata": {"name": "g", "namespace": "shop"},
        "spec": spec,
    }


def test_defaults_of_a_kind_that_nobody_described_are_no_drift_of_who_sent_the_object() -> None:
    """A script that sent all of it owns its defaults too; one that touched a single field added just that."""
    live = gate(port=1, mode="http")
    assert wheres(judged(gate(port=1), written(live, ("okhttp", live)))) == []
    assert wheres(judged(gate(port=1), written(live, ("okhttp", {"spec": {"mode": "http"}})))) == ["spec.mode"]


def test_a_critical_addition_to_a_kind_that_nobody_described_is_drift() -> None:
    """Even of unknown writer, where Git declares the mapping around it."""
    assert wheres(judged(gate(port=1), gate(port=1, hostNetwork=True, mode="x"))) == ["spec.hostNetwork"]


def test_a_privilege_in_a_part_that_is_new_is_drift_where_git_says_what_is_around_it() -> None:
    """A step that Git names is given more; a part of which Git says nothing at all may be an operator's."""
    step = {"name": "s", "image": "a/b:1"}
    given = {**step, "securityContext": {"privileged": True}}
    assert wheres(judged(gate(steps=[step]), gate(steps=[given]))) == ["spec.steps[s].securityContext.privileged"]
    result = judged(gate(port=1), gate(port=1, pods={"all": {"securityContext": {"privileged": True}}}))
    assert (result.drift, [hidden.by for hidden in result.suppressed]) == ((), ["undeclared"])


HOOK: Tree = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "w"},
    "webhooks": [{"name": "a.b.c", "clientConfig": {"service": {"name": "s", "namespace": "n"}}}],
}
SERVICE: Tree = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "s", "namespace": "shop"},
    "spec": {"type": "NodePort", "ports": [{"port": 80}]},
}
ACCOUNT: Tree = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "s", "namespace": "shop"}}
INGRESS: Tree = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "i", "namespace": "shop", "annotations": {"note": "x"}},
    "spec": {"rules": [{"host": "a"}]},
}


def edited(tree: Tree) -> tuple[Tree, list[str]]:
    """The object with what a server may fill in, and where of that a person's writing counts."""
    live = copy.deepcopy(tree)
    match tree["kind"]:
        case "ValidatingWebhookConfiguration":
            live["webhooks"][0].update(failurePolicy="Ignore", matchPolicy="Equivalent", timeoutSeconds=30)
            return live, ["webhooks[a.b.c].failurePolicy"]
        case "Service":
            live["spec"] |= {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ipFamilyPolicy": "SingleStack"}
            live["spec"]["loadBalancerClass"] = "x"
            live["spec"]["ports"][0]["nodePort"] = 30080
            return live, ["spec.loadBalancerClass", "spec.ports[80/TCP].nodePort"]
        case "ServiceAccount":
            live["imagePullSecrets"] = [{"name": "evil"}]
            return live, ["imagePullSecrets"]
        case _:
            live["spec"]["ingressClassName"] = "evil"
            return live, ["spec.ingressClassName"]


@pytest.mark.parametrize("tree", [HOOK, SERVICE, ACCOUNT, INGRESS], ids=lambda tree: tree["kind"])
def test_a_persons_edit_of_what_the_server_fills_in_is_drift(tree: Tree) -> None:
    """From anybody else, and without a name, it is what the server chose; addresses always are."""
    live, expected = edited(tree)
    assert wheres(judged(tree, live)) == []
    assert wheres(judged(tree, written(live, ("helm", live)))) == []
    assert sorted(wheres(judged(tree, written(live, ("kubectl-edit", live))))) == expected


@pytest.mark.parametrize(("seconds", "told"), [(10, False), (30, False), (1, True)])
def test_a_webhook_that_is_hardly_waited_for_is_drift(seconds: int, *, told: bool) -> None:
    """What no version of the API fills in, somebody wrote."""
    live = copy.deepcopy(HOOK)
    live["webhooks"][0]["timeoutSeconds"] = seconds
    assert wheres(judged(HOOK, live)) == ["webhooks[a.b.c].timeoutSeconds"] * told


def annotated(tree: Tree, **notes: str) -> Tree:
    live = copy.deepcopy(tree)
    live["metadata"]["annotations"] |= {key.replace("__", "/").replace("_", "."): value for key, value in notes.items()}
    return live


def test_annotations_that_configure_a_controller_are_no_notes_of_it() -> None:
    """``ingress.kubernetes.io/`` configures haproxy-ingress; what the load balancer's controller notes there is quiet."""
    live = annotated(
        INGRESS,
        **{
            "ingress_kubernetes_io__whitelist-source-range": "0.0.0.0/0",
            "ingress_kubernetes_io__backends": "{}",
            "kubectl_kubernetes_io__restartedAt": "now",
        },
    )
    expected = ['metadata.annotations["ingress.kubernetes.io/whitelist-source-range"]']
    assert wheres(judged(INGRESS, live)) == expected
    edited_live = written(live, ("kubectl-annotate", {"metadata": {"annotations": live["metadata"]["annotations"]}}))
    assert wheres(judged(INGRESS, edited_live)) == [*expected, 'metadata.annotations["ingress.kubernetes.io/backends"]']


def test_traces_that_somebody_committed_say_nothing() -> None:
    """An exported object in Git carries what tools noted on it that day."""
    tree = annotated(INGRESS, deployment_kubernetes_io__revision="3", control="x")
    tree["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = "{}"
    live = annotated(INGRESS, deployment_kubernetes_io__revision="9", control="x")
    result = judged(tree, live)
    assert (result.drift, result.suppressed) == ((), ())
    assert wheres(judged(tree, annotated(live, control="y"))) == ["metadata.annotations.control"]


@pytest.mark.parametrize(
    ("placeholder", "manager", "by"),
    [
        ("Cg==", "cert-manager-cainjector", "controller:cert-manager-cainjector"),
        ("T0xE", "some-operator", "controller:some-operator"),
        ("Cg==", "okhttp", "placeholder"),
        ("", "", "placeholder"),
        ("Cg==", "kubectl-edit", None),
        ("T0xE", "okhttp", None),
        ("T0xE", "", None),
    ],
)
def test_a_certificate_is_filled_in_by_who_issues_it(placeholder: str, manager: str, by: str | None) -> None:
    """A placeholder in Git is no certificate, and a controller's certificate is its own; a person's is drift."""
    tree = copy.deepcopy(HOOK)
    tree["webhooks"][0]["clientConfig"]["caBundle"] = placeholder
    live = copy.deepcopy(HOOK)
    live["webhooks"][0]["clientConfig"]["caBundle"] = "TkVX"
    result = judged(tree, written(live, (manager, live)) if manager else live)
    assert [drift.by for drift in result.suppressed] == ([] if by is None else [by])
    assert len(result.drift) == (by is None)
