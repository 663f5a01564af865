"""Where a container is reached and what it reaches: ports, networks, names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from bot.drift.compose.inspected.container import Container
from bot.drift.compose.inspected.reading import Reader, Reading, asked_for, text_of, texts_of
from bot.model.json import JSON, Tree, get, integer, mapping, mappings, text, texts


def _bindings(container: Container) -> Iterable[dict[str, JSON]]:
    for port, hosts in sorted(mapping(container.host.get("PortBindings")).items()):
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


def _ports(container: Container) -> Reading:
    order = sorted(_bindings(container), key=lambda port: (str(port["protocol"]), integer(port["target"]), str(port)))
    return asked_for(order)


def _expose(container: Container) -> Reading:
    return asked_for(_exposed(container)[0])


def brought_ports(container: Container) -> list[JSON]:
    """The ports that are exposed because the image exposes them or because they are published."""
    return _exposed(container)[1]


def _exposed(container: Container) -> tuple[list[JSON], list[JSON]]:
    """What was exposed for its own sake, and what is exposed anyway; without the image all of it may be."""
    bound = mapping(container.host.get("PortBindings"))
    live = {
        *mapping(container.config.get("ExposedPorts")),
        *mapping(get(container.container, "NetworkSettings", "Ports")),
    }
    from_image = {*mapping(container.image_config.get("ExposedPorts")), *bound} if container.image else live
    own_ports, brought = sorted(live - from_image), sorted((live | {*bound}) - (live - from_image))
    return [_port_name(port) for port in own_ports], [_port_name(port) for port in brought]


def _port_name(port: str) -> str:
    return port.removesuffix("/tcp")


_BUILT_IN: Final = frozenset({"host", "none", "bridge", "podman", "slirp4netns", "pasta"})
"""Networks and modes of engines themselves (Docker: Network drivers; podman-run(1), --network)."""
_OWN_NETWORK: Final = frozenset({"", "default", "private"}) | _BUILT_IN - {"host", "none"}
"""Modes that mean a network of the container's own, whichever the engine takes."""


def _networks(container: Container) -> Reading:
    live: dict[str, JSON] = {}
    for name, settings in sorted(mapping(get(container.container, "NetworkSettings", "Networks")).items()):
        if name not in _BUILT_IN:
            live[name] = _network(mapping(settings), container)
    return (live or None, {f"{container.project}_default" if container.project else "default": {}})


def _network(settings: Tree, container: Container) -> dict[str, JSON]:
    own_names = {
        container.service,
        text(container.container.get("Name")).removeprefix("/"),
        text(container.container.get("Id"))[:12],
    }
    aliases = sorted(set(texts(settings.get("Aliases"))) - own_names - {text(container.config.get("Hostname"))})
    entry: dict[str, JSON] = {"aliases": list(aliases)} if aliases else {}
    for key, field in (("IPv4Address", "ipv4_address"), ("IPv6Address", "ipv6_address")):
        address = text(get(settings, "IPAMConfig", key))
        if address:
            entry[field] = address
    return entry


def _network_mode(container: Container) -> Reading:
    mode = text(container.host.get("NetworkMode"))
    attached = mapping(get(container.container, "NetworkSettings", "Networks"))
    is_attached = mode in attached and mode not in {"host", "none"}
    return (mode or None, mode if mode in _OWN_NETWORK or is_attached else None)


def _hostname(container: Container) -> Reading:
    name, id_ = text(container.config.get("Hostname")), text(container.container.get("Id"))
    borrowed = text(container.host.get("NetworkMode")) == "host" or text(container.host.get("UTSMode")) == "host"
    return (name or None, name if borrowed or (id_ and id_.startswith(name)) else None)


def _extra_hosts(container: Container) -> Reading:
    """``name=address``: an IPv6 address has colons of its own."""
    return asked_for(sorted("=".join(entry.partition(":")[::2]) for entry in texts(container.host.get("ExtraHosts"))))


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
