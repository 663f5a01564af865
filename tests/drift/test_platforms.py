"""What platforms do by themselves is suppressed and counted; the same by anybody else is drift."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from bot.drift import platforms
from bot.drift.severity import fields, grants
from bot.errors import Invalid
from bot.model.drift import Suppressed
from bot.shipped import files
from tests.drift.makers import OPTIONS, Pair, declared, deployment, examine, live, thing
from tests.table import table

PLATFORMS: Final = platforms.load(files("policies", "platforms/*.yaml"))
WITH_PLATFORMS: Final = replace(
    OPTIONS,
    platforms=PLATFORMS,
    grants=grants.load(files("policies", "metadata/*.yaml")),
    fields=fields.load(files("policies", "fields/*.yaml")),
)
HOOKS: Final = "MutatingWebhookConfiguration"
HOOKS_API: Final = "admissionregistration.k8s.io/v1"


def owned(tree: dict[str, Any], manager: str, fields: dict[str, Any]) -> dict[str, Any]:
    tree["metadata"]["managedFields"] = [{"manager": manager, "operation": "Update", "fieldsV1": fields}]
    return tree


def outcome(desired: dict[str, Any], observed: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Where there is drift, and by what the rest is suppressed."""
    result = examine(Pair(declared(desired), live(observed)), WITH_PLATFORMS)
    return [drift.where for drift in result.drift], [hidden.by for hidden in result.suppressed]


def webhook(**fields: Any) -> dict[str, Any]:
    client = {"service": {"name": "inj", "namespace": "shop"}}
    hook = {"name": "a.example.com", "clientConfig": client, "sideEffects": "None", **fields}
    return thing(HOOKS, HOOKS_API, webhooks=[hook])


ENFORCED: Final = {"matchExpressions": [{"key": "control-plane", "operator": "DoesNotExist"}]}
ENFORCED_TWICE: Final = {
    "matchExpressions": [
        {"key": "control-plane", "operator": "NotIn", "values": ["true"]},
        {"key": "control-plane", "operator": "DoesNotExist"},
    ]
}
OPENED: Final = {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}


def test_the_enforcer_of_aks_changes_webhooks() -> None:
    """Its own condition, by its own name or where nobody is recorded; another condition or another writer is drift."""
    selector: dict[str, Any] = {"f:webhooks": {'k:{"name":"a.example.com"}': {"f:namespaceSelector": {}}}}
    enforced = webhook(namespaceSelector=ENFORCED)
    assert outcome(webhook(), enforced) == ([], ["platform:aks"])
    assert outcome(webhook(), owned(enforced, "admissionsenforcer", selector)) == ([], ["platform:aks"])
    assert outcome(webhook(), webhook(namespaceSelector=ENFORCED_TWICE)) == ([], ["platform:aks"])
    both = webhook(namespaceSelector={"matchExpressions": [*ENFORCED["matchExpressions"], *OPENED["matchExpressions"]]})
    assert outcome(webhook(), both) == (["webhooks[a.example.com].namespaceSelector"], [])
    where = ["webhooks[a.example.com].namespaceSelector"]
    assert outcome(webhook(), owned(enforced, "kubectl-edit", selector)) == (where, [])
    assert outcome(webhook(), owned(webhook(namespaceSelector=OPENED), "admissionsenforcer", selector)) == (where, [])


FQDN: Final = "shop-1a2b.hcp.westeurope.azmk8s.io"
CALLED: Final[list[dict[str, Any]]] = [
    {"name": "KUBERNETES_SERVICE_HOST", "value": FQDN},
    {"name": "KUBERNETES_PORT", "value": f"tcp://{FQDN}:443"},
    {"name": "KUBERNETES_PORT_443_TCP", "value": f"tcp://{FQDN}:443"},
    {"name": "KUBERNETES_PORT_443_TCP_ADDR", "value": FQDN},
]


@pytest.mark.parametrize("before", [{}, {"env": [{"name": "A", "value": "1"}]}])
def test_aks_has_its_pods_call_the_api_server_by_name(before: dict[str, Any]) -> None:
    """In its own namespaces, and where the pod asks for it; nowhere else, by no other name, and by no person."""
    called = {"env": [*before.get("env", []), *CALLED]}
    for namespace, notes, container, theirs in (
        ("kube-system", {}, called, True),
        ("shop", {}, called, False),
        ("shop", {"kubernetes.azure.com/set-kube-service-host-fqdn": "true"}, called, True),
        ("kube-system", {}, {"env": [*called["env"], {"name": "B", "value": FQDN}]}, False),
        ("kube-system", {}, {"env": [*before.get("env", []), {**CALLED[0], "value": "evil.example.com"}]}, False),
    ):
        noted = {"namespace": namespace, "annotations": notes}
        desired = thing("Pod", metadata=noted, spec={"containers": [{**WEB, **before}]})
        live_pod = thing("Pod", metadata=noted, spec={"containers": [{**WEB, **container}]})
        drifts, by = outcome(desired, live_pod)
        assert (drifts == [] and set(by) == {"platform:aks"}) == theirs, (namespace, container)


def test_istiod_makes_its_webhook_strict() -> None:
    """A changed field of a known manager is the platform's; the same by a person is drift."""
    fields: dict[str, Any] = {"f:webhooks": {'k:{"name":"a.example.com"}': {"f:failurePolicy": {}}}}
    before, after = webhook(failurePolicy="Ignore"), webhook(failurePolicy="Fail")
    assert outcome(before, owned(after, "pilot-discovery", fields)) == ([], ["platform:istio"])
    assert outcome(before, owned(after, "kubectl-edit", fields))[1] == []


def test_autopilot_changes_what_a_deployer_sent() -> None:
    """An admission webhook's changes are owned by whoever sent the object; its mark on the object tells them apart."""
    after = deployment(resources={"limits": {"cpu": "500m"}, "requests": {"cpu": "500m"}})
    container: dict[str, Any] = {
        'k:{"name":"web"}': {".": {}, "f:resources": {"f:limits": {"f:cpu": {}}, "f:requests": {"f:cpu": {}}}}
    }
    fields = {"f:spec": {"f:template": {"f:spec": {"f:containers": container}}}}
    drifts, _ = outcome(deployment(), owned(after, "argocd-controller", fields))
    assert drifts
    after["metadata"]["annotations"]["autopilot.gke.io/resource-adjustment"] = '{"input":{}}'
    drifts, hidden = outcome(deployment(), after)
    assert drifts == []
    assert set(hidden) == {"platform:gke-autopilot"}


def test_reloader_marks_containers() -> None:
    """Its variable in a pod template is its own, whoever is recorded."""
    after = deployment(env=[{"name": "STAKATER_APP_CONFIGMAP", "value": "ab12"}])
    assert outcome(deployment(), after) == ([], ["platform:reloader"])
    other = deployment(env=[{"name": "STAKE", "value": "ab12"}])
    assert outcome(deployment(), other)[1] == []


def test_openshift_labels_namespaces_of_its_own() -> None:
    """What is watched for is the platform's where its manager wrote it into a namespace of OpenShift; what is enforced is
    nobody's to open.
    """
    key, opened = "pod-security.kubernetes.io/audit", "pod-security.kubernetes.io/enforce"
    mark = {"openshift.io/sa.scc.mcs": "s0:c26,c5"}
    before = thing("Namespace", metadata={"annotations": mark})
    for label, manager, marks, hidden in (
        (key, "", mark, False),
        (key, "python-requests", mark, False),
        (key, "cluster-policy-controller", {}, False),
        (key, "cluster-policy-controller", mark, True),
        (opened, "cluster-policy-controller", mark, False),
    ):
        after = thing("Namespace", metadata={"labels": {label: "privileged"}, "annotations": marks})
        fields: dict[str, Any] = {"f:metadata": {"f:labels": {f"f:{label}": {}}}}
        drifts, by = outcome(before, owned(after, manager, fields) if manager else after)
        assert (f'metadata.labels["{label}"]' not in drifts, by == ["platform:openshift"]) == (hidden, hidden)


def test_argo_cd_tracks_by_the_label_that_applications_are_named_by() -> None:
    """It is its own where it wrote it, and drift where a person did."""
    key = "app.kubernetes.io/instance"
    before, after = thing("ConfigMap"), thing("ConfigMap", metadata={"labels": {key: "shop"}})
    fields: dict[str, Any] = {"f:metadata": {"f:labels": {f"f:{key}": {}}}}
    assert outcome(before, owned(after, "argocd-controller", fields)) == ([], ["platform:argo"])
    assert outcome(before, owned(after, "kubectl-edit", fields)) == ([f'metadata.labels["{key}"]'], [])


def test_openshift_makes_pull_secrets() -> None:
    """For every service account."""
    after = thing(
        "ServiceAccount", imagePullSecrets=[{"name": "x-dockercfg-ab1c2"}], secrets=[{"name": "x-dockercfg-ab1c2"}]
    )
    before = thing("ServiceAccount", secrets=[{"name": "own"}])
    after["secrets"].append({"name": "own"})
    assert outcome(before, after)[0] == []


WEB: Final = {"name": "web", "image": "shop/web:1.0"}
ADMITTED: Final = {
    "annotations": {"openshift.io/scc": "restricted-v2", "seccomp.security.alpha.kubernetes.io/pod": "runtime/default"}
}


def _bare(**container: Any) -> dict[str, Any]:
    return thing("Pod", spec={"containers": [{**WEB, **container}]})


def _admitted(pod: dict[str, Any] | None = None, **context: Any) -> dict[str, Any]:
    """A pod as the constraints left it: ``pod`` is what its specification has beside, ``context`` its container's."""
    containers = [{**WEB, "securityContext": context}]
    return thing("Pod", metadata=ADMITTED, spec={"containers": containers, **(pod or {})})


RESTRICTED: Final[dict[str, Any]] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 1000660000,
}
NAMESPACE_RANGES: Final[dict[str, Any]] = {
    "securityContext": {
        "fsGroup": 1000660000,
        "seLinuxOptions": {"level": "s0:c26,c5"},
        "seccompProfile": {"type": "RuntimeDefault"},
    },
    "imagePullSecrets": [{"name": "default-dockercfg-x7x2b"}],
}


def test_openshift_admits_pods_by_its_constraints() -> None:
    """Users of the namespace's range, dropped capabilities, pull secrets: what the constraints write, and nothing is drift."""
    places, by = outcome(_bare(), _admitted(NAMESPACE_RANGES, **RESTRICTED))
    assert not places
    assert set(by) == {"platform:openshift"}


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"securityContext": {"runAsUser": 1000}}, {"runAsUser": 0}),
        ({"securityContext": {"runAsUser": 1000}}, {"runAsUser": 1000660000}),
        ({"securityContext": {"capabilities": {"drop": ["ALL"]}}}, {"capabilities": {"drop": ["KILL"]}}),
        ({"securityContext": {"runAsNonRoot": True}}, {"runAsNonRoot": False}),
        ({"securityContext": {"readOnlyRootFilesystem": True}}, {"runAsNonRoot": True}),
    ],
)
def test_constraints_of_openshift_never_take_anything_back(before: dict[str, Any], now: dict[str, Any]) -> None:
    """What Git says and the pod has not is drift, whatever was added beside it."""
    (place,) = before["securityContext"]
    places, _ = outcome(_bare(**before), _admitted(**now))
    assert any(each.startswith(f"spec.containers[web].securityContext.{place}") for each in places)


@pytest.mark.parametrize(
    "gained",
    [
        {"runAsUser": 0},
        {"privileged": True},
        {"capabilities": {"add": ["SYS_ADMIN"], "drop": ["ALL"]}},
        {"allowPrivilegeEscalation": True},
        {"seccompProfile": {"type": "Unconfined"}},
        {"seLinuxOptions": {"type": "spc_t"}},
        {"procMount": "Unmasked"},
    ],
)
def test_constraints_of_openshift_never_give_anything(gained: dict[str, Any]) -> None:
    """What gives a pod more is never counted as theirs."""
    result = examine(Pair(declared(_bare()), live(_admitted(**gained))), WITH_PLATFORMS)
    theirs = {hidden.drift.where for hidden in result.suppressed if hidden.by == "platform:openshift"}
    assert not {where for where in theirs if "securityContext" in where}


def test_rollouts_point_a_service_at_one_generation() -> None:
    """One key of the selector is Argo Rollouts'; another one is drift."""
    before = thing("Service", spec={"selector": {"app": "web"}})
    after = thing("Service", spec={"selector": {"app": "web", "rollouts-pod-template-hash": "abc"}})
    assert outcome(before, after) == ([], ["platform:argo"])
    after["spec"]["selector"]["tier"] = "x"
    assert outcome(before, after)[0] == ["spec.selector.tier"]


OPT_OUTS: list[tuple[str, str, str]] = [
    ("annotations", "kustomize.toolkit.fluxcd.io/reconcile", "disabled"),
    ("annotations", "kustomize.toolkit.fluxcd.io/ssa", "Ignore"),
    ("annotations", "kustomize.toolkit.fluxcd.io/ssa", "IfNotPresent"),
    ("annotations", "helm.toolkit.fluxcd.io/driftDetection", "disabled"),
    ("annotations", "argocd.argoproj.io/skip-reconcile", "true"),
    ("annotations", "configmanagement.gke.io/managed", "disabled"),
    ("annotations", "client.lifecycle.config.k8s.io/mutation", "ignore"),
    ("annotations", "kapp.k14s.io/noop", ""),
    ("labels", "addonmanager.kubernetes.io/mode", "EnsureExists"),
]


@table(("part", "key", "value"), OPT_OUTS)
def test_an_object_that_git_leaves_alone_is_counted(part: str, key: str, value: str) -> None:
    """Its deployer does not bring it back either; the note has to stand in Git, and a live one alone is drift."""
    before = thing("ConfigMap", metadata={part: {key: value}}, data={"k": "v"})
    after = thing("ConfigMap", metadata={part: {key: value}}, data={"k": "w"})
    assert outcome(before, after) == ([], [f"opt-out:{key}"])
    plain = thing("ConfigMap", data={"k": "v"})
    drifts, _ = outcome(plain, after)
    assert "data.k" in drifts


def test_what_others_add_may_be_left_alone_by_itself() -> None:
    """What Git says is still compared."""
    note = {"annotations": {"kustomize.toolkit.fluxcd.io/ssa": "Merge"}}
    before = thing("ConfigMap", metadata=note, data={"k": "v"})
    after = thing("ConfigMap", metadata=note, data={"k": "w", "more": "x"})
    assert outcome(before, after) == (["data.k"], ["opt-out:kustomize.toolkit.fluxcd.io/ssa"])


def test_a_gain_of_privilege_is_told_of_an_object_that_is_left_alone() -> None:
    """Nobody means that by leaving it alone."""
    note = {"annotations": {"kustomize.toolkit.fluxcd.io/ssa": "Ignore"}}
    before, after = deployment(), deployment(securityContext={"privileged": True}, image="shop/web:2.0")
    before["metadata"] |= note
    after["metadata"] |= note
    drifts, hidden = outcome(before, after)
    assert drifts == ["spec.template.spec.containers[web].securityContext"]
    assert hidden == ["opt-out:kustomize.toolkit.fluxcd.io/ssa"]


POD_FIELDS: Final[dict[str, Any]] = {"f:spec": {"f:template": {"f:spec": {}}}}
CONTAINER: Final = "spec.template.spec.containers[web]"


def adjusted(**container: Any) -> dict[str, Any]:
    """A live Deployment that GKE Autopilot has marked as its own."""
    tree = deployment(**container)
    tree["metadata"]["annotations"]["autopilot.gke.io/resource-adjustment"] = "{}"
    return tree


def by_hand(tree: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    return owned(tree, "kubectl-edit", fields)


@pytest.mark.parametrize(
    "confinement",
    [
        {"capabilities": {"drop": ["NET_RAW"]}},
        {"capabilities": {"drop": ["NET_RAW"]}, "seccompProfile": {"type": "RuntimeDefault"}},
        {"allowPrivilegeEscalation": False},
    ],
)
def test_autopilot_confines_and_a_person_does_not(confinement: dict[str, Any]) -> None:
    """The same security context is the platform's of a deployer's object, and drift where a person is recorded."""
    after = adjusted(securityContext=confinement)
    assert set(outcome(deployment(), owned(after, "helm", POD_FIELDS))[1]) == {"platform:gke-autopilot"}
    assert f"{CONTAINER}.securityContext" in outcome(deployment(), by_hand(after, POD_FIELDS))[0]


@pytest.mark.parametrize(
    "opened",
    [
        {"allowPrivilegeEscalation": True},
        {"capabilities": {"add": ["NET_RAW"], "drop": ["NET_RAW"]}},
        {"seccompProfile": {"type": "RuntimeDefault"}, "runAsUser": 0},
        {"seccompProfile": {"type": "RuntimeDefault"}, "runAsUser": 7},
    ],
)
def test_a_security_context_that_autopilot_would_not_set_is_drift(opened: dict[str, Any]) -> None:
    """One word that the platform uses as well does not make it the platform's."""
    drifts, _ = outcome(deployment(), adjusted(securityContext=opened))
    assert drifts == [f"{CONTAINER}.securityContext"]


def test_what_autopilot_takes_away_is_drift() -> None:
    """It only ever adds: a restriction that is gone was taken by somebody."""
    before = deployment(securityContext={"capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True})
    drifts, _ = outcome(before, adjusted(securityContext={"capabilities": {"drop": ["NET_RAW"]}}))
    assert set(drifts) == {f"{CONTAINER}.securityContext.{part}" for part in ("capabilities.drop", "runAsNonRoot")}


def test_a_variable_of_a_secret_is_not_the_reloaders() -> None:
    """Whatever it is called: the reloader writes a plain value."""
    reference = {"name": "STAKATER_X", "valueFrom": {"secretKeyRef": {"name": "root", "key": "k"}}}
    assert outcome(deployment(), deployment(env=[reference])) == ([f"{CONTAINER}.env[STAKATER_X]"], [])


NOTED: Final = [
    ("Service", "networking.gke.io/internal-load-balancer-allow-global-access", "true"),
    ("Ingress", "ingress.kubernetes.io/auth-type", "false"),
    ("Service", "service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type", "public"),
]


@pytest.mark.parametrize(("kind", "key", "value"), NOTED)
def test_a_note_that_gke_only_reads_is_drift(kind: str, key: str, value: str) -> None:
    """What people choose a load balancer by is no note about one."""
    version = "networking.k8s.io/v1" if kind == "Ingress" else "v1"
    fields: dict[str, Any] = {"f:metadata": {"f:annotations": {f"f:{key}": {}}}}
    after = owned(thing(kind, version, metadata={"annotations": {key: value}}), "kubectl-annotate", fields)
    drifts, _ = outcome(thing(kind, version, metadata={"annotations": {}}), after)
    assert drifts == [f'metadata.annotations["{key}"]']


GRAVE_NOTES: Final = [
    ("Ingress", "nginx.ingress.kubernetes.io/auth-url", "https://a", None),
    ("Namespace", "istio-injection", "enabled", "disabled"),
    ("Deployment", "vault.hashicorp.com/role", None, "root"),
]


@pytest.mark.parametrize(("kind", "key", "before", "after"), GRAVE_NOTES)
@pytest.mark.parametrize("opt_out", OPT_OUTS)
def test_no_opt_out_hides_metadata_that_grant(
    kind: str, key: str, before: str | None, after: str | None, opt_out: tuple[str, str, str]
) -> None:
    """Who leaves an object to itself does not mean that somebody may open it."""
    part, note, value = opt_out
    on = "labels" if kind == "Namespace" else "annotations"
    version = {"Ingress": "networking.k8s.io/v1", "Deployment": "apps/v1"}.get(kind, "v1")

    def side(text: str | None) -> dict[str, Any]:
        parts: dict[str, dict[str, str]] = {"labels": {"app": "x"}, "annotations": {"team": "x"}}
        parts[part][note] = value
        if text is not None:
            parts[on][key] = text
        return thing(kind, version, metadata=parts)

    drifts, hidden = outcome(side(before), side(after))
    assert len(drifts) == 1
    assert key in drifts[0]
    assert hidden == []


def test_every_platform_says_where_it_is_documented() -> None:
    """One file each, called by its platform."""
    names = {name.removeprefix("platforms/").removesuffix(".yaml") for name in files("policies", "platforms/*.yaml")}
    assert {each.platform for each in PLATFORMS.every} == names
    assert names >= {"aks", "eks", "gke", "gke-autopilot", "openshift", "istio", "linkerd", "argo", "flux", "reloader"}
    assert all(each.source for each in PLATFORMS.every)


@pytest.mark.parametrize(
    "text",
    [
        "platform: X\nsource: here\n",
        "platform: x\nsource: here\nmutations:\n  - {paths: a, reason: because, valeu: b}\n",
        "platform: x\nsource: here\nmutations:\n  - {paths: a, reason: because, value: '('}\n",
    ],
)
def test_a_mistake_in_a_platform_names_its_file(text: str) -> None:
    """A bad name, an unknown key, no regular expression."""
    with pytest.raises(Invalid, match=r"p\.yaml:\d: "):
        platforms.load({"p.yaml": text.encode()})


def test_suppressed_differences_carry_the_reason() -> None:
    """In words for people."""
    (hidden,) = examine(Pair(declared(webhook()), live(webhook(namespaceSelector=ENFORCED))), WITH_PLATFORMS).suppressed
    assert isinstance(hidden, Suppressed)
    assert "AKS" in hidden.reason


def test_no_row_explains_what_a_person_wrote_or_what_grants_something() -> None:
    """A person's by the name of its own manager alone; what grants something by its very words alone."""
    for platform in PLATFORMS.every:
        for mutation in platform.mutations:
            assert not platform.wrote(mutation, platforms.Trail("kubectl-edit", person=True, recorded=True))
            assert platform.wrote(mutation, platforms.Trail(grave=True)) == (mutation.exact and mutation.unrecorded)
            assert mutation.leaves or mutation.value or not mutation.exact


@pytest.mark.parametrize(
    ("mark", "level", "said", "told"),
    [
        (True, "restricted", None, False),
        (True, "privileged", None, True),
        (True, "restricted", "baseline", True),
        (False, "restricted", None, True),
    ],
)
def test_openshift_labels_its_namespaces_by_what_they_may_do(
    *, mark: bool, level: str, said: str | None, told: bool
) -> None:
    """Where nobody is recorded its ranges of users tell whose the namespace is; what opens one is drift."""
    audit = "pod-security.kubernetes.io/audit"
    labels = {"a": "b", **({} if said is None else {audit: said})}
    ranges = {"openshift.io/sa.scc.mcs": "s0:c1,c2"} if mark else {}
    noted = {"labels": {**labels, audit: level, f"{audit}-version": "latest"}, "annotations": ranges}
    drifts, _ = outcome(thing("Namespace", metadata={"labels": labels}), thing("Namespace", metadata=noted))
    assert (f'metadata.labels["{audit}"]' in drifts) is told


def test_istio_notes_its_revision_on_pods() -> None:
    """Its label selects an injector on a namespace or a template, and on a pod tells which one it was."""
    pod = thing("Pod", spec={"containers": [{"name": "web", "image": "shop/web:1"}]})
    noted = {"labels": {"istio.io/rev": "default"}, "annotations": {"sidecar.istio.io/status": "{}"}}
    assert outcome(pod, {**pod, "metadata": {**pod["metadata"], **noted}})[0] == []
    bare = {"labels": {"istio.io/rev": "default"}}
    assert outcome(pod, {**pod, "metadata": {**pod["metadata"], **bare}})[0] != []


@table(
    ("metadata", "pod_metadata", "explained"),
    [
        ({"labels": {"a.io/x": "whatever"}}, {}, True),
        ({"annotations": {"a.io/x": "whatever"}}, {}, True),
        ({"annotations": {"b": "yes"}}, {}, True),
        ({}, {"labels": {"b": "yes"}}, True),
        ({}, {"annotations": {"a.io/y": ""}}, True),
        ({"labels": {"b": "no"}}, {"labels": {"b": ""}}, False),
        ({"labels": {"b.io": "yes", "a": "yes"}}, {}, False),
        ({}, {}, False),
    ],
)
def test_a_mark_is_a_label_or_annotation_and_its_value_where_one_is_said(
    metadata: dict[str, Any], pod_metadata: dict[str, Any], explained: bool
) -> None:
    """Of the object or of its pods, and any of the marks is enough."""
    row = platforms.PlatformMutation(paths=("spec.replicas",), marks=("a.io/*", "b=yes"), reason="It says so.")
    tree = {"metadata": metadata, "spec": {"template": {"metadata": pod_metadata}}}
    assert row.explains("Deployment", ("spec", "replicas"), 1, 2, tree) == explained
    assert not row.explains("Deployment", ("spec", "paused"), 1, 2, tree)
