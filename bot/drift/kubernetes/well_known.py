"""Marks that controllers and tools leave on objects: present on healthy objects everywhere, and never drift.

Read by :mod:`bot.drift.kubernetes.objects`. A *trace* is left behind by what anybody does, so it never counts on either side;
*bookkeeping* counts only when a person wrote it; a *domain* of controllers is quiet only while nobody knows the writer
(a snapshot without ``managedFields``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from bot.drift.walk import Difference
from bot.model.json import JSON
from bot.model.paths import Item, Path


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


_TRACES: Final = _any_of(
    # Kubernetes: Well-Known Labels, Annotations and Taints
    r"kubectl\.kubernetes\.io/(last-applied-configuration|restartedAt)|kubernetes\.io/change-cause",
    r"deployment\.kubernetes\.io/.*|deprecated\.daemonset\.template\.generation|pod-template-(hash|generation)",
    r"control-plane\.alpha\.kubernetes\.io/leader|autoscaling\.alpha\.kubernetes\.io/(conditions|current-metrics)",
    r"pv\.kubernetes\.io/(bind-completed|bound-by-controller|provisioned-by)|volume\.kubernetes\.io/selected-node",
    r"volume(\.beta)?\.kubernetes\.io/storage-provisioner|kubernetes\.io/(metadata\.name|limit-ranger|created-by)",
    r"batch\.kubernetes\.io/.*|endpoints\.kubernetes\.io/.*",
    # labels of a Job's pods (Kubernetes: Jobs) and of revisions (staging/src/k8s.io/api/apps/v1/types.go)
    r"controller-uid|job-name|controller-revision-hash",
    # Argo Rollouts; Rancher's wrangler and its Ingress controller; Reloader
    r"rollouts-pod-template-hash|objectset\.rio\.cattle\.io/.*|field\.cattle\.io/publicEndpoints",
    r"reloader\.stakater\.com/last-reloaded-from",
    # Istio: Resource Annotations; Calico; the network-status of Multus; GKE: container-native load balancing
    r"sidecar\.istio\.io/status|cni\.projectcalico\.org/(podIPs?|containerID)",
    r"k8s\.v1\.cni\.cncf\.io/network-?s?-status|cloud\.google\.com/neg-status",
    # Flux: requests to reconcile (its components' docs, "Triggering a reconcile"); Argo CD: to refresh (its docs,
    # "Annotations and Labels used by Argo CD")
    r"reconcile\.fluxcd\.io/(requestedAt|forceAt|resetAt)|argocd\.argoproj\.io/(refresh|hydrate)",
    # Vault: Agent Injector annotations; our own
    r"vault\.hashicorp\.com/agent-inject-status|clockwork\.dev/.*",
)
_CONTROLLER_NOTES: Final = _any_of(
    # Kubernetes: Well-Known Labels, Annotations and Taints
    r"kubectl\.kubernetes\.io/default-container|autoscaling\.alpha\.kubernetes\.io/.*",
    r"(pv|volume(\.beta)?)\.kubernetes\.io/.*|(statefulset|apps)\.kubernetes\.io/.*",
    # Helm: who installed it; Rancher; Argo Rollouts; Flux: labels of what its controllers applied
    r"meta\.helm\.sh/.*|field\.cattle\.io/.*|rollout\.argoproj\.io/.*",
    r"(kustomize|helm|source)\.toolkit\.fluxcd\.io/.*",
    # Argo CD: what it tracks its objects by (its docs, "Resource Tracking")
    r"argocd\.argoproj\.io/(tracking-id|instance|installation-id)",
    # GKE, Calico, Multus; the checksum of a chart's configuration (Helm: Chart Development Tips and Tricks)
    r"cloud\.google\.com/neg|cni\.projectcalico\.org/.*|k8s\.v1\.cni\.cncf\.io/.*|checksum/.*",
    # what the GCE ingress controller made for an Ingress (kubernetes/ingress-gce)
    r"ingress\.kubernetes\.io/((https-)?(forwarding-rule|target-proxy)|backends|(redirect-)?url-map|ssl-cert|static-ip)",
)
_CONFIGURATION: Final = _any_of(
    r"(.*\.)?ingress\.kubernetes\.io/.*",
    # Kubernetes: Restrict a Container's Access to Resources with AppArmor; ... Syscalls with seccomp
    r"container\.apparmor\.security\.beta\.kubernetes\.io/.*|(container\.)?seccomp\.security\.alpha\.kubernetes\.io/.*",
    # KEDA: Pause autoscaling; Argo CD: Annotations and Labels used by Argo CD; Helm: Chart Hooks, resource policies; Flux:
    # Kustomization; cert-manager: Annotated Ingress resource
    r"autoscaling\.keda\.sh/paused(-.*)?|argocd\.argoproj\.io/(sync-.*|compare-options|hook.*|skip-reconcile|manifest-.*)",
    r"helm\.sh/(hook.*|resource-policy)|kustomize\.toolkit\.fluxcd\.io/(prune|reconcile|ssa|force)",
    r"cert-manager\.io/(cluster-issuer|issuer|issuer-kind|issuer-group|common-name|duration|renew-before|usages)",
    # Cluster Autoscaler: FAQ; Karpenter: Disruption; ExternalDNS: annotations; Istio and Linkerd: injection
    r"cluster-autoscaler\.kubernetes\.io/(safe-to-evict.*|scale-down-disabled)|karpenter\.sh/do-not-(disrupt|evict)",
    r"external-dns\.alpha\.kubernetes\.io/.*|(traffic\.)?sidecar\.istio\.io/(?!status).*|(config\.)?linkerd\.io/(inject|.*skip.*)",
    # Kubernetes: pod deletion cost, topology-aware routing; Reloader; Vault Agent Injector
    r"controller\.kubernetes\.io/pod-deletion-cost|service\.kubernetes\.io/topology-(mode|aware-hints)",
    r"((configmap|secret)\.)?reloader\.stakater\.com/(auto|search|match|reload)|vault\.hashicorp\.com/(?!agent-inject-status).*",
)
"""In a domain of controllers, and yet only ever read by them: what is there, a person or Git has put there."""
_DOMAINS: Final = re.compile(
    r"(.*\.)?(kubernetes\.io|k8s\.io|helm\.sh|argoproj\.io|fluxcd\.io|cattle\.io|istio\.io|linkerd\.io|cert-manager\.io"
    r"|openshift\.io|gke\.io|google\.com|amazonaws\.com|azure\.com|stakater\.com|keda\.sh|hashicorp\.com|datadoghq\.com"
    r"|dynatrace\.com|prometheus\.io|coreos\.com|projectcalico\.org|cilium\.io|cncf\.io|kyverno\.io|gatekeeper\.sh"
    r"|rancher\.io|external-secrets\.io|crossplane\.io|operatorframework\.io|bitnami\.com|traefik\.io|nginx\.org"
    r"|vmware\.com|toolkit\.fluxcd\.io|weave\.works|velero\.io|longhorn\.io|rook\.io)/.*"
)
"""By their domain (Kubernetes: the prefixes ``kubernetes.io/`` and ``k8s.io/`` are reserved for core components); the others
are the domains of widespread controllers.
"""
_INJECTED_NAMES: Final = re.compile(
    r"kube-api-access-\w+|default-token-\w+|istio-(proxy|init|envoy|data|podinfo|token|certs?)|istiod-ca-cert|linkerd-.*"
    r"|vault-agent(-init)?|vault-secrets|home-(init|sidecar)|workload-(socket|certs)|credential-socket|aws-iam-token"
    r"|azure-identity-token|datadog.*|oneagent.*|cilium-.*|envoy-sidecar.*|consul-.*|dapr.*|opentelemetry-.*"
)
"""Sidecars, volumes and tokens as their admission webhooks name them: kube-api-access-… is the admission plug-in
ServiceAccount's (``plugin/pkg/admission/serviceaccount/admission.go``), the others are the documented names of Istio,
Linkerd, Vault, AWS, Azure, Datadog, Dynatrace, Cilium, Envoy, Consul, Dapr and OpenTelemetry.
"""
_SERVICE_ACCOUNT: Final = "/var/run/secrets/"
_NOTES: Final = (("labels",), ("annotations",))


def is_trace(path: Path) -> bool:
    """Whether a label or annotation only records what a tool or a controller did on the way."""
    return path[-2:-1] in _NOTES and bool(_TRACES.fullmatch(str(path[-1])))


def is_bookkeeping(path: Path, value: JSON) -> bool:
    """Whether a label or annotation is a controller's note, which a person would hardly write."""
    if path[-2:-1] not in _NOTES:
        return False
    return bool(_CONTROLLER_NOTES.fullmatch(str(path[-1]))) or (path, value) == _HELM_S


_HELM_S: Final[tuple[Path, JSON]] = (("metadata", "labels", "app.kubernetes.io/managed-by"), "Helm")
"""Helm puts it on every object of a release (``setMetadataVisitor`` in its ``pkg/action/validate.go``)."""


def injected(difference: Difference) -> bool:
    """Whether something of unknown writer looks as admission controllers and agents write it: mesh sidecars, tokens,
    variables from the downward API, labels and annotations in a controller's domain.
    """
    last = difference.location.path[-1]
    if isinstance(last, Item):
        if last.key.startswith(_SERVICE_ACCOUNT) or _INJECTED_NAMES.fullmatch(last.key):
            return True
        return last.key.startswith("node.kubernetes.io/") or _from_downward_api(difference.observed)
    if difference.location.path[-2:-1] not in _NOTES or _CONFIGURATION.fullmatch(str(last)):
        return False
    return bool(_DOMAINS.fullmatch(str(last)))


def _from_downward_api(element: JSON) -> bool:
    """What a variable or an injected mount gets from the pod itself is the agents' way, hardly a person's."""
    if not isinstance(element, (dict, Mapping)):
        return False
    source = element.get("valueFrom")
    if isinstance(source, (dict, Mapping)):
        return "fieldRef" in source or "resourceFieldRef" in source
    mounted = element.get("name")
    return "mountPath" in element and isinstance(mounted, str) and bool(_INJECTED_NAMES.fullmatch(mounted))
