"""Which live object a manifest means, whether it should be there at all, and whether Git should declare a live one.

Called by :mod:`bot.drift.presence`. Every answer stays silent where it would be a guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bot.drift.kubernetes.versions import SUCCESSORS
from bot.drift.live import Live
from bot.model.hooks import is_hook
from bot.model.json import get, mapping
from bot.model.resource import Desired, Observed, ResourceId

_NOT_OBJECTS: Final = frozenset(
    {"kustomize.config.k8s.io", "kustomize.toolkit.fluxcd.io/none", "skaffold", "kind.x-k8s.io"}
)
"""Groups of files that command-line tools read and no API server stores: kustomization.yaml, skaffold.yaml, kind's."""
_FLEETING: Final = frozenset({"Event", "TokenReview", "SubjectAccessReview", "Binding", "Eviction", "PodTemplate"})
"""Requests that are answered and not kept, and what comes and goes by itself (Kubernetes API reference)."""

_LABEL: Final = "clockwork.dev/managed"
"""Says of a live object that Git should declare it."""
_RELEASE: Final = "helm.sh/release.v1"
"""The type of the Secrets ``sh.helm.release.v1.*`` (Helm docs, "Advanced Helm Techniques": storage backends)."""


def matching(live: Live, id_: ResourceId) -> Observed | None:
    """The live object that a manifest without a namespace, or of a kind that has none, means.

    Its kind's cluster-scoped object, whatever namespace the manifest names: the API server would not keep it. Without a
    namespace else the one in ``default``, or the only one of that name. Objects of a group that is gone are served by
    another one.
    """
    candidates = [
        other_observed
        for candidate_id in (id_, *_other_groups(id_))
        for other_observed in live.named(candidate_id, id_.name)
    ]
    in_scope = next((observed for observed in candidates if observed.id.scope == id_.scope), None)
    if in_scope is not None:
        return in_scope
    if id_.scope:
        return next((observed for observed in candidates if not observed.id.scope), None)
    in_default_scope = next((observed for observed in candidates if observed.id.scope in {"", "default"}), None)
    return candidates[0] if in_default_scope is None and len(candidates) == 1 else in_default_scope


def _other_groups(id_: ResourceId) -> Iterator[ResourceId]:
    """The same object as the groups that serve it now, or did, name it."""
    if (successor := SUCCESSORS.get((id_.group, id_.kind))) is not None:
        yield id_._replace(group=successor)
    for (group, kind), successor in SUCCESSORS.items():
        if (successor, kind) == (id_.group, id_.kind):
            yield id_._replace(group=group)


def expected(desired: Desired) -> bool:
    """Whether the absence of ``desired`` is worth a word."""
    id_, metadata = desired.id, mapping(desired.tree.get("metadata"))
    if id_.group in _NOT_OBJECTS or id_.kind in _FLEETING or not id_.name or "generateName" in metadata:
        return False
    if is_hook(desired.tree):
        return False
    # deleted by the TTL controller once it is finished (Kubernetes: Automatic Cleanup for Finished Jobs)
    return not (id_.kind == "Job" and get(desired.tree, "spec", "ttlSecondsAfterFinished") is not None)


def claim(observed: Observed) -> str | None:
    """Why Git should declare a live object: it carries our label; None where nothing says so.

    What a controller owns is declared by its owner, what is being deleted is on its way, and Helm's record of a release is
    Helm's own.
    """
    if get(observed.tree, "metadata", "ownerReferences") or get(observed.tree, "metadata", "deletionTimestamp"):
        return None
    if observed.tree.get("type") == _RELEASE:
        return None
    has_label = _LABEL in mapping(get(observed.tree, "metadata", "labels"))
    return f"carries the label {_LABEL} and is not in Git" if has_label else None
