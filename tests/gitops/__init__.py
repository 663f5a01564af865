"""Small repositories as teams keep them, and how tests read them: each folder here is one, written out as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.model.filetree import FileTree, content_id
from bot.model.json import JSON
from bot.model.target import RenderedObject, Rendering

HERE = Path(__file__).parent
ORIGINS = "origins"
"""The folder of several repositories, each with a way of its own to say a value."""
REPOSITORIES = tuple(
    path.relative_to(HERE).as_posix()
    for path in sorted([*HERE.glob("*/"), *(HERE / ORIGINS).glob("*/")])
    if not path.name.startswith("_") and path.name != ORIGINS
)
"""Every repository here by its folder."""


def repository(case: str) -> FileTree:
    """The files of ``tests/gitops/CASE`` as a tree."""
    root = HERE / case
    return tree_of({path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()})


def tree_of(files: Mapping[str, str | bytes]) -> FileTree:
    """A tree of texts."""
    encoded = {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}
    blobs = {content_id(data): data for data in encoded.values()}
    return FileTree({path: content_id(data) for path, data in encoded.items()}, blobs.__getitem__)


def by_name(rendering: Rendering) -> dict[str, RenderedObject]:
    """The objects of a rendering by ``Kind/name``. Fails where there is an error instead."""
    assert rendering.error is None, rendering.error
    return {called(made): made for made in rendering.objects}


def called(made: RenderedObject) -> str:
    """``Kind/name``."""
    return f"{made.tree['kind']}/{at(made, 'metadata', 'name')}"


def at(made: RenderedObject, *pointer: str | int) -> JSON:
    """The value at a pointer of an object; None where there is none."""
    value: JSON = made.tree
    for key in pointer:
        if isinstance(key, int) and isinstance(value, list):
            value = value[key]
        elif isinstance(key, str) and isinstance(value, dict):
            value = value.get(key)
        else:
            return None
    return value
