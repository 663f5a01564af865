"""The stand-in deletes, lists, watches, serves and fails as an API server does."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import httpx
import pytest

from tests.appliers.apiserver import ApiServer
from tests.appliers.asking import APPLY, APPS, MAPS, MERGE, Object, applied, config_map, deployment, patched
from tests.web import WEB


def test_a_deletion_waits_for_finalizers(server: ApiServer, client: httpx.Client) -> None:
    """An object with a finalizer stays with its deletion time until the last finalizer is taken off."""
    kept = config_map()
    kept["metadata"]["finalizers"] = ["example.com/hold"]
    client.post(MAPS, json=kept)
    path = f"{MAPS}/settings"
    assert "deletionTimestamp" in client.delete(path).json()["metadata"]
    assert client.get(path).status_code == 200
    patched(client, path, {"metadata": {"finalizers": None}}, MERGE)
    assert client.get(path).status_code == 404
    assert server.get("v1", "ConfigMap", "default", "settings") is None


def test_a_deletion_with_preconditions(server: ApiServer, client: httpx.Client) -> None:
    """Another uid or version than the stored one keeps the object, with 409; the right ones delete it."""
    meta = server.put(config_map())["metadata"]

    def deleted(**preconditions: str) -> int:
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions}
        return client.request("DELETE", f"{MAPS}/settings", json=body).status_code

    assert deleted(uid="other") == 409
    assert deleted(resourceVersion="1") == 409
    assert deleted(uid=meta["uid"], resourceVersion=meta["resourceVersion"]) == 200
    assert deleted(uid=meta["uid"]) == 404


@pytest.mark.parametrize(("policy", "left"), [("Background", []), ("Foreground", []), ("Orphan", ["owned"])])
def test_what_depends_on_the_deleted(server: ApiServer, client: httpx.Client, policy: str, left: list[str]) -> None:
    """The dependents go with their owner, or stay without a reference where they are orphaned."""
    owner = server.put(config_map("owner"))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    owned = config_map("owned")
    owned["metadata"]["ownerReferences"] = [reference]
    server.put(owned)
    assert client.delete(f"{MAPS}/owner", params={"propagationPolicy": policy}).is_success
    maps = [each["metadata"] for each in server.objects if each["kind"] == "ConfigMap"]
    assert [meta["name"] for meta in maps] == left
    assert not any("ownerReferences" in meta for meta in maps)


def test_a_namespace_goes_with_its_contents(server: ApiServer, client: httpx.Client) -> None:
    """Deleting a namespace deletes what is in it; what holds on keeps it terminating, and nothing new comes into it."""
    server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    held = {"name": "held", "namespace": "shop", "finalizers": ["example.com/hold"]}
    server.put(config_map() | {"metadata": held})
    server.put(config_map() | {"metadata": {"name": "free", "namespace": "shop"}})
    client.delete("/api/v1/namespaces/shop")
    assert server.get("v1", "ConfigMap", "shop", "free") is None
    assert client.get("/api/v1/namespaces/shop").json()["status"]["phase"] == "Terminating"
    new = config_map() | {"metadata": {"name": "new", "namespace": "shop"}}
    assert client.post("/api/v1/namespaces/shop/configmaps", json=new).status_code == 403


def test_lists_come_in_parts_and_by_labels(server: ApiServer, client: httpx.Client) -> None:
    """``limit`` and ``continue`` give every object once; selectors by equality, by sets and by presence are followed."""
    for index in range(7):
        obj = config_map(f"m{index}")
        obj["metadata"]["labels"] = {
            "part": "even" if index % 2 == 0 else "odd",
            **({"last": "yes"} if index == 6 else {}),
        }
        server.put(obj)
    names, token = [], ""
    while True:
        page = client.get(MAPS, params={"limit": 3, **({"continue": token} if token else {})}).json()
        names += [each["metadata"]["name"] for each in page["items"]]
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert names == [f"m{index}" for index in range(7)]
    counts = {"part=even": 4, "part!=even": 3, "part in (odd,none)": 3, "last": 1, "!last": 6, "part=even,!last": 3}
    for selector, count in counts.items():
        assert len(client.get(MAPS, params={"labelSelector": selector}).json()["items"]) == count, selector


def test_a_continued_list_expires(server: ApiServer, client: httpx.Client) -> None:
    """A continuation of what the server has forgotten is 410."""
    for index in range(3):
        server.put(config_map(f"m{index}"))
    token = client.get(MAPS, params={"limit": 1}).json()["metadata"]["continue"]
    server.forget()
    assert client.get(MAPS, params={"limit": 1, "continue": token}).status_code == 410


def test_a_watch_tells_what_happens(server: ApiServer, client: httpx.Client) -> None:
    """A watch from a list's version gets each change in its order, and ends after its time."""
    version = client.get(MAPS).json()["metadata"]["resourceVersion"]
    lines: list[Object] = []

    def follow() -> None:
        params = {"watch": "1", "resourceVersion": version, "timeoutSeconds": "10"}
        with client.stream("GET", MAPS, params=params) as stream:
            for line in stream.iter_lines():
                lines.append(json.loads(line))
                if len(lines) == 3:
                    return

    thread = threading.Thread(target=follow)
    thread.start()
    server.put(config_map(a="1"))
    server.put(config_map(a="2"))
    server.remove("v1", "ConfigMap", "default", "settings")
    thread.join(20)
    assert [(line["type"], line["object"]["data"]["a"]) for line in lines] == [
        ("ADDED", "1"),
        ("MODIFIED", "2"),
        ("DELETED", "2"),
    ]


def test_a_custom_kind_is_served_once_it_is_established(server: ApiServer, client: httpx.Client) -> None:
    """Before its definition is established a custom kind is 404; afterwards its own schema says how it merges."""
    server.controllers.on = False
    parts = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"]}
    item = {"type": "object", "properties": {"id": {"type": "string"}, "size": {"type": "integer", "default": 3}}}
    spec = {"type": "object", "properties": {"parts": parts | {"items": item}}}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Part", "plural": "things"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    path = "/apis/example.com/v1/namespaces/default/things"
    server.put(definition)
    assert client.get(path).status_code == 404
    server.controllers.on = True
    server.put(definition | {"metadata": {"name": "things.example.com", "labels": {"a": "b"}}})
    assert client.get("/apis/example.com/v1").json()["resources"][0]["kind"] == "Part"
    head = {"apiVersion": "example.com/v1", "kind": "Part", "metadata": {"name": "one"}}
    first = applied(client, path, head | {"spec": {"parts": [{"id": "a"}]}})
    assert first.json()["spec"]["parts"] == [{"id": "a", "size": 3}]
    both = applied(client, path, head | {"spec": {"parts": [{"id": "b", "size": 4}]}}, manager="other").json()
    assert [part["id"] for part in both["spec"]["parts"]] == ["a", "b"]


def test_discovery_says_what_is_served(client: httpx.Client) -> None:
    """Groups, versions and resources are listed, in the old way and in one aggregated answer."""
    assert client.get("/version").json()["gitVersion"].startswith("v1.")
    assert {"apps", "batch", "rbac.authorization.k8s.io"} <= {
        each["name"] for each in client.get("/apis").json()["groups"]
    }
    rows = {row["name"]: row for row in client.get("/apis/apps/v1").json()["resources"]}
    assert (rows["deployments"]["namespaced"], "patch" in rows["deployments"]["verbs"]) == (True, True)
    assert {"deployments/status", "deployments/scale"} <= set(rows)
    wide = client.get(
        "/apis", headers={"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
    )
    assert wide.json()["kind"] == "APIGroupDiscoveryList"


def test_who_may_not_is_told_so(server: ApiServer, client: httpx.Client) -> None:
    """Without a token it is 401, with a denied verb 403 that names user, verb, resource and namespace."""
    assert WEB.get(f"{server.url}{MAPS}").status_code == 401
    server.deny("patch", "deployments", "default")
    refused = applied(client, APPS, deployment())
    why = 'User "tester" cannot patch resource "deployments" in API group "apps" in the namespace "default"'
    assert (refused.status_code, refused.json()["message"]) == (403, f'deployments.apps "web" is forbidden: {why}')
    assert applied(client, MAPS, config_map()).is_success
    asked = {"verb": "patch", "resource": "deployments", "group": "apps", "namespace": "default"}
    review = {"kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": asked}}
    answer = client.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json=review)
    assert answer.json()["status"] == {"allowed": False}


def test_one_user_may_less_than_another(server: ApiServer, client: httpx.Client) -> None:
    """What is denied to one user is denied to nobody else."""
    server.admit("reader-token", "reader")
    server.deny(verb="create", user="reader")
    headers = {"Authorization": "Bearer reader-token"}
    refused = client.post(MAPS, json=config_map(), headers=headers)
    assert (refused.status_code, 'User "reader" cannot create' in refused.json()["message"]) == (403, True)
    assert client.post(MAPS, json=config_map()).status_code == 201
    assert client.get(f"{MAPS}/settings", headers=headers).status_code == 200


def test_a_lost_reply_was_still_done(server: ApiServer, client: httpx.Client) -> None:
    """A fault after the deed breaks the connection once; the object is there and the next try finds it so."""
    fault = server.fail("^PATCH .*/settings", after=True, drop=True)
    with pytest.raises(httpx.TransportError):
        applied(client, MAPS, config_map(a="1"))
    assert fault.happened == 1
    assert server.get("v1", "ConfigMap", "default", "settings") is not None
    assert applied(client, MAPS, config_map(a="1")).status_code == 200


def test_a_refusal_of_the_moment_did_nothing(server: ApiServer, client: httpx.Client) -> None:
    """A fault instead of the deed answers with its status and headers as often as it should, and nothing is stored."""
    server.fail("^PATCH", 429, times=2, retry_after=1)
    answers = [applied(client, MAPS, config_map(a="1")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 201]
    assert answers[0].headers["Retry-After"] == "1"
    assert [request.method for request in server.requests] == ["PATCH"] * 3
    assert {request.content_type for request in server.requests} == {APPLY}


def test_controllers_make_ready_when_they_are_told_to(server: ApiServer, client: httpx.Client) -> None:
    """A workload is ready at once, after some reads, never, or fails with its deadline exceeded."""

    def progressing(name: str) -> str | None:
        conditions = client.get(f"{APPS}/{name}").json().get("status", {}).get("conditions", ())
        return next((each["reason"] for each in conditions if each["type"] == "Progressing"), None)

    applied(client, APPS, deployment("now"))
    assert progressing("now") == "NewReplicaSetAvailable"
    server.controllers.reads = 2
    applied(client, APPS, deployment("later"))
    assert [progressing("later") for _ in range(3)] == [None, None, "NewReplicaSetAvailable"]
    server.controllers.reads = 0
    server.controllers.never.add("Deployment/stuck")
    server.controllers.failing.add("Deployment/late")
    applied(client, APPS, deployment("stuck"))
    applied(client, APPS, deployment("late"))
    assert (progressing("stuck"), progressing("late")) == (None, "ProgressDeadlineExceeded")


def test_a_status_moves_no_generation(server: ApiServer, client: httpx.Client) -> None:
    """A change of the specification is a new generation, one of labels or of the status is none."""
    applied(client, APPS, deployment())
    path = f"{APPS}/web"

    def generation() -> tuple[int, int]:
        obj = client.get(path).json()
        return obj["metadata"]["generation"], obj["status"]["observedGeneration"]

    assert generation() == (1, 1)
    patched(client, path, {"metadata": {"labels": {"a": "b"}}}, MERGE)
    patched(client, f"{path}/status", {"status": {"collisionCount": 1}}, MERGE)
    assert generation()[0] == 1
    patched(client, path, {"spec": {"replicas": 7}}, MERGE)
    assert generation() == (2, 2)


def test_a_scale_is_owned_under_its_subresource(server: ApiServer, client: httpx.Client) -> None:
    """What scaled a workload owns its replicas through ``scale``, and a conflict says so."""
    applied(client, APPS, deployment())
    patched(client, f"{APPS}/web/scale", {"spec": {"replicas": 9}}, MERGE, fieldManager="scaler")
    message = applied(client, APPS, deployment()).json()["message"]
    assert message.endswith('conflict with "scaler" with subresource "scale" using apps/v1: .spec.replicas')


def test_a_kubeconfig_leads_to_the_server(server: ApiServer, tmp_path: Path) -> None:
    """The official client reads the kubeconfig and sees what is stored."""
    config = pytest.importorskip("kubernetes.config", reason="needs the kubernetes client")
    from kubernetes import client as official

    server.put(config_map(a="1"))
    with config.new_client_from_config(str(server.kubeconfig(tmp_path))) as api:
        listed = official.CoreV1Api(api).list_namespaced_config_map("default").to_dict()
    assert [(each["metadata"]["name"], each["data"]) for each in listed["items"]] == [("settings", {"a": "1"})]
