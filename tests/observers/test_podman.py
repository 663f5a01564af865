"""The container observer against a real podman, with every request written down on the way."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.drift.compose.inspected.inspect import INHERITED
from bot.model.json import JSON
from bot.model.observation import Observation
from bot.model.resource import Desired, Platform, ResourceId, SourceKind
from bot.observers.containers import ContainerObserver
from tests.installed import needs_docker
from tests.observers.podman_engine import BUSYBOX, Podman, running_podman

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
pytestmark = [
    needs_docker,
    pytest.mark.podman,
    pytest.mark.skipif(shutil.which("podman") is None, reason="podman is not installed"),
    pytest.mark.skipif(
        not BUSYBOX.exists(), reason="no static busybox to make an image of (apt install busybox-static)"
    ),
]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder with a short name: podman refuses a run root of more than 50 characters."""
    with tempfile.TemporaryDirectory(prefix="cw-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture(scope="module")
def podman(folder: Path) -> Iterator[Podman]:
    with running_podman(folder) as podman:
        yield podman


def labels(service: str) -> list[str]:
    return [
        "--label=io.podman.compose.project=shop",
        "--label=com.docker.compose.project=shop",
        f"--label=com.docker.compose.service={service}",
    ]


def declared(kind: str, name: str, **tree: JSON) -> Desired:
    id_ = ResourceId(Platform.COMPOSE, kind, "shop", name)
    return Desired(id_, str(id_), SourceKind.COMPOSE, tree, "compose.yaml", 1)


def look(podman: Podman, *wanted: Desired) -> Observation:
    return ContainerObserver(host=podman.socket, environment={}).observe(wanted, now=NOW)


@pytest.fixture(scope="module")
def shop(podman: Podman) -> Podman:
    """A project: a plain service that runs, one with many options, one that failed."""
    sleep = ["shop:1", "/bin/busybox", "sleep", "600"]
    podman.run("run", "-d", "--name=shop_plain_1", "--network=none", *labels("plain"), *sleep)
    options = [
        "--network=host",
        "--env=MODE=live",
        "--volume=shop_data:/data",
        "--volume=/tmp:/host:ro",
        "--tmpfs=/cache:size=1m",
        "--label=team=core",
        "--restart=on-failure:3",
        "--health-cmd=/bin/busybox true",
        "--health-interval=disable",
        "--log-opt=max-size=1mb",
        "--cap-add=NET_ADMIN",
        "--cap-drop=CHOWN",
        "--user=1000",
        "--read-only",
        "--security-opt=no-new-privileges",
        "--add-host=db.internal:10.0.0.5",
        "--workdir=/data",
        "--stop-signal=SIGINT",
        "--stop-timeout=3",
        "--shm-size=32m",
        "--device=/dev/null:/dev/extra",
        "--pid=host",
    ]
    podman.run("create", "--name=shop_rich_1", *options, *labels("rich"), *sleep)
    script = "echo could not open the database password=hunter2; exit 3"
    podman.run(
        "run",
        "--detach",
        "--name=shop_bad_1",
        "--network=none",
        *labels("bad"),
        "shop:1",
        "/bin/busybox",
        "sh",
        "-c",
        script,
    )
    podman.run("wait", "shop_bad_1")
    return podman


@pytest.fixture(scope="module")
def seen(shop: Podman) -> Observation:
    """One look at the whole project, with nothing but it in the recorder."""
    shop.requests.clear()
    return look(shop, declared("service", "gone"), declared("volume", "data"), declared("volume", "nothing"))


def test_a_plain_service_has_no_surplus(seen: Observation) -> None:
    """A container that asks for nothing but an image and a command says nothing but that."""
    assert seen.unreachable == ()
    assert seen.covered == {Platform.COMPOSE}
    one = seen.resources[declared("service", "plain").id]
    assert one.problems == ()
    assert {key: value for key, value in one.tree.items() if not key.startswith("x-")} == {
        "image": "localhost/shop:1",
        "command": ["/bin/busybox", "sleep", "600"],
        "network_mode": "none",
    }
    inherited = one.tree[INHERITED]
    assert isinstance(inherited, dict)
    assert inherited["labels"] == {"maker": "image"}
    assert inherited["environment"]["FROM_IMAGE"] == "yes"
    assert set(inherited["ulimits"]) == {"nofile", "nproc"}


def test_a_rich_service_is_told_field_by_field(seen: Observation) -> None:
    """What podman was asked for comes back in Compose words."""
    tree = seen.resources[declared("service", "rich").id].tree
    expected: dict[str, JSON] = {
        "environment": {"MODE": "live"},
        "volumes": [
            {"type": "volume", "target": "/data", "source": "shop_data"},
            {"type": "bind", "target": "/host", "source": "/tmp", "read_only": True},
        ],
        "tmpfs": ["/cache:size=1m"],
        "labels": {"team": "core"},
        "restart": "on-failure:3",
        "logging": {"options": {"max-size": "1mb"}},
        "network_mode": "host",
        "cap_add": ["NET_ADMIN"],
        "cap_drop": ["CHOWN"],
        "user": "1000",
        "read_only": True,
        "security_opt": ["no-new-privileges:true"],
        "extra_hosts": ["db.internal=10.0.0.5"],
        "working_dir": "/data",
        "stop_signal": "SIGINT",
        "stop_grace_period": "3s",
        "shm_size": 33554432,
        "devices": [{"source": "/dev/null", "target": "/dev/extra", "permissions": "rwm"}],
        "pid": "host",
    }
    assert {key: tree.get(key) for key in expected} == expected
    assert "ulimits" not in tree
    assert "hostname" not in tree


def test_a_failed_service_is_unhealthy_with_its_log(seen: Observation) -> None:
    """A container that ended with an error is a problem; the end of its log is evidence, without the password."""
    (problem,) = seen.resources[declared("service", "bad").id].problems
    assert problem.reason == "Exited"
    assert problem.message == "the container ended with exit code 3"
    told = "\n".join(problem.evidence)
    assert "could not open the database" in told
    assert "hunter2" not in told


def test_orphans_volumes_and_the_missing(seen: Observation) -> None:
    """Undeclared services of the project are there, the volume is there, what does not exist is not."""
    found = {str(id_) for id_ in seen.resources}
    assert {"service/shop/plain", "service/shop/rich", "service/shop/bad", "volume/shop/data"} == found
    assert seen.covered == {Platform.COMPOSE}


def test_only_get_is_sent(shop: Podman, seen: Observation) -> None:
    """Looking changes nothing: podman never gets anything but GET."""
    assert seen.resources
    assert shop.requests
    assert {line.split()[0] for line in shop.requests} == {"GET"}
