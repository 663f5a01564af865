"""The Kubernetes observer lists what Git declares, asks with GET only, and says of which kinds it could not look."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.errors import Invalid, Unavailable
from bot.kubeapi.access import access
from bot.model.cluster import ServedApi
from bot.model.json import JSON, Tree
from bot.model.observation import Observation
from bot.model.resource import Desired, Platform, ResourceId, SourceKind
from bot.observers.kubernetes import KubernetesObserver
from bot.ports import ObserverStep
from tests.installed import needs_kubernetes
from tests.observers.cluster import Cluster, running

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
pytestmark = needs_kubernetes


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with running() as one:
        yield one


def live(version: str, kind: str, name: str, namespace: str = "shop", **more: JSON) -> Tree:
    metadata: dict[str, JSON] = {"name": name, "uid": f"u-{name}", "resourceVersion": "5"}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def declared(tree: Tree, *, scope: str | None = None) -> Desired:
    group, slash, _ = str(tree["apiVersion"]).partition("/")
    metadata = tree["metadata"]
    assert isinstance(metadata, dict)
    namespace = metadata.get("namespace", "") if scope is None else scope
    id_ = ResourceId(Platform.KUBERNETES, str(tree["kind"]), namespace, metadata["name"], group if slash else "")
    return Desired(id_, str(id_), SourceKind.KUBERNETES, tree, "k8s/all.yaml", 1)


def look(cluster: Cluster, folder: Path, *wanted: Desired, **settings: float) -> Observation:
    kubeconfig = cluster.kubeconfig(folder)
    observer = KubernetesObserver(kubeconfig=kubeconfig, environment={}, **settings)  # type: ignore[arg-type]
    return observer.observe(wanted, now=NOW)


WEB = live("apps/v1", "Deployment", "web")
CONFIG = live("v1", "ConfigMap", "config")


def test_only_declared_kinds_are_listed_with_get(cluster: Cluster, tmp_path: Path) -> None:
    """Every request is a GET, and only of the declared kinds in the declared namespaces, pods and discovery."""
    for tree in (WEB, CONFIG, live("v1", "Service", "other"), live("v1", "ConfigMap", "far", "elsewhere")):
        cluster.add(tree)
    seen = look(cluster, tmp_path, declared(WEB), declared(CONFIG))
    assert {id_.name for id_ in seen.resources} == {"web", "config"}
    assert seen.covered == {Platform.KUBERNETES}
    assert seen.kinds == frozenset({("apps", "Deployment"), ("", "ConfigMap")})
    assert seen.unreachable == ()
    assert {method for method, _, _ in cluster.requests} == {"GET"}
    assert set(cluster.paths()) == {
        "/api/v1",
        "/apis/apps/v1",
        "/apis/apps/v1/namespaces/shop/deployments",
        "/api/v1/namespaces/shop/configmaps",
        "/api/v1/namespaces/shop/pods",
    }


def test_listed_objects_are_whole(cluster: Cluster, tmp_path: Path) -> None:
    """An item of a list gets the apiVersion and kind that the list leaves out, and a version."""
    cluster.add(WEB)
    (one,) = look(cluster, tmp_path, declared(WEB)).resources.values()
    assert (one.tree["apiVersion"], one.tree["kind"]) == ("apps/v1", "Deployment")
    assert one.version == "u-web/5"


def test_pages_are_followed(cluster: Cluster, tmp_path: Path) -> None:
    """Lists are read to their last page."""
    cluster.page = 7
    for number in range(40):
        cluster.add(live("v1", "ConfigMap", f"c{number}"))
    seen = look(cluster, tmp_path, declared(CONFIG))
    assert len(seen.resources) == 40
    assert cluster.paths().count("/api/v1/namespaces/shop/configmaps") == 6


def test_an_expired_list_starts_again(cluster: Cluster, tmp_path: Path) -> None:
    """410 Gone between two pages costs a second reading and loses nothing."""
    cluster.page, cluster.expire = 3, 1
    for number in range(8):
        cluster.add(live("v1", "ConfigMap", f"c{number}"))
    seen = look(cluster, tmp_path, declared(CONFIG))
    assert len(seen.resources) == 8
    assert seen.unreachable == ()


def test_a_list_that_keeps_expiring_is_unreachable(cluster: Cluster, tmp_path: Path) -> None:
    """Reading again ends some time."""
    cluster.page, cluster.expire = 3, 100
    for number in range(8):
        cluster.add(live("v1", "ConfigMap", f"c{number}"))
    seen = look(cluster, tmp_path, declared(CONFIG))
    assert "410 Gone" in seen.unreachable[0].cause
    assert seen.covered == frozenset()


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ({"ok": True}, "something else, no list"),
        ({"kind": "Status", "status": "Success", "message": "fine"}, "Status, no list: fine"),
        ({"kind": "ConfigMapList", "apiVersion": "v1"}, "ConfigMapList, no list"),
        ({"kind": "ConfigMapList", "apiVersion": "v1", "items": {}}, "ConfigMapList, no list"),
        ({"kind": "ConfigMap", "apiVersion": "v1", "items": []}, "ConfigMap, no list"),
        ([], "something else, no list"),
    ],
)
def test_what_is_no_list_is_not_an_empty_one(cluster: Cluster, tmp_path: Path, answer: JSON, cause: str) -> None:
    """An answer of 200 that is no list means that nobody could look, not that everything is gone."""
    cluster.strange["/api/v1/namespaces/shop/configmaps"] = answer
    seen = look(cluster, tmp_path, declared(CONFIG))
    assert cause in seen.unreachable[0].cause
    assert seen.covered == frozenset()


def test_a_list_without_items_may_say_null(cluster: Cluster, tmp_path: Path) -> None:
    """A server writes the empty list as null, too."""
    empty: JSON = {"kind": "ConfigMapList", "apiVersion": "v1", "items": None}
    cluster.strange["/api/v1/namespaces/shop/configmaps"] = empty
    seen = look(cluster, tmp_path, declared(CONFIG))
    assert seen.unreachable == ()
    assert seen.kinds == frozenset({("", "ConfigMap")})


@pytest.mark.parametrize("path", ["/apis/autoscaling/v2beta2", "/apis/autoscaling"])
def test_discovery_that_is_gone_is_unreachable(cluster: Cluster, tmp_path: Path, path: str) -> None:
    """410 where kinds are asked for costs that kind alone."""
    cluster.add(WEB)
    cluster.failures[path] = (410, "gone")
    old = live("autoscaling/v2beta2", "HorizontalPodAutoscaler", "web")
    seen = look(cluster, tmp_path, declared(old), declared(WEB))
    assert "410 Gone" in seen.unreachable[0].cause
    assert seen.kinds == frozenset({("apps", "Deployment")})


def test_a_busy_server_is_asked_again(cluster: Cluster, tmp_path: Path) -> None:
    """429 with Retry-After is not a failure."""
    cluster.add(CONFIG)
    cluster.busy = 2
    assert look(cluster, tmp_path, declared(CONFIG)).unreachable == ()


@pytest.mark.parametrize(
    ("path", "status", "cause"),
    [
        ("/api/v1/namespaces/shop/configmaps", 403, "403 Forbidden: configmaps is forbidden"),
        ("/api/v1/namespaces/shop/configmaps", 500, "500 Internal Server Error"),
        ("/api/v1/namespaces/shop/configmaps", 404, "404 Not Found"),
    ],
)
def test_one_kind_that_fails_does_not_stop_the_others(
    cluster: Cluster, tmp_path: Path, path: str, status: int, cause: str
) -> None:
    """A forbidden kind is Unreachable with the server's words and not covered; the others still are."""
    cluster.add(WEB)
    cluster.add(CONFIG)
    cluster.failures[path] = (status, "configmaps is forbidden")
    seen = look(cluster, tmp_path, declared(WEB), declared(CONFIG))
    (failure,) = seen.unreachable
    assert cause in failure.cause
    assert failure.target.endswith("ConfigMap in namespace shop")
    assert seen.kinds == frozenset({("apps", "Deployment")})
    assert {id_.name for id_ in seen.resources} == {"web"}


def test_a_kind_that_is_not_served(cluster: Cluster, tmp_path: Path) -> None:
    """A custom resource without its definition is Unreachable, not missing."""
    monitor = live("monitoring.coreos.com/v1", "PodMonitor", "m")
    cluster.add(WEB)
    seen = look(cluster, tmp_path, declared(monitor), declared(WEB))
    assert "does not serve monitoring.coreos.com/v1 PodMonitor" in seen.unreachable[0].cause
    assert seen.kinds == frozenset({("apps", "Deployment")})


def test_an_old_version_is_found_in_another(cluster: Cluster, tmp_path: Path) -> None:
    """A manifest that names a version the cluster no longer serves is compared with the one it serves."""
    cluster.add(live("autoscaling/v2", "HorizontalPodAutoscaler", "web"))
    old = live("autoscaling/v2beta2", "HorizontalPodAutoscaler", "web")
    seen = look(cluster, tmp_path, declared(old))
    assert declared(old).id in seen.resources
    assert seen.kinds == frozenset({("autoscaling", "HorizontalPodAutoscaler")})


def test_a_slow_kind_is_unreachable(cluster: Cluster, tmp_path: Path) -> None:
    """A list that does not answer in time is Unreachable, and the others are there."""
    cluster.add(WEB)
    cluster.add(CONFIG)
    cluster.hang = "/api/v1/namespaces/shop/configmaps"
    seen = look(cluster, tmp_path, declared(WEB), declared(CONFIG), timeout=0.5)
    assert "no answer within" in seen.unreachable[0].cause
    assert {id_.name for id_ in seen.resources} == {"web"}


def test_nobody_answers(tmp_path: Path) -> None:
    """A cluster that is not there is Unreachable kind by kind."""
    cluster = Cluster(url="http://127.0.0.1:9")
    seen = look(cluster, tmp_path, declared(WEB))
    assert "refused" in seen.unreachable[0].cause
    assert seen.covered == frozenset()


def test_a_wrong_token_is_unreachable_and_not_shown(cluster: Cluster, tmp_path: Path) -> None:
    """401 is told without the token."""
    observer = KubernetesObserver(kubeconfig=cluster.kubeconfig(tmp_path, token="wrong-token-1"), environment={})
    seen = observer.observe([declared(WEB)], now=NOW)
    assert "401" in seen.unreachable[0].cause
    assert "wrong-token-1" not in repr(seen)
    assert "wrong-token-1" not in repr(observer)


def test_no_namespace_means_the_context_s(cluster: Cluster, tmp_path: Path) -> None:
    """A manifest without a namespace is the object in the namespace of the kubeconfig's context."""
    cluster.add(WEB)
    bare = declared(WEB, scope="")
    assert set(look(cluster, tmp_path, bare).resources) == {bare.id}


def test_cluster_scoped_kinds(cluster: Cluster, tmp_path: Path) -> None:
    """A Namespace is listed without a namespace."""
    shop = live("v1", "Namespace", "shop", "")
    cluster.add(shop)
    assert set(look(cluster, tmp_path, declared(shop)).resources) == {declared(shop).id}
    assert "/api/v1/namespaces" in cluster.paths()


def test_many_namespaces_are_listed_at_once(cluster: Cluster, tmp_path: Path) -> None:
    """Beyond a few namespaces one list of all of them is cheaper."""
    many = [live("v1", "ConfigMap", "c", f"n{number}") for number in range(12)]
    for tree in many:
        cluster.add(tree)
    seen = look(cluster, tmp_path, *map(declared, many))
    assert len(seen.resources) == 12
    assert "/api/v1/configmaps" in cluster.paths()


def crash_loop(cluster: Cluster) -> None:
    cluster.add(WEB)
    owner: Tree = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5c", "controller": True}
    waiting: Tree = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}
    status: Tree = {
        "phase": "Running",
        "containerStatuses": [{"name": "app", "ready": False, "restartCount": 9, "state": waiting}],
    }
    metadata: Tree = {"name": "web-5c-x", "namespace": "shop", "ownerReferences": [owner]}
    cluster.add({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status})
    event: Tree = {
        **live("v1", "Event", "e1"),
        "type": "Warning",
        "reason": "BackOff",
        "count": 12,
        "lastTimestamp": "2026-05-04T11:59:00Z",
        "message": "Back-off restarting failed container, password=hunter2",
        "involvedObject": {"kind": "Pod", "name": "web-5c-x"},
    }
    cluster.add(event)
    cluster.logs["/api/v1/namespaces/shop/pods/web-5c-x/log?previous"] = "starting\nFATAL: no database\n"


def test_a_crash_loop_is_told_with_evidence(cluster: Cluster, tmp_path: Path) -> None:
    """A Deployment whose pod crashes is unhealthy, with the last events and the end of the log, redacted."""
    crash_loop(cluster)
    seen = look(cluster, tmp_path, declared(WEB))
    assert set(seen.resources) == {declared(WEB).id}, "pods that Git does not declare are no resources"
    (problem,) = seen.resources[declared(WEB).id].problems
    assert problem.reason == "CrashLoopBackOff"
    assert "pod web-5c-x" in problem.message
    told = "\n".join(problem.evidence)
    assert "BackOff (12 times): Back-off restarting failed container" in told
    assert "log: FATAL: no database" in told
    assert "hunter2" not in told
    assert {method for method, _, _ in cluster.requests} == {"GET"}


def test_health_that_may_not_be_read(cluster: Cluster, tmp_path: Path) -> None:
    """Without permission on pods the fields are still compared, and it is said that health is unknown."""
    crash_loop(cluster)
    cluster.failures["/api/v1/namespaces/shop/pods"] = (403, "pods is forbidden")
    seen = look(cluster, tmp_path, declared(WEB))
    assert declared(WEB).id in seen.resources
    assert "health is unknown: 403" in seen.unreachable[0].cause


def test_nothing_wanted_asks_nothing(cluster: Cluster, tmp_path: Path) -> None:
    """Without a declared Kubernetes object no cluster is needed."""
    assert look(cluster, tmp_path) == Observation(NOW)
    assert cluster.requests == []


def test_no_access_is_bad_input(tmp_path: Path) -> None:
    """No kubeconfig and no service account is said, with what to do."""
    with pytest.raises(Invalid, match="no access to a Kubernetes cluster") as caught:
        KubernetesObserver(environment={"HOME": str(tmp_path)}).observe([declared(WEB)], now=NOW)
    assert "KUBECONFIG" in str(caught.value)


def test_in_a_cluster_the_service_account_is_used(tmp_path: Path) -> None:
    """Token, certificate and namespace come from the mounted service account."""
    (tmp_path / "token").write_text("abc")
    (tmp_path / "namespace").write_text("shop\n")
    (tmp_path / "ca.crt").write_text(ssl.DER_cert_to_PEM_cert(b"not really"))
    environment = {
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        "KUBERNETES_SERVICE_PORT": "6443",
        "HOME": str(tmp_path),
    }
    found = access(None, None, environment, service_account=tmp_path)
    assert (found.host, found.namespace) == ("https://10.0.0.1:6443", "shop")
    assert "abc" not in repr(found)


def test_progress_is_told(cluster: Cluster, tmp_path: Path) -> None:
    """Each phase begins at none, ends with all its parts, and lists tell how many objects they brought."""
    for tree in (WEB, CONFIG, live("v1", "ConfigMap", "other")):
        cluster.add(tree)
    told: list[ObserverStep] = []
    observer = KubernetesObserver(kubeconfig=cluster.kubeconfig(tmp_path), environment={}, tell=told.append)
    observer.observe((declared(WEB), declared(CONFIG)), now=NOW)
    phases = {step.doing: [one for one in told if one.doing == step.doing] for step in told}
    assert [*phases] == ["asking what the cluster serves", "listing", "reading pods"]
    for steps in phases.values():
        assert [one.done for one in steps] == sorted(one.done for one in steps)
        assert steps[-1].done == steps[-1].total
    assert phases["listing"][-1].objects == 3


def discovery(group: str, version: str, *kinds: str) -> Tree:
    """One group of an aggregated list."""
    resources: list[JSON] = [{"resource": kind.lower(), "responseKind": {"kind": kind}} for kind in kinds]
    return {"metadata": {"name": group} if group else {}, "versions": [{"version": version, "resources": resources}]}


def test_a_cluster_tells_what_it_serves_in_one_list_of_all_groups(cluster: Cluster, tmp_path: Path) -> None:
    """Its version, each version of a group, and each kind in it; three requests."""
    kind = "APIGroupDiscoveryList"
    cluster.strange = {
        "/version": {"major": "1", "minor": "33", "gitVersion": "v1.33.2-gke.100"},
        "/api": {"kind": kind, "items": [discovery("", "v1", "Pod")]},
        "/apis": {"kind": kind, "items": [discovery("monitoring.coreos.com", "v1", "ServiceMonitor", "PodMonitor")]},
    }
    observer = KubernetesObserver(kubeconfig=cluster.kubeconfig(tmp_path), environment={})
    assert observer.served(now=NOW) == ServedApi(
        "v1.33.2-gke.100",
        (
            "monitoring.coreos.com/v1",
            "monitoring.coreos.com/v1/PodMonitor",
            "monitoring.coreos.com/v1/ServiceMonitor",
            "v1",
            "v1/Pod",
        ),
    )
    assert cluster.paths() == ["/api", "/apis", "/version"]


def test_a_cluster_without_such_a_list_is_asked_for_each_version(cluster: Cluster, tmp_path: Path) -> None:
    """Servers before 1.27 answer with the names of groups alone."""
    groups: JSON = [{"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}]}]
    cluster.strange = {
        "/version": {"gitVersion": "v1.24.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "groups": groups},
    }
    observer = KubernetesObserver(kubeconfig=cluster.kubeconfig(tmp_path), environment={})
    served = observer.served(now=NOW)
    assert served.version == "v1.24.0"
    assert {"v1", "v1/Namespace", "apps/v1", "apps/v1/Deployment"} <= set(served.api_versions)


def test_a_cluster_that_does_not_tell_what_it_serves_is_unavailable(cluster: Cluster, tmp_path: Path) -> None:
    """Nobody takes silence for a cluster that serves nothing."""
    cluster.failures["/apis"] = (403, "forbidden")
    with pytest.raises(Unavailable, match="403"):
        KubernetesObserver(kubeconfig=cluster.kubeconfig(tmp_path), environment={}).served(now=NOW)


def test_schemas_of_custom_kinds_are_read_where_that_is_asked_for(cluster: Cluster, tmp_path: Path) -> None:
    """One document for each API version of a custom kind, none for built-in kinds; a refusal is told."""
    gate = live("example.com/v1", "Gate", "front")
    kinds: JSON = {"resources": [{"name": "gates", "kind": "Gate", "namespaced": True, "verbs": ["list"]}]}
    listed: JSON = {"kind": "GateList", "apiVersion": "example.com/v1", "metadata": {}, "items": [gate]}
    schema: JSON = {"openapi": "3.0.0", "components": {"schemas": {}}}
    cluster.strange["/apis/example.com/v1"] = kinds
    cluster.strange["/apis/example.com/v1/namespaces/shop/gates"] = listed
    cluster.strange["/openapi/v3/apis/example.com/v1"] = schema
    cluster.add(WEB)
    assert look(cluster, tmp_path, declared(gate), declared(WEB)).schemas == ()
    seen = look(cluster, tmp_path, declared(gate), declared(WEB), openapi=True)
    assert (seen.schemas, seen.unreachable) == ((schema,), ())
    assert [path for path in cluster.paths() if path.startswith("/openapi")] == ["/openapi/v3/apis/example.com/v1"]
    del cluster.strange["/openapi/v3/apis/example.com/v1"]
    cluster.failures["/openapi/v3/apis/example.com/v1"] = (403, "forbidden")
    (failure,) = look(cluster, tmp_path, declared(gate), openapi=True).unreachable
    assert "its schema: 403" in failure.cause
