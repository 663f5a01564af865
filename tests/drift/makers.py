"""Small makers of declared and live things, for the tables of these tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.drift import drifts
from bot.drift.diff import PairResult
from bot.drift.diff import examine as examine_pair
from bot.drift.options import ComparisonOptions
from bot.drift.surroundings import ComparisonContext
from bot.model.drift import Drift
from bot.model.json import Pointer, Tree
from bot.model.resource import Desired, Observed, Platform, ResourceId, SourceKind

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
OPTIONS = ComparisonOptions(mask_key=b"a key for tests")


@dataclass(frozen=True, slots=True)
class Pair:
    """One declared resource beside its live one and its base; a side that is None is not there."""

    desired: Desired | None
    observed: Observed | None
    base: Tree | None = None


def diff(pair: Pair, options: ComparisonOptions) -> tuple[Drift, ...]:
    """Every drift of ``pair``: the resource is missing or unmanaged where it has one side only."""
    if pair.desired is None:
        return (
            ()
            if pair.observed is None
            else (drifts.undeclared(pair.observed, "Git does not declare it", applied=False),)
        )
    if pair.observed is None:
        return (drifts.missing(pair.desired),)
    maker = drifts.Maker(pair.desired, options, observed=pair.observed.tree)
    problems = tuple(maker.unhealthy(problem) for problem in pair.observed.problems)
    return (*examine(pair, options).drift, *problems)


def examine(pair: Pair, options: ComparisonOptions = OPTIONS) -> PairResult:
    """What both sides differ in, with nothing around them."""
    assert pair.desired is not None
    assert pair.observed is not None
    return examine_pair(pair.desired, pair.observed, pair.base, options, ComparisonContext())


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
    """A declared service; the files of variables that it names are not in Git."""
    id_ = ResourceId(Platform.COMPOSE, "service", project, name)
    absent = frozenset[Pointer]((key,) for key in ("env_file", "label_file") if tree.get(key))
    return Desired(id_, str(id_), SourceKind.COMPOSE, tree, "compose.yaml", 1, unknown=absent)


def running(tree: Tree, *, name: str = "web", project: str = "shop") -> Observed:
    return Observed(ResourceId(Platform.COMPOSE, "service", project, name), tree)


def thing(kind: str, version: str = "v1", name: str = "x", **parts: Any) -> dict[str, Any]:
    """An object of any kind; keywords are its parts, and what its metadata have beside name and namespace."""
    metadata = {"name": name, "namespace": "shop", **parts.pop("metadata", {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **parts}


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
