"""What volumes, networks, projects, ports and folders of Compose are called on both sides."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.drift.compose import mounts, port_pairs
from bot.drift.compose.names import EngineNames, aliases, short_name
from bot.drift.compose.notation import PROJECT, SERVICE, capability, label, signal_name, tmpfs
from bot.drift.compose.projects import Projects, expected
from bot.drift.live import Live
from bot.model.json import JSON, Pointer, Tree
from bot.model.resource import Desired, Observed, Origin, Platform, ResourceId
from tests.drift.containers import mount, port
from tests.drift.makers import running, service
from tests.table import table

ALIASES = {
    ("volume", "shop", "named"): "store",
    ("volume", "shop", "unknown"): "",
    ("network", "shop", "data"): "net",
    ("volume", "blog", "data"): "blog-store",
}


@table(
    ("live", "names", "declared", "keys"),
    [
        ("shop", [], [], {}),
        ("shop", ["shop_data"], ["data"], {"shop_data": "data"}),
        ("shop", ["shop-data"], [], {"shop-data": "data"}),
        ("shop", ["other"], [], {"other": "other"}),
        ("shop", ["data"], ["data"], {"data": "external:data"}),
        ("shop", ["data", "shop_data"], [], {"data": "external:data", "shop_data": "data"}),
        ("shop", ["store"], [], {"store": "named"}),
        ("shop", ["net"], [], {"net": "net"}),
        ("shop", ["blog-store"], [], {"blog-store": "blog-store"}),
        ("shop", ["shop_named"], [], {"shop_named": "shop_named"}),
        ("shop", ["b", "a"], ["unknown"], {"a": "unknown", "b": "b"}),
        ("shop", ["a"], [], {"a": "a"}),
        ("shop", ["store", "a"], ["named", "unknown"], {"store": "named", "a": "unknown"}),
        ("run", ["run_data"], ["data"], {"run_data": "data"}),
        ("run", ["shop_data"], ["data"], {"shop_data": "shop_data"}),
        ("", ["shop_data"], ["data"], {"shop_data": "data"}),
        ("", ["data"], ["data"], {"data": "data"}),
        ("", ["named"], ["named"], {"named": "external:named"}),
    ],
)
def test_a_live_name_has_the_key_that_git_knows_it_by(
    live: str, names: list[str], declared: list[str], keys: dict[str, str]
) -> None:
    """By its given name, by its project, or in place of a name that only a variable knows; else it is its own."""
    assert EngineNames("volume", "shop", live, ALIASES).in_git(names, declared) == keys


def test_two_keys_of_one_volume_are_told_by_what_the_service_declares() -> None:
    """What the service itself mounts counts before what another service does."""
    twice = {("volume", "shop", "first"): "store", ("volume", "shop", "second"): "store"}
    names = EngineNames("volume", "shop", "shop", twice)
    assert names.in_git(["store"], ["first"]) == {"store": "first"}
    assert names.in_git(["store"], ["second"]) == {"store": "second"}


@pytest.mark.parametrize(
    ("name", "project", "short"),
    [
        ("shop_data", "shop", "data"),
        ("shop-data", "shop", "data"),
        ("shopdata", "shop", "shopdata"),
        ("data", "shop", "data"),
        ("_data", "", "_data"),
        ("shop_", "shop", ""),
    ],
)
def test_a_name_is_short_within_its_project(name: str, project: str, short: str) -> None:
    """Either joint of a tool's is one."""
    assert short_name(name, project) == short


def declared(kind: str, tree: Tree, name: str = "data", *, unknown: tuple[Pointer, ...] = ()) -> Desired:
    id_ = ResourceId(Platform.COMPOSE, kind, "shop", name)
    return replace(service(tree), id=id_, unknown=frozenset(unknown))


@table(
    ("desired", "name"),
    [
        (declared("volume", {}), None),
        (declared("volume", {"name": "store"}), "store"),
        (declared("network", {"name": "store"}), "store"),
        (declared("volume", {"name": ""}), None),
        (declared("volume", {"name": 5}), None),
        (declared("volume", {"external": True}), "data"),
        (declared("volume", {"external": True, "name": "store"}), "store"),
        (declared("volume", {"external": False}), None),
        (declared("volume", {"external": "yes"}), None),
        (declared("volume", {"name": "x"}, unknown=(("name",),)), ""),
        (declared("volume", {"name": "x"}, unknown=(("driver",),)), "x"),
        (declared("secret", {"name": "store"}), None),
        (
            replace(declared("volume", {"name": "x"}), id=ResourceId(Platform.KUBERNETES, "volume", "shop", "data")),
            None,
        ),
    ],
)
def test_git_gives_a_name_or_none(desired: Desired, name: str | None) -> None:
    """That of the file, the key where it exists already, and an empty one that only a variable knows."""
    assert aliases([desired]) == ({} if name is None else {(desired.id.kind, "shop", "data"): name})


@pytest.mark.parametrize(
    ("options", "written"),
    [
        ("", "/a"),
        ("rw,rprivate,nosuid,nodev,noexec,tmpcopyup,private,relatime", "/a"),
        ("size=64m,rw,mode=700", "/a:size=64m,mode=700"),
    ],
)
def test_of_a_tmpfs_only_options_that_say_something_stay(options: str, written: str) -> None:
    """Engines give all of them the others."""
    assert tmpfs("/a", options) == written


@table(
    ("given", "name"),
    [
        (15, "SIGTERM"),
        ("15", "SIGTERM"),
        ("term", "SIGTERM"),
        ("USR1", "SIGUSR1"),
        ("SIGTERM", "SIGTERM"),
        ("", ""),
        (None, ""),
        ("999", "999"),
    ],
)
def test_a_signal_has_one_name(given: JSON, name: str) -> None:
    """However it is said; a number that is none stays."""
    assert signal_name(given) == name


def test_a_label_is_the_first_that_says_something() -> None:
    """Of the names that tools give it."""
    docker, podman = PROJECT
    assert (docker, podman) == ("com.docker.compose.project", "io.podman.compose.project")
    assert SERVICE == ("com.docker.compose.service", "io.podman.compose.service")
    assert label({podman: "b", docker: "a"}, PROJECT) == "a"
    assert label({podman: "b", docker: ""}, PROJECT) == "b"
    assert label({}, PROJECT) == ""
    assert {capability(name) for name in ("net_admin", "NET_ADMIN", "cap_net_admin")} == {"NET_ADMIN"}


# -- projects --------------------------------------------------------------------------------------------------------


def projects(live: list[Observed], *names: str) -> Projects:
    return Projects(Live({each.id: each for each in live}), [service({}, name=name) for name in names])


@table(
    ("live", "declares", "project"),
    [
        ([running({}, project="shop")], ["web"], "shop"),
        ([running({}, project="shop"), running({}, project="prod")], ["web"], "shop"),
        ([running({}, project="prod")], ["web"], "prod"),
        ([running({}, project="prod")], ["web", "db"], "prod"),
        ([running({}, project="prod")], ["web", "db", "api"], None),
        ([running({}, project="prod"), running({}, project="test")], ["web"], None),
        (
            [running({}, project="prod"), running({}, project="test"), running({}, name="db", project="test")],
            ["web", "db"],
            "test",
        ),
        ([running({}, name="x", project="prod")], ["web"], None),
        ([running({}, project="")], ["web"], None),
        ([Observed(ResourceId(Platform.KUBERNETES, "service", "prod", "web"), {})], ["web"], None),
        ([Observed(ResourceId(Platform.COMPOSE, "volume", "prod", "web"), {})], ["web"], None),
        ([], [], None),
    ],
)
def test_a_project_runs_under_its_own_name_or_that_of_the_one_most_alike(
    live: list[Observed], declares: list[str], project: str | None
) -> None:
    """Which must have half of its services, and no rival."""
    assert projects(live, *declares).name("shop") == project


def test_a_declared_project_is_no_other_one() -> None:
    """However alike they are."""
    both = [service({}), service({}, project="blog")]
    assert Projects(Live({each.id: each for each in [running({}, project="blog")]}), both).name("shop") is None


@table(
    ("live", "tree", "match"),
    [
        ([running({}, project="shop")], {}, 0),
        ([running({}, project="prod")], {}, 0),
        ([running({}, project="")], {}, 0),
        ([running({}, name="db", project="prod")], {}, None),
        ([running({}, project="prod"), running({}, project="")], {}, 1),
        ([running({}, project="shop"), running({}, project="")], {}, 0),
        ([running({}, project="shop"), running({}, name="own", project="")], {"container_name": "own"}, 1),
        ([running({}, name="own", project="")], {"container_name": "own"}, 0),
        ([running({}, name="own", project=""), running({}, project="")], {"container_name": "own"}, None),
        ([running({}, name="own", project="other")], {"container_name": "own"}, None),
    ],
)
def test_a_service_is_that_of_its_project_or_a_container_of_its_name(
    live: list[Observed], tree: dict[str, Any], match: int | None
) -> None:
    """None where more than one may be meant."""
    declared_service = service(tree)
    matched = Projects(Live({each.id: each for each in live}), [declared_service]).matching(declared_service)
    assert matched is (None if match is None else live[match])


def test_an_orphan_is_a_service_of_a_declared_project() -> None:
    """Under the name that it runs by; not a volume, and nothing without a project."""
    own = projects([running({}, project="prod"), running({}, name="old", project="prod")], "web")
    old = ResourceId(Platform.COMPOSE, "service", "prod", "old")
    assert own.claim(old) == "runs in the project prod, whose files do not declare it"
    assert own.claim(old._replace(kind="volume")) is None
    assert own.claim(old._replace(scope="")) is None
    assert own.claim(old._replace(scope="shop")) is None
    assert projects([running({}, name="x", project="")], "web").claim(old._replace(scope="")) is None


@table(
    ("desired", "kind_seen", "missed"),
    [
        (service({}), False, True),
        (service({"profiles": ["debug"]}), True, False),
        (service({"profiles": []}), False, True),
        (service({"scale": 0}), True, False),
        (service({"scale": 1}), True, True),
        (service({"deploy": {"replicas": 0}}), True, False),
        (service({"deploy": {"replicas": 2}}), True, True),
        (declared("volume", {}), True, True),
        (declared("volume", {}), False, False),
        (declared("volume", {"external": True}), True, False),
        (declared("volume", {"external": False}), True, True),
    ],
)
def test_an_absence_counts_where_something_should_run(desired: Desired, *, kind_seen: bool, missed: bool) -> None:
    """Not where a profile, a scale of none or somebody else explains it."""
    assert expected(desired, kind_seen=kind_seen) is missed


# -- ports of one target ---------------------------------------------------------------------------------------------

A, B, C = port(80, "1"), port(80, "2"), port(80, "3")
LOCAL = port(80, "1", address="127.0.0.1")
OPEN = port(80, "1", address="0.0.0.0")  # noqa: S104 - compared, not bound
OTHER = port(81, "1")
AMONG = frozenset({("80", "tcp")})


def test_only_targets_that_come_again_need_to_be_told_apart() -> None:
    """On either side; another protocol is another target."""
    assert port_pairs.repeated([A, B, OTHER], None) == port_pairs.repeated([], [A, B]) == AMONG
    assert port_pairs.repeated([A], [B]) == port_pairs.repeated([A, port(80, "1", "udp")]) == frozenset()


@pytest.mark.parametrize(
    ("given", "mark"),
    [(A, "1"), (OPEN, "1"), (LOCAL, "127.0.0.1:1"), (port(80), ""), (port(80, address="::1"), "::1:"), ("80:80", "")],
)
def test_a_port_is_marked_by_what_it_is_published_on(given: JSON, mark: str) -> None:
    """All addresses need no word."""
    assert port_pairs.mark(given) == mark


def test_the_declared_ports_carry_their_own_marks() -> None:
    """Where their target is among those that come again; a mark is taken off again."""
    marked = port_pairs.marked([A, OTHER], AMONG)
    assert marked == [{**A, "x-apart": "1"}, OTHER]
    assert port_pairs.marked("80:80", AMONG) == "80:80"
    assert [port_pairs.unmarked(each) for each in (marked[0], OTHER, "80", None)] == [A, OTHER, "80", None]


@table(
    ("live", "against", "marks"),
    [
        ([A, B], [A, B], ["1", "2"]),
        ([B, A], [A, B], ["2", "1"]),
        ([C, B], [A, B], ["1", "2"]),
        ([C, A], [A], ["3", "1"]),
        ([LOCAL, A], [A, B], ["2", "1"]),
        ([port(80, "9", address="127.0.0.1"), C], [LOCAL, B], ["127.0.0.1:1", "2"]),
        ([port(80, "1", address="::1"), B], [B, LOCAL], ["127.0.0.1:1", "2"]),
        ([port(80, "5")], [port(80, "4-6"), A], ["4-6"]),
        ([port(80, "9")], [port(80), A], [""]),
        ([A, OTHER, B], [B, A], ["1", None, "2"]),
        ([A, B], [], ["1", "2"]),
        ([A, B], None, ["1", "2"]),
    ],
)
def test_a_live_port_carries_the_mark_of_the_declared_one_it_comes_closest_to(
    live: list[JSON], against: JSON, marks: list[str | None]
) -> None:
    """First what is as declared, then by its published port, then by its address; what is left over has its own."""
    paired = port_pairs.paired(live, against, AMONG)
    assert [dict(each).get("x-apart") for each in paired] == marks  # type: ignore[arg-type, union-attr]


def test_ports_that_are_no_list_have_no_marks() -> None:
    """They come back as they are."""
    assert port_pairs.paired(None, [A], AMONG) is None


# -- mounts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("working_dir", "folder"),
    [("/srv/shop", "/srv/shop"), ("/srv//shop/", "/srv/shop"), ("srv", None), ("", None), (None, None)],
)
def test_the_folder_that_compose_started_in_is_told_by_its_label(working_dir: JSON, folder: str | None) -> None:
    """None where it is no whole path."""
    assert mounts.folder({"x-container": {"working_dir": working_dir}}) == folder


def test_a_volume_has_the_key_of_git() -> None:
    """Folders, mounts without a source and what is no mount stay as they are."""
    names = EngineNames("volume", "shop", "shop", ALIASES)
    live: list[JSON] = [
        mount("/a", "shop_data"),
        mount("/b", "shop_data", "bind"),
        {"type": "volume"},
        "x",
        mount("/c", "q"),
    ]
    own = {"volumes": [mount("/c", "unknown"), mount("/d", "ignored", "bind")]}
    assert mounts.named(live, own, names) == [
        mount("/a", "data"),
        mount("/b", "shop_data", "bind"),
        {"type": "volume"},
        "x",
        mount("/c", "unknown"),
    ]


@dataclass(frozen=True)
class Origins:
    """Origins of some pointers."""

    known: dict[Pointer, Origin] = field(default_factory=dict)

    def at(self, pointer: Pointer) -> Origin | None:
        return self.known.get(pointer)


BROUGHT = Origins({("volumes", 0): Origin("parts/base/compose.yaml", 0, 1, 1, 1)})


@table(
    ("live", "start", "file", "origins", "as_written"),
    [
        ("/srv/shop/conf", "/srv/shop", "compose.yaml", None, True),
        ("/srv/shop/conf/", "/srv/shop", "compose.yaml", None, False),
        ("/srv/other/conf", "/srv/shop", "compose.yaml", None, False),
        ("/srv/shop/conf", None, "compose.yaml", None, False),
        ("/host_mnt/srv/shop/conf", "/srv/shop", "compose.yaml", None, True),
        ("/run/desktop/mnt/host/srv/shop/conf", "/srv/shop", "compose.yaml", None, True),
        ("/srv/shop/app/web/conf", "/srv/shop", "app/web/compose.yaml", None, True),
        ("/srv/shop/web/conf", "/srv/shop", "app/web/compose.yaml", None, True),
        ("/srv/shop/app/conf", "/srv/shop", "app/web/compose.yaml", None, False),
        ("/srv/shop/parts/base/conf", "/srv/shop", "compose.yaml", BROUGHT, True),
        ("/srv/shop/parts/base/conf", "/srv/shop", "compose.yaml", None, False),
        ("/srv/parts/base/conf", "/srv/app", "app/compose.yaml", BROUGHT, True),
        ("/srv/parts/base/conf", "/srv/app", "web/compose.yaml", BROUGHT, False),
        ("/srv/base/conf", "/srv/app", "app/compose.yaml", BROUGHT, False),
    ],
)
def test_a_live_folder_is_written_as_the_file_that_declares_it_does(
    live: str, start: str | None, file: str, origins: Origins | None, *, as_written: bool
) -> None:
    """From the project's folder, or from that of the file that brings it in."""
    desired = replace(service({"volumes": ["./conf:/etc/app"]}), file=file, origins=origins or Origins())
    own = {"volumes": [mount("/etc/app", "./conf", "bind"), mount("/abs", "/srv/shop/abs", "bind")]}
    beside: list[JSON] = [mount("/abs", "/srv/shop/abs", "bind"), mount("/etc/app", live), "text"]
    (placed, *others) = mounts.placed([mount("/etc/app", live, "bind"), *beside], own, start, desired)
    assert placed == mount("/etc/app", "./conf" if as_written else live, "bind")
    assert others == beside
