"""Which kinds of objects live in a namespace: what a default namespace is given to, and what it is not.

Sources: ``kubectl api-resources --namespaced=false`` of Kubernetes 1.35 for the built-in ones; for others the ``scope`` in
the CRDs that their projects publish. CRDs that a target itself brings are asked first (:func:`declared`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.model.json import Tree, mapping, text
from bot.model.resource import api_group

_BY_GROUP: Final = {
    "": "ComponentStatus Namespace Node PersistentVolume",
    "admissionregistration.k8s.io": "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration"
    " ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration",
    "apiextensions.k8s.io": "CustomResourceDefinition",
    "apiregistration.k8s.io": "APIService",
    "authentication.k8s.io": "SelfSubjectReview TokenReview",
    "authorization.k8s.io": "SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
    "certificates.k8s.io": "CertificateSigningRequest ClusterTrustBundle",
    "flowcontrol.apiserver.k8s.io": "FlowSchema PriorityLevelConfiguration",
    "internal.apiserver.k8s.io": "StorageVersion",
    "networking.k8s.io": "IPAddress IngressClass ServiceCIDR",
    "node.k8s.io": "RuntimeClass",
    "policy": "PodSecurityPolicy",
    "rbac.authorization.k8s.io": "ClusterRole ClusterRoleBinding",
    "resource.k8s.io": "DeviceClass DeviceTaintRule ResourceSlice",
    "scheduling.k8s.io": "PriorityClass",
    "storage.k8s.io": "CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass",
    "storagemigration.k8s.io": "StorageVersionMigration",
    # custom resources whose CRDs usually come from elsewhere
    "apiextensions.crossplane.io": "CompositeResourceDefinition Composition",
    "argoproj.io": "ClusterAnalysisTemplate ClusterWorkflowTemplate",
    "cert-manager.io": "ClusterIssuer",
    "cilium.io": "CiliumClusterwideNetworkPolicy CiliumL2AnnouncementPolicy CiliumLoadBalancerIPPool",
    "crd.projectcalico.org": "GlobalNetworkPolicy GlobalNetworkSet IPPool",
    "external-secrets.io": "ClusterExternalSecret ClusterPushSecret ClusterSecretStore",
    "gateway.networking.k8s.io": "GatewayClass",
    "karpenter.k8s.aws": "EC2NodeClass",
    "karpenter.sh": "NodeClaim NodePool",
    "kyverno.io": "ClusterCleanupPolicy ClusterPolicy",
    "pkg.crossplane.io": "Configuration Function Provider",
    "projectcalico.org": "GlobalNetworkPolicy GlobalNetworkSet IPPool",
    "snapshot.storage.k8s.io": "VolumeSnapshotClass VolumeSnapshotContent",
    "templates.gatekeeper.sh": "ConstraintTemplate",
    "trust.cert-manager.io": "Bundle",
}  # fmt: skip

CLUSTER_SCOPED: Final = frozenset((group, kind) for group, kinds in _BY_GROUP.items() for kind in kinds.split())
"""API group and kind of objects that live in no namespace."""


def declared(tree: Tree) -> tuple[tuple[str, str], bool] | None:
    """What a ``CustomResourceDefinition`` says: group and kind, and whether it lives in a namespace. None for others."""
    if text(tree.get("kind")) != "CustomResourceDefinition":
        return None
    spec = mapping(tree.get("spec"))
    kind = text(mapping(spec.get("names")).get("kind"))
    return (text(spec.get("group")), kind), spec.get("scope") != "Cluster"


def is_namespaced(tree: Tree, scopes: Mapping[tuple[str, str], bool]) -> bool:
    """Whether an object lives in a namespace. ``scopes`` is what CRDs said; a kind that nobody knows is taken to."""
    group = api_group(tree.get("apiVersion"))
    key = group, text(tree.get("kind"))
    if key in scopes:
        return scopes[key]
    return key not in CLUSTER_SCOPED and key[0] != "constraints.gatekeeper.sh"
