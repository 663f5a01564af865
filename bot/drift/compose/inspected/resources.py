"""How much of its host a container may have: processors, memory, processes, devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.drift.compose.inspected.container import Container
from bot.drift.compose.inspected.reading import Reader, Reading, asked_for, flag, size, text_of, texts_of
from bot.model.json import JSON, elements, integer, mappings, text, texts


def _devices(container: Container) -> Reading:
    return asked_for(
        [
            {
                "source": text(device.get("PathOnHost")),
                "target": text(device.get("PathInContainer")) or text(device.get("PathOnHost")),
                "permissions": text(device.get("CgroupPermissions")) or "rwm",
            }
            for device in mappings(container.host.get("Devices"))
        ]
    )


def _ulimits(container: Container) -> Reading:
    live: dict[str, JSON] = {}
    ground: dict[str, JSON] = {}
    for limit in mappings(container.host.get("Ulimits")):
        name = text(limit.get("Name")).lower().removeprefix("rlimit_")
        soft, hard = integer(limit.get("Soft")), integer(limit.get("Hard"))
        live[name] = {"soft": soft, "hard": hard}
        argument = container.asked_for("--ulimit", name)
        if argument is False or (
            argument is None and (soft, hard) in container.defaults.ulimits.get(name, frozenset())
        ):
            ground[name] = live[name]
    return (live or None, ground)


def _cpus(container: Container) -> Reading:
    # in billionths of a processor, or microseconds of a period of 100 ms (docker run reference, --cpus, --cpu-period)
    nano, quota = integer(container.host.get("NanoCpus")), integer(container.host.get("CpuQuota"))
    period = integer(container.host.get("CpuPeriod")) or 100_000
    if nano:
        return asked_for(nano / 1e9)
    return asked_for(quota / period if quota > 0 else None)


def _memory_swap(container: Container) -> Reading:
    """Twice the memory limit where only that is asked for (Docker: Resource constraints, --memory-swap; podman likewise)."""
    swap = integer(container.host.get("MemorySwap"))
    return (swap or None, 2 * integer(container.host.get("Memory")))


def _pids_limit(container: Container) -> Reading:
    """-1 without a limit, which nobody need have asked for."""
    limit = integer(container.host.get("PidsLimit"))
    return (limit, container.defaults.pids_limit) if limit > 0 else (-1, -1)


def _gpus(container: Container) -> Reading:
    requests = [
        {
            "capabilities": sorted(
                {capability for group in elements(request.get("Capabilities")) for capability in texts(group)}
            )
        }
        | ({"count": max(count, 0) or "all"} if (count := integer(request.get("Count"))) else {})
        | ({"device_ids": list(texts(request.get("DeviceIDs")))} if texts(request.get("DeviceIDs")) else {})
        for request in mappings(container.host.get("DeviceRequests"))
    ]
    return asked_for([dict(request) for request in requests])


FIELDS: Final[Mapping[str, Reader]] = {
    "devices": _devices,
    "device_cgroup_rules": texts_of("DeviceCgroupRules"),
    "gpus": _gpus,
    "ulimits": _ulimits,
    "mem_limit": size("Memory"),
    "mem_reservation": size("MemoryReservation"),
    "memswap_limit": _memory_swap,
    "cpus": _cpus,
    "cpu_shares": size("CpuShares"),
    "cpuset": text_of("host", "CpusetCpus"),
    "pids_limit": _pids_limit,
    "oom_kill_disable": flag("host", "OomKillDisable"),
    "oom_score_adj": lambda container: asked_for(integer(container.host.get("OomScoreAdj"))),
}
