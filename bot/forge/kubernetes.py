"""Stacks of provider ``kubernetes``: a Deployment and a Service per service, ConfigMaps and PersistentVolumeClaims.

Secrets are referred to by name and never rendered: their values do not belong in Git. Source of names and forms: the
Kubernetes API reference, apps/v1 and core/v1.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bot.assembly.config import Kind, Resource, Stack
from bot.assembly.values import Value, ValueForm, as_text
from bot.drift.values import nanoseconds
from bot.forge.bundle import BUILD, ArtifactPart, derived, each, fixed, listed, tree
from bot.model.json import Pointer
from bot.model.resource import Platform, ResourceId

_CONTAINER: Final[Pointer] = ("spec", "template", "spec", "containers", 0)
_PULL: Final = {"always": "Always", "missing": "IfNotPresent", "never": "Never", "build": "IfNotPresent"}
"""Compose Specification, "pull_policy", to Kubernetes documentation, "Images", "Image pull policy"."""


def parts(stack: Stack) -> Iterator[ArtifactPart]:
    """Every object of a stack, in the order of files and documents."""
    for service in stack.of(Kind.SERVICE):
        path = f"{BUILD}/{stack.name}/{service.name}.yaml"
        yield _part(stack, service, "Deployment", _deployment(stack, service), path, group="apps")
        if service.get("port") is not None:
            yield _part(stack, service, "Service", _service(stack, service), path, document=1)
    for config in stack.of(Kind.CONFIG):
        data = config.get("data") or _content(config)
        if data is not None and config.get("external") is None:
            made = tree({**_head(stack, config, "v1", "ConfigMap"), "data": data}, config.body)
            yield _part(stack, config, "ConfigMap", made, f"{BUILD}/{stack.name}/configs/{config.name}.yaml")
    for volume in stack.of(Kind.VOLUME):
        if volume.get("external") is None:
            path = f"{BUILD}/{stack.name}/volumes/{volume.name}.yaml"
            yield _part(stack, volume, "PersistentVolumeClaim", _claim(stack, volume), path)


def _part(
    stack: Stack, resource: Resource, kind: str, made: Value, path: str, *, group: str = "", document: int = 0
) -> ArtifactPart:
    identity = ResourceId(Platform.KUBERNETES, kind, stack.namespace, resource.name, group)
    task = resource.name if resource.kind is Kind.SERVICE else str(identity)
    return ArtifactPart(identity, task, resource, made, path, document, (), _containers(kind))


def _containers(kind: str) -> Mapping[Pointer, tuple[Pointer, str]]:
    labels: dict[Pointer, tuple[Pointer, str]] = {("metadata", "labels"): (("labels",), "map")}
    if kind != "Deployment":
        return labels | ({("data",): (("data",), "map")} if kind == "ConfigMap" else {})
    return labels | {
        ("metadata", "annotations"): (("annotations",), "map"),
        (*_CONTAINER, "env"): (("environment",), "pairs"),
    }


def _head(stack: Stack, resource: Resource, version: str, kind: str) -> dict[str, Value | None]:
    body = resource.body
    labels = {**_selector(stack, resource), **_entries(resource.get("labels"))}
    meta = {
        "name": resource.get("name"),
        "namespace": fixed(stack.namespace, body) if stack.namespace else None,
        "labels": tree(labels, resource.get("labels") or body),
        "annotations": resource.get("annotations"),
    }
    return {"apiVersion": fixed(version, body), "kind": fixed(kind, body), "metadata": tree(meta, body)}


def _selector(stack: Stack, resource: Resource) -> dict[str, Value]:
    """Kubernetes documentation, "Recommended Labels". A Deployment's selector cannot change: neither may these two."""
    name, part_of = "app.kubernetes.io/name", "app.kubernetes.io/part-of"
    return {name: fixed(resource.name, resource.body), part_of: fixed(stack.name, resource.body)}


def _entries(value: Value | None) -> Mapping[str, Value]:
    return value.mapping if value is not None else {}


def _deployment(stack: Stack, resource: Resource) -> Value:
    body = resource.body
    selector = tree(dict(_selector(stack, resource)), body)
    volumes = _volumes(resource)
    pod = {
        "hostname": resource.get("hostname"),
        "hostPID": fixed(value=True, like=body) if resource.text("pid") == "host" else None,
        "hostNetwork": fixed(value=True, like=body) if resource.text("network_mode") == "host" else None,
        "containers": listed([_container(resource, volumes)], body),
        "terminationGracePeriodSeconds": _seconds(resource.get("stop_grace_period")),
        "volumes": listed([volume for volume, _ in volumes], body) if volumes else None,
    }
    template = tree({"metadata": tree({"labels": selector}, body), "spec": tree(pod, body)}, body)
    spec = {
        "replicas": resource.get("replicas"),
        "selector": tree({"matchLabels": selector}, body),
        "template": template,
    }
    return tree({**_head(stack, resource, "apps/v1", "Deployment"), "spec": tree(spec, body)}, body)


def _container(resource: Resource, volumes: list[tuple[Value, Value]]) -> Value:
    body = resource.body
    pull = resource.get("pull_policy")
    made = {
        "name": fixed(resource.name, body),
        "image": resource.get("image"),
        "imagePullPolicy": derived(pull, _PULL[str(pull.data)]) if pull is not None else None,
        "command": _words(resource.get("entrypoint")),
        "args": _words(resource.get("command")),
        "workingDir": resource.get("working_dir"),
        "env": _environment(resource),
        "ports": each(resource.get("port"), _port),
        "resources": _resources(resource),
        "livenessProbe": _probe(resource),
        "securityContext": _security(resource),
        "tty": resource.get("tty"),
        "volumeMounts": listed([mount for _, mount in volumes], body) if volumes else None,
    }
    return tree(made, body)


def _words(command: Value | None) -> Value | None:
    """Words for ``command`` and ``args``, which Kubernetes hands to no shell, as Compose splits a line into words."""
    if command is None or isinstance(command.data, tuple):
        return command
    text = as_text(command) or ""
    try:
        return derived(command, list(shlex.split(text)))
    except ValueError:
        return derived(command, ["sh", "-c", text])


def _environment(resource: Resource) -> Value | None:
    environment = resource.get("environment")
    if environment is None:
        return None
    return listed([_variable(resource, name, value) for name, value in environment.mapping.items()], environment)


def _variable(resource: Resource, name: str, value: Value) -> Value:
    if not value.trace.sensitive:
        return tree({"name": fixed(name, value), "value": value}, value)
    key = {"name": f"{resource.name}-secrets", "key": name}
    public = Value(None, resource.body.trace)
    return tree({"name": fixed(name, public), "valueFrom": fixed({"secretKeyRef": key}, public)}, public)


def _port(port: Value) -> Value:
    own = port.mapping
    protocol = own.get("protocol")
    shown = derived(protocol, str(protocol.data).upper()) if protocol is not None else fixed("TCP", port)
    return tree({"name": own.get("name"), "containerPort": own["container"], "protocol": shown}, port)


def _resources(resource: Resource) -> Value | None:
    made = {
        key: tree({"cpu": block.mapping.get("cpu"), "memory": _memory(block.mapping.get("memory"))}, block)
        for key, name in (("limits", "limits"), ("requests", "reservations"))
        if (block := resource.get(name)) is not None
    }
    return tree(dict(made), resource.body) if made else None


def _memory(value: Value | None) -> Value | None:
    """``512m`` is mebibytes for Docker and millibytes for Kubernetes: ``512Mi`` is the same for both.

    Sources: Compose Specification, "Specifying byte values"; Kubernetes documentation, "Resource Management for Pods and
    Containers", "Memory resource units".
    """
    text = as_text(value) if value is not None else None
    if value is None or text is None:
        return None
    number, unit = re.fullmatch(r"([\d.]+)([a-zA-Z]*)", text).groups()  # type: ignore[union-attr]  # checked by the schema
    letter = unit[:1].upper()
    suffix = "" if letter in {"", "B"} else f"{letter}i"
    return Value(f"{number}{suffix}", value.trace)


def _seconds(value: Value | None) -> Value | None:
    """A duration as Kubernetes' probes count it: in whole seconds, at least one (Probe v1)."""
    if value is None:
        return None
    total = (nanoseconds(str(value.data)) or 0) / 1e9
    return derived(value, max(1, round(total)), ValueForm.SECONDS if total == round(total) else ValueForm.FIXED)


def _probe(resource: Resource) -> Value | None:
    check = resource.get("healthcheck")
    command = resource.get("healthcheck", "command")
    if check is None or command is None:
        return None
    words = command if isinstance(command.data, tuple) else derived(command, ["sh", "-c", str(command.data)])
    made = {
        "exec": tree({"command": words}, command),
        "initialDelaySeconds": _seconds(check.mapping.get("start_period")),
        "periodSeconds": _seconds(check.mapping.get("interval")),
        "timeoutSeconds": _seconds(check.mapping.get("timeout")),
        "failureThreshold": check.mapping.get("retries"),
    }
    return tree(made, check)


def _security(resource: Resource) -> Value | None:
    """SecurityContext v1. ``runAsUser`` takes numbers only: a user's name is left to the image."""
    user = resource.get("user")
    numeric = user is not None and str(user.data).isdigit()
    add, drop = resource.get("cap_add"), resource.get("cap_drop")
    made = {
        "privileged": resource.get("privileged"),
        "readOnlyRootFilesystem": resource.get("read_only"),
        "runAsUser": derived(user, int(str(user.data))) if user is not None and numeric else None,
        "capabilities": tree({"add": add, "drop": drop}, resource.body) if add or drop else None,
    }
    return tree(made, resource.body) if any(value is not None for value in made.values()) else None


def _volumes(resource: Resource) -> list[tuple[Value, Value]]:
    """Pairs of a pod's volume and the container's mount of it."""
    made: list[tuple[Value, Value]] = []
    for volume in _elements(resource, "volume"):
        own = volume.mapping
        source = tree({"persistentVolumeClaim": tree({"claimName": own["name"]}, volume)}, volume)
        made.append(_mounted(source, volume, str(own["name"].data)))
    for index, mount in enumerate(_elements(resource, "mount")):
        own = mount.mapping
        empty = "source" not in own or as_text(own.get("type") or own["target"]) == "tmpfs"
        source = (
            fixed({"emptyDir": {}}, mount) if empty else tree({"hostPath": tree({"path": own["source"]}, mount)}, mount)
        )
        made.append(_mounted(source, mount, f"mount-{index}"))
    for config in _elements(resource, "config"):
        own = config.mapping
        source = tree({"configMap": tree({"name": own["name"]}, config)}, config)
        made.append(_mounted(source, config, f"config-{own['name'].data}"))
    for secret in _elements(resource, "secrets"):
        source = tree({"secret": tree({"secretName": secret}, secret)}, secret)
        target = fixed(f"/run/secrets/{secret.data}", secret)
        made.append(_mounted(source, Value({"target": target}, secret.trace), f"secret-{secret.data}"))
    return made


def _elements(resource: Resource, name: str) -> Sequence[Value]:
    value = resource.get(name)
    return value.elements if value is not None else ()


def _mounted(source: Value, mount: Value, name: str) -> tuple[Value, Value]:
    # A volume's name is a DNS label: at most 63 of a-z, 0-9 and "-" (Kubernetes documentation, "Object Names and IDs").
    label = fixed(re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:63], mount)
    target = mount.mapping.get("target") or fixed(f"/{name}", mount)
    volume = tree({"name": label, **source.mapping}, mount)
    return volume, tree({"name": label, "mountPath": target, "readOnly": mount.mapping.get("read_only")}, mount)


def _service(stack: Stack, resource: Resource) -> Value:
    body = resource.body
    elements = _elements(resource, "port")
    ports = [_service_port(port, _port_name(port, elements)) for port in elements]
    spec = {
        "selector": tree(dict(_selector(stack, resource)), body),
        "ports": listed(ports, resource.get("port") or body),
    }
    return tree({**_head(stack, resource, "v1", "Service"), "spec": tree(spec, body)}, body)


def _service_port(port: Value, name: Value) -> Value:
    own = port.mapping
    made = {
        "name": name,
        "port": own.get("host") or own["container"],
        "targetPort": own["container"],
        "protocol": fixed(_protocol(port).upper(), port),
    }
    return tree(made, port)


def _port_name(port: Value, ports: Sequence[Value]) -> Value:
    """Its name, or one that stays when only the number people connect to changes; each name is there once."""
    own = port.mapping
    inside = [(_protocol(sibling), sibling.mapping["container"].data) for sibling in ports]
    mine = (_protocol(port), own["container"].data)
    number = mine[1] if inside.count(mine) == 1 else (own.get("host") or own["container"]).data
    return own.get("name") or fixed(f"{mine[0]}-{number}", port)


def _protocol(port: Value) -> str:
    own = port.mapping
    return str(own["protocol"].data) if "protocol" in own else "tcp"


def _content(config: Resource) -> Value | None:
    content = config.get("content")
    return None if content is None else tree({config.name: content}, content)


def _claim(stack: Stack, volume: Resource) -> Value:
    body = volume.body
    modes = volume.get("access_modes") or fixed(["ReadWriteOnce"], body)
    size = _memory(volume.get("size")) or fixed("1Gi", body)
    spec = {
        "accessModes": modes,
        "resources": tree({"requests": tree({"storage": size}, body)}, body),
        "storageClassName": volume.get("storage_class"),
    }
    return tree({**_head(stack, volume, "v1", "PersistentVolumeClaim"), "spec": tree(spec, body)}, body)
