"""The shape that objects of a kind are compared by: built in, told by a definition, or by settings alone.

A pod template inside a custom resource is one like any other. Asked by :mod:`bot.drift.kubernetes.objects`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from bot.drift.kubernetes.kinds import is_known, pod_template, shape_of
from bot.drift.options import ComparisonOptions
from bot.drift.shapes import FREE, Form, Shape
from bot.model.paths import Path
from bot.model.resource import ResourceId

_TEMPLATES: Final[Mapping[tuple[str, str], str]] = {
    ("argoproj.io", "Rollout"): "spec.template",
    ("argoproj.io", "Experiment"): "spec.templates[].template",
    ("apps.openshift.io", "DeploymentConfig"): "spec.template",
    ("apps.kruise.io", "CloneSet"): "spec.template",
    ("apps.kruise.io", "StatefulSet"): "spec.template",
    ("apps.kruise.io", "DaemonSet"): "spec.template",
    ("apps.kruise.io", "BroadcastJob"): "spec.template",
    ("keda.sh", "ScaledJob"): "spec.jobTargetRef.template",
    ("batch.volcano.sh", "Job"): "spec.tasks[].template",
    ("jobset.x-k8s.io", "JobSet"): "spec.replicatedJobs[].template.spec.template",
    ("leaderworkerset.x-k8s.io", "LeaderWorkerSet"): "spec.leaderWorkerTemplate.workerTemplate",
    ("actions.github.com", "AutoscalingRunnerSet"): "spec.template",
}
"""Where the pods of custom resources are (Argo Rollouts: Specification; OpenShift: DeploymentConfig; OpenKruise; KEDA:
ScaledJob specification; Volcano: VolcanoJob; JobSet and LeaderWorkerSet API references; Actions Runner Controller).
"""
_FREE: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("helm.toolkit.fluxcd.io", "HelmRelease"): ("spec.values",),
    ("argoproj.io", "Application"): ("spec.source.helm.valuesObject", "spec.sources[].helm.valuesObject"),
    ("argoproj.io", "ApplicationSet"): ("spec.template.spec.source.helm.valuesObject",),
    ("helm.crossplane.io", "Release"): ("spec.forProvider.values",),
    ("kubernetes.crossplane.io", "Object"): ("spec.forProvider.manifest",),
    ("fleet.cattle.io", "Bundle"): ("spec.helm.values",),
}
"""Where custom resources hold what others read: values of charts and whole manifests (their definitions preserve unknown
fields there).
"""
_Change: TypeAlias = Callable[[Shape], Shape]


def shape_for(id_: ResourceId, options: ComparisonOptions) -> Shape:
    """The shape of a kind: built in, else from its CRD, else with the list keys that the options name."""
    if is_known(id_.group, id_.kind):
        return shape_of(id_.group, id_.kind)
    kind = (id_.group, id_.kind)
    shape = options.shapes.get(kind) or _with_keys(shape_of("", ""), options.list_map_keys.get(kind, {}))
    for free in _FREE.get(kind, ()):
        shape = _changed_at(shape, free.split("."), lambda _: FREE)
    template_place = _TEMPLATES.get(kind)
    return shape if template_place is None else _changed_at(shape, template_place.split("."), lambda _: pod_template())


def in_template(id_: ResourceId, path: Path) -> bool:
    """Whether ``path`` of a custom resource lies in its pod template."""
    template_place = _TEMPLATES.get((id_.group, id_.kind))
    if template_place is None:
        return False
    segments = template_place.replace("[]", ".[]").split(".")
    return len(path) > len(segments) and all(
        segment in {"[]", part} for segment, part in zip(segments, path, strict=False)
    )


def _with_keys(shape: Shape, keys: Mapping[str, tuple[str, ...]]) -> Shape:
    for path, names in keys.items():
        shape = _changed_at(shape, path.split("."), _keyed(names))
    return shape


def _keyed(names: tuple[str, ...]) -> _Change:
    return lambda shape: Shape(Form.KEYED, item=shape.element, keys=tuple((name, None) for name in names))


def _changed_at(shape: Shape, segments: list[str], change: _Change) -> Shape:
    """``shape`` with another one at the dotted path ``segments`` (``[]`` behind a word goes into a list's elements)."""
    if not segments:
        return change(shape)
    segment, *remaining_segments = segments
    name = segment.removesuffix("[]")
    child = shape.child(name)
    is_list = segment.endswith("[]")
    inner = (
        replace(child, item=_changed_at(child.element, remaining_segments, change))
        if is_list
        else _changed_at(child, remaining_segments, change)
    )
    return replace(shape, fields={**shape.fields, name: inner})
