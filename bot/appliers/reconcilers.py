"""Asks Flux or Argo CD to put an object back, where one of them keeps it: two writers of one field would only fight.

Used by the Kubernetes applier for restoring. Who keeps an object is told by the marks that Flux and Argo CD leave on it, and
only where the object that they name is there; else nobody is asked and the applier does it itself.

Sources: Flux docs, "Kustomization" and "HelmRelease" ("Triggering a reconcile", "Forcing a release", "Suspend"); labels:
fluxcd/kustomize-controller and helm-controller, their ``GroupVersion.Group`` with ``/name`` and ``/namespace``; Argo CD
docs, "Resource Tracking", "Annotations and Labels used by Argo CD", "Applications in any namespace"; ``Operation``,
``SyncOperation`` and ``OperationState``: argoproj/argo-cd ``pkg/apis/application/v1alpha1/types.go``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bot.appliers.kubernetes_objects import ClusterObjects, ObjectReference
from bot.drift.kubernetes.conditions import condition_of
from bot.errors import Refused, Unavailable
from bot.model.action import Evidence, HealthReport, HealthState, Work
from bot.model.json import JSON, Tree, get, mapping, mappings, text, texts
from bot.model.resource import api_group
from bot.secrecy.sanitize import sanitized

_KUSTOMIZE: Final = "kustomize.toolkit.fluxcd.io"
_HELM: Final = "helm.toolkit.fluxcd.io"
_FLUX_KINDS: Final = ((_KUSTOMIZE, "Kustomization"), (_HELM, "HelmRelease"))
_TURNED_OFF: Final = (("reconcile", "disabled"), ("ssa", "Ignore"), ("ssa", "IfNotPresent"))
"""Notes on an object by which Flux leaves it alone (its docs, "Kustomization", "Controlling the apply behavior")."""
_REQUESTED: Final = "reconcile.fluxcd.io/requestedAt"
_FORCED: Final = "reconcile.fluxcd.io/forceAt"
_ARGO: Final = "argoproj.io"
_TRACKING: Final = "argocd.argoproj.io/tracking-id"
_INSTANCES: Final = ("argocd.argoproj.io/instance", "app.kubernetes.io/instance")
_REFRESH: Final = "argocd.argoproj.io/refresh"
_INFO: Final = "clockwork"
_BUSY: Final = frozenset({"Running", "Terminating"})
_LOST: Final = frozenset({"Failed", "Error"})
_SHOWN: Final = 300


def written_moment(at: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Reconciler:
    """The Kustomization, HelmRelease or Application that keeps an object. ``tree`` is it as it was read."""

    objects: ClusterObjects
    ref: ObjectReference
    tree: Tree

    @property
    def name(self) -> str:
        """What people call it: ``Flux Kustomization flux-system/apps``."""
        return self.ref.subject

    def ask(self, work: Work, *, rehearsal: bool = False) -> Evidence:
        """It has been asked to put back what ``work`` is about; asking for the same work again asks nothing new. ``Refused``
        where it is suspended.
        """
        kind = text(self.tree.get("kind"))
        if kind == "Application":
            return self._ask_argo(work, rehearsal=rehearsal)
        if get(self.tree, "spec", "suspend") is True:
            raise Refused(
                f"{work.action.resource}: the {self.name} keeps it and is suspended",
                advice="resume it, or put the fields back by hand",
            )
        notes = {_REQUESTED: written_moment(work.at)}
        if kind == "HelmRelease":
            notes[_FORCED] = notes[_REQUESTED]  # a release is upgraded for a reason alone, and drift is none by itself
        if {**mapping(get(self.tree, "metadata", "annotations")), **notes} != get(self.tree, "metadata", "annotations"):
            self.objects.merge(self.ref, {"metadata": {"annotations": notes}}, rehearsal=rehearsal)
        return self._evidence("reconcile", notes[_REQUESTED])

    def health(self, work: Work, remaining_paths: tuple[str, ...]) -> HealthReport | None:
        """How far it is with it while the fields ``remaining_paths`` are not back; None where all are."""
        if not remaining_paths:
            return None
        waiting = f"the {self.name} has not put back yet: {', '.join(remaining_paths)}"
        state = mapping(get(self.tree, "status", "operationState"))
        if _is_ours(mapping(state.get("operation")), work) and text(state.get("phase")) in _LOST:
            return HealthReport(HealthState.FAILED, (waiting, f"its sync ended: {_shown(text(state.get('message')))}"))
        ready = condition_of(self.tree, "Ready")
        evidence = (f"it says: {_shown(text(ready.get('message')))}",) if ready.get("status") == "False" else ()
        return HealthReport(HealthState.PROGRESSING, (waiting, *evidence))

    def _ask_argo(self, work: Work, *, rehearsal: bool) -> Evidence:
        running, state = mapping(self.tree.get("operation")), mapping(get(self.tree, "status", "operationState"))
        if _is_ours(running, work) or _is_ours(mapping(state.get("operation")), work):
            return self._evidence("sync", work.token)
        if running or text(state.get("phase")) in _BUSY:
            raise Unavailable(f"{work.action.resource}: the {self.name} is in the middle of another sync")
        body: Tree = {
            "metadata": {"resourceVersion": text(get(self.tree, "metadata", "resourceVersion"))},
            "operation": _sync(work, self.tree),
        }
        try:
            self.objects.merge(self.ref, body, rehearsal=rehearsal)
        except Refused:
            note: Tree = {"metadata": {"annotations": {_REFRESH: "normal"}}}
            self.objects.merge(self.ref, note, rehearsal=rehearsal)
            return self._evidence("refresh", written_moment(work.at))
        return self._evidence("sync", work.token)

    def _evidence(self, deed: str, by: str) -> Evidence:
        return Evidence(f"the {self.name} keeps it and was asked to {deed}", {"asked": self.name, deed: by})


def reconciler_of(live: Tree, objects: ClusterObjects, *, argo_namespace: str) -> Reconciler | None:
    """Who keeps the object: what its marks name and what is there. None where nobody does."""
    for group, kind, namespace, name in (*_flux(live), *_argo(live, argo_namespace)):
        served = objects.served_in_any_version(group, kind)
        if served is None:
            continue
        tool = "Argo CD" if group == _ARGO else "Flux"
        reference = ObjectReference(served, namespace, name, f"{tool} {kind} {namespace}/{name}")
        tree = objects.read(reference)
        if tree is not None and (group != _ARGO or _keeps(tree, live)):
            return Reconciler(objects, reference, {**tree, "kind": kind})
    return None


def _flux(live: Tree) -> Iterator[tuple[str, str, str, str]]:
    labels = mapping(get(live, "metadata", "labels"))
    notes = mapping(get(live, "metadata", "annotations"))
    for group, kind in _FLUX_KINDS:
        name, namespace = text(labels.get(f"{group}/name")), text(labels.get(f"{group}/namespace"))
        off = any(text(notes.get(f"{group}/{key}")).lower() == value.lower() for key, value in _TURNED_OFF)
        if name and namespace and not off:
            yield group, kind, namespace, name


def _argo(live: Tree, argo_namespace: str) -> Iterator[tuple[str, str, str, str]]:
    """Where the Application may be: in Argo CD's own namespace, or in the one that its name begins with."""
    labels, notes = mapping(get(live, "metadata", "labels")), mapping(get(live, "metadata", "annotations"))
    tracking = text(notes.get(_TRACKING))
    names = [tracking.partition(":")[0]] if tracking else [text(labels.get(key)) for key in _INSTANCES]
    for name in dict.fromkeys(filter(None, names)):
        yield _ARGO, "Application", argo_namespace, name
        namespace, underscore, name_part = name.partition("_")
        if underscore and name_part:
            yield _ARGO, "Application", namespace, name_part


def _keeps(application: Tree, live: Tree) -> bool:
    """Whether the Application has the object among its resources: a label may be somebody else's, or copied with it."""
    own_identity = _identity(live)
    return any(_resource(entry) == own_identity for entry in mappings(get(application, "status", "resources")))


def _identity(live: Tree) -> tuple[str, str, str, str]:
    metadata = mapping(live.get("metadata"))
    kind, group = text(live.get("kind")), api_group(live.get("apiVersion"))
    return group, kind, text(metadata.get("namespace")), text(metadata.get("name"))


def _resource(entry: Tree) -> tuple[str, ...]:
    return tuple(text(entry.get(key)) for key in ("group", "kind", "namespace", "name"))


def _sync(work: Work, application: Tree) -> Tree:
    """One sync of this object alone, to what the Application names. An operation does not take the options of the
    Application by itself.
    """
    live = work.live.tree if work.live is not None else mapping(None)
    keys = ("group", "kind", "namespace", "name")
    resource: Tree = {key: value for key, value in zip(keys, _identity(live), strict=True) if value}
    options: JSON = list(texts(get(application, "spec", "syncPolicy", "syncOptions")))
    sync: dict[str, JSON] = {"resources": [resource], "syncStrategy": {"hook": {}}}
    if options:
        sync["syncOptions"] = options
    return {
        "initiatedBy": {"username": "clockwork"},
        "info": [{"name": _INFO, "value": work.token}],
        "sync": sync,
    }


def _is_ours(operation: Tree, work: Work) -> bool:
    return {"name": _INFO, "value": work.token} in [dict(entry) for entry in mappings(operation.get("info"))]


def _shown(message: str) -> str:
    return sanitized(message)[:_SHOWN]
