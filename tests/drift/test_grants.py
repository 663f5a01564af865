"""Labels and annotations that grant or expose something: the shipped table, and how it is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from bot.drift.severity import grants
from bot.drift.severity.gains import is_gain, meaning
from bot.drift.severity.grants import Grants, MetadataGrant
from bot.errors import Invalid
from bot.model.drift import DriftKind
from bot.model.severity import Severity
from bot.shipped import files
from tests.drift.makers import OPTIONS, Pair, declared, examine, live, thing
from tests.table import table

LOW, MEDIUM, HIGH, CRITICAL = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL
SHIPPED: Final = grants.load(files("policies", "metadata/*.yaml"))
WITH_GRANTS: Final = replace(OPTIONS, grants=SHIPPED)
ENFORCE: Final = "pod-security.kubernetes.io/enforce"

ROWS: list[tuple[str, str, str, str | None, str | None, Severity, bool]] = [
    ("Namespace", "labels", ENFORCE, "restricted", "privileged", CRITICAL, True),
    ("Namespace", "labels", ENFORCE, "restricted", "baseline", CRITICAL, True),
    ("Namespace", "labels", ENFORCE, "restricted", None, CRITICAL, True),
    ("Namespace", "labels", ENFORCE, None, "privileged", CRITICAL, True),
    ("Namespace", "labels", ENFORCE, "privileged", "restricted", MEDIUM, False),
    ("Namespace", "labels", ENFORCE, None, "restricted", MEDIUM, False),
    ("Namespace", "labels", "pod-security.kubernetes.io/audit", "restricted", "privileged", HIGH, True),
    ("Namespace", "labels", "pod-security.kubernetes.io/warn", "baseline", None, HIGH, True),
    ("Namespace", "labels", "pod-security.kubernetes.io/enforce-version", "latest", "v1.20", HIGH, True),
    ("Namespace", "labels", "pod-security.kubernetes.io/enforce-version", "v1.20", "latest", MEDIUM, False),
    ("Namespace", "labels", "openshift.io/run-level", None, "0", CRITICAL, True),
    ("Namespace", "labels", "admission.gatekeeper.sh/ignore", None, "yes", CRITICAL, True),
    ("Namespace", "labels", "openpolicyagent.org/webhook", None, "ignore", CRITICAL, True),
    ("Namespace", "labels", "policy.sigstore.dev/include", "true", None, HIGH, True),
    ("ServiceAccount", "annotations", "eks.amazonaws.com/role-arn", None, "arn:aws:iam::1:role/a", CRITICAL, True),
    ("ServiceAccount", "annotations", "eks.amazonaws.com/role-arn", "arn:a", "arn:b", CRITICAL, True),
    ("ServiceAccount", "annotations", "eks.amazonaws.com/role-arn", "arn:a", None, MEDIUM, False),
    (
        "ServiceAccount",
        "annotations",
        "iam.gke.io/gcp-service-account",
        None,
        "a@b.iam.gserviceaccount.com",
        CRITICAL,
        True,
    ),
    ("ServiceAccount", "annotations", "azure.workload.identity/client-id", None, "x", CRITICAL, True),
    ("Pod", "labels", "azure.workload.identity/use", None, "true", CRITICAL, True),
    ("Deployment", "annotations", "iam.amazonaws.com/role", None, "admin", CRITICAL, True),
    ("ClusterRole", "labels", "rbac.authorization.k8s.io/aggregate-to-edit", None, "true", CRITICAL, True),
    ("ClusterRole", "annotations", "rbac.authorization.kubernetes.io/autoupdate", "true", "false", HIGH, True),
    (
        "Service",
        "annotations",
        "service.beta.kubernetes.io/aws-load-balancer-scheme",
        None,
        "internet-facing",
        CRITICAL,
        True,
    ),
    ("Service", "annotations", "service.beta.kubernetes.io/aws-load-balancer-scheme", "internal", None, CRITICAL, True),
    ("Service", "annotations", "service.beta.kubernetes.io/azure-load-balancer-internal", "true", None, CRITICAL, True),
    (
        "Service",
        "annotations",
        "service.beta.kubernetes.io/azure-load-balancer-internal",
        "true",
        "false",
        CRITICAL,
        True,
    ),
    ("Service", "annotations", "networking.gke.io/load-balancer-type", "Internal", None, CRITICAL, True),
    ("Ingress", "annotations", "alb.ingress.kubernetes.io/scheme", "internal", "internet-facing", CRITICAL, True),
    (
        "Ingress",
        "annotations",
        "nginx.ingress.kubernetes.io/whitelist-source-range",
        "10.0.0.0/8",
        None,
        CRITICAL,
        True,
    ),
    ("Ingress", "annotations", "nginx.ingress.kubernetes.io/whitelist-source-range", None, "10.0.0.0/8", HIGH, False),
    ("Ingress", "annotations", "nginx.ingress.kubernetes.io/configuration-snippet", None, "x", CRITICAL, True),
    ("Ingress", "annotations", "nginx.ingress.kubernetes.io/auth-snippet", None, "x", CRITICAL, True),
    ("Ingress", "annotations", "nginx.ingress.kubernetes.io/modsecurity-snippet", "x", "y", CRITICAL, True),
    ("Ingress", "annotations", "nginx.ingress.kubernetes.io/auth-url", "https://a", None, HIGH, True),
    ("Ingress", "annotations", "nginx.ingress.kubernetes.io/force-ssl-redirect", "true", "false", HIGH, True),
    ("Ingress", "annotations", "kubernetes.io/ingress.class", "internal", "public", HIGH, True),
    ("Service", "annotations", "external-dns.alpha.kubernetes.io/hostname", None, "evil.example.com", HIGH, True),
    ("Namespace", "labels", "istio-injection", "enabled", "disabled", HIGH, True),
    ("Namespace", "labels", "istio-injection", "disabled", "enabled", MEDIUM, False),
    ("Namespace", "labels", "istio-injection", "enabled", None, HIGH, True),
    ("Deployment", "annotations", "sidecar.istio.io/inject", None, "false", HIGH, True),
    ("Deployment", "annotations", "linkerd.io/inject", "enabled", "disabled", HIGH, True),
    ("Namespace", "labels", "istio.io/rev", "stable", None, HIGH, True),
    ("Deployment", "annotations", "traffic.sidecar.istio.io/excludeOutboundPorts", None, "443", HIGH, True),
    (
        "Deployment",
        "annotations",
        "container.apparmor.security.beta.kubernetes.io/web",
        None,
        "unconfined",
        CRITICAL,
        True,
    ),
    (
        "Deployment",
        "annotations",
        "container.apparmor.security.beta.kubernetes.io/web",
        "runtime/default",
        None,
        CRITICAL,
        True,
    ),
    (
        "Deployment",
        "annotations",
        "seccomp.security.alpha.kubernetes.io/pod",
        "runtime/default",
        "unconfined",
        CRITICAL,
        True,
    ),
    ("ConfigMap", "annotations", "kustomize.toolkit.fluxcd.io/reconcile", None, "disabled", MEDIUM, True),
    ("Namespace", "annotations", "openshift.io/sa.scc.uid-range", "1000670000/10000", "0/10000", CRITICAL, True),
    ("Namespace", "annotations", "openshift.io/sa.scc.uid-range", None, "1000670000/10000", MEDIUM, False),
    ("Namespace", "labels", "kubewarden.io/exclude", None, "true", HIGH, True),
    ("Namespace", "labels", "policies.example.com/ignore", None, "true", HIGH, True),
    ("Namespace", "labels", "policies.example.com/ignore", None, "false", MEDIUM, False),
    ("Deployment", "annotations", "admission.stackrox.io/break-glass", None, "JIRA-1", CRITICAL, True),
    ("ServiceAccount", "annotations", "cloud.google.com/service-account-email", None, "a@b", CRITICAL, True),
    ("Service", "annotations", "service.beta.kubernetes.io/do-loadbalancer-network", "INTERNAL", None, CRITICAL, True),
    ("Service", "annotations", "yandex.cloud/load-balancer-type", "internal", "external", CRITICAL, True),
    ("Service", "annotations", "service.beta.kubernetes.io/scw-loadbalancer-private", "true", None, CRITICAL, True),
    ("Service", "annotations", "kubernetes.io/elb.eip-id", None, "eip-1", HIGH, True),
    ("Service", "annotations", "kubernetes.civo.com/firewall-id", "f-1", None, CRITICAL, True),
    ("Service", "annotations", "service.cilium.io/global", None, "true", HIGH, True),
    ("Service", "annotations", "service.beta.kubernetes.io/azure-pls-visibility", None, "*", HIGH, True),
    ("Service", "annotations", "service.beta.kubernetes.io/aws-load-balancer-ssl-cert", "arn:x", None, HIGH, True),
    ("Ingress", "annotations", "cert-manager.io/cluster-issuer", "ours", "theirs", HIGH, True),
    ("Ingress", "annotations", "nginx.ingress.kubernetes.io/server-alias", None, "evil.example.com", HIGH, True),
    ("Ingress", "annotations", "nginx.ingress.kubernetes.io/mirror-target", None, "https://evil", HIGH, True),
    ("Ingress", "annotations", "nginx.ingress.kubernetes.io/cors-allow-origin", "https://a", "*", HIGH, True),
    ("Ingress", "annotations", "nginx.ingress.kubernetes.io/proxy-ssl-verify", "on", "off", HIGH, True),
    ("Ingress", "annotations", "nginx.ingress.kubernetes.io/satisfy", None, "any", HIGH, True),
    ("Ingress", "annotations", "haproxy.org/backend-config-snippet", None, "x", CRITICAL, True),
    ("Namespace", "labels", "istio.io/use-waypoint", None, "none", HIGH, True),
    ("Deployment", "annotations", "inject.istio.io/templates", None, "custom", HIGH, True),
    ("Deployment", "annotations", "cni.projectcalico.org/allowedSourcePrefixes", None, "[]", HIGH, True),
    ("Deployment", "annotations", "keel.sh/policy", None, "all", HIGH, True),
    ("SealedSecret", "annotations", "sealedsecrets.bitnami.com/cluster-wide", None, "true", HIGH, True),
]


@table(("kind", "part", "key", "desired", "observed", "severity", "weaker"), ROWS)
def test_the_shipped_table_weighs_what_weakens(  # noqa: PLR0917 - one column of the table each
    kind: str, part: str, key: str, desired: str | None, observed: str | None, severity: Severity, weaker: bool
) -> None:
    """Each kind of grant, gained, changed and lost."""
    weighed = SHIPPED.weigh(kind, ("metadata", part, key), desired, observed)
    assert weighed is not None
    assert (weighed.severity, weighed.weaker) == (severity, weaker)
    assert meaning(weighed.rule) is not None


@pytest.mark.parametrize(
    ("kind", "part", "key"),
    [
        ("Deployment", "labels", ENFORCE),  # only a namespace's counts
        ("Namespace", "annotations", ENFORCE),
        ("ConfigMap", "labels", "app"),
        ("Service", "annotations", "meta.helm.sh/release-name"),
        ("Secret", "annotations", "cert-manager.io/issuer-name"),  # where cert-manager notes it
    ],
)
def test_what_the_table_does_not_name_is_not_weighed(kind: str, part: str, key: str) -> None:
    """Another kind, another place, another key."""
    assert SHIPPED.weigh(kind, ("metadata", part, key), "a", "b") is None


def test_nothing_that_weakens_is_low() -> None:
    """In no row of the shipped table."""
    assert {row.weaker for row in SHIPPED.rows} <= {MEDIUM, HIGH, CRITICAL}
    assert all(row.source for row in SHIPPED.rows)


def written(tree: dict[str, Any], part: str, key: str, manager: str | None) -> dict[str, Any]:
    if manager is not None:
        fields: dict[str, Any] = {"f:metadata": {f"f:{part}": {f"f:{key}": {}}}}
        tree["metadata"]["managedFields"] = [{"manager": manager, "operation": "Update", "fieldsV1": fields}]
    return tree


@pytest.mark.parametrize("manager", [None, "python-requests", "kubectl-edit", "argocd-controller", "some-operator"])
@pytest.mark.parametrize(
    ("kind", "part", "key", "value"),
    [
        ("Namespace", "labels", ENFORCE, "privileged"),
        ("ServiceAccount", "annotations", "eks.amazonaws.com/role-arn", "arn:aws:iam::123456789012:role/Admin"),
        ("Service", "annotations", "service.beta.kubernetes.io/aws-load-balancer-scheme", "internet-facing"),
    ],
)
def test_a_grant_is_drift_whoever_wrote_it(manager: str | None, kind: str, part: str, key: str, value: str) -> None:
    """A script, a person, a deployer, a controller, or nobody who is recorded."""
    after = written(thing(kind, metadata={part: {key: value}}), part, key, manager)
    (drift,) = examine(Pair(declared(thing(kind)), live(after)), WITH_GRANTS).drift
    assert (drift.severity, drift.path[-1], drift.manager) == (CRITICAL, key, manager)
    assert is_gain(drift)


def test_a_grant_that_is_gone_live_is_weighed_too() -> None:
    """The restriction that Git declares."""
    before = thing("Namespace", metadata={"labels": {ENFORCE: "restricted", "a": "1"}})
    after = thing("Namespace", metadata={"labels": {"a": "1"}})
    (drift,) = examine(Pair(declared(before), live(after)), WITH_GRANTS).drift
    assert (drift.kind, drift.severity, drift.rule) == (DriftKind.MISSING, CRITICAL, "metadata-pod-security-enforce")


def test_rows_of_settings_are_asked_first() -> None:
    """They add to the table, and one of the same id stands in for the shipped one."""
    own = MetadataGrant(id="team", keys=("corp.example.com/tier",), opens=("gold",), meaning="it is billed as gold")
    mild = MetadataGrant(
        id="dns-name", keys=("external-dns.alpha.kubernetes.io/*",), opens=("*",), weaker=MEDIUM, meaning="a name"
    )
    both = Grants((own, mild)) + SHIPPED
    names = ("metadata", "annotations", "corp.example.com/tier")
    weighed = both.weigh("Service", names, None, "gold")
    assert weighed is not None
    assert (weighed.severity, weighed.rule) == (HIGH, "metadata-team")
    dns = both.weigh("Service", ("metadata", "annotations", "external-dns.alpha.kubernetes.io/hostname"), None, "x")
    assert dns is not None
    assert dns.severity is MEDIUM
    assert len(both.rows) == len(SHIPPED.rows) + 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grants:\n  - id: a\n    keys: b\n", "x.yaml:2: "),
        ("grants:\n  - {id: A, keys: b, meaning: it opens}\n", "x.yaml:2: "),
        ("grants:\n  - {id: a, keys: b, meaning: it opens, weker: LOW}\n", "x.yaml:2: "),
        ("grants:\n  - {id: a, keys: b, meaning: it opens}\n  - {id: a, keys: c, meaning: it opens}\n", "the id 'a'"),
    ],
)
def test_a_mistake_in_a_table_names_file_and_line(text: str, message: str) -> None:
    """A missing meaning, a bad id, an unknown key, an id that is used twice."""
    with pytest.raises(Invalid, match=message):
        grants.load({"x.yaml": text.encode()})
