"""What the API server fills in means the same as its absence: one row for each default of the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bot.drift.walk import walk
from bot.model.json import Tree
from tests.drift.test_kubernetes_fields import of
from tests.table import table

POD = "spec.template.spec"
CONTAINER = f"{POD}.containers[]"
HTTP = f"{CONTAINER}.livenessProbe.httpGet"
QUARTERS = {"maxSurge": "25%", "maxUnavailable": "25%"}
ONE_BY_ONE = {"maxSurge": 0, "maxUnavailable": 1}
SESSIONS = {"clientIP": {"timeoutSeconds": 10800}}

DEFAULTS: Final[list[tuple[str, str, Tree, Tree]]] = [
    ("Deployment", "spec", {}, {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}),
    ("Deployment", "spec", {}, {"strategy": {"type": "RollingUpdate", "rollingUpdate": QUARTERS}}),
    ("Deployment", "spec.strategy", {}, {"type": "RollingUpdate", "rollingUpdate": QUARTERS}),
    ("Deployment", "spec.strategy", {"type": "RollingUpdate"}, {"rollingUpdate": QUARTERS}),
    ("Deployment", "spec.strategy.rollingUpdate", {}, QUARTERS),
    ("DaemonSet", "spec", {}, {"revisionHistoryLimit": 10}),
    ("DaemonSet", "spec", {}, {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": ONE_BY_ONE}}),
    ("DaemonSet", "spec.updateStrategy", {}, {"type": "RollingUpdate", "rollingUpdate": ONE_BY_ONE}),
    ("DaemonSet", "spec.updateStrategy.rollingUpdate", {}, ONE_BY_ONE),
    ("StatefulSet", "spec", {}, {"replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady"}),
    ("StatefulSet", "spec", {}, {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}}),
    ("StatefulSet", "spec.updateStrategy", {}, {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}),
    ("StatefulSet", "spec.updateStrategy.rollingUpdate", {}, {"partition": 0, "maxUnavailable": 1}),
    (
        "StatefulSet",
        "spec",
        {},
        {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"}},
    ),
    ("StatefulSet", "spec.persistentVolumeClaimRetentionPolicy", {}, {"whenDeleted": "Retain", "whenScaled": "Retain"}),
    ("ReplicaSet", "spec", {}, {"replicas": 1}),
    ("ReplicationController", "spec", {}, {"replicas": 1}),
    ("ReplicationController", "spec", {"template": {"metadata": {"labels": {"a": "1"}}}}, {"selector": {"a": "1"}}),
    ("Job", "spec", {}, {"backoffLimit": 6, "parallelism": 1, "completions": 1, "completionMode": "NonIndexed"}),
    ("Job", "spec", {}, {"suspend": False, "manualSelector": False, "podReplacementPolicy": "TerminatingOrFailed"}),
    ("Job", "spec", {"parallelism": 1}, {"completions": 1}),
    ("Job", "spec", {"podFailurePolicy": {"rules": [1]}}, {"podReplacementPolicy": "Failed"}),
    ("CronJob", "spec", {}, {"concurrencyPolicy": "Allow", "suspend": False}),
    ("CronJob", "spec", {}, {"successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1}),
    (
        "Deployment",
        POD,
        {},
        {"dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler"},
    ),
    ("Deployment", POD, {}, {"terminationGracePeriodSeconds": 30, "securityContext": {}, "enableServiceLinks": True}),
    ("Deployment", POD, {}, {"serviceAccountName": "default"}),
    ("Deployment", POD, {"serviceAccount": "robot"}, {"serviceAccountName": "robot"}),
    ("Deployment", POD, {"serviceAccountName": "robot"}, {"serviceAccount": "robot"}),
    ("Deployment", CONTAINER, {"image": "a"}, {"imagePullPolicy": "Always"}),
    ("Deployment", CONTAINER, {"image": "a:latest"}, {"imagePullPolicy": "Always"}),
    ("Deployment", CONTAINER, {"image": "a:1"}, {"imagePullPolicy": "IfNotPresent"}),
    ("Deployment", CONTAINER, {"image": f"a:latest@sha256:{'a' * 64}"}, {"imagePullPolicy": "IfNotPresent"}),
    (
        "Deployment",
        CONTAINER,
        {},
        {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"},
    ),
    ("Deployment", f"{CONTAINER}.securityContext", {}, {"procMount": "Default"}),
    (
        "Deployment",
        f"{CONTAINER}.livenessProbe",
        {},
        {"failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1},
    ),
    ("Deployment", f"{CONTAINER}.livenessProbe", {}, {"timeoutSeconds": 1, "initialDelaySeconds": 0}),
    ("Deployment", HTTP, {}, {"scheme": "HTTP", "path": "/"}),
    ("Deployment", f"{CONTAINER}.ports[]", {}, {"protocol": "TCP"}),
    ("Deployment", f"{CONTAINER}.env[].valueFrom.fieldRef", {}, {"apiVersion": "v1"}),
    ("Deployment", f"{CONTAINER}.env[].valueFrom.resourceFieldRef", {}, {"divisor": "0"}),
    ("Deployment", f"{POD}.tolerations[]", {}, {"operator": "Equal"}),
    (
        "Deployment",
        f"{POD}.topologySpreadConstraints[]",
        {},
        {"nodeAffinityPolicy": "Honor", "nodeTaintsPolicy": "Ignore"},
    ),
    ("Deployment", f"{POD}.volumes[]", {"name": "v"}, {"emptyDir": {}}),
    ("Deployment", f"{POD}.volumes[].configMap", {}, {"defaultMode": 420}),
    ("Deployment", f"{POD}.volumes[].secret", {}, {"defaultMode": 420}),
    ("Deployment", f"{POD}.volumes[].projected", {}, {"defaultMode": 420}),
    ("Deployment", f"{POD}.volumes[].downwardAPI", {}, {"defaultMode": 420}),
    ("Deployment", f"{POD}.volumes[].projected.sources[].serviceAccountToken", {}, {"expirationSeconds": 3600}),
    ("Deployment", f"{POD}.volumes[].hostPath", {}, {"type": ""}),
    ("Deployment", f"{POD}.volumes[].iscsi", {}, {"iscsiInterface": "default"}),
    ("Deployment", f"{POD}.volumes[].rbd", {}, {"pool": "rbd", "keyring": "/etc/ceph/keyring"}),
    ("Deployment", f"{POD}.volumes[].azureDisk", {}, {"cachingMode": "ReadWrite", "kind": "Shared"}),
    ("Deployment", f"{POD}.volumes[].scaleIO", {}, {"storageMode": "ThinProvisioned"}),
    ("Service", "spec", {}, {"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster"}),
    ("Service", "spec", {}, {"ipFamilyPolicy": "SingleStack"}),
    ("Service", "spec", {"sessionAffinity": "ClientIP"}, {"sessionAffinityConfig": SESSIONS}),
    ("Service", "spec.sessionAffinityConfig.clientIP", {}, {"timeoutSeconds": 10800}),
    ("Service", "spec", {"type": "NodePort"}, {"externalTrafficPolicy": "Cluster"}),
    ("Service", "spec", {"type": "LoadBalancer"}, {"externalTrafficPolicy": "Cluster"}),
    ("Service", "spec", {"type": "LoadBalancer"}, {"allocateLoadBalancerNodePorts": True}),
    ("Service", "spec", {"externalIPs": ["10.0.0.1"]}, {"externalTrafficPolicy": "Cluster"}),
    ("Service", "spec.ports[]", {"port": 80}, {"protocol": "TCP", "targetPort": 80}),
    ("Secret", "", {}, {"type": "Opaque"}),
    ("PersistentVolumeClaim", "spec", {}, {"volumeMode": "Filesystem"}),
    ("PersistentVolume", "spec", {}, {"volumeMode": "Filesystem", "persistentVolumeReclaimPolicy": "Retain"}),
    ("Endpoints", "subsets[].ports[]", {}, {"protocol": "TCP"}),
    ("RoleBinding", "roleRef", {}, {"apiGroup": "rbac.authorization.k8s.io"}),
    ("RoleBinding", "subjects[]", {"kind": "User"}, {"apiGroup": "rbac.authorization.k8s.io"}),
    ("RoleBinding", "subjects[]", {"kind": "ServiceAccount"}, {"apiGroup": ""}),
    ("NetworkPolicy", "spec", {}, {"policyTypes": ["Ingress"]}),
    ("NetworkPolicy", "spec", {"egress": [{}]}, {"policyTypes": ["Ingress", "Egress"]}),
    ("NetworkPolicy", "spec.ingress[].ports[]", {}, {"protocol": "TCP"}),
    ("Ingress", "spec.rules[].http.paths[]", {}, {"pathType": "ImplementationSpecific"}),
    ("HorizontalPodAutoscaler", "spec", {}, {"minReplicas": 1}),
    ("MutatingWebhookConfiguration", "webhooks[]", {}, {"namespaceSelector": {}, "objectSelector": {}}),
    ("MutatingWebhookConfiguration", "webhooks[]", {}, {"reinvocationPolicy": "Never", "failurePolicy": "Fail"}),
    ("MutatingWebhookConfiguration", "webhooks[]", {}, {"matchPolicy": "Equivalent", "timeoutSeconds": 10}),
    ("MutatingWebhookConfiguration", "webhooks[].rules[]", {}, {"scope": "*"}),
    ("MutatingWebhookConfiguration", "webhooks[].clientConfig.service", {}, {"port": 443}),
    ("APIService", "spec", {}, {"insecureSkipTLSVerify": False}),
    ("CustomResourceDefinition", "spec", {}, {"conversion": {"strategy": "None"}}),
    (
        "StorageClass",
        "",
        {},
        {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate", "allowVolumeExpansion": False},
    ),
]

OTHERS: Final[list[tuple[str, str, Tree, Tree]]] = [
    ("Job", "spec", {"parallelism": 2}, {"completions": 1}),
    ("Job", "spec", {"podFailurePolicy": {"rules": [1]}}, {"podReplacementPolicy": "TerminatingOrFailed"}),
    ("Deployment", f"{POD}.volumes[]", {"hostPath": {"path": "/"}}, {"emptyDir": {"medium": "Memory"}}),
    ("Deployment", POD, {"serviceAccount": "robot"}, {"serviceAccountName": "default"}),
    ("Service", "spec", {"type": "ClusterIP"}, {"externalTrafficPolicy": "Cluster"}),
    ("Service", "spec", {"type": "NodePort"}, {"allocateLoadBalancerNodePorts": True}),
    ("NetworkPolicy", "spec", {"egress": [{}]}, {"policyTypes": ["Ingress"]}),
    ("NetworkPolicy", "spec", {}, {"policyTypes": ["Ingress", "Egress"]}),
    ("RoleBinding", "subjects[]", {"kind": "User"}, {"apiGroup": "x"}),
]
"""Where a field means something else by its absence, since what stands beside it is other."""


def objects(path: str, beside: Tree, fields: Tree) -> Iterator[tuple[Tree, Tree]]:
    """An object that says nothing of each of ``fields`` and one that does; and one that says all of them."""
    for said in [{field: value} for field, value in fields.items()] + [fields]:
        yield _at(path, beside), _at(path, {**beside, **said})


def _at(path: str, tree: Tree) -> Tree:
    head, _, rest = path.partition(".")
    if not head:
        return tree
    name, inner = head.removesuffix("[]"), _at(rest, tree)
    return {name: [inner] if name != head else inner}


@table(("kind", "path", "beside", "fields"), DEFAULTS)
def test_a_default_says_what_its_absence_says(kind: str, path: str, beside: Tree, fields: Tree) -> None:
    """On either side, each alone and all together."""
    for silent, spoken in objects(path, beside, fields):
        assert walk(silent, spoken, of(kind), filled=True) == walk(spoken, silent, of(kind), filled=True) == []


@table(("kind", "path", "beside", "fields"), DEFAULTS)
def test_another_value_says_something_else(kind: str, path: str, beside: Tree, fields: Tree) -> None:
    """Whatever the server would have filled in."""
    for field in fields:
        ((silent, spoken), _) = objects(path, beside, {field: "another"})
        assert walk(spoken, silent, of(kind))


@table(("kind", "path", "beside", "fields"), OTHERS)
def test_a_default_depends_on_what_stands_beside_it(kind: str, path: str, beside: Tree, fields: Tree) -> None:
    """With other words beside it, the same value says something."""
    for silent, spoken in objects(path, beside, fields):
        assert walk(spoken, silent, of(kind))


def test_the_old_name_of_an_account_counts_where_the_new_one_is_not_said() -> None:
    """Another account in the old field is another account."""
    said, old = (
        _at(POD, {key: name}) for key, name in (("serviceAccountName", "default"), ("serviceAccount", "robot"))
    )
    assert [difference.desired for difference in walk(said, old, of("Deployment"))] == ["default"]
