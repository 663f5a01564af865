"""Paths as conflicts write them lead to one place of an object, or nowhere."""

from __future__ import annotations

from bot.appliers.kubernetes_held import leaving_out, pointer_of
from bot.appliers.kubernetes_refusals import HeldField
from bot.model.json import JSON, Pointer
from tests.table import table

TREE: JSON = {
    "metadata": {"annotations": {"example.com/a": "1", "example": "2", "example.com/a.b": "3"}, "finalizers": ["x"]},
    "spec": {
        "replicas": 2,
        "containers": [
            {"name": "web", "image": "a", "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]},
            {"name": 'od"d', "image": "b"},
        ],
        "plain": [{"x": 1}],
    },
}


@table(
    ("path", "pointer"),
    [
        (".spec.replicas", ("spec", "replicas")),
        ('.spec.containers[name="web"].image', ("spec", "containers", 0, "image")),
        ('.spec.containers[name="od\\"d"].image', ("spec", "containers", 1, "image")),
        (
            '.spec.containers[name="web"].ports[containerPort=80,protocol="UDP"]',
            ("spec", "containers", 0, "ports", 1),
        ),
        (".metadata.annotations.example.com/a", ("metadata", "annotations", "example.com/a")),
        (".metadata.annotations.example.com/a.b", ("metadata", "annotations", "example.com/a.b")),
        (".metadata.annotations.example", ("metadata", "annotations", "example")),
        (".spec.plain[0].x", ("spec", "plain", 0, "x")),
        (".spec.plain[3].x", None),
        ('.spec.containers[name="other"].image', None),
        ('.metadata.finalizers[="x"]', None),
        (".spec.unknown", None),
        ('.spec.containers[name="web"].ports[containerPort=81]', None),
    ],
)
def test_a_path_of_a_conflict_leads_to_its_field(path: str, pointer: Pointer | None) -> None:
    """Keys of elements, indexes and names with dots in them are followed; what is not one place is none."""
    assert pointer_of(path, TREE) == pointer


def test_fields_are_left_out_and_nothing_else() -> None:
    """The body without them is what it was, and the body that was given stays."""
    body: dict[str, JSON] = {"spec": {"replicas": 2, "containers": [{"name": "web", "image": "a"}]}}
    left = leaving_out(body, [HeldField(".spec.replicas", "a", "a"), HeldField(".spec.other", "a", "a")])
    assert left == {"spec": {"containers": [{"name": "web", "image": "a"}]}}
    assert body == {"spec": {"replicas": 2, "containers": [{"name": "web", "image": "a"}]}}
