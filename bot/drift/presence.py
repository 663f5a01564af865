"""Whether something that is declared should be there at all, and whether something live should be declared.

Called by :mod:`bot.drift.compare`. Both answers stay silent where they would be guesses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bot.drift.live import Live
from bot.model.json import Tree, elements, get, mapping, text
from bot.model.resource import Desired, Observed, Platform, ResourceId

_NOT_OBJECTS: Final = frozenset(
    {"kustomize.config.k8s.io", "kustomize.toolkit.fluxcd.io/none", "skaffold", "kind.x-k8s.io"}
)
_HOOKS: Final = ("helm.sh/hook", "argocd.argoproj.io/hook")
_FLEETING: Final = frozenset({"Event", "TokenReview", "SubjectAccessReview", "Binding", "Eviction", "PodTemplate"})


def expected(desired: Desired, live: Live, seen_kinds: frozenset[tuple[Platform, str]]) -> bool:
    """Whether the absence of ``desired`` is worth a word."""
    match desired.id.platform:
        case Platform.KUBERNETES:
            return _object_expected(desired)
        case Platform.COMPOSE:
            return _service_expected(desired, seen_kinds)
        case _:
            return bool(live.resources) and (desired.id.platform, desired.id.kind) in seen_kinds


def _object_expected(desired: Desired) -> bool:
    id_, metadata = desired.id, mapping(desired.tree.get("metadata"))
    if id_.group in _NOT_OBJECTS or id_.kind in _FLEETING or not id_.name or "generateName" in metadata:
        return False
    annotations = mapping(metadata.get("annotations"))
    if any(hook in annotations for hook in _HOOKS):
        return False
    return not (id_.kind == "Job" and get(desired.tree, "spec", "ttlSecondsAfterFinished") is not None)


def _service_expected(desired: Desired, seen_kinds: frozenset[tuple[Platform, str]]) -> bool:
    tree = desired.tree
    if desired.id.kind != "service":
        return (Platform.COMPOSE, desired.id.kind) in seen_kinds and tree.get("external") is not True
    replicas = get(tree, "deploy", "replicas")
    return not elements(tree.get("profiles")) and tree.get("scale") != 0 and replicas != 0


def undeclared(
    live: Live,
    matched: set[int],
    projects: frozenset[str],
    bases: Mapping[ResourceId, Tree],
    tracking_labels: frozenset[str],
) -> Iterator[tuple[Observed, str]]:
    """Live resources that Git should declare, each with the reason: applied earlier, or marked as ours, or an orphan of
    a Compose project that Git declares. ``matched`` holds the ``id()`` of those that Git declares.
    """
    for id_, observed in live.resources.items():
        if id(observed) in matched:
            continue
        reason = _claim(id_, observed, projects, bases, tracking_labels)
        if reason is not None:
            yield observed, reason


def _claim(
    id_: ResourceId,
    observed: Observed,
    projects: frozenset[str],
    bases: Mapping[ResourceId, Tree],
    tracking_labels: frozenset[str],
) -> str | None:
    if id_ in bases:
        return "applied earlier and no longer in Git"
    match id_.platform:
        case Platform.KUBERNETES:
            if get(observed.tree, "metadata", "ownerReferences") or get(observed.tree, "metadata", "deletionTimestamp"):
                return None
            labels = mapping(get(observed.tree, "metadata", "labels"))
            label = next((one for one in sorted(tracking_labels) if one in labels), None)
            return None if label is None else f"carries the label {label} and is not in Git"
        case Platform.COMPOSE:
            orphan = id_.kind == "service" and id_.scope != "" and id_.scope in projects
            return f"runs in the project {text(id_.scope)}, whose files do not declare it" if orphan else None
        case _:
            return None
