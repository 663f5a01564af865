"""What counts as a drift of a Kubernetes object: definitions, writers, and what is never there."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.drift.kubernetes.crds import shapes_of_crd, with_definitions
from bot.drift.kubernetes.last_applied import last_applied
from bot.drift.kubernetes.presence import claim, expected, matching
from bot.drift.live import Live
from bot.drift.shapes import Shape
from bot.drift.walk import walk
from bot.model.drift import DriftKind
from bot.model.json import JSON, Tree
from bot.model.resource import Observed, Platform, ResourceId
from tests.drift.makers import OPTIONS, Pair, declared, examine, live


def thing(kind: str, version: str = "v1", name: str = "x", **parts: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", **parts.pop("metadata", {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **parts}


# -- definitions -------------------------------------------------------------------------------------------------------


def definition(*versions: Tree, kind: str = "Gate", **spec: Any) -> dict[str, Any]:
    told = {"group": "example.com", "names": {"kind": kind}, "versions": [*versions], **spec}
    return thing("CustomResourceDefinition", "apiextensions.k8s.io/v1", spec=told)


def version(schema: Tree, *, storage: bool = True) -> dict[str, Any]:
    return {"storage": storage, "schema": {"openAPIV3Schema": {"properties": {"x": schema}}}}


def shape_of_x(schema: Tree) -> Shape:
    ((key, shape),) = shapes_of_crd(definition(version(schema)))
    assert key == ("example.com", "Gate")
    return shape


INTEGER: Tree = {"type": "integer"}
EITHER: Tree = {"x-kubernetes-int-or-string": True}
NAMED: Tree = {
    "type": "object",
    "properties": {"port": INTEGER, "protocol": {"type": "string", "default": "TCP"}, "m": {"type": "string"}},
}


def array(list_type: str | None, items: Tree, **more: JSON) -> Tree:
    kind: Tree = {} if list_type is None else {"x-kubernetes-list-type": list_type}
    return {"type": "array", "items": items, **kind, **more}


PORTS = array("map", NAMED, **{"x-kubernetes-list-map-keys": ["port", "protocol"]})


@pytest.mark.parametrize(
    ("schema", "one", "other", "equal"),
    [
        ({**INTEGER, "default": 5}, 5, None, True),
        ({**INTEGER, "default": 5}, 6, None, False),
        ({**INTEGER, "default": 5}, 0, None, False),
        ({**INTEGER, "default": 0}, 0, None, True),
        ({**INTEGER, "default": 1}, 0, None, False),
        ({**INTEGER, "default": ""}, "", None, True),
        (INTEGER, 0, None, True),
        ({"type": "boolean", "default": True}, False, None, False),
        ({"type": "boolean", "default": False}, False, None, True),
        (array("set", INTEGER), [1, 2], [2, 1], True),
        (array("atomic", {"type": "object"}), [{"name": "a"}, {"name": "b"}], [{"name": "b"}, {"name": "a"}], False),
        (array(None, {"type": "object"}), [{"name": "a"}, {"name": "b"}], [{"name": "b"}, {"name": "a"}], True),
        (array(None, INTEGER), [1, 2], [2, 1], False),
        (array("set", EITHER), [80], ["80"], True),
        (array("set", {}), [80], ["80"], False),
        (array("set", {"x-kubernetes-int-or-string": False}), [80], ["80"], False),
        (PORTS, [{"port": 1}, {"port": 2}], [{"port": 2, "protocol": "TCP"}, {"port": 1}], True),
        (PORTS, [{"port": 1}, {"port": 1, "protocol": "UDP"}], [{"port": 1, "protocol": "UDP"}, {"port": 1}], True),
        (PORTS, [{"port": 1, "m": "a"}], [{"port": 1, "m": "b"}], False),
        ({"type": "object", "properties": {"a": {**INTEGER, "default": 5}}}, {"a": 5}, {}, True),
        ({"type": "object", "properties": {"a": INTEGER}}, {"a": 0}, {}, True),
        ({"type": "object", "additionalProperties": INTEGER}, {"a": 0}, {}, False),
        ({"type": "object", "additionalProperties": True}, {"a": 0}, {}, True),
    ],
)
def test_a_schema_says_what_means_the_same(schema: Tree, one: JSON, other: JSON, *, equal: bool) -> None:
    """Defaults, keys, sets and numbers that may be texts."""
    shape = shape_of_x(schema)
    first, second = ({} if value is None else {"x": value} for value in (one, other))
    assert (walk(first, second, shape) == []) is equal


def test_the_stored_version_counts() -> None:
    """Else the first, else the schema that older definitions have beside their versions."""
    five, six = ({**INTEGER, "default": number} for number in (5, 6))

    def default(*versions: Tree, **spec: Any) -> JSON:
        ((_, shape),) = shapes_of_crd(definition(*versions, **spec))
        usual = shape.child("x").default
        return None if usual is None else usual.value

    assert default(version(five, storage=False), version(six)) == 6
    assert default(version(five), version(six, storage=False)) == 5
    assert default(version(five, storage=False), version(six, storage=False)) == 5
    assert default(validation={"openAPIV3Schema": {"properties": {"x": five}}}) == 5
    assert default() is None
    assert [*shapes_of_crd(definition(kind=""))] == []


def test_definitions_are_read_on_both_sides_and_the_options_know_better() -> None:
    """A resource of another platform that is called so defines nothing."""
    tree = definition(version(INTEGER))
    key = ("example.com", "Gate")
    assert with_definitions(OPTIONS, [], {}) is OPTIONS
    assert with_definitions(OPTIONS, [declared(thing("ConfigMap"))], {}) is OPTIONS
    other = live(thing("ConfigMap"))
    assert with_definitions(OPTIONS, [], {other.id: other}) is OPTIONS
    assert key in with_definitions(OPTIONS, [declared(tree)], {}).shapes
    assert key in with_definitions(OPTIONS, [], {live(tree).id: live(tree)}).shapes
    own = replace(OPTIONS, shapes={key: Shape()})
    assert with_definitions(own, [declared(tree)], {}).shapes == own.shapes
    foreign = replace(declared(tree), id=declared(tree).id._replace(platform=Platform.COMPOSE))
    assert with_definitions(OPTIONS, [foreign], {}) is OPTIONS


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("spec.ports", lambda *ports: {"ports": [*ports]}),
        ("spec.gates[].ports", lambda *ports: {"gates": [{"ports": [*ports]}]}),
        ("spec.deep.ports", lambda *ports: {"deep": {"ports": [*ports]}}),
    ],
)
def test_settings_name_the_keys_of_lists(path: str, spec: Any) -> None:
    """``[]`` goes into the elements of a list."""
    options = replace(OPTIONS, list_map_keys={("example.com", "Gate"): {path: ("port",)}})
    tree, changed = (
        thing("Gate", "example.com/v1", spec=spec(*ports))
        for ports in ([{"port": 1, "m": 1}, {"port": 2}], [{"port": 2}, {"port": 1, "m": 2}])
    )
    (drift,) = examine(Pair(declared(tree), live(changed)), options).drift
    assert drift.where.endswith("ports[1].m")


# -- who wrote it ------------------------------------------------------------------------------------------------------

WORKLOADS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "ReplicationController": "v1",
    "CronJob": "batch/v1",
    "Job": "batch/v1",
}


def workload(kind: str, **pod: Any) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "a", "image": "a:1"}], **pod}}
    spec = {"jobTemplate": {"spec": {"template": template}}} if kind == "CronJob" else {"template": template}
    return thing(kind, WORKLOADS[kind], spec=spec)


@pytest.mark.parametrize("kind", WORKLOADS)
def test_what_stands_in_a_template_that_nobody_fills_in_was_added(kind: str) -> None:
    """Even where Git says nothing of the list; in a Job, whose pods are its own, it may have been filled in."""
    changed = workload(kind, hostAliases=[{"ip": "10.0.0.1", "hostnames": ["a"]}])
    drifts = examine(Pair(declared(workload(kind)), live(changed))).drift
    assert [drift.kind for drift in drifts] == ([] if kind == "Job" else [DriftKind.ADDED])


def test_metadata_is_filled_in_by_many() -> None:
    """Labels that are only live are drift only where Git has some."""
    labelled = thing("ConfigMap", metadata={"labels": {"a": "1", "b": "2"}})
    assert examine(Pair(declared(thing("ConfigMap")), live(labelled))).drift == ()
    (drift,) = examine(Pair(declared(thing("ConfigMap", metadata={"labels": {"a": "1"}})), live(labelled))).drift
    assert drift.where == "metadata.labels.b"


MINER: Tree = {"hostNetwork": True}


@pytest.mark.parametrize(
    ("tree", "part", "by"),
    [
        (thing("Pod", spec={"containers": []}), MINER, "admission"),
        (thing("Gate", "example.com/v1", spec={"port": 1}), MINER, None),
        (thing("Gate", "example.com/v1"), MINER, "undeclared"),
    ],
)
def test_what_is_critical_never_goes_unsaid(tree: dict[str, Any], part: Tree, by: str | None) -> None:
    """Of unknown writer it is drift where Git speaks, and counted elsewhere."""
    result = examine(Pair(declared(tree), live({**tree, "spec": {**tree.get("spec", {}), **part}})))
    assert [suppressed.by for suppressed in result.suppressed] == ([by] if by else [])
    assert bool(result.drift) is (by is None)


@pytest.mark.parametrize(
    ("part", "told"),
    [(MINER, True), ({"hostPort": 80}, True), ({"image": "a:1"}, False), ({"mode": "x"}, False)],
)
def test_of_what_a_stranger_sent_as_a_whole_only_privileges_are_drift(part: Tree, *, told: bool) -> None:
    """Anything else the server may have filled in; it is counted with the name."""
    tree = thing("Gate", "example.com/v1", spec={"port": 1})
    sent: Tree = {"f:spec": {"f:port": {}, **{f"f:{key}": {} for key in part}}}
    writer = {"manager": "okhttp", "operation": "Update", "fieldsV1": sent}
    changed = {**tree, "metadata": {**tree["metadata"], "managedFields": [writer]}, "spec": {"port": 1, **part}}
    result = examine(Pair(declared(tree), live(changed)))
    assert [drift.manager for drift in result.drift] == (["okhttp"] if told else [])
    assert [each.by for each in result.suppressed] == ([] if told else ["manager:okhttp"])


@pytest.mark.parametrize(
    ("written", "applied"),
    [('{"a": 1}', {"a": 1}), ("[1]", None), ("{", None), (5, None), (None, None)],
)
def test_what_kubectl_applied_is_in_its_annotation(written: JSON, applied: JSON) -> None:
    """An object; anything else is nothing."""
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": written, "other": '{"b": 1}'}
    assert last_applied(thing("ConfigMap", metadata={"annotations": annotations})) == applied
    assert last_applied(thing("ConfigMap")) is None


def test_what_was_applied_before_was_removed_from_git() -> None:
    """As the annotation tells, where nothing was recorded."""
    tree = thing("ConfigMap", data={"a": "1"})
    note = {
        "kubectl.kubernetes.io/last-applied-configuration": json.dumps(thing("ConfigMap", data={"a": "1", "b": "2"}))
    }
    changed = thing("ConfigMap", data={"a": "1", "b": "2", "c": "3"}, metadata={"annotations": note})
    drifts = examine(Pair(declared(tree), live(changed))).drift
    assert {drift.where: drift.kind for drift in drifts} == {"data.b": DriftKind.REMOVED, "data.c": DriftKind.ADDED}


def test_the_plain_data_of_a_secret_go_beside_the_encoded() -> None:
    """And replace those of the same name."""
    plain = thing("Secret", data={"a": "MQ==", "b": "Mg=="}, stringData={"b": "3", "c": "4"})
    stored = thing("Secret", data={"a": "MQ==", "b": "Mw==", "c": "NA=="})
    assert examine(Pair(declared(plain), live(stored))).drift == ()
    assert [
        drift.where for drift in examine(Pair(declared(plain), live(thing("Secret", data={"a": "NQ=="})))).drift
    ] == [
        "data.a",
        "data.b",
        "data.c",
    ]


@pytest.mark.parametrize("kind", [*WORKLOADS, "Pod"])
def test_on_the_hosts_network_a_port_is_that_of_the_host(kind: str) -> None:
    """Whether that is written or not; another port is another one."""

    def with_port(*, network: bool = True, **port: int) -> dict[str, Any]:
        pod = {"containers": [{"name": "a", "image": "a:1", "ports": [{"containerPort": 80, **port}]}]}
        if kind == "Pod":
            return thing(kind, spec={**pod, "hostNetwork": network})
        return workload(kind, **pod, hostNetwork=network)

    assert examine(Pair(declared(with_port(hostPort=80)), live(with_port()))).drift == ()
    assert examine(Pair(declared(with_port(hostPort=81)), live(with_port()))).drift != ()
    off = with_port(network=False)
    assert examine(Pair(declared(with_port(hostPort=80, network=False)), live(off))).drift != ()


def test_a_workload_without_labels_has_those_of_its_template() -> None:
    """Where the API server copies them: for Jobs and ReplicationControllers."""
    for kind in WORKLOADS.keys() - {"CronJob"}:
        tree = workload(kind)
        tree["spec"]["template"]["metadata"] = {"labels": {"app": "x"}}
        other = {**tree, "metadata": {**tree["metadata"], "labels": {"app": "y"}}}
        drifts = examine(Pair(declared(tree), live(other))).drift
        copied = kind in {"Job", "ReplicationController"}
        assert [drift.where for drift in drifts] == (["metadata.labels.app"] if copied else []), kind


def test_what_is_no_container_is_compared_as_it_is() -> None:
    """On the host's network too."""
    tree, changed = (workload("Deployment", hostNetwork=True, initContainers=[name]) for name in ("a", "b"))
    assert examine(Pair(declared(tree), live(tree))).drift == ()
    assert examine(Pair(declared(tree), live(changed))).drift != ()


# -- what should be there ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "missed"),
    [
        (thing("ConfigMap"), True),
        (thing("Kustomization", "kustomize.config.k8s.io/v1beta1"), False),
        (thing("Kustomization", "kustomize.toolkit.fluxcd.io/v1"), True),
        (thing("Config", "skaffold/v4beta1"), False),
        (thing("Cluster", "kind.x-k8s.io/v1alpha4"), False),
        *((thing(kind), False) for kind in ("Event", "TokenReview", "SubjectAccessReview", "Binding", "Eviction")),
        (thing("PodTemplate"), False),
        (thing("ConfigMap", name=""), False),
        (thing("ConfigMap", metadata={"generateName": "x-"}), False),
        (thing("Job", metadata={"annotations": {"helm.sh/hook": "pre-install"}}), False),
        (thing("Job", metadata={"annotations": {"argocd.argoproj.io/hook": "Sync"}}), False),
        (thing("Job", metadata={"annotations": {"other": "x"}}), True),
        (thing("Job", spec={"ttlSecondsAfterFinished": 5}), False),
        (thing("Job", spec={"ttlSecondsAfterFinished": 0}), False),
        (thing("Job", spec={}), True),
        (thing("ConfigMap", spec={"ttlSecondsAfterFinished": 5}), True),
    ],
)
def test_an_absence_counts_where_the_server_would_keep_the_object(tree: dict[str, Any], *, missed: bool) -> None:
    """Not of files for tools, of requests, hooks and names that are made up, and of what is cleaned up."""
    assert expected(declared(tree)) is missed


@pytest.mark.parametrize(
    ("parts", "ours"),
    [
        ({"metadata": {"labels": {"clockwork.dev/managed": ""}}}, True),
        ({"metadata": {"labels": {"other": "x"}}}, False),
        ({"metadata": {"labels": {"clockwork.dev/managed": "x"}, "ownerReferences": [{"name": "o"}]}}, False),
        ({"metadata": {"labels": {"clockwork.dev/managed": "x"}, "ownerReferences": []}}, True),
        ({"metadata": {"labels": {"clockwork.dev/managed": "x"}, "deletionTimestamp": "now"}}, False),
        ({"metadata": {"labels": {"clockwork.dev/managed": "x"}}, "type": "helm.sh/release.v1"}, False),
        ({"metadata": {"labels": {"clockwork.dev/managed": "x"}}, "type": "Opaque"}, True),
    ],
)
def test_our_label_says_that_git_should_declare_an_object(parts: dict[str, Any], *, ours: bool) -> None:
    """Not of what another object owns, of what is going, and of what Helm keeps."""
    assert (claim(live(thing("Secret", **parts))) is not None) is ours


@pytest.mark.parametrize(
    ("scope", "scopes", "match"),
    [
        ("", ["default"], 0),
        ("", [""], 0),
        ("", ["shop"], 0),
        ("", ["shop", "default"], 1),
        ("", ["shop", "prod"], None),
        ("", [], None),
        ("shop", ["prod", ""], 1),
        ("shop", ["prod"], None),
        ("shop", ["default"], None),
    ],
)
def test_a_manifest_means_the_object_of_its_name(scope: str, scopes: list[str], match: int | None) -> None:
    """Of the cluster, else in ``default``, else the only one."""
    ids = [ResourceId(Platform.KUBERNETES, "Role", each, "x", "g") for each in scopes]
    observed = [Observed(id_, {}) for id_ in ids]
    id_ = ResourceId(Platform.KUBERNETES, "Role", scope, "x", "g")
    assert matching(Live(dict(zip(ids, observed, strict=True))), id_) is (None if match is None else observed[match])
