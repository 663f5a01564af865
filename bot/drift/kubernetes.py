"""Judges the differences of a Kubernetes object: who wrote it, was it ever applied, how bad is it.

Called by :mod:`bot.drift.diff`. A declared field that is not as declared is drift unless an autoscaler sets it within
its bounds. Something that is only live is drift when a person wrote it, when it was applied earlier and Git dropped it,
or when Git declares the mapping or list around it and nothing says that a controller put it there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bot.drift import adopt, images
from bot.drift.base import Base
from bot.drift.bookkeeping import injected, is_bookkeeping
from bot.drift.drifts import Cause, Maker
from bot.drift.kinds import is_known, shape_of
from bot.drift.options import Options
from bot.drift.ownership import Owners, Role, Writer
from bot.drift.peek import get, mapping
from bot.drift.scaling import Scaler, Scalers
from bot.drift.shapes import Filled, Form, Shape
from bot.drift.values import encoded
from bot.drift.walk import Finding, Side, walk
from bot.model.drift import Drift, DriftKind, Suppressed
from bot.model.resource import JSON, Desired, Observed, ResourceId, Tree

_UNKNOWN_REMOVAL: Final = "nothing tells whether it was added live or removed from Git"
_TEMPLATES: Final = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "CronJob"})
_NEVER_INJECTED: Final = frozenset(
    {"ConfigMap", "Secret", "Service", "Ingress", "NetworkPolicy", "Role", "ClusterRole"}
)


def examine(
    desired: Desired, observed: Observed, base: Tree | None, options: Options, scalers: Scalers
) -> Iterator[Drift | Suppressed]:
    """Every difference in meaning, as drift or as suppressed with the reason."""
    id_ = desired.id
    shape = shape_for(id_, options)
    wanted, live = _comparable(desired.tree, id_), _comparable(observed.tree, id_)
    findings = walk(wanted, live, shape)
    if not findings:
        return
    judge = _Judge(desired, observed, Owners(observed.tree, options.roster), Base(base, observed.tree, shape), options)
    maker = Maker(desired, options, observed=observed.tree)
    aims = scalers.get((observed.id.kind, observed.id.scope, observed.id.name), ())
    for finding in findings:
        cause = judge.cause(finding)
        if cause is None:
            continue
        drift = maker.drift(finding, cause, () if _rewritten(finding, desired) else adopt.edits(finding))
        reason = _autoscaled(finding, judge.owners, aims) or _aggregated(desired, finding, options)
        yield drift if reason is None else Suppressed(drift, reason[0], reason[1])


def shape_for(id_: ResourceId, options: Options) -> Shape:
    """The shape of a kind: built in, else from its CRD, else with the list keys that the options name."""
    if is_known(id_.group, id_.kind):
        return shape_of(id_.group, id_.kind)
    known = options.shapes.get((id_.group, id_.kind))
    if known is not None:
        return known
    keys = options.list_map_keys.get((id_.group, id_.kind))
    return shape_of("", "") if keys is None else _with_keys(shape_of("", ""), keys)


def _with_keys(shape: Shape, keys: Mapping[str, tuple[str, ...]]) -> Shape:
    for path, names in keys.items():
        shape = _keyed_at(shape, path.split("."), names)
    return shape


def _keyed_at(shape: Shape, words: list[str], names: tuple[str, ...]) -> Shape:
    """``shape`` with a keyed list at the dotted path ``words`` (``[]`` behind a word goes into a list's elements)."""
    if not words:
        return Shape(Form.KEYED, item=shape.element, keys=tuple((name, None) for name in names))
    word, *rest = words
    name = word.removesuffix("[]")
    child = shape.child(name)
    inside = word.endswith("[]")
    inner = replace(child, item=_keyed_at(child.element, rest, names)) if inside else _keyed_at(child, rest, names)
    return replace(shape, fields={**shape.fields, name: inner})


def _comparable(tree: Tree, id_: ResourceId) -> Tree:
    """The object as the API server stores it: a Secret's ``stringData`` in ``data``, an autoscaler in its second form."""
    if (id_.group, id_.kind) == ("autoscaling", "HorizontalPodAutoscaler"):
        return _second_form(tree)
    if id_.kind != "Secret" or id_.group or not isinstance(tree.get("stringData"), (dict, Mapping)):
        return tree
    plain = {key: encoded(value) for key, value in mapping(tree["stringData"]).items()}
    return {**tree, "data": {**mapping(tree.get("data")), **plain}}


def _second_form(tree: Tree) -> Tree:
    """``autoscaling/v1`` as ``v2``: the target of the processor is one of the metrics."""
    spec = mapping(tree.get("spec"))
    target = spec.get("targetCPUUtilizationPercentage")
    if target is None:
        return tree
    metric: dict[str, JSON] = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}
    kept = {key: value for key, value in spec.items() if key != "targetCPUUtilizationPercentage"}
    return {**tree, "spec": {**kept, "metrics": [{"type": "Resource", "resource": metric}]}}


def _rewritten(finding: Finding, desired: Desired) -> bool:
    """Whether Git says it in another form than the one compared, so that no edit can be made of the finding."""
    path = finding.place.path
    if path[:1] == ("data",):
        return "stringData" in desired.tree
    return path[:2] == ("spec", "metrics") and get(desired.tree, "spec", "targetCPUUtilizationPercentage") is not None


@dataclass(frozen=True, slots=True)
class _Judge:
    desired: Desired
    observed: Observed
    owners: Owners
    base: Base
    options: Options

    def cause(self, finding: Finding) -> Cause | None:
        """What kind of drift it is and who did it; None when it is none."""
        match finding.side:
            case Side.BOTH:
                moved = finding.shape.agrees is images.agrees and images.moved(finding.desired, finding.observed)
                return Cause(DriftKind.IMAGE_MOVED if moved else DriftKind.CHANGED, self._writer(finding))
            case Side.DESIRED:
                return Cause(DriftKind.MISSING, None)
            case Side.OBSERVED:
                return self._addition(finding)

    def _writer(self, finding: Finding) -> Writer | None:
        return self.owners.writer(finding.place.steps)

    def _addition(self, finding: Finding) -> Cause | None:
        place = finding.place
        if place.path[-2:-1] in {("labels",), ("annotations",)} and is_bookkeeping(str(place.path[-1])):
            return None
        writer = self._writer(finding)
        if writer is not None and writer.role is Role.PERSON:
            return Cause(DriftKind.REMOVED if self.base.holds(place.path) else DriftKind.ADDED, writer)
        if finding.shape.filled is Filled.CONTROLLER:
            return None
        if self.base.holds(place.path):
            return Cause(DriftKind.REMOVED, writer)
        if self.base.recorded is None and (applier := self.owners.applied(place.steps)) is not None:
            return Cause(DriftKind.REMOVED, applier)
        return self._unrecorded(finding, writer)

    def _unrecorded(self, finding: Finding, writer: Writer | None) -> Cause | None:
        """Not a person's, not in any base: what is left is an update by a deployer, a controller, or nobody knows."""
        if finding.shape.filled is Filled.UNKNOWN or injected(finding):
            return None
        if writer is None:
            return Cause(DriftKind.ADDED, None, _UNKNOWN_REMOVAL) if self._declared(finding) else None
        match writer.role:
            case Role.DEPLOYER if self.base.tree is None:
                return Cause(DriftKind.REMOVED, writer)
            case Role.CREATOR if self.base.tree is None:
                return Cause(DriftKind.ADDED, writer)
            case _:
                return None

    def _declared(self, finding: Finding) -> bool:
        """Whether Git speaks about the part that something of unknown writer was added to."""
        kind = self.observed.id.kind
        if finding.place.path[0] == "metadata" or kind in _NEVER_INJECTED:
            return finding.declared
        if kind == "Pod":  # admission fills in pods: tokens, tolerations, limits, sidecars
            return False
        return finding.declared or (kind in _TEMPLATES and is_known(self.observed.id.group, kind))


def _autoscaled(finding: Finding, owners: Owners, aims: tuple[Scaler, ...]) -> tuple[str, str] | None:
    """The autoscaler that sets this field within its bounds, and why that is no drift."""
    path = finding.place.path
    replicas = path == ("spec", "replicas")
    if not replicas and "resources" not in path:
        return None
    writer = owners.writer(finding.place.steps)
    if writer is not None and writer.role not in {Role.AUTOSCALER, Role.CONTROLLER}:
        return None
    if replicas:
        return _scaled(finding, writer, aims)
    vertical = next((scaler for scaler in aims if scaler.high is None), None)
    if writer is not None and writer.role is Role.AUTOSCALER:
        return (f"autoscaler:{writer.manager}", f"{writer.manager} sets the resources")
    return None if vertical is None else (f"autoscaler:{vertical.name}", f"{vertical.name} sets the resources")


def _scaled(finding: Finding, writer: Writer | None, aims: tuple[Scaler, ...]) -> tuple[str, str] | None:
    horizontal = [scaler for scaler in aims if scaler.high is not None]
    for scaler in horizontal:
        if scaler.allows(finding.observed):
            return (f"autoscaler:{scaler.name}", f"{scaler.name} may set {scaler.low} to {scaler.high} replicas")
    if horizontal or writer is None:
        return None
    if writer.role is Role.AUTOSCALER or writer.manager == "kube-controller-manager":
        return (f"autoscaler:{writer.manager}", f"{writer.manager} scales it")
    return None


def _aggregated(desired: Desired, finding: Finding, options: Options) -> tuple[str, str] | None:
    rule = options.ignore_aggregated_roles and desired.id.kind == "ClusterRole" and finding.place.path[:1] == ("rules",)
    if rule and get(desired.tree, "aggregationRule") is not None:
        return ("option:ignore_aggregated_roles", "the rules are aggregated from other roles")
    return None
