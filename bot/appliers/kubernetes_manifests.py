"""The bodies that are sent for one declared object: to apply it, to create it, to start it again. Pure.

Used by :mod:`bot.appliers.kubernetes`. What the server keeps about an object is left out, and a Secret's ``stringData``, which
only the server takes in (Kubernetes API reference, "Secret"), is written as the ``data`` that it becomes: so its owner is
recorded.
"""

from __future__ import annotations

from typing import Final

from bot.appliers.kubernetes_objects import ObjectReference
from bot.drift.values import encoded
from bot.model.json import JSON, Tree, get, mapping, plain, text

BY_WORK: Final = "clockwork.dev/applied-by-token"
"""The annotation that tells by which work an object was created."""
RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
"""The annotation of a pod template by which ``kubectl rollout restart`` starts a workload again
(kubernetes/kubectl ``pkg/polymorphichelpers/objectrestarter.go``).
"""
_SERVERS_OWN: Final = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generation",
        "managedFields",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
"""Kubernetes API reference, "ObjectMeta": read-only, or populated by the system."""


def uid_of(tree: Tree) -> str:
    """The identity of a live object, another one for each that has the name."""
    return text(get(tree, "metadata", "uid"))


def version_of(tree: Tree) -> str:
    """The resource version of a live object."""
    return text(get(tree, "metadata", "resourceVersion"))


def applied(tree: Tree, reference: ObjectReference, live: Tree | None) -> Tree:
    """What server-side apply is sent; with the uid of ``live``, so that no other object is applied to or made."""
    body = _declared(tree, reference)
    metadata = mapping(body["metadata"])
    return body if live is None else {**body, "metadata": {**metadata, "uid": uid_of(live)}}


def created(tree: Tree, reference: ObjectReference, token: str) -> Tree:
    """What is sent to make it anew, with the annotation by which it is known again."""
    body = _declared(tree, reference)
    metadata = mapping(body["metadata"])
    notes = {**mapping(metadata.get("annotations")), BY_WORK: token}
    return {**body, "metadata": {**metadata, "annotations": notes}}


def restarted(live: Tree, at: str) -> Tree:
    """The merge patch that starts a workload again, as long as it is exactly ``live``."""
    metadata: Tree = {"uid": uid_of(live), "resourceVersion": version_of(live)}
    return {"metadata": metadata, "spec": {"template": {"metadata": {"annotations": {RESTARTED: at}}}}}


def _declared(tree: Tree, reference: ObjectReference) -> Tree:
    body: dict[str, JSON] = {key: plain(value) for key, value in tree.items() if key not in {"status", "metadata"}}
    metadata = {key: plain(value) for key, value in mapping(tree.get("metadata")).items() if key not in _SERVERS_OWN}
    namespace: Tree = {"namespace": reference.namespace} if reference.namespace else {}
    body["metadata"] = {**metadata, "name": reference.name, **namespace}
    if reference.secret and "stringData" in body:
        texts = mapping(body.pop("stringData"))
        body["data"] = {**mapping(body.get("data")), **{key: encoded(value) for key, value in texts.items()}}
    return body
