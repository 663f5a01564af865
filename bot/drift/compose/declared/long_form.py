"""A Compose service in its one long form, whichever of the many short ones its author chose.

:func:`service` gives the vocabulary that :mod:`bot.drift.compose.inspected` gives for a running container, so that both
compare entry by entry. Keys that nothing running shows (``build``, ``depends_on``, ``profiles``) are left out, and what
``deploy`` says is put where the older keys say it. The functions are total and idempotent: what does not look like
Compose comes back as it is. Sources: the Compose specification (05-services.md, deploy.md) and compose-go's loader.

Used by :mod:`bot.drift.compose.services`; its edits read single entries with the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bot.drift import values
from bot.drift.compose.declared import ports
from bot.drift.compose.declared.devices import devices, gpus, integer, pids_limit, ulimits
from bot.drift.compose.declared.mounts import folder, mounts, tmpfs
from bot.drift.compose.declared.process import argv, healthcheck, labels, logging, restart, stop_signal, variables
from bot.drift.compose.notation import capability
from bot.model.json import JSON, Tree, elements, get, mapping

_CONDITIONS: Final = {
    **dict.fromkeys(("none", "no"), "no"),
    **dict.fromkeys(("any", "always"), "always"),
    "on-failure": "on-failure",
    "unless-stopped": "unless-stopped",
}
"""``mapRestartPolicyCondition``, ``pkg/compose/create.go`` of docker/compose."""


_UNLIMITED: Final = (0, "0", "0.0")
"""An older key that says so hides nothing that ``deploy`` says (``setLimits``, same file)."""


def service(raw: Tree) -> dict[str, JSON]:
    """The service in canonical long syntax; keys without a live counterpart are left out."""
    deployed = _deployed(raw)
    own_fields = {key: value for key, value in raw.items() if key not in deployed or value not in _UNLIMITED}
    declared = {**deployed, **own_fields, **_overruling(mapping(raw.get("deploy")))}
    long = {key: read(declared[key]) for key, read in READERS.items() if declared.get(key) is not None}
    _quota(declared, long)
    _reserved_devices(mapping(raw.get("deploy")), long)
    return {key: value for key, value in long.items() if value is not None}


def _deployed(raw: Tree) -> dict[str, JSON]:
    """What ``deploy`` says about a single container, by the keys that say the same."""
    deploy = mapping(raw.get("deploy"))
    limits = mapping(get(deploy, "resources", "limits"))
    reservations = mapping(get(deploy, "resources", "reservations"))
    deployed = {
        "cpus": limits.get("cpus"),
        "mem_limit": limits.get("memory"),
        "pids_limit": limits.get("pids"),
        "mem_reservation": reservations.get("memory"),
        "scale": deploy.get("replicas"),
    }
    return {key: value for key, value in deployed.items() if value is not None}


def _overruling(deploy: Tree) -> Tree:
    """What ``deploy`` says against an older key: its restart policy counts (``getRestartPolicy``, same file)."""
    condition = _condition(mapping(deploy.get("restart_policy")))
    return {} if condition is None else {"restart": condition}


DEPLOYED: Final[Mapping[str, tuple[str, ...]]] = {
    "cpus": ("deploy", "resources", "limits", "cpus"),
    "mem_limit": ("deploy", "resources", "limits", "memory"),
    "pids_limit": ("deploy", "resources", "limits", "pids"),
    "mem_reservation": ("deploy", "resources", "reservations", "memory"),
    "scale": ("deploy", "replicas"),
}
"""Where ``deploy`` says what a canonical key says, where the value has the same form in both places."""


def _condition(policy: Tree) -> JSON:
    name = _CONDITIONS.get(str(restart(policy.get("condition")))) if policy else None
    attempts = policy.get("max_attempts")
    return f"{name}:{attempts}" if name == "on-failure" and attempts else name


def _quota(service_tree: Tree, long: dict[str, JSON]) -> None:
    quota, period = service_tree.get("cpu_quota"), service_tree.get("cpu_period")
    number = values.number(quota)
    if not long.get("cpus") and isinstance(number, int) and number > 0:
        length = values.number(period)
        long["cpus"] = values.number(number / (length if isinstance(length, int) and length > 0 else 100_000))


def _reserved_devices(deploy: Tree, long: dict[str, JSON]) -> None:
    """``deploy.resources.reservations.devices`` are requests like ``gpus``."""
    reserved = gpus(get(deploy, "resources", "reservations", "devices"))
    if isinstance(reserved, list):
        long["gpus"] = [*elements(long.get("gpus")), *reserved]


def _networks(value: JSON) -> JSON:
    if isinstance(value, (list, tuple)):
        return {str(name): {} for name in value}
    if not isinstance(value, (dict, Mapping)):
        return value
    kept_keys = ("aliases", "ipv4_address", "ipv6_address")
    return {
        name: {key: mapping(entry)[key] for key in kept_keys if mapping(entry).get(key)}
        for name, entry in value.items()
    }


def _capabilities(value: JSON) -> JSON:
    if not isinstance(value, (list, tuple)):
        return value
    return sorted({capability(str(name)) for name in value}) or None


def _texts(value: JSON) -> JSON:
    """One text or a list of them as a list of texts."""
    entries = value if isinstance(value, (list, tuple)) else [value]
    return [values.text(entry) for entry in entries] or None


def _text(value: JSON) -> JSON:
    """An empty text says nothing."""
    return values.text(value) or None


def _text_set(value: JSON) -> JSON:
    entries = _texts(value)
    return sorted({str(entry) for entry in elements(entries)}) or None


def _security(value: JSON) -> JSON:
    return sorted({_option(str(entry)) for entry in elements(value)}) or None


def _option(entry: str) -> str:
    """``name:value``; docker puts the text of a seccomp profile where Compose names its file."""
    name, _, value = entry.replace("=", ":", 1).partition(":")
    if name == "no-new-privileges":
        return f"{name}:{value or 'true'}"
    if name == "seccomp" and value != "unconfined":
        return "seccomp:profile"
    return f"{name}:{value}" if value else name


def _extra_hosts(value: JSON) -> JSON:
    if isinstance(value, (dict, Mapping)):
        pairs = [(name, entry) for name, addresses in value.items() for entry in (elements(addresses) or [addresses])]
        return sorted({_host(f"{name}={values.text(entry)}") for name, entry in pairs}) or None
    return sorted({_host(str(entry)) for entry in elements(value)}) or None


def _host(entry: str) -> str:
    name, joint, address = entry.partition("=") if "=" in entry else entry.partition(":")
    return f"{name}={address.strip('[]')}" if joint else name


_ROWS: Final[tuple[tuple[str, Callable[[JSON], JSON]], ...]] = (
    ("image", lambda value: value or None),
    ("command entrypoint", argv),
    ("environment", variables),
    ("ports", ports.ports),
    ("expose", ports.exposed),
    ("volumes", mounts),
    ("tmpfs", tmpfs),
    ("networks", _networks),
    ("labels sysctls", labels),
    ("restart", restart),
    ("healthcheck", healthcheck),
    ("logging", logging),
    ("cap_add cap_drop", _capabilities),
    ("devices", devices),
    ("gpus", gpus),
    ("ulimits", ulimits),
    ("pids_limit", pids_limit),
    ("security_opt", _security),
    ("extra_hosts", _extra_hosts),
    ("working_dir", lambda value: folder(value) or None),
    ("stop_signal", stop_signal),
    ("stop_grace_period", values.duration),
    ("dns dns_search", _texts),
    ("group_add device_cgroup_rules dns_opt", _text_set),
    ("privileged read_only init tty stdin_open oom_kill_disable", values.boolean),
    ("mem_limit mem_reservation memswap_limit", values.size),
    ("shm_size", lambda value: values.size(value) or None),
    ("cpus oom_score_adj scale", values.number),
    ("cpu_shares", integer),
    ("network_mode user cpuset pid ipc uts userns_mode cgroup cgroup_parent", _text),
    ("hostname domainname container_name runtime", _text),
)
READERS: Final[Mapping[str, Callable[[JSON], JSON]]] = {key: read for keys, read in _ROWS for key in keys.split()}
"""Every key that has a live counterpart, with the reading that gives its canonical value."""
