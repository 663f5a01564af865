"""Which autoscaler may set what: bounds from HorizontalPodAutoscaler, KEDA's ScaledObject and VerticalPodAutoscaler.

Read once per comparison from everything that is declared or live; the judge of Kubernetes objects asks it. Sources:
``autoscaling/v2 SetDefaults_HorizontalPodAutoscaler``; KEDA: ScaledObject specification (``minReplicaCount`` 0,
``maxReplicaCount`` 100, a Deployment unless ``scaleTargetRef.kind`` says otherwise); VerticalPodAutoscaler:
``pkg/apis/autoscaling.k8s.io/v1/types.go`` (``Off`` and ``Initial`` leave what runs alone, ``*`` is every other container,
``RequestsAndLimits`` is the default of ``controlledValues``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias

from bot.drift.values import quantity
from bot.model.json import JSON, Tree, get, mapping, mappings, text, texts
from bot.model.resource import Platform, ResourceId

_ROUNDING: Final = Decimal("1.01")
"""A VerticalPodAutoscaler keeps the proportion of limits to requests, rounded to milli-units and whole bytes."""


@dataclass(frozen=True, slots=True)
class Horizontal:
    """Sets the number of replicas, from ``low`` to ``high``."""

    name: str
    low: int
    high: int

    def allows(self, replicas: JSON) -> bool:
        """Whether ``replicas`` is a number it may set."""
        return isinstance(replicas, int) and self.low <= replicas <= self.high


Amount: TypeAlias = tuple[str, str, Decimal | None]
"""``requests`` or ``limits``, the resource, and how much of it there is (None: nothing that counts)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a VerticalPodAutoscaler may do to one container (``*`` is every other one): between ``low`` and ``high`` by
    resource, only the resources in ``controlled``, and the limits too unless ``requests_only``.
    """

    container: str = "*"
    off: bool = False
    controlled: frozenset[str] = frozenset({"cpu", "memory"})
    low: tuple[tuple[str, Decimal], ...] = ()
    high: tuple[tuple[str, Decimal], ...] = ()
    requests_only: bool = False


@dataclass(frozen=True, slots=True)
class Vertical:
    """Sets requests and limits of containers. ``updates``: whether it changes anything that already runs."""

    name: str
    updates: bool = True
    policies: tuple[Policy, ...] = ()

    def allows(self, container: str, amounts: Sequence[Amount], declared: Tree) -> bool:
        """Whether it may have made the ``declared`` resources of ``container`` such ``amounts``."""
        policy = self._policy(container)
        if not self.updates or policy.off or not amounts:
            return False
        return all(_within(policy, amount, declared) for amount in amounts)

    def _policy(self, container: str) -> Policy:
        policies_by_container = {policy.container: policy for policy in self.policies}
        return policies_by_container.get(container) or policies_by_container.get("*") or Policy()


Scaler: TypeAlias = Horizontal | Vertical

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
    by_target: dict[Target, tuple[Scaler, ...]] = {}
    for id_, tree in trees:
        reference = _KINDS.get((id_.group, id_.kind))
        if reference is None or id_.platform is not Platform.KUBERNETES:
            continue
        kind = text(get(tree, "spec", reference, "kind")) or "Deployment"
        target = (kind, id_.scope, text(get(tree, "spec", reference, "name")))
        scaler = _scaler(id_, tree)
        if scaler not in by_target.get(target, ()):
            by_target[target] = (*by_target.get(target, ()), scaler)
    return by_target


def _scaler(id_: ResourceId, tree: Tree) -> Scaler:
    match id_.kind:
        case "HorizontalPodAutoscaler":
            spec = mapping(tree.get("spec"))
            return Horizontal(str(id_), _number(spec.get("minReplicas"), 1), _number(spec.get("maxReplicas"), 1))
        case "ScaledObject":
            low = _number(get(tree, "spec", "minReplicaCount"), 0)
            idle = _number(get(tree, "spec", "idleReplicaCount"), low)
            return Horizontal(str(id_), min(low, idle), _number(get(tree, "spec", "maxReplicaCount"), 100))
        case _:
            mode = text(get(tree, "spec", "updatePolicy", "updateMode"))
            policies = mappings(get(tree, "spec", "resourcePolicy", "containerPolicies"))
            return Vertical(str(id_), mode not in {"Off", "Initial"}, tuple(_policy(policy) for policy in policies))


def _number(value: JSON, default: int) -> int:
    return value if isinstance(value, int) else default


def _policy(tree: Tree) -> Policy:
    controlled = tree.get("controlledResources")
    return Policy(
        container=text(tree.get("containerName")) or "*",
        off=text(tree.get("mode")) == "Off",
        controlled=Policy().controlled if controlled is None else frozenset(texts(controlled)),
        low=tuple(_amounts(tree.get("minAllowed"))),
        high=tuple(_amounts(tree.get("maxAllowed"))),
        requests_only=text(tree.get("controlledValues")) == "RequestsOnly",
    )


def _amounts(tree: JSON) -> Iterator[tuple[str, Decimal]]:
    for resource, quantity_value in mapping(tree).items():
        if (amount := _amount(quantity_value)) is not None:
            yield resource, amount


def _amount(amount_value: JSON) -> Decimal | None:
    try:
        amount = Decimal(str(quantity(amount_value)))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def amounts(keys: tuple[str, ...], value: JSON) -> Iterator[Amount]:
    """The amounts in a ``value`` that stands at ``keys`` below the ``resources`` of a container."""
    for key in reversed(keys):
        value = {key: value}
    for part, entries in mapping(value).items():
        if not isinstance(entries, (dict, Mapping)):
            yield part, "", None
        for resource, amount_text in mapping(entries).items():
            yield part, resource, _amount(amount_text)


def _within(policy: Policy, change: Amount, declared: Tree) -> bool:
    part, resource, amount = change
    if amount is None or resource not in policy.controlled:
        return False
    low, high = dict(policy.low).get(resource), dict(policy.high).get(resource)
    if part == "requests":
        return (low is None or amount >= low) and (high is None or amount <= high)
    limit = _amount(mapping(declared.get("limits")).get(resource))
    if part != "limits" or policy.requests_only or limit is None:
        return False
    request = _amount(mapping(declared.get("requests")).get(resource))
    ratio = limit / request if request else Decimal(1)
    return (low is None or amount >= low * ratio / _ROUNDING) and (high is None or amount <= high * ratio * _ROUNDING)
