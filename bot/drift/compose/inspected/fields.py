"""How each Compose key of a running container is read from its inspect, and what its image or engine gives anyway.

Called by :mod:`bot.drift.compose.inspected.inspect` only. A reader answers ``(value, ground)``: the canonical value as
it is live (None: absent) and the value that would be there had nobody asked for anything.

Sources: the Docker engine API (v1.43, ContainerInspect), podman 4 and 5 ``inspect`` (native and Docker-compatible), the
defaults of dockerd and of containers.conf(5), and the Compose specification for the vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.drift.compose.inspected import networking, process, resources, security, storage
from bot.drift.compose.inspected.reading import Reader

FIELDS: Final[Mapping[str, Reader]] = {
    **process.FIELDS,
    **networking.FIELDS,
    **storage.FIELDS,
    **resources.FIELDS,
    **security.FIELDS,
}
"""Every Compose key that is read."""
