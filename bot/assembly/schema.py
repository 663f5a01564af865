"""The ``.cw`` language: what may be written, and what it means.

A ``.cw`` file is HCL. Top level:

* ``variable "x" { type, default, description, required, sensitive, validation { condition, error_message } }``: set by
  ``--var``, then ``*.auto.cwvars``, ``clockwork.cwvars``, ``CLOCKWORK_VAR_x``, then the default
* ``locals { name = expression }``; ``output "x" { value, description, sensitive }``
* ``module "m" { source = "./folder", input = ... }``: a folder of this repository; ``module.m.out`` reads its outputs,
  with ``for_each`` or ``count`` ``module.m["key"].out`` or ``module.m[0].out``; resources without a ``name`` of their own
  are then called by their label and that key
* ``provider "docker" { stack }`` or ``provider "kubernetes" { stack, namespace }``
* ``resource "service" "web"`` with attributes (``image = "nginx:1.27"``) and blocks (``port``, ``healthcheck``, ...), and
  the kinds image, network, volume, secret, config, job, cron_job, ingress; the tables below are the reference

Names and values of a service's attributes are those of the Compose Specification ("Services top-level elements"). What
only Kubernetes has, and a stack of docker refuses:

* ``liveness``, ``readiness`` and ``startup`` of a service: ``command``, or ``path`` and ``port`` (a GET), or ``port``
  alone (a connection). ``healthcheck`` is the liveness probe of a service that writes no ``liveness``
* ``container`` blocks beside the service's own, and ``init_container`` blocks that run before, in their order; one
  with ``restart = "always"`` keeps running. Mounts of type tmpfs with the same ``source`` are one directory that they share
* ``resource "job" "migrate"`` and ``resource "cron_job" "report"``: a container as a service has it, which ends; durations
  are durations (``active_deadline = "10m"``)
* ``resource "ingress" "shop"``: ``rule`` blocks of a host with ``path { path, type, service, port }``; ``/`` and Prefix
  are what a path is that does not say

``lifecycle { ignore_changes = [replicas, environment["LEVEL"], container[0].image] }`` of any resource but an image, or
``ignore_changes = all``: what may differ from what runs, set or not. Nothing in it is evaluated; what it hides is counted.

References: ``var.x``, ``local.x``, ``service.web.image``, ``image.web.ref``, ``network.front.name``, ``module.m.out``.
All functions are pure (:mod:`bot.assembly.functions.table`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from bot.assembly.config import Kind
from bot.assembly.types import ListOf, MapOf, OneOf, ScalarType, Type

_TEXTS: Final = ListOf(ScalarType.STRING)
_TEXT_MAP: Final = MapOf(ScalarType.STRING)
_NAMED: Final[Mapping[str, Type]] = {"name": ScalarType.STRING, "labels": _TEXT_MAP}


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
        "container": ScalarType.PORT,
        "host": ScalarType.PORT,
        "protocol": OneOf(("tcp", "udp", "sctp")),
        "address": ScalarType.STRING,
        "name": ScalarType.STRING,
    },
    required=("container",),
)
_MOUNT: Final = Schema(
    {
        "source": ScalarType.STRING,
        "target": ScalarType.STRING,
        "type": OneOf(("bind", "volume", "tmpfs")),
        "read_only": ScalarType.BOOL,
    },
    required=("target",),
)
_VOLUME_MOUNT: Final = Schema(
    {"name": ScalarType.STRING, "target": ScalarType.STRING, "read_only": ScalarType.BOOL}, required=("name", "target")
)
_HEALTHCHECK: Final = Schema(
    {
        "command": ScalarType.COMMAND,
        "interval": ScalarType.DURATION,
        "timeout": ScalarType.DURATION,
        "start_period": ScalarType.DURATION,
        "start_interval": ScalarType.DURATION,
        "retries": ScalarType.INTEGER,
        "disable": ScalarType.BOOL,
    }
)
_PROBE: Final = Schema(
    {
        "command": ScalarType.COMMAND,
        "interval": ScalarType.DURATION,
        "path": ScalarType.STRING,
        "port": ScalarType.PORT,
        "retries": ScalarType.INTEGER,
        "scheme": OneOf(("HTTP", "HTTPS")),
        "start_period": ScalarType.DURATION,
        "successes": ScalarType.INTEGER,
        "timeout": ScalarType.DURATION,
    }
)
_PROBES: Final[Mapping[str, Nested]] = {name: Nested(_PROBE) for name in ("liveness", "readiness", "startup")}
_LOGGING: Final = Schema({"driver": ScalarType.STRING, "options": _TEXT_MAP})
_AMOUNTS: Final = Schema({"cpu": ScalarType.NUMBER, "memory": ScalarType.SIZE})
_BUILD: Final = Schema(
    {"context": ScalarType.STRING, "dockerfile": ScalarType.STRING, "target": ScalarType.STRING, "args": _TEXT_MAP},
    required=("context",),
)
_FILE_MOUNT: Final = Schema({"name": ScalarType.STRING, "target": ScalarType.STRING}, required=("name",))
_CONTAINER: Final = Schema(
    {
        "cap_add": _TEXTS,
        "cap_drop": _TEXTS,
        "command": ScalarType.COMMAND,
        "entrypoint": ScalarType.COMMAND,
        "environment": _TEXT_MAP,
        "image": ScalarType.STRING,
        "name": ScalarType.STRING,
        "privileged": ScalarType.BOOL,
        "pull_policy": OneOf(("always", "missing", "never")),
        "read_only": ScalarType.BOOL,
        "secrets": _TEXTS,
        "tty": ScalarType.BOOL,
        "user": ScalarType.STRING,
        "working_dir": ScalarType.STRING,
    },
    {
        **_PROBES,
        "config": Nested(_FILE_MOUNT, many=True),
        "limits": Nested(_AMOUNTS),
        "mount": Nested(_MOUNT, many=True),
        "port": Nested(_PORT, many=True),
        "reservations": Nested(_AMOUNTS),
        "volume": Nested(_VOLUME_MOUNT, many=True),
    },
    required=("name", "image"),
)
_INIT_CONTAINER: Final = replace(_CONTAINER, attributes={**_CONTAINER.attributes, "restart": OneOf(("always",))})
_FURTHER: Final[Mapping[str, Nested]] = {
    "container": Nested(_CONTAINER, many=True),
    "init_container": Nested(_INIT_CONTAINER, many=True),
}

SERVICE: Final = Schema(
    {
        **_NAMED,
        "annotations": _TEXT_MAP,
        "cap_add": _TEXTS,
        "cap_drop": _TEXTS,
        "command": ScalarType.COMMAND,
        "depends_on": _TEXTS,
        "devices": _TEXTS,
        "dns": _TEXTS,
        "entrypoint": ScalarType.COMMAND,
        "environment": _TEXT_MAP,
        "extra_hosts": _TEXT_MAP,
        "hostname": ScalarType.STRING,
        "image": ScalarType.STRING,
        "init": ScalarType.BOOL,
        "network_mode": ScalarType.STRING,
        "networks": _TEXTS,
        "pid": ScalarType.STRING,
        "platform": ScalarType.STRING,
        "privileged": ScalarType.BOOL,
        "pull_policy": OneOf(("always", "missing", "never", "build")),
        "read_only": ScalarType.BOOL,
        "replicas": ScalarType.INTEGER,
        "restart": OneOf(("no", "always", "on-failure", "unless-stopped")),
        "secrets": _TEXTS,
        "security_opt": _TEXTS,
        "shm_size": ScalarType.SIZE,
        "stack": ScalarType.STRING,
        "stop_grace_period": ScalarType.DURATION,
        "stop_signal": ScalarType.STRING,
        "sysctls": _TEXT_MAP,
        "tmpfs": _TEXTS,
        "tty": ScalarType.BOOL,
        "user": ScalarType.STRING,
        "working_dir": ScalarType.STRING,
    },
    {
        **_PROBES,
        **_FURTHER,
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
IMAGE: Final = Schema({**_NAMED, "tag": ScalarType.STRING, "digest": ScalarType.STRING}, {"build": Nested(_BUILD)})
NETWORK: Final = Schema(
    {
        **_NAMED,
        "attachable": ScalarType.BOOL,
        "driver": ScalarType.STRING,
        "external": ScalarType.BOOL,
        "internal": ScalarType.BOOL,
        "options": _TEXT_MAP,
        "stack": ScalarType.STRING,
    }
)
VOLUME: Final = Schema(
    {
        **_NAMED,
        "access_modes": _TEXTS,
        "driver": ScalarType.STRING,
        "external": ScalarType.BOOL,
        "options": _TEXT_MAP,
        "size": ScalarType.SIZE,
        "stack": ScalarType.STRING,
        "storage_class": ScalarType.STRING,
    }
)
SECRET: Final = Schema(
    {
        **_NAMED,
        "environment": ScalarType.STRING,
        "external": ScalarType.BOOL,
        "file": ScalarType.STRING,
        "stack": ScalarType.STRING,
    }
)
CONFIG: Final = Schema(
    {
        **_NAMED,
        "content": ScalarType.STRING,
        "data": _TEXT_MAP,
        "external": ScalarType.BOOL,
        "file": ScalarType.STRING,
        "stack": ScalarType.STRING,
    }
)
JOB: Final = Schema(
    {
        **_CONTAINER.attributes,
        **_NAMED,
        "active_deadline": ScalarType.DURATION,
        "annotations": _TEXT_MAP,
        "backoff_limit": ScalarType.INTEGER,
        "completions": ScalarType.INTEGER,
        "hostname": ScalarType.STRING,
        "network_mode": OneOf(("host",)),
        "parallelism": ScalarType.INTEGER,
        "pid": OneOf(("host",)),
        "restart": OneOf(("no", "on-failure")),
        "stack": ScalarType.STRING,
        "stop_grace_period": ScalarType.DURATION,
        "suspend": ScalarType.BOOL,
        "ttl_after_finished": ScalarType.DURATION,
    },
    {**_CONTAINER.blocks, **_FURTHER},
    required=("image",),
)
CRON_JOB: Final = Schema(
    {
        **JOB.attributes,
        "concurrency": OneOf(("Allow", "Forbid", "Replace")),
        "failed_history": ScalarType.INTEGER,
        "schedule": ScalarType.STRING,
        "starting_deadline": ScalarType.DURATION,
        "successful_history": ScalarType.INTEGER,
        "time_zone": ScalarType.STRING,
    },
    JOB.blocks,
    required=("image", "schedule"),
)
_BACKEND: Final[Mapping[str, Type]] = {"service": ScalarType.STRING, "port": ScalarType.PORT}
_PATH: Final = Schema(
    {**_BACKEND, "path": ScalarType.STRING, "type": OneOf(("Prefix", "Exact", "ImplementationSpecific"))},
    required=(*_BACKEND,),
)
INGRESS: Final = Schema(
    {**_NAMED, "annotations": _TEXT_MAP, "class": ScalarType.STRING, "stack": ScalarType.STRING},
    {
        "default": Nested(Schema(_BACKEND, required=(*_BACKEND,))),
        "rule": Nested(
            Schema({"host": ScalarType.STRING}, {"path": Nested(_PATH, many=True)}, required=("path",)), many=True
        ),
        "tls": Nested(Schema({"hosts": _TEXTS, "secret": ScalarType.STRING}), many=True),
    },
)
SCHEMAS: Final[Mapping[Kind, Schema]] = {
    Kind.SERVICE: SERVICE,
    Kind.IMAGE: IMAGE,
    Kind.NETWORK: NETWORK,
    Kind.VOLUME: VOLUME,
    Kind.SECRET: SECRET,
    Kind.CONFIG: CONFIG,
    Kind.JOB: JOB,
    Kind.CRON_JOB: CRON_JOB,
    Kind.INGRESS: INGRESS,
}
KUBERNETES_ONLY: Final = frozenset({*_PROBES, *_FURTHER, Kind.JOB, Kind.CRON_JOB, Kind.INGRESS})
"""Kinds and blocks that mean nothing to Docker."""
ROOTS: Final = frozenset({"var", "local", "module", "path", *Kind})
"""What a reference may start with."""
VARIABLE: Final = frozenset({"type", "default", "description", "required", "sensitive", "nullable", "ephemeral"})
VALIDATED: Final = frozenset({"validation"})
"""The blocks of a variable."""
VALIDATION: Final = frozenset({"condition", "error_message"})
OUTPUT: Final = frozenset({"value", "description", "sensitive", "ephemeral", "depends_on"})
OUTPUT_BLOCKS: Final = frozenset({"precondition"})
PROVIDER: Final = frozenset({"stack", "namespace"})
TOP: Final = frozenset({"variable", "locals", "resource", "module", "provider", "output"})
