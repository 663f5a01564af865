"""What an API server and the controllers of GitOps make of an object that is applied: the live side of the tests.

Written from the API's documentation and not from the comparison's own tables, so that each checks the other. Sources:
Kubernetes API reference v1.33 (the "defaults to" of each field; ``pkg/apis/*/v1/defaults.go``), "Server-Side Apply",
the API references of Flux, Argo CD's "Resource Tracking", and ``setMetadataVisitor`` in Helm's ``pkg/action/validate.go``.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from bot.model.target import RenderedObject, Unit, UnitKind

Object = dict[str, Any]

CLUSTER_SCOPED: Final = frozenset(
    {
        "Namespace",
        "Node",
        "PersistentVolume",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "StorageClass",
        "IngressClass",
        "GatewayClass",
        "PriorityClass",
        "RuntimeClass",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
        "APIService",
        "CSIDriver",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ClusterIssuer",
        "ClusterSecretStore",
        "VolumeSnapshotClass",
        "DeviceClass",
    }
)
_SUFFIXES: Final = {"m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def live(unit: Unit, made: RenderedObject, *, managed: bool) -> Object:
    """The object as a cluster holds it after ``unit`` was deployed. ``managed``: it tells who wrote its fields."""
    sent = json.loads(json.dumps(made.tree, default=dict))
    _labelled(sent, unit)
    tree: Object = copy.deepcopy(sent)
    _without_nothing(tree)
    kind, meta = tree["kind"], tree["metadata"]
    if kind in CLUSTER_SCOPED:
        meta.pop("namespace", None)
    else:
        meta.setdefault("namespace", unit.namespace or "default")
    if "generateName" in meta and "name" not in meta:
        meta["name"] = meta["generateName"] + "x7f2q"
    _DEFAULTS.get(kind, lambda _: None)(tree)
    _numbers(tree)
    uid = hashlib.sha256(f"{kind}/{meta.get('namespace')}/{meta['name']}".encode()).hexdigest()
    meta["uid"] = f"{uid[:8]}-{uid[8:12]}-4{uid[13:16]}-8{uid[17:20]}-{uid[20:32]}"
    meta["resourceVersion"] = str(int(uid[:7], 16))
    meta["creationTimestamp"] = "2026-02-01T08:00:00Z"
    if "spec" in tree:
        meta["generation"] = 1
    if managed:
        meta["managedFields"] = [_entry(unit, sent), *_status(kind)]
    return tree


# -- what controllers write of themselves -------------------------------------------------------------------------------


def _labelled(tree: Object, unit: Unit) -> None:
    """The marks of whoever applied it."""
    meta = tree.setdefault("metadata", {})
    match unit.kind:
        case UnitKind.FLUX_KUSTOMIZATION:
            _mark(meta, "labels", "kustomize.toolkit.fluxcd.io/name", unit.name)
            _mark(meta, "labels", "kustomize.toolkit.fluxcd.io/namespace", "flux-system")
        case UnitKind.FLUX_HELM_RELEASE:
            _mark(meta, "labels", "helm.toolkit.fluxcd.io/name", unit.name)
            _mark(meta, "labels", "helm.toolkit.fluxcd.io/namespace", "flux-system")
            _helm(meta, unit)
        case UnitKind.HELM:
            _helm(meta, unit)
        case UnitKind.ARGO_APPLICATION:
            group = tree["apiVersion"].rpartition("/")[0]
            space = meta.get("namespace") or unit.namespace
            mark = f"{unit.name}:{group}/{tree['kind']}:{space}/{meta.get('name')}"
            _mark(meta, "annotations", "argocd.argoproj.io/tracking-id", mark)
            _mark(meta, "labels", "app.kubernetes.io/instance", unit.name)
        case UnitKind.KUSTOMIZE | UnitKind.DIRECTORY:
            pass


def _helm(meta: Object, unit: Unit) -> None:
    _mark(meta, "labels", "app.kubernetes.io/managed-by", "Helm")
    _mark(meta, "annotations", "meta.helm.sh/release-name", str(unit.spec.get("releaseName") or unit.name))
    _mark(meta, "annotations", "meta.helm.sh/release-namespace", unit.namespace or "default")


def _mark(meta: Object, notes: str, key: str, value: str) -> None:
    meta[notes] = {**(meta.get(notes) or {}), key: value}


_MANAGERS: Final = {
    UnitKind.FLUX_KUSTOMIZATION: ("kustomize-controller", "Apply"),
    UnitKind.FLUX_HELM_RELEASE: ("helm-controller", "Update"),
    UnitKind.HELM: ("helm", "Update"),
    UnitKind.ARGO_APPLICATION: ("argocd-controller", "Apply"),
    UnitKind.KUSTOMIZE: ("kubectl", "Apply"),
    UnitKind.DIRECTORY: ("kubectl", "Apply"),
}


def _entry(unit: Unit, sent: Object) -> Object:
    manager, operation = _MANAGERS[unit.kind]
    fields = {key: value for key, value in sent.items() if key not in {"apiVersion", "kind"}}
    fields["metadata"] = {k: v for k, v in sent["metadata"].items() if k in {"labels", "annotations"}}
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": sent["apiVersion"],
        "time": "2026-02-01T08:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": _fields(fields),
    }


def _fields(value: object) -> Object:
    """The set of fields of ``value``: keyed lists by their keys, other lists as one (Kubernetes: "Server-Side Apply")."""
    if isinstance(value, Mapping):
        return {f"f:{key}": _fields(inner) for key, inner in value.items()}
    if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
        keys = [_keys(each) for each in value]
        if all(keys):
            return {f"k:{json.dumps(key)}": {".": {}, **_fields(each)} for key, each in zip(keys, value, strict=True)}
    return {}


def _keys(element: Object) -> Object:
    if "containerPort" in element:
        return {"containerPort": element["containerPort"], "protocol": element.get("protocol", "TCP")}
    if "port" in element and "name" in element:
        return {"port": element["port"], "protocol": element.get("protocol", "TCP")}
    if "mountPath" in element:
        return {"mountPath": element["mountPath"]}
    return {"name": element["name"]} if isinstance(element.get("name"), str) else {}


def _status(kind: str) -> Iterator[Object]:
    """What others than the deployer write: statuses, finalizers, and the request of ``flux reconcile``."""
    if kind in {"Deployment", "StatefulSet", "DaemonSet"}:
        yield _update("kube-controller-manager", {"f:status": {"f:observedGeneration": {}}}, subresource="status")
    owner = {"Kustomization": "kustomize-controller", "HelmRelease": "helm-controller"}.get(kind)
    owner = "source-controller" if kind.endswith("Repository") else owner
    if owner is not None:
        yield _update(owner, {"f:metadata": {"f:finalizers": {".": {}, 'v:"finalizers.fluxcd.io"': {}}}})
        yield _update(owner, {"f:status": {"f:conditions": {}}}, subresource="status")
        yield _update("flux", {"f:metadata": {"f:annotations": {"f:reconcile.fluxcd.io/requestedAt": {}}}})
    if kind == "Application":
        yield _update("argocd-application-controller", {"f:status": {".": {}, "f:sync": {}, "f:health": {}}})


def _update(manager: str, fields: Object, *, subresource: str = "") -> Object:
    entry: Object = {
        "manager": manager,
        "operation": "Update",
        "apiVersion": "v1",
        "time": "2026-02-01T08:01:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return {**entry, "subresource": subresource} if subresource else entry


# -- defaults of the API ------------------------------------------------------------------------------------------------


def _pod(spec: Object) -> None:
    _default(
        spec,
        restartPolicy="Always",
        terminationGracePeriodSeconds=30,
        dnsPolicy="ClusterFirst",
        schedulerName="default-scheduler",
        securityContext={},
    )
    if "serviceAccountName" in spec:
        spec["serviceAccount"] = spec["serviceAccountName"]
    for name in ("containers", "initContainers"):
        for container in spec.get(name) or []:
            _container(container, host=bool(spec.get("hostNetwork")))
    for volume in spec.get("volumes") or []:
        _volume(volume)
    for constraint in spec.get("topologySpreadConstraints") or []:
        _default(constraint, nodeAffinityPolicy=None, nodeTaintsPolicy=None)
        _without_nothing(constraint)


def _container(container: Object, *, host: bool) -> None:
    image = str(container.get("image", ""))
    tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    fresh = "@" not in image and tag in {"", "latest"}
    _default(
        container,
        imagePullPolicy="Always" if fresh else "IfNotPresent",
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        resources={},
    )
    for port in container.get("ports") or []:
        _default(port, protocol="TCP")
        if host:
            _default(port, hostPort=port["containerPort"])
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(probe):
            _default(container[probe], timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
            _handler(container[probe])
    for hook in (container.get("lifecycle") or {}).values():
        _handler(hook)
    for variable in container.get("env") or []:
        if reference := (variable.get("valueFrom") or {}).get("fieldRef"):
            _default(reference, apiVersion="v1")
        if reference := (variable.get("valueFrom") or {}).get("resourceFieldRef"):
            _default(reference, divisor="0")


def _handler(handler: Object) -> None:
    if handler.get("httpGet") is not None:
        _default(handler["httpGet"], scheme="HTTP", path="/")
    if handler.get("grpc") is not None:
        _default(handler["grpc"], service="")


def _volume(volume: Object) -> None:
    for source in ("configMap", "secret", "downwardAPI", "projected"):
        if volume.get(source) is not None:
            _default(volume[source], defaultMode=420)
    if volume.get("hostPath") is not None:
        _default(volume["hostPath"], type="")
    for source in (volume.get("projected") or {}).get("sources") or []:
        if source.get("serviceAccountToken") is not None:
            _default(source["serviceAccountToken"], expirationSeconds=3600)
    for item in (volume.get("downwardAPI") or {}).get("items") or []:
        if item.get("fieldRef"):
            _default(item["fieldRef"], apiVersion="v1")
    if set(volume) == {"name"}:
        volume["emptyDir"] = {}


def _deployment(tree: Object) -> None:
    spec = tree["spec"]
    _default(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600, strategy={})
    _default(spec["strategy"], type="RollingUpdate")
    if spec["strategy"]["type"] == "RollingUpdate":
        _default(spec["strategy"], rollingUpdate={})
        _default(spec["strategy"]["rollingUpdate"], maxSurge="25%", maxUnavailable="25%")
    _template(spec)
    _mark(tree["metadata"], "annotations", "deployment.kubernetes.io/revision", "3")
    tree["status"] = {"observedGeneration": 1, "replicas": spec["replicas"], "readyReplicas": spec["replicas"],
                      "updatedReplicas": spec["replicas"], "availableReplicas": spec["replicas"]}  # fmt: skip


def _template(spec: Object) -> None:
    _default(spec["template"], metadata={})
    spec["template"]["metadata"]["creationTimestamp"] = None
    _pod(spec["template"]["spec"])


def _stateful_set(tree: Object) -> None:
    spec = tree["spec"]
    _default(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady", updateStrategy={})
    _default(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        _default(spec["updateStrategy"], rollingUpdate={"partition": 0})
    _default(spec, persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Retain"})
    for claim in spec.get("volumeClaimTemplates") or []:
        _default(claim, apiVersion="v1", kind="PersistentVolumeClaim")
        _default(claim["spec"], volumeMode="Filesystem")
        claim["status"] = {"phase": "Pending"}
    _template(spec)
    tree["status"] = {"observedGeneration": 1, "replicas": spec["replicas"], "readyReplicas": spec["replicas"],
                      "currentReplicas": spec["replicas"], "updatedReplicas": spec["replicas"]}  # fmt: skip


def _daemon_set(tree: Object) -> None:
    spec = tree["spec"]
    _default(spec, revisionHistoryLimit=10, updateStrategy={})
    _default(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        _default(spec["updateStrategy"], rollingUpdate={})
        _default(spec["updateStrategy"]["rollingUpdate"], maxSurge=0, maxUnavailable=1)
    _template(spec)
    _mark(tree["metadata"], "annotations", "deprecated.daemonset.template.generation", "1")


def _job_spec(spec: Object) -> None:
    if spec.get("parallelism") is None:
        _default(spec, completions=1)
    _default(spec, parallelism=1, backoffLimit=6, completionMode="NonIndexed", suspend=False)
    _default(spec, podReplacementPolicy="TerminatingOrFailed", manualSelector=False)
    _pod(spec["template"]["spec"])


def _job(tree: Object) -> None:
    spec = tree["spec"]
    _job_spec(spec)
    uid = "0b2b1d6e-6b0c-4d3f-8f3c-8a1f4c1e2d3c"
    own = {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": tree["metadata"]["name"],
           "controller-uid": uid, "job-name": tree["metadata"]["name"]}  # fmt: skip
    spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    _default(spec["template"], metadata={})
    spec["template"]["metadata"]["labels"] = {**(spec["template"]["metadata"].get("labels") or {}), **own}
    tree["status"] = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}


def _cron_job(tree: Object) -> None:
    spec = tree["spec"]
    _default(spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    _default(spec["jobTemplate"], metadata={})
    _default(spec["jobTemplate"]["spec"]["template"], metadata={})
    spec["jobTemplate"]["metadata"]["creationTimestamp"] = None
    job = spec["jobTemplate"]["spec"]
    _pod(job["template"]["spec"])
    tree["status"] = {}


def _service(tree: Object) -> None:
    spec = tree.setdefault("spec", {})
    _default(spec, type="ClusterIP", sessionAffinity="None")
    if spec["type"] == "ExternalName":
        return
    for number, port in enumerate(spec.get("ports") or []):
        _default(port, protocol="TCP", targetPort=port["port"])
        if spec["type"] in {"NodePort", "LoadBalancer"}:
            _default(port, nodePort=31000 + number)
    _default(spec, clusterIP="10.96.12.7", ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
    _default(spec, clusterIPs=[spec["clusterIP"]], internalTrafficPolicy="Cluster")
    if spec["type"] in {"NodePort", "LoadBalancer"}:
        _default(spec, externalTrafficPolicy="Cluster")
    tree["status"] = {"loadBalancer": {}}
    if spec["type"] == "LoadBalancer":
        _default(spec, allocateLoadBalancerNodePorts=True)
        tree["status"] = {"loadBalancer": {"ingress": [{"ip": "203.0.113.10"}]}}


def _claim(tree: Object) -> None:
    _default(
        tree["spec"], volumeMode="Filesystem", storageClassName="standard", volumeName="pvc-7c6a0a1e-2f0b-4a55-9a1d"
    )
    tree["metadata"]["finalizers"] = ["kubernetes.io/pvc-protection"]
    _mark(tree["metadata"], "annotations", "pv.kubernetes.io/bind-completed", "yes")
    tree["status"] = {"phase": "Bound", "capacity": {"storage": "20Gi"}}


def _secret(tree: Object) -> None:
    written = tree.pop("stringData", None) or {}
    data = tree.get("data") or {}
    tree["data"] = {**data, **{key: base64.b64encode(text.encode()).decode() for key, text in written.items()}}
    _default(tree, type="Opaque")


def _namespace(tree: Object) -> None:
    _mark(tree["metadata"], "labels", "kubernetes.io/metadata.name", tree["metadata"]["name"])
    _default(tree, spec={"finalizers": ["kubernetes"]})
    tree["status"] = {"phase": "Active"}


def _network_policy(tree: Object) -> None:
    spec = tree["spec"]
    _default(spec, policyTypes=["Ingress", *(["Egress"] if spec.get("egress") is not None else [])], podSelector={})
    for rule in [*(spec.get("ingress") or []), *(spec.get("egress") or [])]:
        for port in rule.get("ports") or []:
            _default(port, protocol="TCP")


def _autoscaler(tree: Object) -> None:
    _default(tree["spec"], minReplicas=1)
    tree["status"] = {"currentReplicas": 1, "desiredReplicas": 1}


def _binding(tree: Object) -> None:
    _default(tree["roleRef"], apiGroup="rbac.authorization.k8s.io")
    for subject in tree.get("subjects") or []:
        if subject["kind"] in {"User", "Group"}:
            _default(subject, apiGroup="rbac.authorization.k8s.io")


def _definition(tree: Object) -> None:
    spec = tree["spec"]
    _default(spec, conversion={"strategy": "None"})
    _default(spec["names"], listKind=f"{spec['names']['kind']}List", singular=spec["names"]["kind"].lower())
    tree["status"] = {
        "acceptedNames": spec["names"],
        "storedVersions": [each["name"] for each in spec["versions"] if each.get("storage")],
    }


def _webhooks(tree: Object) -> None:
    for hook in tree.get("webhooks") or []:
        _default(
            hook,
            matchPolicy="Equivalent",
            timeoutSeconds=10,
            failurePolicy="Fail",
            namespaceSelector={},
            objectSelector={},
        )
        if tree["kind"].startswith("Mutating"):
            _default(hook, reinvocationPolicy="Never")
        for rule in hook.get("rules") or []:
            _default(rule, scope="*")
        if "service" in hook["clientConfig"]:
            _default(hook["clientConfig"]["service"], port=443)


def _storage_class(tree: Object) -> None:
    _default(tree, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _flux_kustomization(tree: Object) -> None:
    if tree["apiVersion"].startswith("kustomize.toolkit.fluxcd.io/"):
        _default(tree["spec"], force=False)
        _reconciled(tree)


def _release(tree: Object) -> None:
    if chart := tree["spec"].get("chart"):
        _default(chart["spec"], reconcileStrategy="ChartVersion", version="*")
    _reconciled(tree)


def _git_repository(tree: Object) -> None:
    _default(tree["spec"], timeout="60s")
    _reconciled(tree)


def _helm_repository(tree: Object) -> None:
    _default(tree["spec"], provider="generic")
    _reconciled(tree)


def _reconciled(tree: Object) -> None:
    """A finalizer, a status, and what ``flux reconcile`` asks for."""
    tree["metadata"]["finalizers"] = ["finalizers.fluxcd.io"]
    _mark(tree["metadata"], "annotations", "reconcile.fluxcd.io/requestedAt", "2026-02-01T09:00:00.1Z")
    tree["status"] = {
        "observedGeneration": 1,
        "conditions": [{"type": "Ready", "status": "True", "reason": "Succeeded"}],
    }


def _application(tree: Object) -> None:
    tree["status"] = {"sync": {"status": "Synced", "revision": "a" * 40}, "health": {"status": "Healthy"}}
    _mark(tree["metadata"], "annotations", "argocd.argoproj.io/refresh", "normal")


_DEFAULTS: Final = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CronJob": _cron_job,
    "Service": _service,
    "Pod": lambda tree: _pod(tree["spec"]),
    "PersistentVolumeClaim": _claim,
    "Secret": _secret,
    "Namespace": _namespace,
    "NetworkPolicy": _network_policy,
    "HorizontalPodAutoscaler": _autoscaler,
    "RoleBinding": _binding,
    "ClusterRoleBinding": _binding,
    "CustomResourceDefinition": _definition,
    "MutatingWebhookConfiguration": _webhooks,
    "ValidatingWebhookConfiguration": _webhooks,
    "StorageClass": _storage_class,
    "Kustomization": _flux_kustomization,
    "HelmRelease": _release,
    "GitRepository": _git_repository,
    "OCIRepository": _git_repository,
    "HelmRepository": _helm_repository,
    "Application": _application,
}


def _default(tree: Object, **values: object) -> None:
    for key, value in values.items():
        if tree.get(key) is None:
            tree[key] = value


def _without_nothing(tree: Object) -> None:
    """A null is not stored (Kubernetes API concepts: null values are pruned or defaulted)."""
    for key, value in list(tree.items()):
        if value is None:
            del tree[key]
        elif isinstance(value, dict):
            _without_nothing(value)
        elif isinstance(value, list):
            for each in value:
                if isinstance(each, dict):
                    _without_nothing(each)


def _numbers(value: object) -> None:
    """Amounts of resources in their canonical form (Kubernetes API reference, Quantity)."""
    if isinstance(value, list):
        for each in value:
            _numbers(each)
    elif isinstance(value, dict):
        for key in ("requests", "limits"):
            if isinstance(amounts := value.get(key), dict):
                value[key] = {name: canonical(str(amount)) for name, amount in amounts.items()}
        for each in value.values():
            _numbers(each)


def canonical(quantity: str) -> str:
    """``quantity`` as the API server writes it: no fraction, the largest suffix of its kind."""
    match = re.fullmatch(r"([+-]?[\d.]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?", quantity)
    if match is None:
        return quantity
    suffix = match[2] or ""
    number = Decimal(match[1])
    if suffix in _BINARY:
        whole = number * 1024 ** _BINARY[suffix]
        for name in ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki"):
            if whole >= 1024 ** _BINARY[name] and whole % 1024 ** _BINARY[name] == 0:
                return f"{int(whole / 1024 ** _BINARY[name])}{name}"
        return str(int(whole))
    milli = int(number * Decimal(10) ** (_SUFFIXES[suffix] + 3))
    for name in ("E", "P", "T", "G", "M", "k", ""):
        if milli and milli % 10 ** (_SUFFIXES[name] + 3) == 0:
            return f"{milli // 10 ** (_SUFFIXES[name] + 3)}{name}"
    return f"{milli}m"
