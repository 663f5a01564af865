"""Applies to a Kubernetes cluster: server-side apply as the field manager ``clockwork``, and what an apply cannot do.

An apply says what Git says and takes nothing from others: a field that somebody else owns with another value is a conflict,
and ``Refused`` with who owns what, unless ``force_conflicts`` allows taking it over. Fields of which only ourselves are the
other owner, by an earlier creation or restoring, are taken over always; fields that no difference names, such as what an
autoscaler sets, are left to their owners (:mod:`bot.appliers.kubernetes_held`). What is only live and belongs to others
stays after an apply, so it is removed by a JSON Patch (:mod:`bot.appliers.kubernetes_fields`), and so are single fields put
back.

Every attempt looks first, and tells by what it sees what is done already. An object with another uid than the one that was
seen is ``Stale``, and so is one of whose named fields one changed meanwhile. Nothing is deleted but with its uid and resource
version as preconditions. What is created under a name that must be free carries the token of its work as an annotation, so
that a later attempt knows its own. Each write is harmless the second time; after one without an answer the cluster is read
again.

It needs ``get``, ``create``, ``patch`` and ``delete`` on the declared kinds; ``list`` on pods for evidence, ``get`` on storage
classes and definitions of custom resources where those tell more; ``get`` and ``patch`` on what Flux or Argo CD keeps objects
by, where restoring is to ask them (:mod:`bot.appliers.reconcilers`).

What Git alone cannot tell of an object (``Desired.unknown``) is never left out: an apply that names less takes away what it
named before. Such an object is ``Refused``, as plans do already.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Final, TypeVar

from bot.appliers.commands import STEP_SECONDS
from bot.appliers.kubernetes_attempt import ApplyRules, ObjectAttempt
from bot.appliers.kubernetes_objects import ClusterObjects, ObjectReference, not_served
from bot.appliers.kubernetes_refusals import NotRehearsed, WaitOver
from bot.drift.options import ComparisonOptions
from bot.errors import Refused, Unavailable
from bot.kubeapi.access import access
from bot.kubeapi.api import ClusterApi
from bot.model.action import Evidence, HealthReport, Operation, Work
from bot.model.json import Tree, get, mapping, text

_PAUSES: Final = (0.1, 0.3, 1.0, 2.0, 4.0)
"""Seconds between attempts at the same work while the cluster does not answer or the object keeps changing."""
_NEW_KIND_SECONDS: Final = 30.0
"""How long a kind may take from being defined to being served."""

Result = TypeVar("Result")


@dataclass(slots=True, weakref_slot=True)
class KubernetesApplier:
    """Applies to one cluster. ``options`` are those of the comparison that found the drifts: the shapes of custom resources
    tell by which keys their lists compare. ``seconds`` bound waiting for a deletion, ``timeout`` one request.

    Needs the ``kubernetes`` library (extra ``kubernetes``). Several threads may use it. It keeps its
    connections until it is closed or forgotten.
    """

    kubeconfig: str | None = None
    context: str | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    options: ComparisonOptions = field(default_factory=lambda: ComparisonOptions(b""), repr=False)
    force_conflicts: bool = False
    argo_namespace: str = "argocd"
    timeout: float = 15.0
    seconds: float = STEP_SECONDS
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    _objects: ClusterObjects | None = field(default=None, init=False, repr=False)
    _written: dict[str, Tree] = field(default_factory=dict, init=False, repr=False)
    _namespace: str = field(default="", init=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def rehearse(self, work: Work) -> None:
        with suppress(NotRehearsed):
            self._tried(lambda: self._attempt(work).rehearse())

    def carry_out(self, work: Work) -> Evidence:
        return self._tried(lambda: self._attempt(work, patience=_NEW_KIND_SECONDS).carry_out())

    def health(self, work: Work, *, now: datetime) -> HealthReport:
        return self._tried(lambda: self._attempt(work).health(now))

    def close(self) -> None:
        with self._lock:
            if self._objects is not None:
                self._objects.api.close()
                self._objects = None

    @property
    def _rules(self) -> ApplyRules:
        return ApplyRules(self.options, self.force_conflicts, self.argo_namespace, self.seconds, self.sleep)

    def _tried(self, attempt: Callable[[], Result]) -> Result:
        """What the first attempt with an answer comes to. Each looks at the cluster anew."""
        for pause in _PAUSES:
            try:
                return attempt()
            except WaitOver:
                raise
            except Unavailable:
                self.sleep(pause)
        return attempt()

    def _connected(self) -> ClusterObjects:
        with self._lock:
            if self._objects is None:
                reach = access(self.kubeconfig, self.context, self.environment)
                self._namespace = reach.namespace
                api = ClusterApi(reach, self.timeout)
                weakref.finalize(self, api.close)
                self._objects = ClusterObjects(api, self.sleep)
            return self._objects

    def _attempt(self, work: Work, *, patience: float = 0.0) -> ObjectAttempt:
        objects, desired = self._connected(), work.desired
        if desired is not None and desired.unknown:
            raise Refused(
                f"{work.action.resource}: it holds values that Git alone does not tell",
                advice="deploy it with what fills them in",
            )
        return ObjectAttempt(work, objects, self._reference(work, objects, patience), self._rules, self._written)

    def _reference(self, work: Work, objects: ClusterObjects, patience: float) -> ObjectReference | None:
        """Where the object is or will be; None for one to be deleted whose kind nobody serves any more."""
        id_, tree = work.action.resource, _tree(work)
        version = text(tree.get("apiVersion"))
        served = (
            objects.served(version, id_.kind, patience=patience)
            if version
            else objects.served_in_any_version(id_.group, id_.kind)
        )
        if served is None and work.action.operation is Operation.DELETE:
            return None
        if served is None:
            raise not_served(str(id_), version or id_.group, id_.kind)
        live = mapping(None) if work.live is None else work.live.tree
        namespaces = (text(get(side_tree, "metadata", "namespace")) for side_tree in (tree, live))
        namespace = next(filter(None, namespaces), id_.scope or self._namespace) if served.namespaced else ""
        name = text(get(tree, "metadata", "name")) or id_.name
        return ObjectReference(served, namespace, name, str(id_), secret=(id_.group, id_.kind) == ("", "Secret"))


def _tree(work: Work) -> Tree:
    """What names the object's version and name: as Git declares it, else as it was seen."""
    if work.desired is not None:
        return work.desired.tree
    return mapping(None) if work.live is None else work.live.tree
