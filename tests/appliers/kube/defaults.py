"""Defaults that the server sets in what it is given, and what it allocates when it stores it.

From the API reference (https://kubernetes.io/docs/reference/kubernetes-api/) and the ``defaults.go`` of each group there:
every field whose text says "Defaults to".
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final

from tests.appliers.kube.schema import Atom, Kind, Schema, TypeRef

Object = dict[str, Any]


def fill(schema: Schema, kind: Kind, obj: Object) -> Object:
    """The object with its defaults, in place."""
    if kind.custom:
        _custom(schema, kind.type, obj)
    else:
        _KINDS.get(kind.kind, _nothing)(obj)
    return obj


def _nothing(_obj: Object) -> None:
    """Most kinds have none."""


def _custom(schema: Schema, ref: TypeRef | None, value: Any) -> None:
    atom: Atom = schema.resolve(ref).for_value(value)
    if atom.map is not None and isinstance(value, dict):
        for name, known in atom.map.fields.items():
            if known.default is not None and value.get(name) is None:
                value[name] = known.default
        for name, inner in value.items():
            _custom(schema, atom.map.of(name), inner)
    elif atom.list is not None and atom.scalar is None and isinstance(value, list):
        for each in value:
            _custom(schema, atom.list.element, each)


def _set(value: Object, **defaults: Any) -> None:
    for name, default in defaults.items():
        value.setdefault(name, default)


def _pod(spec: Object) -> None:
    _set(spec, restartPolicy="Always", terminationGracePeriodSeconds=30, dnsPolicy="ClusterFirst")
    _set(spec, securityContext={}, schedulerName="default-scheduler")
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:  # one field under two names: neither goes while the other stays (conversion.go of k8s.io/core/v1)
        spec.update(serviceAccountName=account, serviceAccount=account)
    for container in [*spec.get("containers", ()), *spec.get("initContainers", ())]:
        _container(container)
    for volume in spec.get("volumes", ()):
        _volume(volume)


def _container(container: Object) -> None:
    _set(container, resources={}, terminationMessagePath="/dev/termination-log", terminationMessagePolicy="File")
    _set(container, imagePullPolicy="Always" if _latest(container.get("image", "")) else "IfNotPresent")
    for port in container.get("ports", ()):
        _set(port, protocol="TCP")
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe in container:
            _probe(container[probe])
    for variable in container.get("env", ()):
        reference = variable.get("valueFrom", {}).get("fieldRef")
        if reference is not None:
            _set(reference, apiVersion="v1")


def _pod_itself(obj: Object) -> None:
    """A pod has more defaults than a template of pods (``SetDefaults_Pod``)."""
    spec = obj.setdefault("spec", {})
    _pod(spec)
    _set(spec, enableServiceLinks=True)
    for container in [*spec.get("containers", ()), *spec.get("initContainers", ())]:
        for name, limit in container["resources"].get("limits", {}).items():
            container["resources"].setdefault("requests", {}).setdefault(name, limit)
        for port in container.get("ports", ()) if spec.get("hostNetwork") else ():
            _set(port, hostPort=port["containerPort"])


def _latest(image: str) -> bool:
    last = image.rpartition("/")[2]
    return "@" not in image and last.partition(":")[2] in {"", "latest"}


def _probe(probe: Object) -> None:
    _set(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    if "httpGet" in probe:
        _set(probe["httpGet"], path="/", scheme="HTTP")
    if "grpc" in probe:
        _set(probe["grpc"], service="")


def _volume(volume: Object) -> None:
    if set(volume) == {"name"}:
        volume["emptyDir"] = {}
    for source in ("configMap", "secret", "projected", "downwardAPI"):
        if source in volume:
            _set(volume[source], defaultMode=420)
    for projection in volume.get("projected", {}).get("sources", ()):
        if "serviceAccountToken" in projection:
            _set(projection["serviceAccountToken"], expirationSeconds=3600)
    if "hostPath" in volume:
        _set(volume["hostPath"], type="")


def _template(spec: Object) -> None:
    _pod(spec.setdefault("template", {}).setdefault("spec", {}))


def _deployment(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _set(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600, strategy={})
    strategy = spec["strategy"]
    _set(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _set(strategy.setdefault("rollingUpdate", {}), maxUnavailable="25%", maxSurge="25%")
    _template(spec)


def _stateful_set(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _set(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady", updateStrategy={})
    _set(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        _set(spec["updateStrategy"].setdefault("rollingUpdate", {}), partition=0)
    _set(spec, persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Retain"})
    for claim in spec.get("volumeClaimTemplates", ()):
        _set(claim, apiVersion="v1", kind="PersistentVolumeClaim")
        _set(claim.setdefault("spec", {}), volumeMode="Filesystem")
        _set(claim, status={"phase": "Pending"})
    _template(spec)


def _daemon_set(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _set(spec, revisionHistoryLimit=10, updateStrategy={})
    _set(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        _set(spec["updateStrategy"].setdefault("rollingUpdate", {}), maxUnavailable=1, maxSurge=0)
    _template(spec)


def _replica_set(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _set(spec, replicas=1)
    _template(spec)


def _job_spec(spec: Object) -> None:
    _set(spec, backoffLimit=6, completionMode="NonIndexed", suspend=False, podReplacementPolicy="TerminatingOrFailed")
    if "completions" not in spec and "parallelism" not in spec:
        _set(spec, completions=1)
    _set(spec, parallelism=1)
    _template(spec)


def _job(obj: Object) -> None:
    _job_spec(obj.setdefault("spec", {}))


def _cron_job(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _set(spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    job = spec.setdefault("jobTemplate", {}).setdefault("spec", {})
    _template(job)


def _service(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _set(spec, sessionAffinity="None", type="ClusterIP")
    if spec["sessionAffinity"] == "ClientIP":
        _set(spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {}), timeoutSeconds=10800)
    for port in spec.get("ports", ()):
        _set(port, protocol="TCP", targetPort=port["port"])
    if spec["type"] in {"NodePort", "LoadBalancer"}:
        _set(spec, externalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        _set(spec, allocateLoadBalancerNodePorts=True)
    if spec["type"] != "ExternalName":
        _set(spec, internalTrafficPolicy="Cluster")


def _secret(obj: Object) -> None:
    _set(obj, type="Opaque")


def _namespace(obj: Object) -> None:
    name = obj.get("metadata", {}).get("name")
    if name:
        obj["metadata"].setdefault("labels", {}).setdefault("kubernetes.io/metadata.name", name)


def _claim(obj: Object) -> None:
    _set(obj.setdefault("spec", {}), volumeMode="Filesystem")


def _volume_itself(obj: Object) -> None:
    _set(obj.setdefault("spec", {}), volumeMode="Filesystem", persistentVolumeReclaimPolicy="Retain")


def _binding(obj: Object) -> None:
    _set(obj.get("roleRef", {}), apiGroup="rbac.authorization.k8s.io")
    for subject in obj.get("subjects", ()):
        if subject.get("kind") in {"User", "Group"}:
            _set(subject, apiGroup="rbac.authorization.k8s.io")


def _policy(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _set(spec, policyTypes=["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    ports = [port for rule in (*spec.get("ingress", ()), *spec.get("egress", ())) for port in rule.get("ports", ())]
    for port in ports:
        _set(port, protocol="TCP")


def _autoscaler(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _set(spec, minReplicas=1)
    utilization = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
    }
    _set(spec, metrics=[utilization])


def _definition(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    names = spec.setdefault("names", {})
    _set(spec, conversion={"strategy": "None"})
    if "kind" in names:
        _set(names, singular=names["kind"].lower(), listKind=f"{names['kind']}List")


def _storage_class(obj: Object) -> None:
    _set(obj, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _priority_class(obj: Object) -> None:
    _set(obj, preemptionPolicy="PreemptLowerPriority")


_KINDS: Final[Mapping[str, Callable[[Object], None]]] = {
    "Pod": _pod_itself,
    "PodTemplate": _template,
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "ReplicaSet": _replica_set,
    "ReplicationController": _replica_set,
    "Job": _job,
    "CronJob": _cron_job,
    "Service": _service,
    "Secret": _secret,
    "Namespace": _namespace,
    "PersistentVolumeClaim": _claim,
    "PersistentVolume": _volume_itself,
    "RoleBinding": _binding,
    "ClusterRoleBinding": _binding,
    "NetworkPolicy": _policy,
    "HorizontalPodAutoscaler": _autoscaler,
    "CustomResourceDefinition": _definition,
    "StorageClass": _storage_class,
    "PriorityClass": _priority_class,
}

_ADDRESSES: Final = count(10)


def allocate(kind: Kind, obj: Object, live: Object | None) -> None:
    """What the server itself writes as it stores an object: nobody owns it."""
    if kind.kind == "Service" and not kind.custom:
        _addresses(obj["spec"], (live or {}).get("spec", {}))
    elif kind.kind == "Secret":
        _strings(obj)
    elif kind.kind == "Namespace" and live is None:
        obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
        obj["status"] = {"phase": "Active"}
    elif kind.kind == "Job" and kind.group == "batch" and live is None:
        _selected(obj)
    elif kind.kind == "PersistentVolumeClaim" and live is None:
        obj["status"] = {"phase": "Pending"}
    elif kind.kind == "Pod" and live is None:
        obj["status"] = {"phase": "Pending", "qosClass": "BestEffort"}


def _addresses(spec: Object, before: Object) -> None:
    if spec["type"] == "ExternalName":
        return
    for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"):
        if name in before:
            spec.setdefault(name, before[name])
    number = next(_ADDRESSES) if "clusterIP" not in spec else 0
    _set(spec, clusterIP=f"10.96.{number // 250}.{number % 250 + 1}")
    _set(spec, clusterIPs=[spec["clusterIP"]], ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
    if spec["type"] in {"NodePort", "LoadBalancer"}:
        known = {
            (port["port"], port["protocol"]): port["nodePort"] for port in before.get("ports", ()) if "nodePort" in port
        }
        for port in spec.get("ports", ()):
            node_port = known.get((port["port"], port["protocol"]))
            _set(port, nodePort=node_port or 30000 + next(_ADDRESSES) % 2767)


def _strings(obj: Object) -> None:
    strings = obj.pop("stringData", None) or {}
    for name, text in strings.items():
        obj.setdefault("data", {})[name] = base64.b64encode(text.encode()).decode()


def _selected(obj: Object) -> None:
    spec, uid = obj["spec"], obj["metadata"]["uid"]
    if spec.get("manualSelector"):
        return
    names = {"batch.kubernetes.io/controller-uid": uid, "controller-uid": uid}
    jobs = {"batch.kubernetes.io/job-name": obj["metadata"]["name"], "job-name": obj["metadata"]["name"]}
    spec["template"].setdefault("metadata", {}).setdefault("labels", {}).update(names | jobs)
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
