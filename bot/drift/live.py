"""Live resources by identity, and by name where a declaration does not tell the whole identity.

Filled by :mod:`bot.drift.presence`; the platforms look things up in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from bot.model.resource import Observed, Platform, ResourceId


@dataclass
class Live:
    """Everything that was seen running."""

    resources: Mapping[ResourceId, Observed]

    @cached_property
    def _by_name(self) -> Mapping[tuple[Platform, str, str, str], list[Observed]]:
        by_name = defaultdict(list)
        for id_, observed in self.resources.items():
            by_name[id_.platform, id_.group, id_.kind, id_.name].append(observed)
        return by_name

    def named(self, id_: ResourceId, name: str) -> list[Observed]:
        """The resources called ``name`` of the platform, group and kind of ``id_``, in whatever scope."""
        return self._by_name.get((id_.platform, id_.group, id_.kind, name), [])
