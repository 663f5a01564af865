"""The fields of pods and of what every Kubernetes object has. Data for :mod:`bot.drift.kubernetes.kinds`."""

from __future__ import annotations

from typing import Final

from bot.drift.shapes import Types

_PROBES: Final = {
    "exec": "ExecAction",
    "httpGet": "HTTPGet",
    "tcpSocket": "TCPSocket",
    "grpc": "any",
    "terminationGracePeriodSeconds": "leaf",
}
_CONTAINER: Final = {
    "name workingDir restartPolicy stdin stdinOnce tty": "leaf",
    "image": "image",
    "command args": "list",
    "env": "expanding:keyed[name] EnvVar",  # Kubernetes: Define Dependent Environment Variables
    "envFrom": "list EnvFrom",
    "ports": "keyed[containerPort,protocol=TCP] ContainerPort",
    "resources": "Resources",
    "volumeMounts": "keyed[mountPath] VolumeMount",
    "volumeDevices": "keyed[devicePath] any",
    "livenessProbe readinessProbe startupProbe": "Probe",
    "lifecycle": "Lifecycle",
    "securityContext": "SecurityContext",
}

METADATA: Final = {
    "name namespace generateName uid resourceVersion generation creationTimestamp": "ignored:leaf",
    "deletionTimestamp deletionGracePeriodSeconds selfLink": "ignored:leaf",
    "managedFields": "ignored:any",
    "ownerReferences": "controller:keyed[uid] controller:any",
    "finalizers": "controller:keyed[name] controller:leaf",  # each belongs to whoever added it (OpenAPI: a set, merged)
    "labels annotations": "map text",
}

TOP: Final = {"apiVersion kind": "ignored:leaf", "metadata": "Metadata", "status": "ignored:any"}

POD_TYPES: Final[Types] = {
    "Metadata": METADATA,
    "TemplateMetadata": {**METADATA, "name": "allocated:leaf", "namespace": "allocated:leaf"},
    "Object": TOP,
    "ExecAction": {"command": "list"},
    "HTTPGet": {"port": "intstr", "host": "leaf", "path": "leaf", "scheme": "leaf", "httpHeaders": "list any"},
    "TCPSocket": {"port": "intstr", "host": "leaf"},
    "Probe": _PROBES,
    "Lifecycle": {"postStart": "Hook", "preStop": "Hook", "stopSignal": "leaf"},
    "Hook": {"exec": "ExecAction", "httpGet": "HTTPGet", "tcpSocket": "TCPSocket", "sleep": "any"},
    "EnvVar": {"name": "leaf", "value": "text", "valueFrom": "EnvSource"},
    "EnvSource": {
        "fieldRef": "FieldRef",
        "resourceFieldRef": "ResourceFieldRef",
        "configMapKeyRef secretKeyRef": "KeyRef",
    },
    "FieldRef": {"fieldPath": "leaf"},
    "ResourceFieldRef": {"resource": "leaf", "divisor": "quantity", "containerName": "leaf"},
    "KeyRef": {"name": "leaf", "key": "leaf", "optional": "leaf"},
    "EnvFrom": {"prefix": "leaf", "configMapRef": "any", "secretRef": "any"},
    "ContainerPort": {"name protocol hostIP": "leaf", "containerPort hostPort": "intstr"},
    "Resources": {"limits requests": "map quantity", "claims": "keyed[name] any"},
    "VolumeMount": {"name mountPath subPath subPathExpr readOnly mountPropagation": "leaf"},
    "SecurityContext": {
        "privileged readOnlyRootFilesystem runAsNonRoot procMount": "leaf",
        "allowPrivilegeEscalation runAsUser runAsGroup": "zero:leaf",
        "capabilities": "Capabilities",
        "seccompProfile seLinuxOptions appArmorProfile windowsOptions": "any",
    },
    "Capabilities": {"add": "set", "drop": "set"},
    "PodSecurityContext": {
        "runAsNonRoot fsGroupChangePolicy": "leaf",
        "runAsUser runAsGroup fsGroup": "zero:leaf",
        "supplementalGroups": "set",
        "sysctls": "keyed[name] any",
        "seccompProfile seLinuxOptions appArmorProfile windowsOptions": "any",
    },
    "Container": _CONTAINER,
    "PodSpec": {
        "containers ephemeralContainers": "keyed[name] Container",
        "initContainers": "ordered:keyed[name] Container",  # run one after the other (Kubernetes: Init Containers)
        "volumes": "keyed[name] Volume",
        "tolerations": "keyed[key,operator=Equal,value,effect] Toleration",
        "topologySpreadConstraints": "keyed[topologyKey,whenUnsatisfiable] TopologySpread",
        "hostAliases": "keyed[ip] HostAlias",
        "imagePullSecrets schedulingGates resourceClaims": "keyed[name] any",
        "readinessGates": "keyed[conditionType] any",
        "nodeSelector": "map",
        "affinity": "Affinity",
        "dnsConfig": "any",
        "securityContext": "PodSecurityContext",
        "resources": "Resources",  # of the pod as a whole (Kubernetes: Assign Pod-level CPU and memory resources)
        "os": "PodOS",
        "serviceAccountName": "account",
        "serviceAccount": "server:leaf",
        "automountServiceAccountToken hostUsers enableServiceLinks terminationGracePeriodSeconds": "zero:leaf",
        "hostNetwork hostPID hostIPC shareProcessNamespace activeDeadlineSeconds priorityClassName": "leaf",
        "runtimeClassName hostname subdomain": "leaf",
        "nodeName": "server:leaf",  # the scheduler binds the pod to it
        "priority": "allocated:leaf",  # admission plug-in Priority, by priorityClassName
        "preemptionPolicy": "allocated:leaf",  # admission plug-in Priority
        "overhead": "allocated:map quantity",  # admission plug-in RuntimeClass
    },
    "PodOS": {"name": "leaf"},
    "Toleration": {"key operator value effect": "leaf", "tolerationSeconds": "zero:leaf"},
    "TopologySpread": {
        "topologyKey whenUnsatisfiable maxSkew minDomains": "leaf",
        "labelSelector": "LabelSelector",
        "matchLabelKeys": "set",
    },
    # alternatives, demands that must all hold, and weights: their order says nothing (Kubernetes: Assigning Pods to Nodes)
    "LabelSelector": {"matchLabels": "map text", "matchExpressions": "unordered:list Requirement"},
    "Requirement": {"key operator": "leaf", "values": "set"},
    "Affinity": {"nodeAffinity": "NodeAffinity", "podAffinity podAntiAffinity": "PodAffinity"},
    "NodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": "NodeSelector",
        "preferredDuringSchedulingIgnoredDuringExecution": "unordered:list PreferredNodes",
    },
    "NodeSelector": {"nodeSelectorTerms": "unordered:list NodeTerm"},
    "PreferredNodes": {"weight": "leaf", "preference": "NodeTerm"},
    "NodeTerm": {"matchExpressions matchFields": "unordered:list Requirement"},
    "PodAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": "unordered:list PodTerm",
        "preferredDuringSchedulingIgnoredDuringExecution": "unordered:list PreferredPods",
    },
    "PreferredPods": {"weight": "leaf", "podAffinityTerm": "PodTerm"},
    "PodTerm": {
        "topologyKey": "leaf",
        "labelSelector namespaceSelector": "zero:LabelSelector",  # an empty one selects everything, none nothing
        "namespaces matchLabelKeys mismatchLabelKeys": "set",
    },
    "HostAlias": {"ip": "leaf", "hostnames": "set"},
    "Volume": {
        "name": "leaf",
        "configMap secret": "KeyedFiles",
        "projected": "Projected",
        "downwardAPI": "DownwardFiles",
        "emptyDir": "zero:EmptyDir",
        "hostPath": "HostPath",
        "persistentVolumeClaim nfs csi": "any",
        "ephemeral": "Ephemeral",
        "image": "VolumeImage",
        "iscsi rbd azureDisk scaleIO": "VolumeSourceDefaults",
    },
    "VolumeSourceDefaults": {},
    "VolumeImage": {"reference": "leaf", "pullPolicy": "server:leaf"},  # core/v1 SetDefaults_Volume
    "HostPath": {"path": "leaf", "type": "leaf"},
    "EmptyDir": {"medium": "leaf", "sizeLimit": "quantity"},
    "KeyedFiles": {"name secretName optional": "leaf", "defaultMode": "mode", "items": "keyed[key] KeyFile"},
    "KeyFile": {"key": "leaf", "path": "leaf", "mode": "mode"},
    "Projected": {"defaultMode": "mode", "sources": "list ProjectedSource"},
    "ProjectedSource": {
        "configMap secret": "KeyedFiles",
        "downwardAPI": "DownwardFiles",
        "serviceAccountToken": "TokenFile",
        "clusterTrustBundle": "any",
    },
    "TokenFile": {"path": "leaf", "audience": "leaf"},
    "DownwardFiles": {"defaultMode": "mode", "items": "keyed[path] DownwardFile"},
    "DownwardFile": {"path": "leaf", "mode": "mode", "fieldRef": "FieldRef", "resourceFieldRef": "ResourceFieldRef"},
    "Ephemeral": {"volumeClaimTemplate": "ClaimTemplate"},
    "PodTemplate": {"metadata": "TemplateMetadata", "spec": "TemplateSpec"},
}
TEMPLATE_SPEC: Final = {
    **POD_TYPES["PodSpec"],
    "nodeName priority preemptionPolicy": "leaf",
    "overhead": "map quantity",
}
"""Of what pods are made of nobody fills in what each pod is given."""
