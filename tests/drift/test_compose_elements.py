"""The edits of the ports, mounts and devices of a Compose service, in the syntax of its author."""

from __future__ import annotations

from typing import Any

from bot.model.drift import AddEntry, RemoveEntry, SetValue
from tests.drift.containers import Expected, check, device, mount, port
from tests.table import table

PORTS: list[tuple[dict[str, Any], dict[str, Any], Expected]] = [
    (
        {"ports": ["127.0.0.1:80:80"]},
        {"ports": [port(80, "80")]},
        {"ports[80/tcp].host_ip": (SetValue(("ports", 0), "80:80"),)},
    ),
    (
        {"ports": ["80:80"]},
        {"ports": [port(80, "80", address="127.0.0.1")]},
        {"ports[80/tcp].host_ip": (SetValue(("ports", 0), "127.0.0.1:80:80"),)},
    ),
    (
        {"ports": ["80:80"]},
        {"ports": [port(80, "80", address="::1")]},
        {"ports[80/tcp].host_ip": (SetValue(("ports", 0), "[::1]:80:80"),)},
    ),
    (
        {"ports": ["53:53/udp"]},
        {"ports": [port(53, "54", "udp")]},
        {"ports[53/udp].published": (SetValue(("ports", 0), "54:53/udp"),)},
    ),
    ({"ports": ["8080:80"]}, {"ports": [port(80)]}, {"ports[80/tcp].published": (SetValue(("ports", 0), "80"),)}),
    (
        {"ports": [{"target": 80, "published": "8080"}]},
        {"ports": [port(80)]},
        {"ports[80/tcp].published": (RemoveEntry(("ports", 0, "published")),)},
    ),
    (
        {"ports": [{"target": 80, "published": "8080"}]},
        {"ports": [port(80, "81")]},
        {"ports[80/tcp].published": (SetValue(("ports", 0, "published"), "81"),)},
    ),
    (
        {"ports": [{"target": 80, "published": 8080}]},
        {"ports": [port(80, "81-82")]},
        {"ports[80/tcp].published": (SetValue(("ports", 0, "published"), "81-82"),)},
    ),
    (
        {"ports": [{"target": 80}]},
        {"ports": [port(80, address="127.0.0.1")]},
        {"ports[80/tcp].host_ip": (AddEntry(("ports", 0), "host_ip", "127.0.0.1"),)},
    ),
    ({}, {"ports": [port(9000)]}, {"ports[9000/tcp]": (AddEntry((), "ports", ["9000"]),)}),
    ({"ports": []}, {"ports": [port(9000)]}, {"ports[9000/tcp]": (AddEntry(("ports",), None, "9000"),)}),
    (
        {"ports": ["80"]},
        {"ports": [port(80), port(9000, address="127.0.0.1")]},
        {"ports[9000/tcp]": (AddEntry(("ports",), None, "127.0.0.1::9000"),)},
    ),
    (
        {"ports": [{"target": 80}]},
        {"ports": [port(80), port(53, "53", "udp")]},
        {"ports[53/udp]": (AddEntry(("ports",), None, port(53, "53", "udp")),)},
    ),
    (
        {"ports": ["80", {"target": 81}]},
        {"ports": [port(80), port(81), port(53)]},
        {"ports[53/tcp]": (AddEntry(("ports",), None, port(53)),)},
    ),
    (
        {"ports": [{"target": 80}, "81"]},
        {"ports": [port(80), port(81), port(53)]},
        {"ports[53/tcp]": (AddEntry(("ports",), None, "53"),)},
    ),
    ({"ports": "80:80"}, {"ports": [port(80, "80")]}, {"ports": ()}),
    (
        {"ports": ["3000-3001:3000-3001", "4000:4000"]},
        {"ports": [{"target": 3000, "published": "3000"}]},
        {"ports[3001/tcp]": (), "ports[4000/tcp]": (RemoveEntry(("ports", 1)),)},
    ),
    (
        {"ports": [{"target": 80}, {"target": 81}]},
        {},
        {"ports[80/tcp]": (RemoveEntry(("ports", 0)),), "ports[81/tcp]": (RemoveEntry(("ports", 1)),)},
    ),
    ({"ports": ["3000-3002:3000-3002"]}, {}, {"ports[3000-3002/tcp]": (RemoveEntry(("ports", 0)),)}),
    (
        {"ports": ["80:80", "3000-3001:3000-3001/udp"]},
        {},
        {"ports[3000-3001/udp]": (RemoveEntry(("ports", 1)),), "ports[80/tcp]": (RemoveEntry(("ports", 0)),)},
    ),
    (
        {"ports": ["3000-3002:3000-3002"]},
        {"ports": [port(3000, "3000")]},
        {"ports[3001/tcp]": (), "ports[3002/tcp]": ()},
    ),
    (
        {"ports": ["3000-3001:3000-3001"]},
        {"ports": [port(3000, "4000"), port(3001, "3001")]},
        {"ports[3000/tcp].published": ()},
    ),
    (
        {"ports": ["3000-3001:3000-3001", "3000:3000/udp"]},
        {"ports": [port(3000, "3000"), port(3001, "3001"), port(3000, "3005", "udp")]},
        {"ports[3000/udp].published": (SetValue(("ports", 1), "3005:3000/udp"),)},
    ),
    (
        {"ports": ["3000-3001:3000-3001", "4000:4000"]},
        {"ports": [port(3000, "3000"), port(3001, "3001"), port(4000, "4001")]},
        {"ports[4000/tcp].published": (SetValue(("ports", 1), "4001:4000"),)},
    ),
    (
        {"ports": ["3000:3000", "3000-3001:3000-3001"]},
        {"ports": [port(3000, "4000"), port(3001, "3001")]},
        {"ports[3000/tcp].published": ()},
    ),
    (
        {"ports": ["3000-3001:3000-3001", "3000:3000"]},
        {"ports": [port(3000, "4000"), port(3001, "3001")]},
        {"ports[3000/tcp].published": ()},
    ),
    (
        {"ports": ["8080:80", "8081:80"]},
        {"ports": [port(80, "8080"), port(80, "9999")]},
        {"ports[80/tcp/8081].published": (SetValue(("ports", 1), "9999:80"),)},
    ),
    (
        {"ports": ["8080:80", "8081:80"]},
        {"ports": [port(80, "8081")]},
        {"ports[80/tcp/8080]": (RemoveEntry(("ports", 0)),)},
    ),
    (
        {"ports": ["8080:80"]},
        {"ports": [port(80, "9090"), port(80, "8080")]},
        {"ports[80/tcp/9090]": (AddEntry(("ports",), None, "9090:80"),)},
    ),
    (
        {"ports": ["127.0.0.1:80:80", "10.0.0.1:80:80"]},
        {"ports": [port(80, "80", address="127.0.0.1"), port(80, "80", address="10.0.0.2")]},
        {"ports[80/tcp/10.0.0.1:80].host_ip": (SetValue(("ports", 1), "10.0.0.2:80:80"),)},
    ),
    (
        {"ports": ["127.0.0.1:80:80", "81:80"]},
        {"ports": [port(80, "82", address="127.0.0.1"), port(80, "81")]},
        {"ports[80/tcp/127.0.0.1:80].published": (SetValue(("ports", 0), "127.0.0.1:82:80"),)},
    ),
]

MOUNTS: list[tuple[dict[str, Any], dict[str, Any], Expected]] = [
    (
        {"volumes": ["./conf:/etc/app"]},
        {"volumes": [mount("/etc/app", "/srv/other", "bind")]},
        {"volumes[/etc/app].source": (SetValue(("volumes", 0), "/srv/other:/etc/app"),)},
    ),
    (
        {"volumes": ["data:/data"]},
        {"volumes": [mount("/data", "/srv/d", "bind")]},
        {"volumes[/data].source": (), "volumes[/data].type": ()},
    ),
    (
        {"volumes": ["/srv/d:/data"]},
        {"volumes": [mount("/data", "other")]},
        {"volumes[/data].source": (), "volumes[/data].type": ()},
    ),
    (
        {"volumes": ["data:/data:ro"]},
        {"volumes": [mount("/data", "data")]},
        {"volumes[/data].read_only": (SetValue(("volumes", 0), "data:/data"),)},
    ),
    (
        {"volumes": ["/a:/b"]},
        {"volumes": [mount("/b", "/a", "bind", bind={"propagation": "rshared"})]},
        {"volumes[/b].bind.propagation": ()},
    ),
    (
        {"volumes": ["/a:/b:rshared"]},
        {"volumes": [mount("/b", "/a", "bind")]},
        {"volumes[/b].bind": (SetValue(("volumes", 0), "/a:/b"),)},
    ),
    (
        {"volumes": ["/a:/b:rshared"]},
        {"volumes": [mount("/b", "/a", "bind", bind={"propagation": "slave"})]},
        {"volumes[/b].bind.propagation": ()},
    ),
    (
        {"volumes": [mount("/b", "/a", "bind")]},
        {"volumes": [mount("/b", "/a", "bind", bind={"propagation": "slave"})]},
        {"volumes[/b].bind.propagation": (AddEntry(("volumes", 0, "bind"), "propagation", "slave"),)},
    ),
    (
        {"volumes": [mount("/b", "aa", read_only=True)]},
        {"volumes": [mount("/b", "aa")]},
        {"volumes[/b].read_only": (RemoveEntry(("volumes", 0, "read_only")),)},
    ),
    (
        {"volumes": ["data:/data", "logs:/logs"]},
        {"volumes": [mount("/logs", "logs")]},
        {"volumes[/data]": (RemoveEntry(("volumes", 0)),)},
    ),
    (
        {},
        {"volumes": [mount("/data", "data", read_only=True)]},
        {"volumes[/data]": (AddEntry((), "volumes", ["data:/data:ro"]),)},
    ),
    (
        {"volumes": ["aa:/a"]},
        {"volumes": [mount("/a", "aa"), {"type": "tmpfs", "target": "/t"}]},
        {"volumes[/t]": (AddEntry(("volumes",), None, {"type": "tmpfs", "target": "/t"}),)},
    ),
    (
        {"volumes": ["aa:/a"]},
        {"volumes": [mount("/a", "aa"), mount("/c", "C:\\x", "bind")]},
        {"volumes[/c]": (AddEntry(("volumes",), None, mount("/c", "C:\\x", "bind")),)},
    ),
    (
        {"volumes": [mount("/a", "aa")]},
        {"volumes": [mount("/a", "aa"), mount("/c", "/x", "bind")]},
        {"volumes[/c]": (AddEntry(("volumes",), None, mount("/c", "/x", "bind")),)},
    ),
    (
        {"volumes": ["aa:/x", "bb:/x"]},
        {"volumes": [mount("/x", "aa"), mount("/x", "cc")]},
        {"volumes[/x~2].source": ()},
    ),
    (
        {"volumes": ["aa:/x", "bb:/x"]},
        {"volumes": [mount("/x", "aa")]},
        {"volumes[/x~2]": (RemoveEntry(("volumes", 1)),)},
    ),
    (
        {"devices": ["/dev/a:/dev/b"]},
        {"devices": [device("/dev/a", "/dev/b", "r")]},
        {"devices[/dev/b].permissions": (SetValue(("devices", 0), "/dev/a:/dev/b:r"),)},
    ),
    (
        {"devices": ["/dev/a:/dev/b:r"]},
        {"devices": [device("/dev/a", "/dev/b")]},
        {"devices[/dev/b].permissions": (SetValue(("devices", 0), "/dev/a:/dev/b"),)},
    ),
    (
        {"devices": ["/dev/a:/dev/b"]},
        {"devices": [device("/dev/c", "/dev/b")]},
        {"devices[/dev/b].source": (SetValue(("devices", 0), "/dev/c:/dev/b"),)},
    ),
    ({}, {"devices": [device("/dev/c", "/dev/b")]}, {"devices[/dev/b]": (AddEntry((), "devices", ["/dev/c:/dev/b"]),)}),
    ({"devices": ["/dev/a"]}, {}, {"devices[/dev/a]": (RemoveEntry(("devices", 0)),)}),
]


@table(("raw", "live", "expected"), [*PORTS, *MOUNTS])
def test_an_edit_keeps_the_syntax_of_what_it_changes(
    raw: dict[str, Any], live: dict[str, Any], expected: Expected
) -> None:
    """Short entries stay short and long ones long; what cannot be said so has no edit, and nothing differs after the others."""
    check(raw, live, expected)
