"""The container engine's HTTP API, read only: the one place that knows the ``docker`` library.

Used by :mod:`bot.observers.containers`. Every request is a GET with a time-out; whatever the library raises becomes
:class:`~bot.errors.Unavailable` with its cause, and "there is no such thing" becomes None.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from bot.errors import Invalid, Unavailable
from bot.model.json import JSON, get, mappings, text
from bot.secrecy.sanitize import sanitized, tail

INSTALL: Final = "pip install 'clockwork-gitops[docker]'"
_LIBPOD: Final = "/v4.0.0/libpod"
"""Podman's own API beside the Docker-compatible one (podman-system-service(1), "Podman API"); newer servers keep 4.0.0."""
_LOG: Final = 64 * 1024


def host_of(environment: Mapping[str, str]) -> str:
    """Where the engine listens: DOCKER_HOST, CONTAINER_HOST, else the first usual socket there is.

    Docker docs, "Configure remote access for Docker daemon"; podman-system-service(1) for root and for users; podman(1)
    for CONTAINER_HOST.
    """
    for name in ("DOCKER_HOST", "CONTAINER_HOST"):
        if environment.get(name):
            return environment[name]
    default_sockets = [Path("/var/run/docker.sock"), Path("/run/podman/podman.sock")]
    if environment.get("XDG_RUNTIME_DIR"):
        default_sockets.insert(1, Path(environment["XDG_RUNTIME_DIR"]) / "podman" / "podman.sock")
    return next((f"unix://{socket}" for socket in default_sockets if socket.exists()), f"unix://{default_sockets[0]}")


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
    """A connection to the engine at ``host`` (``unix://``, ``tcp://``, ``ssh://``), TLS as DOCKER_TLS_VERIFY says.

    Raises :class:`Invalid` when the library is not installed or the settings make no sense, :class:`Unavailable`
    when nobody answers.
    """
    try:
        from docker import APIClient
        from docker.errors import DockerException, TLSParameterError
        from docker.utils import kwargs_from_env
        from requests.exceptions import RequestException
    except ImportError as exc:
        raise Invalid("reading a container engine needs the docker library", advice=INSTALL) from exc
    _knock(host, timeout)
    try:
        settings = {**kwargs_from_env({"DOCKER_HOST": host, **environment}), "base_url": host}
        client = APIClient(version="auto", timeout=min(timeout, max(deadline - time.monotonic(), 0.01)), **settings)
    except TLSParameterError as exc:
        raise Invalid(f"the engine's TLS settings: {exc}") from exc
    except (DockerException, RequestException, ValueError) as exc:
        raise Unavailable(cause_of(exc)) from exc
    try:
        return EngineApi(client, _engine(client.version()), timeout, deadline)
    except (DockerException, RequestException, ValueError) as exc:
        client.close()
        raise Unavailable(cause_of(exc)) from exc


def _engine(version: JSON) -> Literal["docker", "podman"]:
    components = mappings(get(version, "Components") if isinstance(version, Mapping) else None)
    return "podman" if any("podman" in text(component.get("Name")).lower() for component in components) else "docker"


def unframed(log: bytes) -> bytes:
    """A log without the engine's frames: 4 bytes of stream, 4 of length, big-endian. One of a terminal has none.

    Docker Engine API reference, "Attach to a container", "Stream format".
    """
    words = bytearray()
    at = 0
    while log[at : at + 1] in {b"\0", b"\1", b"\2"} and log[at + 1 : at + 4] == b"\0\0\0":
        size = int.from_bytes(log[at + 4 : at + 8], "big")
        words += log[at + 8 : at + 8 + size]
        at += 8 + size
    return bytes(words) if at else log


def _knock(host: str, timeout: float) -> None:
    """Raises :class:`Unavailable` when nobody listens on a Unix socket (the library would leave one open)."""
    if host.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(timeout)
            try:
                knocking.connect(host.removeprefix("unix://"))
            except OSError as exc:
                raise Unavailable(cause_of(exc)) from exc


def cause_of(exc: BaseException) -> str:
    """What a person needs to know of a failed connection, without the library's nesting."""
    words = sanitized(str(exc))
    for mark, meaning in (
        ("No such file or directory", "the socket does not exist: the engine does not run, or DOCKER_HOST is wrong"),
        ("Permission denied", "permission to the socket denied"),
        ("Connection refused", "connection refused"),
        ("Name or service not known", "the host name cannot be resolved"),
        ("certificate", f"TLS: {words[-160:]}"),
        ("imed out", "no answer in time"),
        ("Connection aborted", "the connection broke"),
    ):
        if mark in words:
            return meaning
    return words[:200] or type(exc).__name__
