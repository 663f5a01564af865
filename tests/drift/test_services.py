"""Compose services against what runs: spelling, inheritance, additions, and edits in the author's syntax."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.drift.compose.declared.long_form import service as canonical_service
from bot.drift.compose.inspected.inspect import observed as from_inspect
from bot.model.drift import AddEntry, Drift, DriftKind, Edit, RemoveEntry, SetValue
from bot.model.json import Tree
from tests.corpus import cases, own
from tests.drift.makers import OPTIONS, Pair, diff, running, service
from tests.table import table


def compare(raw: Tree, live: Tree, base: Tree | None = None) -> tuple[Drift, ...]:
    return diff(Pair(service(raw), running(live), base), OPTIONS)


SAME: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("image", {"image": "nginx"}, {"image": "docker.io/library/nginx:latest"}),
    ("resolved digest", {"image": "nginx:1.27"}, {"image": f"nginx:1.27@sha256:{'a' * 64}"}),
    ("built image", {"build": "."}, {"image": "shop-web"}),
    ("short port", {"ports": ["8080:80"]}, {"ports": [{"target": 80, "published": "8080", "protocol": "tcp"}]}),
    ("number port", {"ports": [80]}, {"ports": [{"target": 80, "protocol": "tcp", "mode": "ingress"}]}),
    ("random port", {"ports": ["80"]}, {"ports": [{"target": 80, "published": "49153", "protocol": "tcp"}]}),
    (
        "port range",
        {"ports": ["3000-3001:3000-3001/udp"]},
        {
            "ports": [
                {"target": 3001, "published": "3001", "protocol": "udp"},
                {"target": 3000, "published": "3000", "protocol": "udp"},
            ]
        },
    ),
    (
        "one of a range",
        {"ports": ["9000-9010:80"]},
        {"ports": [{"target": 80, "published": "9004", "protocol": "tcp"}]},
    ),
    (
        "address",
        {"ports": ["127.0.0.1:80:80", "[::1]:81:81"]},
        {
            "ports": [
                {"target": 80, "published": "80", "protocol": "tcp", "host_ip": "127.0.0.1"},
                {"target": 81, "published": "81", "protocol": "tcp", "host_ip": "::1"},
            ]
        },
    ),
    ("environment list", {"environment": ["A=1", "B=x=y"]}, {"environment": {"A": "1", "B": "x=y"}}),
    ("booleans are text", {"environment": {"A": True, "N": 5}}, {"environment": {"A": "true", "N": "5"}}),
    ("passed through", {"environment": ["HOME"]}, {"environment": {"HOME": "/root"}}),
    ("env_file", {"env_file": ".env", "image": "x"}, {"image": "x", "environment": {"FROM_FILE": "1"}}),
    ("command text", {"command": "npm run 'dev server'"}, {"command": ["npm", "run", "dev server"]}),
    ("sizes", {"mem_limit": "512m", "shm_size": "64mb"}, {"mem_limit": 536870912}),
    (
        "deploy limits",
        {"deploy": {"resources": {"limits": {"cpus": "0.50", "memory": "1g"}}}},
        {"cpus": 0.5, "mem_limit": 1 << 30},
    ),
    ("restart", {"restart": False}, {"restart": "no"}),
    ("restart default", {}, {"restart": "no"}),
    (
        "mode of a mount",
        {"volumes": ["data:/data:rw"]},
        {"volumes": [{"type": "volume", "source": "data", "target": "/data"}]},
    ),
    (
        "relative bind",
        {"volumes": ["./conf/:/etc/app:ro"]},
        {"volumes": [{"type": "bind", "source": "/srv/shop/conf", "target": "/etc/app", "read_only": True}]},
    ),
    ("anonymous volume", {"volumes": ["/var/lib/x"]}, {}),
    (
        "config file",
        {"configs": ["app.conf"]},
        {"volumes": [{"type": "bind", "source": "/x/app.conf", "target": "/app.conf"}]},
    ),
    (
        "test text",
        {"healthcheck": {"test": "curl -f x", "interval": "90s"}},
        {"healthcheck": {"test": ["CMD-SHELL", "curl -f x"], "interval": "1m30s"}},
    ),
    ("no check", {"healthcheck": {"disable": True}}, {"healthcheck": {"test": ["NONE"]}}),
    ("networks list", {"networks": ["front"]}, {"networks": {"front": {"aliases": ["web"]}}}),
    ("other namespace", {"network_mode": "service:vpn"}, {"network_mode": "container:3f2a"}),
    ("caps", {"cap_add": ["NET_ADMIN"]}, {"cap_add": ["CAP_NET_ADMIN"]}),
    ("security", {"security_opt": ["no-new-privileges"]}, {"security_opt": ["no-new-privileges:true"]}),
    ("ulimit", {"ulimits": {"nofile": 1024}}, {"ulimits": {"nofile": {"soft": 1024, "hard": 1024}}}),
    ("hosts", {"extra_hosts": ["a:10.0.0.1"]}, {"extra_hosts": ["a=10.0.0.1"]}),
    ("daemon's logging", {}, {"logging": {"driver": "local", "options": {"max-size": "10m"}}}),
    ("signal", {"stop_signal": "15"}, {"stop_signal": "SIGTERM"}),
    ("not live", {"depends_on": ["db"], "build": ".", "x-y": 1, "labels": {}}, {}),
    (
        "inherited",
        {"environment": {"PATH": "/bin"}, "user": "app"},
        {"x-inherited": {"environment": {"PATH": "/bin"}, "user": "app"}},
    ),
]


@table(("name", "raw", "shown"), SAME, ids=[name for name, _, _ in SAME])
def test_spellings_of_one_meaning_are_no_drift(name: str, raw: dict[str, Any], shown: dict[str, Any]) -> None:
    """However a service is written, what an engine shows for it is no difference."""
    assert compare(raw, shown) == ()


Row = tuple[str, dict[str, Any], dict[str, Any], str, DriftKind, tuple[Edit, ...]]

DIFFERENT: list[Row] = [
    ("tag", {"image": "nginx:1"}, {"image": "nginx:2"}, "image", DriftKind.CHANGED, (SetValue(("image",), "nginx:2"),)),
    (
        "digest",
        {"image": f"nginx@sha256:{'a' * 64}"},
        {"image": f"nginx@sha256:{'b' * 64}"},
        "image",
        DriftKind.IMAGE_MOVED,
        (SetValue(("image",), f"nginx@sha256:{'b' * 64}"),),
    ),
    (
        "published",
        {"ports": ["8443:443", "8080:80"]},
        {
            "ports": [
                {"target": 443, "published": "8443", "protocol": "tcp"},
                {"target": 80, "published": "8081", "protocol": "tcp"},
            ]
        },
        "ports[80/tcp].published",
        DriftKind.CHANGED,
        (SetValue(("ports", 1), "8081:80"),),
    ),
    (
        "long published",
        {"ports": [{"target": 80, "published": 8080}]},
        {"ports": [{"target": 80, "published": "8081", "protocol": "tcp"}]},
        "ports[80/tcp].published",
        DriftKind.CHANGED,
        (SetValue(("ports", 0, "published"), 8081),),
    ),
    (
        "new port",
        {"ports": ["80:80"]},
        {
            "ports": [
                {"target": 80, "published": "80", "protocol": "tcp"},
                {"target": 53, "published": "53", "protocol": "udp"},
            ]
        },
        "ports[53/udp]",
        DriftKind.ADDED,
        (AddEntry(("ports",), None, "53:53/udp"),),
    ),
    ("gone port", {"ports": ["80:80"]}, {}, "ports[80/tcp]", DriftKind.MISSING, (RemoveEntry(("ports", 0)),)),
    (
        "variable in a list",
        {"environment": ["A=1", "B=2"]},
        {"environment": {"A": "1", "B": "3"}},
        "environment.B",
        DriftKind.CHANGED,
        (SetValue(("environment", 1), "B=3"),),
    ),
    (
        "new variable",
        {"environment": {"A": "1"}},
        {"environment": {"A": "1", "MODE": "debug"}},
        "environment.MODE",
        DriftKind.ADDED,
        (AddEntry(("environment",), "MODE", "debug"),),
    ),
    (
        "first variable",
        {"image": "x"},
        {"image": "x", "environment": {"MODE": "debug"}},
        "environment.MODE",
        DriftKind.ADDED,
        (AddEntry(("environment",), "MODE", "debug"),),
    ),
    (
        "memory",
        {"mem_limit": "512m"},
        {"mem_limit": 1 << 30},
        "mem_limit",
        DriftKind.CHANGED,
        (SetValue(("mem_limit",), "1g"),),
    ),
    (
        "deployed memory",
        {"deploy": {"resources": {"limits": {"memory": "512M"}}}},
        {"mem_limit": 1 << 29 | 1 << 28},
        "mem_limit",
        DriftKind.CHANGED,
        (SetValue(("deploy", "resources", "limits", "memory"), "768m"),),
    ),
    (
        "mount",
        {"volumes": ["data:/data"]},
        {"volumes": [{"type": "volume", "source": "data", "target": "/data", "read_only": True}]},
        "volumes[/data].read_only",
        DriftKind.ADDED,
        (SetValue(("volumes", 0), "data:/data:ro"),),
    ),
    (
        "command",
        {"command": "npm start"},
        {"command": ["npm", "run", "my app"]},
        "command",
        DriftKind.CHANGED,
        (SetValue(("command",), "npm run 'my app'"),),
    ),
    (
        "retries",
        {"healthcheck": {"test": ["CMD", "x"], "retries": 3}},
        {"healthcheck": {"test": ["CMD", "x"], "retries": 9}},
        "healthcheck.retries",
        DriftKind.CHANGED,
        (SetValue(("healthcheck", "retries"), 9),),
    ),
    ("restart", {}, {"restart": "always"}, "restart", DriftKind.ADDED, (AddEntry((), "restart", "always"),)),
    ("privileged", {}, {"privileged": True}, "privileged", DriftKind.ADDED, (AddEntry((), "privileged", True),)),
    (
        "log option",
        {"logging": {"driver": "json-file", "options": {"max-size": "10m"}}},
        {"logging": {"options": {"max-size": "50m"}}, "x-inherited": {"logging": {"driver": "json-file"}}},
        "logging.options.max-size",
        DriftKind.CHANGED,
        (SetValue(("logging", "options", "max-size"), "50m"),),
    ),
    (
        "network left",
        {"networks": ["front", "back"]},
        {"networks": {"front": {}}},
        "networks.back",
        DriftKind.MISSING,
        (RemoveEntry(("networks", 1)),),
    ),
    (
        "state over default",
        {"restart": "always"},
        {"x-inherited": {"restart": "no"}},
        "restart",
        DriftKind.CHANGED,
        (SetValue(("restart",), "no"),),
    ),
]


@table("row", DIFFERENT, ids=[row[0] for row in DIFFERENT])
def test_a_difference_is_one_drift_with_an_edit_in_the_authors_syntax(row: Row) -> None:
    """One drift at the canonical place; its edit touches the raw entry and keeps its syntax."""
    _, raw, shown, where, kind, edits = row
    drifts = compare(raw, shown)
    assert [(drift.where, drift.kind) for drift in drifts] == [(where, kind)]
    assert drifts[0].adopt == edits


def test_what_git_dropped_is_removed_and_not_added() -> None:
    """With a base that had the entry, a live leftover is a removal in Git, not an addition live."""
    drifts = compare(
        {"image": "x"}, {"image": "x", "environment": {"A": "1"}}, base={"image": "x", "environment": ["A=1"]}
    )
    assert [(drift.where, drift.kind) for drift in drifts] == [("environment.A", DriftKind.REMOVED)]


def test_a_real_inspect_equals_the_service_that_made_it() -> None:
    """What docker shows for a service as Compose started it is no difference."""
    raw: dict[str, Any] = {
        "image": "nginx:1.27",
        "command": "nginx -g 'daemon off;'",
        "ports": ["8080:80"],
        "environment": {"MODE": "production"},
        "restart": "unless-stopped",
        "healthcheck": {"test": "curl -f http://localhost", "interval": "30s", "retries": 3},
        "volumes": ["data:/var/lib/app", "./conf:/etc/app:ro"],
        "deploy": {"resources": {"limits": {"cpus": "0.5", "memory": "256M"}}},
        "cap_drop": ["ALL"],
        "logging": {"driver": "json-file", "options": {"max-size": "10m"}},
    }
    container: dict[str, Any] = {
        "Id": "f" * 64,
        "Name": "/shop-web-1",
        "Image": "sha256:" + "1" * 64,
        "State": {"Status": "running"},
        "Config": {
            "Image": "nginx:1.27",
            "Cmd": ["nginx", "-g", "daemon off;"],
            "Env": ["MODE=production", "PATH=/usr/bin", "NGINX_VERSION=1.27"],
            "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"},
            "Healthcheck": {
                "Test": ["CMD-SHELL", "curl -f http://localhost"],
                "Interval": 30_000_000_000,
                "Retries": 3,
            },
            "Hostname": "f" * 12,
        },
        "HostConfig": {
            "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
            "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]},
            "NanoCpus": 500_000_000,
            "Memory": 268_435_456,
            "MemorySwap": 536_870_912,
            "CapDrop": ["ALL"],
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m"}},
            "NetworkMode": "shop_default",
        },
        "Mounts": [
            {"Type": "volume", "Name": "shop_data", "Destination": "/var/lib/app", "RW": True},
            {"Type": "bind", "Source": "/srv/shop/conf", "Destination": "/etc/app", "RW": False},
        ],
        "NetworkSettings": {"Networks": {"shop_default": {"Aliases": ["web"]}}},
    }
    image: dict[str, Any] = {
        "Id": "sha256:" + "1" * 64,
        "Config": {"Env": ["PATH=/usr/bin", "NGINX_VERSION=1.27"], "Cmd": ["nginx"]},
    }
    drifts = diff(Pair(service(raw), from_inspect(container, image, "docker")), OPTIONS)
    assert drifts == ()


def services_of(path: Path) -> dict[str, dict[str, Any]]:
    """The services of one Compose file; none where it is no YAML."""
    try:
        documents = [*yaml.safe_load_all(path.read_text())]
    except yaml.YAMLError:
        return {}
    services = [document["services"] for document in documents if isinstance(document, dict) and "services" in document]
    return {name: tree for mapping in services for name, tree in mapping.items() if isinstance(tree, dict)}


def test_the_corpus_holds_many_services() -> None:
    """What the next law says is said about something."""
    assert sum(len(services_of(path)) for path in own("compose", "*.y*ml")) > 25


@pytest.mark.parametrize("path", cases("compose", "*.y*ml"))
def test_services_equal_their_own_long_form(path: Path) -> None:
    """Every service of the corpus, compared with itself in long form, has no drift; the long form is its own long form."""
    for name, tree in services_of(path).items():
        long = canonical_service(tree)
        assert canonical_service(long) == long, name
        assert compare(tree, long) == (), name
        assert compare(tree, tree) == (), name
