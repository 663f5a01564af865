"""Objects in an API version that is gone, said in the version that servers store today.

Called by :mod:`bot.drift.kubernetes.conversion` for both sides of a pair; what is in today's version stays as it is. A
conversion is that of the server's own (``pkg/apis/GROUP/VERSION/conversion.go``). A default of the old version stands
only where the other side has it: who applies the object again through a newer one gets the newer default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bot.model.json import JSON, Tree, elements, get, mapping, text
from bot.model.resource import ResourceId

SUCCESSORS: Final[Mapping[tuple[str, str], str]] = {
    ("extensions", "DaemonSet"): "apps",
    ("extensions", "Deployment"): "apps",
    ("extensions", "ReplicaSet"): "apps",
    ("extensions", "Ingress"): "networking.k8s.io",
    ("extensions", "NetworkPolicy"): "networking.k8s.io",
    ("extensions", "PodSecurityPolicy"): "policy",
    ("events.k8s.io", "Event"): "",
}
"""The group that serves the same objects now (Kubernetes: Deprecated API Migration Guide)."""

_MAX: Final = 2147483647
_OLD: Final[Mapping[tuple[str, str], Mapping[str, JSON]]] = {
    ("extensions/v1beta1", "Deployment"): {
        "progressDeadlineSeconds": _MAX,
        "revisionHistoryLimit": _MAX,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}},
    },
    ("apps/v1beta1", "Deployment"): {"revisionHistoryLimit": 2},
    ("extensions/v1beta1", "DaemonSet"): {"updateStrategy": {"type": "OnDelete"}},
    ("apps/v1beta1", "StatefulSet"): {"updateStrategy": {"type": "OnDelete"}},
}
"""Defaults that only these versions have (Kubernetes: Deprecated API Migration Guide; ``SetDefaults_*`` in
``pkg/apis/extensions/v1beta1`` and ``pkg/apis/apps/v1beta1``).
"""
_REMOVED_FIELDS: Final = frozenset({"rollbackTo", "templateGeneration"})
"""Fields of ``extensions/v1beta1`` that no later version has."""
_TEMPLATED: Final = frozenset({"extensions/v1beta1", "apps/v1beta1", "batch/v1beta1"})
_SELECTING: Final = frozenset({"Deployment", "DaemonSet", "ReplicaSet", "StatefulSet"})
"""Kinds whose selector these versions took from the template's labels and ``apps/v1`` requires (the same guide)."""


def current(tree: Tree, other_side: Tree, id_: ResourceId) -> Tree:
    """``tree`` in the version that servers store; ``other_side`` is the other side of the comparison."""
    convert = _CONVERSIONS.get((text(tree.get("apiVersion")), id_.kind))
    if convert is not None:
        tree = convert(tree)
    version = text(tree.get("apiVersion"))
    if version == "extensions/v1beta1" and not _REMOVED_FIELDS.isdisjoint(mapping(tree.get("spec"))):
        tree = {
            **tree,
            "spec": {key: value for key, value in mapping(tree["spec"]).items() if key not in _REMOVED_FIELDS},
        }
    if version in _TEMPLATED and id_.kind in _SELECTING:
        tree = _with_selector(tree)
    old_defaults = _OLD.get((version, id_.kind))
    return tree if old_defaults is None else _with_defaults(tree, mapping(other_side.get("spec")), old_defaults)


def is_converted(tree: Tree) -> bool:
    """Whether ``tree`` is compared in another form than the one it is written in."""
    return (text(tree.get("apiVersion")), text(tree.get("kind"))) in _CONVERSIONS


def _with_selector(tree: Tree) -> Tree:
    """Without a selector one that takes the template's labels (``SetDefaults_Deployment`` before ``apps/v1beta2``)."""
    spec = mapping(tree.get("spec"))
    labels = get(spec, "template", "metadata", "labels")
    if spec.get("selector") or not labels:
        return tree
    return {**tree, "spec": {**spec, "selector": {"matchLabels": labels}}}


def _with_defaults(tree: Tree, other_side: Tree, old_defaults: Mapping[str, JSON]) -> Tree:
    spec = mapping(tree.get("spec"))
    missing = {key: value for key, value in old_defaults.items() if key not in spec and other_side.get(key) == value}
    return {**tree, "spec": {**spec, **missing}} if missing else tree


def _ingress(tree: Tree) -> Tree:
    """Backends in the form of ``networking/v1`` (``Convert_v1beta1_IngressBackend_To_networking_IngressBackend``)."""
    spec = dict(mapping(tree.get("spec")))
    if "backend" in spec:
        spec["defaultBackend"] = _backend(spec.pop("backend"))
    if isinstance(spec.get("rules"), (list, tuple)):
        spec["rules"] = [_ingress_rule(mapping(rule)) for rule in elements(spec["rules"])]
    return {**tree, "spec": spec}


def _ingress_rule(rule: Tree) -> Tree:
    http = mapping(rule.get("http"))
    paths = [
        {**mapping(path), "backend": _backend(mapping(path)["backend"])} if "backend" in mapping(path) else path
        for path in elements(http.get("paths"))
    ]
    return {**rule, "http": {**http, "paths": paths}} if "paths" in http else rule


def _backend(backend_value: JSON) -> JSON:
    backend = mapping(backend_value)
    if "serviceName" not in backend and "servicePort" not in backend:
        return backend_value
    kept_fields = {key: value for key, value in backend.items() if key not in {"serviceName", "servicePort"}}
    port = backend.get("servicePort")
    number = port if not isinstance(port, str) else int(port) if port.isdecimal() else None
    port_reference: dict[str, JSON] = {"name": port} if number is None else {"number": number}
    service: dict[str, JSON] = {
        "name": backend.get("serviceName"),
        **({} if port in (None, "") else {"port": port_reference}),
    }
    return {**kept_fields, "service": service}


def _autoscaler(tree: Tree) -> Tree:
    """Metrics in the form of ``autoscaling/v2`` (``pkg/apis/autoscaling/v2beta1/conversion.go``)."""
    spec = mapping(tree.get("spec"))
    if not isinstance(spec.get("metrics"), (list, tuple)):
        return tree
    return {**tree, "spec": {**spec, "metrics": [metric(mapping(entry)) for entry in elements(spec["metrics"])]}}


def metric(metric_tree: Tree) -> Tree:
    """One metric of an autoscaler in the form of ``autoscaling/v2``."""
    kind = text(metric_tree.get("type"))
    name = kind[:1].lower() + kind[1:]
    return (
        {**metric_tree, name: _metric_source(name, mapping(metric_tree[name]))} if name in metric_tree else metric_tree
    )


_MEASURED: Final = (
    ("targetAverageUtilization", "Utilization", "averageUtilization"),
    ("targetAverageValue", "AverageValue", "averageValue"),
    ("averageValue", "AverageValue", "averageValue"),
    ("targetValue", "Value", "value"),
)
"""Fields of ``autoscaling/v2beta1`` -> type and field of the target since v2beta2 (Kubernetes: Deprecated API Migration Guide,
"HorizontalPodAutoscaler").
"""


def _metric_source(name: str, source: Tree) -> Tree:
    aimed = next(((old, kind, new) for old, kind, new in _MEASURED if source.get(old) is not None), None)
    if aimed is None:
        return source
    old, kind, new = aimed
    converted: dict[str, JSON] = {"target": {"type": kind, new: source[old]}}
    if name == "object":
        converted["describedObject"] = source.get("target")
    if "metricName" in source:
        selector = source.get("metricSelector") or source.get("selector")
        converted["metric"] = {"name": source["metricName"], **({"selector": selector} if selector else {})}
    kept_fields = {key: source[key] for key in ("name", "container") if key in source}
    return {**kept_fields, **converted}


def _definition(tree: Tree) -> Tree:
    """One list of versions with a schema each, as in ``apiextensions/v1`` (``pkg/apis/apiextensions/v1beta1/
    conversion.go`` of apiextensions-apiserver).
    """
    spec = dict(mapping(tree.get("spec")))
    shared = {
        new: value
        for old, new in (("subresources", "subresources"), ("additionalPrinterColumns", "additionalPrinterColumns"))
        if (value := spec.pop(old, None)) is not None
    }
    if (validation := spec.pop("validation", None)) is not None:
        shared["schema"] = validation
    version = spec.pop("version", None)
    versions = elements(spec.get("versions")) or (
        [{"name": version, "served": True, "storage": True}] if version else ()
    )
    spec["versions"] = [_with_columns({**shared, **mapping(version_tree)}) for version_tree in versions]
    if not mapping(spec.get("conversion")) or get(spec, "conversion", "strategy") == "None":
        spec.pop("conversion", None)
    return {**tree, "spec": spec}


def _with_columns(version: Tree) -> Tree:
    columns = version.get("additionalPrinterColumns")
    if not isinstance(columns, (list, tuple)):
        return version
    return {
        **version,
        "additionalPrinterColumns": [
            {("jsonPath" if key == "JSONPath" else key): value for key, value in mapping(column).items()}
            for column in columns
        ],
    }


def _priority_level(tree: Tree) -> Tree:
    """The shares by their later name (``pkg/apis/flowcontrol/v1beta2/conversion.go``)."""
    spec, limited = mapping(tree.get("spec")), mapping(get(tree, "spec", "limited"))
    if "assuredConcurrencyShares" not in limited:
        return tree
    kept_fields = {key: value for key, value in limited.items() if key != "assuredConcurrencyShares"}
    renamed = {**kept_fields, "nominalConcurrencyShares": limited["assuredConcurrencyShares"]}
    return {**tree, "spec": {**spec, "limited": renamed}}


def _slice(tree: Tree) -> Tree:
    """Zones as a field of their own, the rest of the topology as ``deprecatedTopology``
    (``pkg/apis/discovery/v1beta1/conversion.go``).
    """
    if not isinstance(tree.get("endpoints"), (list, tuple)):
        return tree
    return {**tree, "endpoints": [_endpoint(mapping(endpoint)) for endpoint in elements(tree["endpoints"])]}


_HOST: Final = "kubernetes.io/hostname"
_ZONE: Final = "topology.kubernetes.io/zone"


def _endpoint(endpoint: Tree) -> Tree:
    topology = endpoint.get("topology")
    if not isinstance(topology, (dict, Mapping)):
        return endpoint
    topology_keys = {_ZONE, *((_HOST,) if topology.get(_HOST) == endpoint.get("nodeName") else ())}
    other_topology = {key: value for key, value in topology.items() if key not in topology_keys}
    kept_fields = {key: value for key, value in endpoint.items() if key != "topology"}
    zone = {"zone": topology[_ZONE]} if _ZONE in topology else {}
    return {**kept_fields, **zone, **({"deprecatedTopology": other_topology} if other_topology else {})}


def _runtime(tree: Tree) -> Tree:
    """What was below ``spec`` stands at the top (``pkg/apis/node/v1alpha1/conversion.go``)."""
    spec = mapping(tree.get("spec"))
    renamed_fields = {("handler" if key == "runtimeHandler" else key): value for key, value in spec.items()}
    return {**{key: value for key, value in tree.items() if key != "spec"}, **renamed_fields}


_EXACT_FIELDS: Final = frozenset({"name", "firstAvailable"})


def _claim(tree: Tree) -> Tree:
    """Requests for one kind of device below ``exactly`` (``pkg/apis/resource/v1beta1/conversion.go``)."""
    requests = get(tree, "spec", "devices", "requests")
    if not isinstance(requests, (list, tuple)):
        return tree
    spec, devices = mapping(tree.get("spec")), mapping(get(tree, "spec", "devices"))
    converted = [_request(mapping(request)) for request in elements(requests)]
    return {**tree, "spec": {**spec, "devices": {**devices, "requests": converted}}}


def _request(request: Tree) -> Tree:
    exactly = {key: value for key, value in request.items() if key not in _EXACT_FIELDS}
    if request.get("firstAvailable") or not exactly:
        return request
    return {"name": request.get("name"), "exactly": exactly}


def _claim_template(tree: Tree) -> Tree:
    spec = mapping(tree.get("spec"))
    return {**tree, "spec": {**spec, **_claim({"spec": mapping(spec.get("spec"))})}}


_CONVERSIONS: Final[Mapping[tuple[str, str], Callable[[Tree], Tree]]] = {
    ("extensions/v1beta1", "Ingress"): _ingress,
    ("networking.k8s.io/v1beta1", "Ingress"): _ingress,
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler"): _autoscaler,
    ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition"): _definition,
    ("discovery.k8s.io/v1beta1", "EndpointSlice"): _slice,
    ("node.k8s.io/v1alpha1", "RuntimeClass"): _runtime,
    ("resource.k8s.io/v1beta1", "ResourceClaim"): _claim,
    ("resource.k8s.io/v1beta1", "ResourceClaimTemplate"): _claim_template,
    ("flowcontrol.apiserver.k8s.io/v1beta1", "PriorityLevelConfiguration"): _priority_level,
    ("flowcontrol.apiserver.k8s.io/v1beta2", "PriorityLevelConfiguration"): _priority_level,
}
