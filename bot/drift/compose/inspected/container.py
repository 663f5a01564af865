"""One inspected container laid out for reading, and the defaults of its engine.

Called by the readers of the single Compose keys beside it and by :mod:`bot.drift.compose.inspected.inspect`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal

from bot.drift.compose.notation import PROJECT, SERVICE, label
from bot.model.json import Tree, get, mapping, texts

_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Defaults:
    """What an engine gives a container that asks for nothing. Sizes in bytes.

    ``ulimits`` are values that count as the engine's own, each (soft, hard); podman copies its own process limits, so
    several are usual.
    """

    log_drivers: frozenset[str] = frozenset({"json-file"})  # Docker: Configure logging drivers
    shm_size: int = 64 * _MIB  # docker run reference, --shm-size
    pids_limit: int = 0
    ulimits: Mapping[str, frozenset[tuple[int, int]]] = field(default_factory=dict)
    runtimes: frozenset[str] = frozenset({"runc", "io.containerd.runc.v2"})  # dockerd reference, alternative runtimes

    @staticmethod
    def of(engine: Literal["docker", "podman"]) -> Defaults:
        """The engine as it is installed, without a daemon.json or a containers.conf."""
        if engine == "docker":
            return Defaults()
        # containers.conf(5): log_driver, shm_size ("65536k", of 1000 bytes each); DefaultPidsLimit, pkg/config/default.go
        # of containers/common; inspect says "oci" whichever runtime it is; limits of processes are those of podman's own
        # process, which systemd and distributions set
        default_ulimits = frozenset(
            {(1048576, 1048576), (524288, 524288), (1024, 1024), (1024, 524288), (1024, 1048576)}
        )
        return Defaults(
            log_drivers=frozenset({"journald", "k8s-file", "json-file"}),
            shm_size=65536000,
            pids_limit=2048,
            ulimits={"nofile": default_ulimits, "nproc": default_ulimits | {(4194304, 4194304)}},
            runtimes=frozenset({"oci", "crun", "runc"}),
        )


@dataclass(frozen=True, slots=True)
class Container:
    """One inspected container with the parts that most readers need at hand."""

    container: Tree
    config: Tree
    host: Tree
    image: Tree
    image_config: Tree
    engine: Literal["docker", "podman"]
    defaults: Defaults
    project: str
    service: str

    @property
    def podman(self) -> bool:
        return self.engine == "podman"

    @property
    def unified(self) -> bool:
        """Whether dockerd is known to run on cgroup v2: only there it drops the switch of the OOM killer
        (``verifyPlatformContainerResources``, ``daemon/daemon_unix.go`` of moby).
        """
        return not self.podman and "OomKillDisable" in self.host and self.host["OomKillDisable"] is None

    def asked_for(self, flag: str, value: str) -> bool | None:
        """Whether podman's command line named ``flag value...``; None where no command line was kept."""
        if not texts(self.config.get("CreateCommand")):
            return None
        return any(argument.startswith(value) for argument in self.values_of_flag(flag))

    def values_of_flag(self, flag: str) -> tuple[str, ...]:
        """The values that podman's command line gave for ``flag``, as ``flag value`` or ``flag=value``."""
        argv = texts(self.config.get("CreateCommand"))
        values_after = (after for argument, after in pairwise(argv) if argument == flag)
        joined = (argument.removeprefix(f"{flag}=") for argument in argv if argument.startswith(f"{flag}="))
        return (*values_after, *joined)


def facts(container: Tree, image: Tree | None, engine: Literal["docker", "podman"]) -> Container:
    """``container`` with what the readers look at."""
    image = image or {}
    labels = mapping(get(container, "Config", "Labels"))
    return Container(
        container=container,
        config=mapping(container.get("Config")),
        host=mapping(container.get("HostConfig")),
        image=image,
        image_config=mapping(image.get("Config")),
        engine=engine,
        defaults=Defaults.of(engine),
        project=label(labels, PROJECT),
        service=label(labels, SERVICE),
    )
