"""Where a container is reached and what it reaches: ports, networks, names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from bot.drift.compose.inspected.container import Container
from bot.drift.compose.inspected.reading import Reader, Reading, given, text_of, texts_of
from bot.model.json import JSON, Tree, get, mapping, mappings, text, texts, whole


def _bindings(shown: Container) -> Iterable[dict[str, JSON]]:
    for port, hosts in sorted(mapping(shown.host.get("PortBindings")).items()):
        number, _, protocol = port.partition("/")
        for host in mappings(hosts):
            entry: dict[str, JSON] = {"target": int(number) if number.isdigit() else 0}
            published = text(host.get("HostPort"))
            if published not in {"", "0"}:
                entry["published"] = published
            entry["protocol"], entry["mode"] = protocol or "tcp", "ingress"
            address = text(host.get("HostIp"))
            if address not in {"", "0.0.0.0", "::"}:  # noqa: S104 - not named: every address
                entry["host_ip"] = address
            yield entry


def _ports(shown: Container) -> Reading:
    order = sorted(_bindings(shown), key=lambda port: (str(port["protocol"]), whole(port["target"]), str(port)))
    return given(order)


def _expose(shown: Container) -> Reading:
    return given(_exposed(shown)[0])


def brought_ports(shown: Container) -> list[JSON]:
    """The ports that are exposed because the image exposes them or because they are published."""
    return _exposed(shown)[1]


def _exposed(shown: Container) -> tuple[list[JSON], list[JSON]]:
    """What was exposed for its own sake, and what is exposed anyway; without the image all of it may be."""
    bound = mapping(shown.host.get("PortBindings"))
    live = {*mapping(shown.config.get("ExposedPorts")), *mapping(get(shown.container, "NetworkSettings", "Ports"))}
    usual = {*mapping(shown.image_config.get("ExposedPorts")), *bound} if shown.image else live
    given, brought = sorted(live - usual), sorted((live | {*bound}) - (live - usual))
    return [_port_name(port) for port in given], [_port_name(port) for port in brought]


def _port_name(port: str) -> str:
    return port.removesuffix("/tcp")


_BUILT_IN: Final = frozenset({"host", "none", "bridge", "podman", "slirp4netns", "pasta"})
"""Networks and modes of engines themselves (Docker: Network drivers; podman-run(1), --network)."""
_OWN: Final = frozenset({"", "default", "private"}) | _BUILT_IN - {"host", "none"}
"""Modes that mean a network of the container's own, whichever the engine takes."""


def _networks(shown: Container) -> Reading:
    live: dict[str, JSON] = {}
    for name, settings in sorted(mapping(get(shown.container, "NetworkSettings", "Networks")).items()):
        if name not in _BUILT_IN:
            live[name] = _network(mapping(settings), shown)
    return (live or None, {f"{shown.project}_default" if shown.project else "default": {}})


def _network(settings: Tree, shown: Container) -> dict[str, JSON]:
    own = {shown.service, text(shown.container.get("Name")).removeprefix("/"), text(shown.container.get("Id"))[:12]}
    aliases = sorted(set(texts(settings.get("Aliases"))) - own - {text(shown.config.get("Hostname"))})
    entry: dict[str, JSON] = {"aliases": list(aliases)} if aliases else {}
    for key, written in (("IPv4Address", "ipv4_address"), ("IPv6Address", "ipv6_address")):
        address = text(get(settings, "IPAMConfig", key))
        if address:
            entry[written] = address
    return entry


def _network_mode(shown: Container) -> Reading:
    mode = text(shown.host.get("NetworkMode"))
    attached = mapping(get(shown.container, "NetworkSettings", "Networks"))
    named = mode in attached and mode not in {"host", "none"}
    return (mode or None, mode if mode in _OWN or named else None)


def _hostname(shown: Container) -> Reading:
    name, id_ = text(shown.config.get("Hostname")), text(shown.container.get("Id"))
    borrowed = text(shown.host.get("NetworkMode")) == "host" or text(shown.host.get("UTSMode")) == "host"
    return (name or None, name if borrowed or (id_ and id_.startswith(name)) else None)


def _extra_hosts(shown: Container) -> Reading:
    """``name=address``: an IPv6 address has colons of its own."""
    return given(sorted("=".join(entry.partition(":")[::2]) for entry in texts(shown.host.get("ExtraHosts"))))


FIELDS: Final[Mapping[str, Reader]] = {
    "ports": _ports,
    "expose": _expose,
    "networks": _networks,
    "network_mode": _network_mode,
    "hostname": _hostname,
    "domainname": text_of("config", "Domainname"),
    "extra_hosts": _extra_hosts,
    "dns": texts_of("Dns"),
    "dns_search": texts_of("DnsSearch"),
    "dns_opt": texts_of("DnsOptions"),
}
