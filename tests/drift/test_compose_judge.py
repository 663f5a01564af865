"""What counts as a drift of a Compose service: replicas, what image and engine bring, other files, names that Git has not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.drift.compose.names import Aliases
from bot.drift.diff import examine
from bot.drift.surroundings import ComparisonContext
from bot.model.drift import AddEntry, Drift, DriftKind, Edit, RemoveEntry, SetValue
from bot.model.json import JSON, Pointer, Tree
from bot.model.resource import Desired, Observed, Platform, ResourceId
from tests.drift.containers import mount, port
from tests.drift.makers import OPTIONS, running, service
from tests.table import table


def judged(
    desired: Desired, observed: Observed, *, base: Tree | None = None, aliases: Aliases | None = None
) -> tuple[Drift, ...]:
    return examine(desired, observed, base, OPTIONS, ComparisonContext(aliases=aliases or {})).drift


def compare(raw: Tree, live: Tree, *, base: Tree | None = None, aliases: Aliases | None = None) -> tuple[Drift, ...]:
    return judged(service(raw), running(live), base=base, aliases=aliases)


def container(name: str = "shop-web-1", **about: JSON) -> dict[str, JSON]:
    return {"x-container": {"name": name, **about}}


# -- replicas --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (["a:1", "a:1"], []),
        (["a:2", "a:2"], [("image", "a:2", None)]),
        (["a:2", "a:1"], [("image", "a:2", "only shop-web-1 of 2 containers")]),
        (["a:1", "a:2", "a:1"], [("image", "a:2", "only shop-web-2 of 3 containers")]),
        (["a:2", "a:2", "a:2", "a:1"], [("image", "a:2", "only shop-web-1, shop-web-2, shop-web-3 of 4 containers")]),
        (
            ["a:2", "a:1", "a:2", "a:2", "a:2", "a:2"],
            [("image", "a:2", "only shop-web-1, shop-web-3, shop-web-4 and 2 more of 6 containers")],
        ),
    ],
)
def test_what_only_some_containers_have_is_told_with_their_names(
    images: list[str], told: list[tuple[str, str, str | None]]
) -> None:
    """And has no edit; what all of them have is one drift with one."""
    trees = [{"image": image, **container(f"shop-web-{at}")} for at, image in enumerate(images, 1)]
    drifts = compare({"image": "a:1"}, {**trees[0], "x-replicas": trees[1:]})
    assert [(drift.where, drift.observed, drift.message) for drift in drifts] == told
    assert [drift.adopt for drift in drifts] == [
        () if message else (SetValue(("image",), "a:2"),) for _, _, message in told
    ]


def test_the_number_of_containers_is_that_of_the_service() -> None:
    """Whichever of them is looked at; what each says of its own state makes none of them special."""
    first = {"image": "a:1", "scale": 2, "x-state": "running", **container()}
    second = {"image": "a:1", "x-state": "exited", **container("shop-web-2")}
    live = {**first, "x-replicas": [second]}
    assert compare({"image": "a:1", "deploy": {"replicas": 2}}, live) == ()
    (drift,) = compare({"image": "a:1", "deploy": {"replicas": 3}}, live)
    assert (drift.where, drift.observed, drift.message) == ("scale", 2, None)
    (drift,) = compare({"image": "a:1", "scale": 3}, {**live, "x-replicas": [{**second, "user": "b"}]})[:1]
    assert (drift.where, drift.message) == ("scale", None)


# -- what image and engine bring ---------------------------------------------------------------------------------------

SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"environment": ["HOME"]}, {"environment": {"HOME": "/root"}}),
    ({"environment": ["HOME"]}, {"x-inherited": {"environment": {"HOME": "/root"}}}),
    ({"environment": ["HOME"]}, {}),
    ({"user": "a"}, {"x-unknown": ["user"]}),
    ({"user": "a"}, {"x-inherited": {"user": "a"}}),
    ({"labels": {"a": "1"}}, {"x-inherited": {"labels": {"a": "1", "b": "2"}}}),
    ({"labels": {"a": "1", "b": "2"}}, {"labels": {"b": "2"}, "x-inherited": {"labels": {"a": "1", "b": "3"}}}),
    ({"healthcheck": {"retries": 5}}, {"x-inherited": {"healthcheck": {"retries": 5, "test": ["CMD", "x"]}}}),
    ({"expose": ["80"]}, {"expose": ["80", "443"], "x-inherited": {"expose": ["443"]}}),
    ({"expose": ["443"]}, {"x-inherited": {"expose": ["443", "80"]}}),
    ({"command": "a b"}, {"x-inherited": {"command": ["a", "b"]}}),
    ({"secrets": ["db"]}, {"volumes": [mount("/run/secrets/db", "/x", "bind")]}),
    ({"configs": [{"source": "a", "target": "/etc/a"}]}, {"volumes": [mount("/etc/a", "/x", "bind")]}),
    ({"env_file": ".env"}, {"environment": {"A": "1"}}),
    ({"env_file": [".env"]}, {"environment": {"A": "1"}}),
    ({"label_file": "x"}, {"labels": {"a": "1"}}),
    ({"volumes_from": ["db"]}, {"volumes": [mount("/data", "data")]}),
    ({"entrypoint": "x"}, {"entrypoint": ["x"], "command": ["y"]}),
    (
        {"volumes": ["./conf:/etc/app"]},
        {"volumes": [mount("/etc/app", "/srv/shop/conf", "bind")], **container(working_dir="/srv/shop")},
    ),
    ({}, {"networks": {"shop_default": {}}, **container(project="shop")}),
    ({}, {"networks": {"default": {}}}),
    ({"networks": {"front": {}}}, {"networks": {"shop_front": {}}, **container(project="shop")}),
    ({"networks": ["front"]}, {"x-inherited": {"networks": {"front": {}}}}),
    ({"networks": {"default": {}}}, {"networks": {"shop_default": {}}, **container(project="shop")}),
    ({"volumes": ["data:/data"]}, {"volumes": [mount("/data", "shop_data")], **container(project="shop")}),
    ({"volumes": ["data:/data"]}, {"volumes": [mount("/data", "prod_data")], **container(project="prod")}),
    (
        {"restart": "always", "deploy": {"restart_policy": {"condition": "none"}}},
        {"restart": "always", **container(engine="podman")},
    ),
    (
        {"restart": "no", "deploy": {"restart_policy": {"condition": "any"}}},
        container(engine="podman"),
    ),
]


@table(("raw", "live"), SAME)
def test_what_image_engine_and_other_files_bring_is_no_drift(raw: dict[str, Any], live: dict[str, Any]) -> None:
    """As far as Git is silent or says the same."""
    assert compare(raw, live) == ()


OTHER: list[tuple[dict[str, Any], dict[str, Any], list[tuple[str, DriftKind]]]] = [
    ({"environment": {"HOME": None, "A": "1"}}, {"environment": {"HOME": "x"}}, [("environment.A", DriftKind.MISSING)]),
    ({"user": "a"}, {"user": "b", "x-unknown": ["user"]}, [("user", DriftKind.CHANGED)]),
    ({"user": "a"}, {"x-unknown": ["cpus"]}, [("user", DriftKind.MISSING)]),
    ({"user": "a"}, {"x-inherited": {"user": "b"}}, [("user", DriftKind.CHANGED)]),
    ({"user": "a"}, {"user": "b", "x-inherited": {"user": "a"}}, [("user", DriftKind.CHANGED)]),
    (
        {"labels": {"a": "1"}},
        {"labels": {"a": "2"}, "x-inherited": {"labels": {"a": "1"}}},
        [("labels.a", DriftKind.CHANGED)],
    ),
    ({"expose": ["80"]}, {"expose": ["81"]}, [("expose", DriftKind.CHANGED)]),
    ({"expose": ["80"]}, {"x-inherited": {"expose": ["443"]}}, [("expose", DriftKind.MISSING)]),
    (
        {"expose": ["80", "443"]},
        {"expose": ["443"], "x-inherited": {"expose": ["443"]}},
        [("expose", DriftKind.CHANGED)],
    ),
    (
        {"secrets": ["db"]},
        {"volumes": [mount("/run/secrets/x", "/x", "bind")]},
        [("volumes[/run/secrets/x]", DriftKind.ADDED)],
    ),
    ({"env_file": []}, {"environment": {"A": "1"}}, [("environment.A", DriftKind.ADDED)]),
    ({"env_file": ".env"}, {"labels": {"A": "1"}}, [("labels.A", DriftKind.ADDED)]),
    (
        {"env_file": ".env", "environment": {"A": "1"}},
        {"environment": {"A": "2"}},
        [("environment.A", DriftKind.CHANGED)],
    ),
    ({"entrypoint": "x"}, {"entrypoint": ["x"], "user": "y"}, [("user", DriftKind.ADDED)]),
    ({"image": "x"}, {"image": "x", "command": ["y"]}, [("command", DriftKind.ADDED)]),
    (
        {"volumes": ["./conf:/etc/app"]},
        {"volumes": [mount("/etc/app", "/srv/other/conf", "bind")], **container(working_dir="/srv/shop")},
        [("volumes[/etc/app].source", DriftKind.CHANGED)],
    ),
    ({}, {"networks": {"prod_default": {}}, **container(project="shop")}, [("networks.prod_default", DriftKind.ADDED)]),
    (
        {"networks": {"front": {}}},
        {"networks": {"front": {}}, **container(project="shop")},
        [("networks.front", DriftKind.MISSING), ('networks["external:front"]', DriftKind.ADDED)],
    ),
    (
        {"networks": {"front": {}}},
        {"networks": {"shop_front": {}, "shop_default": {}}, **container(project="shop")},
        [("networks.default", DriftKind.ADDED)],
    ),
    ({"networks": "front"}, {"networks": {"front": {}}}, [("networks", DriftKind.CHANGED)]),
    (
        {"restart": "always", "deploy": {"restart_policy": {"condition": "none"}}},
        {"restart": "always", **container(engine="docker")},
        [("restart", DriftKind.CHANGED)],
    ),
    (
        {"restart": "no", "deploy": {"restart_policy": {"condition": "any"}}},
        {"restart": "on-failure", **container(engine="podman")},
        [("restart", DriftKind.CHANGED)],
    ),
    (
        {"deploy": {"restart_policy": {"condition": "any"}}},
        container(engine="podman"),
        [("restart", DriftKind.MISSING)],
    ),
]


@table(("raw", "live", "told"), OTHER)
def test_what_git_says_counts_against_what_they_bring(
    raw: dict[str, Any], live: dict[str, Any], told: list[tuple[str, DriftKind]]
) -> None:
    """And so does what neither brings."""
    assert [(drift.where, drift.kind) for drift in compare(raw, live)] == told


@table(
    ("raw", "live", "base", "kind"),
    [
        ({}, {"user": "a"}, {"user": "b"}, DriftKind.REMOVED),
        ({}, {"user": "a"}, {}, DriftKind.ADDED),
        ({}, {"user": "a"}, None, DriftKind.ADDED),
        ({"env_file": ".env"}, {"environment": {"A": "1"}}, {"environment": ["A=1"]}, DriftKind.REMOVED),
        ({}, {"ports": [port(80, "1")]}, {"ports": ["1:80"]}, DriftKind.REMOVED),
        ({}, {"ports": [port(80, "1")]}, {"ports": ["1:81"]}, DriftKind.ADDED),
        (
            {"ports": ["1:80"]},
            {"ports": [port(80, "1"), port(80, "2")]},
            {"ports": ["1:80", "2:80"]},
            DriftKind.REMOVED,
        ),
        ({"ports": ["1:80"]}, {"ports": [port(80, "1"), port(80, "2")]}, {"ports": ["1:80", "3:80"]}, DriftKind.ADDED),
    ],
)
def test_what_was_applied_before_was_removed_from_git(
    raw: dict[str, Any], live: dict[str, Any], base: dict[str, Any] | None, kind: DriftKind
) -> None:
    """Anything else was added live."""
    assert [drift.kind for drift in compare(raw, live, base=base)] == [kind]


# -- names that Git has not --------------------------------------------------------------------------------------------

KNOWN = {("network", "shop", "front"): "outer", ("network", "shop", "own"): "own", ("volume", "shop", "store"): "store"}


@table(
    ("raw", "live", "project", "edits"),
    [
        ({}, {"networks": {"outer": {}}}, "shop", {"networks.front": (AddEntry(("networks",), "front", {}),)}),
        ({}, {"networks": {"own": {}}}, "shop", {"networks.own": (AddEntry(("networks",), "own", {}),)}),
        ({}, {"networks": {"strange": {}}}, "shop", {"networks.strange": ()}),
        ({}, {"networks": {"strange": {}}}, "", {"networks.strange": (AddEntry(("networks",), "strange", {}),)}),
        (
            {"networks": ["default"]},
            {"x-inherited": {"networks": {"strange": {}}}},
            "shop",
            {"networks.default": (RemoveEntry(("networks", 0)),), "networks.strange": ()},
        ),
        ({}, {"networks": {"shop_back": {}}}, "shop", {"networks.back": (AddEntry(("networks",), "back", {}),)}),
        ({"networks": ["a"]}, {"networks": {"shop_a": {}, "a": {}}}, "shop", {'networks["external:a"]': ()}),
        ({}, {"volumes": [mount("/a", "store")]}, "shop", {"volumes[/a]": (AddEntry((), "volumes", ["store:/a"]),)}),
        ({}, {"volumes": [mount("/a", "strange")]}, "shop", {"volumes[/a]": ()}),
        ({}, {"volumes": [mount("/a", "strange")]}, "", {"volumes[/a]": (AddEntry((), "volumes", ["strange:/a"]),)}),
        (
            {},
            {"volumes": [mount("/a", "/strange", "bind")]},
            "shop",
            {"volumes[/a]": (AddEntry((), "volumes", ["/strange:/a"]),)},
        ),
        ({"volumes": ["data:/a"]}, {"volumes": [mount("/a", "strange")]}, "shop", {"volumes[/a].source": ()}),
        (
            {"volumes": ["data:/a"]},
            {"volumes": [mount("/a", "store")]},
            "shop",
            {"volumes[/a].source": (SetValue(("volumes", 0), "store:/a"),)},
        ),
        (
            {"volumes": ["data:/a"]},
            {"volumes": [mount("/a", "shop_data", read_only=True)]},
            "shop",
            {"volumes[/a].read_only": (SetValue(("volumes", 0), "data:/a:ro"),)},
        ),
        ({"volumes": ["data:/a"]}, {}, "shop", {"volumes[/a]": (RemoveEntry(("volumes", 0)),)}),
        (
            {"user": "a"},
            {"user": "strange", "networks": {"shop_default": {}}},
            "shop",
            {"user": (SetValue(("user",), "strange"),)},
        ),
    ],
)
def test_no_edit_names_what_the_files_have_no_key_for(
    raw: dict[str, Any], live: dict[str, Any], project: str, edits: dict[str, tuple[Edit, ...]]
) -> None:
    """Unless no Compose tool made the container: then the names are what they are."""
    drifts = compare(raw, {**live, **container(project=project)}, aliases=KNOWN)
    assert {drift.where: drift.adopt for drift in drifts} == edits


# -- networks and volumes ----------------------------------------------------------------------------------------------


@table(
    ("tree", "live", "where"),
    [
        ({"driver": "bridge"}, {"driver": "bridge"}, []),
        ({"driver": "bridge"}, {"driver": "overlay"}, ["driver"]),
        ({"driver": "bridge"}, {}, []),
        ({}, {"driver": "overlay"}, []),
        ({"driver": "bridge", "external": True}, {"driver": "overlay"}, []),
        ({"driver": "bridge", "external": False}, {"driver": "overlay"}, ["driver"]),
        ({"internal": True}, {"internal": False}, ["internal"]),
        ({"attachable": True}, {"attachable": False}, ["attachable"]),
        ({"enable_ipv6": True}, {"enable_ipv6": False}, ["enable_ipv6"]),
        ({"internal": True}, {}, []),
        ({"internal": "true"}, {"internal": True}, []),
        ({"ipam": 1}, {"ipam": 2}, []),
        ({"ipam": {"config": [{"subnet": "10.1.0.0/16"}]}}, {"x-subnets": ["10.1.0.0/16"]}, []),
        ({"ipam": {"config": [{"subnet": "10.1.0.0/16"}]}}, {"x-subnets": ["10.2.0.0/16"]}, ["ipam.config"]),
        ({"ipam": {"config": [{"subnet": "${RANGE}"}]}}, {"x-subnets": ["10.2.0.0/16"]}, []),
        ({"ipam": {"config": [{"gateway": "10.1.0.1"}]}}, {"x-subnets": ["10.2.0.0/16"]}, []),
        ({}, {"x-subnets": ["10.2.0.0/16"]}, []),
        ({"driver_opts": {"mtu": 1400}}, {"driver_opts": {"mtu": "1400", "more": "1"}}, []),
        ({"driver_opts": {"mtu": 1400}}, {"driver_opts": {"mtu": "1500"}}, ["driver_opts.mtu"]),
        ({"labels": {"a": "1"}}, {"labels": {"a": "2", "b": "1"}}, ["labels.a"]),
        ({"labels": ["a=1"]}, {"labels": {"a": "1"}}, []),
        ({"labels": ["a=1"]}, {"labels": {"a": "2"}}, ["labels.a"]),
        ({"labels": {"a": "1"}}, {"labels": {}}, []),
    ],
)
def test_of_a_network_only_what_git_says_about_it_counts(tree: Tree, live: Tree, where: list[str]) -> None:
    """The engine fills in the rest; there is no edit."""
    id_ = ResourceId(Platform.COMPOSE, "network", "shop", "front")
    drifts = judged(replace(service(tree), id=id_), Observed(id_, live))
    assert [(drift.where, drift.kind, drift.adopt) for drift in drifts] == [(at, DriftKind.CHANGED, ()) for at in where]


def test_options_of_a_volume_that_are_not_live_are_missing() -> None:
    """Another folder of the host is a gain, as is a network that is closed no longer."""
    for kind, tree, live, expected in (
        ("volume", {"driver_opts": {"device": "/srv"}}, {"driver_opts": {}}, (DriftKind.MISSING, "field")),
        (
            "volume",
            {"driver_opts": {"device": "/srv"}},
            {"driver_opts": {"device": "/etc"}},
            (DriftKind.CHANGED, "host-path"),
        ),
        ("volume", {}, {"driver_opts": {"device": "/etc"}}, (DriftKind.ADDED, "host-path")),
        ("network", {"internal": True}, {"internal": False}, (DriftKind.CHANGED, "restriction-lost")),
        ("network", {"internal": False}, {"internal": True}, (DriftKind.CHANGED, "field")),
    ):
        id_ = ResourceId(Platform.COMPOSE, kind, "shop", "front")
        (drift,) = judged(replace(service(tree), id=id_), Observed(id_, live))
        assert (drift.kind, drift.rule) == expected


@pytest.mark.parametrize(("unknown", "told"), [((), ["image", "user"]), ((("user",),), ["image"])])
def test_unknown_values_are_left_out(unknown: tuple[Pointer, ...], told: list[str]) -> None:
    """Everything else is compared as ever."""
    desired = replace(service({"image": "a", "user": "b"}), unknown=frozenset(unknown))
    assert [drift.where for drift in judged(desired, running({"image": "x", "user": "y"}))] == told


def test_what_podman_compose_runs_by_its_own_key_is_told_against_the_policy() -> None:
    """Where the key is not what runs, the policy below ``deploy`` is what Git says."""
    raw: Tree = {"restart": "no", "deploy": {"restart_policy": {"condition": "any"}}}
    (drift,) = compare(raw, {"restart": "on-failure", **container(engine="podman")})
    assert (drift.desired, drift.observed) == ("always", "on-failure")
