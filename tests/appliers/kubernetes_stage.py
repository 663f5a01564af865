"""One cluster with an applier, and works as plans make them: from a comparison of what is declared with what runs."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.appliers.kubernetes import KubernetesApplier
from bot.drift.compare import compare
from bot.drift.options import ComparisonOptions
from bot.model.action import Action, Operation, Work
from bot.model.decision import Lane
from bot.model.drift import Drift
from bot.model.json import Tree, get, text
from bot.model.observation import Observation
from bot.model.resource import Desired, Observed, Platform, ResourceId, SourceKind, api_group
from tests.appliers.apiserver import ApiServer

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
TOKEN = "token-1"
OPTIONS = ComparisonOptions(b"")


def deployment(*, image: str = "nginx:1.27", replicas: int = 2, **container: Any) -> dict[str, Any]:
    """``shop/web`` as its author writes it."""
    labels = {"app": "web"}
    pod = {"containers": [{"name": "web", "image": image, **container}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": spec,
    }


def config(**data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "shop"},
        "data": data,
    }


def secret(**data: str) -> dict[str, Any]:
    metadata = {"name": "login", "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}


def job(image: str = "busybox:1.37") -> dict[str, Any]:
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": image}]}
    metadata = {"name": "migrate", "namespace": "shop"}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": {"spec": pod}}}


def service(port: int) -> dict[str, Any]:
    """``shop/web`` with one port of the name ``http``."""
    metadata = {"name": "web", "namespace": "shop"}
    spec = {"clusterIP": "10.96.9.9", "selector": {"app": "web"}, "ports": [{"name": "http", "port": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def id_of(tree: Tree) -> ResourceId:
    namespace, name = text(get(tree, "metadata", "namespace")), text(get(tree, "metadata", "name"))
    return ResourceId(Platform.KUBERNETES, text(tree.get("kind")), namespace, name, api_group(tree.get("apiVersion")))


def declared(tree: Tree) -> Desired:
    return Desired(id_of(tree), str(id_of(tree)), SourceKind.KUBERNETES, tree, "shop.yaml", 1)


@dataclass
class Stage:
    """``server`` runs; ``applier`` reaches it and does not really sleep: ``slept`` has the seconds that it wanted to."""

    server: ApiServer
    folder: Path
    applier: KubernetesApplier
    slept: list[float] = field(default_factory=list)

    def live(self, tree: Tree) -> dict[str, Any] | None:
        """What runs under the name of a tree."""
        id_ = id_of(tree)
        found = self.server.get(text(tree.get("apiVersion")), id_.kind, id_.scope, id_.name)
        return copy.deepcopy(found)

    def drifts(self, tree: Tree, base: Tree | None = None) -> tuple[Drift, ...]:
        """What the comparison tells of it now."""
        live = self.live(tree)
        id_ = id_of(tree)
        resources = {} if live is None else {id_: Observed(id_, live)}
        seen = Observation(NOW, resources, frozenset({Platform.KUBERNETES}))
        return compare([declared(tree)], seen, options=OPTIONS, bases={} if base is None else {id_: base}).drift

    def work(
        self,
        operation: Operation,
        tree: Tree,
        *,
        base: Tree | None = None,
        token: str = TOKEN,
        partial: bool = False,
        delete: bool = False,
    ) -> Work:
        """The work that a plan made of what runs at this moment; ``base`` is what was applied last."""
        id_, live = id_of(tree), self.live(tree)
        action = Action(operation, id_, str(id_), (), Lane.NOTHING, "low", "rule")
        return Work(
            action,
            None if delete else declared(tree),
            None if live is None else Observed(id_, live),
            token,
            NOW,
            () if delete else self.drifts(tree, base),
            partial,
        )

    def lines(self, method: str = "") -> list[str]:
        """What was asked, of one method or of all."""
        return [request.line for request in self.server.requests if request.method.startswith(method)]

    def writes(self) -> list[str]:
        return [line for line in self.lines() if not line.startswith("GET")]


@contextmanager
def stage(folder: Path, **settings: Any) -> Iterator[Stage]:
    """A server with the namespace ``shop``, and an applier for it."""
    with ApiServer() as server:
        server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        slept: list[float] = []
        environment = {"KUBECONFIG": str(server.kubeconfig(folder))}
        applier = KubernetesApplier(environment=environment, sleep=slept.append, **settings)
        try:
            yield Stage(server, folder, applier, slept)
        finally:
            applier.close()
