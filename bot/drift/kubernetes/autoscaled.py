"""Which autoscaler sets the replicas or resources of a workload within its bounds, so that they are no drift.

Asked by :mod:`bot.drift.kubernetes.objects` for every difference of an object.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.drift.kubernetes.ownership import CONTROL_PLANES, Owners, Role, Writer
from bot.drift.kubernetes.scaling import Horizontal, Scaler, Vertical, amounts
from bot.drift.walk import Difference
from bot.model.json import Tree, mapping, value_at
from bot.model.paths import Item

ROBOTS: Final = (Role.CONTROLLER, Role.AUTOSCALER)
"""Who writes by itself."""


def autoscaled(
    difference: Difference, owners: Owners, aims: tuple[Scaler, ...], declared: Tree
) -> tuple[str, str] | None:
    """The autoscaler that sets this field within its bounds, and why that is no drift."""
    path, steps = difference.location.path, difference.location.steps
    if path == ("spec", "replicas"):
        return _scaled(difference, owners.writer(steps), [aim for aim in aims if isinstance(aim, Horizontal)])
    at = path.index("resources") if "resources" in path else 0
    if at < 2 or path[at - 2] != "containers":
        return None
    return _sized(difference, owners.writer(steps), [aim for aim in aims if isinstance(aim, Vertical)], declared)


def _scaled(difference: Difference, writer: Writer | None, aims: Sequence[Horizontal]) -> tuple[str, str] | None:
    """Within the bounds of an autoscaler anybody who writes as autoscalers do may be one; without any, by name."""
    through = writer is not None and writer.role is Role.STRANGER and writer.subresource == "scale"
    if writer is not None and writer.role not in ROBOTS and not through:
        return None
    for scaler in aims:
        if scaler.allows(difference.observed):
            return (f"autoscaler:{scaler.name}", f"{scaler.name} may set {scaler.low} to {scaler.high} replicas")
    if aims or writer is None:
        return None
    if writer.role is Role.AUTOSCALER or writer.manager in CONTROL_PLANES:
        return (f"autoscaler:{writer.manager}", f"{writer.manager} scales it")
    return None


def _sized(
    difference: Difference, writer: Writer | None, aims: Sequence[Vertical], declared: Tree
) -> tuple[str, str] | None:
    if writer is not None and writer.role not in ROBOTS:
        return None
    if writer is not None and writer.role is Role.AUTOSCALER and not aims:
        return (f"autoscaler:{writer.manager}", f"{writer.manager} sets the resources")
    location = difference.location
    at = location.path.index("resources")
    container, below = location.path[at - 1], location.path[at + 1 :]
    name = container.key if isinstance(container, Item) else ""
    change = [*amounts(tuple(str(part) for part in below), difference.observed)]
    resources = mapping(value_at(declared, location.pointer[: at + 1]))
    vertical = next((scaler for scaler in aims if scaler.allows(name, change, resources)), None)
    return None if vertical is None else (f"autoscaler:{vertical.name}", f"{vertical.name} sets the resources")
