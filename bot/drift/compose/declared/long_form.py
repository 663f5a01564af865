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
from bot.drift.compose.declared.devices import devices, gpus, pids_limit, ulimits
from bot.drift.compose.declared.mounts import folder, mounts, tmpfs
from bot.drift.compose.declared.process import healthcheck, labels, logging, restart, stop_signal, variables, words
from bot.drift.compose.notation import capability
from bot.model.json import JSON, Tree, elements, get, mapping

_CONDITIONS: Final = {
    **dict.fromkeys(("none", "no"), "no"),
    **dict.fromkeys(("any", "always"), "always"),
    "on-failure": "on-failure",
    "unless-stopped": "unless-stopped",
}
"""``mapRestartPolicyCondition``, ``pkg/compose/create.go`` of docker/compose."""


def service(raw: Tree) -> dict[str, JSON]:
    """The service in canonical long syntax; keys without a live counterpart are left out."""
    whole = {**_deployed(raw), **raw, **_overruling(mapping(raw.get("deploy")))}
    long = {key: read(whole[key]) for key, read in READERS.items() if whole.get(key) is not None}
    _quota(whole, long)
    _reserved_devices(mapping(raw.get("deploy")), long)
    return {key: value for key, value in long.items() if value is not None}


def _deployed(raw: Tree) -> dict[str, JSON]:
    """What ``deploy`` says about a single container, by the keys that say the same."""
    deploy = mapping(raw.get("deploy"))
    limits = mapping(get(deploy, "resources", "limits"))
    held = mapping(get(deploy, "resources", "reservations"))
    deployed = {
        "cpus": limits.get("cpus"),
        "mem_limit": limits.get("memory"),
        "pids_limit": limits.get("pids"),
        "mem_reservation": held.get("memory"),
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


def _quota(whole: Tree, long: dict[str, JSON]) -> None:
    quota, period = whole.get("cpu_quota"), whole.get("cpu_period")
    number = values.number(quota)
    if "cpus" not in long and isinstance(number, int) and number > 0:
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
    kept = ("aliases", "ipv4_address", "ipv6_address")
    return {
        name: {key: mapping(entry)[key] for key in kept if mapping(entry).get(key)} for name, entry in value.items()
    }


def _capabilities(value: JSON) -> JSON:
    if not isinstance(value, (list, tuple)):
        return value
    return sorted({capability(str(name)) for name in value}) or None


def _texts(value: JSON) -> JSON:
    """One text or a list of them as a list of texts."""
    entries = value if isinstance(value, (list, tuple)) else [value]
    return [values.text(entry) for entry in entries] or None


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


READERS: Final[Mapping[str, Callable[[JSON], JSON]]] = {
    "image": lambda value: value or None,
    "command": words,
    "entrypoint": words,
    "environment": variables,
    "ports": ports.ports,
    "expose": ports.exposed,
    "volumes": mounts,
    "tmpfs": tmpfs,
    "networks": _networks,
    "network_mode": values.text,
    "labels": labels,
    "restart": restart,
    "healthcheck": healthcheck,
    "logging": logging,
    "privileged": values.boolean,
    "cap_add": _capabilities,
    "cap_drop": _capabilities,
    "user": values.text,
    "group_add": _text_set,
    "devices": devices,
    "device_cgroup_rules": _text_set,
    "gpus": gpus,
    "ulimits": ulimits,
    "mem_limit": values.size,
    "mem_reservation": values.size,
    "memswap_limit": values.size,
    "cpus": values.number,
    "cpu_shares": values.number,
    "cpuset": values.text,
    "pids_limit": pids_limit,
    "shm_size": values.size,
    "read_only": values.boolean,
    "security_opt": _security,
    "pid": values.text,
    "ipc": values.text,
    "uts": values.text,
    "userns_mode": values.text,
    "cgroup": values.text,
    "cgroup_parent": values.text,
    "hostname": values.text,
    "domainname": values.text,
    "container_name": values.text,
    "extra_hosts": _extra_hosts,
    "init": values.boolean,
    "tty": values.boolean,
    "stdin_open": values.boolean,
    "working_dir": folder,
    "stop_signal": stop_signal,
    "stop_grace_period": values.duration,
    "sysctls": labels,
    "dns": _texts,
    "dns_search": _texts,
    "dns_opt": _text_set,
    "runtime": values.text,
    "oom_kill_disable": values.boolean,
    "oom_score_adj": values.number,
    "scale": values.number,
}
"""Every key that has a live counterpart, with the reading that gives its canonical value."""
