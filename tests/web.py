"""HTTP as tests speak it, with certificate authorities that are read once a process and not for each client."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from bot.trust import web_authorities


def new_client(**options: Any) -> httpx.Client:
    """A client with the options of :class:`httpx.Client`."""
    return httpx.Client(verify=web_authorities(), **options)


def over_socket(door: Path) -> httpx.HTTPTransport:
    """How a client reaches a server that listens on a socket in a folder."""
    return httpx.HTTPTransport(verify=web_authorities(), uds=str(door))


WEB: Final = new_client(timeout=60, limits=httpx.Limits(max_keepalive_connections=0))
"""For calls by themselves. It keeps no connection, so that a server that ends waits for nobody."""


def asked(method: str, url: str, *, token: str, body: object = None) -> tuple[int, bytes]:
    """Status and body of one call of an API on loopback, over a connection of its own; ``body`` goes as JSON. Tests make
    thousands of them, and a client for all cases takes twice as long over each.
    """
    place = urlsplit(url)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    content = None if body is None else json.dumps(body)
    with closing(HTTPConnection(place.hostname or "", place.port, timeout=60)) as connection:
        connection.request(method, f"{place.path}?{place.query}" if place.query else place.path, content, headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
