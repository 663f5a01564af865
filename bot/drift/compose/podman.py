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


def spelled(live: dict[str, JSON], declared: Tree, tree: Tree, written: Tree) -> dict[str, JSON]:
    """``live`` with Git's words for what is as ``declared`` in long form, ``written`` in the files. ``tree`` is the container
    as it was read.
    """
    if get(tree, "x-container", "engine") != "podman":
        return live
    capabilities, words = _capabilities(live, declared, tree), _words(live, declared, written)
    placed = _networks(live, declared, tree)
    return {**live, **capabilities, **words, **placed, **_check(live, declared), **_memory(live, declared)}


def unseen_addresses(live: Tree, declared: Tree, tree: Tree) -> Iterator[tuple[str, str, str]]:
    """The declared addresses of a container in networks that it is in, while podman shows none: which one was asked for it
    never does (``IPAMConfig`` is null), and which one a container has only while it runs.
    """
    if get(tree, "x-container", "engine") != "podman" or texts(get(tree, "x-container", "addresses")):
        return
    attached = mapping(live.get("networks"))
    for name, asked in mapping(declared.get("networks")).items():
        yield from (("networks", name, key) for key in _ADDRESSES if name in attached and mapping(asked).get(key))


def _networks(live: Tree, declared: Tree, tree: Tree) -> dict[str, JSON]:
    """The declared address where the container has it."""
    has = texts(get(tree, "x-container", "addresses"))
    networks = {name: dict(mapping(entry)) for name, entry in mapping(live.get("networks")).items()}
    for name, asked in mapping(declared.get("networks")).items():
        for key in _ADDRESSES:
            address = text(mapping(asked).get(key))
            if name in networks and address in has:
                networks[name].setdefault(key, address)
    return {"networks": {**networks}} if networks else {}


def _words(live: Tree, declared: Tree, written: Tree) -> dict[str, JSON]:
    """podman-compose splits a command as a shell does, docker compose otherwise where a pipe or a quoted escape is in it
    (``container_to_args`` of podman_compose.py).
    """
    spelled: dict[str, JSON] = {}
    for key in ("command", "entrypoint"):
        line = text(written.get(key))
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
    own = PODMAN_DROPS if dropped >= PODMAN_DROPS else frozenset[str]()
    usual = (bounding - added) | (dropped - own) if bounding else _USUAL | (dropped - own)
    asked = {key: frozenset(texts(declared.get(key))) for key in ("cap_add", "cap_drop")}
    if _ALL not in asked["cap_add"] and (usual | added) - dropped == _held(usual, asked["cap_add"], asked["cap_drop"]):
        return {key: sorted(names) or None for key, names in asked.items()}
    return {"cap_drop": [_ALL]} if dropped - own and dropped - own == usual else {}


def _held(usual: frozenset[str], added: frozenset[str], dropped: frozenset[str]) -> frozenset[str]:
    return added if _ALL in dropped else (usual - dropped) | added


def _check(live: Tree, declared: Tree) -> dict[str, JSON]:
    """A command of one word becomes a shell's (``makeHealthCheckFromCli``, ``pkg/specgenutil/specgen.go`` of podman)."""
    check = mapping(live.get("healthcheck"))
    asked = texts(mapping(declared.get("healthcheck")).get("test"))
    if asked[:1] != ("CMD",) or len(asked) != 2 or texts(check.get("test")) != ("CMD-SHELL", asked[1]):
        return {}
    return {"healthcheck": {**check, "test": list(asked)}}


def _memory(live: Tree, declared: Tree) -> dict[str, JSON]:
    """A read-only container has memory at ``/run``, ``/tmp`` and ``/var/tmp`` anyway (podman-run(1), --read-only-tmpfs)."""
    shown = list(texts(live.get("tmpfs")))
    if live.get("read_only") is not True:
        return {}
    targets = {_target(entry) for entry in shown}
    asked = [entry for entry in texts(declared.get("tmpfs")) if _target(entry) in PODMAN_READ_ONLY_TMPFS]
    own = [entry for entry in asked if _target(entry) not in targets]
    return {"tmpfs": sorted([*shown, *own])} if own else {}


def _target(entry: str) -> str:
    return text(entry).partition(":")[0]
