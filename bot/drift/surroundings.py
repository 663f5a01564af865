"""What the comparison of one pair must know of everything else: autoscalers, roles, and names that volumes and networks got.

Made once per comparison by :mod:`bot.drift.compare`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.drift.compose.names import Aliases, aliases
from bot.drift.kubernetes.scaling import SCALER_KINDS, Scalers, scalers
from bot.drift.severity.rbac import ROLE_KINDS, RoleName, privileged_roles
from bot.model.resource import Desired, Observed, ResourceId

NOTABLE_KINDS: Final = SCALER_KINDS | ROLE_KINDS | {"CustomResourceDefinition", "service", "volume", "network"}
"""The only kinds that tell anything about other resources; everything else need not be looked through for that."""


@dataclass(frozen=True, slots=True)
class ComparisonContext:
    """Everything outside of a pair that its comparison depends on."""

    scalers: Scalers = field(default_factory=dict)
    aliases: Aliases = field(default_factory=dict)
    mighty: frozenset[RoleName] = frozenset()
    """The roles, declared or live, whose bindings make mighty."""


def surroundings(desired: Sequence[Desired], resources: Mapping[ResourceId, Observed]) -> ComparisonContext:
    """The surroundings that both sides make."""
    trees = [(resource.id, resource.tree) for resource in desired if resource.id.kind in SCALER_KINDS]
    trees += [(id_, resource.tree) for id_, resource in resources.items() if id_.kind in SCALER_KINDS]
    roles = [(resource.id, resource.tree) for resource in desired if resource.id.kind in ROLE_KINDS]
    roles += [(id_, resource.tree) for id_, resource in resources.items() if id_.kind in ROLE_KINDS]
    return ComparisonContext(scalers(trees), aliases(desired), privileged_roles(roles))
