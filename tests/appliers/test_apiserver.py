"""The stand-in for the API server stores what it is given as Kubernetes' documentation promises."""

from __future__ import annotations

import httpx
import pytest

from tests.appliers.apiserver import ApiServer
from tests.appliers.asking import (
    APPLY,
    APPS,
    JSON_PATCH,
    MAPS,
    MERGE,
    STRATEGIC,
    Object,
    applied,
    config_map,
    deployment,
    patched,
)


def test_an_apply_creates_with_defaults_that_nobody_owns(server: ApiServer, client: httpx.Client) -> None:
    """What is applied is owned by its applier, what the server fills in by nobody; the answer is 201, then 200."""
    first = applied(client, APPS, deployment())
    again = applied(client, APPS, deployment())
    assert (first.status_code, again.status_code) == (201, 200)
    container = first.json()["spec"]["template"]["spec"]["containers"][0]
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    owned = server.owners("apps/v1", "Deployment", "default", "web")['"applier"']
    assert ".spec.replicas" in owned
    assert '.spec.template.spec.containers[name="main"].ports[containerPort=80,protocol="TCP"].containerPort' in owned
    assert not any("imagePullPolicy" in path or "strategy" in path for path in owned)


def test_an_apply_that_changes_nothing_is_not_written(server: ApiServer, client: httpx.Client) -> None:
    """The same apply again leaves the version, the generation and the managers' times as they were."""
    applied(client, APPS, deployment())
    before = server.get("apps/v1", "Deployment", "default", "web")
    applied(client, APPS, deployment())
    assert server.get("apps/v1", "Deployment", "default", "web") == before


def test_a_conflict_names_the_owner_and_the_field(server: ApiServer, client: httpx.Client) -> None:
    """A field that another manager set to another value is refused, with a cause of its own, until force takes it."""
    applied(client, APPS, deployment())
    server.edit("apps/v1", "Deployment", "default", "web", spec__replicas=5)
    refused = applied(client, APPS, deployment())
    message = 'conflict with "kubectl-edit" using apps/v1: .spec.replicas'
    assert refused.status_code == 409
    assert refused.json()["message"] == f"Apply failed with 1 conflict: {message}"
    assert refused.json()["details"]["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl-edit" using apps/v1',
            "field": ".spec.replicas",
        }
    ]
    assert applied(client, APPS, deployment(), force="true").json()["spec"]["replicas"] == 2
    assert '"kubectl-edit" using apps/v1' not in server.owners("apps/v1", "Deployment", "default", "web")


def test_several_conflicts_are_listed_by_manager(server: ApiServer, client: httpx.Client) -> None:
    """Each manager is named once with its fields below it."""
    applied(client, APPS, deployment())
    container = deployment(image="nginx:2")["spec"]["template"]["spec"]["containers"]
    server.edit("apps/v1", "Deployment", "default", "web", spec__replicas=5, spec__template__spec__containers=container)
    message = applied(client, APPS, deployment()).json()["message"]
    assert message == (
        'Apply failed with 2 conflicts: conflicts with "kubectl-edit" using apps/v1:\n- .spec.replicas\n'
        '- .spec.template.spec.containers[name="main"].image'
    )


def test_a_field_that_is_no_longer_applied_goes_or_falls_back(client: httpx.Client) -> None:
    """What only the applier owned is gone, and what has a default falls back to it."""
    applied(client, MAPS, config_map(a="1", b="2"))
    assert applied(client, MAPS, config_map(a="1")).json()["data"] == {"a": "1"}
    applied(client, APPS, deployment(replicas=4))
    assert applied(client, APPS, deployment(replicas=None)).json()["spec"]["replicas"] == 1


def test_a_field_that_is_shared_stays_with_the_other(server: ApiServer, client: httpx.Client) -> None:
    """Two who apply the same value both own it; the one who leaves it out takes it from nobody else."""
    applied(client, MAPS, config_map(a="1", b="2"))
    applied(client, MAPS, config_map(a="1"), manager="other")
    assert applied(client, MAPS, config_map(b="2")).json()["data"] == {"a": "1", "b": "2"}
    assert server.owners("v1", "ConfigMap", "default", "settings")['"other"'] == {".data.a"}


def test_an_object_without_managers_belongs_to_before_first_apply(server: ApiServer, client: httpx.Client) -> None:
    """Whoever wrote an object before managers were kept conflicts under that name."""
    server.put(config_map(a="1"), manager=None)
    message = applied(client, MAPS, config_map(a="2")).json()["message"]
    assert message == 'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a'


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (deployment() | {"spec": {"foo": 1}}, 500, ".spec.foo: field not declared in schema"),
        (deployment() | {"kind": "Job"}, 400, "invalid object type"),
        (deployment() | {"metadata": {"name": "web", "managedFields": [{"manager": "a"}]}}, 400, "must be nil"),
        (deployment() | {"metadata": {"name": "web", "resourceVersion": "7"}}, 404, "not found"),
        (deployment("web", ports=[{"containerPort": 1}, {"containerPort": 1}]), 500, "duplicate entries for key"),
    ],
    ids=["unknown field", "another kind", "managers", "a version of nothing", "the same port twice"],
)
def test_what_cannot_be_applied(client: httpx.Client, body: Object, code: int, message: str) -> None:
    """An apply that does not fit its kind or its path is refused and nothing is stored."""
    refused = applied(client, APPS, body)
    assert (refused.status_code, message in refused.json()["message"]) == (code, True), refused.text
    assert client.get(f"{APPS}/web").status_code == 404


def test_an_apply_needs_a_manager(client: httpx.Client) -> None:
    """Without ``fieldManager`` an apply is refused, and ``force`` is refused where nothing is applied."""
    nameless = patched(client, f"{MAPS}/settings", config_map(), APPLY)
    assert (nameless.status_code, nameless.json()["details"]["causes"][0]["field"]) == (422, "fieldManager")
    client.post(MAPS, json=config_map())
    forced = patched(client, f"{MAPS}/settings", {}, MERGE, force="true")
    assert (forced.status_code, forced.json()["details"]["causes"][0]["field"]) == (422, "force")


@pytest.mark.parametrize("how", ["post", "put", "apply", "merge", "delete"])
def test_a_dry_run_stores_nothing(server: ApiServer, client: httpx.Client, how: str) -> None:
    """``dryRun=All`` answers as if it were done, with every verb, and the store is as it was."""
    if how != "post":
        server.put(config_map(a="1"), manager="applier")
    before = server.objects
    dry = {"dryRun": "All"}
    path = f"{MAPS}/settings"
    match how:
        case "post":
            answer = client.post(MAPS, params=dry, json=config_map(a="2"))
        case "put":
            answer = client.put(path, params=dry, json=config_map(a="2"))
        case "apply":
            answer = applied(client, MAPS, config_map(a="2"), force="true", **dry)
        case "merge":
            answer = patched(client, path, {"data": {"a": "2"}}, MERGE, **dry)
        case _:
            answer = client.delete(path, params=dry)
    assert answer.is_success
    assert how == "delete" or answer.json()["data"]["a"] == "2"
    assert server.objects == before


def test_a_write_against_an_old_version_is_refused(server: ApiServer, client: httpx.Client) -> None:
    """PUT and patches with a version that is no longer the stored one get 409, whoever changed it meanwhile."""
    old = server.put(config_map(a="1"))
    server.put(config_map(a="2"))
    stale = client.put(f"{MAPS}/settings", json=old)
    assert (stale.status_code, stale.json()["reason"]) == (409, "Conflict")
    version = {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}}
    assert patched(client, f"{MAPS}/settings", version, MERGE).status_code == 409
    assert (
        applied(client, MAPS, config_map(a="2") | {"metadata": {"name": "settings"} | version["metadata"]}).status_code
        == 409
    )


def test_creating_twice_and_generated_names(client: httpx.Client) -> None:
    """A name that is taken is 409 AlreadyExists; ``generateName`` makes a name each time."""
    assert client.post(MAPS, json=config_map()).status_code == 201
    again = client.post(MAPS, json=config_map())
    assert (again.status_code, again.json()["reason"]) == (409, "AlreadyExists")
    generated = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "made-"}}
    names = {client.post(MAPS, json=generated).json()["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("made-") for name in names)


def test_a_namespace_must_exist(client: httpx.Client) -> None:
    """Objects of a namespace that is not there are refused with 404 that names it."""
    obj = config_map() | {"metadata": {"name": "settings", "namespace": "nowhere"}}
    refused = client.post("/api/v1/namespaces/nowhere/configmaps", json=obj)
    assert (refused.status_code, refused.json()["message"]) == (404, 'namespaces "nowhere" not found')


def test_json_patches_test_before_they_change(client: httpx.Client) -> None:
    """A ``test`` that fails is 422 and changes nothing; one that holds lets the rest be done."""
    client.post(MAPS, json=config_map(a="1"))
    path = f"{MAPS}/settings"
    failing = [{"op": "test", "path": "/data/a", "value": "2"}, {"op": "remove", "path": "/data/a"}]
    assert patched(client, path, failing, JSON_PATCH).status_code == 422
    holding = [{"op": "test", "path": "/data/a", "value": "1"}, {"op": "replace", "path": "/data/a", "value": "3"}]
    assert patched(client, path, holding, JSON_PATCH).json()["data"] == {"a": "3"}


def test_strategic_patches_merge_lists_by_their_keys(client: httpx.Client) -> None:
    """A container is found by its name and a port by its number; ``$patch: delete`` takes one out."""
    client.post(APPS, json=deployment())
    path = f"{APPS}/web"

    def containers(patch: list[Object]) -> list[Object]:
        body = {"spec": {"template": {"spec": {"containers": patch}}}}
        stored: list[Object] = patched(client, path, body, STRATEGIC).json()["spec"]["template"]["spec"]["containers"]
        return stored

    two = containers([{"name": "side", "image": "log:1"}, {"name": "main", "ports": [{"containerPort": 81}]}])
    assert [each["name"] for each in two] == ["main", "side"]
    assert [port["containerPort"] for port in two[0]["ports"]] == [80, 81]
    assert [each["name"] for each in containers([{"name": "side", "$patch": "delete"}])] == ["main"]


@pytest.mark.parametrize(
    ("path", "obj", "changes", "field"),
    [
        (APPS, deployment(), {"spec": {"selector": {"matchLabels": {"app": "web", "b": "c"}}}}, "spec.selector"),
        (
            "/api/v1/namespaces/default/services",
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}},
            {"spec": {"clusterIP": "10.96.9.9"}},
            "spec.clusterIPs[0]",
        ),
        (
            "/apis/batch/v1/namespaces/default/jobs",
            {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "web"}}
            | {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}}},
            {"spec": {"template": {"spec": {"restartPolicy": "OnFailure"}}}},
            "spec.template",
        ),
        (
            "/apis/apps/v1/namespaces/default/statefulsets",
            deployment() | {"kind": "StatefulSet"},
            {"spec": {"serviceName": "other"}},
            "spec",
        ),
        (
            "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "web"}}
            | {"roleRef": {"kind": "Role", "name": "a"}},
            {"roleRef": {"name": "b"}},
            "roleRef",
        ),
    ],
    ids=["selector", "address", "job", "stateful set", "binding"],
)
def test_fields_that_never_change(client: httpx.Client, path: str, obj: Object, changes: Object, field: str) -> None:
    """A change of an immutable field is 422 with the field, and a change of labels beside it is not."""
    assert client.post(path, json=obj).status_code == 201
    where = f"{path}/web"
    refused = patched(client, where, changes, MERGE)
    assert refused.status_code == 422, refused.text
    assert [cause["field"] for cause in refused.json()["details"]["causes"]][-1] == field
    assert patched(client, where, {"metadata": {"labels": {"a": "b"}}}, MERGE).status_code == 200


def test_a_workload_needs_its_labels_and_containers(client: httpx.Client) -> None:
    """A selector that the template does not fit and a template without containers are invalid, all in one answer."""
    bad = deployment()
    bad["spec"]["template"] = {"metadata": {"labels": {"app": "other"}}, "spec": {"containers": []}}
    refused = client.post(APPS, json=bad)
    fields = {cause["field"] for cause in refused.json()["details"]["causes"]}
    assert (refused.status_code, fields) == (422, {"spec.template.metadata.labels", "spec.template.spec.containers"})


def test_strict_validation_refuses_what_a_warning_lets_pass(client: httpx.Client) -> None:
    """An unknown field is dropped with a warning, refused where the request is strict, and silent where it ignores."""
    odd = config_map(a="1") | {"dta": {}}
    warned = client.post(MAPS, params={"dryRun": "All"}, json=odd)
    assert warned.headers["Warning"] == '299 - "unknown field \\"dta\\""'
    assert "dta" not in warned.json()
    strict = client.post(MAPS, params={"fieldValidation": "Strict"}, json=odd)
    assert (strict.status_code, 'unknown field "dta"' in strict.json()["message"]) == (400, True)
    assert "Warning" not in client.post(MAPS, params={"fieldValidation": "Ignore"}, json=odd).headers


def test_quantities_and_empty_values_come_back_as_the_server_has_them(client: httpx.Client) -> None:
    """``1000m`` comes back as ``1`` and 1024Mi as 1Gi; false, zero and empty values that Go omits do not come back."""
    resources = {"limits": {"cpu": "1000m", "memory": "1024Mi"}, "requests": {"cpu": 0.5, "memory": "1Gi"}}
    stored = client.post(APPS, json=deployment(resources=resources, stdin=False, args=[])).json()
    container = stored["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"] == {
        "limits": {"cpu": "1", "memory": "1Gi"},
        "requests": {"cpu": "500m", "memory": "1Gi"},
    }
    assert not {"stdin", "args"} & set(container)


def test_a_secret_is_stored_encoded(client: httpx.Client) -> None:
    """``stringData`` is write-only: it comes back as ``data``."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"a": "b"}}
    stored = client.post("/api/v1/namespaces/default/secrets", json=secret).json()
    assert (stored["data"], stored["type"], "stringData" in stored) == ({"a": "Yg=="}, "Opaque", False)
