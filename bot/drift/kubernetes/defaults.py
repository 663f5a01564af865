"""What an absent Kubernetes field means: the values that the API server fills in, by type, each with its source.

Read by :mod:`bot.drift.kubernetes.kinds`. A source ``core/v1 SetDefaults_Probe`` is that function in
``kubernetes/pkg/apis/core/v1/defaults.go`` (other groups likewise); other sources are named in full. Feature-gated
defaults are listed where any supported release fills them in. What holds nothing but defaults needs none of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bot.drift import images
from bot.drift.shapes import Default, Defaults
from bot.model.json import JSON, Tree, get, mapping


def _pull_policy(container: Tree) -> JSON:
    """``Always`` for ``:latest`` without a digest, else ``IfNotPresent``."""
    parsed = images.parse(container.get("image"))
    return "Always" if parsed is not None and parsed.tag == "latest" and not parsed.digest else "IfNotPresent"


def _same_as(field: str) -> Callable[[Tree], JSON]:
    """The same as the field beside it."""
    return lambda parent: parent.get(field)


def _policy_types(spec: Tree) -> JSON:
    return ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _traffic_policy(spec: Tree) -> JSON:
    external = spec.get("type") in {"NodePort", "LoadBalancer"} or spec.get("externalIPs")
    return "Cluster" if external else None


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


def _by(source: str, **values: JSON | Callable[[Tree], JSON]) -> dict[str, Default]:
    """Defaults of one ``source`` by field: each a value, or what is derived from the mapping that the field is in."""
    return {
        field: Default(source, derive=value) if callable(value) else Default(source, value)
        for field, value in values.items()
    }


def _patience(webhook: Tree) -> JSON:
    """How long a webhook that says nothing is waited for: as its version had it when it was made."""
    return 30 if webhook.get("timeoutSeconds") == 30 else 10


_CORE: Final = "core/v1 SetDefaults_"
_JOB: Final = "batch/v1 SetDefaults_Job"
_DEPLOY: Final = "apps/v1 SetDefaults_Deployment"
_STATEFUL: Final = "apps/v1 SetDefaults_StatefulSet"
_DAEMON: Final = "apps/v1 SetDefaults_DaemonSet"
_HOOKS: Final = "admissionregistration/v1 SetDefaults_"
_RBAC: Final = "rbac/v1 SetDefaults_"

_MODE: Final = _by(f"{_CORE}ConfigMapVolumeSource", defaultMode=420)
_ACCOUNT: Final = "core/v1 conversion.go, deprecated serviceAccount"

_POD_SPEC: Final = {
    **_by(
        f"{_CORE}PodSpec",
        dnsPolicy="ClusterFirst",
        restartPolicy="Always",
        schedulerName="default-scheduler",
        terminationGracePeriodSeconds=30,
        securityContext={},
    ),
    **_by(f"{_CORE}Pod", enableServiceLinks=True),
    **_by(
        f"{_ACCOUNT}; else DefaultServiceAccountName of the admission plug-in "
        "ServiceAccount (plugin/pkg/admission/serviceaccount/admission.go)",
        serviceAccountName=_account,
    ),
    **_by(_ACCOUNT, serviceAccount=_same_as("serviceAccountName")),
}

DEFAULTS: Final[Defaults] = {
    "Container": {
        **_by(
            f"{_CORE}Container",
            imagePullPolicy=_pull_policy,
            terminationMessagePath="/dev/termination-log",
            terminationMessagePolicy="File",
        ),
        **_by("core/v1 types.go, Container.Resources: a struct, so that an empty one is sent too", resources={}),
    },
    "Probe": {
        **_by(f"{_CORE}Probe", failureThreshold=3, periodSeconds=10, successThreshold=1, timeoutSeconds=1),
        **_by("core/v1 types.go, Probe: zero when absent", initialDelaySeconds=0),
    },
    "HTTPGet": _by(f"{_CORE}HTTPGetAction", scheme="HTTP", path="/"),
    "ContainerPort": {
        **_by("core/v1 openapi, ContainerPort.protocol", protocol="TCP"),
        "hostPort": Default(
            "core/v1 defaultHostNetworkPorts: containerPort on the host's network, see bot.drift.kubernetes.conversion"
        ),
    },
    "Resources": {
        "requests": Default(f"{_CORE}Pod: the limits, in bare pods alone, see bot.drift.kubernetes.conversion")
    },
    "Volume": _by(f"{_CORE}Volume", emptyDir=_source_of),
    "FieldRef": _by(f"{_CORE}ObjectFieldSelector", apiVersion="v1"),
    "ResourceFieldRef": _by("core/v1 types.go, ResourceFieldSelector.divisor", divisor="0"),
    "SecurityContext": _by(f"{_CORE}SecurityContext", procMount="Default"),
    "PodSpec": _POD_SPEC,
    "TemplateSpec": _POD_SPEC,
    "Toleration": _by("core/v1 types.go, Toleration.operator", operator="Equal"),
    "TopologySpread": _by(
        "core/v1 types.go, TopologySpreadConstraint", nodeAffinityPolicy="Honor", nodeTaintsPolicy="Ignore"
    ),
    "KeyedFiles": _MODE,
    "Projected": _MODE,
    "DownwardFiles": _MODE,
    "TokenFile": _by(f"{_CORE}ServiceAccountTokenProjection", expirationSeconds=3600),
    "HostPath": _by(f"{_CORE}HostPathVolumeSource", type=""),
    "VolumeSourceDefaults": {
        **_by(f"{_CORE}ISCSIVolumeSource", iscsiInterface="default"),
        **_by(f"{_CORE}RBDVolumeSource", pool="rbd", keyring="/etc/ceph/keyring"),
        **_by(f"{_CORE}AzureDiskVolumeSource", cachingMode="ReadWrite", kind="Shared"),
        **_by(f"{_CORE}ScaleIOVolumeSource", storageMode="ThinProvisioned"),
    },
    "Strategy": _by(_DEPLOY, type="RollingUpdate"),
    "RollingUpdate": _by(_DEPLOY, maxSurge="25%", maxUnavailable="25%"),
    "DeploymentSpec": _by(
        _DEPLOY,
        replicas=1,
        revisionHistoryLimit=10,
        progressDeadlineSeconds=600,
    ),
    "DaemonSetSpec": _by(_DAEMON, revisionHistoryLimit=10),
    "DaemonSetStrategy": _by(_DAEMON, type="RollingUpdate"),
    "DaemonSetRollingUpdate": _by(_DAEMON, maxSurge=0, maxUnavailable=1),
    "StatefulSetSpec": _by(
        _STATEFUL,
        replicas=1,
        revisionHistoryLimit=10,
        podManagementPolicy="OrderedReady",
    ),
    "RetentionPolicy": _by(_STATEFUL, whenDeleted="Retain", whenScaled="Retain"),
    "StatefulSetStrategy": _by(_STATEFUL, type="RollingUpdate"),
    "StatefulSetRollingUpdate": _by(_STATEFUL, partition=0, maxUnavailable=1),
    "ReplicaSetSpec": _by("apps/v1 SetDefaults_ReplicaSet", replicas=1),
    "ReplicationControllerSpec": _by(f"{_CORE}ReplicationController", replicas=1, selector=_template_labels),
    "JobSpec": {
        **_by(
            _JOB,
            backoffLimit=6,
            parallelism=1,
            completions=_completions,
            completionMode="NonIndexed",
            suspend=False,
            podReplacementPolicy=lambda spec: "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed",
        ),
        **_by("batch/v1 types.go, JobSpec.manualSelector", manualSelector=False),
    },
    "PodFailureCondition": _by("batch/v1 SetDefaults_PodFailurePolicyOnPodConditionsPattern", status="True"),
    "CronJobSpec": _by(
        "batch/v1 SetDefaults_CronJob",
        concurrencyPolicy="Allow",
        suspend=False,
        successfulJobsHistoryLimit=3,
        failedJobsHistoryLimit=1,
    ),
    "ServiceSpec": {
        **_by(
            f"{_CORE}Service",
            type="ClusterIP",
            sessionAffinity="None",
            internalTrafficPolicy="Cluster",
            externalTrafficPolicy=_traffic_policy,
            allocateLoadBalancerNodePorts=lambda spec: True if spec.get("type") == "LoadBalancer" else None,
        ),
        **_by("registry/core/service defaultOnWrite: SingleStack of one family", ipFamilyPolicy="SingleStack"),
    },
    "ClientIP": _by(f"{_CORE}Service", timeoutSeconds=10800),
    "ServicePort": _by(f"{_CORE}Service", protocol="TCP", targetPort=_same_as("port")),
    "Secret": _by(f"{_CORE}Secret", type="Opaque"),
    "ClaimSpec": _by(f"{_CORE}PersistentVolumeClaimSpec", volumeMode="Filesystem"),
    "PersistentVolumeSpec": _by(
        f"{_CORE}PersistentVolume", persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem"
    ),
    "EndpointPort": _by(f"{_CORE}Endpoints", protocol="TCP"),
    "RoleRef": _by(f"{_RBAC}RoleBinding", apiGroup="rbac.authorization.k8s.io"),
    "Subject": _by(f"{_RBAC}Subject", apiGroup=_by_verb),
    "NetworkPolicySpec": _by("networking/v1 SetDefaults_NetworkPolicy", policyTypes=_policy_types),
    "NetworkPort": _by("networking/v1 SetDefaults_NetworkPolicyPort", protocol="TCP"),
    "IngressPath": _by("networking/v1beta1 SetDefaults_HTTPIngressPath", pathType="ImplementationSpecific"),
    "HorizontalPodAutoscalerSpec": _by("autoscaling/v2 SetDefaults_HorizontalPodAutoscaler", minReplicas=1),
    "PodSecurityPolicySpec": _by(
        "policy/v1beta1 SetDefaults_PodSecurityPolicySpec (before 1.25)", allowPrivilegeEscalation=True
    ),
    "Webhook": {
        **_by(f"{_HOOKS}MutatingWebhook", namespaceSelector={}, objectSelector={}, reinvocationPolicy="Never"),
        **_by(f"{_HOOKS}MutatingWebhook: Fail since v1, Ignore in v1beta1", failurePolicy="Fail"),
        **_by(f"{_HOOKS}MutatingWebhook: Equivalent since v1, Exact in v1beta1", matchPolicy="Equivalent"),
        **_by(f"{_HOOKS}MutatingWebhook: 10 since v1, 30 in v1beta1", timeoutSeconds=_patience),
    },
    "WebhookRule": _by(f"{_HOOKS}Rule", scope="*"),
    "WebhookService": _by(f"{_HOOKS}ServiceReference", port=443),
    "APIServiceSpec": _by("apiregistration/v1 types.go", insecureSkipTLSVerify=False),
    "CustomResourceDefinitionSpec": _by(
        "apiextensions/v1 SetDefaults_CustomResourceDefinitionSpec", conversion={"strategy": "None"}
    ),
    "StorageClass": {
        **_by("storage/v1 SetDefaults_StorageClass", reclaimPolicy="Delete", volumeBindingMode="Immediate"),
        **_by("storage/v1 types.go: absent means false", allowVolumeExpansion=False),
    },
}
