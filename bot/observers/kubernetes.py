"""The Kubernetes observer: the live objects of the kinds and namespaces that Git declares.

Settings: ``kubeconfig`` and ``context`` (default KUBECONFIG, ``~/.kube/config``, or the pod's service account),
``timeout`` seconds for one request, ``deadline`` seconds for everything, ``openapi`` for the schemas of custom resources.

It only ever sends GET; ``get`` and ``list`` on the declared kinds (and on pods, their logs and events, which are read
as evidence for a few unhealthy resources) are all the permissions it needs. A kind that cannot be listed (403, not
served, too slow) is ``Unreachable`` with its cause and is not covered; the other kinds still are. Lists are read
namespace by namespace while Git names few of them.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final

from bot.drift.kubernetes.health import problems
from bot.drift.kubernetes.kinds import is_known
from bot.drift.kubernetes.workloads import top_owner, with_pod_problems
from bot.errors import Unavailable
from bot.kubeapi.access import Access, access
from bot.kubeapi.api import ClusterApi
from bot.kubeapi.discovery import Served, discovered, discovered_elsewhere, root_of
from bot.model.cluster import ServedApi
from bot.model.json import Tree, get, mapping, text, texts
from bot.model.observation import Observation
from bot.model.resource import Desired, Observed, Platform, ResourceId, SourceKind, Unreachable
from bot.observers import api_versions
from bot.observers.documents import kubernetes_id, kubernetes_version
from bot.observers.evidence import with_evidence
from bot.observers.placement import placed
from bot.observers.progress import Phase
from bot.observers.workers import workers
from bot.ports import Tell, silent

Kind = tuple[str, str]
"""API group (empty for the core group) and kind."""

_WORKERS: Final = 8
_FEW_NAMESPACES: Final = 10
_UNHEALTHY: Final = 10
"""So many resources are shown with evidence, at most."""
_WORKLOADS: Final = frozenset(
    {
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("apps", "DaemonSet"),
        ("apps", "ReplicaSet"),
        ("batch", "Job"),
    }
)


@dataclass(frozen=True, slots=True)
class KubernetesObserver:
    """Reads one cluster. Needs the ``kubernetes`` library (extra ``kubernetes``)."""

    kubeconfig: str | None = None
    context: str | None = None
    timeout: float = 15.0
    deadline: float = 120.0
    openapi: bool = False
    """Whether the schemas of custom resources are read too: lists that compare by key, defaults, quantities."""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    tell: Tell = field(default=silent, repr=False, compare=False)
    name: str = "kubernetes"
    platforms: frozenset[Platform] = frozenset({Platform.KUBERNETES})

    def served(self, *, now: datetime) -> ServedApi:
        """The cluster's version and everything that it serves. Raises ``Unavailable``."""
        del now
        reach = access(self.kubeconfig, self.context, self.environment)
        api = ClusterApi(reach, self.timeout, time.monotonic() + self.deadline)
        try:
            return _served_by(api)
        finally:
            api.close()

    def observe(self, declared: Sequence[Desired], *, now: datetime) -> Observation:
        cluster_resources = [desired for desired in declared if desired.id.platform is Platform.KUBERNETES]
        if not cluster_resources:
            return Observation(now)
        reach = access(self.kubeconfig, self.context, self.environment)
        api = ClusterApi(reach, self.timeout, time.monotonic() + self.deadline)
        try:
            return _ClusterReading(api, self, reach, cluster_resources, now).result()
        finally:
            api.close()


@dataclass
class _ClusterReading:
    """One observation in the making."""

    api: ClusterApi
    settings: KubernetesObserver
    reach: Access
    declared: Sequence[Desired]
    now: datetime
    failures: list[Unreachable] = field(default_factory=list)
    resources: dict[ResourceId, Observed] = field(default_factory=dict)
    without: set[Kind] = field(default_factory=set)
    """Kinds that Git defines and the cluster does not serve yet: there is no object of them."""

    def result(self) -> Observation:
        with workers(_WORKERS, "kubernetes") as pool:
            served = self._served(pool)
            covered = self._list_all(pool, served) | self.without
            schemas = self._schemas(pool, served) if self.settings.openapi else ()
            self._add_health(pool)
        resources = placed(self.resources, self.declared, self.reach.namespace)
        return Observation(
            self.now,
            resources=resources,
            covered=frozenset({Platform.KUBERNETES}) if covered else frozenset(),
            kinds=frozenset(covered),
            unreachable=tuple(self.failures),
            schemas=schemas,
        )

    @cached_property
    def _by_kind(self) -> dict[Kind, list[Desired]]:
        by_kind: dict[Kind, list[Desired]] = defaultdict(list)
        for desired in self.declared:
            by_kind[desired.id.group, desired.id.kind].append(desired)
        return by_kind

    @cached_property
    def _defined(self) -> frozenset[Kind]:
        """The kinds that Git itself defines."""
        definitions = self._by_kind.get(("apiextensions.k8s.io", "CustomResourceDefinition"), ())
        trees = [definition.tree for definition in definitions if definition.source is not SourceKind.APPLIED]
        return frozenset((text(get(tree, "spec", "group")), text(get(tree, "spec", "names", "kind"))) for tree in trees)

    def _served(self, pool: ThreadPoolExecutor) -> dict[Kind, Served]:
        """Where each declared kind is served, by one discovery request for each API version that Git names."""
        versions: dict[Kind, str] = {
            kind: text(declared[0].tree.get("apiVersion")).rpartition("/")[2]
            for kind, declared in self._by_kind.items()
        }
        roots = {kind: root_of(kind[0], version) for kind, version in versions.items()}
        answers = {root: pool.submit(discovered, self.api, root) for root in sorted(set(roots.values()))}
        self._phase("asking what the cluster serves", len(answers)).over(answers.values())
        served: dict[Kind, Served] = {}
        for kind, root in roots.items():
            try:
                endpoint = answers[root].result().get(kind[1]) or discovered_elsewhere(self.api, *kind)
            except Unavailable as exc:
                self._failed(kind, None, exc.message)
                continue
            if endpoint is None and all(resource.source is SourceKind.APPLIED for resource in self._by_kind[kind]):
                continue  # it went with its kind
            if endpoint is None and kind in self._defined:
                self.without.add(kind)
                continue
            if endpoint is None:
                self._failed(kind, None, f"the cluster does not serve {root.removeprefix('/apis/')} {kind[1]}")
            else:
                served[kind] = endpoint
        return served

    def _schemas(self, pool: ThreadPoolExecutor, served: Mapping[Kind, Served]) -> tuple[Tree, ...]:
        """The OpenAPI document of each API version of the declared custom kinds."""
        kinds = {endpoint.root: kind for kind, endpoint in served.items() if not is_known(*kind)}
        futures = {root: pool.submit(self.api.get, f"/openapi/v3{root}") for root in sorted(kinds)}
        self._phase("reading schemas", len(futures)).over(futures.values())
        documents: list[Tree] = []
        for root, future in futures.items():
            try:
                documents.append(mapping(future.result()))
            except Unavailable as exc:
                self._failed(kinds[root], None, f"its schema: {exc.message}")
        return tuple(documents)

    def _list_all(self, pool: ThreadPoolExecutor, served: Mapping[Kind, Served]) -> set[Kind]:
        """Every declared kind listed; the kinds of which every list succeeded."""
        lists = [
            (kind, namespace, endpoint.path(namespace))
            for kind, endpoint in served.items()
            for namespace in self._namespaces(kind, endpoint)
        ]
        futures = self._listed(pool, lists, "listing")
        covered = set(served)
        for kind, namespace, future in futures:
            try:
                self._keep(future.result(), kind)
            except Unavailable as exc:
                covered.discard(kind)
                self._failed(kind, namespace, exc.message)
        return covered

    def _listed(
        self, pool: ThreadPoolExecutor, lists: Sequence[tuple[Kind, str | None, str]], doing: str
    ) -> list[tuple[Kind, str | None, Future[list[Tree]]]]:
        """Every (kind, namespace, path) on its way."""
        phase = self._phase(doing, len(lists))
        futures = [
            (kind, namespace, pool.submit(self.api.items, path, read=phase.read)) for kind, namespace, path in lists
        ]
        phase.over(future for _, _, future in futures)
        return futures

    def _phase(self, doing: str, total: int) -> Phase:
        return Phase(self.settings.tell, self.settings.name, doing, total)

    def _namespaces(self, kind: Kind, endpoint: Served) -> Iterable[str | None]:
        """The namespaces to list one by one; a single None for all at once."""
        if not endpoint.namespaced:
            return (None,)
        names = sorted({desired.id.scope or self.reach.namespace for desired in self._by_kind[kind]})
        return names if len(names) <= _FEW_NAMESPACES else (None,)

    def _keep(self, trees: Iterable[Tree], kind: Kind) -> None:
        for tree in trees:
            id_ = kubernetes_id(tree)._replace(group=kind[0], kind=kind[1])
            self.resources[id_] = Observed(id_, tree, problems(tree, self.now), kubernetes_version(tree))

    def _failed(self, kind: Kind, namespace: str | None, cause: str) -> None:
        group, name = kind
        target = f"{name}.{group}" if group else name
        if namespace:
            target += f" in namespace {namespace}"
        self.failures.append(Unreachable(self.settings.name, f"{self.reach.host} {target}", cause))

    def _add_health(self, pool: ThreadPoolExecutor) -> None:
        """The problems of pods on the workloads that own them, and evidence for the first few unhealthy resources.

        Pods that Git does not declare are read for this only and do not become resources.
        """
        pods = dict(self._pods(pool))
        all_objects = {**pods, **self.resources}
        merged = with_pod_problems(all_objects)
        self.resources = {id_: merged[id_] for id_ in self.resources}
        pods_of: dict[ResourceId, list[ResourceId]] = defaultdict(list)
        for id_, pod in pods.items():
            if pod.problems:
                pods_of[top_owner(id_, all_objects)].append(id_)
        unhealthy = [resource for resource in self.resources.values() if resource.problems][:_UNHEALTHY]
        futures = [pool.submit(with_evidence, self.api, sick, pods_of[sick.id]) for sick in unhealthy]
        self._phase("reading evidence of what is unhealthy", len(futures)).over(futures)
        for future in futures:
            resource = future.result()
            self.resources[resource.id] = resource

    def _pods(self, pool: ThreadPoolExecutor) -> Iterator[tuple[ResourceId, Observed]]:
        declared = {desired.id.scope or self.reach.namespace for desired in self.declared}
        workloads = [id_ for id_ in self.resources if (id_.group, id_.kind) in _WORKLOADS]
        namespaces = sorted({id_.scope for id_ in workloads} & declared)
        pods = ("", "Pod")
        lists: list[tuple[Kind, str | None, str]] = [
            (pods, name, f"/api/v1/namespaces/{name}/pods") for name in namespaces
        ]
        if len(namespaces) > _FEW_NAMESPACES:
            lists = [(pods, None, "/api/v1/pods")]
        for _, name, future in self._listed(pool, lists, "reading pods"):
            try:
                trees = future.result()
            except Unavailable as exc:
                self._failed(pods, name, f"health is unknown: {exc.message}")
                continue
            for tree in trees:
                id_ = kubernetes_id(tree)
                yield id_, Observed(id_, tree, problems(tree, self.now))


def _served_by(api: ClusterApi) -> ServedApi:
    """From a cluster that does not tell all in one list, each version's own list is asked for."""
    lists = [mapping(api.get(root, accept=api_versions.AGGREGATED)) for root in ("/api", "/apis")]
    versions = [*texts(lists[0].get("versions")), *api_versions.in_lists(lists[1:])] if "groups" in lists[1] else []
    roots = [root_of(*version.rpartition("/")[::2]) for version in versions]
    with workers(_WORKERS, "kubernetes") as pool:
        lists += map(mapping, pool.map(api.get, roots))
    return ServedApi(
        api_versions.version_of(mapping(api.get("/version"))), tuple(sorted(set(api_versions.in_lists(lists))))
    )
