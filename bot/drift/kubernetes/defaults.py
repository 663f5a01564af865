"""What an absent Kubernetes field means: the values that the API server fills in, by type, each with its source.

Read by :mod:`bot.drift.kubernetes.kinds`. A source ``core/v1 SetDefaults_Probe`` is that function in
``kubernetes/pkg/apis/core/v1/defaults.go`` (other groups likewise); other sources are named in full. Feature-gated
defaults are listed where any supported release fills them in.
"""

from __future__ import annotations

from typing import Final

from bot.drift import images
from bot.drift.shapes import Default, Defaults
from bot.model.json import JSON, Tree, get, mapping


def _pull_policy(container: Tree) -> JSON:
    """``Always`` for ``:latest`` without a digest, else ``IfNotPresent``."""
    reference = container.get("image")
    parsed = images.parse(reference) if isinstance(reference, str) else None
    return "Always" if parsed is not None and parsed.tag == "latest" and not parsed.digest else "IfNotPresent"


def _rolling(value: JSON) -> Default:
    """Only where the strategy is a rolling update, which is also the default type."""
    return Default(
        "apps/v1 SetDefaults_Deployment",
        derive=lambda strategy: value if strategy.get("type") in {None, "", "RollingUpdate"} else None,
    )


def _other(field: str, source: str) -> Default:
    """The same as the field beside it."""
    return Default(source, derive=lambda parent: parent.get(field))


def _policy_types(spec: Tree) -> JSON:
    return ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _traffic_policy(spec: Tree) -> JSON:
    external = spec.get("type") in {"NodePort", "LoadBalancer"} or spec.get("externalIPs")
    return "Cluster" if external else None


def _sessions(spec: Tree) -> JSON:
    return {"clientIP": {"timeoutSeconds": 10800}} if spec.get("sessionAffinity") == "ClientIP" else None


def _completions(spec: Tree) -> JSON:
    return 1 if spec.get("parallelism") in {None, 1} else None


def _source_of(volume: Tree) -> JSON:
    """A volume of which nothing but the name is said is an empty folder."""
    return {} if set(volume) <= {"name"} else None


def _account(pod: Tree) -> JSON:
    return None if "serviceAccountName" in pod else pod.get("serviceAccount") or "default"


def _template_labels(spec: Tree) -> JSON:
    template = mapping(spec.get("template"))
    return get(template, "metadata", "labels")


def _by_verb(subject: Tree) -> JSON:
    return "" if subject.get("kind") == "ServiceAccount" else "rbac.authorization.k8s.io"


_CORE: Final = "core/v1 SetDefaults_"
_MODE: Final = Default(f"{_CORE}ConfigMapVolumeSource", 420)
_JOB: Final = "batch/v1 SetDefaults_Job"
_DEPLOY: Final = "apps/v1 SetDefaults_Deployment"
_STATEFUL: Final = "apps/v1 SetDefaults_StatefulSet"
_DAEMON: Final = "apps/v1 SetDefaults_DaemonSet"
_HOOKS: Final = "admissionregistration/v1 SetDefaults_"
_RBAC: Final = "rbac/v1 SetDefaults_"

_QUARTERS: Final = {"maxSurge": "25%", "maxUnavailable": "25%"}
_ONE_BY_ONE: Final = {"maxSurge": 0, "maxUnavailable": 1}

DEFAULTS: Final[Defaults] = {
    "Container": {
        "imagePullPolicy": Default(f"{_CORE}Container", derive=_pull_policy),
        "terminationMessagePath": Default(f"{_CORE}Container", "/dev/termination-log"),
        "terminationMessagePolicy": Default(f"{_CORE}Container", "File"),
    },
    "Probe": {
        "failureThreshold": Default(f"{_CORE}Probe", 3),
        "periodSeconds": Default(f"{_CORE}Probe", 10),
        "successThreshold": Default(f"{_CORE}Probe", 1),
        "timeoutSeconds": Default(f"{_CORE}Probe", 1),
        "initialDelaySeconds": Default("core/v1 types.go, Probe: zero when absent", 0),
    },
    "HTTPGet": {
        "scheme": Default(f"{_CORE}HTTPGetAction", "HTTP"),
        "path": Default(f"{_CORE}HTTPGetAction", "/"),
    },
    "ContainerPort": {
        "protocol": Default("core/v1 openapi, ContainerPort.protocol", "TCP"),
        "hostPort": Default(
            "core/v1 defaultHostNetworkPorts: containerPort on the host's network, see bot.drift.kubernetes.conversion"
        ),
    },
    "Resources": {
        "requests": Default(f"{_CORE}Pod: the limits, in bare pods alone, see bot.drift.kubernetes.conversion")
    },
    "Volume": {"emptyDir": Default(f"{_CORE}Volume", derive=_source_of)},
    "FieldRef": {"apiVersion": Default(f"{_CORE}ObjectFieldSelector", "v1")},
    "ResourceFieldRef": {"divisor": Default("core/v1 types.go, ResourceFieldSelector.divisor", "0")},
    "SecurityContext": {"procMount": Default(f"{_CORE}SecurityContext", "Default")},
    "PodSpec": {
        "dnsPolicy": Default(f"{_CORE}PodSpec", "ClusterFirst"),
        "restartPolicy": Default(f"{_CORE}PodSpec", "Always"),
        "schedulerName": Default(f"{_CORE}PodSpec", "default-scheduler"),
        "terminationGracePeriodSeconds": Default(f"{_CORE}PodSpec", 30),
        "enableServiceLinks": Default(f"{_CORE}Pod", True),
        "securityContext": Default(f"{_CORE}PodSpec", {}),
        "serviceAccountName": Default(
            "core/v1 conversion.go, deprecated serviceAccount; else DefaultServiceAccountName of the admission plug-in "
            "ServiceAccount (plugin/pkg/admission/serviceaccount/admission.go)",
            derive=_account,
        ),
        "serviceAccount": _other("serviceAccountName", "core/v1 conversion.go, deprecated serviceAccount"),
    },
    "TopologySpread": {
        "nodeAffinityPolicy": Default("core/v1 types.go, TopologySpreadConstraint", "Honor"),
        "nodeTaintsPolicy": Default("core/v1 types.go, TopologySpreadConstraint", "Ignore"),
    },
    "KeyedFiles": {"defaultMode": _MODE},
    "Projected": {"defaultMode": _MODE},
    "DownwardFiles": {"defaultMode": _MODE},
    "TokenFile": {"expirationSeconds": Default(f"{_CORE}ServiceAccountTokenProjection", 3600)},
    "HostPath": {"type": Default(f"{_CORE}HostPathVolumeSource", "")},
    "VolumeSourceDefaults": {
        "iscsiInterface": Default(f"{_CORE}ISCSIVolumeSource", "default"),
        "pool": Default(f"{_CORE}RBDVolumeSource", "rbd"),
        "keyring": Default(f"{_CORE}RBDVolumeSource", "/etc/ceph/keyring"),
        "cachingMode": Default(f"{_CORE}AzureDiskVolumeSource", "ReadWrite"),
        "kind": Default(f"{_CORE}AzureDiskVolumeSource", "Shared"),
        "storageMode": Default(f"{_CORE}ScaleIOVolumeSource", "ThinProvisioned"),
    },
    "Strategy": {
        "type": Default(_DEPLOY, "RollingUpdate"),
        "rollingUpdate": _rolling(_QUARTERS),
    },
    "RollingUpdate": {"maxSurge": Default(_DEPLOY, "25%"), "maxUnavailable": Default(_DEPLOY, "25%")},
    "DeploymentSpec": {
        "replicas": Default(_DEPLOY, 1),
        "revisionHistoryLimit": Default(_DEPLOY, 10),
        "progressDeadlineSeconds": Default(_DEPLOY, 600),
        "strategy": Default(_DEPLOY, {"type": "RollingUpdate", "rollingUpdate": _QUARTERS}),
    },
    "DaemonSetSpec": {
        "revisionHistoryLimit": Default(_DAEMON, 10),
        "updateStrategy": Default(_DAEMON, {"type": "RollingUpdate", "rollingUpdate": _ONE_BY_ONE}),
    },
    "DaemonSetStrategy": {
        "type": Default(_DAEMON, "RollingUpdate"),
        "rollingUpdate": _rolling(_ONE_BY_ONE),
    },
    "DaemonSetRollingUpdate": {"maxSurge": Default(_DAEMON, 0), "maxUnavailable": Default(_DAEMON, 1)},
    "StatefulSetSpec": {
        "replicas": Default(_STATEFUL, 1),
        "revisionHistoryLimit": Default(_STATEFUL, 10),
        "podManagementPolicy": Default(_STATEFUL, "OrderedReady"),
        "updateStrategy": Default(_STATEFUL, {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}),
        "persistentVolumeClaimRetentionPolicy": Default(_STATEFUL, {"whenDeleted": "Retain", "whenScaled": "Retain"}),
    },
    "RetentionPolicy": {"whenDeleted": Default(_STATEFUL, "Retain"), "whenScaled": Default(_STATEFUL, "Retain")},
    "StatefulSetStrategy": {
        "type": Default(_STATEFUL, "RollingUpdate"),
        "rollingUpdate": _rolling({"partition": 0}),
    },
    "StatefulSetRollingUpdate": {"partition": Default(_STATEFUL, 0), "maxUnavailable": Default(_STATEFUL, 1)},
    "ReplicaSetSpec": {"replicas": Default("apps/v1 SetDefaults_ReplicaSet", 1)},
    "ReplicationControllerSpec": {
        "replicas": Default(f"{_CORE}ReplicationController", 1),
        "selector": Default(f"{_CORE}ReplicationController", derive=_template_labels),
    },
    "JobSpec": {
        "backoffLimit": Default(_JOB, 6),
        "parallelism": Default(_JOB, 1),
        "completions": Default(_JOB, derive=_completions),
        "completionMode": Default(_JOB, "NonIndexed"),
        "suspend": Default(_JOB, False),
        "manualSelector": Default("batch/v1 types.go, JobSpec.manualSelector", False),
        "podReplacementPolicy": Default(
            _JOB, derive=lambda spec: "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed"
        ),
    },
    "CronJobSpec": {
        "concurrencyPolicy": Default("batch/v1 SetDefaults_CronJob", "Allow"),
        "suspend": Default("batch/v1 SetDefaults_CronJob", False),
        "successfulJobsHistoryLimit": Default("batch/v1 SetDefaults_CronJob", 3),
        "failedJobsHistoryLimit": Default("batch/v1 SetDefaults_CronJob", 1),
    },
    "ServiceSpec": {
        "type": Default(f"{_CORE}Service", "ClusterIP"),
        "sessionAffinity": Default(f"{_CORE}Service", "None"),
        "sessionAffinityConfig": Default(f"{_CORE}Service", derive=_sessions),
        "ipFamilyPolicy": Default("registry/core/service defaultOnWrite: SingleStack of one family", "SingleStack"),
        "internalTrafficPolicy": Default(f"{_CORE}Service", "Cluster"),
        "externalTrafficPolicy": Default(f"{_CORE}Service", derive=_traffic_policy),
        "allocateLoadBalancerNodePorts": Default(
            f"{_CORE}Service", derive=lambda spec: True if spec.get("type") == "LoadBalancer" else None
        ),
    },
    "ClientIP": {"timeoutSeconds": Default(f"{_CORE}Service", 10800)},
    "ServicePort": {
        "protocol": Default(f"{_CORE}Service", "TCP"),
        "targetPort": _other("port", f"{_CORE}Service"),
    },
    "Secret": {"type": Default(f"{_CORE}Secret", "Opaque")},
    "ClaimSpec": {"volumeMode": Default(f"{_CORE}PersistentVolumeClaimSpec", "Filesystem")},
    "PersistentVolumeSpec": {
        "persistentVolumeReclaimPolicy": Default(f"{_CORE}PersistentVolume", "Retain"),
        "volumeMode": Default(f"{_CORE}PersistentVolume", "Filesystem"),
    },
    "EndpointPort": {"protocol": Default(f"{_CORE}Endpoints", "TCP")},
    "RoleRef": {"apiGroup": Default(f"{_RBAC}RoleBinding", "rbac.authorization.k8s.io")},
    "Subject": {"apiGroup": Default(f"{_RBAC}Subject", derive=_by_verb)},
    "NetworkPolicySpec": {"policyTypes": Default("networking/v1 SetDefaults_NetworkPolicy", derive=_policy_types)},
    "NetworkPort": {"protocol": Default("networking/v1 SetDefaults_NetworkPolicyPort", "TCP")},
    "IngressPath": {
        "pathType": Default("networking/v1beta1 SetDefaults_HTTPIngressPath", "ImplementationSpecific"),
    },
    "HorizontalPodAutoscalerSpec": {
        "minReplicas": Default("autoscaling/v2 SetDefaults_HorizontalPodAutoscaler", 1),
    },
    "PodDisruptionBudgetSpec": {},
    "Webhook": {
        "failurePolicy": Default(f"{_HOOKS}MutatingWebhook: Fail since v1, Ignore in v1beta1", "Fail"),
        "matchPolicy": Default(f"{_HOOKS}MutatingWebhook: Equivalent since v1, Exact in v1beta1", "Equivalent"),
        "namespaceSelector": Default(f"{_HOOKS}MutatingWebhook", {}),
        "objectSelector": Default(f"{_HOOKS}MutatingWebhook", {}),
        "reinvocationPolicy": Default(f"{_HOOKS}MutatingWebhook", "Never"),
        "timeoutSeconds": Default(f"{_HOOKS}MutatingWebhook: 10 since v1, 30 in v1beta1", 10),
    },
    "WebhookRule": {"scope": Default(f"{_HOOKS}Rule", "*")},
    "WebhookService": {"port": Default(f"{_HOOKS}ServiceReference", 443)},
    "APIServiceSpec": {"insecureSkipTLSVerify": Default("apiregistration/v1 types.go", False)},
    "CustomResourceDefinitionSpec": {
        "conversion": Default("apiextensions/v1 SetDefaults_CustomResourceDefinitionSpec", {"strategy": "None"}),
    },
    "StorageClass": {
        "reclaimPolicy": Default("storage/v1 SetDefaults_StorageClass", "Delete"),
        "volumeBindingMode": Default("storage/v1 SetDefaults_StorageClass", "Immediate"),
        "allowVolumeExpansion": Default("storage/v1 types.go: absent means false", False),
    },
}

__all__ = ["DEFAULTS"]
