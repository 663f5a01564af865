"""What a container has mounted: volumes, folders of the host, secrets, memory."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from bot.drift.compose.inspected.container import Container
from bot.drift.compose.inspected.reading import Reader, Reading, asked_for, flag, size
from bot.drift.compose.notation import SECRETS, tmpfs
from bot.model.json import JSON, Tree, mapping, mappings, text

_ANONYMOUS: Final = re.compile(r"[0-9a-f]{64}\Z")
"""Engines name a volume that nobody named by 64 hex digits."""
PODMAN_READ_ONLY_TMPFS: Final = frozenset({"/run", "/tmp", "/var/tmp"})  # noqa: S108 - recognised, not used
"""Mounted in read-only containers (podman-run(1), --read-only-tmpfs)."""


def _volumes(container: Container) -> Reading:
    from_image = mapping(container.image_config.get("Volumes"))
    volumes = [
        _volume(mount, container)
        for mount in mappings(container.container.get("Mounts"))
        if not (_is_anonymous(mount, container) and text(mount.get("Destination")) in from_image)
        and not _is_secret(mount)
    ]
    volumes.sort(key=lambda volume: text(volume["target"]))
    return asked_for(volumes)


def _is_anonymous(mount: Tree, container: Container) -> bool:
    """Without a name of its own. podman-compose makes one of project, service and the digest of the target
    (``get_mount_args``, ``podman_compose.py``).
    """
    name = text(mount.get("Name"))
    if _ANONYMOUS.match(name) is not None:
        return True
    start = f"{container.project}_{container.service}_"
    target = hashlib.sha256(text(mount.get("Destination")).encode()).hexdigest()
    return bool(container.service) and name == f"{start}{target}"


def _is_secret(mount: Tree) -> bool:
    return text(mount.get("Destination")).startswith(SECRETS)


def _volume(mount: Tree, container: Container) -> dict[str, JSON]:
    kind = text(mount.get("Type")) or "bind"
    entry: dict[str, JSON] = {"type": kind, "target": text(mount.get("Destination"))}
    if kind == "volume" and not _is_anonymous(mount, container):
        entry["source"] = text(mount.get("Name"))
    elif kind == "bind":
        entry["source"] = text(mount.get("Source"))
        propagation = text(mount.get("Propagation"))
        if propagation not in {"", "rprivate"}:
            entry["bind"] = {"propagation": propagation}
    if mount.get("RW") is False:
        entry["read_only"] = True
    return entry


def _secrets(container: Container) -> Reading:
    """File-backed Compose secrets are bind mounts below ``/run/secrets``."""
    targets = sorted(text(mount.get("Destination")) for mount in mappings(container.container.get("Mounts")))
    return asked_for([{"source": at.rpartition("/")[2], "target": at} for at in targets if at.startswith(SECRETS)])


def _tmpfs(container: Container) -> Reading:
    by_podman = PODMAN_READ_ONLY_TMPFS if container.podman and container.host.get("ReadonlyRootfs") is True else ()
    entries = [tmpfs(target, text(options)) for target, options in mapping(container.host.get("Tmpfs")).items()]
    return asked_for(sorted(entry for entry in entries if entry not in by_podman))


FIELDS: Final[Mapping[str, Reader]] = {
    "volumes": _volumes,
    "secrets": _secrets,
    "tmpfs": _tmpfs,
    "shm_size": size("ShmSize", lambda defaults: defaults.shm_size),
    "read_only": flag("host", "ReadonlyRootfs"),
}
