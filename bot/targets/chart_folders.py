"""Charts of a repository as folders: where they lie, which others need them, and which values files lie beside them.

Asked by :mod:`bot.targets.discovery`. Source: Helm docs, "Charts" (the chart file structure, "Chart Dependencies"),
"Library Charts".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bot.model.filetree import FileTree
from bot.model.json import Tree, mappings, text
from bot.targets.documents import Documents
from bot.targets.paths import is_below, joined
from bot.targets.signs import CHARTS

_ARCHIVES: Final = (".tgz", ".tar.gz")
_VALUES: Final = re.compile(r"values(?:[-._](?P<name>[\w.-]+?))?\.ya?ml\Z")


def folders(tree: FileTree) -> list[str]:
    """Every folder that holds a chart, those in others among them, sorted."""
    return sorted({path.rpartition("/")[0] for path in tree if path.rpartition("/")[2] in CHARTS})


def outermost(sorted_folders: Sequence[str]) -> list[str]:
    """Those that lie in no other."""
    return [
        folder
        for folder in sorted_folders
        if not any(other_folder != folder and is_below(folder, other_folder) for other_folder in sorted_folders)
    ]


def file_of(tree: FileTree, folder: str) -> str | None:
    """What makes a folder a chart; None where it is none."""
    return next((path for name in CHARTS if (path := f"{folder}/{name}" if folder else name) in tree), None)


def is_chart(tree: FileTree, path: str) -> bool:
    """Whether a path is a chart: a folder, or an archive of one."""
    return file_of(tree, path) is not None or (path.endswith(_ARCHIVES) and path in tree)


def is_in_chart(tree: FileTree, file: str) -> bool:
    """Whether a file lies in a chart."""
    parts = file.split("/")[:-1]
    return any(file_of(tree, "/".join(parts[:depth])) is not None for depth in range(1, len(parts) + 1))


def is_library(documents: Documents, folder: str) -> bool:
    """Whether a chart is only for others to use."""
    return any(chart.get("type") == "library" for chart in _about(documents, folder))


def needed(documents: Documents, charts: Sequence[str]) -> set[str]:
    """The charts that others depend on by a path: they are deployed as parts of those."""
    paths = (
        joined(folder, repository.removeprefix("file://"))
        for folder in charts
        for tree in _about(documents, folder)
        for dependency in mappings(tree.get("dependencies"))
        if (repository := text(dependency.get("repository"))).startswith("file://")
    )
    return {path for path in paths if path is not None}


def _about(documents: Documents, folder: str) -> Iterator[Tree]:
    """What a chart says of itself, and in the older form of its dependencies."""
    for name in (*CHARTS, "requirements.yaml"):
        yield from (document.tree for document in documents.of(f"{folder}/{name}" if folder else name))


def variants(tree: FileTree, folder: str) -> Mapping[str, tuple[str, ...]]:
    """The values files beside a chart's own, each for a place of its own: ``values-prod.yaml`` for ``prod``."""
    siblings = [path for path in tree.under(folder) if path.rpartition("/")[0] == folder]
    matches = ((path, _VALUES.fullmatch(path.rpartition("/")[2])) for path in siblings)
    return {match["name"]: (path,) for path, match in matches if match is not None and match["name"]}
