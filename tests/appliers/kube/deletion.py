"""Deleting: preconditions, finalizers, what depends on the deleted, and the contents of namespaces.

https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.appliers.kube import status
from tests.appliers.kube.schema import Kind
from tests.appliers.kube.store import Key, Object, Store
from tests.appliers.kube.writes import Call, Writer

_FINALIZERS: Final = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}


class Deleter:
    """Deletes objects. ``kind_of`` is the kind of a stored object; ``collect`` whether there is a garbage collector."""

    def __init__(
        self, store: Store, writer: Writer, kind_of: Callable[[Key], Kind], collect: Callable[[], bool]
    ) -> None:
        self._store = store
        self._writer = writer
        self._kind_of = kind_of
        self._collect = collect

    def delete(self, call: Call, options: Mapping[str, Any]) -> tuple[int, Object]:
        """The answer to a DELETE: 200 with a Status or the object, 202 where it still waits for its finalizers.

        Raises:
            Failed: 404; 409 where a precondition does not hold.
        """
        live = self._writer.live(call)
        self._preconditions(call, live, options.get("preconditions") or {})
        policy = options.get("propagationPolicy") or ("Orphan" if options.get("orphanDependents") else "Background")
        finalizers = list(live["metadata"].get("finalizers", ()))
        if policy in _FINALIZERS and _FINALIZERS[policy] not in finalizers:
            finalizers.append(_FINALIZERS[policy])
        spaced = call.kind.kind == "Namespace" and not call.kind.custom
        if not finalizers and not spaced:
            self._writer.delete_now(call, live)
            if not call.dry_run:
                self._collected(live, orphan=False)
            return 200, _deleted(call, live)
        waiting = self._writer.mark_deleted(call, live, finalizers)
        if call.dry_run:
            return 200, waiting
        return (200, self._finished(call, waiting, spaced=spaced))

    def _preconditions(self, call: Call, live: Object, preconditions: Mapping[str, Any]) -> None:
        for name, word in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
            wanted = preconditions.get(name)
            if wanted and wanted != live["metadata"][name]:
                held = live["metadata"][name]
                why = f"Precondition failed: {word} in precondition: {wanted}, {word} in object meta: {held}"
                raise status.conflict(call.kind, call.name, why)

    def _finished(self, call: Call, waiting: Object, *, spaced: bool) -> Object:
        """The object after the collectors did what they wait for; they do it only where they run."""
        if not self._collect():
            return self._terminating(call, waiting) if spaced else waiting
        if spaced:
            waiting = self._terminating(call, waiting)
            self._emptied(call.name)
        held = list(waiting["metadata"].get("finalizers", ()))
        if set(held) & set(_FINALIZERS.values()):
            self._collected(waiting, orphan="orphan" in held)
        left = [each for each in held if each not in _FINALIZERS.values()]
        return self._released(call, waiting, left)

    def _released(self, call: Call, waiting: Object, left: list[str]) -> Object:
        done = copy.deepcopy(waiting)
        done["metadata"].pop("finalizers", None)
        if left:
            done["metadata"]["finalizers"] = left
            return done if done == waiting else self._store.save(call.key, done, "MODIFIED")
        if call.kind.kind == "Namespace" and any(key[2] == call.name for key in self._store.objects):
            return self._store.save(call.key, done, "MODIFIED")
        self._store.save(call.key, done, "DELETED")
        return waiting

    def _terminating(self, call: Call, waiting: Object) -> Object:
        changed = copy.deepcopy(waiting)
        changed["status"] = {"phase": "Terminating"}
        return self._store.save(call.key, changed, "MODIFIED")

    def _emptied(self, namespace: str) -> None:
        for key in [key for key in self._store.objects if key[2] == namespace]:
            if key in self._store.objects:
                self.delete(self._call(key), {})

    def _call(self, key: Key) -> Call:
        return Call(self._kind_of(key), key[2], key[3])

    def _collected(self, owner: Object, *, orphan: bool) -> None:
        if not self._collect():
            return
        uid = owner["metadata"]["uid"]
        for key, obj in list(self._store.objects.items()):
            references = obj["metadata"].get("ownerReferences", ())
            left = [each for each in references if each.get("uid") != uid]
            if len(left) == len(references) or key not in self._store.objects:
                continue
            if left or orphan:
                changed = copy.deepcopy(obj)
                changed["metadata"]["ownerReferences"] = left
                if not left:
                    del changed["metadata"]["ownerReferences"]
                self._store.save(key, changed, "MODIFIED")
            else:
                self.delete(self._call(key), {})


def _deleted(call: Call, live: Object) -> Object:
    details = {"name": call.name, "kind": call.kind.plural, "uid": live["metadata"]["uid"]}
    group = {"group": call.kind.group} if call.kind.group else {}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details | group}
