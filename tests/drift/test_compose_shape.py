"""The fields of a Compose service: defaults, spellings that agree, and values that Git alone cannot tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.drift.compose.shape import joined, resolved_source, source
from bot.drift.compose.unseen import compared
from bot.model.json import JSON, Pointer
from bot.model.paths import parse_path
from tests.drift.containers import compare, mount, port
from tests.drift.makers import service
from tests.table import table


@table(
    ("desired", "observed", "anywhere", "resolved"),
    [
        ("/a", "/a", True, True),
        ("/a", "/b", False, False),
        ("data", "data", True, True),
        ("data", "/x/data", False, False),
        ("./conf", "/srv/conf", True, False),
        ("./conf", "conf", False, False),
        ("./conf", "/srv/myconf", False, False),
        ("./conf", "C:\\conf", False, False),
        ("../../conf", "/srv/conf", True, False),
        (".", "/srv", True, False),
        ("..", "/srv", True, False),
        (".", "srv", False, False),
        ("./", "\\\\host\\srv", True, False),
        ("~/x", "/home/me/x", True, True),
        ("~/x", "/home/me/y", False, False),
        (5, 5, True, True),
        (5, "/5", False, False),
        ("./5", 5, False, False),
        (None, None, True, True),
    ],
)
def test_a_source_is_met_by_the_path_that_it_may_mean(
    desired: JSON, observed: JSON, *, anywhere: bool, resolved: bool
) -> None:
    """A relative one by any that ends with it, until the folder it starts from is known; a home by any home."""
    assert source(desired, observed) is anywhere
    assert resolved_source(desired, observed) is resolved


@table(
    ("desired", "observed", "equal"),
    [
        ("host", "host", True),
        ("host", "none", False),
        ("service:vpn", "container:1", True),
        ("container:vpn", "container:1", True),
        ("service:vpn", "host", False),
        ("service:vpn", None, False),
        ("host", "container:1", False),
        (None, None, True),
        (None, "host", False),
    ],
)
def test_another_services_namespace_is_known_by_a_container(desired: JSON, observed: JSON, *, equal: bool) -> None:
    """Whichever container it is."""
    assert joined(desired, observed) is equal


@table(
    ("tree", "unknown", "path", "told"),
    [
        ({}, (), "image", True),
        ({}, (("image",),), "image", False),
        ({}, (("image",),), "user", True),
        ({}, (("ports", 0),), "ports[80/tcp]", False),
        ({}, (("ports", 0),), "ports", False),
        ({}, (("deploy", "replicas"),), "deploy.labels", False),
        ({}, (("environment",),), "environment.A", False),
        ({}, (("environment", "A"),), "environment.A", False),
        ({}, (("environment", "A"),), "environment.B", True),
        ({}, (("environment", "A"),), "environment", True),
        ({"environment": ["A=$x", "B=1"]}, (("environment", 0),), "environment.A", False),
        ({"environment": ["A=$x", "B=1"]}, (("environment", 0),), "environment.B", True),
        ({"environment": ["${A}=x", "B=1"]}, (("environment", 0),), "environment.B", False),
        ({"labels": ["a=$x", "b=1"]}, (("labels", 1),), "labels.b", False),
        ({"labels": {"a": "$x"}}, (("labels", "a"),), "labels.a", False),
        ({"labels": {"a": "$x"}}, (("labels", "a"),), "labels.b", True),
        ({"sysctls": {"a": "$x"}}, (("sysctls", "a"),), "sysctls.b", False),
    ],
)
def test_what_git_alone_cannot_tell_is_not_compared(
    tree: dict[str, Any], unknown: tuple[Pointer, ...], path: str, *, told: bool
) -> None:
    """An entry by its name, a list as a whole."""
    desired = replace(service(tree), unknown=frozenset(unknown))
    assert compared(parse_path(path), desired) is told


def test_the_whole_of_a_resource_is_not_compared_where_something_is_unknown() -> None:
    """Nothing says what of it differs."""
    assert not compared((), replace(service({}), unknown=frozenset({("environment", "A")})))
    assert compared((), service({}))


@table(
    ("said", "usual", "other"),
    [
        ("restart", "no", "always"),
        ("scale", 1, 2),
        ("stop_grace_period", "10s", "20s"),
        ("stop_signal", "SIGTERM", "SIGINT"),
        ("network_mode", "default", "host"),
        ("ipc", "private", "host"),
        ("cgroup", "private", "host"),
        ("shm_size", 67108864, 1024),
        ("working_dir", "/", "/srv"),
        ("healthcheck", {"test": ["CMD", "x"], "interval": "30s"}, {"test": ["CMD", "x"], "interval": "31s"}),
        ("healthcheck", {"test": ["CMD", "x"], "timeout": "30s"}, {"test": ["CMD", "x"], "timeout": "31s"}),
        ("healthcheck", {"test": ["CMD", "x"], "retries": 3}, {"test": ["CMD", "x"], "retries": 4}),
        ("healthcheck", {"test": ["CMD", "x"], "start_period": "0s"}, {"test": ["CMD", "x"], "start_period": "1s"}),
        ("healthcheck", {"test": ["CMD", "x"], "start_interval": "5s"}, {"test": ["CMD", "x"], "start_interval": "6s"}),
        ("ports", [port(80, protocol="tcp")], [port(80, protocol="udp")]),
        ("devices", [{"source": "/a", "target": "/b"}], [{"source": "/a", "target": "/b", "permissions": "r"}]),
    ],
)
def test_silence_means_the_default(said: str, usual: JSON, other: JSON) -> None:
    """On either side; another value does not mean silence."""
    silent: dict[str, JSON] = {
        "healthcheck": {"test": ["CMD", "x"]},
        "ports": [{"target": 80}],
        "devices": [{"source": "/a", "target": "/b"}],
    }
    without: dict[str, JSON] = {said: silent[said]} if said in silent else {}
    assert compare({said: usual}, without) == compare(without, {said: usual}) == ()
    assert compare({said: other}, without) != ()
    assert compare(without, {said: other}) != ()


def test_swap_is_twice_the_memory() -> None:
    """Where nobody says otherwise."""
    assert compare({"mem_limit": 100, "memswap_limit": 200}, {"mem_limit": 100}) == ()
    assert [drift.where for drift in compare({"mem_limit": 100, "memswap_limit": 300}, {"mem_limit": 100})] == [
        "memswap_limit"
    ]
    assert [drift.where for drift in compare({"memswap_limit": 300}, {})] == ["memswap_limit"]


@pytest.mark.parametrize("key", ["image", "expose", "logging", "memswap_limit", "cgroup_parent", "init", "runtime"])
def test_silence_means_whatever_the_engine_fills_in(key: str) -> None:
    """What Git does say is compared."""
    values: dict[str, JSON] = {
        "expose": ["80"],
        "logging": {"driver": "local", "options": {"max-size": "1m"}},
        "memswap_limit": 5,
        "init": True,
    }
    value = values.get(key, "x")
    assert compare({}, {key: value}) == ()
    assert [drift.where for drift in compare({key: value}, {})] == [key]


@table(
    ("raw", "live"),
    [
        ({"ports": [{"target": 80, "mode": "host"}]}, {"ports": [{"target": 80, "mode": "ingress"}]}),
        ({"ports": [{"target": "80", "published": 81}]}, {"ports": [port(80, "81")]}),
        ({"ports": [{"target": 80}]}, {"ports": [port(80, "49153")]}),
        ({"ports": [port(80, "80-90")]}, {"ports": [port(80, "85")]}),
        ({"gpus": [{"driver": "nvidia", "capabilities": ["a", "b"]}]}, {"gpus": [{"capabilities": ["b", "gpu", "a"]}]}),
        ({"gpus": [{"device_ids": ["1", "2"]}]}, {"gpus": [{"device_ids": ["2", "1"]}]}),
        ({"gpus": [{"count": "2"}]}, {"gpus": [{"count": 2}]}),
        ({"networks": {"a": {}}}, {"networks": {"a": {"aliases": ["x"], "ipv4_address": "1", "ipv6_address": "2"}}}),
        ({"networks": {"a": {"aliases": ["x", "y"]}}}, {"networks": {"a": {"aliases": ["y", "x"]}}}),
        (
            {"cpu_shares": "5", "oom_score_adj": "6", "pids_limit": "7"},
            {"cpu_shares": 5, "oom_score_adj": 6, "pids_limit": 7},
        ),
        ({"dns_opt": ["a", "b"], "group_add": ["1", "2"]}, {"dns_opt": ["b", "a"], "group_add": ["2", 1]}),
        (
            {"device_cgroup_rules": ["a", "b"], "tmpfs": ["/a", "/b"]},
            {"device_cgroup_rules": ["b", "a"], "tmpfs": ["/b", "/a"]},
        ),
        ({"volumes": ["./conf:/etc"]}, {"volumes": [mount("/etc", "/srv/conf", "bind")]}),
        ({"pid": "service:a", "ipc": "container:b"}, {"pid": "container:1", "ipc": "container:2"}),
        ({"labels": {"a": 1}, "sysctls": {"b": True}}, {"labels": {"a": "1"}, "sysctls": {"b": "true"}}),
        ({"ulimits": {"nofile": "5"}}, {"ulimits": {"nofile": {"soft": 5, "hard": 5}}}),
        ({"stop_grace_period": "90s"}, {"stop_grace_period": "1m30s"}),
        ({"mem_reservation": "1k"}, {"mem_reservation": 1024}),
    ],
)
def test_spellings_and_orders_that_mean_the_same(raw: dict[str, Any], live: dict[str, Any]) -> None:
    """Are no difference."""
    assert compare(raw, live) == ()


@table(
    ("raw", "live", "where"),
    [
        ({"dns": ["a", "b"]}, {"dns": ["b", "a"]}, "dns"),
        ({"dns_search": ["a", "b"]}, {"dns_search": ["b", "a"]}, "dns_search"),
        ({"command": ["a", "b"]}, {"command": ["b", "a"]}, "command"),
        ({"healthcheck": {"test": ["a", "b"]}}, {"healthcheck": {"test": ["b", "a"]}}, "healthcheck.test"),
        ({"ports": [port(80, "80-90")]}, {"ports": [port(80, "95")]}, "ports[80/tcp].published"),
        ({"gpus": [{"count": 1}]}, {"gpus": [{"count": 2}]}, "gpus"),
        ({"gpus": [{"device_ids": ["1"]}]}, {"gpus": [{"device_ids": ["2"]}]}, "gpus"),
        ({"gpus": [{"capabilities": ["a"]}]}, {"gpus": [{"capabilities": ["b"]}]}, "gpus"),
        ({"networks": {"a": {"aliases": ["x"]}}}, {"networks": {"a": {}}}, "networks.a.aliases"),
        (
            {"networks": {"a": {"ipv4_address": "1"}}},
            {"networks": {"a": {"ipv4_address": "2"}}},
            "networks.a.ipv4_address",
        ),
        (
            {"networks": {"a": {"ipv6_address": "1"}}},
            {"networks": {"a": {"ipv6_address": "2"}}},
            "networks.a.ipv6_address",
        ),
        ({"network_mode": "service:a"}, {"network_mode": "host"}, "network_mode"),
        ({"deploy": {"replicas": 1}}, {"scale": 0}, "scale"),
        ({"scale": 0}, {"scale": 1}, "scale"),
        ({"user": "a"}, {"user": "b"}, "user"),
        ({"read_only": True}, {}, "read_only"),
        ({"logging": {"driver": "a"}}, {"logging": {"driver": "b"}}, "logging.driver"),
    ],
)
def test_what_does_not_mean_the_same_differs(raw: dict[str, Any], live: dict[str, Any], where: str) -> None:
    """In one place."""
    assert [drift.where for drift in compare(raw, live)] == [where]
