"""The small notations that a Compose file and an engine's inspect share. Used by the readers of both."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from typing import Final

from bot.model.json import JSON, Tree, text

SECRETS: Final = "/run/secrets/"
"""Where secrets are mounted (Compose specification, 05-services.md, secrets)."""

PROJECT: Final = ("com.docker.compose.project", "io.podman.compose.project")
SERVICE: Final = ("com.docker.compose.service", "io.podman.compose.service")
"""What names a container's project and service: docker/compose pkg/api/labels.go; podman_compose.py of podman-compose."""

_TMPFS_DEFAULTS: Final = frozenset({"rw", "rprivate", "nosuid", "nodev", "noexec", "tmpcopyup", "private", "relatime"})
"""Options that engines give every tmpfs by themselves (docker run reference, --tmpfs; podman-run(1), --tmpfs)."""


def label(labels: Tree, names: Iterable[str]) -> str:
    """The value of the first of ``names`` that ``labels`` have; empty where they have none."""
    return next((value for name in names if (value := text(labels.get(name)))), "")


def tmpfs(target: str, options: str) -> str:
    """A tmpfs with the options that say something: ``/cache:size=64m``."""
    options_kept = [option for option in options.split(",") if option and option not in _TMPFS_DEFAULTS]
    return f"{target}:{','.join(options_kept)}" if options_kept else target


def capability(name: str) -> str:
    """``cap_net_admin`` and ``NET_ADMIN`` are both ``NET_ADMIN``; engines and files write either."""
    return name.upper().removeprefix("CAP_")


def signal_name(value: JSON) -> str:
    """``15``, ``"15"``, ``TERM`` and ``SIGTERM`` are all ``SIGTERM``."""
    signal_text = text(value).upper()
    if signal_text.isdigit():
        return next(
            (candidate.name for candidate in signal.Signals if candidate.value == int(signal_text)), signal_text
        )
    return f"SIG{signal_text}" if signal_text and not signal_text.startswith("SIG") else signal_text
