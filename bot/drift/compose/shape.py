"""The fields of a Compose service in long form. Data for :mod:`bot.drift.shapes`; used by :mod:`bot.drift.compose.services`.

What a running container has was asked for by somebody, so there is no unknown writer: only what engines and images fill
in by themselves is marked ``server:``. Defaults are those of the Compose specification and the Docker engine API.
"""

from __future__ import annotations

import posixpath
from functools import cache
from typing import Final

from bot.drift import values
from bot.drift.compose.declared import ports
from bot.drift.shapes import Default, Defaults, FilledBy, Form, Shape, Types, compile_shape
from bot.model.json import JSON

_SPEC: Final = "Compose specification, healthcheck"
_HEALTH: Final = "Docker engine API v1.43, HealthConfig"

_TYPES: Final[Types] = {
    "Service": {
        "image": "server:image",
        "command entrypoint": "words",
        "environment labels sysctls": "map text",
        "ports": "keyed[target,protocol,x-apart] Port",
        "expose": "server:set",
        "volumes": "keyed[target] Mount",
        "tmpfs cap_add cap_drop group_add device_cgroup_rules security_opt extra_hosts dns_opt": "set",
        "networks": "map Network",
        "network_mode pid ipc": "joined",
        "restart privileged user cpuset read_only uts userns_mode cgroup hostname domainname": "leaf",
        "container_name tty stdin_open working_dir stop_signal oom_kill_disable": "leaf",
        "healthcheck": "Healthcheck",
        "logging": "server:Logging",
        "devices": "keyed[target] Device",
        "gpus": "set Gpu",
        "ulimits": "map any",
        "mem_limit mem_reservation shm_size": "size",
        "memswap_limit": "server:size",
        "cpus cpu_shares pids_limit oom_score_adj": "number",
        "cgroup_parent init runtime": "server:leaf",
        "stop_grace_period": "duration",
        "dns dns_search": "list",
    },
    "Port": {
        "published": "server:published",
        "protocol host_ip": "leaf",
        "mode x-apart": "ignored:leaf",
    },
    "Mount": {"type target read_only": "leaf", "source": "source"},
    "Network": {"aliases": "server:set", "ipv4_address": "server:leaf", "ipv6_address": "server:leaf"},
    "Healthcheck": {
        "test": "list",
        "disable": "leaf",
        "interval timeout start_period start_interval": "duration",
    },
    "Logging": {"driver": "server:leaf", "options": "map text"},
    "Device": {"source permissions": "leaf"},
    "Gpu": {"capabilities device_ids": "set", "driver": "ignored:leaf"},
}

_LOGGED: Final[Types] = {
    "Service": {**_TYPES["Service"], "logging": "Logging"},
    "Logging": {"driver": "leaf", "options": "map text"},
}

_DEFAULTS: Final[Defaults] = {
    "Service": {
        "restart": Default("Compose specification, restart", "no"),
        "scale": Default("Compose specification, deploy.replicas", 1),
        "stop_grace_period": Default("Compose specification, stop_grace_period", "10s"),
        "stop_signal": Default("Compose specification, stop_signal", "SIGTERM"),
        "network_mode": Default("Docker engine API v1.43, HostConfig.NetworkMode", "default"),
        "ipc": Default("Docker engine API v1.43, HostConfig.IpcMode", "private"),
        "cgroup": Default("Docker engine API v1.43, HostConfig.CgroupnsMode", "private"),
        "shm_size": Default("Docker engine API v1.43, HostConfig.ShmSize", 64 * 1024 * 1024),
        "working_dir": Default("image-spec, config.WorkingDir", "/"),
        "memswap_limit": Default(
            "Docker documentation, --memory-swap: twice the memory limit",
            derive=lambda service: 2 * limit if isinstance(limit := service.get("mem_limit"), int) else None,
        ),
    },
    "Healthcheck": {
        "interval": Default(_SPEC, "30s"),
        "timeout": Default(_SPEC, "30s"),
        "retries": Default(_SPEC, 3),
        "start_period": Default(_SPEC, "0s"),
        "start_interval": Default(_HEALTH, "5s"),
    },
}


def source(desired: JSON, observed: JSON) -> bool:
    """Whether a mount's source is the declared one: a relative path is met by any absolute path that ends with it."""
    if not isinstance(desired, str) or not isinstance(observed, str):
        return desired == observed
    if desired.startswith("~"):
        return observed.endswith(desired[1:])
    if not desired.startswith("."):
        return desired == observed
    tail = posixpath.normpath(desired)
    while tail.startswith("../"):
        tail = tail[3:]
    anywhere = tail in {".", ".."}
    return observed.startswith(("/", "\\")) and (anywhere or observed.endswith(f"/{tail}"))


def joined(desired: JSON, observed: JSON) -> bool:
    """Whether a namespace is the declared one: another service's is known live by its container."""
    if isinstance(desired, str) and desired.startswith(("service:", "container:")):
        return isinstance(observed, str) and observed.startswith("container:")
    return desired == observed


def _leaf(agrees: object = None) -> Shape:
    return Shape(Form.LEAF, FilledBy.NOBODY, agrees=agrees if callable(agrees) else None)


def resolved_source(desired: JSON, observed: JSON) -> bool:
    """Whether a mount's source is the declared one where relative paths were resolved already; a home is nobody's."""
    home = isinstance(desired, str) and desired.startswith("~")
    return source(desired, observed) if home else desired == observed


@cache
def service_shape(*, resolved: bool = False, logged: bool = False) -> Shape:
    """The shape of a service in long form. ``resolved``: the folder that relative mounts start from is known. ``logged``:
    somebody asked for the way in which it logs, which else may be the engine's own.
    """
    comparators = {
        "published": Shape(Form.LEAF, FilledBy.NOBODY, canonical=values.text, agrees=ports.published),
        "source": _leaf(resolved_source if resolved else source),
        "joined": _leaf(joined),
        "words": Shape(Form.LIST, FilledBy.NOBODY),
    }
    return compile_shape("Service", {**_TYPES, **(_LOGGED if logged else {})}, _DEFAULTS, comparators)
