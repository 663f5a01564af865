"""What controllers write on the objects that they apply: labels and annotations that no repository sets.

A live object carries them and its rendering does not; that is no drift. Called by whoever compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.model.json import Pointer
from bot.model.target import UnitKind

_HELM_LABELS: Final = frozenset({"app.kubernetes.io/managed-by"})
_HELM_ANNOTATIONS: Final = frozenset({"meta.helm.sh/release-name", "meta.helm.sh/release-namespace"})
"""``setMetadataVisitor`` in helm's ``pkg/action/validate.go``."""
_FLUX: Final = frozenset({"kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace"})
"""``SetOwnerLabels`` of fluxcd/pkg's ``ssa``, which kustomize-controller calls with its group."""
_FLUX_OLD: Final = frozenset({"kustomize.toolkit.fluxcd.io/checksum"})
"""kustomize-controller before v0.15 (its changelog) left this one."""
_FLUX_HELM: Final = frozenset({"helm.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/namespace"})
"""helm-controller docs, "Origin labels"."""
_ARGO_LABELS: Final = frozenset({"app.kubernetes.io/instance", "argocd.argoproj.io/instance"})
_ARGO_ANNOTATIONS: Final = frozenset({"argocd.argoproj.io/tracking-id", "argocd.argoproj.io/installation-id"})
"""argo-cd docs, "Resource Tracking": the label is the default, or one that argocd-cm names, or the annotation."""

LABELS: Final[Mapping[UnitKind, frozenset[str]]] = {
    UnitKind.HELM: _HELM_LABELS,
    UnitKind.FLUX_KUSTOMIZATION: _FLUX | _FLUX_OLD,
    UnitKind.FLUX_HELM_RELEASE: _HELM_LABELS | _FLUX_HELM,
    UnitKind.ARGO_APPLICATION: _ARGO_LABELS,
}
ANNOTATIONS: Final[Mapping[UnitKind, frozenset[str]]] = {
    UnitKind.HELM: _HELM_ANNOTATIONS,
    UnitKind.FLUX_KUSTOMIZATION: _FLUX_OLD,
    UnitKind.FLUX_HELM_RELEASE: _HELM_ANNOTATIONS,
    UnitKind.ARGO_APPLICATION: _ARGO_ANNOTATIONS,
}


def is_controllers(kind: UnitKind, pointer: Pointer) -> bool:
    """Whether the controller of a unit writes at ``pointer`` of each object that it applies.

    Only where the rendering has nothing there: a chart may set ``app.kubernetes.io/managed-by`` itself.
    """
    match pointer:
        case ("metadata", "labels", str(name)):
            return name in LABELS.get(kind, ())
        case ("metadata", "annotations", str(name)):
            return name in ANNOTATIONS.get(kind, ())
        case _:
            return False
