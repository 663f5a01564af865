"""The connection to GitHub's API, by requests: one exchange at a time, without retries, redirects or cookies.

Used by :mod:`bot.github.rest`, which decides what is tried again and where a redirect leads. What the environment says of
the way there (proxies, certificate authorities) is asked once a connection: a session of requests asks it for each request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

__all__ = ["Transport"]

_PORTS: Final = {"http": 80, "https": 443}
_VERSION: Final = "2022-11-28"
"""``X-GitHub-Api-Version`` (docs.github.com, "API Versions")."""
_USER_AGENT: Final = "clockwork"


class Transport:
    """Exchanges with the host of one API, proven by one token. Nothing of it shows the token."""

    def __init__(self, api_url: str, token: str, *, timeout: float) -> None:
        """``timeout`` is in seconds, to connect and for each read. ``ValueError`` for an address with an impossible port."""
        import requests

        parts = urlsplit(api_url)
        port = parts.port or _PORTS[parts.scheme]
        self._origin = f"{parts.scheme}://{parts.netloc.removesuffix(f':{parts.port}')}:{port}"
        self._prefix = parts.path
        self._headers = {
            **requests.utils.default_headers(),
            "User-Agent": _USER_AGENT,
            "Authorization": f"token {token}",
            "X-GitHub-Api-Version": _VERSION,
        }
        self._timeout = timeout
        self._way = requests.Session().merge_environment_settings(self._origin, {}, None, None, None)
        self._adapter = requests.adapters.HTTPAdapter()

    def exchanged(
        self, verb: str, url: str, headers: Mapping[str, str], body: Mapping[str, object] | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers by lower-case name, and content of the reply. ``url`` is a path below the API's address, or an
        address of which host and port are not used: the token goes to one host alone.

        Raises ``requests.RequestException`` or ``OSError`` where there is none.
        """
        import requests

        data = None if body is None else json.dumps(body).encode()
        own_headers = {} if data is None else {"Content-Type": "application/json"}
        request = requests.Request(
            verb, f"{self._origin}{self._path(url)}", headers={**self._headers, **headers, **own_headers}, data=data
        )
        reply = self._adapter.send(request.prepare(), timeout=self._timeout, **self._way)
        return reply.status_code, {name.lower(): value for name, value in reply.headers.items()}, reply.content

    def close(self) -> None:
        """Give the connection back."""
        self._adapter.close()

    def _path(self, url: str) -> str:
        if url.startswith("/"):
            return f"{self._prefix}{url}"
        parts = urlsplit(url)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path
