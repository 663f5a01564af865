"""What podman shows in another form than it was asked for, in Git's form where both mean the same.

Used by :mod:`bot.drift.compose.services` for containers of podman. What podman shows of capabilities is the difference
to its own set, so that ``cap_drop: [ALL]`` is a list of fourteen; it has no check of one word but by a shell; and it mounts
memory in every read-only container.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final

from bot.drift.compose.inspected.security import PODMAN_DROPS
from bot.drift.compose.inspected.storage import PODMAN_READ_ONLY_TMPFS
from bot.model.json import JSON, Tree, get, mapping, text, texts

_ALL: Final = "ALL"
_USUAL: Final = frozenset(
    [
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ]
)
"""containers.conf(5), default_capabilities: where a container does not show what it has."""

_ADDRESSES: Final = ("ipv4_address", "ipv6_address")


def spelled(live: dict[str, JSON], declared: Tree, tree: Tree, service_tree: Tree) -> dict[str, JSON]:
    """``live`` with Git's words for what is as ``declared`` in long form, ``service_tree`` in the files.

    ``tree`` is the container as it was read.
    """
    if get(tree, "x-container", "engine") != "podman":
        return live
    capabilities, argument_lists = _capabilities(live, declared, tree), _argument_lists(live, declared, service_tree)
    placed = _networks(live, declared, tree)
    return {**live, **capabilities, **argument_lists, **placed, **_check(live, declared), **_memory(live, declared)}


def unseen_addresses(live: Tree, declared: Tree, tree: Tree) -> Iterator[tuple[str, str, str]]:
    """The declared addresses of a container in networks that it is in, while podman shows none: which one was asked for it
    never does (``IPAMConfig`` is null), and which one a container has only while it runs.
    """
    if get(tree, "x-container", "engine") != "podman" or texts(get(tree, "x-container", "addresses")):
        return
    attached = mapping(live.get("networks"))
    for name, network_settings in mapping(declared.get("networks")).items():
        yield from (
            ("networks", name, key) for key in _ADDRESSES if name in attached and mapping(network_settings).get(key)
        )


def _networks(live: Tree, declared: Tree, tree: Tree) -> dict[str, JSON]:
    """The declared address where the container has it."""
    has = texts(get(tree, "x-container", "addresses"))
    networks = {name: dict(mapping(entry)) for name, entry in mapping(live.get("networks")).items()}
    for name, network_settings in mapping(declared.get("networks")).items():
        for key in _ADDRESSES:
            address = text(mapping(network_settings).get(key))
            if name in networks and address in has:
                networks[name].setdefault(key, address)
    return {"networks": {**networks}} if networks else {}


def _argument_lists(live: Tree, declared: Tree, service_tree: Tree) -> dict[str, JSON]:
    """podman-compose splits a command as a shell does, docker compose otherwise where a pipe or a quoted escape is in it
    (``container_to_args`` of podman_compose.py).
    """
    spelled: dict[str, JSON] = {}
    for key in ("command", "entrypoint"):
        line = text(service_tree.get(key))
        if line and live.get(key) != declared.get(key) and [*texts(live.get(key))] == _split(line):
            spelled[key] = declared.get(key)
    return spelled


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return []


def _capabilities(live: Tree, declared: Tree, tree: Tree) -> dict[str, JSON]:
    """Both sides compared by what the container has in the end (``MergeCapabilities``, ``pkg/capabilities`` of
    containers/common).
    """
    added, dropped = frozenset(texts(live.get("cap_add"))), frozenset(texts(live.get("cap_drop")))
    if live.get("privileged") is True or not (added or dropped):
        return {}
    bounding = frozenset(texts(get(tree, "x-container", "capabilities")))
    own_drops = PODMAN_DROPS if dropped >= PODMAN_DROPS else frozenset[str]()
    default_capabilities = (bounding - added) | (dropped - own_drops) if bounding else _USUAL | (dropped - own_drops)
    declared_sets = {key: frozenset(texts(declared.get(key))) for key in ("cap_add", "cap_drop")}
    if _ALL not in declared_sets["cap_add"] and (default_capabilities | added) - dropped == _effective(
        default_capabilities, declared_sets["cap_add"], declared_sets["cap_drop"]
    ):
        return {key: sorted(names) or None for key, names in declared_sets.items()}
    return {"cap_drop": [_ALL]} if dropped - own_drops and dropped - own_drops == default_capabilities else {}


def _effective(default_capabilities: frozenset[str], added: frozenset[str], dropped: frozenset[str]) -> frozenset[str]:
    return added if _ALL in dropped else (default_capabilities - dropped) | added


def _check(live: Tree, declared: Tree) -> dict[str, JSON]:
    """A command of one word becomes a shell's (``makeHealthCheckFromCli``, ``pkg/specgenutil/specgen.go`` of podman)."""
    check = mapping(live.get("healthcheck"))
    test_words = texts(mapping(declared.get("healthcheck")).get("test"))
    if test_words[:1] != ("CMD",) or len(test_words) != 2 or texts(check.get("test")) != ("CMD-SHELL", test_words[1]):
        return {}
    return {"healthcheck": {**check, "test": list(test_words)}}


def _memory(live: Tree, declared: Tree) -> dict[str, JSON]:
    """A read-only container has memory at ``/run``, ``/tmp`` and ``/var/tmp`` anyway (podman-run(1), --read-only-tmpfs)."""
    mounts_shown = list(texts(live.get("tmpfs")))
    if live.get("read_only") is not True:
        return {}
    targets = {_target(entry) for entry in mounts_shown}
    declared_mounts = [entry for entry in texts(declared.get("tmpfs")) if _target(entry) in PODMAN_READ_ONLY_TMPFS]
    own_mounts = [entry for entry in declared_mounts if _target(entry) not in targets]
    return {"tmpfs": sorted([*mounts_shown, *own_mounts])} if own_mounts else {}


def _target(entry: str) -> str:
    return text(entry).partition(":")[0]
