"""The container engine's HTTP API, read only.

Used by :mod:`bot.observers.containers`. Every request is a GET with a time-out; whatever the library raises becomes
:class:`~bot.errors.Unavailable` with its cause, and "there is no such thing" becomes None.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from bot.engineapi import cause_of, client
from bot.errors import Unavailable
from bot.model.json import JSON, get, mappings, text
from bot.secrecy.sanitize import sanitized, tail

_LIBPOD: Final = "/v4.0.0/libpod"
"""Podman's own API beside the Docker-compatible one (podman-system-service(1), "Podman API"); newer servers keep 4.0.0."""
_LOG: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class EngineApi:
    """One connected engine. ``deadline`` is on the monotonic clock; ``timeout`` is seconds for one request."""

    client: Any  # docker.APIClient: the library has no types
    engine: Literal["docker", "podman"]
    timeout: float
    deadline: float

    def listed(self, path: str, params: Mapping[str, str]) -> JSON:
        """What a GET below the engine's versioned root answers; None for 404."""
        return self._get(f"{self.client.base_url}/v{self.client.api_version}{path}", params)

    def container(self, id_: str) -> JSON:
        """One container's inspect; podman's own says more than its imitation of Docker's."""
        if self.engine == "podman":
            return self._get(f"{self.client.base_url}{_LIBPOD}/containers/{id_}/json", {})
        return self.listed(f"/containers/{id_}/json", {})

    def log(self, id_: str, lines: int) -> tuple[str, ...]:
        """The last lines a container wrote, redacted, each cut to 200 characters; nothing where they cannot be had."""
        from requests.exceptions import RequestException

        url = f"{self.client.base_url}/v{self.client.api_version}/containers/{id_}/logs"
        params = {"stdout": "1", "stderr": "1", "tail": str(lines)}
        try:
            with self.client.get(url, params=params, timeout=self.timeout, stream=True) as answer:
                log_bytes = next(answer.iter_content(_LOG), b"") if answer.ok else b""
        except RequestException:
            return ()
        return tuple(line[:200] for line in tail(unframed(log_bytes), limit=2000).splitlines()[-lines:])

    def close(self) -> None:
        self.client.close()

    def _get(self, url: str, params: Mapping[str, str]) -> JSON:
        from requests.exceptions import RequestException

        seconds_left = self.deadline - time.monotonic()
        if seconds_left <= 0:
            raise Unavailable("the deadline passed")
        try:
            answer = self.client.get(url, params=dict(params), timeout=min(self.timeout, seconds_left))
            if answer.status_code == 404:
                return None
            if not answer.ok:
                message = (
                    text(get(answer.json(), "message")) if "json" in answer.headers.get("Content-Type", "") else ""
                )
                raise Unavailable(f"the engine answered {answer.status_code}: {sanitized(message) or answer.reason}")
            body: JSON = answer.json()
        except (RequestException, ValueError) as exc:
            raise Unavailable(cause_of(exc)) from exc
        return body


def connect(host: str, environment: Mapping[str, str], *, timeout: float, deadline: float) -> EngineApi:
    """A connection to the engine at ``host``. Raises as :func:`bot.engineapi.client` does."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    seconds = min(timeout, max(deadline - time.monotonic(), 0.01))
    connected = client(host, environment, seconds=seconds, purpose="reading a container engine")
    try:
        return EngineApi(connected, _engine(connected.version()), timeout, deadline)
    except (DockerException, RequestException, ValueError) as exc:
        connected.close()
        raise Unavailable(cause_of(exc)) from exc


def _engine(version: JSON) -> Literal["docker", "podman"]:
    components = mappings(get(version, "Components") if isinstance(version, Mapping) else None)
    return "podman" if any("podman" in text(component.get("Name")).lower() for component in components) else "docker"


def unframed(log: bytes) -> bytes:
    """A log without the engine's frames: 4 bytes of stream, 4 of length, big-endian. One of a terminal has none.

    Docker Engine API reference, "Attach to a container", "Stream format".
    """
    content = bytearray()
    at = 0
    while log[at : at + 1] in {b"\0", b"\1", b"\2"} and log[at + 1 : at + 4] == b"\0\0\0":
        size = int.from_bytes(log[at + 4 : at + 8], "big")
        content += log[at + 8 : at + 8 + size]
        at += 8 + size
    return bytes(content) if at else log
