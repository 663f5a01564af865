"""Custom kinds whose definition Git does not have, by the OpenAPI document of the cluster."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

from bot.drift.compare import compare
from bot.drift.kubernetes.crds import shapes_of_openapi, with_schemas
from bot.model.observation import Observation
from bot.model.resource import Platform
from bot.observers.documents import snapshot_contents
from tests.drift.makers import NOW, OPTIONS, declared, live, thing

LISTENERS: Final = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["port"],
    "items": {
        "type": "object",
        "properties": {"port": {"type": "integer"}, "mode": {"type": "string", "default": "open"}},
    },
}
DOCUMENT: Final[dict[str, Any]] = {
    "openapi": "3.0.0",
    "components": {
        "schemas": {
            "com.example.v1.Gate": {
                "properties": {
                    "metadata": {"type": "object"},
                    "spec": {"type": "object", "properties": {"listeners": LISTENERS}},
                },
                "x-kubernetes-group-version-kind": [{"group": "example.com", "kind": "Gate", "version": "v1"}],
            },
            "com.example.v1.GateList": {
                "properties": {"items": {"type": "array"}},
                "x-kubernetes-group-version-kind": [{"group": "example.com", "kind": "GateList", "version": "v1"}],
            },
            "io.k8s.api.apps.v1.Deployment": {
                "properties": {"metadata": {"type": "object"}},
                "x-kubernetes-group-version-kind": [{"group": "apps", "kind": "Deployment", "version": "v1"}],
            },
        }
    },
}
BEFORE: Final = thing("Gate", "example.com/v1", spec={"listeners": [{"port": 1}, {"port": 2}]})
AFTER: Final = thing(
    "Gate", "example.com/v1", spec={"listeners": [{"port": 2, "mode": "open"}, {"port": 1, "mode": "open"}]}
)


def test_a_document_describes_custom_kinds_alone() -> None:
    """No lists, and nothing that is built in."""
    assert [key for key, _ in shapes_of_openapi(DOCUMENT)] == [("example.com", "Gate")]
    assert with_schemas(OPTIONS, ()) is OPTIONS


def test_a_snapshot_may_hold_the_schema() -> None:
    """Then lists compare by key and defaults are none; without it both differ."""
    seen = live(AFTER)
    without = Observation(NOW, {seen.id: seen}, frozenset({Platform.KUBERNETES}))
    assert compare([declared(BEFORE)], without, options=OPTIONS).drift != ()
    snapshot = snapshot_contents(json.dumps([AFTER, DOCUMENT]).encode(), "live.json", NOW).observation
    assert snapshot.schemas == (DOCUMENT,)
    assert compare([declared(BEFORE)], snapshot, options=OPTIONS).drift == ()


def test_what_is_known_already_wins() -> None:
    """A shape of a definition that is at hand."""
    ((key, shape),) = shapes_of_openapi(DOCUMENT)
    other = replace(OPTIONS, shapes={key: shape})
    assert with_schemas(other, [DOCUMENT]).shapes[key] is shape
