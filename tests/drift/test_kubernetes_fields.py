"""The fields of Kubernetes kinds: who fills them in, what their order means, how their values are spelled."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from bot.drift.kubernetes.kinds import is_known, shape_of
from bot.drift.shapes import Shape
from bot.drift.walk import walk
from bot.model.json import JSON
from bot.model.paths import Item
from tests.drift.places import holding, places
from tests.table import table

TABLE: Final[dict[str, dict[str, Any]]] = yaml.load(
    Path(__file__).with_name("kubernetes_fields.yaml").read_text(), yaml.CSafeLoader
)
GROUPS: Final = {
    "": "ConfigMap Endpoints LimitRange Namespace PersistentVolume PersistentVolumeClaim Pod ReplicationController "
    "ResourceQuota Secret Service ServiceAccount",
    "apps": "DaemonSet Deployment ReplicaSet StatefulSet",
    "batch": "CronJob Job",
    "autoscaling": "HorizontalPodAutoscaler",
    "policy": "PodDisruptionBudget",
    "rbac.authorization.k8s.io": "ClusterRole ClusterRoleBinding Role RoleBinding",
    "networking.k8s.io": "Ingress NetworkPolicy",
    "admissionregistration.k8s.io": "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
    "apiregistration.k8s.io": "APIService",
    "apiextensions.k8s.io": "CustomResourceDefinition",
    "storage.k8s.io": "StorageClass",
}
GROUP_OF: Final = {kind: group for group, kinds in GROUPS.items() for kind in kinds.split()}


def of(kind: str) -> Shape:
    return shape_of(GROUP_OF[kind], kind)


def rows(name: str) -> list[tuple[str, str]]:
    return [*places(TABLE[name])]


def equal(kind: str, path: str, one: JSON, other: JSON) -> bool:
    """Whether both values mean the same at ``path``, in either direction."""
    first, second = holding(path, one), holding(path, other)
    there, back = walk(first, second, of(kind)), walk(second, first, of(kind))
    assert bool(there) is bool(back)
    return not there


@table("kind", GROUP_OF)
def test_a_kind_is_known_in_its_group(kind: str) -> None:
    """And in no other, except where older servers had it."""
    assert is_known(GROUP_OF[kind], kind)
    assert not is_known("example.com", kind)
    assert is_known("extensions", kind) is (
        kind in {"DaemonSet", "Deployment", "ReplicaSet", "Ingress", "NetworkPolicy"}
    )
    assert not is_known(GROUP_OF[kind], "Gadget")


@table(("kind", "path"), rows("people"))
def test_what_only_people_write_was_added(kind: str, path: str) -> None:
    """Whoever looks knows that nobody else fills it in."""
    for value in ("x", ["x"], {"k": "x"}):
        told = walk(holding(path), holding(path, value), of(kind))
        if [difference.shape.filled.value for difference in told] == ["nobody"]:
            return
    pytest.fail(f"{path} of {kind} is unknown")


@table(("filled", "kind", "path"), [(filled, *row) for filled in ("server", "controller") for row in rows(filled)])
def test_what_others_fill_in_says_who_does(filled: str, kind: str, path: str) -> None:
    """Only who wrote it tells more; what Git says is compared."""
    value: JSON = {"k": "x"} if path in dict(TABLE["maps"]).get(kind, ()) else "x"
    told = walk(holding(path), holding(path, value), of(kind), filled=True)
    assert [difference.shape.filled.value for difference in told] == [filled]
    assert bool(walk(holding(path), holding(path, value), of(kind))) is (filled == "controller")
    assert walk(holding(path, "y"), holding(path, "x"), of(kind))


@table(("kind", "path"), rows("allocated"))
def test_what_the_server_gives_out_is_compared_where_git_says_it(kind: str, path: str) -> None:
    """And nowhere else."""
    for value in ("x", {"matchLabels": {"k": "x"}}):
        assert walk(holding(path), holding(path, value), of(kind), filled=True) == []
    assert walk(holding(path, "y"), holding(path, "x"), of(kind))


@table(("kind", "path"), rows("nobody"))
def test_what_nobody_wants_is_never_compared(kind: str, path: str) -> None:
    """On neither side."""
    assert equal(kind, path, "x", "y")
    assert equal(kind, path, "x", None)


@table(("kind", "path"), rows("zeros"))
def test_zero_is_not_absence(kind: str, path: str) -> None:
    """Nor is an empty mapping where that means everything."""
    assert walk(holding(path, {}), holding(path), of(kind))
    assert walk(holding(path, 0), holding(path), of(kind))


@table(("kind", "path"), rows("sets"))
def test_the_order_of_a_set_means_nothing(kind: str, path: str) -> None:
    """Its elements do."""
    assert equal(kind, path, ["a", "b"], ["b", "a"])
    assert not equal(kind, path, ["a", "b"], ["a", "c"])


@table(("kind", "path"), rows("lists"))
def test_the_order_of_a_list_means_something(kind: str, path: str) -> None:
    """Even where its elements have names."""
    assert not equal(kind, path, [{"name": "a"}, {"name": "b"}], [{"name": "b"}, {"name": "a"}])


@table(("kind", "path"), rows("unordered"))
def test_a_list_of_alternatives_says_the_same_in_any_order(kind: str, path: str) -> None:
    """What changed in it is told beside its own element, wherever that stands; two that are alike are two."""
    one, two, three = ({"secretName": name, "x": name} for name in "abc")
    assert equal(kind, path, [one, two], [two, one])
    assert not equal(kind, path, [one, one], [one])
    changed = walk(holding(path, [one, two, three]), holding(path, [three, one, {**two, "x": "z"}]), of(kind))
    assert [(difference.desired, difference.observed) for difference in changed] == [("b", "z")]
    assert changed[0].location.pointer[-2:] == (1, "x")


@table(("kind", "path"), rows("maps"))
def test_every_entry_of_a_map_counts(kind: str, path: str) -> None:
    """One that says nothing too."""
    assert walk(holding(path, {"a": "", "b": "x"}), holding(path, {"b": "x"}), of(kind))


SPELLINGS: Final[dict[str, tuple[JSON, JSON, JSON]]] = {
    "texts": (True, "true", "True"),
    "numbers or names": ("80", 80, "http"),
    "quantities": ("1000m", 1, "1001m"),
    "modes": ("0644", 420, 644),
    "base64": ("YWJj\nZGVm", "YWJjZGVm", "YWJjZGVn"),
}


@table(("spelling", "kind", "path"), [(name, *row) for name in SPELLINGS for row in rows(name)])
def test_a_value_is_the_same_however_it_is_spelled(spelling: str, kind: str, path: str) -> None:
    """And another value is another one."""
    one, same, other = SPELLINGS[spelling]
    assert equal(kind, path, one, same)
    assert not equal(kind, path, one, other)


def test_names_and_images_have_spellings_of_their_own() -> None:
    """No account is the usual one; an image has a registry and a tag."""
    account = "spec.template.spec.serviceAccountName"
    assert equal("Deployment", account, "", "default")
    assert not equal("Deployment", account, "", "other")
    image = "spec.template.spec.containers[].image"
    assert equal("Deployment", image, "nginx", "docker.io/library/nginx:latest")
    assert not equal("Deployment", image, "nginx", "nginx:1")


def element(keys: list[str], value: str) -> dict[str, Any]:
    """An element whose every key is ``value``."""
    made: dict[str, Any] = {"own": value}
    for key in keys:
        around = made
        *parents, last = key.split(".")
        for parent in parents:
            around = around.setdefault(parent, {})
        around[last] = value
    return made


@table(("place", "keys"), TABLE["keyed"].items())
def test_elements_go_by_their_keys(place: str, keys: str) -> None:
    """In any order, each compared with its own; a key that is not said has its usual value."""
    kind, path = place.split()
    names = [key.partition("=")[0] for key in keys.split()]
    first, second = element(names, "a"), element(names, "b")
    differences = walk(holding(path, [first, second]), holding(path, [second, first]), of(kind))
    assert [difference.shape.name for difference in differences] == (["order"] if "initContainers" in path else [])
    for key, value in (key.split("=") for key in keys.split() if "=" in key):
        silent = {name: said for name, said in first.items() if name != key}
        assert walk(holding(path, [silent, second]), holding(path, [second, {**first, key: value}]), of(kind)) == []
    told = walk(holding(path, [first, second]), holding(path, [second, {**first, "own": "c"}]), of(kind))
    label = Item("/".join("a" for _ in names))
    assert path.startswith("subsets") or label in told[0].location.path  # subsets are a set, told as a whole
