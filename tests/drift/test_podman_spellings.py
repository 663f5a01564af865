"""What podman shows in other words than Git: capabilities, checks of one word, volumes without a name, memory."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from bot.drift.compose.inspected import inspect
from bot.drift.diff import PairResult
from bot.model.json import JSON
from bot.model.resource import Observed
from tests.drift.makers import OPTIONS, Pair, diff, examine, service
from tests.table import table

USUAL = [
    "CAP_CHOWN",
    "CAP_KILL",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_MKNOD",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SYS_CHROOT",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETUID",
]


def container(**host: Any) -> dict[str, Any]:
    """One container of podman-compose; ``Mounts``, ``Healthcheck`` and ``BoundingCaps`` go where inspect has them."""
    mounts, check = host.pop("Mounts", []), host.pop("Healthcheck", None)
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    return {
        "Id": "c" * 64,
        "Name": "shop_web_1",
        "ImageName": "docker.io/library/a:1",
        "State": {"Status": "running"},
        "BoundingCaps": host.pop("BoundingCaps", USUAL),
        "Config": {
            "Labels": labels,
            "Healthcheck": check,
            "CreateCommand": host.pop("CreateCommand", None),
        },
        "HostConfig": host,
        "Mounts": mounts,
    }


def compared(shown: dict[str, Any], **declared: JSON) -> PairResult:
    seen: Observed = inspect.observed(shown, {"Id": "1", "Config": {"Cmd": []}}, "podman")
    assert str(seen.id) == "service/shop/web"
    return examine(Pair(service({"image": "a:1", **declared}), seen))


def differences(shown: dict[str, Any], **declared: JSON) -> list[str]:
    return [drift.where for drift in compared(shown, **declared).drift]


CAPABILITIES: list[tuple[list[str], list[str], list[str], dict[str, JSON], list[str]]] = [
    # podman's CapAdd, CapDrop and bounding set; what is declared; where it differs
    ([], USUAL, [], {"cap_drop": ["ALL"]}, []),
    (["CAP_NET_ADMIN"], USUAL, ["CAP_NET_ADMIN"], {"cap_drop": ["ALL"], "cap_add": ["NET_ADMIN"]}, []),
    ([], USUAL[:-2], USUAL[-2:], {"cap_drop": ["ALL"], "cap_add": ["NET_BIND_SERVICE", "SETUID"]}, []),
    ([], ["CAP_KILL"], [USUAL[0], *USUAL[2:]], {"cap_drop": ["KILL"]}, []),
    ([], [], USUAL, {"cap_add": ["SYS_TIME"]}, ["cap_add"]),
    ([], USUAL, [], {}, ["cap_drop"]),
    (["CAP_SYS_ADMIN"], USUAL, ["CAP_SYS_ADMIN"], {"cap_drop": ["ALL"]}, ["cap_add"]),
    ([], ["CAP_KILL"], [USUAL[0], *USUAL[2:]], {"cap_drop": ["ALL"]}, ["cap_drop"]),
]


@table(("added", "dropped", "bounding", "declared", "paths"), CAPABILITIES)
def test_capabilities_compare_by_what_the_container_has(
    added: list[str], dropped: list[str], bounding: list[str], declared: dict[str, JSON], paths: list[str]
) -> None:
    """Podman tells them as the difference to its own set."""
    shown = container(CapAdd=added, CapDrop=dropped, BoundingCaps=bounding)
    assert differences(shown, **declared) == paths


THREE = ["CAP_AUDIT_WRITE", "CAP_MKNOD", "CAP_NET_RAW"]


@pytest.mark.parametrize("command", [None, ["podman", "create", "--name", "web", "a:1"]])
def test_what_podman_grants_to_nobody_was_not_dropped_by_anybody(command: list[str] | None) -> None:
    """Inspect shows it as dropped in every container of an installation that grants less than it used to."""
    less = [name for name in USUAL if name not in THREE]
    assert differences(container(CapDrop=THREE, BoundingCaps=less, CreateCommand=command)) == []
    declared: dict[str, JSON] = {"cap_drop": ["ALL"]}
    shown = container(CapDrop=[*THREE, *less], BoundingCaps=[], CreateCommand=command)
    assert differences(shown, **declared) == ([] if command is None else ["cap_drop"])


def test_the_command_line_tells_what_was_asked_for() -> None:
    """In either of its forms."""
    words = ["podman", "create", "--cap-drop", "ALL", "--cap-add=NET_ADMIN,CHOWN", "a:1"]
    shown = container(CapAdd=["CAP_NET_ADMIN"], CapDrop=USUAL[1:], BoundingCaps=["CAP_NET_ADMIN"], CreateCommand=words)
    assert differences(shown, cap_drop=["ALL"], cap_add=["NET_ADMIN", "CHOWN"]) == []
    assert differences(shown, cap_drop=["ALL"]) == ["cap_add"]


def test_all_is_shown_as_all() -> None:
    """Where somebody dropped everything live."""
    seen = inspect.observed(container(CapDrop=USUAL, BoundingCaps=[]), {}, "podman")
    (drift,) = diff(Pair(service({"image": "a:1"}), seen), OPTIONS)
    assert drift.observed == ["ALL"]


def test_a_volume_without_a_name_has_one_of_its_target() -> None:
    """podman-compose names it by project, service and the digest of the target; a real name is drift."""
    name = f"shop_web_{hashlib.sha256(b'/data').hexdigest()}"
    mount = {"Type": "volume", "Name": name, "Destination": "/data", "RW": True}
    assert differences(container(Mounts=[mount]), volumes=["/data"]) == []
    other = {**mount, "Destination": "/other"}
    assert differences(container(Mounts=[other]), volumes=["/other"]) == ["volumes[/other]"]


def test_a_check_of_one_word_is_run_by_a_shell() -> None:
    """Only of one word, and only the same one."""
    check = {"Test": ["CMD-SHELL", "true"]}
    assert differences(container(Healthcheck=check), healthcheck={"test": ["CMD", "true"]}) == []
    assert differences(container(Healthcheck=check), healthcheck={"test": ["CMD", "false"]}) == ["healthcheck.test"]
    check = {"Test": ["CMD-SHELL", "true x"]}
    assert differences(container(Healthcheck=check), healthcheck={"test": ["CMD", "true", "x"]}) == ["healthcheck.test"]


def test_a_read_only_container_has_memory_anyway() -> None:
    """Declared where podman mounts it without being asked, and elsewhere."""
    own = {"/tmp": "rw,rprivate,nosuid,nodev,tmpcopyup", "/run": "rw,rprivate,nosuid,nodev,tmpcopyup"}
    shown = container(ReadonlyRootfs=True, Tmpfs=own)
    assert differences(shown, read_only=True) == []
    assert differences(shown, read_only=True, tmpfs=["/tmp"]) == []
    assert differences(shown, read_only=True, tmpfs=["/cache"]) == ["tmpfs"]
    assert differences(container(Tmpfs={}), tmpfs=["/tmp"]) == ["tmpfs"]


@pytest.mark.parametrize(
    ("written", "live", "paths"),
    [
        ("a | b", ["a", "|", "b"], []),
        ("a | b", ["a"], []),
        ("a | b", ["a", "|", "c"], ["command"]),
        ("a 'b", ["a"], ["command"]),
        (["a", "|", "b"], ["a"], ["command"]),
    ],
)
def test_a_command_in_one_text_may_be_split_as_by_a_shell(written: JSON, live: list[str], paths: list[str]) -> None:
    """podman-compose keeps what follows a pipe; docker compose does not."""
    shown = container()
    shown["Config"]["Cmd"] = live
    assert differences(shown, command=written) == paths


ADDRESS = "networks.front.ipv4_address"


@pytest.mark.parametrize(
    ("shown", "paths", "unseen"),
    [("172.20.0.2", [], []), ("", [], [ADDRESS]), ("172.20.0.9", [ADDRESS], [])],
)
def test_an_address_that_was_asked_for_is_seen_by_the_one_it_has(
    shown: str, paths: list[str], unseen: list[str]
) -> None:
    """Podman does not tell which address was asked for; of a container that has none it is unknown, and counted."""
    one = container()
    network = {"IPAddress": shown, "IPAMConfig": None, "Aliases": ["web"]}
    one["NetworkSettings"] = {"Networks": {"shop_front": network}}
    result = compared(one, networks={"front": {"ipv4_address": "172.20.0.2"}})
    assert [drift.where for drift in result.drift] == paths
    assert [each.drift.where for each in result.suppressed if each.by == "unseen"] == unseen


def test_what_podman_does_not_show_is_counted() -> None:
    """Whatever Git says of it, as is what nobody reads of any engine."""
    one = container()
    one["Config"]["Image"] = one.pop("ImageName")
    result = compared(one, sysctls={"a": "1"}, gpus="all", logging={"driver": "journald"}, expose=["80"])
    assert not result.drift
    assert {each.drift.where for each in result.suppressed} == {"sysctls", "gpus", "logging", "expose"}
    result = compared(container(), mem_swappiness=0, mac_address="02:42:ac:11:00:02", init=False)
    assert {each.drift.where for each in result.suppressed} == {"mem_swappiness", "mac_address"}


LOGS: list[tuple[str, dict[str, str] | None, list[str] | None, dict[str, JSON], list[str]]] = [
    # driver, options, command line; what is declared; where it differs
    ("none", None, None, {}, ["logging"]),
    ("none", None, None, {"logging": {"driver": "none"}}, []),
    ("none", None, None, {"logging": {"options": {"tag": "a"}}}, ["logging.options.tag", "logging.driver"]),
    ("k8s-file", None, ["podman", "create", "--log-driver=k8s-file", "a:1"], {}, []),
    ("syslog", None, ["podman", "create", "--log-driver", "syslog", "a:1"], {}, ["logging"]),
    ("k8s-file", {"tag": "x"}, ["podman", "create", "--log-opt", "tag=x", "a:1"], {}, ["logging"]),
    ("syslog", None, ["podman", "create", "a:1"], {}, []),
]


@pytest.mark.parametrize(("driver", "options", "command", "declared", "paths"), LOGS)
def test_a_log_driver_that_somebody_asked_for_is_told(
    driver: str, options: dict[str, str] | None, command: list[str] | None, declared: dict[str, JSON], paths: list[str]
) -> None:
    """By the command line; no log at all is no engine's own way, and any other may be."""
    shown = container(LogConfig={"Type": driver, "Config": options}, CreateCommand=command)
    assert differences(shown, **declared) == paths
