"""What a container runs and how it is kept running: image, command, environment, labels, health, logs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Final

from bot.drift.compose.inspected.container import Container
from bot.drift.compose.inspected.reading import Reader, Reading, asked_for, flag, texts_of
from bot.drift.compose.notation import signal_name
from bot.drift.values import format_duration
from bot.model.json import JSON, Tree, get, integer, mapping, text, texts

_NO_SIZE: Final = re.compile(r"0+\s*[A-Za-z]*\Z")
_OWN_LABELS: Final = (
    "com.docker.compose.",
    "com.docker.stack.",
    "com.docker.swarm.",
    "com.docker.desktop.",
    "desktop.docker.io/",
    "io.podman.compose.",
    "io.podman.annotations.",
    "PODMAN_SYSTEMD_UNIT",
    "io.containers.autoupdate.",
)
"""Written by Compose (``pkg/api/labels.go`` of docker/compose), swarm, Docker Desktop, podman-compose,
podman-generate-systemd(1) and podman-auto-update(1); nobody declares them.
"""
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where neither image nor service says anything (``DefaultPathEnv`` of moby; containers.conf(5), env)."""


def _image(container: Container) -> Reading:
    return asked_for(text(container.container.get("ImageName")) or text(container.config.get("Image")))


def _command(container: Container) -> Reading:
    return (list(texts(container.config.get("Cmd"))) or None, list(texts(container.image_config.get("Cmd"))))


def _entrypoint(container: Container) -> Reading:
    ground = list(texts(container.image_config.get("Entrypoint")))
    value = container.config.get("Entrypoint")
    if not isinstance(value, str):
        return (list(texts(value)) or None, ground)
    # podman 4 joins the words with spaces; Path and Args still have them apart
    argv = [text(container.container.get("Path")), *texts(container.container.get("Args"))]
    tail = len(texts(container.config.get("Cmd")))
    head = argv[: len(argv) - tail] if value else []
    return ((head if " ".join(head) == value else shlex.split(value)) or None, ground)


def _variables(entries: Iterable[str]) -> dict[str, JSON]:
    return dict(entry.partition("=")[::2] for entry in entries)


def _environment(container: Container) -> Reading:
    live = _variables(texts(container.config.get("Env")))
    ground = _variables(texts(container.image_config.get("Env")))
    ground.setdefault("PATH", _PATH)
    if container.podman:
        hostname = text(container.config.get("Hostname"))
        # set in every container by podman (podman-run(1), environment)
        ground = {"container": "podman", "TERM": "xterm", "HOSTNAME": hostname, "HOME": live.get("HOME"), **ground}
    return (live or None, ground)


def _labels(container: Container) -> Reading:
    live = mapping(container.config.get("Labels"))
    kept_labels = {key: value for key, value in live.items() if not key.startswith(_OWN_LABELS)}
    return (kept_labels or None, mapping(container.image_config.get("Labels")))


def _restart(container: Container) -> Reading:
    policy = mapping(container.host.get("RestartPolicy"))
    name, count = text(policy.get("Name")) or "no", integer(policy.get("MaximumRetryCount"))
    return (f"{name}:{count}" if name == "on-failure" and count else name, "no")


def _healthcheck_of(config: Tree) -> dict[str, JSON]:
    check = mapping(config.get("Healthcheck"))
    test = list(texts(check.get("Test")))
    if not test:
        return {}
    if test == ["NONE"]:
        return {"disable": True}
    long: dict[str, JSON] = {"test": test}
    for key in ("Interval", "Timeout", "StartPeriod", "StartInterval"):
        if integer(check.get(key)):
            snake_key = re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower()
            long[snake_key] = format_duration(integer(check.get(key)))
    if integer(check.get("Retries")):
        long["retries"] = integer(check.get("Retries"))
    return long


def _healthcheck(container: Container) -> Reading:
    ground = _healthcheck_of(container.image_config)
    if container.podman:  # filled in where nothing was asked for (podman-run(1), --health-interval and the like)
        ground = {"interval": "30s", "timeout": "30s", "retries": 3, "start_period": "0s", **ground}
    return (_healthcheck_of(container.config) or None, ground)


def _logging(container: Container) -> Reading:
    log = mapping(container.host.get("LogConfig"))
    driver = text(log.get("Type"))
    options: dict[str, JSON] = {key: text(value) for key, value in mapping(log.get("Config")).items()}
    size, tag = text(log.get("Size")), text(log.get("Tag"))
    if size and not _NO_SIZE.match(size):
        options["max-size"] = size.lower()
    if tag:
        options["tag"] = tag
    value: dict[str, JSON] = {"driver": driver} if driver else {}
    if options:
        value["options"] = options
    return (value or None, {"driver": driver} if driver in container.defaults.log_drivers else {})


def _user(container: Container) -> Reading:
    return (text(container.config.get("User")) or None, text(container.image_config.get("User")))


def _container_name(container: Container) -> Reading:
    name = text(container.container.get("Name")).removeprefix("/")
    stem = f"{re.escape(container.project)}([-_]){re.escape(container.service)}\\1\\d+"
    return (name or None, name if not container.project or re.fullmatch(stem, name) else None)


def _init(container: Container) -> Reading:
    has_note = text(get(container.config, "Annotations", "io.podman.annotations.init")).upper() == "TRUE"
    return (container.host.get("Init") is True or has_note, False)


def _working_dir(container: Container) -> Reading:
    ground = text(container.image_config.get("WorkingDir"))
    return (text(container.config.get("WorkingDir")) or None, ground or "/")


def _stop_signal(container: Container) -> Reading:
    ground = signal_name(container.image_config.get("StopSignal")) or "SIGTERM"
    return (signal_name(container.config.get("StopSignal")) or None, ground)


def _stop_grace_period(container: Container) -> Reading:
    seconds = container.config.get("StopTimeout")
    return (format_duration(integer(seconds) * 1_000_000_000) if seconds is not None else None, "10s")


FIELDS: Final[Mapping[str, Reader]] = {
    "image": _image,
    "command": _command,
    "entrypoint": _entrypoint,
    "environment": _environment,
    "labels": _labels,
    "restart": _restart,
    "healthcheck": _healthcheck,
    "logging": _logging,
    "user": _user,
    "group_add": texts_of("GroupAdd"),
    "container_name": _container_name,
    "init": _init,
    "tty": flag("config", "Tty"),
    "stdin_open": flag("config", "OpenStdin"),
    "working_dir": _working_dir,
    "stop_signal": _stop_signal,
    "stop_grace_period": _stop_grace_period,
}
