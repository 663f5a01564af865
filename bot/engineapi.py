"""How a container engine is reached: where it listens, a client of its API, and what went wrong where nobody answers.

For the observer of containers and the applier of Compose projects. Whatever the ``docker`` library raises while it
connects becomes an error of :mod:`bot.errors`.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bot.errors import Invalid, Unavailable
from bot.secrecy.sanitize import sanitized

INSTALL: Final = "pip install 'clockwork-gitops[docker]'"


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


def client(host: str, environment: Mapping[str, str], *, seconds: float, purpose: str) -> Any:
    """A connected client of the engine at ``host`` (``unix://``, ``tcp://``, ``ssh://``), TLS as DOCKER_TLS_VERIFY says, with
    so many ``seconds`` for one request.

    Raises ``Invalid`` when the library that ``purpose`` needs is not installed or the settings make no sense,
    ``Unavailable`` when nobody answers.
    """
    try:
        from docker import APIClient
        from docker.errors import DockerException, TLSParameterError
        from docker.utils import kwargs_from_env
        from requests.exceptions import RequestException
    except ImportError as exc:
        raise Invalid(f"{purpose} needs the docker library", advice=INSTALL) from exc
    _knock(host, seconds)
    try:
        settings = {**kwargs_from_env({**environment, "DOCKER_HOST": host}), "base_url": host}
        return APIClient(version="auto", timeout=seconds, **settings)
    except TLSParameterError as exc:
        raise Invalid(f"the engine's TLS settings: {exc}") from exc
    except (DockerException, RequestException, ValueError) as exc:
        raise Unavailable(cause_of(exc)) from exc


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
    message = sanitized(str(exc))
    for mark, meaning in (
        ("No such file or directory", "the socket does not exist: the engine does not run, or DOCKER_HOST is wrong"),
        ("Permission denied", "permission to the socket denied"),
        ("Connection refused", "connection refused"),
        ("Name or service not known", "the host name cannot be resolved"),
        ("certificate", f"TLS: {message[-160:]}"),
        ("imed out", "no answer in time"),
        ("Connection aborted", "the connection broke"),
    ):
        if mark in message:
            return meaning
    return message[:200] or type(exc).__name__
