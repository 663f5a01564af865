"""Fields that grant, guard or trust something: the shipped table, and how it is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from bot.drift.severity import fields, grants
from bot.drift.severity.fields import FIELD_PREFIX, OTHER_PREFIX, FieldGrant, FieldGrants
from bot.drift.severity.gains import is_gain, meaning
from bot.drift.severity.reach import lists, reaches
from bot.errors import Invalid
from bot.model.drift import Drift
from bot.model.json import JSON
from bot.model.severity import Severity
from bot.shipped import files
from tests.drift.makers import OPTIONS, Pair, declared, examine, live, thing
from tests.table import table

HIGH, CRITICAL = Severity.HIGH, Severity.CRITICAL
SHIPPED: Final = fields.load(files("policies", "fields/*.yaml"))
WITH_FIELDS: Final = replace(OPTIONS, fields=SHIPPED, grants=grants.load(files("policies", "metadata/*.yaml")))

PODS: Final = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["pods"]}
HOOK: Final = {"name": "a.example.com", "clientConfig": {"service": {"name": "a", "namespace": "x"}}, "rules": [PODS]}
EXCLUDING: Final = {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["blue"]}]}
RULE: Final = {"name": "r", "match": {"any": [{"resources": {"kinds": ["Pod"]}}]}, "validate": {"message": "m"}}


def _rule(**parts: Any) -> dict[str, Any]:
    """The specification of a Kyverno policy with one rule."""
    return {"rules": [{**RULE, **parts}]}


def _hook(**parts: Any) -> list[dict[str, Any]]:
    return [{**HOOK, **parts}]


Row = tuple[str, str, dict[str, Any], dict[str, Any], Severity]
"""API version, kind, the declared and the live ``spec``, and how bad the worst difference is."""

KYVERNO, CEL, GATE, ISTIO = (
    "kyverno.io/v1",
    "policies.kyverno.io/v1",
    "constraints.gatekeeper.sh/v1",
    "security.istio.io/v1",
)
PSP: Final = "policy/v1beta1"
ROUTE, TRAEFIK, NODES = "gateway.networking.k8s.io/v1", "traefik.io/v1alpha1", "karpenter.k8s.aws/v1"
NET, ARGO, FLUX, HELM = (
    "networking.istio.io/v1",
    "argoproj.io/v1alpha1",
    "kustomize.toolkit.fluxcd.io/v1",
    "helm.toolkit.fluxcd.io/v2",
)
ADMIT, CILIUM, CERT, ESO = (
    "admissionregistration.k8s.io/v1",
    "cilium.io/v2",
    "cert-manager.io/v1",
    "external-secrets.io/v1",
)

WEAKER: Final[list[Row]] = [
    (KYVERNO, "ClusterPolicy", {"validationFailureAction": "Enforce"}, {"validationFailureAction": "Audit"}, CRITICAL),
    (KYVERNO, "ClusterPolicy", {"validationFailureAction": "enforce"}, {"background": True}, CRITICAL),
    (KYVERNO, "ClusterPolicy", {"failurePolicy": "Fail"}, {"failurePolicy": "Ignore"}, CRITICAL),
    (KYVERNO, "ClusterPolicy", {"background": True}, {"background": True, "failurePolicy": "Ignore"}, CRITICAL),
    (KYVERNO, "ClusterPolicy", _rule(), {"rules": []}, CRITICAL),
    (KYVERNO, "Policy", _rule(), _rule(exclude={"any": [{"resources": {"namespaces": ["dev"]}}]}), CRITICAL),
    (
        KYVERNO,
        "ClusterPolicy",
        _rule(),
        _rule(match={"any": [{"resources": {"kinds": ["Pod"], "namespaces": ["a"]}}]}),
        CRITICAL,
    ),
    (
        KYVERNO,
        "ClusterPolicy",
        _rule(validate={"failureAction": "Enforce"}),
        _rule(validate={"failureAction": "Audit"}),
        CRITICAL,
    ),
    (
        KYVERNO,
        "ClusterPolicy",
        _rule(validate={"pattern": {"a": "?*"}}),
        _rule(validate={"pattern": {"a": "*"}}),
        CRITICAL,
    ),
    (
        "kyverno.io/v2",
        "PolicyException",
        {"exceptions": [{"policyName": "a", "ruleNames": ["x"]}]},
        {"exceptions": [{"policyName": "a", "ruleNames": ["x", "y"]}]},
        CRITICAL,
    ),
    (
        "kyverno.io/v2",
        "PolicyException",
        {"match": {"any": [{"resources": {"kinds": ["Pod"], "names": ["tool-*"]}}]}},
        {"match": {"any": [{"resources": {"kinds": ["Pod"], "names": ["*"]}}]}},
        CRITICAL,
    ),
    (
        "kyverno.io/v2",
        "PolicyException",
        {"match": {"any": [{"resources": {"kinds": ["Pod"], "namespaces": ["a"]}}]}},
        {"match": {"any": [{"resources": {"kinds": ["Pod"]}}]}},
        CRITICAL,
    ),
    (CEL, "PolicyException", {"policyRefs": [{"name": "a"}]}, {"policyRefs": [{"name": "a"}, {"name": "b"}]}, CRITICAL),
    (CEL, "ValidatingPolicy", {"validationActions": ["Deny"]}, {"validationActions": ["Audit"]}, CRITICAL),
    (CEL, "ValidatingPolicy", {"validations": [{"expression": "a"}]}, {"validations": [{"expression": "b"}]}, CRITICAL),
    (GATE, "K8sRequiredLabels", {"enforcementAction": "deny"}, {"enforcementAction": "warn"}, CRITICAL),
    (
        GATE,
        "K8sRequiredLabels",
        {"match": {"scope": "*"}},
        {"match": {"scope": "*"}, "enforcementAction": "dryrun"},
        CRITICAL,
    ),
    (
        GATE,
        "K8sAllowedRepos",
        {"match": {"excludedNamespaces": ["kube-system"]}},
        {"match": {"excludedNamespaces": ["kube-system", "shop"]}},
        CRITICAL,
    ),
    (GATE, "K8sAllowedRepos", {"match": {"namespaces": ["a", "b"]}}, {"match": {"namespaces": ["a"]}}, CRITICAL),
    (GATE, "K8sAllowedRepos", {"parameters": {"repos": ["corp/"]}}, {"parameters": {"repos": ["corp/", ""]}}, CRITICAL),
    (GATE, "K8sPSPPrivileged", {"parameters": {"exemptImages": []}}, {"parameters": {"exemptImages": ["*"]}}, CRITICAL),
    (GATE, "K8sReplicaLimits", {"parameters": {"max": 5}}, {"parameters": {"max": 500}}, HIGH),
    (
        "config.gatekeeper.sh/v1alpha1",
        "Config",
        {"match": [{"excludedNamespaces": ["kube-*"], "processes": ["*"]}]},
        {"match": [{"excludedNamespaces": ["kube-*", "shop"], "processes": ["*"]}]},
        CRITICAL,
    ),
    (
        "templates.gatekeeper.sh/v1",
        "ConstraintTemplate",
        {"targets": [{"rego": "a"}]},
        {"targets": [{"rego": "b"}]},
        CRITICAL,
    ),
    ("policies.kubewarden.io/v1", "ClusterAdmissionPolicy", {"mode": "protect"}, {"mode": "monitor"}, CRITICAL),
    ("policy.sigstore.dev/v1beta1", "ClusterImagePolicy", {"mode": "enforce"}, {"mode": "warn"}, CRITICAL),
    (
        ADMIT,
        "ValidatingAdmissionPolicyBinding",
        {"validationActions": ["Deny"]},
        {"validationActions": ["Warn"]},
        CRITICAL,
    ),
    (
        ADMIT,
        "ValidatingAdmissionPolicyBinding",
        {"validationActions": ["Deny", "Audit"]},
        {"validationActions": ["Deny"]},
        HIGH,
    ),
    (ADMIT, "ValidatingAdmissionPolicyBinding", {"policyName": "a"}, {"policyName": "b"}, CRITICAL),
    (ADMIT, "ValidatingAdmissionPolicyBinding", {}, {"matchResources": {"namespaceSelector": EXCLUDING}}, CRITICAL),
    (ADMIT, "ValidatingAdmissionPolicy", {"failurePolicy": "Fail"}, {"failurePolicy": "Ignore"}, CRITICAL),
    (ADMIT, "ValidatingAdmissionPolicy", {"validations": [{"expression": "a"}]}, {"validations": []}, CRITICAL),
    (
        ADMIT,
        "ValidatingAdmissionPolicy",
        {"matchConstraints": {"resourceRules": [PODS]}},
        {"matchConstraints": {"resourceRules": [PODS], "excludeResourceRules": [PODS]}},
        CRITICAL,
    ),
    (ISTIO, "AuthorizationPolicy", {"action": "ALLOW", "rules": []}, {"action": "ALLOW", "rules": [{}]}, CRITICAL),
    (ISTIO, "AuthorizationPolicy", {}, {"rules": [{}]}, CRITICAL),
    (
        ISTIO,
        "AuthorizationPolicy",
        {"rules": [{"from": [{"source": {"namespaces": ["a"]}}]}]},
        {"rules": [{"from": [{"source": {"namespaces": ["a", "b"]}}]}]},
        CRITICAL,
    ),
    (
        ISTIO,
        "AuthorizationPolicy",
        {"rules": [{"from": [{"source": {"principals": ["p"]}}], "when": [{"key": "k", "values": ["v"]}]}]},
        {"rules": [{"from": [{"source": {"principals": ["p"]}}]}]},
        CRITICAL,
    ),
    (
        ISTIO,
        "AuthorizationPolicy",
        {"rules": [{"from": [{"source": {"notNamespaces": ["a", "b"]}}]}]},
        {"rules": [{"from": [{"source": {"notNamespaces": ["a"]}}]}]},
        CRITICAL,
    ),
    (
        ISTIO,
        "AuthorizationPolicy",
        {"action": "DENY", "rules": [{"to": [{"operation": {"paths": ["/admin"]}}]}]},
        {"action": "DENY", "rules": []},
        CRITICAL,
    ),
    (ISTIO, "AuthorizationPolicy", {"action": "DENY", "rules": [{}]}, {"action": "ALLOW", "rules": [{}]}, CRITICAL),
    (
        ISTIO,
        "AuthorizationPolicy",
        {"selector": {"matchLabels": {"a": "b"}}},
        {"selector": {"matchLabels": {"a": "c"}}},
        CRITICAL,
    ),
    (ISTIO, "PeerAuthentication", {"mtls": {"mode": "STRICT"}}, {"mtls": {"mode": "PERMISSIVE"}}, CRITICAL),
    (ISTIO, "PeerAuthentication", {"mtls": {"mode": "STRICT"}}, {"mtls": {"mode": "DISABLE"}}, CRITICAL),
    (ISTIO, "PeerAuthentication", {"mtls": {"mode": "PERMISSIVE"}}, {"mtls": {"mode": "DISABLE"}}, CRITICAL),
    (
        ISTIO,
        "PeerAuthentication",
        {"mtls": {"mode": "STRICT"}},
        {"mtls": {"mode": "STRICT"}, "portLevelMtls": {"8080": {"mode": "DISABLE"}}},
        CRITICAL,
    ),
    (ISTIO, "RequestAuthentication", {"jwtRules": [{"issuer": "a"}]}, {"jwtRules": [{"issuer": "b"}]}, CRITICAL),
    (
        NET,
        "Sidecar",
        {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}},
        {"outboundTrafficPolicy": {"mode": "ALLOW_ANY"}},
        CRITICAL,
    ),
    (NET, "Sidecar", {"egress": [{"hosts": ["./*"]}]}, {"egress": [{"hosts": ["./*", "*/*"]}]}, CRITICAL),
    (NET, "ServiceEntry", {"hosts": ["api.example.com"]}, {"hosts": ["*.example.com"]}, CRITICAL),
    (
        NET,
        "ServiceEntry",
        {"endpoints": [{"address": "10.0.0.1"}]},
        {"endpoints": [{"address": "203.0.113.9"}]},
        CRITICAL,
    ),
    (
        NET,
        "DestinationRule",
        {"trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}},
        {"trafficPolicy": {"tls": {"mode": "DISABLE"}}},
        CRITICAL,
    ),
    (
        NET,
        "Gateway",
        {"servers": [{"hosts": ["a.example.com"]}]},
        {"servers": [{"hosts": ["a.example.com"]}, {"hosts": ["*"]}]},
        CRITICAL,
    ),
    (
        CILIUM,
        "CiliumNetworkPolicy",
        {"ingress": [{"fromEntities": ["host"]}]},
        {"ingress": [{"fromEntities": ["world"]}]},
        CRITICAL,
    ),
    (
        CILIUM,
        "CiliumNetworkPolicy",
        {"egress": [{"toFQDNs": [{"matchName": "a.example.com"}]}]},
        {"egress": [{"toFQDNs": [{"matchName": "a.example.com"}, {"matchPattern": "*"}]}]},
        CRITICAL,
    ),
    (
        CILIUM,
        "CiliumNetworkPolicy",
        {"ingress": [{"fromEndpoints": [{"matchLabels": {"a": "b"}}]}]},
        {"ingress": [{"fromEndpoints": [{"matchLabels": {"a": "b"}}]}, {}]},
        CRITICAL,
    ),
    (
        CILIUM,
        "CiliumNetworkPolicy",
        {"ingress": [{"fromCIDR": ["10.0.0.0/8"]}]},
        {"ingress": [{"fromCIDR": ["10.0.0.0/7"]}]},
        CRITICAL,
    ),
    (
        CILIUM,
        "CiliumClusterwideNetworkPolicy",
        {"egressDeny": [{"toEntities": ["world"]}]},
        {"egressDeny": []},
        CRITICAL,
    ),
    (
        CILIUM,
        "CiliumNetworkPolicy",
        {"ingress": []},
        {"ingress": [], "enableDefaultDeny": {"ingress": False}},
        CRITICAL,
    ),
    ("networking.k8s.io/v1", "NetworkPolicy", {"ingress": []}, {"ingress": [{}]}, CRITICAL),
    (
        "networking.k8s.io/v1",
        "NetworkPolicy",
        {"ingress": [{"from": [{"podSelector": {}}]}]},
        {"ingress": [{"from": [{"namespaceSelector": {}}]}]},
        CRITICAL,
    ),
    (
        "networking.k8s.io/v1",
        "NetworkPolicy",
        {"policyTypes": ["Ingress", "Egress"]},
        {"policyTypes": ["Ingress"]},
        CRITICAL,
    ),
    (
        "projectcalico.org/v3",
        "GlobalNetworkPolicy",
        {"ingress": [{"action": "Deny"}]},
        {"ingress": [{"action": "Allow"}]},
        CRITICAL,
    ),
    (
        "policy.linkerd.io/v1beta3",
        "Server",
        {"accessPolicy": "deny"},
        {"accessPolicy": "all-unauthenticated"},
        CRITICAL,
    ),
    (
        "gateway.networking.k8s.io/v1beta1",
        "ReferenceGrant",
        {"from": [{"namespace": "a"}]},
        {"from": [{"namespace": "b"}]},
        CRITICAL,
    ),
    (CERT, "ClusterIssuer", {"acme": {"server": "https://a"}}, {"acme": {"server": "https://b"}}, CRITICAL),
    (CERT, "Issuer", {"ca": {"secretName": "a"}}, {"selfSigned": {}}, CRITICAL),
    (CERT, "Issuer", {"vault": {"server": "https://a"}}, {"vault": {"server": "https://b"}}, CRITICAL),
    (CERT, "Certificate", {"issuerRef": {"name": "a"}}, {"issuerRef": {"name": "b"}}, CRITICAL),
    (CERT, "Certificate", {"secretName": "a"}, {"secretName": "a", "isCA": True}, CRITICAL),
    (CERT, "Certificate", {"dnsNames": ["a.example.com"]}, {"dnsNames": ["a.example.com", "b.example.com"]}, HIGH),
    (ESO, "ExternalSecret", {"secretStoreRef": {"name": "a"}}, {"secretStoreRef": {"name": "b"}}, CRITICAL),
    (
        ESO,
        "ExternalSecret",
        {"secretStoreRef": {"name": "a", "kind": "SecretStore"}},
        {"secretStoreRef": {"name": "a", "kind": "ClusterSecretStore"}},
        CRITICAL,
    ),
    (
        ESO,
        "ClusterSecretStore",
        {"provider": {"vault": {"server": "a"}}},
        {"provider": {"vault": {"server": "b"}}},
        CRITICAL,
    ),
    (
        ESO,
        "ClusterSecretStore",
        {"conditions": [{"namespaces": ["a"]}]},
        {"conditions": [{"namespaces": ["a", "b"]}]},
        CRITICAL,
    ),
    ("secrets.hashicorp.com/v1beta1", "VaultConnection", {"address": "https://a"}, {"address": "https://b"}, CRITICAL),
    (
        "secrets-store.csi.x-k8s.io/v1",
        "SecretProviderClass",
        {"parameters": {"a": "b"}},
        {"parameters": {"a": "c"}},
        CRITICAL,
    ),
    (
        "apiregistration.k8s.io/v1",
        "APIService",
        {"group": "g"},
        {"group": "g", "insecureSkipTLSVerify": True},
        CRITICAL,
    ),
    (ARGO, "AppProject", {"sourceRepos": ["https://a"]}, {"sourceRepos": ["*"]}, CRITICAL),
    (ARGO, "AppProject", {"sourceRepos": ["https://a/b"]}, {"sourceRepos": ["https://a/*"]}, CRITICAL),
    (
        ARGO,
        "AppProject",
        {"destinations": [{"server": "s", "namespace": "a"}]},
        {"destinations": [{"server": "s", "namespace": "a"}, {"server": "s", "namespace": "kube-system"}]},
        CRITICAL,
    ),
    (
        ARGO,
        "AppProject",
        {"clusterResourceWhitelist": []},
        {"clusterResourceWhitelist": [{"group": "rbac.authorization.k8s.io", "kind": "ClusterRole"}]},
        CRITICAL,
    ),
    (
        ARGO,
        "AppProject",
        {"namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}]},
        {"description": "x"},
        CRITICAL,
    ),
    (
        PSP,
        "PodSecurityPolicy",
        {"runAsUser": {"rule": "MustRunAsNonRoot"}},
        {"runAsUser": {"rule": "RunAsAny"}},
        CRITICAL,
    ),
    (PSP, "PodSecurityPolicy", {"volumes": ["secret"]}, {"volumes": ["secret", "hostPath"]}, CRITICAL),
    (PSP, "PodSecurityPolicy", {"volumes": ["secret"]}, {"volumes": ["*"]}, CRITICAL),
    (ROUTE, "HTTPRoute", {"parentRefs": [{"name": "a"}]}, {"parentRefs": [{"name": "a"}, {"name": "b"}]}, HIGH),
    (ROUTE, "HTTPRoute", {"hostnames": ["a.example.com"]}, {"parentRefs": []}, HIGH),
    (ROUTE, "HTTPRoute", {"rules": [{"filters": [{"type": "A"}]}]}, {"rules": [{"filters": [{"type": "B"}]}]}, HIGH),
    ("gateway.envoyproxy.io/v1alpha1", "SecurityPolicy", {"jwt": {"providers": [{"name": "a"}]}}, {}, CRITICAL),
    (NET, "VirtualService", {"hosts": ["a"], "gateways": ["mesh"]}, {"hosts": ["a"], "gateways": ["mesh", "b"]}, HIGH),
    (TRAEFIK, "IngressRoute", {"routes": [{"middlewares": [{"name": "a"}]}]}, {"routes": [{"kind": "Rule"}]}, HIGH),
    (TRAEFIK, "Middleware", {"ipAllowList": {"sourceRange": ["10.0.0.0/8"]}}, {}, CRITICAL),
    (TRAEFIK, "ServersTransport", {"insecureSkipVerify": False}, {"insecureSkipVerify": True}, CRITICAL),
    ("projectcontour.io/v1", "HTTPProxy", {"virtualhost": {"authorization": {"a": 1}}}, {"virtualhost": {}}, CRITICAL),
    (NODES, "EC2NodeClass", {"role": "a"}, {"role": "b"}, CRITICAL),
    (NODES, "EC2NodeClass", {"userData": "a"}, {"userData": "b"}, CRITICAL),
    (
        NODES,
        "NodeClass",
        {"metadataOptions": {"httpTokens": "required"}},
        {"metadataOptions": {"httpTokens": "optional"}},
        HIGH,
    ),
    (
        "karpenter.sh/v1",
        "NodePool",
        {"template": {"spec": {"taints": [{"key": "a"}]}}},
        {"template": {"spec": {}}},
        HIGH,
    ),
    (ARGO, "Application", {"source": {"targetRevision": "v1"}}, {"source": {"targetRevision": "main"}}, HIGH),
    (PSP, "PodSecurityPolicy", {"privileged": False}, {"allowedCapabilities": ["NET_RAW"]}, CRITICAL),
    (PSP, "PodSecurityPolicy", {"allowedHostPaths": [{"pathPrefix": "/a"}]}, {"privileged": False}, CRITICAL),
    (PSP, "PodSecurityPolicy", {"requiredDropCapabilities": ["ALL"]}, {"requiredDropCapabilities": []}, HIGH),
    (PSP, "PodSecurityPolicy", {"allowPrivilegeEscalation": False}, {"volumes": []}, HIGH),
    (PSP, "PodSecurityPolicy", {"fsGroup": {"rule": "MustRunAs"}}, {"fsGroup": {"rule": "RunAsAny"}}, HIGH),
    (ARGO, "AppProject", {"sourceRepos": ["https://a/*", "!https://a/b"]}, {"sourceRepos": ["https://a/*"]}, CRITICAL),
    (
        ARGO,
        "AppProject",
        {"sourceRepos": ["https://a/*", "!https://a/b/*"]},
        {"sourceRepos": ["https://a/*", "!https://a/b/c"]},
        CRITICAL,
    ),
    (
        ARGO,
        "AppProject",
        {"destinations": [{"server": "s", "namespace": "*"}, {"server": "s", "namespace": "!kube-system"}]},
        {"destinations": [{"server": "s", "namespace": "*"}]},
        CRITICAL,
    ),
    (
        ARGO,
        "AppProject",
        {"destinations": [{"server": "s", "namespace": "*"}, {"name": "!prod", "namespace": "*"}]},
        {"destinations": [{"server": "s", "namespace": "*"}]},
        CRITICAL,
    ),
    (ARGO, "Application", {"source": {"repoURL": "https://a"}}, {"source": {"repoURL": "https://b"}}, CRITICAL),
    (ARGO, "Application", {"project": "shop"}, {"project": "default"}, CRITICAL),
    (
        ARGO,
        "Application",
        {"syncPolicy": {"automated": {"prune": True}}},
        {"syncPolicy": {"automated": {"prune": False}}},
        HIGH,
    ),
    (FLUX, "Kustomization", {"serviceAccountName": "a"}, {"path": "./x"}, CRITICAL),
    (FLUX, "Kustomization", {"serviceAccountName": "a"}, {"serviceAccountName": "b"}, CRITICAL),
    (
        FLUX,
        "Kustomization",
        {"sourceRef": {"kind": "GitRepository", "name": "a"}},
        {"sourceRef": {"kind": "GitRepository", "name": "b"}},
        CRITICAL,
    ),
    (FLUX, "Kustomization", {"prune": True}, {"prune": False}, HIGH),
    (FLUX, "Kustomization", {"force": False}, {"force": True}, HIGH),
    (HELM, "HelmRelease", {"serviceAccountName": "a"}, {"interval": "1m"}, CRITICAL),
    (HELM, "HelmRelease", {"upgrade": {"force": False}}, {"upgrade": {"force": True}}, HIGH),
    ("source.toolkit.fluxcd.io/v1", "GitRepository", {"url": "https://a"}, {"url": "https://b"}, CRITICAL),
    ("source.toolkit.fluxcd.io/v1", "GitRepository", {"url": "u", "verify": {"mode": "HEAD"}}, {"url": "u"}, CRITICAL),
]


def _worst(version: str, kind: str, before: dict[str, Any], now: dict[str, Any], **metadata: Any) -> Drift:
    desired, observed = thing(kind, version, spec=before), thing(kind, version, spec=now, metadata=metadata)
    told = examine(Pair(declared(desired), live(observed)), WITH_FIELDS)
    return max(told.drift, key=lambda drift: (drift.severity.rank, is_gain(drift)))


@table(("version", "kind", "before", "now", "severity"), WEAKER)
def test_what_gives_more_is_severe(
    version: str, kind: str, before: dict[str, Any], now: dict[str, Any], severity: Severity
) -> None:
    """A live object that gives more by a field than Git does is at least as bad as its row, without any recorded writer."""
    worst = _worst(version, kind, before, now)
    assert worst.severity.rank >= severity.rank
    assert is_gain(worst) != worst.rule.startswith(OTHER_PREFIX)
    assert severity is not CRITICAL or is_gain(worst)


STRICTER: Final[list[tuple[str, str, dict[str, Any], dict[str, Any]]]] = [
    (KYVERNO, "ClusterPolicy", {"validationFailureAction": "Audit"}, {"validationFailureAction": "Enforce"}),
    (KYVERNO, "ClusterPolicy", {"failurePolicy": "Ignore"}, {"failurePolicy": "Fail"}),
    (
        KYVERNO,
        "ClusterPolicy",
        _rule(exclude={"any": [{"resources": {"namespaces": ["a", "b"]}}]}),
        _rule(exclude={"any": [{"resources": {"namespaces": ["a"]}}]}),
    ),
    (
        "kyverno.io/v2",
        "PolicyException",
        {"exceptions": [{"policyName": "a", "ruleNames": ["x", "y"]}]},
        {"exceptions": [{"policyName": "a", "ruleNames": ["x"]}]},
    ),
    (GATE, "K8sRequiredLabels", {"enforcementAction": "dryrun"}, {"enforcementAction": "deny"}),
    (
        GATE,
        "K8sRequiredLabels",
        {"match": {"excludedNamespaces": ["a", "b"]}},
        {"match": {"excludedNamespaces": ["a"]}},
    ),
    (
        ADMIT,
        "ValidatingAdmissionPolicyBinding",
        {"validationActions": ["Warn"]},
        {"validationActions": ["Deny", "Warn"]},
    ),
    (ISTIO, "AuthorizationPolicy", {"rules": [{}]}, {"rules": [{"from": [{"source": {"namespaces": ["a"]}}]}]}),
    (
        ISTIO,
        "AuthorizationPolicy",
        {"action": "DENY", "rules": [{"to": [{"operation": {"paths": ["/admin"]}}]}]},
        {"action": "DENY", "rules": [{"to": [{"operation": {"paths": ["/admin", "/debug"]}}]}]},
    ),
    (ISTIO, "PeerAuthentication", {"mtls": {"mode": "PERMISSIVE"}}, {"mtls": {"mode": "STRICT"}}),
    (
        NET,
        "Sidecar",
        {"outboundTrafficPolicy": {"mode": "ALLOW_ANY"}},
        {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}},
    ),
    (NET, "ServiceEntry", {"hosts": ["*.example.com"]}, {"hosts": ["api.example.com"]}),
    (CILIUM, "CiliumNetworkPolicy", {"ingress": [{}]}, {"ingress": [{"fromEntities": ["cluster"]}]}),
    (
        CILIUM,
        "CiliumNetworkPolicy",
        {"egress": [{"toCIDR": ["10.0.0.0/8"]}]},
        {"egress": [{"toCIDR": ["10.1.0.0/16"], "toPorts": [{"ports": [{"port": "443"}]}]}]},
    ),
    ("networking.k8s.io/v1", "NetworkPolicy", {"ingress": [{}]}, {"ingress": []}),
    (
        "networking.k8s.io/v1",
        "NetworkPolicy",
        {"ingress": [{"from": [{"namespaceSelector": {}}]}]},
        {"ingress": [{"from": [{"podSelector": {"matchLabels": {"a": "b"}}}]}]},
    ),
    (CERT, "Certificate", {"isCA": True}, {"isCA": False}),
    (CERT, "Certificate", {"dnsNames": ["a", "b"]}, {"dnsNames": ["a"]}),
    (ARGO, "AppProject", {"sourceRepos": ["*"]}, {"sourceRepos": ["https://a"]}),
    (ARGO, "AppProject", {"sourceRepos": ["https://a/*"]}, {"sourceRepos": ["https://a/*", "!https://a/b"]}),
    (
        ARGO,
        "AppProject",
        {"destinations": [{"server": "s", "namespace": "*"}, {"server": "s", "namespace": "!kube-system"}]},
        {"destinations": [{"server": "s", "namespace": "*"}, {"server": "s", "namespace": "!kube-*"}]},
    ),
    (
        ARGO,
        "AppProject",
        {"clusterResourceWhitelist": [{"group": "*", "kind": "*"}]},
        {"clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}]},
    ),
    (FLUX, "Kustomization", {"path": "./x"}, {"path": "./x", "serviceAccountName": "a"}),
]
"""API version, kind, the declared and the live ``spec``, which holds back more."""


@table(("version", "kind", "before", "now"), STRICTER)
def test_what_holds_back_more_is_no_gain(version: str, kind: str, before: dict[str, Any], now: dict[str, Any]) -> None:
    """A live object that holds back more is no gain of privilege."""
    desired, observed = thing(kind, version, spec=before), thing(kind, version, spec=now)
    assert not any(is_gain(drift) for drift in examine(Pair(declared(desired), live(observed)), WITH_FIELDS).drift)


@pytest.mark.parametrize("kind", ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"])
@pytest.mark.parametrize(
    ("before", "now"),
    [
        (_hook(failurePolicy="Fail"), _hook(failurePolicy="Ignore")),
        (_hook(), _hook(failurePolicy="Ignore")),
        (_hook(), []),
        (_hook(), _hook(rules=[{**PODS, "operations": ["CREATE"]}])),
        (_hook(), _hook(namespaceSelector=EXCLUDING)),
        (_hook(), _hook(objectSelector={"matchLabels": {"a": "b"}})),
        (_hook(), _hook(matchConditions=[{"name": "c", "expression": "false"}])),
        (_hook(), _hook(clientConfig={"url": "https://elsewhere.example.com"})),
        (_hook(), [HOOK, {**HOOK, "name": "b.example.com", "clientConfig": {"url": "https://elsewhere.example.com"}}]),
    ],
)
def test_a_webhook_that_is_told_to_look_away_is_a_gain(kind: str, before: JSON, now: JSON) -> None:
    """A webhook that sees less, lets in more or is asked of somebody else is a gain of privilege."""
    pair = Pair(declared(thing(kind, ADMIT, webhooks=before)), live(thing(kind, ADMIT, webhooks=now)))
    assert any(is_gain(drift) for drift in examine(pair, WITH_FIELDS).drift)


@pytest.mark.parametrize(
    "now",
    [
        _hook(failurePolicy="Fail", matchPolicy="Equivalent", namespaceSelector={}, objectSelector={}),
        _hook(rules=[{**PODS, "scope": "*"}]),
        _hook(rules=[{**PODS, "resources": ["pods", "deployments"]}]),
        _hook(clientConfig={"service": {"name": "a", "namespace": "x", "port": 443}, "caBundle": "QQ=="}),
    ],
)
def test_what_the_server_fills_into_a_webhook_is_no_gain(now: JSON) -> None:
    """Defaults, certificates and more that a webhook looks at are no gain."""
    kind = "ValidatingWebhookConfiguration"
    pair = Pair(declared(thing(kind, ADMIT, webhooks=_hook())), live(thing(kind, ADMIT, webhooks=now)))
    assert not any(is_gain(drift) for drift in examine(pair, WITH_FIELDS).drift)


def test_only_what_weakens_is_severe() -> None:
    """Of two webhooks that changed, the one that is stricter is no gain."""
    names = ("a.example.com", "b.example.com")
    before = [
        {**HOOK, "name": name, "failurePolicy": policy} for name, policy in zip(names, ("Fail", "Ignore"), strict=True)
    ]
    now = [
        {**HOOK, "name": name, "failurePolicy": policy} for name, policy in zip(names, ("Ignore", "Fail"), strict=True)
    ]
    kind = "ValidatingWebhookConfiguration"
    told = examine(
        Pair(declared(thing(kind, ADMIT, webhooks=before)), live(thing(kind, ADMIT, webhooks=now))), WITH_FIELDS
    )
    assert {drift.where: is_gain(drift) for drift in told.drift} == {
        "webhooks[a.example.com].failurePolicy": True,
        "webhooks[b.example.com].failurePolicy": False,
    }


def test_whoever_weakens_is_told() -> None:
    """Nobody is a controller by a name that he chose."""
    version, before, now = "kyverno.io/v1", {"background": True}, {"background": True, "failurePolicy": "Ignore"}
    for manager in ("kyverno-controller", "kubectl-edit", "helm"):
        entry: dict[str, Any] = {
            "manager": manager,
            "operation": "Update",
            "fieldsV1": {"f:spec": {"f:failurePolicy": {}}},
        }
        observed = thing("ClusterPolicy", version, spec=now, metadata={"managedFields": [entry]})
        told = examine(Pair(declared(thing("ClusterPolicy", version, spec=before)), live(observed)), WITH_FIELDS)
        assert [is_gain(drift) for drift in told.drift] == [True]


@table(
    ("wide", "narrow", "reached"),
    [
        ({}, {"a": "b"}, True),
        ({"a": "b"}, {}, False),
        ({"a": "b"}, {"a": "b", "c": "d"}, True),
        (["10.0.0.0/8"], ["10.1.0.0/16", "10.2.3.4"], True),
        (["10.1.0.0/16"], ["10.0.0.0/8"], False),
        (["10.0.0.0/8"], ["::/0"], False),
        (["*.example.com"], "a.example.com", True),
        ({"ipBlock": {"cidr": "10.0.0.0/8"}}, {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}, True),
        ({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}, False),
        (
            {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b", "c"]}]},
            {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]},
            True,
        ),
        (
            {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b", "c"]}]},
            {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]},
            False,
        ),
        (
            {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]},
            {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b", "c"]}]},
            True,
        ),
        ({"from": [1]}, {"from": {"x": 1}}, False),
        ("a", {"a": 1}, False),
        ({"a": 1}, "a", False),
    ],
)
def test_reach(wide: JSON, narrow: JSON, *, reached: bool) -> None:
    """A selection reaches another one where it selects everything that the other does."""
    assert reaches(wide, narrow) is reached


def test_what_is_too_large_reaches_only_what_is_equal() -> None:
    """Long lists are compared by their equal elements alone, so that nobody makes a comparison slow."""
    many = [f"https://git.example.com/{number}" for number in range(5000)]
    assert lists(many, many[::-1])
    assert not lists(many, [f"{each}/x" for each in many])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("fields: [{id: a, kinds: A, groups: g, paths: spec.a, weaker: lower, meaning: more}]", "levels: goes with"),
        (
            "fields: [{id: a, kinds: A, groups: g, paths: spec.a, weaker: wider, absent: x, meaning: more}]",
            "absent: is",
        ),
        ("fields: [{id: a, kinds: A, groups: g, paths: 'spec.**', weaker: other, meaning: more}]", "part by part"),
        ("fields: [{id: a, kinds: A, groups: g, paths: spec.a, weaker: worse, meaning: more}]", "a.yaml:1"),
        (
            f"fields: [{', '.join(['{id: a, kinds: A, groups: g, paths: b, weaker: other, meaning: more}'] * 2)}]",
            "two rows about fields have the id 'a'",
        ),
    ],
)
def test_a_row_that_makes_no_sense_is_named(text: str, reason: str) -> None:
    """A file with a wrong row is refused by its name, with what is wrong."""
    with pytest.raises(Invalid) as refused:
        fields.load({"a.yaml": text.encode()})
    assert reason in str(refused.value)


def test_every_row_has_a_source() -> None:
    """Every shipped row says where its fact is from, and every rule of the table has words for people."""
    assert all(row.source for row in SHIPPED.rows)
    assert meaning(f"{FIELD_PREFIX}{SHIPPED.rows[0].id}") is not None


def test_rows_of_settings_are_asked_beside_the_shipped_ones() -> None:
    """A row of settings is asked too, and takes the place of a shipped one of its id."""
    own = FieldGrant(
        id="quota",
        kinds=("Quota",),
        groups=("corp.example.com",),
        paths=("spec.tier",),
        weaker="other",
        meaning="it gets more",
    )
    both = replace(WITH_FIELDS, fields=FieldGrants((own,)) + SHIPPED)
    before, now = (thing("Quota", "corp.example.com/v1", spec={"tier": tier}) for tier in ("small", "large"))
    assert [is_gain(drift) for drift in examine(Pair(declared(before), live(now)), both).drift] == [True]
    assert FieldGrants((own,)) + FieldGrants((own,)) == FieldGrants((own,))


@table(
    ("version", "kind", "before", "now"),
    [
        (CERT, "Certificate", {"issuerRef": {"name": "a"}}, {"issuerRef": {"name": "a", "kind": "Issuer"}}),
        (CERT, "Certificate", {"issuerRef": {"name": "a"}}, {"issuerRef": {"name": "a", "group": "cert-manager.io"}}),
        (
            ESO,
            "ExternalSecret",
            {"secretStoreRef": {"name": "a"}},
            {"secretStoreRef": {"name": "a", "kind": "SecretStore"}},
        ),
        (
            ESO,
            "ExternalSecret",
            {"data": [{"secretKey": "a", "remoteRef": {"key": "b"}}]},
            {"data": [{"secretKey": "a", "remoteRef": {"key": "b", "decodingStrategy": "None"}}]},
        ),
        (
            ESO,
            "SecretStore",
            {"provider": {"vault": {"server": "https://a"}}},
            {"provider": {"vault": {"server": "https://a", "version": "v2"}}},
        ),
        (
            KYVERNO,
            "ClusterPolicy",
            _rule(verifyImages=[{"imageReferences": ["*"]}]),
            _rule(verifyImages=[{"imageReferences": ["*"], "mutateDigest": True, "required": True}]),
        ),
        (FLUX, "Kustomization", {"prune": True}, {"prune": True, "force": False}),
        (
            ADMIT,
            "ValidatingAdmissionPolicy",
            {"matchConstraints": {}},
            {"matchConstraints": {"matchPolicy": "Equivalent"}},
        ),
    ],
)
def test_what_a_definition_fills_in_is_no_drift(
    version: str, kind: str, before: dict[str, Any], now: dict[str, Any]
) -> None:
    """Defaults beside what Git says are counted, also where a row is about the part that they stand in."""
    pair = Pair(declared(thing(kind, version, spec=before)), live(thing(kind, version, spec=now)))
    assert examine(pair, WITH_FIELDS).drift == ()


CONSTRAINTS: Final = "SecurityContextConstraints"


@pytest.mark.parametrize(
    ("version", "kind", "before", "now", "severity"),
    [
        ("security.openshift.io/v1", CONSTRAINTS, {"runAsUser": {"type": "MustRunAsRange"}}, "RunAsAny", CRITICAL),
        ("security.openshift.io/v1", CONSTRAINTS, {"seLinuxContext": {"type": "MustRunAs"}}, "RunAsAny", HIGH),
        ("security.openshift.io/v1", CONSTRAINTS, {"volumes": ["secret"]}, ["secret", "hostPath"], HIGH),
        ("security.openshift.io/v1", CONSTRAINTS, {"requiredDropCapabilities": ["ALL"]}, [], HIGH),
        ("v1", "ConfigMap", {"data": {"users.anonymous.enabled": "false"}}, "true", CRITICAL),
        ("v1", "ConfigMap", {"data": {"oidc.config": "issuer: https://a"}}, "issuer: https://b", CRITICAL),
    ],
)
def test_fields_beside_a_specification_are_weighed_too(
    version: str, kind: str, before: dict[str, JSON], now: JSON, severity: Severity
) -> None:
    """Constraints of OpenShift have none, and Argo CD has its settings in a ConfigMap."""
    ((top, value),) = before.items()
    after = now if isinstance(now, list) else dict.fromkeys(value if isinstance(value, dict) else (), now)
    argo = {"metadata": {"name": "argocd-cm", "namespace": "argocd"}}
    (drift,) = examine(
        Pair(declared({**thing(kind, version), **argo, **before}), live({**thing(kind, version), **argo, top: after})),
        WITH_FIELDS,
    ).drift
    assert drift.severity is severity
