"""A Compose service in its one long form, whichever of the many short ones its author chose.

:func:`service` gives the vocabulary that :mod:`bot.drift.compose.inspected` gives for a running container, so that both
compare entry by entry. Keys that nothing running shows (``build``, ``depends_on``, ``profiles``) are left out, and what
``deploy`` says is put where the older keys say it. The functions are total and idempotent: what does not look like
Compose comes back as it is. Sources: the Compose specification (05-services.md) and compose-go's loader.

Used by :mod:`bot.drift.compose.services`; the reading of single entries (:func:`mount`, :func:`device`) also by its edits.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Final

from bot.drift import values
from bot.drift.compose.declared import ports
from bot.drift.compose.inspected.container import signal_name
from bot.model.json import JSON, Tree, elements, get, mapping

_MOUNT_NOISE: Final = frozenset({"rw", "z", "Z", "cached", "delegated", "consistent", "nocopy"})
_TMPFS_NOISE: Final = frozenset({"rw", "rprivate", "nosuid", "nodev", "noexec", "tmpcopyup", "private", "relatime"})
_SECRETS: Final = "/run/secrets/"
_CONDITIONS: Final = {
    **dict.fromkeys(("none", "no"), "no"),
    **dict.fromkeys(("any", "always"), "always"),
    "on-failure": "on-failure",
    "unless-stopped": "unless-stopped",
}
"""``mapRestartPolicyCondition`` of docker/compose."""


def service(raw: Tree) -> dict[str, JSON]:
    """The service in canonical long syntax; keys without a live counterpart are left out."""
    whole = {**_deployed(raw), **raw, **_overruling(mapping(raw.get("deploy")))}
    found = {key: read(whole[key]) for key, read in READERS.items() if whole.get(key) is not None}
    _quota(whole, found)
    _reserved_devices(mapping(raw.get("deploy")), found)
    return {key: value for key, value in found.items() if value is not None}


def _deployed(raw: Tree) -> dict[str, JSON]:
    """What ``deploy`` says about a single container, by the keys that say the same."""
    deploy = mapping(raw.get("deploy"))
    limits = mapping(get(deploy, "resources", "limits"))
    held = mapping(get(deploy, "resources", "reservations"))
    found = {
        "cpus": limits.get("cpus"),
        "mem_limit": limits.get("memory"),
        "pids_limit": limits.get("pids"),
        "mem_reservation": held.get("memory"),
        "scale": deploy.get("replicas"),
    }
    return {key: value for key, value in found.items() if value is not None}


def _overruling(deploy: Tree) -> Tree:
    """What ``deploy`` says against an older key: its restart policy counts (``getRestartPolicy`` of docker/compose)."""
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
    name = _CONDITIONS.get(str(_restart(policy.get("condition")))) if policy else None
    attempts = policy.get("max_attempts")
    return f"{name}:{attempts}" if name == "on-failure" and attempts else name


def _quota(whole: Tree, found: dict[str, JSON]) -> None:
    quota, period = whole.get("cpu_quota"), whole.get("cpu_period")
    number = values.number(quota)
    if "cpus" not in found and isinstance(number, int) and number > 0:
        length = values.number(period)
        found["cpus"] = values.number(number / (length if isinstance(length, int) and length > 0 else 100_000))


def _reserved_devices(deploy: Tree, found: dict[str, JSON]) -> None:
    """``deploy.resources.reservations.devices`` are requests like ``gpus``."""
    reserved = _gpus(get(deploy, "resources", "reservations", "devices"))
    if isinstance(reserved, list):
        found["gpus"] = [*elements(found.get("gpus")), *reserved]


def words(value: JSON) -> JSON:
    """A command as its words; text splits as a shell splits it. An empty command is none."""
    if isinstance(value, str):
        try:
            return [*shlex.split(value)] or None
        except ValueError:
            return value
    if isinstance(value, (list, tuple)):
        return [values.text(word) for word in value] or None
    return value


def variables(value: JSON) -> JSON:
    """``KEY=value`` lists and mappings as a mapping of texts; a variable without value stays null (passed through)."""
    if isinstance(value, (list, tuple)):
        pairs = (str(values.text(entry)).partition("=") for entry in value)
        return {name: (text if equals else None) for name, equals, text in pairs}
    if isinstance(value, (dict, Mapping)):
        return {key: None if entry is None else values.text(entry) for key, entry in value.items()}
    return value


def labels(value: JSON) -> JSON:
    """Labels as a mapping of texts; one without value is empty."""
    found = variables(value)
    if not isinstance(found, (dict, Mapping)):
        return found
    return {key: "" if entry is None else entry for key, entry in found.items()}


def mounts(value: JSON) -> JSON:
    """Every mount that has a source or is a tmpfs, in long form; anonymous volumes hold nothing to compare."""
    if not isinstance(value, (list, tuple)):
        return value
    found = [mount(entry) for entry in value]
    return [
        one for one in found if not (isinstance(one, dict) and one.get("type") == "volume" and not one.get("source"))
    ]


def mount(entry: JSON) -> JSON:
    """One entry of ``volumes`` in long form ``{type, source, target, read_only, bind}``."""
    if isinstance(entry, (dict, Mapping)):
        return _long_mount(entry)
    if not isinstance(entry, str) or not entry:
        return entry
    parts = entry.split(":")
    if len(parts) > 1 and len(parts[0]) == 1 and parts[1][:1] in {"\\", "/"} and parts[0].isalpha():
        parts = [f"{parts[0]}:{parts[1]}", *parts[2:]]
    if len(parts) == 1:
        return {"type": "volume", "target": _folder(parts[0])}
    source, target, *options = parts
    modes = {word for option in options for word in option.split(",")} - _MOUNT_NOISE
    kind = "bind" if source[:1] in {"/", ".", "~", "\\"} or source[1:2] == ":" else "volume"
    propagation = next((mode for mode in sorted(modes) if mode.endswith(("shared", "slave", "private"))), None)
    long: dict[str, JSON] = {"type": kind, "source": source, "target": target}
    if "ro" in modes:
        long["read_only"] = True
    if propagation:
        long["bind"] = {"propagation": propagation}
    return _long_mount(long)


def _long_mount(entry: Tree) -> JSON:
    found: dict[str, JSON] = {"type": entry.get("type") or "volume", "target": _folder(entry.get("target"))}
    if entry.get("source"):
        found["source"] = _source(found["type"], _folder(entry["source"]))
    if values.boolean(entry.get("read_only")) is True:
        found["read_only"] = True
    propagation = get(entry, "bind", "propagation")
    if propagation and propagation != "rprivate":
        found["bind"] = {"propagation": propagation}
    return found


def _source(kind: JSON, path: JSON) -> JSON:
    """A folder of the host that is named from the project's own begins with a dot, as short syntax demands."""
    if kind != "bind" or not isinstance(path, str) or path[:1] in {"/", ".", "~", "\\", "$"} or path[1:2] == ":":
        return path
    return f"./{path}"


def _folder(path: JSON) -> JSON:
    return path.rstrip("/") or "/" if isinstance(path, str) and path.startswith(("/", ".", "~")) else path


def _tmpfs(value: JSON) -> JSON:
    found: list[JSON] = []
    for entry in [value] if isinstance(value, str) else elements(value):
        target, _, options = str(entry).partition(":")
        kept = [option for option in options.split(",") if option and option not in _TMPFS_NOISE]
        found.append(f"{_folder(target)}:{','.join(kept)}" if kept else _folder(target))
    return found


def _networks(value: JSON) -> JSON:
    if isinstance(value, (list, tuple)):
        return {str(name): {} for name in value}
    if not isinstance(value, (dict, Mapping)):
        return value
    kept = ("aliases", "ipv4_address", "ipv6_address")
    return {
        name: {key: mapping(entry)[key] for key in kept if mapping(entry).get(key)} for name, entry in value.items()
    }


def _restart(value: JSON) -> JSON:
    """YAML reads a bare ``no`` as false."""
    if value is False:
        return "no"
    name, _, count = str(value).partition(":")
    return name if count in {"", "0"} else f"{name}:{count}"


def healthcheck(value: JSON) -> JSON:
    """The check with its test as a list of words and its times in one spelling."""
    if not isinstance(value, (dict, Mapping)):
        return value
    test = _test(value.get("test"))
    if values.boolean(value.get("disable")) is True or test == ["NONE"]:
        return {"disable": True}
    found: dict[str, JSON] = {} if test is None else {"test": test}
    for key in ("interval", "timeout", "start_period", "start_interval"):
        if value.get(key) is not None:
            found[key] = values.duration(value[key])
    if value.get("retries") is not None:
        found["retries"] = values.number(value["retries"])
    return found


def _test(value: JSON) -> JSON:
    if isinstance(value, str):
        return ["CMD-SHELL", value]
    return [values.text(word) for word in value] if isinstance(value, (list, tuple)) and value else None


def _logging(value: JSON) -> JSON:
    if not isinstance(value, (dict, Mapping)):
        return value
    options = {key: values.text(entry) for key, entry in mapping(value.get("options")).items() if entry is not None}
    found: dict[str, JSON] = {"driver": value["driver"]} if value.get("driver") else {}
    return {**found, "options": options} if options else found


def _capabilities(value: JSON) -> JSON:
    if not isinstance(value, (list, tuple)):
        return value
    return sorted({str(name).upper().removeprefix("CAP_") for name in value}) or None


def _texts(value: JSON) -> JSON:
    """One text or a list of them as a list of texts."""
    found = value if isinstance(value, (list, tuple)) else [value]
    return [values.text(entry) for entry in found] or None


def _text_set(value: JSON) -> JSON:
    found = _texts(value)
    return sorted({str(entry) for entry in elements(found)}) or None


def device(entry: JSON) -> JSON:
    """One entry of ``devices`` in long form ``{source, target, permissions}``."""
    if isinstance(entry, (dict, Mapping)):
        target, rights = entry.get("target") or entry.get("source"), entry.get("permissions") or "rwm"
        return {"source": entry.get("source"), "target": target, "permissions": rights}
    source, _, rest = str(entry).partition(":")
    target, _, rights = rest.partition(":")
    return {"source": source, "target": target or source, "permissions": rights or "rwm"}


def _devices(value: JSON) -> JSON:
    return [device(entry) for entry in value] or None if isinstance(value, (list, tuple)) else value


def _gpus(value: JSON) -> JSON:
    """Requests for devices; one that names neither a number nor devices is for all of them."""
    if value == "all":
        return [{"capabilities": ["gpu"], "count": "all"}]
    return [_gpu(mapping(entry)) for entry in value] or None if isinstance(value, (list, tuple)) else value


def _gpu(entry: Tree) -> JSON:
    found: dict[str, JSON] = {"capabilities": sorted({"gpu", *map(str, elements(entry.get("capabilities")))})}
    if elements(entry.get("device_ids")):
        return {**found, "device_ids": [values.text(one) for one in elements(entry["device_ids"])]}
    count = values.number(entry.get("count"))
    return {**found, "count": "all" if count in (None, -1) else count}


def _ulimits(value: JSON) -> JSON:
    if not isinstance(value, (dict, Mapping)):
        return value
    return {name: _ulimit(entry) for name, entry in value.items()}


def _ulimit(entry: JSON) -> JSON:
    if isinstance(entry, (dict, Mapping)):
        soft = values.number(entry.get("soft"))
        hard = values.number(entry.get("hard"))
        return {"soft": hard if soft is None else soft, "hard": soft if hard is None else hard}
    limit = values.number(entry)
    return {"soft": limit, "hard": limit}


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
        pairs = [(name, entry) for name, found in value.items() for entry in (elements(found) or [found])]
        return sorted({_host(f"{name}={values.text(entry)}") for name, entry in pairs}) or None
    return sorted({_host(str(entry)) for entry in elements(value)}) or None


def _host(entry: str) -> str:
    name, joint, address = entry.partition("=") if "=" in entry else entry.partition(":")
    return f"{name}={address.strip('[]')}" if joint else name


def _pids(value: JSON) -> JSON:
    """Without a limit is -1, as engines write it."""
    number = values.number(value)
    return -1 if isinstance(number, (int, float)) and number <= 0 else number


def _signal(value: JSON) -> JSON:
    return signal_name(value) or value


def targets(value: JSON, root: str) -> set[str]:
    """Where the entries of a service's ``configs`` or ``secrets`` are mounted."""
    found = set()
    for entry in elements(value):
        name = mapping(entry).get("target") or mapping(entry).get("source") or entry
        found.add(name if isinstance(name, str) and name.startswith("/") else f"{root}{name}")
    return found


def brought_mounts(raw: Tree) -> set[str]:
    """Targets that a container has mounted because of ``configs`` and ``secrets``."""
    return targets(raw.get("configs"), "/") | targets(raw.get("secrets"), _SECRETS)


READERS: Final[Mapping[str, Callable[[JSON], JSON]]] = {
    "image": lambda value: value or None,
    "command": words,
    "entrypoint": words,
    "environment": variables,
    "ports": ports.ports,
    "expose": ports.exposed,
    "volumes": mounts,
    "tmpfs": _tmpfs,
    "networks": _networks,
    "network_mode": values.text,
    "labels": labels,
    "restart": _restart,
    "healthcheck": healthcheck,
    "logging": _logging,
    "privileged": values.boolean,
    "cap_add": _capabilities,
    "cap_drop": _capabilities,
    "user": values.text,
    "group_add": _text_set,
    "devices": _devices,
    "device_cgroup_rules": _text_set,
    "gpus": _gpus,
    "ulimits": _ulimits,
    "mem_limit": values.size,
    "mem_reservation": values.size,
    "memswap_limit": values.size,
    "cpus": values.number,
    "cpu_shares": values.number,
    "cpuset": values.text,
    "pids_limit": _pids,
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
    "working_dir": _folder,
    "stop_signal": _signal,
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
