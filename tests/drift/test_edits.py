"""What the edits of a declared object write: what a person would, and nothing that goes without saying."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.drift.authoring import authored, rewritten
from bot.drift.kubernetes.kinds import shape_of
from bot.drift.shapes import Form, Shape
from bot.drift.walk import walk
from bot.model.json import JSON, mapping
from tests.table import table

PORTS = ("spec", "ports")
CONTAINERS = ("spec", "template", "spec", "containers")
VOLUMES = ("spec", "template", "spec", "volumes")
CLAIMS = ("spec", "volumeClaimTemplates")


def element(group: str, kind: str, path: tuple[str, ...]) -> Shape:
    """The shape of the elements of a list."""
    shape = shape_of(group, kind)
    for key in path:
        shape = shape.child(key)
    return shape.element


@table(
    ("group", "kind", "path", "running", "written"),
    [
        ("", "Service", PORTS, {"name": "http", "port": 81, "protocol": "TCP", "targetPort": 8080, "nodePort": 30081},
         {"name": "http", "port": 81, "targetPort": 8080, "nodePort": 30081}),
        ("", "Service", PORTS, {"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "UDP"}),
        ("apps", "Deployment", CONTAINERS,
         {"name": "side", "image": "side:1", "imagePullPolicy": "IfNotPresent", "resources": {},
          "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
          "livenessProbe": {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, "periodSeconds": 5, "timeoutSeconds": 1}},
         {"name": "side", "image": "side:1", "livenessProbe": {"httpGet": {"port": 80}, "periodSeconds": 5}}),
        ("apps", "Deployment", CONTAINERS, {"name": "side", "image": "side:1", "imagePullPolicy": "Always"},
         {"name": "side", "image": "side:1", "imagePullPolicy": "Always"}),
        ("apps", "Deployment", VOLUMES, {"name": "a", "emptyDir": {}}, {"name": "a", "emptyDir": {}}),
        ("apps", "Deployment", VOLUMES, {"name": "a", "configMap": {"name": "b", "defaultMode": 420}},
         {"name": "a", "configMap": {"name": "b"}}),
        ("apps", "StatefulSet", CLAIMS,
         {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "creationTimestamp": None},
          "spec": {"storageClassName": "fast", "volumeMode": "Filesystem", "accessModes": ["ReadWriteOnce"]},
          "status": {"phase": "Pending"}},
         {"metadata": {"name": "data"}, "spec": {"storageClassName": "fast", "accessModes": ["ReadWriteOnce"]}}),
        ("example.org", "Policy", ("spec", "rules"), {"endpointSelector": {}, "to": [], "note": ""},
         {"endpointSelector": {}, "to": [], "note": ""}),
    ],
)  # fmt: skip
def test_what_goes_without_saying_is_not_written(
    group: str, kind: str, path: tuple[str, ...], running: JSON, written: JSON
) -> None:
    """Defaults and what is never desired state are left out; every other value stays, whoever might fill it in, and so
    does whatever is empty for a reason that no table knows.
    """
    assert authored(running, element(group, kind, path)) == written


def test_labels_keep_every_entry() -> None:
    """An empty text is a value in a mapping of texts."""
    labels = shape_of("apps", "Deployment").child("metadata").child("labels")
    assert authored({"a": "", "b": "x"}, labels) == {"a": "", "b": "x"}


def test_what_the_elements_beside_it_say_is_written_too() -> None:
    """A list in which every port names its protocol gets no port without one."""
    port: JSON = {"name": "http", "port": 81, "protocol": "TCP"}
    assert authored(port, element("", "Service", PORTS), [port]) == port


def test_what_changes_of_itself_is_not_taken_from_beside_it() -> None:
    """Claim templates that hold their status in Git, as exported ones do, give a new one none."""
    old: JSON = {"kind": "PersistentVolumeClaim", "metadata": {"name": "a"}, "status": {"phase": "Pending"}}
    new: JSON = {"kind": "PersistentVolumeClaim", "metadata": {"name": "b"}, "status": {"phase": "Bound"}}
    assert authored(new, element("apps", "StatefulSet", CLAIMS), [old]) == {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "b"},
    }


def test_quantities_are_spelled_as_beside_them() -> None:
    """The API server spells them its own way; one with another amount stays as it is."""
    item = element("", "LimitRange", ("spec", "limits"))
    declared: JSON = {"type": "Container", "max": {"cpu": "0.5", "memory": "1024Mi"}}
    running: JSON = {"type": "Container", "max": {"cpu": "500m", "memory": "2Gi"}}
    assert authored(running, item, [declared]) == {"type": "Container", "max": {"cpu": "0.5", "memory": "2Gi"}}


RULES = shape_of("rbac.authorization.k8s.io", "Role").child("rules")
PODS: JSON = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"], "resourceNames": []}
NODES: JSON = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}
JOBS: JSON = {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get"]}


@pytest.mark.parametrize(
    ("running", "written"),
    [
        ([JOBS, NODES, {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "get"]}], [PODS, NODES, JOBS]),
        ([JOBS, NODES], [NODES, JOBS]),
        ([NODES, {**mapping(PODS), "verbs": ["get", "watch"]}], [{**mapping(PODS), "verbs": ["get", "watch"]}, NODES]),
        ([NODES], [NODES]),
        ([], []),
    ],
)
def test_a_set_keeps_the_order_of_git(running: list[JSON], written: list[JSON]) -> None:
    """What changed stays at its place, what is new comes last, and what stays is spelled as it is."""
    assert rewritten([PODS, NODES], running, RULES) == written


WORDS = st.lists(st.sampled_from(["get", "list", "watch"]), max_size=3)
RULE = st.dictionaries(st.sampled_from(["apiGroups", "resources", "verbs", "resourceNames"]), WORDS)
LIMIT = st.fixed_dictionaries(
    {"type": st.sampled_from(["Container", "Pod"])},
    optional={
        name: st.dictionaries(st.sampled_from(["cpu", "memory"]), st.sampled_from(["1", "1000m", "2", "0.5"]))
        for name in ("max", "min", "default")
    },
)


@pytest.mark.parametrize(
    ("shape", "listed"),
    [
        (RULES, st.lists(RULE, max_size=4)),
        (shape_of("", "LimitRange").child("spec").child("limits"), st.lists(LIMIT, max_size=4)),
        (shape_of("", "Service").child("spec").child("externalIPs"), st.lists(st.sampled_from("abcd"), max_size=4)),
        (Shape(), st.lists(RULE | st.integers(0, 2) | st.sampled_from("012"), max_size=4)),
    ],
    ids=["rules", "limits", "addresses", "unknown"],
)
def test_what_is_written_says_what_is_live(shape: Shape, listed: st.SearchStrategy[list[JSON]]) -> None:
    """Whatever Git said before, there is no difference left, and where there was none, nothing is written anew."""

    @given(listed, listed)
    def holds(declared: list[JSON], running: list[JSON]) -> None:
        after = rewritten(declared, running, shape)
        assert not walk({"list": after}, {"list": running}, Shape(Form.STRUCT, fields={"list": shape}))
        assert rewritten(declared, declared, shape) == declared

    holds()
