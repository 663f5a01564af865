"""Small makers of declared and live things, for the tables of these tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.drift.options import ComparisonOptions
from bot.model.json import Tree
from bot.model.resource import Desired, Observed, Platform, ResourceId, SourceKind

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
OPTIONS = ComparisonOptions(mask_key=b"a key for tests")


def kubernetes_id(tree: Mapping[str, Any]) -> ResourceId:
    metadata = tree["metadata"]
    group, slash, _ = str(tree["apiVersion"]).partition("/")
    return ResourceId(
        Platform.KUBERNETES, tree["kind"], metadata.get("namespace", ""), metadata["name"], group if slash else ""
    )


def declared(tree: Mapping[str, Any], *, file: str = "k8s/app.yaml", blob: str | None = None) -> Desired:
    id_ = kubernetes_id(tree)
    return Desired(id_, str(id_), SourceKind.KUBERNETES, tree, file, 1, blob=blob)


def live(tree: Mapping[str, Any], *, version: str = "") -> Observed:
    return Observed(kubernetes_id(tree), tree, version=version)


def service(tree: Tree, *, name: str = "web", project: str = "shop") -> Desired:
    id_ = ResourceId(Platform.COMPOSE, "service", project, name)
    return Desired(id_, str(id_), SourceKind.COMPOSE, tree, "compose.yaml", 1)


def running(tree: Tree, *, name: str = "web", project: str = "shop") -> Observed:
    return Observed(ResourceId(Platform.COMPOSE, "service", project, name), tree)


def deployment(**container: Any) -> dict[str, Any]:
    """A declared Deployment with one container ``web``; keywords are fields of the container."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}, "annotations": {"note": "x"}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "shop/web:1.0", **container}]},
            },
        },
    }
