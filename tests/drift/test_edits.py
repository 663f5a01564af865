"""What the edits of a declared object write: what a person would, and nothing that the server filled in."""

from __future__ import annotations

import pytest

from bot.drift.canonical import spare
from bot.drift.kubernetes.kinds import shape_of
from bot.drift.shapes import Shape
from bot.model.json import JSON

PORTS = ("spec", "ports")
CONTAINERS = ("spec", "template", "spec", "containers")
VOLUMES = ("spec", "template", "spec", "volumes")


def element(group: str, kind: str, path: tuple[str, ...]) -> Shape:
    """The shape of the elements of a list."""
    shape = shape_of(group, kind)
    for key in path:
        shape = shape.child(key)
    return shape.element


@pytest.mark.parametrize(
    ("group", "kind", "path", "running", "written"),
    [
        ("", "Service", PORTS, {"name": "http", "port": 81, "protocol": "TCP", "targetPort": 8080, "nodePort": 30080},
         {"name": "http", "port": 81, "targetPort": 8080}),
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
    ],
)  # fmt: skip
def test_what_the_server_fills_in_is_not_written(
    group: str, kind: str, path: tuple[str, ...], running: JSON, written: JSON
) -> None:
    """Defaults, what is allocated and what is empty are left out; another value than the default stays."""
    assert spare(running, element(group, kind, path)) == written


def test_labels_keep_every_entry() -> None:
    """An empty text is a value in a mapping of texts."""
    labels = shape_of("apps", "Deployment").child("metadata").child("labels")
    assert spare({"a": "", "b": "x"}, labels) == {"a": "", "b": "x"}


def test_what_the_elements_beside_it_say_is_written_too() -> None:
    """A list in which every port names its protocol gets no port without one."""
    port: JSON = {"name": "http", "port": 81, "protocol": "TCP"}
    assert spare(port, element("", "Service", PORTS), frozenset({"name", "port", "protocol"})) == port
