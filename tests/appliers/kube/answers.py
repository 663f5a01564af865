"""What requests are answered with: objects, lists, scales, and streams of events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.appliers.kube.schema import Kind
from tests.appliers.kube.selectors import selected
from tests.appliers.kube.store import Key, Object, StoredEvent


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back. ``watch`` is a stream of events in place of a body."""

    code: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    watch: Watch | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """A watch of a kind from a version on; ``present`` are what it begins with."""

    kind: Kind
    namespace: str | None
    query: Mapping[str, str]
    version: int
    present: tuple[Object, ...]

    def bookmark(self) -> dict[str, Any] | None:
        """What tells the watcher that what it began with has ended, where it asked for that (``sendInitialEvents``)."""
        if self.query.get("sendInitialEvents") != "true":
            return None
        ended = {"resourceVersion": str(self.version), "annotations": {"k8s.io/initial-events-end": "true"}}
        head = {"kind": self.kind.kind, "apiVersion": self.kind.api_version}
        return {"type": "BOOKMARK", "object": head | {"metadata": ended}}

    def line(self, event: StoredEvent, seen: set[Key]) -> dict[str, Any] | None:
        """What the watcher is told of an event: an object that comes to be selected is new to it, and the other way."""
        spaced = self.namespace in {None, event.key[2]}
        if event.key[:2] != (self.kind.group, self.kind.plural) or not spaced:
            return None
        fits = event.happened != "DELETED" and selected(self.query, event.obj)
        known = event.key in seen or (event.happened != "ADDED" and selected(self.query, event.obj))
        (seen.add if fits else seen.discard)(event.key)
        if not fits and not known:
            return None
        happened = ("MODIFIED" if known else "ADDED") if fits else "DELETED"
        return {"type": happened, "object": event.obj | {"apiVersion": self.kind.api_version}}


def scale_of(obj: Mapping[str, Any]) -> Object:
    """The ``Scale`` of a workload."""
    meta = {
        name: obj["metadata"][name] for name in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    }
    labels = obj["spec"].get("selector", {}).get("matchLabels", {})
    selector = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": meta,
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": {"replicas": obj.get("status", {}).get("replicas", 0), "selector": selector},
    }


def headless(obj: Object, kind: Kind) -> Object:
    """An item of a list: those of built-in kinds do not say what they are."""
    if kind.custom:
        return obj | {"apiVersion": kind.api_version}
    return {name: value for name, value in obj.items() if name not in {"apiVersion", "kind"}}
