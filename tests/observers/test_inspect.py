"""Containers become Compose services: what was asked for in the tree, what image and engine brought beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.drift.compose.inspected.inspect import (
    INHERITED,
    REPLICAS,
    UNKNOWN,
    identity,
    is_one_off,
    merged,
    observed,
    split,
)
from bot.drift.compose.names import short_name
from bot.drift.compose.notation import signal_name
from bot.model.json import JSON, Tree, mapping
from bot.model.resource import Platform, ResourceId
from tests.table import table

FOLDER = Path(__file__).parent / "inspect"


def recorded(name: str) -> list[Tree]:
    found: list[Tree] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def docker_web() -> Tree:
    container, image = recorded("docker")
    return observed(container, image).tree


DOCKER: dict[str, JSON] = {
    "image": "nginx:1.27",
    "environment": {"TZ": "Europe/Vienna", "EMPTY": "", "EQUALS": "a=b"},
    "ports": [
        {"target": 80, "published": "8080", "protocol": "tcp", "mode": "ingress"},
        {"target": 443, "published": "8443", "protocol": "tcp", "mode": "ingress", "host_ip": "127.0.0.1"},
    ],
    "expose": ["9113"],
    "volumes": [
        {"type": "volume", "source": "shop_data", "target": "/data"},
        {"type": "bind", "source": "/srv/html", "target": "/usr/share/nginx/html", "read_only": True},
    ],
    "secrets": [{"source": "token", "target": "/run/secrets/token"}],
    "tmpfs": ["/run/cache:size=64m"],
    "networks": {"shop_front": {"aliases": ["www"], "ipv4_address": "172.28.0.10"}, "monitoring": {}},
    "labels": {"traefik.enable": "true"},
    "restart": "unless-stopped",
    "healthcheck": {
        "test": ["CMD-SHELL", "wget -q localhost || exit 1"],
        "interval": "1m",
        "timeout": "1.5s",
        "start_period": "1m30s",
        "retries": 5,
    },
    "logging": {"options": {"max-file": "3", "max-size": "10m"}},
    "privileged": True,
    "cap_add": ["NET_ADMIN", "SYS_TIME"],
    "cap_drop": ["ALL"],
    "user": "101:101",
    "group_add": ["audio"],
    "devices": [{"source": "/dev/snd", "target": "/dev/snd", "permissions": "rwm"}],
    "gpus": [{"capabilities": ["gpu"], "count": 1}],
    "ulimits": {"nofile": {"soft": 20000, "hard": 40000}},
    "mem_limit": 268435456,
    "mem_reservation": 134217728,
    "cpus": 1.5,
    "cpu_shares": 512,
    "cpuset": "0,1",
    "pids_limit": 200,
    "shm_size": 134217728,
    "read_only": True,
    "security_opt": ["apparmor=unconfined", "no-new-privileges:true"],
    "pid": "host",
    "userns_mode": "host",
    "domainname": "shop.example",
    "extra_hosts": ["db.internal=10.0.0.5", "six=2001:db8::1"],
    "init": True,
    "tty": True,
    "stdin_open": True,
    "working_dir": "/srv",
    "stop_grace_period": "30s",
    "sysctls": {"net.core.somaxconn": "1024"},
    "dns": ["1.1.1.1"],
    "dns_search": ["shop.internal"],
    "dns_opt": ["use-vc"],
    "oom_score_adj": 100,
}


def with_inherited(tree: Tree) -> Tree:
    """``tree`` laid over what came from image and engine, mappings by entry."""
    return over(mapping(tree.get(INHERITED)), {key: value for key, value in tree.items() if key != INHERITED})


def over(below: Tree, above: Tree) -> dict[str, JSON]:
    laid: dict[str, JSON] = dict(below)
    for key, value in above.items():
        under = laid.get(key)
        laid[key] = over(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return laid


@table("key", sorted(DOCKER))
def test_docker_field(key: str) -> None:
    """Each field of a Docker container is said in canonical Compose words."""
    assert docker_web()[key] == DOCKER[key]


def test_nothing_else_was_asked_for() -> None:
    """What image and engine bring is not in the tree."""
    assert {key for key in docker_web() if not key.startswith("x-")} == set(DOCKER)


def test_what_the_image_brings_is_inherited() -> None:
    """Values equal to the image's or the engine's are kept apart, and nothing is lost when both are laid together."""
    inherited = docker_web()[INHERITED]
    assert isinstance(inherited, dict)
    assert inherited["command"] == ["nginx", "-g", "daemon off;"]
    assert inherited["environment"]["NGINX_VERSION"] == "1.27.0"
    assert inherited["stop_signal"] == "SIGQUIT"
    assert inherited["logging"] == {"driver": "json-file"}
    assert inherited["memswap_limit"] == 536870912
    whole = with_inherited(docker_web())
    assert whole["logging"] == {"driver": "json-file", "options": {"max-file": "3", "max-size": "10m"}}
    assert INHERITED not in whole


def test_identity_state_and_problem() -> None:
    """Project and service come from labels; state, image digest and failing health are told."""
    container, image = recorded("docker")
    one = observed(container, image)
    assert one.id == ResourceId(Platform.COMPOSE, "service", "shop", "web")
    assert one.tree["x-image"] == {
        "id": "sha256:" + "1" * 64,
        "digests": ["nginx@sha256:" + "2" * 64],
    }
    state = one.tree["x-state"]
    assert isinstance(state, dict)
    assert (state["status"], state["health"], state["restarts"]) == ("running", "unhealthy", 2)
    (problem,) = one.problems
    assert problem.reason == "Unhealthy"
    assert problem.evidence == ("exit 1: wget: can't connect",) * 2


def test_without_its_image_nothing_counts_as_added() -> None:
    """With no image inspect, what an image may bring is inherited and can still be compared."""
    tree = observed(recorded("docker")[0]).tree
    assert "environment" not in tree
    whole = with_inherited(tree)
    assert isinstance(whole["environment"], dict)
    assert whole["environment"]["TZ"] == "Europe/Vienna"
    assert tree["ports"] == DOCKER["ports"]


PODMAN: dict[str, JSON] = {
    "image": "localhost/shop:1",
    "command": ["sleep", "1000"],
    "entrypoint": ["/bin/busybox", "env"],
    "environment": {"B": "2"},
    "ports": [
        {"target": 80, "published": "8080", "protocol": "tcp", "mode": "ingress"},
        {"target": 53, "published": "5353", "protocol": "udp", "mode": "ingress", "host_ip": "127.0.0.1"},
    ],
    "volumes": [
        {"type": "volume", "target": "/data", "source": "shop_data"},
        {"type": "bind", "target": "/host", "source": "/tmp", "read_only": True},
    ],
    "tmpfs": ["/t:size=1m"],
    "labels": {"team": "core"},
    "restart": "on-failure:3",
    "healthcheck": {
        "test": ["CMD-SHELL", "wget -q localhost"],
        "interval": "5s",
        "start_period": "1m30s",
        "retries": 5,
    },
    "cap_add": ["NET_ADMIN"],
    "cap_drop": ["CHOWN"],
    "user": "1000",
    "group_add": ["12"],
    "devices": [{"source": "/dev/null", "target": "/dev/xn", "permissions": "rwm"}],
    "ulimits": {"core": {"soft": 0, "hard": 0}},
    "mem_limit": 67108864,
    "cpus": 0.5,
    "pids_limit": 99,
    "shm_size": 33554432,
    "read_only": True,
    "security_opt": ["no-new-privileges:true", "seccomp=unconfined"],
    "pid": "host",
    "hostname": "webby",
    "extra_hosts": ["a.b=1.2.3.4"],
    "tty": True,
    "working_dir": "/srv",
    "stop_signal": "SIGINT",
    "stop_grace_period": "3s",
    "dns": ["9.9.9.9"],
}


def test_podman_native_and_compatible_say_the_same() -> None:
    """Podman's own inspect and its imitation of Docker's give the same service, but for what the latter leaves out."""
    image = recorded("podman_image")[0]
    native = observed(recorded("podman_native")[0], image, "podman").tree
    compatible = observed(recorded("podman_compatible")[0], image, "podman").tree

    def asked(tree: Tree) -> dict[str, JSON]:
        return {key: value for key, value in tree.items() if not key.startswith("x-")}

    only_native: dict[str, JSON] = {
        "logging": {"options": {"max-size": "1mb"}},
        "sysctls": {"net.ipv4.ip_forward": "1"},
    }
    assert asked(native) == {**PODMAN, **only_native}
    assert asked(compatible) == PODMAN
    assert native[UNKNOWN] == ["expose", "gpus"]
    assert compatible[UNKNOWN] == ["sysctls", "logging", "gpus"]


@pytest.mark.parametrize(
    ("labels", "name", "scope", "service"),
    [
        ({}, "/lonely", "", "lonely"),
        ({"io.podman.compose.project": "p", "io.podman.compose.service": "s"}, "/p_s_1", "p", "s"),
        ({"com.docker.stack.namespace": "st", "com.docker.swarm.service.name": "st_api"}, "/st_api.1.x", "st", "api"),
    ],
)
def test_identity(labels: dict[str, JSON], name: str, scope: str, service: str) -> None:
    """Compose, podman-compose and stacks name project and service; any other container is its own service."""
    found = identity({"Name": name, "Config": {"Labels": labels}})
    assert (found.scope, found.name) == (scope, service)


def test_replicas_become_one_service() -> None:
    """Several containers of a service are one resource whatever their order, with every tree; problems name theirs."""
    first, second = dict(recorded("docker")[0]), dict(recorded("docker")[0])
    second["Name"], second["State"] = "/shop-web-2", {"Status": "exited", "ExitCode": 3}
    one, other = observed(first), observed(second)
    both = merged([other, one])
    assert both == merged([one, other])
    assert both.tree["scale"] == 2
    assert both.tree[REPLICAS] == [other.tree]
    assert [problem.message for problem in both.problems] == [
        "shop-web-1: 7 health checks failed in a row",
        "shop-web-2: the container ended with exit code 3",
    ]


def test_one_off_containers_are_no_replicas() -> None:
    """A container made by ``compose run`` is recognised."""
    assert is_one_off({"Config": {"Labels": {"com.docker.compose.oneoff": "True"}}})
    assert not is_one_off(recorded("docker")[0])


@pytest.mark.parametrize(
    ("value", "name"), [(15, "SIGTERM"), ("2", "SIGINT"), ("hup", "SIGHUP"), ("SIGUSR1", "SIGUSR1")]
)
def test_signals(value: JSON, name: str) -> None:
    """Signals have one spelling."""
    assert signal_name(value) == name


def test_short_names() -> None:
    """Compose puts the project before what it makes."""
    assert short_name("shop_data", "shop") == "data"
    assert short_name("data", "shop") == "data"
    assert short_name("shop_data", "") == "shop_data"


present: st.SearchStrategy[JSON] = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=6),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=6), below, max_size=3),
    max_leaves=8,
)
json_values: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=6), below, max_size=3),
    max_leaves=8,
)


@given(value=present, ground=json_values)
def test_split_loses_nothing(value: JSON, ground: JSON) -> None:
    """What was given laid over what was inherited is the whole value again."""
    mine, theirs = split({"key": value}, {"key": ground})
    whole = with_inherited({**(mine if isinstance(mine, dict) else {}), INHERITED: theirs})
    assert whole.get("key") == value


keys = st.sampled_from(
    ["Id", "Name", "Config", "HostConfig", "State", "Mounts", "NetworkSettings", "Env", "Cmd", "Labels", "PortBindings"]
)
strange: st.SearchStrategy[dict[str, JSON]] = st.dictionaries(
    keys, json_values | st.dictionaries(keys, json_values, max_size=4), max_size=6
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(container=strange, image=strange)
def test_nothing_strange_stops_it(container: dict[str, JSON], image: dict[str, JSON]) -> None:
    """Whatever an engine of another version says, a service comes out."""
    assert observed(container, image, "docker").id.kind == "service"
    assert observed(container, image, "podman").id.kind == "service"
