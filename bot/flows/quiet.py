"""What a comparison of rendered objects leaves unsaid: the marks of their controllers; and, counted, values that nobody
can compare and targets that run nowhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final, assert_never

from bot.flows.declare import Declaration
from bot.model.drift import Drift, IgnoreNote
from bot.model.json import mapping, text
from bot.model.paths import Path
from bot.model.resource import Desired, Platform
from bot.model.target import Unit, UnitKind
from bot.model.wording import counted
from bot.targets.desired import identity
from bot.targets.incomparable import Incomparable

_LABELS: Final[Path] = ("metadata", "labels")
_INSTANCES: Final[frozenset[Path]] = frozenset(
    (*_LABELS, key) for key in ("app.kubernetes.io/instance", "argocd.argoproj.io/instance")
)
"""The tracking labels that Argo CD uses and recommends, with the application's name, in other namespaces than its own as
``namespace_name``. Settings (``application.instanceLabelKey``) may name another, which only its manager's name tells
(argo-cd docs, "Resource Tracking", "Applications in any namespace").
"""
_MANAGED_BY: Final[Path] = (*_LABELS, "app.kubernetes.io/managed-by")
"""``Helm`` on every object of a release, whatever its template says (``setMetadataVisitor`` in Helm's
``pkg/action/validate.go``).
"""


def without_marks(drifts: Sequence[Drift], declaration: Declaration) -> tuple[Drift, ...]:
    """The drifts but for what Argo CD and Helm write over labels of their own objects, whatever Git says there."""
    marks = {drift.resource for drift in drifts if drift.path[:-1] == _LABELS}
    if declaration.deployment is None or not marks:
        return tuple(drifts)
    units = {
        id_._replace(target=name): unit
        for name in {id_.target for id_ in marks} & declaration.deployment.compared_names
        for unit, rendered in declaration.deployment.expansions[name].objects()
        if (id_ := identity(rendered)) is not None
    }
    return tuple(drift for drift in drifts if not _is_mark(drift, units.get(drift.resource)))


def _is_mark(drift: Drift, unit: Unit | None) -> bool:
    if unit is None or drift.path[:-1] != _LABELS or not isinstance(drift.observed, str):
        return False
    match unit.kind:
        case UnitKind.ARGO_APPLICATION:
            application = mapping(unit.spec.get("application"))
            name, space = text(application.get("name")) or unit.name, text(application.get("namespace"))
            is_own = drift.observed in {name, f"{space}_{name}"}
            return is_own and (drift.path in _INSTANCES or (drift.desired is None and _is_argo(drift.manager)))
        case UnitKind.HELM | UnitKind.FLUX_HELM_RELEASE:
            return drift.path == _MANAGED_BY and drift.observed == "Helm"
        case UnitKind.KUSTOMIZE | UnitKind.FLUX_KUSTOMIZATION | UnitKind.DIRECTORY:
            return False
        case _ as never:
            assert_never(never)


def _is_argo(manager: str | None) -> bool:
    return (manager or "").startswith("argocd")


def without_opaque(
    drifts: Sequence[Drift], resources: Sequence[Desired]
) -> tuple[tuple[Drift, ...], tuple[IgnoreNote, ...]]:
    """The drifts about values that can be compared, and a note for each object that holds others.

    An encrypted value or a placeholder is in the live object as what it stands for: that difference is none.
    """
    opaque = {
        desired.id: desired for desired in resources if desired.unknown and desired.id.platform is Platform.KUBERNETES
    }
    if not opaque:
        return tuple(drifts), ()
    drifted_ids = {drift.resource for drift in drifts}
    hidden = {id_: Incomparable.of(desired) for id_, desired in opaque.items() if id_ in drifted_ids}
    annotated = [hidden[drift.resource].reportable(drift) if drift.resource in hidden else drift for drift in drifts]
    notes = [
        IgnoreNote(
            f"{id_.qualified} ({desired.file}:{desired.line})",
            "not compared",
            f"{counted(len(desired.unknown), 'value that is', 'values that are')} encrypted or filled in later",
        )
        for id_, desired in opaque.items()
    ]
    return tuple(drift for drift in annotated if drift is not None), tuple(notes)


def _none_of(objects: int) -> str:
    return "its only object does not run" if objects == 1 else f"none of its {objects} objects runs"


def without_idle(
    drifts: Sequence[Drift], declaration: Declaration, idle: Collection[str]
) -> tuple[tuple[Drift, ...], tuple[IgnoreNote, ...]]:
    """The drifts of targets of which something runs, and a note for each other one that only was found.

    An example overlay, or a cluster that this observer does not see, is not five hundred missing objects. A target that
    settings name is meant, and hears of each.
    """
    counts = Counter(desired.id.target for desired in declaration.resources if desired.id.target in idle)
    kept_drifts = tuple(drift for drift in drifts if drift.resource.target not in idle)
    notes = tuple(
        IgnoreNote(
            name,
            "not compared",
            f"{_none_of(counts[name])} here; name it under targets: in clockwork.yaml to be told",
        )
        for name in sorted(idle)
    )
    return kept_drifts, notes
