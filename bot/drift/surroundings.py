"""What the comparison of one pair must know of everything else: autoscalers, and names that volumes and networks got.

Made once per comparison by :mod:`bot.drift.compare`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from bot.drift.kubernetes.scaling import SCALER_KINDS, Scalers, scalers
from bot.model.resource import Desired, Observed, Platform, ResourceId

Aliases: TypeAlias = Mapping[tuple[str, str, str], str]
"""The name that a project's volume or network has on the engine, by (kind, project, name), where Git gives it one; empty
where a variable that Git does not hold gives it.
"""


NOTABLE_KINDS: Final = SCALER_KINDS | {"CustomResourceDefinition", "service", "volume", "network"}
"""The only kinds that tell anything about other resources; everything else need not be looked through for that."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything outside of a pair that its comparison depends on."""

    scalers: Scalers = field(default_factory=dict)
    aliases: Aliases = field(default_factory=dict)


NOTHING_AROUND: Final = Surroundings()


def surroundings(desired: Sequence[Desired], resources: Mapping[ResourceId, Observed]) -> Surroundings:
    """The surroundings that both sides make."""
    trees = [(one.id, one.tree) for one in desired if one.id.kind in SCALER_KINDS]
    trees += [(id_, one.tree) for id_, one in resources.items() if id_.kind in SCALER_KINDS]
    return Surroundings(scalers(trees), _aliases(desired))


def _aliases(desired: Sequence[Desired]) -> Aliases:
    return {
        (one.id.kind, one.id.scope, one.id.name): name
        for one in desired
        if one.id.kind in _NAMED and one.id.platform is Platform.COMPOSE and (name := _engine_name(one)) is not None
    }


def _engine_name(one: Desired) -> str | None:
    """The name that Git gives it, its key where it exists already; None where the engine makes one up."""
    if ("name",) in one.unknown:
        return ""
    name = one.tree.get("name")
    if isinstance(name, str) and name:
        return name
    return one.id.name if one.tree.get("external") is True else None


_NAMED: Final = frozenset({"volume", "network"})
