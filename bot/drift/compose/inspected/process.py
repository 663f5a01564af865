"""What a container runs and how it is kept running: image, command, environment, labels, health, logs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Final

from bot.drift.compose.inspected.container import Container
from bot.drift.compose.inspected.reading import Reader, Reading, flag, given, texts_of
from bot.drift.compose.notation import signal_name
from bot.drift.values import format_duration
from bot.model.json import JSON, Tree, get, mapping, text, texts, whole

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


def _image(shown: Container) -> Reading:
    return given(text(shown.container.get("ImageName")) or text(shown.config.get("Image")))


def _command(shown: Container) -> Reading:
    return (list(texts(shown.config.get("Cmd"))) or None, list(texts(shown.image_config.get("Cmd"))))


def _entrypoint(shown: Container) -> Reading:
    ground = list(texts(shown.image_config.get("Entrypoint")))
    value = shown.config.get("Entrypoint")
    if not isinstance(value, str):
        return (list(texts(value)) or None, ground)
    # podman 4 joins the words with spaces; Path and Args still have them apart
    words = [text(shown.container.get("Path")), *texts(shown.container.get("Args"))]
    tail = len(texts(shown.config.get("Cmd")))
    head = words[: len(words) - tail] if value else []
    return ((head if " ".join(head) == value else shlex.split(value)) or None, ground)


def _variables(entries: Iterable[str]) -> dict[str, JSON]:
    return dict(entry.partition("=")[::2] for entry in entries)


def _environment(shown: Container) -> Reading:
    live = _variables(texts(shown.config.get("Env")))
    ground = _variables(texts(shown.image_config.get("Env")))
    ground.setdefault("PATH", _PATH)
    if shown.podman:
        hostname = text(shown.config.get("Hostname"))
        # set in every container by podman (podman-run(1), environment)
        ground = {"container": "podman", "TERM": "xterm", "HOSTNAME": hostname, "HOME": live.get("HOME"), **ground}
    return (live or None, ground)


def _labels(shown: Container) -> Reading:
    live = mapping(shown.config.get("Labels"))
    kept = {key: value for key, value in live.items() if not key.startswith(_OWN_LABELS)}
    return (kept or None, mapping(shown.image_config.get("Labels")))


def _restart(shown: Container) -> Reading:
    policy = mapping(shown.host.get("RestartPolicy"))
    name, count = text(policy.get("Name")) or "no", whole(policy.get("MaximumRetryCount"))
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
        if whole(check.get(key)):
            written = re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower()
            long[written] = format_duration(whole(check.get(key)))
    if whole(check.get("Retries")):
        long["retries"] = whole(check.get("Retries"))
    return long


def _healthcheck(shown: Container) -> Reading:
    ground = _healthcheck_of(shown.image_config)
    if shown.podman:  # filled in where nothing was asked for (podman-run(1), --health-interval and the like)
        ground = {"interval": "30s", "timeout": "30s", "retries": 3, "start_period": "0s", **ground}
    return (_healthcheck_of(shown.config) or None, ground)


def _logging(shown: Container) -> Reading:
    log = mapping(shown.host.get("LogConfig"))
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
    return (value or None, {"driver": driver} if driver in shown.defaults.log_drivers else {})


def _user(shown: Container) -> Reading:
    return (text(shown.config.get("User")) or None, text(shown.image_config.get("User")))


def _container_name(shown: Container) -> Reading:
    name = text(shown.container.get("Name")).removeprefix("/")
    stem = f"{re.escape(shown.project)}([-_]){re.escape(shown.service)}\\1\\d+"
    return (name or None, name if not shown.project or re.fullmatch(stem, name) else None)


def _init(shown: Container) -> Reading:
    noted = text(get(shown.config, "Annotations", "io.podman.annotations.init")).upper() == "TRUE"
    return (shown.host.get("Init") is True or noted, False)


def _working_dir(shown: Container) -> Reading:
    ground = text(shown.image_config.get("WorkingDir"))
    return (text(shown.config.get("WorkingDir")) or None, ground or "/")


def _stop_signal(shown: Container) -> Reading:
    ground = signal_name(shown.image_config.get("StopSignal")) or "SIGTERM"
    return (signal_name(shown.config.get("StopSignal")) or None, ground)


def _stop_grace_period(shown: Container) -> Reading:
    seconds = shown.config.get("StopTimeout")
    return (format_duration(whole(seconds) * 1_000_000_000) if seconds is not None else None, "10s")


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
