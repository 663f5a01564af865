"""A container that runs as its Compose file says is no drift, and each change of it is exactly one."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.drift.compare import compare
from bot.drift.options import ComparisonOptions
from bot.intake.read import read
from bot.model.drift import DriftKind
from bot.model.observation import Observation
from bot.observers.snapshot import SnapshotObserver

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
FOLDER = Path(__file__).parent / "inspect"


def differences(compose: str, live: object, folder: Path) -> dict[str, str]:
    """What differs between a Compose file and a snapshot, by path, without health."""
    declared = read({"compose.yaml": (FOLDER / compose).read_bytes()}, project="shop")
    assert declared.errors == ()
    path = folder / "live.json"
    path.write_text(json.dumps(live))
    seen = SnapshotObserver(path).observe(declared.resources, now=NOW)
    live_side = Observation(NOW, resources=seen.resources, covered=seen.covered)
    report = compare(declared.resources, live_side, options=ComparisonOptions(mask_key=b"k" * 32))
    return {drift.where: drift.kind for drift in report.drift if drift.kind is not DriftKind.UNHEALTHY}


def recorded(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


def test_docker_has_no_noise(tmp_path: Path) -> None:
    """A container with fifty settings, all of them declared in short and long syntax, is no drift."""
    assert differences("docker.compose.yaml", recorded("docker"), tmp_path) == {}


@pytest.mark.parametrize("name", ["podman_native", "podman_compatible"])
def test_podman_has_no_noise(tmp_path: Path, name: str) -> None:
    """The same holds for podman's own inspect and for its imitation of Docker's."""
    live = {"podman": recorded(name) + recorded("podman_image")}
    assert differences("podman.compose.yaml", live, tmp_path) == {}


def test_without_the_image_there_is_no_noise(tmp_path: Path) -> None:
    """``docker inspect`` of containers alone is enough."""
    assert differences("docker.compose.yaml", recorded("docker")[:1], tmp_path) == {}


def mount_at(container: Any, target: str) -> Any:
    return next(mount for mount in container["Mounts"] if mount["Destination"] == target)


Change = Callable[[Any], object]
CHANGES: list[tuple[str, str, Change]] = [
    ("restart", "changed", lambda one: one["HostConfig"].update(RestartPolicy={"Name": "always"})),
    ("environment.TZ", "changed", lambda one: one["Config"]["Env"].__setitem__(2, "TZ=UTC")),
    ("environment.DEBUG", "added", lambda one: one["Config"]["Env"].append("DEBUG=1")),
    ("labels.rogue", "added", lambda one: one["Config"]["Labels"].update(rogue="yes")),
    ("mem_limit", "changed", lambda one: one["HostConfig"].update(Memory=536870912, MemorySwap=1073741824)),
    ("healthcheck.retries", "changed", lambda one: one["Config"]["Healthcheck"].update(Retries=1)),
    (
        'sysctls["net.core.somaxconn"]',
        "changed",
        lambda one: one["HostConfig"]["Sysctls"].update({"net.core.somaxconn": "1"}),
    ),
    ("stop_grace_period", "changed", lambda one: one["Config"].update(StopTimeout=5)),
    ("pid", "missing", lambda one: one["HostConfig"].update(PidMode="")),
    ("ipc", "added", lambda one: one["HostConfig"].update(IpcMode="host")),
    ("user", "changed", lambda one: one["Config"].update(User="0")),
    (
        "logging.options.max-size",
        "changed",
        lambda one: one["HostConfig"]["LogConfig"]["Config"].update({"max-size": "1g"}),
    ),
    ("cgroup", "added", lambda one: one["HostConfig"].update(CgroupnsMode="host", OomKillDisable=None)),
    ("pids_limit", "changed", lambda one: one["HostConfig"].update(PidsLimit=None)),
    ("gpus", "missing", lambda one: one["HostConfig"].update(DeviceRequests=None)),
    (
        "ports[443/tcp].host_ip",
        "changed",
        lambda one: one["HostConfig"]["PortBindings"]["443/tcp"][0].update(HostIp=""),
    ),
    ("networks.default", "added", lambda one: one["NetworkSettings"]["Networks"].update(shop_default={})),
    ("networks.other", "added", lambda one: one["NetworkSettings"]["Networks"].update(other={})),
    ("volumes[/data].source", "changed", lambda one: mount_at(one, "/data").update(Name="data")),
    ("hostname", "added", lambda one: one["Config"].update(Hostname="other")),
    ("working_dir", "changed", lambda one: one["Config"].update(WorkingDir="/tmp")),
]


@pytest.mark.parametrize(("path", "kind", "change"), CHANGES, ids=[case[0] for case in CHANGES])
def test_each_change_is_one_drift(tmp_path: Path, path: str, kind: str, change: Change) -> None:
    """A change of one live setting is found at its place and nowhere else."""
    live = copy.deepcopy(recorded("docker"))
    change(live[0])
    assert differences("docker.compose.yaml", live, tmp_path) == {path: kind}
