"""What is stored: objects by kind, namespace and name, with one counter of versions, and everybody who watches."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from tests.appliers.kube.schema import Kind

Object: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, str, str, str]
"""(group, plural, namespace, name)."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """What happened to an object: ``ADDED``, ``MODIFIED`` or ``DELETED``."""

    version: int
    happened: str
    key: Key
    obj: Object


def key_of(kind: Kind, namespace: str, name: str) -> Key:
    return (kind.group, kind.plural, namespace if kind.namespaced else "", name)


def timestamp() -> str:
    """The time as objects carry it: UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Store:
    """Objects that are handed out are never changed afterwards: a write puts another in their place."""

    objects: dict[Key, Object] = field(default_factory=dict)
    events: list[StoredEvent] = field(default_factory=list)
    version: int = 1000
    changed: threading.Condition = field(default_factory=lambda: threading.Condition(threading.RLock()))

    def under(self, kind: Kind, namespace: str | None) -> Iterator[tuple[Key, Object]]:
        """The objects of a kind in the order of their keys, of one namespace or of all."""
        for key in sorted(self.objects):
            if key[:2] == (kind.group, kind.plural) and namespace in {None, key[2]}:
                yield key, self.objects[key]

    def save(self, key: Key, obj: Object, happened: str) -> Object:
        """The object as stored, with its new version."""
        with self.changed:
            self.version += 1
            stored = copy.deepcopy(obj)
            stored["metadata"]["resourceVersion"] = str(self.version)
            if happened == "DELETED":
                self.objects.pop(key, None)
            else:
                self.objects[key] = stored
            self.events.append(StoredEvent(self.version, happened, key, stored))
            self.changed.notify_all()
            return stored


def fresh_uid() -> str:
    return str(uuid.uuid4())
