"""What the rest of a repository says about one drift: selected labels, and workloads that keep data."""

from __future__ import annotations

from typing import Any

import pytest

from bot.model.json import JSON
from bot.policy.context import collect
from tests.policy.cases import declared
from tests.table import table


@table(
    ("tree", "keys"),
    [
        ({"spec": {"selector": {"app": "web", "tier": "front"}}}, {"app", "tier"}),
        ({"spec": {"selector": {"matchLabels": {"app": "web"}}}}, {"app"}),
        (
            {"spec": {"selector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "In"}]}}},
            {"a", "c"},
        ),
        ({"spec": {"x": [{"labelSelector": {"matchLabels": {"a": "1"}}}]}}, {"a"}),
        ({"spec": {"x": {"podSelector": {"matchLabels": {"a": "1"}}}}}, {"a"}),
        ({"spec": {"x": {"namespaceSelector": {"matchLabels": {"a": "1"}}}}}, {"a"}),
        ({"spec": {"nodeSelector": {"disk": "ssd"}}}, {"disk"}),
        ({"spec": {"objectSelector": {"matchLabels": {"a": "1"}}}}, {"a"}),
        ({"spec": {"serviceSelector": {"a": "1"}}}, {"a"}),
        ({"spec": {"podMonitorSelector": {"a": "1"}}}, {"a"}),
        ({"spec": {"serviceMonitorSelector": {"a": "1"}}}, {"a"}),
        ({"spec": {"ruleSelector": {"a": "1"}}}, {"a"}),
        ({"spec": {"matchLabelKeys": ["a", "b"]}}, {"a", "b"}),
        ({"spec": {"mismatchLabelKeys": ["a"]}}, {"a"}),
        ({"spec": {"podTargetLabels": ["a"]}}, {"a"}),
        ({"spec": {"targetLabels": ["a"]}}, {"a"}),
        ({"spec": {"matchExpressions": [{"key": "a"}, {"key": 3}, {"other": "b"}, 4]}}, {"a"}),
        ({"spec": {"matchExpressions": "a"}}, set()),
        ({"spec": {"selector": {"matchNames": ["x"]}}}, set()),
        ({"spec": {"selector": {"nested": {"a": "b"}}}}, set()),
        ({"spec": {"selector": None, "labels": {"a": "b"}}}, set()),
        ({"metadata": {"labels": {"a": "b"}}}, set()),
        ({"spec": {"deep": [[{"selector": {"a": "1"}}]]}}, {"a"}),
    ],
)
def test_selectors_are_read_wherever_they_stand(tree: dict[str, Any], keys: set[str]) -> None:
    """As mapping, expressions, lists of keys or text, at any depth; every key that may be meant counts."""
    assert collect([declared("Widget/a/b", tree)]).selected == keys


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("app=web,tier!=db", {"app", "tier"}),
        ("app == web", {"app"}),
        ("app in (web, api), zone, !gone, x/y notin (z)", {"app", "zone", "gone", "x/y"}),
    ],
)
def test_no_key_of_a_text_selector_is_missed(text: str, keys: set[str]) -> None:
    """In the forms that ``kubectl -l`` takes; a word too many only means that a person is asked."""
    assert collect([declared("Widget/a/b", {"spec": {"selector": text}})]).selected >= keys


def test_only_objects_of_a_cluster_select() -> None:
    """What a ConfigMap or Secret holds is somebody's text, and Compose has no selectors."""
    tree: dict[str, Any] = {"data": {"selector": {"app": "web"}}, "selector": {"app": "web"}}
    for name in ("ConfigMap/a/b", "Secret/a/b", "service/a/b"):
        assert collect([declared(name, tree)]).selected == frozenset()
    assert collect([declared("Service/a/b", tree)]).selected == {"app"}


def keeps(name: str, tree: dict[str, Any]) -> bool:
    """Whether this one declared resource keeps data."""
    return bool(collect([declared(name, tree)]).databases)


def pod(*images: JSON) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "x", "image": image} for image in images]}}}}


# fmt: off
DATABASES = [
    "postgres", "postgresql", "pgvector", "timescaledb", "postgis", "mysql", "mariadb", "percona",
    "mongo", "mongodb", "redis", "valkey", "keydb", "cassandra", "scylla", "cockroach",
    "cockroachdb", "elasticsearch", "opensearch", "influxdb", "clickhouse", "clickhouse-server", "couchdb", "neo4j",
    "etcd", "kafka", "zookeeper", "rabbitmq", "nats", "minio", "mssql", "oracle",
    "db", "database", "vault", "consul", "meilisearch", "qdrant", "weaviate",
]
# fmt: on


@table("name", DATABASES)
def test_a_database_is_known_by_its_image_or_name(name: str) -> None:
    """Alone, with a registry, a tag, a digest, a version or a suffix; never as a part of a longer word."""
    for image in (
        name,
        f"docker.io/library/{name}:16",
        f"x/{name}@sha256:0",
        f"my-{name}-ha",
        f"{name}16",
        f"a.{name}.b",
    ):
        assert keeps("service/a/web", {"image": image}), image
        assert keeps("Deployment/a/web", pod("busybox", image)), image
    for image in (f"{name}ish".replace("-server", ""), f"x{name}"):
        assert not keeps("service/a/web", {"image": f"{image}x"}), image
    assert keeps(f"Deployment/a/{name}", {})


@pytest.mark.parametrize("kind", ["service", "Deployment", "StatefulSet", "ReplicaSet", "Pod", "DaemonSet"])
def test_each_kind_of_workload_can_keep_data(kind: str) -> None:
    """And nothing else does, whatever it is called."""
    assert keeps(f"{kind}/a/orders-db", {})
    assert not keeps(f"{kind}/a/web", {})
    for other in ("Job", "CronJob", "Service", "ConfigMap", "network"):
        assert not keeps(f"{other}/a/orders-db", {})


def test_a_workload_that_claims_storage_keeps_data() -> None:
    """Whatever its image; an empty list claims nothing."""
    assert keeps("StatefulSet/a/web", {"spec": {"volumeClaimTemplates": [{}]}})
    assert not keeps("StatefulSet/a/web", {"spec": {"volumeClaimTemplates": []}})


def test_a_pod_without_a_template_is_its_own_pod() -> None:
    """Its containers stand directly in its spec."""
    assert keeps("Pod/a/web", {"spec": {"containers": [{"image": "redis"}]}})


@pytest.mark.parametrize(
    "tree",
    [
        {"spec": None},
        {"spec": {"template": None}},
        {"spec": {"template": {"spec": []}}},
        {"spec": {"template": {"spec": {"containers": "redis"}}}},
        {"spec": {"template": {"spec": {"containers": ["redis", {"image": 3}, {}]}}}},
        {"image": 3},
    ],
)
def test_a_tree_of_another_shape_keeps_nothing(tree: dict[str, Any]) -> None:
    """What is no workload as its platform defines it is not guessed about."""
    assert not keeps("Deployment/a/web", tree)
    assert not keeps("service/a/web", tree)
