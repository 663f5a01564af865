"""The fields of Kubernetes kinds whose form matters for a comparison. Data for :mod:`bot.drift.shapes`.

List keys are the ``x-kubernetes-list-map-keys`` and ``patchMergeKey`` of the Kubernetes OpenAPI document; where the API
has a merge key that is not unique (Service ports by ``port``) the server-side-apply keys are taken. A field that the
API server, an admission plug-in or a controller fills in for everybody is marked ``server:``, ``allocated:`` or
``controller:``. A table does not name every field of a type: what it leaves out is compared by its own form.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from bot.drift.kubernetes import builtin
from bot.drift.kubernetes.defaults import DEFAULTS
from bot.drift.kubernetes.pods import METADATA, POD_TYPES, TEMPLATE_SPEC, TOP
from bot.drift.kubernetes.versions import SUCCESSORS
from bot.drift.shapes import FilledBy, Form, Shape, Types, compile_shape
from bot.model.json import JSON

TYPES: Final[Types] = {
    **POD_TYPES,
    "TemplateSpec": TEMPLATE_SPEC,
    "Deployment": {**TOP, "spec": "DeploymentSpec"},
    "DeploymentSpec": {
        "replicas": "controller:zero:leaf",  # autoscalers write it through the scale subresource
        "selector": "Selector",
        "template": "PodTemplate",
        "strategy": "Strategy",
        "minReadySeconds paused": "leaf",
        "revisionHistoryLimit progressDeadlineSeconds": "zero:leaf",
    },
    "Selector": {"matchLabels": "map text", "matchExpressions": "unordered:list Requirement"},
    "Strategy": {"type": "leaf", "rollingUpdate": "RollingUpdate"},
    "RollingUpdate": {"maxSurge": "zero:intstr", "maxUnavailable": "zero:intstr", "partition": "leaf"},
    "DaemonSet": {**TOP, "spec": "DaemonSetSpec"},
    "DaemonSetSpec": {
        "selector": "Selector",
        "template": "PodTemplate",
        "updateStrategy": "DaemonSetStrategy",
        "minReadySeconds": "leaf",
        "revisionHistoryLimit": "zero:leaf",
    },
    "DaemonSetStrategy": {"type": "leaf", "rollingUpdate": "DaemonSetRollingUpdate"},
    "DaemonSetRollingUpdate": {"maxSurge": "zero:intstr", "maxUnavailable": "zero:intstr"},
    "StatefulSet": {**TOP, "spec": "StatefulSetSpec"},
    "StatefulSetSpec": {
        "replicas": "controller:zero:leaf",
        "selector": "Selector",
        "template": "PodTemplate",
        "serviceName podManagementPolicy minReadySeconds": "leaf",
        "updateStrategy": "StatefulSetStrategy",
        "revisionHistoryLimit": "zero:leaf",
        "volumeClaimTemplates": "keyed[metadata.name] ClaimTemplate",
        "persistentVolumeClaimRetentionPolicy": "RetentionPolicy",
        "ordinals": "any",
    },
    "RetentionPolicy": {},
    "StatefulSetStrategy": {"type": "leaf", "rollingUpdate": "StatefulSetRollingUpdate"},
    # feature gate MaxUnavailableStatefulSet
    "StatefulSetRollingUpdate": {"maxUnavailable": "server:intstr", "partition": "leaf"},
    "ClaimTemplate": {
        "apiVersion kind": "ignored:leaf",
        "metadata": "ClaimTemplateMetadata",
        "spec": "ClaimSpec",
        "status": "ignored:any",
    },
    "ClaimTemplateMetadata": {**METADATA, "name": "leaf"},
    "ReplicaSet": {**TOP, "spec": "ReplicaSetSpec"},
    "ReplicaSetSpec": {"replicas": "controller:zero:leaf", "selector": "Selector", "template": "PodTemplate"},
    "ReplicationController": {**TOP, "spec": "ReplicationControllerSpec"},
    "ReplicationControllerSpec": {
        "replicas": "controller:zero:leaf",
        "selector": "map text",
        "template": "PodTemplate",
        "minReadySeconds": "leaf",
    },
    "Job": {**TOP, "spec": "JobSpec"},
    "JobSpec": {
        "template": "JobPodTemplate",
        "selector": "allocated:Selector",  # made of the job's uid (pkg/registry/batch/job/strategy.go)
        "backoffLimit ttlSecondsAfterFinished parallelism": "zero:leaf",
        "activeDeadlineSeconds completions suspend": "leaf",
        "podFailurePolicy": "PodFailurePolicy",
    },
    "PodFailurePolicy": {"rules": "list PodFailureRule"},
    "PodFailureRule": {"action": "leaf", "onExitCodes": "any", "onPodConditions": "list PodFailureCondition"},
    "PodFailureCondition": {"type": "leaf"},
    "JobPodTemplate": {"metadata": "JobTemplateMetadata", "spec": "TemplateSpec"},
    "JobTemplateMetadata": {**METADATA, "labels": "map text"},
    "CronJob": {**TOP, "spec": "CronJobSpec"},
    "CronJobSpec": {
        "schedule timeZone concurrencyPolicy suspend": "leaf",
        "startingDeadlineSeconds successfulJobsHistoryLimit failedJobsHistoryLimit": "zero:leaf",
        "jobTemplate": "JobTemplate",
    },
    "JobTemplate": {"metadata": "TemplateMetadata", "spec": "JobSpec"},
    "Pod": {**TOP, "spec": "PodSpec"},
    "Service": {**TOP, "spec": "ServiceSpec"},
    "ServiceSpec": {
        "type externalName loadBalancerIP publishNotReadyAddresses internalTrafficPolicy": "leaf",
        "externalTrafficPolicy trafficDistribution": "leaf",
        "selector": "map text",
        "ports": "keyed[port,protocol=TCP] ServicePort",
        # given out by the API server (pkg/registry/core/service/storage/alloc.go)
        "clusterIP healthCheckNodePort": "allocated:leaf",
        "clusterIPs ipFamilies": "allocated:list",
        "ipFamilyPolicy loadBalancerClass": "server:leaf",
        "externalIPs loadBalancerSourceRanges": "set",
        "sessionAffinityConfig": "SessionAffinityConfig",
        "allocateLoadBalancerNodePorts": "zero:leaf",
    },
    "SessionAffinityConfig": {"clientIP": "ClientIP"},
    "ClientIP": {},
    "ServicePort": {"name protocol appProtocol": "leaf", "port targetPort": "intstr", "nodePort": "server:leaf"},
    "ConfigMap": {**TOP, "data": "map text", "binaryData": "map base64", "immutable": "leaf"},
    "Secret": {**TOP, "data": "map base64", "stringData": "ignored:any", "type immutable": "leaf"},
    "ServiceAccount": {
        **TOP,
        "secrets": "server:keyed[name] any",  # token Secrets that servers before 1.24 made for every account
        "imagePullSecrets": "server:keyed[name] any",
        "automountServiceAccountToken": "zero:leaf",
    },
    "ClaimSpec": {
        "accessModes": "set",
        "resources": "Resources",
        "storageClassName": "allocated:zero:leaf",  # admission plug-in DefaultStorageClass
        "volumeName": "allocated:leaf",  # written when it is bound to a volume
        "volumeMode": "leaf",
        "selector": "any",
        "dataSource dataSourceRef": "allocated:any",
    },
    "PersistentVolumeClaim": {**TOP, "spec": "ClaimSpec"},
    "PersistentVolume": {**TOP, "spec": "PersistentVolumeSpec"},
    "PersistentVolumeSpec": {
        "capacity": "map quantity",
        "accessModes": "set",
        "claimRef": "allocated:any",
        "hostPath": "HostPath",
        "iscsi rbd azureDisk scaleIO": "VolumeSourceDefaults",
        "nodeAffinity": "server:VolumeNodeAffinity",  # controllers and provisioners write where the volume is
        "mountOptions": "list",
    },
    "VolumeNodeAffinity": {"required": "NodeSelector"},
    "Namespace": {**TOP, "spec": "allocated:map allocated:any"},
    "Endpoints": {**TOP, "subsets": "set EndpointSubset"},
    "EndpointSubset": {
        "addresses notReadyAddresses": "keyed[ip] any",
        "ports": "keyed[port,protocol=TCP,name] EndpointPort",
    },
    "EndpointPort": {"port": "leaf", "protocol": "leaf", "name": "leaf", "appProtocol": "leaf"},
    "Role": {**TOP, "rules": "set Rule", "aggregationRule": "any"},
    "Rule": {"apiGroups resources verbs resourceNames nonResourceURLs": "set"},
    "RoleBinding": {**TOP, "roleRef": "RoleRef", "subjects": "set Subject"},
    "RoleRef": {"kind": "leaf", "name": "leaf", "apiGroup": "leaf"},
    "Subject": {},
    "NetworkPolicy": {**TOP, "spec": "NetworkPolicySpec"},
    "NetworkPolicySpec": {
        "podSelector": "Selector",
        "policyTypes": "set",
        "ingress egress": "unordered:list NetworkRule",
    },
    "NetworkRule": {"from to": "unordered:list NetworkPeer", "ports": "unordered:list NetworkPort"},
    "NetworkPeer": {"podSelector": "zero:Selector", "namespaceSelector": "zero:Selector", "ipBlock": "IPBlock"},
    "IPBlock": {"cidr": "leaf", "except": "set"},
    "NetworkPort": {"port": "intstr", "endPort": "leaf"},
    "Ingress": {**TOP, "spec": "IngressSpec"},
    "IngressSpec": {
        "ingressClassName": "server:leaf",  # admission plug-in DefaultIngressClass
        "defaultBackend": "any",
        "rules": "list IngressRule",
        "tls": "unordered:list IngressTLS",
    },
    "IngressRule": {"host": "leaf", "http": "IngressHTTP"},
    "IngressHTTP": {"paths": "list IngressPath"},
    "IngressPath": {"path": "leaf", "pathType": "server:leaf", "backend": "any"},
    "IngressTLS": {"hosts": "set", "secretName": "leaf"},
    "HorizontalPodAutoscaler": {**TOP, "spec": "HorizontalPodAutoscalerSpec"},
    "HorizontalPodAutoscalerSpec": {
        "minReplicas": "zero:leaf",
        "maxReplicas": "leaf",
        "metrics": "server:set Metric",  # 80 % of the processor (autoscaling/v2 SetDefaults_HorizontalPodAutoscaler)
        "behavior": "ScalingBehavior",
        "scaleTargetRef": "any",
        "targetCPUUtilizationPercentage": "server:leaf",
    },
    # written out wherever a part of it is said (autoscaling/v2 GenerateHPAScaleUpRules, GenerateHPAScaleDownRules)
    "ScalingBehavior": {"scaleUp scaleDown": "server:ScalingRules"},
    "ScalingRules": {
        "selectPolicy tolerance": "server:leaf",
        "stabilizationWindowSeconds": "server:zero:leaf",
        "policies": "server:list any",
    },
    "Metric": {"type": "leaf", "resource containerResource pods object external": "MetricSource"},
    "MetricSource": {"target": "MetricTarget", "targetAverageValue": "quantity", "targetValue": "quantity"},
    "MetricTarget": {"type": "leaf", "value": "quantity", "averageValue": "quantity", "averageUtilization": "leaf"},
    "PodDisruptionBudget": {**TOP, "spec": "PodDisruptionBudgetSpec"},
    "PodDisruptionBudgetSpec": {
        "minAvailable maxUnavailable": "zero:intstr",
        "selector": "Selector",
        "unhealthyPodEvictionPolicy": "leaf",
    },
    "PodSecurityPolicy": {**TOP, "spec": "PodSecurityPolicySpec"},
    "PodSecurityPolicySpec": {
        "privileged hostNetwork hostPID hostIPC readOnlyRootFilesystem": "leaf",
        "allowPrivilegeEscalation defaultAllowPrivilegeEscalation": "zero:leaf",
        "defaultAddCapabilities requiredDropCapabilities allowedCapabilities volumes": "set",
        "allowedUnsafeSysctls forbiddenSysctls allowedProcMountTypes": "set",
        "hostPorts allowedHostPaths allowedFlexVolumes allowedCSIDrivers": "set any",
    },
    "Webhooks": {**TOP, "webhooks": "keyed[name] Webhook"},
    "Webhook": {
        "name": "leaf",
        "clientConfig": "WebhookClient",
        "rules": "set WebhookRule",
        "matchConditions": "keyed[name] any",
        "admissionReviewVersions": "server:list",
        "timeoutSeconds": "leaf",
        "sideEffects matchPolicy failurePolicy": "server:leaf",
        "namespaceSelector objectSelector": "Selector",
    },
    # cert-manager's cainjector fills in every caBundle (cert-manager: CA Injector)
    "WebhookClient": {"caBundle": "server:base64", "service": "WebhookService", "url": "leaf"},
    "WebhookService": {"name": "leaf", "namespace": "leaf", "path": "leaf"},
    "WebhookRule": {"apiGroups": "set", "apiVersions": "set", "operations": "set", "resources": "set"},
    "APIService": {**TOP, "spec": "APIServiceSpec"},
    "APIServiceSpec": {"caBundle": "server:base64", "service": "WebhookService"},
    "CustomResourceDefinition": {**TOP, "spec": "CustomResourceDefinitionSpec"},
    "CustomResourceDefinitionSpec": {
        "conversion": "server:any",
        "preserveUnknownFields": "server:leaf",
        "versions": "keyed[name] DefinedVersion",
        "names": "CustomResourceDefinitionNames",
        "scope group": "leaf",
    },
    "DefinedVersion": {
        "name served storage deprecated deprecationWarning": "leaf",
        "schema": "DefinedSchema",
        "subresources": "DefinedSubresources",
        "additionalPrinterColumns selectableFields": "list any",
    },
    "DefinedSubresources": {"status": "zero:any", "scale": "any"},  # an empty status is one
    "DefinedSchema": {"openAPIV3Schema": "JSONSchema"},
    "JSONSchema": {
        "type format description title pattern uniqueItems nullable": "leaf",
        "minimum maximum minLength maxLength minItems maxItems minProperties maxProperties": "zero:leaf",
        "exclusiveMinimum exclusiveMaximum multipleOf": "leaf",
        "default": "zero:any",
        "properties patternProperties": "map JSONSchema",
        "items additionalProperties not": "JSONSchema",
        "required": "set",
        "enum allOf anyOf oneOf": "any",
        "x-kubernetes-preserve-unknown-fields x-kubernetes-int-or-string x-kubernetes-embedded-resource": "leaf",
        "x-kubernetes-list-type x-kubernetes-map-type": "leaf",
        "x-kubernetes-list-map-keys x-kubernetes-validations": "any",
    },
    # made of the kind (apiextensions/v1 SetDefaults_CustomResourceDefinitionSpec)
    "CustomResourceDefinitionNames": {
        "kind plural": "leaf",
        "singular listKind": "server:leaf",
        "shortNames categories": "set",
    },
    "StorageClass": {
        **TOP,
        "provisioner": "leaf",
        "parameters": "map text",
        "mountOptions": "list",
        "allowedTopologies": "unordered:list TopologyTerm",
    },
    "TopologyTerm": {"matchLabelExpressions": "unordered:list TopologyRequirement"},
    "TopologyRequirement": {"key": "leaf", "values": "set"},
    "LimitRange": {**TOP, "spec": "LimitRangeSpec"},
    "LimitRangeSpec": {"limits": "unordered:list LimitRangeItem"},
    "LimitRangeItem": {
        "type": "leaf",
        "max min maxLimitRequestRatio": "map quantity",
        "default defaultRequest": "server:map quantity",
    },
    "ResourceQuota": {**TOP, "spec": "ResourceQuotaSpec"},
    "ResourceQuotaSpec": {"hard": "map quantity", "scopes": "set"},
}

_KINDS: Final = {
    "": "ConfigMap Endpoints LimitRange Namespace PersistentVolume PersistentVolumeClaim Pod ReplicationController "
    "ResourceQuota Secret Service ServiceAccount",
    "apps": "DaemonSet Deployment ReplicaSet StatefulSet",
    "batch": "CronJob Job",
    "autoscaling": "HorizontalPodAutoscaler",
    "policy": "PodDisruptionBudget PodSecurityPolicy",
    "rbac.authorization.k8s.io": "Role RoleBinding ClusterRole=Role ClusterRoleBinding=RoleBinding",
    "networking.k8s.io": "Ingress NetworkPolicy",
    "admissionregistration.k8s.io": "MutatingWebhookConfiguration=Webhooks ValidatingWebhookConfiguration=Webhooks",
    "apiregistration.k8s.io": "APIService",
    "apiextensions.k8s.io": "CustomResourceDefinition",
    "storage.k8s.io": "StorageClass",
}
"""The kinds by API group, each with the type that it has where that is called otherwise."""
_ROOTS: Final[Mapping[tuple[str, str], str]] = {
    (group, kind): type_ or kind
    for group, kinds in _KINDS.items()
    for kind, _, type_ in (entry.partition("=") for entry in kinds.split())
}


def _account(value: JSON) -> JSON:
    """The name of a service account; nothing is ``default``."""
    return "default" if value == "" else value


_COMPARATORS: Final = {"account": Shape(Form.LEAF, FilledBy.NOBODY, canonical=_account)}


@cache
def shape_of(group: str, kind: str) -> Shape:
    """The shape of a kind; for one that no table names and Kubernetes does not publish, only what every object has."""
    group = SUCCESSORS.get((group, kind), group)
    if (group, kind) in _ROOTS or not _is_published(group, kind):
        return compile_shape(_ROOTS.get((group, kind), "Object"), TYPES, DEFAULTS, _COMPARATORS)
    published_shapes = builtin.published()
    return compile_shape(
        published_shapes.kinds[group, kind],
        {**TYPES, **published_shapes.types},
        {**DEFAULTS, **builtin.DEFAULTS},
        _COMPARATORS,
    )


@cache
def pod_template() -> Shape:
    """The shape of a pod template."""
    return compile_shape("PodTemplate", TYPES, DEFAULTS, _COMPARATORS)


def is_known(group: str, kind: str) -> bool:
    """Whether the tables, or Kubernetes itself, say what the kind has."""
    group = SUCCESSORS.get((group, kind), group)
    return (group, kind) in _ROOTS or _is_published(group, kind)


def by_hand(group: str, kind: str) -> bool:
    """Whether our own tables name the kind."""
    return (group, kind) in _ROOTS


def _is_published(group: str, kind: str) -> bool:
    """Custom resources are in groups of their own, so that most need not be looked up."""
    return ("." not in group or group.endswith(".k8s.io")) and (group, kind) in builtin.published().kinds
