"""What a server refuses as invalid: names, required fields and changes of fields that are immutable.

The messages are those of the ``validation.go`` of each group in kubernetes/kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from tests.appliers.kube.paths import compact
from tests.appliers.kube.schema import Kind, Schema, TypeRef

Cause: TypeAlias = tuple[str, str, str]
"""(reason, message, field)."""
_IMMUTABLE: Final[Mapping[str, tuple[str, ...]]] = {
    "Deployment": ("spec.selector",),
    "DaemonSet": ("spec.selector",),
    "ReplicaSet": ("spec.selector",),
    "Job": ("spec.completions", "spec.selector", "spec.template", "spec.completionMode"),
    "StorageClass": ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
    "PriorityClass": ("value", "preemptionPolicy"),
    "Secret": ("type",),
    "CustomResourceDefinition": ("spec.group", "spec.scope", "spec.names.kind", "spec.names.plural"),
    "IngressClass": ("spec.controller",),
}
_STATEFUL: Final = frozenset(
    [
        *("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit"),
        *("persistentVolumeClaimRetentionPolicy", "minReadySeconds"),
    ]
)
_STATEFUL_MESSAGE: Final = (
    "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_SECRET_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
"""What a Secret of a type must hold (https://kubernetes.io/docs/concepts/configuration/secret/#secret-types)."""
_CLAIM_MESSAGE: Final = (
    "Forbidden: spec is immutable after creation except resources.requests "
    "and volumeAttributesClassName for bound claims"
)
_POD_MESSAGE: Final = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SUBDOMAIN_MESSAGE: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def faults(schema: Schema, kind: Kind, new: Mapping[str, Any], old: Mapping[str, Any] | None) -> list[Cause]:
    """Everything that is wrong with ``new`` in the place of ``old``, which is None where it is created."""
    causes = [*_name(kind, new), *_required(schema, kind.type, new, "")]
    if not kind.custom:
        causes += _selected(kind, new)
        causes += _secret(kind, new)
        causes += _frozen(kind, new, old) if old is not None else ()
    return causes


def _name(kind: Kind, new: Mapping[str, Any]) -> Iterator[Cause]:
    name = new["metadata"].get("name", "")
    loose = kind.group == "rbac.authorization.k8s.io"
    if not name:
        yield "FieldValueRequired", "Required value: name or generateName is required", "metadata.name"
    elif not loose and not (_SUBDOMAIN.fullmatch(name) and len(name) <= 253):
        yield "FieldValueInvalid", f"Invalid value: {compact(name)}: {_SUBDOMAIN_MESSAGE}", "metadata.name"


def _required(schema: Schema, ref: TypeRef | None, value: Any, path: str) -> Iterator[Cause]:
    atom = schema.resolve(ref).for_value(value)
    if atom.map is not None and isinstance(value, Mapping):
        for name in atom.map.required:
            if value.get(name) is None and not (name == "template" and path == "spec.jobTemplate.spec"):
                yield "FieldValueRequired", "Required value", f"{path}.{name}" if path else name
        for name, inner in value.items():
            yield from _required(schema, atom.map.of(name), inner, f"{path}.{name}" if path else name)
    elif atom.list is not None and atom.scalar is None and isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _required(schema, atom.list.element, inner, f"{path}[{index}]")


def _selected(kind: Kind, new: Mapping[str, Any]) -> Iterator[Cause]:
    """A workload's template has the labels that its selector asks for; it has a container."""
    spec = new.get("spec", {})
    template = spec.get("template", {}) if kind.group in {"apps", "batch"} else {}
    if kind.group == "apps" and kind.kind != "ControllerRevision":
        labels = template.get("metadata", {}).get("labels", {})
        selector = spec.get("selector", {}).get("matchLabels", {})
        if any(labels.get(name) != value for name, value in selector.items()):
            message = f"Invalid value: {compact(labels)}: `selector` does not match template `labels`"
            yield "FieldValueInvalid", message, "spec.template.metadata.labels"
    if template and not template.get("spec", {}).get("containers"):
        yield "FieldValueRequired", "Required value", "spec.template.spec.containers"
    if kind.kind == "Service" and not kind.group:
        yield from _ports(spec.get("ports", ()))
    if kind.kind == "Service" and spec.get("type") == "ExternalName" and not spec.get("externalName"):
        yield "FieldValueRequired", "Required value", "spec.externalName"


def _secret(kind: Kind, new: Mapping[str, Any]) -> Iterator[Cause]:
    """A Secret holds what its type promises."""
    if kind.kind == "Secret":
        for key in _SECRET_KEYS.get(new.get("type", ""), ()):
            if key not in new.get("data", {}):
                yield "FieldValueRequired", "Required value", f"data[{key}]"


def _ports(ports: Sequence[Mapping[str, Any]]) -> Iterator[Cause]:
    """A Service names each of its ports otherwise."""
    names = [port.get("name", "") for port in ports]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield "FieldValueDuplicate", f"Duplicate value: {compact(name)}", f"spec.ports[{index}].name"


def _frozen(kind: Kind, new: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[Cause]:
    for path in _IMMUTABLE.get(kind.kind, ()):
        before, after = _at(old, path), _at(new, path)
        if before != after:
            yield "FieldValueInvalid", f"Invalid value: {compact(after)}: field is immutable", path
    spec, was = new.get("spec", {}), old.get("spec", {})
    match kind.kind:
        case "StatefulSet" if _rest(spec, _STATEFUL) != _rest(was, _STATEFUL):
            yield "FieldValueForbidden", _STATEFUL_MESSAGE, "spec"
        case "Service" if was.get("type") != "ExternalName" and was.get("clusterIP") not in {
            None,
            spec.get("clusterIP"),
        }:
            value = compact([spec.get("clusterIP", "")])
            yield "FieldValueInvalid", f"Invalid value: {value}: may not change once set", "spec.clusterIPs[0]"
        case "PersistentVolumeClaim" if _claimed(spec) != _claimed(was):
            yield "FieldValueForbidden", _CLAIM_MESSAGE, "spec"
        case "Pod" if _run(spec) != _run(was):
            yield "FieldValueForbidden", _POD_MESSAGE, "spec"
        case "ConfigMap" | "Secret" if old.get("immutable") and any(
            old.get(name) != new.get(name) for name in ("data", "binaryData", "immutable")
        ):
            yield "FieldValueForbidden", "Forbidden: field is immutable when `immutable` is set", "data"


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _rest(spec: Mapping[str, Any], changeable: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name not in changeable}


def _claimed(spec: Mapping[str, Any]) -> dict[str, Any]:
    return _rest(spec, frozenset({"resources", "volumeAttributesClassName", "volumeName"}))


def _run(spec: Mapping[str, Any]) -> dict[str, Any]:
    rest = _rest(spec, frozenset({"activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName"}))
    for name in ("containers", "initContainers"):
        rest[name] = [{key: value for key, value in each.items() if key != "image"} for each in rest.get(name, ())]
    return rest
