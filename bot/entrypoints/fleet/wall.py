"""What the settings of a repository without trust may reach of the machine and network that run it: nothing.

Whoever writes into such a repository chooses URLs that this machine then asks (server-side request forgery; OWASP,
"Server-Side Request Forgery Prevention Cheat Sheet"). Looking at a URL is not enough, since names resolve anew and servers
redirect; so each connection of the process is judged by the address that it is made to, at the moment it is made.
Called by the process of one run alone: the wall stays as long as the process does.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from bot.errors import Refused, Unavailable
from bot.model.addresses import is_inside
from bot.settings import Settings
from bot.wiring.fleet import FleetOrder

_CONNECTING: Final = frozenset({"socket.connect", "socket.sendto"})
"""Audit events of a connection (Python docs, "Audit events table"); the address is the second argument."""
_PORTS: Final = {"http": 80, "https": 443, "ssh": 22, "socks5": 1080}
_OWN_VARIABLES: Final = frozenset({"CLOCKWORK_TOKEN", "GITHUB_TOKEN", "CLOCKWORK_SECRET"})
"""Variables whose values are for the code host and the ledger alone."""
_HARMLESS: Final = frozenset({"snapshot", "http", "deadline", "_path"})  # the last is of settings that nobody wrote
"""What of ``observe`` reaches no further than its connections, which are judged one by one. A new observer is a reach."""


def check_reach(order: FleetOrder, settings: Settings) -> None:
    """Raises ``Refused`` where settings name what only those of a trusted repository may name."""
    key = reach_of(settings) or _leak(order, settings)
    if key is not None:
        raise Refused(
            f"its settings reach into this machine ({key}), which this fleet lets only trusted repositories do",
            advice="Add it to trusted in the fleet's file if whoever may write there may run programs here.",
        )


def reach_of(settings: Settings) -> str | None:
    """The key by which settings of a repository reach into the machine that runs it: its programs, files, clusters, keys or
    network. None where they do not.
    """
    observers = [("observe", settings.observe)]
    observers += [
        (f"observe of the target {target.name}", target.observe) for target in settings.targets if target.observe
    ]
    for path, observe in observers:
        snapshot = observe.snapshot
        paths_by_setting = {
            "snapshot.command": snapshot and snapshot.command,
            "snapshot.file": snapshot and snapshot.file,
            # Any other observer: an empty section means the usual kubeconfig, the pod's account or the usual sockets.
            **{name: section for name, section in vars(observe).items() if name not in _HARMLESS and section != {}},
        }
        if (key := next((key for key, value in paths_by_setting.items() if value is not None), None)) is not None:
            return f"{path}: {key}"
    if settings.fetch.private_hosts:
        return "fetch.private_hosts"
    if any(_names_inside(entry) for entry in settings.fetch.hosts):
        return "fetch.hosts"
    return "author.signing_key" if settings.author.signing_key is not None else None


def _names_inside(entry: str) -> bool:
    host = urlsplit(f"//{entry}").hostname or ""
    return host == "localhost" or is_inside(host)


def _leak(order: FleetOrder, settings: Settings) -> str | None:
    """The key that would send the token of a run to a server that its settings choose."""
    api = settings.github.api_url
    if order.token is not None and api is not None and _host(api) not in {_host(url) for url in _hosts_of(order)}:
        return "github.api_url"
    return (
        "guard.assistants: key_env"
        if any(assistant.key_env in _OWN_VARIABLES for assistant in settings.guard.assistants)
        else None
    )


def _hosts_of(order: FleetOrder) -> tuple[str, ...]:
    return order.member.url, *(() if order.api_url is None else (order.api_url,))


def _host(url: str) -> str:
    return (urlsplit(url).netloc.rpartition("@")[2]).lower().removeprefix("api.")


def wall_off(order: FleetOrder, environment: Mapping[str, str]) -> None:
    """From now on this process connects to no address inside of the network but those that the fleet itself names: the
    repository's remote and API, its live state, ``private_hosts``, and proxies, behind which their own rules hold.

    A connection that is not allowed raises ``Unavailable``. Sockets of this machine's file system are let be.
    """
    proxies = [
        text for key, text in environment.items() if key.lower().endswith("_proxy") and key.lower() != "no_proxy"
    ]
    addresses = [*_hosts_of(order), *order.member.live, *(f"//{host}" for host in order.private_hosts)]
    allowed = _addresses([*addresses, *(text if "//" in text else f"http://{text}" for text in proxies)])

    def judge(event: str, args: tuple[object, ...]) -> None:
        address = args[1] if event in _CONNECTING else None
        if not isinstance(address, tuple):
            return
        host, port = str(address[0]), int(address[1])
        if (is_inside(host) or not _is_address(host)) and (host, port) not in allowed:
            shown_address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            raise Unavailable(
                f"{shown_address} is inside of the network of this machine, which this fleet lets only trusted repositories"
                " reach (trusted, private_hosts in the fleet's file)"
            )

    sys.addaudithook(judge)


def _addresses(urls: Iterable[str]) -> frozenset[tuple[str, int]]:
    """The addresses of URLs with a host, as far as they resolve."""
    address_set = set[tuple[str, int]]()
    for parts in map(urlsplit, urls):
        port = parts.port or _PORTS.get(parts.scheme)
        if not parts.hostname or port is None:
            continue
        try:
            infos = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        except OSError:
            continue  # then nothing can be connected to there
        address_set.update((str(entry[4][0]), port) for entry in infos)
    return frozenset(address_set)


def _is_address(host: str) -> bool:
    """Whether it is one that was resolved: a name here would be resolved after it was judged."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host.partition("%")[0])
        except OSError:
            continue
        return True
    return False
