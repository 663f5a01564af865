"""Kinds that a cluster is taught: found by discovery, waited for when they are new, put back by the keys of their schema."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.appliers.kubernetes import KubernetesApplier
from bot.drift.compare import compare
from bot.drift.kubernetes.crds import shapes_of_crd
from bot.drift.options import ComparisonOptions
from bot.errors import Refused
from bot.model.action import Action, HealthState, Operation, Work
from bot.model.decision import Lane
from bot.model.observation import Observation
from bot.model.resource import Observed, Platform
from tests.appliers.kubernetes_stage import NOW, Stage, declared, id_of, stage

RULE = {
    "type": "object",
    "required": ["host", "port"],
    "properties": {"host": {"type": "string"}, "port": {"type": "integer"}, "weight": {"type": "integer"}},
}
ROUTES = {
    "type": "array",
    "items": RULE,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["host", "port"],
}
SCHEMA = {
    "type": "object",
    "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}, "routes": ROUTES}}},
}


def definition(*, scope: str = "Namespaced") -> dict[str, Any]:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}}
    names = {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": scope, "names": names, "versions": [version]},
    }


def widget(*routes: tuple[str, int, int], size: int = 1) -> dict[str, Any]:
    listed = [{"host": host, "port": port, "weight": weight} for host, port, weight in routes]
    metadata = {"name": "front", "namespace": "shop"}
    return {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": metadata,
        "spec": {"size": size, "routes": listed},
    }


def options() -> ComparisonOptions:
    """As a comparison has them that has seen the definition."""
    return ComparisonOptions(b"", shapes=dict(shapes_of_crd(definition())))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Stage]:
    with stage(tmp_path, options=options()) as made:
        yield made


@contextmanager
def applying(cluster: Stage) -> Iterator[KubernetesApplier]:
    """An applier that was told of no definition."""
    applier = KubernetesApplier(environment=cluster.applier.environment, sleep=cluster.slept.append)
    yield applier
    applier.close()


def work(cluster: Stage, operation: Operation, tree: dict[str, Any], *, partial: bool = False) -> Work:
    """As a plan makes it, also of a kind that is not served yet."""
    id_, live = id_of(tree), cluster.live(tree)
    seen = {} if live is None else {id_: Observed(id_, live)}
    observation = Observation(NOW, seen, frozenset({Platform.KUBERNETES}))
    drifts = compare([declared(tree)], observation, options=options()).drift
    action = Action(operation, id_, str(id_), (), Lane.NOTHING, "low", "rule")
    return Work(action, declared(tree), seen.get(id_), "token-1", NOW, drifts, partial)


def test_a_kind_of_the_same_plan_is_waited_for(cluster: Stage) -> None:
    """A custom resource whose definition comes to be served while it is waited for is applied then."""
    made: list[float] = []

    def pass_time(seconds: float) -> None:
        made.append(seconds)
        if sum(made) == 3:
            cluster.server.put(definition())

    applier = KubernetesApplier(environment=cluster.applier.environment, sleep=pass_time)
    applier.carry_out(work(cluster, Operation.CREATE, widget(("a", 80, 1))))
    applier.close()
    assert sum(made) == 3
    live = cluster.live(widget()) or {}
    assert live["spec"]["routes"] == [{"host": "a", "port": 80, "weight": 1}]


def test_a_definition_is_applied_and_healthy_when_it_is_established(cluster: Stage) -> None:
    """What teaches the cluster a kind is an object like others, and its kind can be used at once."""
    applied = work(cluster, Operation.CREATE, definition())
    cluster.applier.carry_out(applied)
    assert cluster.applier.health(applied, now=NOW).state is HealthState.HEALTHY
    cluster.applier.carry_out(work(cluster, Operation.CREATE, widget()))
    assert cluster.live(widget()) is not None


def test_an_element_is_told_by_all_its_keys(cluster: Stage) -> None:
    """Of two routes of one host the named one changes, and the other stays as somebody else left it."""
    cluster.server.put(definition())
    cluster.server.put(widget(("a", 80, 9), ("a", 81, 9), ("b", 80, 1)))
    planned = work(cluster, Operation.UPDATE, widget(("a", 80, 1), ("a", 81, 1)), partial=True)
    named = tuple(drift for drift in planned.drifts if "a/81" in drift.where or "b/80" in drift.where)
    assert len(named) == 2
    cluster.applier.carry_out(replace(planned, drifts=named))
    assert (cluster.live(widget()) or {})["spec"]["routes"] == [
        {"host": "a", "port": 80, "weight": 9},
        {"host": "a", "port": 81, "weight": 1},
    ]
    patch = next(request.body.decode() for request in cluster.server.requests if request.method == "PATCH")
    assert '{"op": "test", "path": "/spec/routes/1/host", "value": "a"}' in patch
    assert '{"op": "test", "path": "/spec/routes/1/port", "value": 81}' in patch


def test_the_keys_of_a_list_are_asked_of_its_definition(cluster: Stage) -> None:
    """An applier that was not told of the keys reads them; where it may not, it refuses, names the path, writes nothing."""
    cluster.server.put(definition())
    cluster.server.put(widget(("a", 80, 9), ("a", 81, 9)))
    planned = work(cluster, Operation.UPDATE, widget(("a", 80, 1), ("a", 81, 9)), partial=True)
    with applying(cluster) as applier:
        cluster.server.fail("customresourcedefinitions", 403)
        with pytest.raises(
            Refused, match=r"spec\.routes\[a/80\]\.weight is not clear in what runs: its list has no keys"
        ):
            applier.carry_out(planned)
        assert not cluster.writes()
        applier.carry_out(planned)
    assert [route["weight"] for route in (cluster.live(widget()) or {})["spec"]["routes"]] == [1, 9]


def test_a_list_that_was_compared_as_a_whole_is_not_taken_for_its_order(tmp_path: Path) -> None:
    """Without the definition a comparison tells of the list; with it an applier would only sort: that is refused."""
    with stage(tmp_path, options=options()) as cluster:
        cluster.server.put(definition())
        cluster.server.put(widget(("a", 80, 9), ("a", 81, 9), ("c", 80, 1)))
        planned = cluster.work(Operation.UPDATE, widget(("a", 80, 1), ("a", 81, 9)), partial=True)
        assert [drift.where for drift in planned.drifts] == ["spec.routes"]
        with pytest.raises(Refused, match=r"spec\.routes was compared as a whole"):
            cluster.applier.carry_out(planned)
        with applying(cluster) as applier:
            applier.carry_out(planned)
        assert (cluster.live(widget()) or {})["spec"] == widget(("a", 80, 1), ("a", 81, 9))["spec"]


def test_what_has_no_namespace_is_found(cluster: Stage) -> None:
    """A kind of the whole cluster is applied there."""
    cluster.server.put(definition(scope="Cluster"))
    tree = widget(("a", 80, 1))
    del tree["metadata"]["namespace"]
    cluster.applier.carry_out(work(cluster, Operation.CREATE, tree))
    assert "/apis/example.com/v1/widgets/front?" in cluster.lines("PATCH")[0]


def test_an_object_without_a_namespace_goes_to_the_current_one(cluster: Stage) -> None:
    """As kubectl has it, a manifest that names no namespace means the one of the context."""
    tree = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "b"}}
    cluster.applier.carry_out(work(cluster, Operation.CREATE, copy.deepcopy(tree)))
    assert cluster.server.get("v1", "ConfigMap", "default", "settings") is not None


def test_a_deletion_of_a_kind_that_is_gone_is_done(cluster: Stage) -> None:
    """Objects go with their definition: a deletion that comes later finds nothing, and says so."""
    cluster.server.put(definition())
    cluster.server.put(widget(("a", 80, 1)))
    planned = replace(work(cluster, Operation.DELETE, widget()), desired=None, drifts=())
    cluster.server.remove("example.com/v1", "Widget", "shop", "front")
    cluster.server.remove("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "widgets.example.com")
    assert cluster.applier.carry_out(planned).message == "Widget/shop/front is gone"
    assert cluster.applier.health(planned, now=NOW).state is HealthState.HEALTHY


def test_a_claim_waits_as_its_storage_class_says(cluster: Stage) -> None:
    """The class of a claim is read: one that waits for its first pod holds nobody up."""
    class_ = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "late"},
        "provisioner": "example.com/disk",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "shop"},
        "spec": {
            "storageClassName": "late",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    cluster.server.controllers.never.add("PersistentVolumeClaim/data")
    planned = work(cluster, Operation.CREATE, claim)
    cluster.applier.carry_out(planned)
    assert cluster.applier.health(planned, now=NOW).state is HealthState.PROGRESSING
    cluster.server.put(class_)
    assert cluster.applier.health(planned, now=NOW).state is HealthState.HEALTHY
