"""Live resources by identity, and by name where a declaration does not tell the whole identity.

Filled by :mod:`bot.drift.presence`; the platforms look things up in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TypeAlias

from bot.model.resource import Observed, Platform, ResourceId

_Names: TypeAlias = dict[tuple[Platform, str, str, str], list[Observed]]


class Live:
    """Everything that was seen running."""

    def __init__(self, resources: Mapping[ResourceId, Observed]) -> None:
        self.resources = resources
        self._by_name: _Names | None = None

    def named(self, id_: ResourceId, name: str) -> list[Observed]:
        """The resources called ``name`` of the platform, group and kind of ``id_``, in whatever scope."""
        if self._by_name is None:
            self._by_name = defaultdict(list)
            for other, observed in self.resources.items():
                self._by_name[other.platform, other.group, other.kind, other.name].append(observed)
        return self._by_name.get((id_.platform, id_.group, id_.kind, name), [])
