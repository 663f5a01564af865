"""Stacks of provider ``docker`` as one Compose file each, in long syntax so that every leaf is one leaf of the ``.cw`` file.

Source of names and forms: the Compose Specification, "Services", "Networks", "Volumes", "Configs" and "Secrets".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bot.assembly.config import Kind, Resource, Stack
from bot.assembly.values import Value
from bot.forge.bundle import BUILD, ArtifactPart, each, fixed, listed, rebased, tree
from bot.model.json import Pointer
from bot.model.resource import Platform, ResourceId

_SECTIONS: Final = {
    Kind.SERVICE: "services",
    Kind.NETWORK: "networks",
    Kind.VOLUME: "volumes",
    Kind.SECRET: "secrets",
    Kind.CONFIG: "configs",
}
_SAME: Final = (
    "image", "command", "entrypoint", "environment", "labels", "annotations", "restart", "privileged", "user", "cap_add",
    "cap_drop", "read_only", "hostname", "working_dir", "init", "tty", "pid", "platform", "pull_policy", "devices", "dns",
    "extra_hosts", "network_mode", "security_opt", "shm_size", "stop_grace_period", "stop_signal", "sysctls", "tmpfs",
)  # fmt: skip
_MAPS: Final = ("environment", "labels", "annotations", "extra_hosts", "sysctls")
_LISTS: Final = ("cap_add", "cap_drop", "security_opt", "devices", "dns", "tmpfs")
_BLOCKS: Final = ("healthcheck", "logging")
_LABELS: Final[Mapping[Pointer, tuple[Pointer, str]]] = {("labels",): (("labels",), "map")}


def artifact(stack: Stack) -> str:
    """The path of a stack's Compose file."""
    return f"{BUILD}/{stack.name}/compose.yaml"


def parts(stack: Stack) -> Iterator[ArtifactPart]:
    """Every object of a stack that its Compose file declares, in the order of the file."""
    for kind, section in _SECTIONS.items():
        for resource in stack.of(kind):
            documents = _service(resource, stack) if kind is Kind.SERVICE else _declared_part(resource, artifact(stack))
            identity = ResourceId(Platform.COMPOSE, kind.value, stack.name, resource.name)
            task = resource.name if kind is Kind.SERVICE else str(identity)
            containers = _containers() if kind is Kind.SERVICE else _LABELS
            yield ArtifactPart(
                identity, task, resource, documents, artifact(stack), 0, (section, resource.name), containers
            )


def _containers() -> Mapping[Pointer, tuple[Pointer, str]]:
    """Where entries can be added in the rendered service, and the place in the body that they then go to."""
    maps: dict[Pointer, tuple[Pointer, str]] = {(name,): ((name,), "map") for name in (*_MAPS, *_LISTS)}
    blocks: dict[Pointer, tuple[Pointer, str]] = {(name,): ((name,), "block") for name in _BLOCKS}
    return {**maps, **blocks, (): ((), "body"), ("logging", "options"): (("logging", "options"), "map")}


def _service(resource: Resource, stack: Stack) -> Value:
    body = resource.body
    entries: dict[str, Value | None] = {name: resource.get(name) for name in _SAME}
    entries |= {
        "build": _build(resource, artifact(stack)),
        "configs": each(resource.get("config"), _mounted),
        "cpus": resource.get("limits", "cpu"),
        "mem_limit": resource.get("limits", "memory"),
        "mem_reservation": resource.get("reservations", "memory"),
        "depends_on": _keyed(resource.get("depends_on"), {"condition": "service_started"}),
        "deploy": _deploy(resource),
        "healthcheck": _healthcheck(resource),
        "logging": resource.get("logging"),
        "networks": _keyed(resource.get("networks"), {}),
        "ports": each(resource.get("port"), _port),
        "secrets": each(resource.get("secrets"), lambda name: tree({"source": name}, name)),
        "volumes": _volumes(resource, artifact(stack)),
    }
    return tree(dict(sorted(entries.items())), body)


def _deploy(resource: Resource) -> Value | None:
    replicas = resource.get("replicas")
    return None if replicas is None else tree({"replicas": replicas}, replicas)


def _build(resource: Resource, path: str) -> Value | None:
    build = resource.get("build")
    if build is None:
        return None
    return tree({**build.mapping, "context": rebased(build.mapping.get("context"), resource, path)}, build)


def _keyed(names: Value | None, value: dict[str, str]) -> Value | None:
    """``["a"]`` as ``{"a": value}``."""
    if names is None:
        return None
    return tree({str(name.data): fixed(value, name) for name in names.elements}, names)


def _healthcheck(resource: Resource) -> Value | None:
    """Compose Specification, "healthcheck": ``test`` is ``CMD`` and words, or ``CMD-SHELL`` and a line for the shell."""
    check = resource.get("healthcheck")
    if check is None:
        return None
    entries: dict[str, Value | None] = {key: value for key, value in check.mapping.items() if key != "command"}
    command = check.mapping.get("command")
    if command is not None:
        kind = "CMD" if isinstance(command.data, tuple) else "CMD-SHELL"
        argv = list(command.elements) or [command]
        entries["test"] = listed([fixed(kind, command), *argv], command)
    return tree(dict(sorted(entries.items())), check)


def _port(port: Value) -> Value:
    """Compose Specification, "ports", long syntax: ``published`` is text, ``tcp`` and ``ingress`` are the defaults."""
    fields = port.mapping
    host = fields.get("host")
    entries = {
        "target": fields["container"],
        "published": Value(str(host.data), host.trace) if host is not None else None,
        "protocol": fields.get("protocol") or fixed("tcp", port),
        "host_ip": fields.get("address"),
        "name": fields.get("name"),
        "mode": fixed("ingress", port),
    }
    return tree(entries, port)


def _volumes(resource: Resource, path: str) -> Value | None:
    mounts_made: list[Value] = []
    mounts, volumes = resource.get("mount"), resource.get("volume")
    for mount in mounts.elements if mounts else ():
        fields = mount.mapping
        kind = fields.get("type") or fixed("bind" if "source" in fields else "tmpfs", mount)
        source = rebased(fields.get("source"), resource, path)
        mounts_made.append(
            tree(
                {"type": kind, "source": source, "target": fields["target"], "read_only": fields.get("read_only")},
                mount,
            )
        )
    for volume in volumes.elements if volumes else ():
        fields = volume.mapping
        kind = fixed("volume", volume)
        entries = {
            "type": kind,
            "source": fields["name"],
            "target": fields["target"],
            "read_only": fields.get("read_only"),
        }
        mounts_made.append(tree(entries, volume))
    mount_source = mounts or volumes
    return listed(mounts_made, mount_source) if mount_source is not None else None


def _mounted(mount: Value) -> Value:
    return tree({"source": mount.mapping["name"], "target": mount.mapping.get("target")}, mount)


def _declared_part(resource: Resource, path: str) -> Value:
    """A network, volume, secret or config."""
    attributes = resource.body.mapping
    same = ("attachable", "content", "driver", "environment", "external", "internal", "labels")
    entries: dict[str, Value | None] = {name: attributes.get(name) for name in same}
    entries["driver_opts"] = attributes.get("options")
    entries["file"] = rebased(attributes.get("file"), resource, path)
    return tree(dict(sorted(entries.items())), resource.body)
