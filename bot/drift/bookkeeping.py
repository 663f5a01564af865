"""Marks that controllers and tools leave on objects: present on healthy objects everywhere, and never drift.

Read by :mod:`bot.drift.kubernetes`. A key here is bookkeeping whoever wrote it; a *domain* of controllers counts only
while nobody knows the writer (a snapshot without ``managedFields``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from bot.drift.walk import Finding
from bot.model.resource import JSON, Item

_BOOKKEEPING: Final = re.compile(
    r"kubectl\.kubernetes\.io/(last-applied-configuration|restartedAt|default-container)"
    r"|deployment\.kubernetes\.io/.*|deprecated\.daemonset\.template\.generation|kubernetes\.io/change-cause"
    r"|control-plane\.alpha\.kubernetes\.io/leader|autoscaling\.alpha\.kubernetes\.io/.*"
    r"|(pv|volume(\.beta)?)\.kubernetes\.io/.*|batch\.kubernetes\.io/.*|controller-uid|job-name|pod-template-hash"
    r"|pod-template-generation|controller-revision-hash|statefulset\.kubernetes\.io/.*|apps\.kubernetes\.io/.*"
    r"|kubernetes\.io/(metadata\.name|limit-ranger|created-by)|endpoints\.kubernetes\.io/.*"
    r"|meta\.helm\.sh/.*|objectset\.rio\.cattle\.io/.*|field\.cattle\.io/.*|rollouts-pod-template-hash"
    r"|rollout\.argoproj\.io/.*|(kustomize|helm|source)\.toolkit\.fluxcd\.io/.*|cloud\.google\.com/neg(-status)?"
    r"|reloader\.stakater\.com/last-reloaded-from|sidecar\.istio\.io/status|ingress\.kubernetes\.io/.*"
    r"|cni\.projectcalico\.org/.*|k8s\.v1\.cni\.cncf\.io/.*|checksum/.*|vault\.hashicorp\.com/agent-inject-status"
    r"|clockwork\.dev/.*"
)
_DOMAINS: Final = re.compile(
    r"(.*\.)?(kubernetes\.io|k8s\.io|helm\.sh|argoproj\.io|fluxcd\.io|cattle\.io|istio\.io|linkerd\.io|cert-manager\.io"
    r"|openshift\.io|gke\.io|google\.com|amazonaws\.com|azure\.com|stakater\.com|keda\.sh|hashicorp\.com|datadoghq\.com"
    r"|dynatrace\.com|prometheus\.io|coreos\.com|projectcalico\.org|cilium\.io|cncf\.io|kyverno\.io|gatekeeper\.sh"
    r"|rancher\.io|external-secrets\.io|crossplane\.io|operatorframework\.io|bitnami\.com|traefik\.io|nginx\.org"
    r"|vmware\.com|toolkit\.fluxcd\.io|weave\.works|velero\.io|longhorn\.io|rook\.io)/.*"
)
_INJECTED_NAMES: Final = re.compile(
    r"kube-api-access-\w+|default-token-\w+|istio-(proxy|init|envoy|data|podinfo|token|certs?)|istiod-ca-cert|linkerd-.*"
    r"|vault-agent(-init)?|vault-secrets|home-(init|sidecar)|workload-(socket|certs)|credential-socket|aws-iam-token"
    r"|azure-identity-token|datadog.*|oneagent.*|cilium-.*|envoy-sidecar.*|consul-.*|dapr.*|opentelemetry-.*"
)
_SERVICE_ACCOUNT: Final = "/var/run/secrets/"


def is_bookkeeping(key: str) -> bool:
    """Whether a label or annotation only records what a tool did."""
    return bool(_BOOKKEEPING.fullmatch(key))


def injected(finding: Finding) -> bool:
    """Whether something of unknown writer looks as admission controllers and agents write it: mesh sidecars, tokens,
    variables from the downward API, labels and annotations in a controller's domain.
    """
    last = finding.place.path[-1]
    if isinstance(last, Item):
        if last.key.startswith(_SERVICE_ACCOUNT) or _INJECTED_NAMES.fullmatch(last.key):
            return True
        return last.key.startswith("node.kubernetes.io/") or _from_downward_api(finding.observed)
    around = finding.place.path[-2:-1]
    return around in {("labels",), ("annotations",)} and bool(_DOMAINS.fullmatch(str(last)))


def _from_downward_api(element: JSON) -> bool:
    """What a variable or an injected mount gets from the pod itself is the agents' way, hardly a person's."""
    if not isinstance(element, (dict, Mapping)):
        return False
    source = element.get("valueFrom")
    if isinstance(source, (dict, Mapping)):
        return "fieldRef" in source or "resourceFieldRef" in source
    mounted = element.get("name")
    return "mountPath" in element and isinstance(mounted, str) and bool(_INJECTED_NAMES.fullmatch(mounted))
