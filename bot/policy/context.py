"""What a decision must know of the rest of the repository: which labels somebody selects by, and which workloads keep data.

Made once per tick by the reconcile flow from all declared resources, and only when there is drift to decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.model.json import JSON, Tree, elements, get, mapping, mappings, text
from bot.model.resource import Desired, Platform, ResourceId
from bot.policy.restoring import Restorable

_SELECTORS: Final = frozenset(
    {
        "selector",
        "labelSelector",
        "podSelector",
        "namespaceSelector",
        "nodeSelector",
        "objectSelector",
        "matchLabels",
        "serviceSelector",
        "podMonitorSelector",
        "serviceMonitorSelector",
        "ruleSelector",
    }
)
_KEY_LISTS: Final = frozenset({"matchLabelKeys", "mismatchLabelKeys", "podTargetLabels", "targetLabels"})
"""Kubernetes documentation, "Pod Topology Spread Constraints" and "Assigning Pods to Nodes"; Prometheus Operator, API
reference, ServiceMonitorSpec.
"""
_OPAQUE: Final = frozenset({"ConfigMap", "Secret"})
_DATABASE: Final = re.compile(
    r"(?:^|[/_.-])(?:postgres(?:ql)?|pgvector|timescaledb|postgis|mysql|mariadb|percona|mongo(?:db)?|redis|valkey|keydb|"
    r"cassandra|scylla|cockroach(?:db)?|elasticsearch|opensearch|influxdb|clickhouse(?:-server)?|couchdb|neo4j|etcd|"
    r"kafka|zookeeper|rabbitmq|nats|minio|mssql|oracle|db|database|vault|consul|meilisearch|qdrant|weaviate)"
    r"(?=$|[/_.:@0-9-])"
)


@dataclass(frozen=True, slots=True)
class Context:
    """Facts about the whole repository.

    ``selected`` holds every label key that any selector mentions; ``databases`` the declared workloads that keep data
    (by image or name, or because they claim storage of their own); ``restorable`` what can be put back without people.
    """

    selected: frozenset[str] = frozenset()
    databases: frozenset[ResourceId] = frozenset()
    restorable: Restorable = field(default_factory=Restorable)


def collect(desired: Iterable[Desired]) -> Context:
    """The context of all declared resources."""
    selected: set[str] = set()
    databases: set[ResourceId] = set()
    for resource in desired:
        if resource.id.platform is Platform.KUBERNETES and resource.id.kind not in _OPAQUE:
            selected.update(_selected(resource.tree))
        if _keeps_data(resource):
            databases.add(resource.id)
    return Context(frozenset(selected), frozenset(databases))


def _selected(tree: Tree) -> Iterator[str]:
    """Every label key that a selector somewhere in ``tree`` mentions, in mapping, expression or text form."""
    waiting: list[JSON] = [tree]
    while waiting:
        value = waiting.pop()
        for key, inner in mapping(value).items():
            if key in _SELECTORS:
                yield from _keys(inner)
            elif key in _KEY_LISTS or key == "matchExpressions":
                yield from _expression_keys(inner)
            waiting.append(inner)
        waiting.extend(elements(value))


def _keys(selector: JSON) -> Iterator[str]:
    if isinstance(selector, str):
        yield from re.findall(r"[A-Za-z0-9][A-Za-z0-9._/-]*(?=\s*(?:[=!,)]|in\b|notin\b|$))", selector)
    elif isinstance(selector, Mapping):
        for key, value in selector.items():
            if key not in {"matchLabels", "matchExpressions", "matchNames"} and not isinstance(value, Mapping):
                yield key


def _expression_keys(expressions: JSON) -> Iterator[str]:
    for expression in elements(expressions):
        key = expression if isinstance(expression, str) else mapping(expression).get("key")
        if isinstance(key, str):
            yield key


def _keeps_data(desired: Desired) -> bool:
    if desired.id.kind not in {"service", "Deployment", "StatefulSet", "ReplicaSet", "Pod", "DaemonSet"}:
        return False
    if get(desired.tree, "spec", "volumeClaimTemplates"):
        return True
    pod = mapping(get(desired.tree, "spec", "template", "spec") or desired.tree.get("spec"))
    containers = [desired.tree, *mappings(pod.get("containers"))]
    return any(
        _DATABASE.search(term)
        for term in (desired.id.name, *(text(container.get("image")) for container in containers))
    )
