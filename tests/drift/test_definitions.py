"""What the definition of a custom resource, or a setting, says of how it compares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.drift.kubernetes.crds import shapes_of_crd, with_definitions
from bot.drift.shapes import Shape
from bot.drift.walk import walk
from bot.model.json import JSON, Tree
from bot.model.resource import Platform
from tests.drift.makers import OPTIONS, Pair, declared, examine, live, thing
from tests.table import table


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


@table(
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


@pytest.mark.parametrize(
    ("version", "kind", "path"),
    [
        ("argoproj.io/v1alpha1", "Rollout", ("template",)),
        ("argoproj.io/v1alpha1", "Experiment", ("templates", 0, "template")),
        ("apps.openshift.io/v1", "DeploymentConfig", ("template",)),
        ("keda.sh/v1alpha1", "ScaledJob", ("jobTargetRef", "template")),
        ("batch.volcano.sh/v1alpha1", "Job", ("tasks", 0, "template")),
    ],
)
def test_the_pods_of_a_custom_resource_are_pods(version: str, kind: str, path: tuple[str | int, ...]) -> None:
    """What the server fills into them is no difference, and a privilege that nobody is recorded to have given is one."""

    def holding(**container: Any) -> dict[str, Any]:
        spec: Any = {"spec": {"containers": [{"name": "web", "image": "shop/web:1", **container}]}}
        for part in reversed(path):
            spec = [spec] if isinstance(part, int) else {part: spec}
        return thing(kind, version, spec=spec)

    filled = holding(imagePullPolicy="IfNotPresent", terminationMessagePolicy="File", resources={})
    assert examine(Pair(declared(holding()), live(filled))).drift == ()
    result = examine(Pair(declared(holding()), live(holding(securityContext={"privileged": True}))))
    assert [drift.rule for drift in result.drift] == ["privileged"]
    assert result.suppressed == ()


@pytest.mark.parametrize("told", [True, False])
def test_what_is_kept_as_it_was_sent_keeps_what_is_empty(*, told: bool) -> None:
    """The values of a chart, and what a definition leaves unknown: no typed client drops their zeros; elsewhere one may."""
    values: dict[str, Any] = {"on": False, "count": 0, "text": "", "list": [], "named": [{"name": "a", "on": False}]}
    release = thing("HelmRelease", "helm.toolkit.fluxcd.io/v2", spec={"values" if told else "upgrade": values})
    bare: dict[str, Any] = {"values" if told else "upgrade": {"named": [{"name": "a"}]}}
    drifts = examine(Pair(declared(release), live({**release, "spec": bare}))).drift
    wheres = ["on", "count", "text", "list", "named[a].on"]
    assert [drift.where for drift in drifts] == ([f"spec.values.{where}" for where in wheres] if told else [])
    free = shape_of_x({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    assert walk({"x": {"on": False}}, {"x": {}}, free)
    assert not walk({"x": {"on": False}}, {"x": {}}, shape_of_x({"type": "object"}))


LISTED: Tree = {"type": "object", "properties": {"size": INTEGER, "kind": {"type": "string", "description": "a"}}}
LATER: Tree = {
    "type": "object",
    "properties": {"size": {"type": "string"}, "kind": {"type": "string"}, "more": INTEGER},
}
UNKNOWN: list[tuple[dict[str, Any] | None, dict[str, Any], dict[str, Any], list[str], list[str]]] = [
    # the definition's conversion, both sides, where there is drift and where it is unknown
    ({}, {"kind": "a"}, {"kind": "b"}, ["spec.kind"], []),
    ({"strategy": "None"}, {"kind": "a"}, {"kind": "b"}, ["spec.kind"], []),
    ({"strategy": "Webhook"}, {"kind": "a"}, {"kind": "b"}, [], ["spec.kind"]),
    (None, {"kind": "a"}, {"kind": "b"}, [], ["spec.kind"]),
    ({}, {"size": 1}, {"size": "1Gi"}, [], ["spec.size"]),
    ({}, {"kind": "a"}, {"kind": "a", "more": 2}, [], ["spec.more"]),
    ({}, {"size": 1, "kind": "a"}, {"kind": "b"}, ["spec.kind"], ["spec.size"]),
    ({"strategy": "Webhook"}, {"hostNetwork": False}, {"hostNetwork": True}, ["spec.hostNetwork"], []),
    ({"strategy": "Webhook"}, {"kind": "a"}, {"kind": "a"}, [], []),
]


@table(("conversion", "before", "now", "drift", "unknown"), UNKNOWN)
def test_a_field_in_another_version_is_compared_where_both_versions_say_the_same_of_it(
    conversion: dict[str, Any] | None, before: Tree, now: Tree, drift: list[str], unknown: list[str]
) -> None:
    """What a webhook converts, or a definition says otherwise, is unknown and counted; labels have no version."""
    versions: list[Tree] = [
        {"name": name, "storage": name == "v2", "schema": {"openAPIV3Schema": {"properties": {"spec": schema}}}}
        for name, schema in (("v1", LISTED), ("v2", LATER))
    ]
    options = OPTIONS
    if conversion is not None:
        crd = declared(definition(*versions, conversion=conversion))
        options = with_definitions(OPTIONS, [crd], {})
    git = thing("Gate", "example.com/v1", spec=before, metadata={"labels": {"a": "1"}})
    runs = thing("Gate", "example.com/v2", spec=now, metadata={"labels": {"a": "2"}})
    result = examine(Pair(declared(git), live(runs)), options)
    assert {each.where for each in result.drift} == {"metadata.labels.a", *drift}
    assert [each.drift.where for each in result.suppressed if each.by == "other-version"] == unknown


def test_versions_that_have_the_same_fields_are_compared() -> None:
    """Where nobody converts them, as is known of a few groups; and of the kinds of Kubernetes itself the tables know."""
    for group, told in (("networking.istio.io", ["spec.hosts"]), ("example.com", [])):
        git = thing("VirtualService", f"{group}/v1beta1", spec={"hosts": ["a"]})
        runs = thing("VirtualService", f"{group}/v1", spec={"hosts": ["b"]})
        assert [each.where for each in examine(Pair(declared(git), live(runs))).drift] == told
