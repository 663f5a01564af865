"""Which hosts may be asked, and by which addresses: nothing that a manifest names is asked because it names it.

A host that is allowed may still resolve to an address inside of the network that Clockwork runs in (server-side request
forgery; OWASP, "Server-Side Request Forgery Prevention Cheat Sheet"). Such addresses are asked only where settings say of the
host that it is private, and connections are made to the addresses that were judged.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from bot.errors import Invalid, Refused, Unavailable
from bot.model.addresses import is_inside
from bot.model.upstream import WHERE_ALLOWED

Resolve: TypeAlias = Callable[[str, int], Sequence[str]]
"""The addresses of a host and port, as text. Raises ``OSError``."""

_PORTS: Final = {"https": 443, "http": 80, "oci": 443}
_DOCKER: Final = frozenset({"docker.io", "index.docker.io"})
"""What Docker Hub is called; its registry answers elsewhere (distribution/reference, ``defaultDomain``)."""
DOCKER_REGISTRY: Final = "registry-1.docker.io"
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f\\]")


def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses of a host as this machine resolves it."""
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in infos))


@dataclass(frozen=True, slots=True)
class HostOrigin:
    """Who is asked: scheme, host and port."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """The host, with its port where that is not the scheme's own."""
        shown_host = f"[{self.host}]" if ":" in self.host else self.host
        return shown_host if _PORTS.get(self.scheme) == self.port else f"{shown_host}:{self.port}"


def split(url: str) -> tuple[HostOrigin, SplitResult]:
    """A URL with a host, taken apart. Raises ``Invalid`` where it is none, or holds what no such URL should."""
    if _CONTROL.search(url):
        raise Invalid("the address has spaces, control characters or backslashes in it")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Invalid("the address is no URL that can be read") from None  # the reason may repeat a password
    if parts.username is not None or parts.password is not None:
        raise Invalid("the address has credentials in it; hand them over in the environment")
    host = (parts.hostname or "").lower()
    if not host or parts.scheme not in _PORTS:
        raise Invalid(f"{_shown(parts)} is no http, https or oci address")
    if ".." in unquote(parts.path).split("/"):
        raise Invalid(f"{_shown(parts)} leads out of its path")
    return HostOrigin(parts.scheme, host, port or _PORTS[parts.scheme]), parts


def resolved_url(url: str, reference: str) -> str:
    """Where a reference that somebody else wrote leads to from ``url``. Raises ``Invalid`` where it cannot be read."""
    try:
        return urljoin(url, reference)
    except ValueError:
        raise Invalid("an address that it names is no URL that can be read") from None


def _shown(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Hosts that may be asked, each as ``host[:port][/path]``; ``private`` ones may have private addresses and be asked
    over plain HTTP with credentials.
    """

    public: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    resolve: Resolve = resolved

    def check(self, url: str) -> HostOrigin:
        """The origin of a URL that may be asked for. Raises ``Refused`` with what to set, and ``Invalid``."""
        origin, parts = split(url)
        if not any(_covers(entry, origin, parts.path) for entry in (*self.public, *self.private)):
            raise Refused(f"{origin.authority} is not among {WHERE_ALLOWED}")
        return origin

    def is_private(self, origin: HostOrigin) -> bool:
        """Whether settings name a host as one inside of this network: among the private ones, or by such an address."""
        is_own_network = origin.host == "localhost" or is_inside(origin.host)
        return is_own_network or any(_covers(entry, origin, None) for entry in self.private)

    def addresses(self, origin: HostOrigin) -> list[str]:
        """The addresses to connect to. Raises ``Refused`` where one of them is private and the host is not named so."""
        try:
            addresses = self.resolve(origin.host, origin.port)
        except OSError as exc:
            raise Unavailable(f"{origin.host} does not resolve to an address") from exc
        if not self.is_private(origin) and (private_address := next(filter(is_inside, addresses), None)) is not None:
            raise Refused(
                f"{origin.authority} resolves to {private_address}, an address inside of this network, and is not among"
                " fetch.private_hosts in clockwork.yaml"
            )
        return list(addresses)


def _covers(entry: str, origin: HostOrigin, path: str | None) -> bool:
    """Whether an entry of the settings names an origin, and the path on it (None: any)."""
    authority, _, below = entry.lower().rstrip("/").partition("/")
    host, port = _authority(authority)
    if host in _DOCKER:
        host = DOCKER_REGISTRY
    asked_host = DOCKER_REGISTRY if origin.host in _DOCKER else origin.host
    if asked_host != host or (port or _PORTS[origin.scheme]) != origin.port:
        return False
    clean_path = "/".join(filter(None, unquote(path or "").lower().split("/")))
    return path is None or not below or clean_path == below or clean_path.startswith(f"{below}/")


def _authority(text: str) -> tuple[str, int | None]:
    match = re.fullmatch(r"\[([^\]]+)\](?::(\d+))?|([^:]+)(?::(\d+))?", text)
    if match is None:
        return text, None
    host, port = match[1] or match[3], match[2] or match[4]
    return host, int(port) if port else None
