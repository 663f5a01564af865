"""Which autoscaler may set what: bounds from HorizontalPodAutoscaler, KEDA's ScaledObject and VerticalPodAutoscaler.

Read once per comparison from everything that is declared or live; the judge of Kubernetes objects asks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from bot.drift.peek import get, text
from bot.model.resource import JSON, Platform, ResourceId, Tree


@dataclass(frozen=True, slots=True)
class Scaler:
    """One autoscaler of a workload. ``low``/``high`` bound replicas, None where it sets resources instead."""

    name: str
    low: int | None = None
    high: int | None = None

    def allows(self, replicas: JSON) -> bool:
        """Whether ``replicas`` is a number it may set."""
        if not isinstance(replicas, int) or self.low is None or self.high is None:
            return False
        return self.low <= replicas <= self.high


Target: TypeAlias = tuple[str, str, str]
"""Kind, namespace and name of a workload."""

Scalers: TypeAlias = Mapping[Target, tuple[Scaler, ...]]

_KINDS: Final = {
    ("autoscaling", "HorizontalPodAutoscaler"): "scaleTargetRef",
    ("keda.sh", "ScaledObject"): "scaleTargetRef",
    ("autoscaling.k8s.io", "VerticalPodAutoscaler"): "targetRef",
}

SCALER_KINDS: Final = frozenset(kind for _, kind in _KINDS)


def scalers(trees: Iterable[tuple[ResourceId, Tree]]) -> Scalers:
    """Every workload that an autoscaler among ``trees`` aims at, with those autoscalers."""
    found: dict[Target, tuple[Scaler, ...]] = {}
    for id_, tree in trees:
        reference = _KINDS.get((id_.group, id_.kind))
        if reference is None or id_.platform is not Platform.KUBERNETES:
            continue
        kind = text(get(tree, "spec", reference, "kind")) or "Deployment"
        target = (kind, id_.scope, text(get(tree, "spec", reference, "name")))
        scaler = _scaler(id_, tree)
        if scaler not in found.get(target, ()):
            found[target] = (*found.get(target, ()), scaler)
    return found


def _scaler(id_: ResourceId, tree: Tree) -> Scaler:
    match id_.kind:
        case "HorizontalPodAutoscaler":
            return Scaler(
                str(id_), _number(get(tree, "spec", "minReplicas"), 1), _number(get(tree, "spec", "maxReplicas"), 1)
            )
        case "ScaledObject":
            low = _number(get(tree, "spec", "minReplicaCount"), 0)
            idle = _number(get(tree, "spec", "idleReplicaCount"), low)
            return Scaler(str(id_), min(low, idle), _number(get(tree, "spec", "maxReplicaCount"), 100))
        case _:
            return Scaler(str(id_))


def _number(value: JSON, usual: int) -> int:
    return value if isinstance(value, int) else usual
