"""HTTP as tests speak it, with certificate authorities that are read once a process and not for each client."""

from __future__ import annotations

from typing import Any, Final

import httpx

from bot.trust import web_authorities


def new_client(**options: Any) -> httpx.Client:
    """A client with the options of :class:`httpx.Client`."""
    return httpx.Client(verify=web_authorities(), **options)


WEB: Final = new_client(timeout=60, limits=httpx.Limits(max_keepalive_connections=0))
"""For calls by themselves. It keeps no connection, so that a server that ends waits for nobody."""
