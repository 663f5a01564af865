"""The ``.cw`` language: what may be written, and what it means.

A ``.cw`` file is HCL. Top level:

* ``variable "x" { type, default, description, required, sensitive, validation { condition, error_message } }``: set by
  ``--var``, then ``*.auto.cwvars``, ``clockwork.cwvars``, ``CLOCKWORK_VAR_x``, then the default
* ``locals { name = expression }``; ``output "x" { value, description, sensitive }``
* ``module "m" { source = "./folder", input = ... }``: a folder of this repository; ``module.m.out`` reads its outputs
* ``provider "docker" { stack }`` or ``provider "kubernetes" { stack, namespace }``
* ``resource "service" "web"`` with attributes (``image = "nginx:1.27"``) and blocks (``port``, ``healthcheck``, ...), and
  the kinds image, network, volume, secret, config; the tables below are the reference

References: ``var.x``, ``local.x``, ``service.web.image``, ``image.web.ref``, ``network.front.name``, ``module.m.out``.
All functions are pure (:mod:`bot.assembly.functions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.assembly.config import Kind
from bot.assembly.types import ListOf, MapOf, OneOf, Scalar, Type

_TEXTS: Final = ListOf(Scalar.STRING)
_TEXT_MAP: Final = MapOf(Scalar.STRING)
_NAMED: Final[Mapping[str, Type]] = {"name": Scalar.STRING, "labels": _TEXT_MAP}


@dataclass(frozen=True, slots=True)
class Schema:
    """What a block may hold: attributes by name with their type, nested blocks by name, names that must be there."""

    attributes: Mapping[str, Type]
    blocks: Mapping[str, Nested] = field(default_factory=dict)
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Nested:
    """A nested block; ``many`` when it may be repeated."""

    schema: Schema
    many: bool = False


_PORT: Final = Schema(
    {
        "container": Scalar.PORT,
        "host": Scalar.PORT,
        "protocol": OneOf(("tcp", "udp", "sctp")),
        "address": Scalar.STRING,
        "name": Scalar.STRING,
    },
    required=("container",),
)
_MOUNT: Final = Schema(
    {
        "source": Scalar.STRING,
        "target": Scalar.STRING,
        "type": OneOf(("bind", "volume", "tmpfs")),
        "read_only": Scalar.BOOL,
    },
    required=("target",),
)
_VOLUME_MOUNT: Final = Schema(
    {"name": Scalar.STRING, "target": Scalar.STRING, "read_only": Scalar.BOOL}, required=("name", "target")
)
_HEALTHCHECK: Final = Schema(
    {
        "command": Scalar.COMMAND,
        "interval": Scalar.DURATION,
        "timeout": Scalar.DURATION,
        "start_period": Scalar.DURATION,
        "start_interval": Scalar.DURATION,
        "retries": Scalar.WHOLE,
        "disable": Scalar.BOOL,
    }
)
_LOGGING: Final = Schema({"driver": Scalar.STRING, "options": _TEXT_MAP})
_AMOUNTS: Final = Schema({"cpu": Scalar.NUMBER, "memory": Scalar.SIZE})
_BUILD: Final = Schema(
    {"context": Scalar.STRING, "dockerfile": Scalar.STRING, "target": Scalar.STRING, "args": _TEXT_MAP},
    required=("context",),
)
_FILE_MOUNT: Final = Schema({"name": Scalar.STRING, "target": Scalar.STRING}, required=("name",))

SERVICE: Final = Schema(
    {
        **_NAMED,
        "annotations": _TEXT_MAP,
        "cap_add": _TEXTS,
        "cap_drop": _TEXTS,
        "command": Scalar.COMMAND,
        "depends_on": _TEXTS,
        "devices": _TEXTS,
        "dns": _TEXTS,
        "entrypoint": Scalar.COMMAND,
        "environment": _TEXT_MAP,
        "extra_hosts": _TEXT_MAP,
        "hostname": Scalar.STRING,
        "image": Scalar.STRING,
        "init": Scalar.BOOL,
        "network_mode": Scalar.STRING,
        "networks": _TEXTS,
        "pid": Scalar.STRING,
        "platform": Scalar.STRING,
        "privileged": Scalar.BOOL,
        "pull_policy": OneOf(("always", "missing", "never", "build")),
        "read_only": Scalar.BOOL,
        "replicas": Scalar.WHOLE,
        "restart": OneOf(("no", "always", "on-failure", "unless-stopped")),
        "secrets": _TEXTS,
        "security_opt": _TEXTS,
        "shm_size": Scalar.SIZE,
        "stack": Scalar.STRING,
        "stop_grace_period": Scalar.DURATION,
        "stop_signal": Scalar.STRING,
        "sysctls": _TEXT_MAP,
        "tmpfs": _TEXTS,
        "tty": Scalar.BOOL,
        "user": Scalar.STRING,
        "working_dir": Scalar.STRING,
    },
    {
        "build": Nested(_BUILD),
        "config": Nested(_FILE_MOUNT, many=True),
        "healthcheck": Nested(_HEALTHCHECK),
        "limits": Nested(_AMOUNTS),
        "logging": Nested(_LOGGING),
        "mount": Nested(_MOUNT, many=True),
        "port": Nested(_PORT, many=True),
        "reservations": Nested(_AMOUNTS),
        "volume": Nested(_VOLUME_MOUNT, many=True),
    },
)
IMAGE: Final = Schema({**_NAMED, "tag": Scalar.STRING, "digest": Scalar.STRING}, {"build": Nested(_BUILD)})
NETWORK: Final = Schema(
    {
        **_NAMED,
        "attachable": Scalar.BOOL,
        "driver": Scalar.STRING,
        "external": Scalar.BOOL,
        "internal": Scalar.BOOL,
        "options": _TEXT_MAP,
        "stack": Scalar.STRING,
    }
)
VOLUME: Final = Schema(
    {
        **_NAMED,
        "access_modes": _TEXTS,
        "driver": Scalar.STRING,
        "external": Scalar.BOOL,
        "options": _TEXT_MAP,
        "size": Scalar.SIZE,
        "stack": Scalar.STRING,
        "storage_class": Scalar.STRING,
    }
)
SECRET: Final = Schema(
    {
        **_NAMED,
        "environment": Scalar.STRING,
        "external": Scalar.BOOL,
        "file": Scalar.STRING,
        "stack": Scalar.STRING,
    }
)
CONFIG: Final = Schema(
    {
        **_NAMED,
        "content": Scalar.STRING,
        "data": _TEXT_MAP,
        "external": Scalar.BOOL,
        "file": Scalar.STRING,
        "stack": Scalar.STRING,
    }
)
SCHEMAS: Final[Mapping[Kind, Schema]] = {
    Kind.SERVICE: SERVICE,
    Kind.IMAGE: IMAGE,
    Kind.NETWORK: NETWORK,
    Kind.VOLUME: VOLUME,
    Kind.SECRET: SECRET,
    Kind.CONFIG: CONFIG,
}
VARIABLE: Final = frozenset({"type", "default", "description", "required", "sensitive", "nullable"})
OUTPUT: Final = frozenset({"value", "description", "sensitive"})
PROVIDER: Final = frozenset({"stack", "namespace"})
TOP: Final = frozenset({"variable", "locals", "resource", "module", "provider", "output"})
