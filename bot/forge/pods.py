"""The pod of a service or job: its containers in their order, their probes, and the volumes that they mount.

Used by :mod:`bot.forge.kubernetes`. Source of names and forms: the Kubernetes API reference, core/v1, "PodSpec".
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.assembly.config import Resource
from bot.assembly.values import Value, ValueForm, as_text
from bot.drift.values import nanoseconds
from bot.forge.bundle import derived, each, fixed, listed, tree
from bot.model.json import Pointer

_PULL: Final = {"always": "Always", "missing": "IfNotPresent", "never": "Never", "build": "IfNotPresent"}
"""Compose Specification, "pull_policy", to Kubernetes documentation, "Images", "Image pull policy"."""
_LISTS: Final = {"container": "containers", "init_container": "initContainers"}
"""Blocks of further containers, and the lists of a pod that they stand in; the first container is the resource itself."""


def pod(resource: Resource, restart: Value | None = None) -> Value:
    """The PodSpec of a resource; ``restart`` is its ``restartPolicy``."""
    body = resource.body
    main = _inside(resource, None)
    further = {name: [_inside(resource, block) for block in elements(resource, name)] for name in _LISTS}
    volumes = {
        str(volume.mapping["name"].data): volume
        for container in (main, *further["container"], *further["init_container"])
        for volume, _ in _volumes(container)
    }
    entries = {
        "hostname": resource.get("hostname"),
        "hostPID": fixed(value=True, source=body) if resource.text("pid") == "host" else None,
        "hostNetwork": fixed(value=True, source=body) if resource.text("network_mode") == "host" else None,
        "initContainers": _all(further["init_container"], resource) if further["init_container"] else None,
        "containers": _all([main, *further["container"]], resource),
        "restartPolicy": restart,
        "terminationGracePeriodSeconds": seconds(resource.get("stop_grace_period")),
        "volumes": listed([*volumes.values()], body) if volumes else None,
    }
    return tree(entries, body)


def variable_slots(resource: Resource, at: Pointer) -> Mapping[Pointer, tuple[Pointer, str]]:
    """Where variables can be added in the pod at ``at``, as :class:`~bot.assembly.tracing.TracedOrigins` says it."""
    main: Pointer = (*at, "containers", 0, "env")
    further: dict[Pointer, tuple[Pointer, str]] = {
        (*at, listing, index + (name == "container"), "env"): ((name, index, "environment"), "pairs")
        for name, listing in _LISTS.items()
        for index in range(len(elements(resource, name)))
    }
    return {main: (("environment",), "pairs"), **further}


def _all(containers: Sequence[_Container], owner: Resource) -> Value:
    return listed([_container(container) for container in containers], owner.body)


@dataclass(frozen=True, slots=True)
class _Container:
    """What one container is made of. ``secrets`` is the Secret that holds its sensitive variables."""

    body: Resource
    name: Value
    secrets: str
    prefix: str = ""


def _inside(owner: Resource, block: Value | None) -> _Container:
    """The container that ``block`` writes, or the owner's first."""
    secrets = f"{owner.name}-secrets"
    if block is None:
        return _Container(owner, fixed(owner.name, owner.body), secrets)
    name = block.mapping["name"]
    return _Container(replace(owner, body=block), name, secrets, f"{name.data}-")


def _container(container: _Container) -> Value:
    resource = container.body
    body = resource.body
    volumes = _volumes(container)
    pull = resource.get("pull_policy")
    spec = {
        "name": container.name,
        "image": resource.get("image"),
        "imagePullPolicy": derived(pull, _PULL[str(pull.data)]) if pull is not None else None,
        "command": _argv(resource.get("entrypoint")),
        "args": _argv(resource.get("command")),
        "workingDir": resource.get("working_dir"),
        "env": _environment(container),
        "ports": each(resource.get("port"), _port),
        "resources": _resources(resource),
        **_probes(resource),
        "restartPolicy": _sidecar(resource) if container.prefix else None,
        "securityContext": _security(resource),
        "tty": resource.get("tty"),
        "volumeMounts": listed([mount for _, mount in volumes], body) if volumes else None,
    }
    return tree(spec, body)


def _argv(command: Value | None) -> Value | None:
    """Words for ``command`` and ``args``, which Kubernetes hands to no shell, as Compose splits a line into words."""
    if command is None or isinstance(command.data, tuple):
        return command
    text = as_text(command) or ""
    try:
        return derived(command, list(shlex.split(text)))
    except ValueError:
        return derived(command, ["sh", "-c", text])


def _environment(container: _Container) -> Value | None:
    environment = container.body.get("environment")
    if environment is None:
        return None
    return listed([_variable(container, name, value) for name, value in environment.mapping.items()], environment)


def _variable(container: _Container, name: str, value: Value) -> Value:
    if not value.trace.sensitive:
        return tree({"name": fixed(name, value), "value": value}, value)
    key = {"name": container.secrets, "key": name}
    public = Value(None, container.body.body.trace)
    return tree({"name": fixed(name, public), "valueFrom": fixed({"secretKeyRef": key}, public)}, public)


def _port(port: Value) -> Value:
    fields = port.mapping
    protocol = fields.get("protocol")
    protocol_text = derived(protocol, str(protocol.data).upper()) if protocol is not None else fixed("TCP", port)
    return tree({"name": fields.get("name"), "containerPort": fields["container"], "protocol": protocol_text}, port)


def _resources(resource: Resource) -> Value | None:
    requirements = {
        key: tree({"cpu": block.mapping.get("cpu"), "memory": memory(block.mapping.get("memory"))}, block)
        for key, name in (("limits", "limits"), ("requests", "reservations"))
        if (block := resource.get(name)) is not None
    }
    return tree(dict(requirements), resource.body) if requirements else None


def memory(value: Value | None) -> Value | None:
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


def seconds(value: Value | None, least: int = 1) -> Value | None:
    """A duration as Kubernetes counts it: in whole seconds, and for most of a probe at least one (Probe v1)."""
    if value is None:
        return None
    total = (nanoseconds(str(value.data)) or 0) / 1e9
    return derived(value, max(least, round(total)), ValueForm.SECONDS if total == round(total) else ValueForm.FIXED)


def _probes(resource: Resource) -> dict[str, Value | None]:
    """Its probes; a ``healthcheck``, which is what Compose has, is the liveness probe of whoever writes none."""
    checks = {kind: resource.get(kind) for kind in ("liveness", "readiness", "startup")}
    check = checks["liveness"] or resource.get("healthcheck")
    return {f"{kind}Probe": _probe(probe) for kind, probe in (checks | {"liveness": check}).items()}


def _probe(check: Value | None) -> Value | None:
    action = None if check is None else _action(check)
    if check is None or action is None:
        return None
    fields = check.mapping
    probe = {
        **action,
        "initialDelaySeconds": seconds(fields.get("start_period"), 0),
        "periodSeconds": seconds(fields.get("interval")),
        "timeoutSeconds": seconds(fields.get("timeout")),
        "failureThreshold": fields.get("retries"),
        "successThreshold": fields.get("successes"),
    }
    return tree(probe, check)


def _action(check: Value) -> dict[str, Value] | None:
    """What a probe does: a command, a request for a path, or a connection to a port."""
    fields = check.mapping
    if (command := fields.get("command")) is not None:
        argv = command if isinstance(command.data, tuple) else derived(command, ["sh", "-c", str(command.data)])
        return {"exec": tree({"command": argv}, command)}
    if "port" not in fields:
        return None
    if "path" not in fields:
        return {"tcpSocket": tree({"port": fields["port"]}, check)}
    return {"httpGet": tree({"path": fields["path"], "port": fields["port"], "scheme": fields.get("scheme")}, check)}


def _sidecar(container: Resource) -> Value | None:
    """Kubernetes documentation, "Sidecar Containers": an init container that is always started again keeps running."""
    restart = container.get("restart")
    return None if restart is None else derived(restart, "Always")


def _security(resource: Resource) -> Value | None:
    """SecurityContext v1. ``runAsUser`` takes numbers only: a user's name is left to the image."""
    user = resource.get("user")
    numeric = user is not None and str(user.data).isdigit()
    add, drop = resource.get("cap_add"), resource.get("cap_drop")
    context = {
        "privileged": resource.get("privileged"),
        "readOnlyRootFilesystem": resource.get("read_only"),
        "runAsUser": derived(user, int(str(user.data))) if user is not None and numeric else None,
        "capabilities": tree({"add": add, "drop": drop}, resource.body) if add or drop else None,
    }
    return tree(context, resource.body) if any(value is not None for value in context.values()) else None


def _volumes(container: _Container) -> list[tuple[Value, Value]]:
    """Pairs of a pod's volume and the container's mount of it."""
    resource = container.body
    pairs: list[tuple[Value, Value]] = []
    for volume in elements(resource, "volume"):
        fields = volume.mapping
        source = tree({"persistentVolumeClaim": tree({"claimName": fields["name"]}, volume)}, volume)
        pairs.append(_mounted(source, volume, str(fields["name"].data)))
    for index, mount in enumerate(elements(resource, "mount")):
        fields = mount.mapping
        empty = "source" not in fields or as_text(fields.get("type") or fields["target"]) == "tmpfs"
        source = (
            fixed({"emptyDir": {}}, mount)
            if empty
            else tree({"hostPath": tree({"path": fields["source"]}, mount)}, mount)
        )
        pairs.append(_mounted(source, mount, _shared(fields) or f"{container.prefix}mount-{index}"))
    for config in elements(resource, "config"):
        fields = config.mapping
        source = tree({"configMap": tree({"name": fields["name"]}, config)}, config)
        pairs.append(_mounted(source, config, f"config-{fields['name'].data}"))
    for secret in elements(resource, "secrets"):
        source = tree({"secret": tree({"secretName": secret}, secret)}, secret)
        target = fixed(f"/run/secrets/{secret.data}", secret)
        pairs.append(_mounted(source, Value({"target": target}, secret.trace), f"secret-{secret.data}"))
    return pairs


def _shared(mount: Mapping[str, Value]) -> str | None:
    """The name of a tmpfs that the containers of a pod share: those that name the same source."""
    kind = mount.get("type")
    is_named = "source" in mount and kind is not None and kind.data == "tmpfs"
    return as_text(mount["source"]) if is_named else None


def elements(resource: Resource, name: str) -> Sequence[Value]:
    """The blocks of one kind that may be repeated."""
    value = resource.get(name)
    return value.elements if value is not None else ()


def _mounted(source: Value, mount: Value, name: str) -> tuple[Value, Value]:
    # A volume's name is a DNS label: at most 63 of a-z, 0-9 and "-" (Kubernetes documentation, "Object Names and IDs").
    label = fixed(re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:63], mount)
    target = mount.mapping.get("target") or fixed(f"/{name}", mount)
    volume = tree({"name": label, **source.mapping}, mount)
    return volume, tree({"name": label, "mountPath": target, "readOnly": mount.mapping.get("read_only")}, mount)
