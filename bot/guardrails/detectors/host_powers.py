"""What amounts to the host wherever a container is described: paths of it, capabilities; and what a Compose service may do.

Sources: capabilities(7); Docker documentation, "Docker daemon attack surface"; Compose specification, ``services``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from bot.guardrails.rule import Fact
from bot.intake.lined_node import LinedNode
from bot.model.patterns import regex

DANGEROUS_PATH: Final = regex(
    r"/+\Z|/(var/)?run(/(docker|containerd|crio|podman)\b.*)?/?\Z|/(etc|root|proc|sys|dev|boot|home)/*\Z|/etc/kubernetes|"
    r"/var/lib/(kubelet|docker|containerd)\b|.*/(docker|containerd|crio|podman)\.sock\Z"
)
# Those that amount to the host or to another's processes: capabilities(7).
_CAPABILITIES: Final = frozenset(
    [
        "ALL",
        "SYS_ADMIN",
        "SYS_MODULE",
        "SYS_PTRACE",
        "SYS_RAWIO",
        "SYS_BOOT",
        "BPF",
        "DAC_READ_SEARCH",
        "MAC_ADMIN",
        "NET_ADMIN",
    ]
)
_DEVICE: Final = regex(r"/dev/(?:k?mem|port|kmsg|(?:[shv]|xv)d[a-z]\w*|nvme\w+|dm-\d+|mapper/.*|disk/.*|\*)?/*\Z")
"""Devices that hold the host's memory or disks (Linux, Documentation/admin-guide/devices.txt)."""
_SHARED: Final = {
    "pid": "processes",
    "network_mode": "network",
    "ipc": "IPC",
    "userns_mode": "users",
    "cgroup": "control groups",
    "uts": "name",
}


def capabilities(subject_id: tuple[str, ...], label: str, added: Iterable[LinedNode]) -> Iterator[Fact]:
    """Those of the added capabilities that amount to the host."""
    for capability in added:
        name = capability.raw.upper().removeprefix("CAP_")
        if name in _CAPABILITIES:
            yield Fact((*subject_id, "cap", name), capability.line, f"{label} gains {name}.")


def service_powers(name: str, service: LinedNode) -> Iterator[Fact]:
    """What a service of a Compose file may do to its host."""
    subject_id, label = ("service", "", name), f"Service {name}"
    if node := service.having(True, "privileged"):
        yield Fact((*subject_id, "privileged"), node.line, f"{label} is privileged: it has all of the host's powers.")
    for field, description in _SHARED.items():
        if node := service.having("host", field):
            yield Fact((*subject_id, field), node.line, f"{label} shares the host's {description}.")
    yield from capabilities(subject_id, label, service.elements("cap_add"))
    for volume in service.elements("volumes"):
        source = volume.get("source") or volume
        path = source.raw.split(":")[0]
        if path.startswith("/") and DANGEROUS_PATH.match(path):
            yield Fact((*subject_id, "mount", path), source.line, f"{label} mounts {path} of the host.")
    for option in service.elements("security_opt"):
        if re.fullmatch(r"(seccomp|apparmor)[:=]unconfined|label[:=]disable", option.raw):
            yield Fact((*subject_id, "security_opt", option.raw), option.line, f"{label} runs with {option.raw}.")
    user = service.get("user")
    if user is not None and user.raw in {"0", "root", "0:0"}:
        yield Fact((*subject_id, "uid0"), user.line, f"{label} is set to run as root.")
    yield from _devices(subject_id, label, service)
    yield from _building(subject_id, label, service)


def _devices(subject_id: tuple[str, ...], label: str, service: LinedNode) -> Iterator[Fact]:
    for device in service.elements("devices"):
        source = device.get("source") or device
        path = source.raw.split(":")[0]
        if _DEVICE.match(path):
            yield Fact((*subject_id, "device", path), source.line, f"{label} is given {path} of the host.")


def _building(subject_id: tuple[str, ...], label: str, service: LinedNode) -> Iterator[Fact]:
    if node := service.having(True, "build", "privileged"):
        yield Fact((*subject_id, "build"), node.line, f"{label} is built with all of the host's powers.")
    for entitlement in service.elements("build", "entitlements"):
        if entitlement.raw == "security.insecure":
            yield Fact((*subject_id, "build"), entitlement.line, f"{label} is built with all of the host's powers.")
