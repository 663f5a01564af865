"""How each Compose key of a running container is read from its inspect, and what its image or engine gives anyway.

Called by :mod:`bot.drift.compose.inspected.inspect` only. A reader answers ``(value, ground)``: the canonical value as
it is live (None: absent) and the value that would be there had nobody asked for anything.

Sources: the Docker engine API (v1.43, ContainerInspect), podman 4 and 5 ``inspect`` (native and Docker-compatible), the
defaults of dockerd and of containers.conf(5), and the Compose specification for the vocabulary.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal

from bot.drift.compose.inspected.container import Container, Defaults, go_duration, signal_name
from bot.model.json import JSON, Tree, elements, get, mapping, mappings, text, texts, whole

_ANONYMOUS: Final = re.compile(r"[0-9a-f]{64}\Z")
_SIZE: Final = re.compile(r"0+\s*[A-Za-z]*\Z")
_OWN_LABELS: Final = (
    "com.docker.compose.",
    "com.docker.stack.",
    "com.docker.swarm.",
    "com.docker.desktop.",
    "desktop.docker.io/",
    "io.podman.compose.",
    "io.podman.annotations.",
    "PODMAN_SYSTEMD_UNIT",
    "io.containers.autoupdate.",
)
_PODMAN_READ_ONLY_TMPFS: Final = frozenset({"/run", "/tmp", "/var/tmp"})  # noqa: S108 - mounted there by podman
_TMPFS_NOISE: Final = frozenset({"rw", "rprivate", "nosuid", "nodev", "noexec", "tmpcopyup", "private", "relatime"})
_SYSTEM_ENVIRONMENT: Final = frozenset({"container", "HOSTNAME", "HOME", "TERM"})
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

Reading = tuple[JSON, JSON]


def _given(value: JSON) -> Reading:
    """Nothing stands behind it: whatever is there was asked for; empty counts as absent."""
    return (value or None, None)


def _image(shown: Container) -> Reading:
    return _given(text(shown.container.get("ImageName")) or text(shown.config.get("Image")))


def _command(shown: Container) -> Reading:
    return (list(texts(shown.config.get("Cmd"))) or None, list(texts(shown.image_config.get("Cmd"))))


def _entrypoint(shown: Container) -> Reading:
    ground = list(texts(shown.image_config.get("Entrypoint")))
    value = shown.config.get("Entrypoint")
    if not isinstance(value, str):
        return (list(texts(value)) or None, ground)
    # podman 4 joins the words with spaces; Path and Args still have them apart
    words = [text(shown.container.get("Path")), *texts(shown.container.get("Args"))]
    tail = len(texts(shown.config.get("Cmd")))
    head = words[: len(words) - tail] if value else []
    return ((head if " ".join(head) == value else shlex.split(value)) or None, ground)


def _variables(entries: Iterable[str]) -> dict[str, JSON]:
    return dict(entry.partition("=")[::2] for entry in entries)


def _environment(shown: Container) -> Reading:
    live = _variables(texts(shown.config.get("Env")))
    ground = _variables(texts(shown.image_config.get("Env")))
    ground.setdefault("PATH", _PATH)
    if shown.podman:
        hostname = text(shown.config.get("Hostname"))
        usual: dict[str, JSON] = {
            "container": "podman",
            "TERM": "xterm",
            "HOSTNAME": hostname,
            "HOME": live.get("HOME"),
        }
        ground = {**{key: usual[key] for key in _SYSTEM_ENVIRONMENT}, **ground}
    return (live or None, ground)


def _bindings(shown: Container) -> Iterable[dict[str, JSON]]:
    for port, hosts in sorted(mapping(shown.host.get("PortBindings")).items()):
        number, _, protocol = port.partition("/")
        for host in mappings(hosts):
            entry: dict[str, JSON] = {"target": int(number) if number.isdigit() else 0}
            published = text(host.get("HostPort"))
            if published not in {"", "0"}:
                entry["published"] = published
            entry["protocol"], entry["mode"] = protocol or "tcp", "ingress"
            address = text(host.get("HostIp"))
            if address not in {"", "0.0.0.0", "::"}:  # noqa: S104 - not named: every address
                entry["host_ip"] = address
            yield entry


def _ports(shown: Container) -> Reading:
    order = sorted(_bindings(shown), key=lambda port: (str(port["protocol"]), whole(port["target"]), str(port)))
    return _given(order)


def _expose(shown: Container) -> Reading:
    return _given(_exposed(shown)[0])


def brought_ports(shown: Container) -> list[JSON]:
    """The ports that are exposed because the image exposes them or because they are published."""
    return _exposed(shown)[1]


def _exposed(shown: Container) -> tuple[list[JSON], list[JSON]]:
    """What was exposed for its own sake, and what is exposed anyway; without the image all of it may be."""
    bound = mapping(shown.host.get("PortBindings"))
    live = {*mapping(shown.config.get("ExposedPorts")), *mapping(get(shown.container, "NetworkSettings", "Ports"))}
    usual = {*mapping(shown.image_config.get("ExposedPorts")), *bound} if shown.image else live
    given, brought = sorted(live - usual), sorted((live | {*bound}) - (live - usual))
    return [_port_name(one) for one in given], [_port_name(one) for one in brought]


def _port_name(port: str) -> str:
    return port.removesuffix("/tcp")


def _volumes(shown: Container) -> Reading:
    from_image = mapping(shown.image_config.get("Volumes"))
    found = [
        _volume(mount)
        for mount in mappings(shown.container.get("Mounts"))
        if not (_is_anonymous(mount) and text(mount.get("Destination")) in from_image) and not _is_secret(mount)
    ]
    found.sort(key=lambda volume: text(volume["target"]))
    return _given(found)


def _is_anonymous(mount: Tree) -> bool:
    return _ANONYMOUS.match(text(mount.get("Name"))) is not None


def _is_secret(mount: Tree) -> bool:
    return text(mount.get("Destination")).startswith("/run/secrets/")


def _volume(mount: Tree) -> dict[str, JSON]:
    kind = text(mount.get("Type")) or "bind"
    entry: dict[str, JSON] = {"type": kind, "target": text(mount.get("Destination"))}
    if kind == "volume" and not _is_anonymous(mount):
        entry["source"] = text(mount.get("Name"))
    elif kind == "bind":
        entry["source"] = text(mount.get("Source"))
        propagation = text(mount.get("Propagation"))
        if propagation not in {"", "rprivate"}:
            entry["bind"] = {"propagation": propagation}
    if mount.get("RW") is False:
        entry["read_only"] = True
    return entry


def _secrets(shown: Container) -> Reading:
    """File-backed Compose secrets are bind mounts below ``/run/secrets``."""
    targets = sorted(text(mount.get("Destination")) for mount in mappings(shown.container.get("Mounts")))
    return _given([{"source": at.rpartition("/")[2], "target": at} for at in targets if at.startswith("/run/secrets/")])


def _tmpfs(shown: Container) -> Reading:
    found: list[JSON] = []
    for target, options in sorted(mapping(shown.host.get("Tmpfs")).items()):
        kept = [option for option in text(options).split(",") if option and option not in _TMPFS_NOISE]
        by_podman = shown.podman and shown.host.get("ReadonlyRootfs") is True and target in _PODMAN_READ_ONLY_TMPFS
        if kept or not by_podman:
            found.append(f"{target}:{','.join(kept)}" if kept else target)
    return _given(found)


def _networks(shown: Container) -> Reading:
    live: dict[str, JSON] = {}
    for name, settings in sorted(mapping(get(shown.container, "NetworkSettings", "Networks")).items()):
        if name not in {"host", "none", "bridge", "podman", "slirp4netns", "pasta"}:
            live[name] = _network(mapping(settings), shown)
    return (live or None, {f"{shown.project}_default" if shown.project else "default": {}})


def _network(settings: Tree, shown: Container) -> dict[str, JSON]:
    own = {shown.service, text(shown.container.get("Name")).removeprefix("/"), text(shown.container.get("Id"))[:12]}
    aliases = sorted(set(texts(settings.get("Aliases"))) - own - {text(shown.config.get("Hostname"))})
    entry: dict[str, JSON] = {"aliases": list(aliases)} if aliases else {}
    for key, written in (("IPv4Address", "ipv4_address"), ("IPv6Address", "ipv6_address")):
        address = text(get(settings, "IPAMConfig", key))
        if address:
            entry[written] = address
    return entry


def _network_mode(shown: Container) -> Reading:
    mode = text(shown.host.get("NetworkMode"))
    attached = mapping(get(shown.container, "NetworkSettings", "Networks"))
    usual = {"", "default", "bridge", "private", "podman", "slirp4netns", "pasta"}
    named = mode in attached and mode not in {"host", "none"}
    return (mode or None, mode if mode in usual or named else None)


def _labels(shown: Container) -> Reading:
    live = mapping(shown.config.get("Labels"))
    kept = {key: value for key, value in live.items() if not key.startswith(_OWN_LABELS)}
    return (kept or None, mapping(shown.image_config.get("Labels")))


def _restart(shown: Container) -> Reading:
    policy = mapping(shown.host.get("RestartPolicy"))
    name, count = text(policy.get("Name")) or "no", whole(policy.get("MaximumRetryCount"))
    return (f"{name}:{count}" if name == "on-failure" and count else name, "no")


def _healthcheck_of(config: Tree) -> dict[str, JSON]:
    check = mapping(config.get("Healthcheck"))
    test = list(texts(check.get("Test")))
    if not test:
        return {}
    if test == ["NONE"]:
        return {"disable": True}
    found: dict[str, JSON] = {"test": test}
    for key in ("Interval", "Timeout", "StartPeriod", "StartInterval"):
        if whole(check.get(key)):
            written = re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower()
            found[written] = go_duration(whole(check.get(key)))
    if whole(check.get("Retries")):
        found["retries"] = whole(check.get("Retries"))
    return found


def _healthcheck(shown: Container) -> Reading:
    ground = _healthcheck_of(shown.image_config)
    if shown.podman:  # podman fills in its defaults where nothing was asked for
        ground = {"interval": "30s", "timeout": "30s", "retries": 3, "start_period": "0s", **ground}
    return (_healthcheck_of(shown.config) or None, ground)


def _logging(shown: Container) -> Reading:
    log = mapping(shown.host.get("LogConfig"))
    driver = text(log.get("Type"))
    options: dict[str, JSON] = {key: text(value) for key, value in mapping(log.get("Config")).items()}
    size, tag = text(log.get("Size")), text(log.get("Tag"))
    if size and not _SIZE.match(size):
        options["max-size"] = size.lower()
    if tag:
        options["tag"] = tag
    value: dict[str, JSON] = {"driver": driver} if driver else {}
    if options:
        value["options"] = options
    ground: dict[str, JSON] = {"options": dict(shown.defaults.log_options)}
    if driver in shown.defaults.log_drivers:
        ground["driver"] = driver
    return (value or None, ground)


def _capabilities(key: str) -> Callable[[Container], Reading]:
    def read(shown: Container) -> Reading:
        return _given(sorted({name.upper().removeprefix("CAP_") for name in texts(shown.host.get(key))}))

    return read


def _user(shown: Container) -> Reading:
    return (text(shown.config.get("User")) or None, text(shown.image_config.get("User")))


def _devices(shown: Container) -> Reading:
    return _given(
        [
            {
                "source": text(device.get("PathOnHost")),
                "target": text(device.get("PathInContainer")) or text(device.get("PathOnHost")),
                "permissions": text(device.get("CgroupPermissions")) or "rwm",
            }
            for device in mappings(shown.host.get("Devices"))
        ]
    )


def _ulimits(shown: Container) -> Reading:
    live: dict[str, JSON] = {}
    ground: dict[str, JSON] = {}
    for limit in mappings(shown.host.get("Ulimits")):
        name = text(limit.get("Name")).lower().removeprefix("rlimit_")
        soft, hard = whole(limit.get("Soft")), whole(limit.get("Hard"))
        live[name] = {"soft": soft, "hard": hard}
        asked = shown.asked_for("--ulimit", name)
        if asked is False or (asked is None and (soft, hard) in shown.defaults.ulimits.get(name, frozenset())):
            ground[name] = live[name]
    return (live or None, ground)


def _cpus(shown: Container) -> Reading:
    nano, quota = whole(shown.host.get("NanoCpus")), whole(shown.host.get("CpuQuota"))
    period = whole(shown.host.get("CpuPeriod")) or 100_000
    if nano:
        return _given(nano / 1e9)
    return _given(quota / period if quota > 0 else None)


def _memory_swap(shown: Container) -> Reading:
    """Twice the memory limit is what both engines set where only a memory limit is asked for."""
    swap = whole(shown.host.get("MemorySwap"))
    return (swap or None, 2 * whole(shown.host.get("Memory")))


def _security(shown: Container) -> Reading:
    options = {"no-new-privileges:true" if one == "no-new-privileges" else one for one in _security_texts(shown)}
    return _given(sorted(options))


def _security_texts(shown: Container) -> Iterable[str]:
    """Without what an engine adds to a privileged container by itself."""
    privileged = shown.host.get("Privileged") is True
    for option in texts(shown.host.get("SecurityOpt")):
        if not (privileged and option in {"label=disable", "unmask=all"}):
            yield option


def _namespace(key: str, *usual: str) -> Callable[[Container], Reading]:
    def read(shown: Container) -> Reading:
        mode = text(shown.host.get(key))
        return (mode or None, mode if mode in usual else None)

    return read


def _cgroup(shown: Container) -> Reading:
    """The host's is the default of engines on cgroup v1; it was asked for where the engine is known to be on v2."""
    mode = text(shown.host.get("CgroupnsMode")) or text(shown.host.get("CgroupMode"))
    asked = shown.asked_for("--cgroupns", "host") if shown.podman else shown.unified
    return (mode or None, mode if mode == "private" or (mode == "host" and not asked) else None)


def _pids_limit(shown: Container) -> Reading:
    """-1 without a limit, which nobody need have asked for."""
    limit = whole(shown.host.get("PidsLimit"))
    return (limit, shown.defaults.pids_limit) if limit > 0 else (-1, -1)


def _hostname(shown: Container) -> Reading:
    name, id_ = text(shown.config.get("Hostname")), text(shown.container.get("Id"))
    borrowed = text(shown.host.get("NetworkMode")) == "host" or text(shown.host.get("UTSMode")) == "host"
    return (name or None, name if borrowed or (id_ and id_.startswith(name)) else None)


def _container_name(shown: Container) -> Reading:
    name = text(shown.container.get("Name")).removeprefix("/")
    stem = f"{re.escape(shown.project)}([-_]){re.escape(shown.service)}\\1\\d+"
    return (name or None, name if not shown.project or re.fullmatch(stem, name) else None)


def _extra_hosts(shown: Container) -> Reading:
    """``name=address``: an IPv6 address has colons of its own."""
    return _given(sorted("=".join(entry.partition(":")[::2]) for entry in texts(shown.host.get("ExtraHosts"))))


def _init(shown: Container) -> Reading:
    noted = text(get(shown.config, "Annotations", "io.podman.annotations.init")).upper() == "TRUE"
    return (shown.host.get("Init") is True or noted, False)


def _working_dir(shown: Container) -> Reading:
    ground = text(shown.image_config.get("WorkingDir"))
    return (text(shown.config.get("WorkingDir")) or None, ground or "/")


def _stop_signal(shown: Container) -> Reading:
    ground = signal_name(shown.image_config.get("StopSignal")) or "SIGTERM"
    return (signal_name(shown.config.get("StopSignal")) or None, ground)


def _stop_grace_period(shown: Container) -> Reading:
    seconds = shown.config.get("StopTimeout")
    return (go_duration(whole(seconds) * 1_000_000_000) if seconds is not None else None, "10s")


def _runtime(shown: Container) -> Reading:
    runtime = text(shown.host.get("Runtime"))
    return (runtime or None, runtime if runtime in shown.defaults.runtimes else None)


def _gpus(shown: Container) -> Reading:
    requests = [
        {"capabilities": sorted({word for group in elements(one.get("Capabilities")) for word in texts(group)})}
        | ({"count": max(count, 0) or "all"} if (count := whole(one.get("Count"))) else {})
        | ({"device_ids": list(texts(one.get("DeviceIDs")))} if texts(one.get("DeviceIDs")) else {})
        for one in mappings(shown.host.get("DeviceRequests"))
    ]
    return _given([dict(one) for one in requests])


def _text_of(part: Literal["host", "config"], key: str, *usual: str) -> Callable[[Container], Reading]:
    def read(shown: Container) -> Reading:
        value = text((shown.host if part == "host" else shown.config).get(key))
        return (value or None, value if value in usual else None)

    return read


def _flag(part: Literal["host", "config"], key: str) -> Callable[[Container], Reading]:
    def read(shown: Container) -> Reading:
        return ((shown.host if part == "host" else shown.config).get(key) is True, False)

    return read


def _size(key: str, ground: Callable[[Defaults], int] = lambda _: 0) -> Callable[[Container], Reading]:
    def read(shown: Container) -> Reading:
        value = whole(shown.host.get(key))
        return (value if value > 0 else None, ground(shown.defaults))

    return read


def _list(key: str) -> Callable[[Container], Reading]:
    def read(shown: Container) -> Reading:
        return _given(list(texts(shown.host.get(key))))

    return read


def _sysctls(shown: Container) -> Reading:
    """Podman does not show them but on the command line it was given."""
    live = {key: text(value) for key, value in mapping(shown.host.get("Sysctls")).items()}
    live |= {key: value for key, equals, value in (one.partition("=") for one in shown.asked("--sysctl")) if equals}
    return _given(dict(sorted(live.items())))


FIELDS: Final[Mapping[str, Callable[[Container], Reading]]] = {
    "image": _image,
    "command": _command,
    "entrypoint": _entrypoint,
    "environment": _environment,
    "ports": _ports,
    "expose": _expose,
    "volumes": _volumes,
    "secrets": _secrets,
    "tmpfs": _tmpfs,
    "networks": _networks,
    "network_mode": _network_mode,
    "labels": _labels,
    "restart": _restart,
    "healthcheck": _healthcheck,
    "logging": _logging,
    "privileged": _flag("host", "Privileged"),
    "cap_add": _capabilities("CapAdd"),
    "cap_drop": _capabilities("CapDrop"),
    "user": _user,
    "group_add": _list("GroupAdd"),
    "devices": _devices,
    "device_cgroup_rules": _list("DeviceCgroupRules"),
    "gpus": _gpus,
    "ulimits": _ulimits,
    "mem_limit": _size("Memory"),
    "mem_reservation": _size("MemoryReservation"),
    "memswap_limit": _memory_swap,
    "cpus": _cpus,
    "cpu_shares": _size("CpuShares"),
    "cpuset": _text_of("host", "CpusetCpus"),
    "pids_limit": _pids_limit,
    "shm_size": _size("ShmSize", lambda defaults: defaults.shm_size),
    "read_only": _flag("host", "ReadonlyRootfs"),
    "security_opt": _security,
    "pid": _namespace("PidMode", "private"),
    "ipc": _namespace("IpcMode", "private", "shareable"),
    "uts": _namespace("UTSMode", "private"),
    "userns_mode": _namespace("UsernsMode", "private"),
    "cgroup": _cgroup,
    "cgroup_parent": _text_of("host", "CgroupParent"),
    "hostname": _hostname,
    "domainname": _text_of("config", "Domainname"),
    "container_name": _container_name,
    "extra_hosts": _extra_hosts,
    "init": _init,
    "tty": _flag("config", "Tty"),
    "stdin_open": _flag("config", "OpenStdin"),
    "working_dir": _working_dir,
    "stop_signal": _stop_signal,
    "stop_grace_period": _stop_grace_period,
    "sysctls": _sysctls,
    "dns": _list("Dns"),
    "dns_search": _list("DnsSearch"),
    "dns_opt": _list("DnsOptions"),
    "runtime": _runtime,
    "oom_kill_disable": _flag("host", "OomKillDisable"),
    "oom_score_adj": lambda shown: _given(whole(shown.host.get("OomScoreAdj"))),
}
"""Every Compose key that is read, in the order in which people write them."""
