"""How a container is kept apart from its host: capabilities, namespaces, profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.drift.compose.inspected.container import Container
from bot.drift.compose.inspected.reading import Reader, Reading, asked_for, flag, text_of
from bot.drift.compose.notation import capability
from bot.model.json import mapping, text, texts

PODMAN_DROPS: Final = frozenset({"AUDIT_WRITE", "MKNOD", "NET_RAW"})
"""What podman shows as dropped in every container where its configuration grants less than podman itself once did: the
default_capabilities of containers.conf(5) beside those that inspect compares with (``libpod/container_inspect.go``).
"""


def _capabilities(key: str, flag: str) -> Reader:
    """Podman shows the difference to its own set; what was asked for its command line tells, where that was kept."""

    def read(container: Container) -> Reading:
        names = {capability(name) for name in texts(container.host.get(key))}
        if not container.podman:
            return asked_for(sorted(names))
        if texts(container.config.get("CreateCommand")):
            return asked_for(
                sorted(
                    {
                        capability(name)
                        for names_text in container.values_of_flag(flag)
                        for name in names_text.split(",")
                    }
                )
            )
        return (sorted(names) or None, sorted(names) if key == "CapDrop" and names == PODMAN_DROPS else None)

    return read


def _security(container: Container) -> Reading:
    """Without what an engine adds to a privileged container by itself."""
    implied = {"label=disable", "unmask=all"} if container.host.get("Privileged") is True else set[str]()
    options = {*texts(container.host.get("SecurityOpt"))} - implied
    return asked_for(
        sorted("no-new-privileges:true" if option == "no-new-privileges" else option for option in options)
    )


def _cgroup(container: Container) -> Reading:
    """The host's is the default of engines on cgroup v1; it was asked for where the engine is known to be on v2
    (dockerd reference, --default-cgroupns-mode).
    """
    mode = text(container.host.get("CgroupnsMode")) or text(container.host.get("CgroupMode"))
    is_host = container.asked_for("--cgroupns", "host") if container.podman else container.unified
    return (mode or None, mode if mode == "private" or (mode == "host" and not is_host) else None)


def _runtime(container: Container) -> Reading:
    runtime = text(container.host.get("Runtime"))
    return (runtime or None, runtime if runtime in container.defaults.runtimes else None)


def _sysctls(container: Container) -> Reading:
    """Podman does not show them but on the command line it was given."""
    live = {key: text(value) for key, value in mapping(container.host.get("Sysctls")).items()}
    settings = (setting.partition("=") for setting in container.values_of_flag("--sysctl"))
    live |= {key: value for key, equals, value in settings if equals}
    return asked_for(dict(sorted(live.items())))


FIELDS: Final[Mapping[str, Reader]] = {
    "privileged": flag("host", "Privileged"),
    "cap_add": _capabilities("CapAdd", "--cap-add"),
    "cap_drop": _capabilities("CapDrop", "--cap-drop"),
    "security_opt": _security,
    "pid": text_of("host", "PidMode", "private"),
    "ipc": text_of("host", "IpcMode", "private", "shareable"),
    "uts": text_of("host", "UTSMode", "private"),
    "userns_mode": text_of("host", "UsernsMode", "private"),
    "cgroup": _cgroup,
    "cgroup_parent": text_of("host", "CgroupParent"),
    "sysctls": _sysctls,
    "runtime": _runtime,
}
