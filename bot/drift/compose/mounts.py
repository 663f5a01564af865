"""The live mounts of a container as its project's files write them: volumes by their key, folders from the project's own.

Used by :mod:`bot.drift.compose.services`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import Final

from bot.drift.compose.names import EngineNames
from bot.model.json import JSON, Tree, elements, get, mapping, mappings, text
from bot.model.resource import Desired

_DESKTOP: Final = ("/host_mnt", "/run/desktop/mnt/host")
"""Where Docker Desktop shows the folders of its host, whose paths inspect then bears in front."""


def folder(tree: Tree) -> str | None:
    """The folder that the Compose tool started from, as the container's labels tell; None where they do not."""
    working_folder = text(get(tree, "x-container", "working_dir"))
    return posixpath.normpath(working_folder) if working_folder.startswith("/") else None


def named(live: Sequence[JSON], declared: Tree, names: EngineNames) -> list[JSON]:
    """``live`` with the key that Git has for each volume."""
    sources = [text(mount["source"]) for mount in mappings(live) if _is_volume(mount)]
    keys = {text(mount["source"]) for mount in mappings(declared.get("volumes")) if _is_volume(mount)}
    names_in_git = names.in_git(sources, keys)
    return [
        {**entry, "source": names_in_git[text(entry["source"])]} if _is_volume(entry := mapping(mount)) else mount
        for mount in live
    ]


def _is_volume(mount: Tree) -> bool:
    return mount.get("type") == "volume" and bool(mount.get("source"))


def placed(live: Sequence[JSON], declared: Tree, start: str | None, desired: Desired) -> list[JSON]:
    """``live`` where a folder that a declared relative path means from ``start`` is written as that path."""
    if start is None:
        return [*live]
    relative = {
        mount.get("target"): text(mount.get("source"))
        for mount in mappings(declared.get("volumes"))
        if text(mount.get("source")).startswith(".")
    }
    return [_placed(mount, relative, start, desired) for mount in live]


def _placed(mount: JSON, relative: dict[JSON, str], start: str, desired: Desired) -> JSON:
    entry = mapping(mount)
    written_source = relative.get(entry.get("target"))
    source = text(entry.get("source"))
    if written_source is None or entry.get("type") != "bind":
        return mount
    possible_sources = {source, *(source.removeprefix(desktop) for desktop in _DESKTOP)}
    as_declared = any(
        posixpath.normpath(posixpath.join(folder, written_source)) in possible_sources
        for folder in _starts(start, desired)
    )
    return {**entry, "source": written_source} if as_declared else mount


def _starts(start: str, desired: Desired) -> Iterator[str]:
    """The folders that a relative path may start from: the project's, or that of the file that brings it in."""
    yield start
    own_folder = posixpath.dirname(desired.file)
    for file in _files(desired):
        parts = [part for part in posixpath.dirname(file).split("/") if part]
        yield from ("/".join((start, *parts[at:])) for at in range(len(parts)))
        if start.endswith(f"/{own_folder}"):
            yield "/".join((start.removesuffix(f"/{own_folder}"), *parts))


def _files(desired: Desired) -> Iterator[str]:
    """The files that say where the service has its mounts, and what brings them in."""
    yield desired.file
    for index, _ in enumerate(elements(desired.tree.get("volumes"))):
        origin = desired.origins.at(("volumes", index))
        if origin is not None:
            yield origin.file
