"""What podman shows in other words than Git: capabilities, checks of one word, volumes without a name, memory."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from bot.drift.compose.inspected import inspect
from bot.model.json import JSON
from bot.model.resource import Observed
from tests.drift.makers import OPTIONS, Pair, diff, service

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


def differences(shown: dict[str, Any], **declared: JSON) -> list[str]:
    seen: Observed = inspect.observed(shown, {"Id": "1", "Config": {"Cmd": []}}, "podman")
    assert str(seen.id) == "service/shop/web"
    return [drift.where for drift in diff(Pair(service({"image": "a:1", **declared}), seen), OPTIONS)]


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


@pytest.mark.parametrize(("added", "dropped", "bounding", "declared", "paths"), CAPABILITIES)
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


@pytest.mark.parametrize(
    ("shown", "paths"),
    [("172.20.0.2", []), ("", []), ("172.20.0.9", ["networks.front.ipv4_address"])],
)
def test_an_address_that_was_asked_for_is_seen_by_the_one_it_has(shown: str, paths: list[str]) -> None:
    """Podman does not tell which address was asked for, and a container that does not run has none."""
    one = container()
    network = {"IPAddress": shown, "IPAMConfig": None, "Aliases": ["web"]}
    one["NetworkSettings"] = {"Networks": {"shop_front": network}}
    assert differences(one, networks={"front": {"ipv4_address": "172.20.0.2"}}) == paths
