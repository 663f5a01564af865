"""What else tells how an object is: its pods, and the storage class of a claim."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from bot.appliers.kubernetes_health import pod_evidence, selector_of
from bot.appliers.kubernetes_objects import ClusterObjects
from bot.model.json import Tree, get, mapping, mappings, text

_PODS: Final = 50


def binding_mode(live: Tree, objects: ClusterObjects) -> str:
    """The volume binding mode of a claim that has no volume yet."""
    if text(live.get("kind")) != "PersistentVolumeClaim" or get(live, "status", "phase") == "Bound":
        return ""
    name = text(get(live, "spec", "storageClassName"))
    class_ = objects.lookup(f"/apis/storage.k8s.io/v1/storageclasses/{name}") if name else None
    return text(mapping(class_).get("volumeBindingMode"))


def pod_problems_of(live: Tree, objects: ClusterObjects, namespace: str, now: datetime) -> tuple[str, ...]:
    """What is wrong with the first pods of a workload, where they may be read."""
    labels = selector_of(live)
    if not labels:
        return ()
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    page = objects.lookup(f"/api/v1/namespaces/{namespace}/pods", {"labelSelector": selector, "limit": str(_PODS)})
    pods = list(mappings(mapping(page).get("items")))
    return tuple(dict.fromkeys(line for pod in pods for line in pod_evidence(pod, now)))
