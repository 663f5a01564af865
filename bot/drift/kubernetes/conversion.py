"""An object in the form in which the API server stores it, where that takes more than the fields beside a field.

Defaults that follow from one mapping stand in :mod:`bot.drift.kubernetes.defaults`; here is what reaches across an object.
Applied to both sides by :mod:`bot.drift.kubernetes.objects`, so that a side that has it already stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bot.drift.kubernetes.versions import current, metric
from bot.drift.values import encoded
from bot.model.json import JSON, Tree, elements, get, mapping, read_json
from bot.model.resource import ResourceId

_TEMPLATED: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"})
_CONTAINERS: Final = ("containers", "initContainers")

_Container = Callable[[Tree], Tree]


def as_stored(desired: Tree, observed: Tree, id_: ResourceId) -> tuple[Tree, Tree]:
    """Both trees with what the server moves, copies and derives said in one way."""
    desired, observed = current(desired, observed, id_), current(observed, desired, id_)
    match id_.kind:
        case "Secret" if not id_.group:
            return _encoded(desired), _encoded(observed)
        case "HorizontalPodAutoscaler" if id_.group == "autoscaling":
            return _second_form(desired), _second_form(observed)
        case "Job" | "ReplicationController":
            desired, observed = _labelled(desired), _labelled(observed)
        case "RoleBinding":
            return _placed(desired), _placed(observed)
        case "Pod" if not id_.group:
            desired, observed = _at(desired, ("spec",), _requested), _at(observed, ("spec",), _requested)
        case "CronJob":
            return _on_host(desired, observed, ("spec", "jobTemplate", "spec", "template", "spec"))
        case _:
            pass
    if id_.kind in _TEMPLATED:
        return _on_host(desired, observed, ("spec", "template", "spec"))
    return _on_host(desired, observed, ("spec",)) if id_.kind == "Pod" else (desired, observed)


def _encoded(tree: Tree) -> Tree:
    """A Secret's ``stringData`` in ``data`` (``Convert_v1_Secret_To_core_Secret``, ``pkg/apis/core/v1/conversion.go``)."""
    if not isinstance(tree.get("stringData"), (dict, Mapping)):
        return tree
    plain = {key: encoded(value) for key, value in mapping(tree["stringData"]).items()}
    return {**tree, "data": {**mapping(tree.get("data")), **plain}}


def _second_form(tree: Tree) -> Tree:
    """``autoscaling/v1`` as ``v2``: the target of the processor is one of the metrics, and notes hold what the version has
    no field for (``pkg/apis/autoscaling/v1/conversion.go``).
    """
    spec = mapping(tree.get("spec"))
    target = spec.get("targetCPUUtilizationPercentage")
    tree, metrics, behavior = _noted(tree) if tree.get("apiVersion") == "autoscaling/v1" else (tree, [], None)
    if target is None and not metrics and behavior is None:
        return tree
    if target is not None:
        cpu: dict[str, JSON] = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}
        metrics = [{"type": "Resource", "resource": cpu}, *metrics]
    other_fields = {key: value for key, value in spec.items() if key != "targetCPUUtilizationPercentage"}
    scaling = {} if behavior is None else {"behavior": behavior}
    return {**tree, "spec": {**other_fields, **scaling, **({"metrics": metrics} if metrics else {})}}


_METRICS: Final = "autoscaling.alpha.kubernetes.io/metrics"
_BEHAVIOR: Final = "autoscaling.alpha.kubernetes.io/behavior"


def _noted(tree: Tree) -> tuple[Tree, list[JSON], JSON]:
    """``tree`` without its notes of metrics and behaviour, and what they say; what does not parse stays a note."""
    notes = dict(mapping(get(tree, "metadata", "annotations")))
    metrics, behavior = _parsed(notes.get(_METRICS)), _parsed(notes.get(_BEHAVIOR))
    if isinstance(metrics, list):
        del notes[_METRICS]
    if isinstance(behavior, dict):
        del notes[_BEHAVIOR]
    metric_list: list[JSON] = [metric(mapping(entry)) for entry in metrics] if isinstance(metrics, list) else []
    kept_tree = {**tree, "metadata": {**mapping(tree.get("metadata")), "annotations": notes}}
    return kept_tree, metric_list, _field_names(behavior) if isinstance(behavior, dict) else None


def _parsed(note: JSON) -> JSON:
    """A note's JSON; None where it is none, or nothing that was ever written there."""
    return read_json(note) if isinstance(note, str) and len(note) <= _LONGEST_NOTE else None


_LONGEST_NOTE: Final = 65536


def _field_names(value: JSON) -> JSON:
    """The server notes a type of its own there, whose names begin with a capital; nulls are not said."""
    if isinstance(value, dict):
        return {
            key[:1].lower() + key[1:]: _field_names(value_below)
            for key, value_below in value.items()
            if value_below is not None
        }
    return [_field_names(element) for element in value] if isinstance(value, list) else value


def _labelled(tree: Tree) -> Tree:
    """Without labels of its own the object gets those of its template (``batch/v1 SetDefaults_Job``,
    ``core/v1 SetDefaults_ReplicationController``).
    """
    metadata = mapping(tree.get("metadata"))
    copied = get(tree, "spec", "template", "metadata", "labels")
    if metadata.get("labels") or not copied:
        return tree
    return {**tree, "metadata": {**metadata, "labels": copied}}


def _placed(tree: Tree) -> Tree:
    """A service account without a namespace is one of the binding's own (``plugin/pkg/auth/authorizer/rbac/rbac.go``,
    ``appliesToUser``).
    """
    namespace, subjects = get(tree, "metadata", "namespace"), tree.get("subjects")
    if not namespace or not isinstance(subjects, (list, tuple)):
        return tree
    return {**tree, "subjects": [_subject(mapping(subject), namespace) for subject in elements(subjects)]}


def _subject(subject: Tree, namespace: JSON) -> Tree:
    lone = subject.get("kind") == "ServiceAccount" and not subject.get("namespace")
    return {**subject, "namespace": namespace} if lone else subject


def _each(spec: Tree, change: _Container) -> Tree:
    """A pod's ``spec`` with every container changed; what is no container stays."""
    changed: dict[str, JSON] = {
        name: [
            change(container) if isinstance(container, (dict, Mapping)) else container
            for container in elements(spec[name])
        ]
        for name in _CONTAINERS
        if isinstance(spec.get(name), (list, tuple))
    }
    return {**spec, **changed}


def _requested(container: Tree) -> Tree:
    """A limit is a request too where none is made (``core/v1 SetDefaults_Pod``; templates are left alone)."""
    resources = mapping(container.get("resources"))
    limits = mapping(resources.get("limits"))
    if not limits:
        return container
    return {**container, "resources": {**resources, "requests": {**limits, **mapping(resources.get("requests"))}}}


def _on_host(desired: Tree, observed: Tree, keys: tuple[str, ...]) -> tuple[Tree, Tree]:
    """On the host's network a port of the container is that port of the host, whether that is written or not
    (``core/v1 defaultHostNetworkPorts``; servers since 1.28 leave it out of templates).
    """
    if get(desired, *keys, "hostNetwork") is not True or get(observed, *keys, "hostNetwork") is not True:
        return desired, observed
    return _at(desired, keys, _published), _at(observed, keys, _published)


def _at(tree: Tree, keys: tuple[str, ...], change: _Container) -> Tree:
    """``tree`` with the containers of the pod that is at ``keys`` changed; one without such a pod stays."""
    if not keys:
        return _each(tree, change)
    below = tree.get(keys[0])
    return {**tree, keys[0]: _at(below, keys[1:], change)} if isinstance(below, (dict, Mapping)) else tree


def _published(container: Tree) -> Tree:
    ports = container.get("ports")
    if not isinstance(ports, (list, tuple)):
        return container
    return {**container, "ports": [_without_same(port) for port in ports]}


def _without_same(port: JSON) -> JSON:
    if not isinstance(port, (dict, Mapping)) or port.get("hostPort") != port.get("containerPort"):
        return port
    return {key: value for key, value in port.items() if key != "hostPort"}
