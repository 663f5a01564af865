"""Compose text beside what an engine shows for it, through intake, snapshot and comparison: each way of writing it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.drift.compare import compare
from bot.drift.options import ComparisonOptions
from bot.intake.read import read
from bot.model.drift import AddEntry, Drift, Edit, RemoveEntry, SetValue
from bot.model.observation import Observation
from bot.model.severity import Severity
from bot.observers.snapshot import SnapshotObserver

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what an engine says, nothing is bound
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
IMAGE = {"Id": "sha256:" + "b" * 64, "RepoTags": ["nginx:1"], "RootFS": {}, "Config": {"ExposedPorts": {"80/tcp": {}}}}


def container(number: int = 1, **parts: Any) -> dict[str, Any]:
    """The inspect of one container of the service ``web`` in the project ``p``; keywords lie over its sections."""
    id_ = f"{number:064d}"
    usual: dict[str, Any] = {
        "Id": id_,
        "Name": f"/p-web-{number}",
        "Image": IMAGE["Id"],
        "State": {"Status": "running"},
        "Config": {"Image": "nginx:1", "Hostname": id_[:12], "Labels": labels()},
        "HostConfig": {"NetworkMode": "p_default", "RestartPolicy": {"Name": "no"}},
        "NetworkSettings": {"Networks": {"p_default": {}}},
        "Mounts": [],
    }
    for key, value in parts.items():
        usual[key] = {**usual[key], **value} if isinstance(usual.get(key), dict) else value
    return usual


def labels(**more: str) -> dict[str, str]:
    own = {"com.docker.compose.project": "p", "com.docker.compose.service": "web"}
    return {**own, **{f"com.docker.compose.project.{key}": value for key, value in more.items()}}


def published(*ports: tuple[str, str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for target, address, number in ports:
        found.setdefault(target, []).append({"HostIp": address, "HostPort": number})
    return {"PortBindings": found}


def networks(*names: str) -> dict[str, Any]:
    return {"NetworkSettings": {"Networks": {name: {} for name in names}}, "HostConfig": {"NetworkMode": names[0]}}


def volume(name: str) -> dict[str, Any]:
    return {"Mounts": [{"Type": "volume", "Name": name, "Destination": "/b", "RW": True}]}


def bind(source: str, **more: str) -> dict[str, Any]:
    mount = {"Type": "bind", "Source": source, "Destination": "/a", "RW": True, "Propagation": "rprivate"}
    return {"Mounts": [mount], "Config": {"Labels": labels(**more)}}


def drifts(
    folder: Path, service: str, *live: dict[str, Any], rest: str = "", file: str = "compose.yaml"
) -> list[Drift]:
    """What differs between a service ``web`` and its containers, everything in one repository and one snapshot."""
    text = f"name: p\nservices: {{web: {{image: 'nginx:1'{', ' if service else ''}{service}}}}}\n{rest}"
    declared = read({file: text.encode()}, project="p").resources
    path = folder / "live.json"
    path.write_text(json.dumps({"docker": [*live, IMAGE]}))
    seen = SnapshotObserver(path).observe(declared, now=NOW)
    options = ComparisonOptions(mask_key=b"k" * 32)
    report = compare(declared, Observation(NOW, resources=seen.resources, covered=seen.covered), options=options)
    return list(report.drift)


def host(**parts: Any) -> dict[str, Any]:
    return {"HostConfig": parts}


RANGE = [(f"{port}/udp", "", str(port)) for port in range(10000, 10301)]
EXTERNAL = "networks: {ext: {external: true, name: real}}"

SAME: list[tuple[str, str, dict[str, Any], str]] = [
    ("external network", "networks: [ext]", networks("real"), EXTERNAL),
    (
        "external network with the project before",
        "networks: [p_x]",
        networks("p_x"),
        "networks: {p_x: {external: true}}",
    ),
    ("named network", "networks: [x]", networks("p_y"), "networks: {x: {name: p_y}}"),
    ("network by a variable", "networks: [x, y]", networks("p_y", "z"), "networks: {x: {name: '${NET}'}, y: {}}"),
    ("named default", "", networks("proxy"), "networks: {default: {name: proxy, external: true}}"),
    ("external volume", "volumes: ['bb:/b']", volume("real"), "volumes: {bb: {external: true, name: real}}"),
    ("external volume of old", "volumes: ['bb:/b']", volume("real"), "volumes: {bb: {external: {name: real}}}"),
    ("external volume by its key", "volumes: ['p_b:/b']", volume("p_b"), "volumes: {p_b: {external: true}}"),
    ("named volume", "volumes: ['bb:/b']", volume("p_data"), "volumes: {bb: {name: p_data}}"),
    ("two ports", "ports: ['90:80', '80:80']", host(**published(("80/tcp", "", "80"), ("80/tcp", "", "90"))), ""),
    (
        "two addresses",
        "ports: ['[::1]:80:80', '127.0.0.1:80:80']",
        host(**published(("80/tcp", "127.0.0.1", "80"), ("80/tcp", "::1", "80"))),
        "",
    ),
    ("every address", "ports: ['0.0.0.0:80:80']", host(**published(("80/tcp", "", "80"))), ""),
    ("every address of IPv6", "ports: ['80:80']", host(**published(("80/tcp", "::", "80"))), ""),
    (
        "both families",
        "ports: ['0.0.0.0:80:80', '[::]:80:80']",
        host(**published(("80/tcp", EVERYWHERE, "80"), ("80/tcp", "::", "80"))),
        "",
    ),
    ("long range", "ports: ['10000-10300:10000-10300/udp']", host(**published(*RANGE)), ""),
    (
        "a range on two addresses",
        "ports: ['10.0.0.1:10000-10300:10000-10300/udp', '127.0.0.1:10000-10300:10000-10300/udp']",
        host(**published(*((target, ip, port) for target, _, port in RANGE for ip in ("127.0.0.1", "10.0.0.1")))),
        "",
    ),
    ("exposed by the image", "expose: [80]", {"Config": {"ExposedPorts": {"80/tcp": {}}}}, ""),
    (
        "exposed and published",
        "expose: [3000], ports: ['3000:3000']",
        {"Config": {"ExposedPorts": {"80/tcp": {}, "3000/tcp": {}}}, **host(**published(("3000/tcp", "", "3000")))},
        "",
    ),
    (
        "exposed range",
        "expose: ['3000-3001', '53/udp']",
        {"Config": {"ExposedPorts": {"53/udp": {}, "80/tcp": {}, "3000/tcp": {}, "3001/tcp": {}}}},
        "",
    ),
    ("control groups of v1", "", host(CgroupnsMode="host", OomKillDisable=False), ""),
    ("control groups unknown", "", host(CgroupnsMode="host"), ""),
    (
        "policy below deploy",
        "restart: always, deploy: {restart_policy: {condition: on-failure}}",
        host(RestartPolicy={"Name": "on-failure"}),
        "",
    ),
    ("always", "deploy: {restart_policy: {condition: always}}", host(RestartPolicy={"Name": "always"}), ""),
    (
        "unless-stopped",
        "deploy: {restart_policy: {condition: unless-stopped}}",
        host(RestartPolicy={"Name": "unless-stopped"}),
        "",
    ),
    ("no limit of processes", "pids_limit: -1", host(PidsLimit=-1), ""),
    ("no limit at all", "pids_limit: 0", host(PidsLimit=None), ""),
    ("no limit by Git", "", host(PidsLimit=-1), ""),
    ("every gpu", "gpus: all", host(DeviceRequests=[{"Count": -1, "Capabilities": [["gpu"]]}]), ""),
    (
        "reserved devices",
        "deploy: {resources: {reservations: {devices: [{driver: nvidia, device_ids: ['0'], capabilities: [gpu]}]}}}",
        host(DeviceRequests=[{"Driver": "nvidia", "Count": 0, "DeviceIDs": ["0"], "Capabilities": [["gpu"]]}]),
        "",
    ),
    ("below the project", "volumes: ['./a:/a']", bind("/srv/p/a", working_dir="/srv/p"), ""),
    ("beside the project", "volumes: ['../a/:/a']", bind("/srv/a", working_dir="/srv/p"), ""),
    ("the project itself", "volumes: ['.:/a']", bind("/srv/p", working_dir="/srv/p"), ""),
    (
        "a folder without a dot",
        "volumes: [{type: bind, source: a, target: /a}]",
        bind("/srv/p/a", working_dir="/srv/p"),
        "",
    ),
    ("on a desktop", "volumes: ['./a:/a']", bind("/host_mnt/Users/me/p/a", working_dir="/Users/me/p"), ""),
    ("at home", "volumes: ['~/a:/a']", bind("/home/ann/a", working_dir="/srv/p"), ""),
    ("started nobody knows where", "volumes: ['./a:/a']", bind("/anywhere/a"), ""),
]


@pytest.mark.parametrize(("name", "service", "live", "rest"), SAME, ids=[row[0] for row in SAME])
def test_what_runs_as_declared_is_no_drift(
    tmp_path: Path, name: str, service: str, live: dict[str, Any], rest: str
) -> None:
    """However the file says it, a container that is exactly so differs in nothing."""
    assert drifts(tmp_path, service, container(**live), rest=rest) == []


Row = tuple[str, str, dict[str, Any], str, dict[str, tuple[Edit, ...]]]
DIFFERENT: list[Row] = [
    ("the host's network", "", networks("host"), "", {"network_mode": (AddEntry((), "network_mode", "host"),)}),
    ("no network", "", networks("none"), "", {"network_mode": (AddEntry((), "network_mode", "none"),)}),
    (
        "the host's control groups",
        "",
        host(CgroupnsMode="host", OomKillDisable=None),
        "",
        {"cgroup": (AddEntry((), "cgroup", "host"),)},
    ),
    ("gpus gone", "gpus: all", {}, "", {"gpus": (RemoveEntry(("gpus",)),)}),
    (
        "gpus given",
        "",
        host(DeviceRequests=[{"Count": -1, "Capabilities": [["gpu"]]}]),
        "",
        {"gpus": (AddEntry((), "gpus", "all"),)},
    ),
    (
        "open to everybody",
        "ports: ['127.0.0.1:80:80']",
        host(**published(("80/tcp", "", "80"))),
        "",
        {"ports[80/tcp].host_ip": (SetValue(("ports", 0), "80:80"),)},
    ),
    (
        "one of two ports",
        "ports: ['9090:80', '8080:80']",
        host(**published(("80/tcp", "", "8081"), ("80/tcp", "", "9090"))),
        "",
        {"ports[80/tcp/8080].published": (SetValue(("ports", 1), "8081:80"),)},
    ),
    (
        "one of two addresses gone",
        "ports: ['127.0.0.1:80:80', '10.0.0.1:80:80']",
        host(**published(("80/tcp", "10.0.0.1", "80"))),
        "",
        {"ports[80/tcp/127.0.0.1:80]": (RemoveEntry(("ports", 0)),)},
    ),
    (
        "one more address",
        "ports: ['127.0.0.1:80:80']",
        host(**published(("80/tcp", "10.0.0.1", "80"), ("80/tcp", "127.0.0.1", "80"))),
        "",
        {"ports[80/tcp/10.0.0.1:80]": (AddEntry(("ports",), None, "10.0.0.1:80:80"),)},
    ),
    (
        "one more port in long syntax",
        "ports: [{target: 80, published: '80'}]",
        host(**published(("80/tcp", "", "80"), ("80/tcp", "", "81"))),
        "",
        {"ports[80/tcp/81]": (AddEntry(("ports",), None, {"target": 80, "published": "81", "protocol": "tcp"}),)},
    ),
    (
        "a whole range",
        "ports: ['80:80', '10000-10300:10000-10300/udp']",
        host(**published(("80/tcp", "", "80"))),
        "",
        {"ports[10000-10300/udp]": (RemoveEntry(("ports", 1)),)},
    ),
    (
        "a port beside a range",
        "ports: ['10000-10300:10000-10300/udp', '9999:9999/udp']",
        host(**published(*RANGE, ("9999/udp", "", "9998"))),
        "",
        {"ports[9999/udp].published": (SetValue(("ports", 1), "9998:9999/udp"),)},
    ),
    (
        "one of a range",
        "ports: ['10000-10300:10000-10300/udp']",
        host(**published(*RANGE[1:])),
        "",
        {"ports[10000/udp]": ()},
    ),
    (
        "another folder",
        "volumes: ['./a:/a']",
        bind("/evil/a", working_dir="/srv/p"),
        "",
        {"volumes[/a].source": (SetValue(("volumes", 0), "/evil/a:/a"),)},
    ),
    (
        "another volume of that name",
        "volumes: ['bb:/b']",
        volume("bb"),
        "volumes: {bb: }",
        {"volumes[/b].source": ()},
    ),
    (
        "another network of that name",
        "networks: [x]",
        networks("x"),
        "networks: {x: }",
        {"networks.x": (RemoveEntry(("networks", 0)),), 'networks["external:x"]': ()},
    ),
    (
        "one more network",
        "networks: [x]",
        networks("p_x", "p_default"),
        "networks: {x: }",
        {"networks.default": (AddEntry(("networks",), None, "default"),)},
    ),
    (
        "not the named default",
        "",
        networks("p_default"),
        "networks: {default: {name: proxy}}",
        {"networks.p_default": ()},
    ),
    (
        "the policy below deploy",
        "restart: always, deploy: {restart_policy: {condition: any}}",
        host(RestartPolicy={"Name": "on-failure", "MaximumRetryCount": 3}),
        "",
        {
            "restart": (
                SetValue(("deploy", "restart_policy", "condition"), "on-failure"),
                AddEntry(("deploy", "restart_policy"), "max_attempts", 3),
            )
        },
    ),
    (
        "a limit of processes",
        "pids_limit: -1",
        host(PidsLimit=100),
        "",
        {"pids_limit": (SetValue(("pids_limit",), 100),)},
    ),
    ("a limit lost", "pids_limit: 100", host(PidsLimit=-1), "", {"pids_limit": (SetValue(("pids_limit",), -1),)}),
    (
        "not exposed",
        "expose: [3000]",
        {"Config": {"ExposedPorts": {"80/tcp": {}}}},
        "",
        {"expose": (RemoveEntry(("expose",)),)},
    ),
]


@pytest.mark.parametrize("row", DIFFERENT, ids=[row[0] for row in DIFFERENT])
def test_what_runs_otherwise_is_told_at_its_place(tmp_path: Path, row: Row) -> None:
    """Exactly these places differ, each with the edit of the entry that its author wrote."""
    _, service, live, rest, expected = row
    assert {drift.where: drift.adopt for drift in drifts(tmp_path, service, container(**live), rest=rest)} == expected


def test_every_address_is_critical(tmp_path: Path) -> None:
    """A port that was for this host alone and is open to everybody scores as the rule for that says."""
    (found,) = drifts(tmp_path, "ports: ['127.0.0.1:80:80']", container(**host(**published(("80/tcp", "", "80")))))
    assert (found.severity, found.rule) == (Severity.CRITICAL, "public-exposure")
    assert (found.desired, found.observed) == ("127.0.0.1", EVERYWHERE)


def test_every_replica_is_compared(tmp_path: Path) -> None:
    """What one container alone differs in is found, told once with its name, and cannot be adopted for all of them."""
    odd = container(2, HostConfig={"Privileged": True, "NetworkMode": "p_default"})
    found = drifts(tmp_path, "scale: 3, restart: 'no'", container(1), odd, container(3))
    assert [(one.where, one.message, one.adopt) for one in found] == [
        ("privileged", "only p-web-2 of 3 containers", ())
    ]


def test_what_all_replicas_differ_in_is_one_drift(tmp_path: Path) -> None:
    """Two containers with the same other setting are one drift that can be adopted."""
    live = [container(number, **host(Privileged=True)) for number in (1, 2)]
    (found,) = drifts(tmp_path, "scale: 2", *live)
    assert (found.where, found.message) == ("privileged", None)
    assert found.adopt == (AddEntry((), "privileged", True),)


def test_each_replica_may_be_another(tmp_path: Path) -> None:
    """Two containers with two other images are two drifts, each with the container that it is about."""
    live = [container(number, Config={"Image": f"other:{number}", "Labels": labels()}) for number in (1, 2)]
    found = drifts(tmp_path, "scale: 2", *live)
    images = {one.observed: one.message for one in found if one.where == "image"}
    assert images == {"other:1": "only p-web-1 of 2 containers", "other:2": "only p-web-2 of 2 containers"}


@pytest.mark.parametrize(("source", "number"), [("/srv/shop/deploy/a", 0), ("/srv/shop/a", 1)])
def test_a_relative_path_starts_at_its_file(tmp_path: Path, source: str, number: int) -> None:
    """A file in a folder of the repository starts there, not at the top."""
    live = container(**bind(source, working_dir="/srv/shop/deploy"))
    assert len(drifts(tmp_path, "volumes: ['./a:/a']", live, file="deploy/compose.yaml")) == number


def test_what_an_included_file_mounts(tmp_path: Path) -> None:
    """A relative path of a file that another one includes starts at the included file."""
    files = {
        "compose.yaml": b"name: p\ninclude: [sub/web.yaml]\n",
        "sub/web.yaml": b"services: {web: {image: 'nginx:1', volumes: ['./a:/a']}}\n",
    }
    path = tmp_path / "live.json"
    path.write_text(json.dumps([container(**bind("/srv/p/sub/a", working_dir="/srv/p")), IMAGE]))
    declared = read(files, project="p").resources
    seen = SnapshotObserver(path).observe(declared, now=NOW)
    options = ComparisonOptions(mask_key=b"k" * 32)
    report = compare(declared, Observation(NOW, resources=seen.resources, covered=seen.covered), options=options)
    assert report.resources == 1
    assert report.drift == ()


@pytest.mark.parametrize("image", ["localhost/nginx:1", "nginx:1"])
def test_podman_s_replicas_are_spelled_as_git_does(tmp_path: Path, image: str) -> None:
    """What podman writes before an image of its own is no difference in any container, nor what it does not show."""
    live = [container(number, Config={"Image": image, "Labels": labels()}) for number in (1, 2)]
    path = tmp_path / "live.json"
    path.write_text(json.dumps({"podman": [*live, IMAGE]}))
    text = "name: p\nservices: {web: {image: 'nginx:1', scale: 2, expose: [3000], gpus: all, sysctls: {a: '1'}}}\n"
    declared = read({"compose.yaml": text.encode()}, project="p").resources
    seen = SnapshotObserver(path).observe(declared, now=NOW)
    options = ComparisonOptions(mask_key=b"k" * 32)
    report = compare(declared, Observation(NOW, resources=seen.resources, covered=seen.covered), options=options)
    assert [drift.where for drift in report.drift] == []


def test_podman_s_own_way_with_two_policies(tmp_path: Path) -> None:
    """podman-compose goes by ``restart`` alone, docker by the policy below ``deploy``: there it is a difference."""
    service = "restart: always, deploy: {restart_policy: {condition: on-failure}}"
    live = container(**host(RestartPolicy={"Name": "always"}))
    assert [one.where for one in drifts(tmp_path, service, live)] == ["restart"]
    assert drifts(tmp_path, service, {**live, "ImageName": "nginx:1", "OCIRuntime": "crun"}) == []


@pytest.mark.parametrize(("asked", "number"), [(["--cgroupns=host"], 1), ([], 0)])
def test_podman_s_control_groups(tmp_path: Path, asked: list[str], number: int) -> None:
    """Podman tells by its command line whether somebody asked for the host's control groups."""
    config = {"Image": "nginx:1", "Labels": labels(), "CreateCommand": ["podman", "run", *asked, "nginx:1"]}
    live = container(Config=config, HostConfig={"CgroupMode": "host", "NetworkMode": "bridge"})
    found = drifts(tmp_path, "", {**live, "ImageName": "nginx:1", "OCIRuntime": "crun"})
    assert [one.where for one in found] == ["cgroup"] * number
