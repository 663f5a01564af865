"""The edits that make a Compose service say what runs, in the syntax of its author: values, texts, variables, networks."""

from __future__ import annotations

from typing import Any

from bot.drift.compose.edits import written
from bot.drift.compose.entries import EntryIndex
from bot.model.drift import AddEntry, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer, Tree
from bot.model.paths import parse_path
from tests.drift.containers import Expected, check
from tests.table import table

CONDITION = ("deploy", "restart_policy", "condition")
ATTEMPTS = ("deploy", "restart_policy", "max_attempts")
LIMITS = ("deploy", "resources", "limits")
GPUS: JSON = [{"capabilities": ["gpu"], "count": "all"}]
TWO_GPUS: JSON = [{"capabilities": ["gpu"], "count": 2}]
RESERVED = {"deploy": {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"]}]}}}}


def policy(**fields: JSON) -> dict[str, JSON]:
    return {"restart": "no", "deploy": {"restart_policy": fields}}


def limited(**limits: JSON) -> dict[str, JSON]:
    return {"deploy": {"resources": {"limits": limits}}}


SCALARS: list[tuple[dict[str, Any], dict[str, Any], Expected]] = [
    ({"restart": "always"}, {}, {"restart": (RemoveEntry(("restart",)),)}),
    (
        policy(condition="any"),
        {"restart": "on-failure:2"},
        {"restart": (SetValue(CONDITION, "on-failure"), AddEntry(CONDITION[:-1], "max_attempts", 2))},
    ),
    (
        policy(condition="on-failure", max_attempts=3),
        {"restart": "on-failure:5"},
        {"restart": (SetValue(CONDITION, "on-failure"), SetValue(ATTEMPTS, 5))},
    ),
    (
        policy(condition="on-failure", max_attempts=3),
        {"restart": "always"},
        {"restart": (SetValue(CONDITION, "any"), RemoveEntry(ATTEMPTS))},
    ),
    (policy(condition="any"), {"restart": "unless-stopped"}, {"restart": (SetValue(CONDITION, "unless-stopped"),)}),
    (policy(condition="any"), {}, {"restart": (SetValue(CONDITION, "none"),)}),
    (
        {"deploy": {"restart_policy": {"condition": "any"}}, "user": "a"},
        {"restart": "always", "user": "b"},
        {"user": (SetValue(("user",), "b"),)},
    ),
    ({"gpus": "all"}, {}, {"gpus": (RemoveEntry(("gpus",)),)}),
    ({}, {"gpus": GPUS}, {"gpus": (AddEntry((), "gpus", "all"),)}),
    ({"gpus": "all"}, {"gpus": TWO_GPUS}, {"gpus": (SetValue(("gpus",), TWO_GPUS),)}),
    (RESERVED, {"gpus": TWO_GPUS}, {"gpus": ()}),
    ({"mem_limit": "512m"}, {"mem_limit": 1500}, {"mem_limit": (SetValue(("mem_limit",), "1500b"),)}),
    ({"mem_limit": "512m"}, {"mem_limit": 2048}, {"mem_limit": (SetValue(("mem_limit",), "2k"),)}),
    ({"mem_limit": "512m"}, {"mem_limit": 3 << 20}, {"mem_limit": (SetValue(("mem_limit",), "3m"),)}),
    ({"mem_limit": "512m"}, {"mem_limit": 1 << 40}, {"mem_limit": (SetValue(("mem_limit",), "1t"),)}),
    ({"mem_limit": 512}, {"mem_limit": 2048}, {"mem_limit": (SetValue(("mem_limit",), 2048),)}),
    (
        {"mem_reservation": "1g"},
        {"mem_reservation": 2048},
        {"mem_reservation": (SetValue(("mem_reservation",), "2k"),)},
    ),
    ({"memswap_limit": "1g"}, {"memswap_limit": 2048}, {"memswap_limit": (SetValue(("memswap_limit",), "2k"),)}),
    ({"shm_size": "1g"}, {"shm_size": 2048}, {"shm_size": (SetValue(("shm_size",), "2k"),)}),
    ({"mem_limit": "512m"}, {}, {"mem_limit": (RemoveEntry(("mem_limit",)),)}),
    ({}, {"mem_limit": 2048}, {"mem_limit": (AddEntry((), "mem_limit", "2k"),)}),
    (limited(cpus="0.5"), {"cpus": 0.75}, {"cpus": (SetValue((*LIMITS, "cpus"), "0.75"),)}),
    (limited(cpus=0.5), {"cpus": 0.75}, {"cpus": (SetValue((*LIMITS, "cpus"), 0.75),)}),
    (limited(cpus=0.5), {}, {"cpus": (RemoveEntry((*LIMITS, "cpus")),)}),
    (limited(pids=5), {"pids_limit": 6}, {"pids_limit": (SetValue((*LIMITS, "pids"), 6),)}),
    ({**limited(cpus="0.5"), "cpus": 1}, {"cpus": 2}, {"cpus": (SetValue(("cpus",), 2),)}),
    (limited(cpus="0.5"), {"cpus": 0.5, "pids_limit": 6}, {"pids_limit": (AddEntry((), "pids_limit", 6),)}),
    ({"deploy": {"replicas": 2}}, {"scale": 3}, {"scale": (SetValue(("deploy", "replicas"), 3),)}),
    ({"cpu_quota": 50000}, {}, {"cpus": ()}),
    ({"cpu_quota": 50000}, {"cpus": 1}, {"cpus": (AddEntry((), "cpus", 1),)}),
    ({"init": "true"}, {"init": False}, {"init": (SetValue(("init",), False),)}),
    ({"dns": "1.1.1.1"}, {"dns": ["8.8.8.8"]}, {"dns": (SetValue(("dns",), "8.8.8.8"),)}),
    ({"dns": "1.1.1.1"}, {"dns": ["8.8.8.8", "1.1.1.1"]}, {"dns": (SetValue(("dns",), ["8.8.8.8", "1.1.1.1"]),)}),
    ({"dns": ["1.1.1.1"]}, {"dns": ["8.8.8.8"]}, {"dns": (SetValue(("dns",), ["8.8.8.8"]),)}),
    ({}, {"dns": ["8.8.8.8"]}, {"dns": (AddEntry((), "dns", ["8.8.8.8"]),)}),
    ({"extra_hosts": {"a": "1"}}, {"extra_hosts": ["a=2"]}, {"extra_hosts": (SetValue(("extra_hosts",), ["a=2"]),)}),
    (
        {},
        {"ulimits": {"nofile": {"soft": 5, "hard": 5}}},
        {"ulimits.nofile": (AddEntry(("ulimits",), "nofile", {"soft": 5, "hard": 5}),)},
    ),
    ({"ulimits": {"nofile": 5}}, {"ulimits": {"nofile": {"soft": 5, "hard": 6}}}, {"ulimits.nofile.hard": ()}),
    (
        {"ulimits": {"nofile": {"soft": 5, "hard": 5}}},
        {"ulimits": {"nofile": {"soft": 5, "hard": 6}}},
        {"ulimits.nofile.hard": (SetValue(("ulimits", "nofile", "hard"), 6),)},
    ),
    ({"ulimits": {"nofile": 5}}, {}, {"ulimits.nofile": (RemoveEntry(("ulimits", "nofile")),)}),
    (
        {"logging": {"driver": "local"}},
        {"logging": {"driver": "none"}},
        {"logging.driver": (SetValue(("logging", "driver"), "none"),)},
    ),
]

WORDS: list[tuple[dict[str, Any], dict[str, Any], Expected]] = [
    ({"command": "x"}, {}, {"command": (RemoveEntry(("command",)),)}),
    ({"command": ["a"]}, {"command": ["b", "c d"]}, {"command": (SetValue(("command",), ["b", "c d"]),)}),
    ({}, {"command": ["b"]}, {"command": (AddEntry((), "command", ["b"]),)}),
    ({"entrypoint": "a b"}, {"entrypoint": ["c", "d e"]}, {"entrypoint": (SetValue(("entrypoint",), "c 'd e'"),)}),
    (
        {"healthcheck": {"test": "curl x"}},
        {"healthcheck": {"test": ["CMD-SHELL", "curl y"]}},
        {"healthcheck.test": (SetValue(("healthcheck", "test"), "curl y"),)},
    ),
    (
        {"healthcheck": {"test": "curl x"}},
        {"healthcheck": {"test": ["CMD", "y"]}},
        {"healthcheck.test": (SetValue(("healthcheck", "test"), ["CMD", "y"]),)},
    ),
    (
        {"healthcheck": {"test": "curl x"}},
        {"healthcheck": {"test": ["CMD-SHELL", "y", "z"]}},
        {"healthcheck.test": (SetValue(("healthcheck", "test"), ["CMD-SHELL", "y", "z"]),)},
    ),
    (
        {"healthcheck": {"test": ["CMD", "x"]}},
        {"healthcheck": {"test": ["CMD-SHELL", "y"]}},
        {"healthcheck.test": (SetValue(("healthcheck", "test"), ["CMD-SHELL", "y"]),)},
    ),
    (
        {"healthcheck": {"test": "x", "retries": "3"}},
        {"healthcheck": {"test": ["CMD-SHELL", "x"], "retries": 9}},
        {"healthcheck.retries": (SetValue(("healthcheck", "retries"), "9"),)},
    ),
    (
        {"healthcheck": {"test": "x"}},
        {"healthcheck": {"test": ["CMD-SHELL", "x"], "retries": 9}},
        {"healthcheck.retries": (AddEntry(("healthcheck",), "retries", 9),)},
    ),
    (
        {"healthcheck": {"test": "x", "retries": 9}},
        {"healthcheck": {"test": ["CMD-SHELL", "x"]}},
        {"healthcheck.retries": (RemoveEntry(("healthcheck", "retries")),)},
    ),
    (
        {},
        {"healthcheck": {"test": ["CMD", "x"]}},
        {"healthcheck": (AddEntry((), "healthcheck", {"test": ["CMD", "x"]}),)},
    ),
    ({"environment": {"A": "1"}}, {}, {"environment.A": (RemoveEntry(("environment", "A")),)}),
    (
        {"environment": ["B=1", "A=1"]},
        {"environment": {"B": "1"}},
        {"environment.A": (RemoveEntry(("environment", 1)),)},
    ),
    (
        {"environment": ["A=1"]},
        {"environment": {"A": "1", "B": "x=y"}},
        {"environment.B": (AddEntry(("environment",), None, "B=x=y"),)},
    ),
    (
        {"environment": ["AB=1", "A=2"]},
        {"environment": {"AB": "1", "A": "3"}},
        {"environment.A": (SetValue(("environment", 1), "A=3"),)},
    ),
    ({"environment": "A=1"}, {"environment": {"A": "2"}}, {"environment": ()}),
    ({"labels": ["a=1"]}, {"labels": {"a": "2"}}, {"labels.a": (SetValue(("labels", 0), "a=2"),)}),
    ({"labels": [True]}, {}, {"labels.true": ()}),
    ({"sysctls": ["a=1"]}, {"sysctls": {"a": "2"}}, {"sysctls.a": (SetValue(("sysctls", 0), "a=2"),)}),
    (
        {"networks": ["front"]},
        {"networks": {"front": {}, "back": {}}},
        {"networks.back": (AddEntry(("networks",), None, "back"),)},
    ),
    ({"networks": ["front"]}, {"networks": {"front": {}, "back": {"ipv4_address": "10.0.0.2"}}}, {"networks.back": ()}),
    (
        {"networks": {"front": {}}},
        {"networks": {"front": {}, "back": {}}},
        {"networks.back": (AddEntry(("networks",), "back", {}),)},
    ),
    (
        {"networks": {"front": None, "back": None}},
        {"networks": {"front": {}}},
        {"networks.back": (RemoveEntry(("networks", "back")),)},
    ),
    ({"networks": ["front", 1]}, {"networks": {"front": {}}}, {"networks.1": ()}),
    ({"tmpfs": "/a"}, {"tmpfs": ["/b"]}, {"tmpfs": (SetValue(("tmpfs",), "/b"),)}),
]


@table(("raw", "live", "expected"), [*SCALARS, *WORDS])
def test_an_edit_keeps_the_syntax_of_what_it_changes(
    raw: dict[str, Any], live: dict[str, Any], expected: Expected
) -> None:
    """Lists stay lists, text stays text; what cannot be said so has no edit, and nothing differs after the others."""
    check(raw, live, expected)


@table(
    ("raw", "path", "pointer"),
    [
        ({"image": "a"}, "image", ("image",)),
        ({}, "image", ("image",)),
        ({"environment": ["A=1", "B=2"]}, "environment.B", ("environment", 1)),
        ({"environment": ["A=1"]}, "environment.B", ("environment",)),
        ({"environment": ["A=1"]}, "environment", ("environment",)),
        ({"environment": {"A": "1"}}, "environment.A", ("environment", "A")),
        ({"environment": {"A": "1"}}, "environment.B", ("environment",)),
        ({"healthcheck": {"retries": 3}}, "healthcheck.retries", ("healthcheck", "retries")),
        ({"healthcheck": {}}, "healthcheck.retries.deep", ("healthcheck",)),
        ({"healthcheck": {"retries": 3}}, "healthcheck.other.retries", ("healthcheck",)),
        (limited(cpus=1), "cpus", (*LIMITS, "cpus")),
        ({**limited(cpus=1), "cpus": 1}, "cpus", ("cpus",)),
        (limited(), "cpus", ("cpus",)),
        (policy(condition="any"), "restart", CONDITION),
        (policy(), "restart", ("restart",)),
        (policy(condition="any"), "user", ("user",)),
        ({"ports": ["80:80"]}, "ports", ("ports",)),
        ({"ports": ["80:80"]}, "ports[80/tcp].published", ("ports", 0)),
        ({"ports": ["81:81", {"target": 80, "published": 80}]}, "ports[80/tcp].published", ("ports", 1, "published")),
        ({"ports": ["80:80"]}, "ports[81/tcp]", ("ports",)),
        ({"ports": "80:80"}, "ports[81/tcp]", ("ports",)),
        ({"ports": ["80-81:80-81"]}, "ports[80/tcp]", ("ports",)),
        ({"ports": ["80-81:80-81"]}, "ports[80-81/tcp]", ("ports", 0)),
        ({"volumes": ["aa:/a", "bb:/b"]}, "volumes[/b].source", ("volumes", 1)),
        ({"configs": ["a"]}, "configs[a]", ("configs",)),
    ],
)
def test_the_place_in_the_file_is_the_nearest_that_is_written(raw: Tree, path: str, pointer: Pointer) -> None:
    """As far as the file goes, and below ``deploy`` where that says it."""
    assert written(EntryIndex(raw), parse_path(path)) == pointer
