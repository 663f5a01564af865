"""Folders of plain manifests that are each a place of its own: ``clusters/dev`` beside ``clusters/prod``.

Asked by :mod:`bot.targets.discovery`. A folder is such a place where one beside it declares the same object: no cluster
can have both.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final, TypeAlias

from bot.targets.documents import Documents
from bot.targets.flux import group, name, namespace, text
from bot.targets.signs import SUFFIXES

_ENVIRONMENT: Final = re.compile(r"(?P<folder>(?P<around>(?:[^/]+/)*?(?:clusters?|environments?|envs?))/[^/]+)/.+")

_Identity: TypeAlias = tuple[str, str, str, str]


def environment_folders(documents: Documents, rendered: Iterable[str]) -> list[str]:
    """The folders of ``clusters``, ``environments`` or ``envs`` of which two declare one object, sorted. ``rendered`` are
    files that declare nothing by themselves.
    """
    identities_by_folder: dict[str, dict[str, set[_Identity]]] = defaultdict(dict)
    for path in sorted({*documents.tree} - {*rendered}):
        match = _ENVIRONMENT.fullmatch(path) if path.endswith(SUFFIXES) else None
        if match is not None:
            identities_by_folder[match["around"]].setdefault(match["folder"], set()).update(_declared(documents, path))
    return sorted(
        folder
        for folders in identities_by_folder.values()
        if _overlap(folders.values())
        for folder in folders
        if folders[folder]
    )


def _declared(documents: Documents, path: str) -> Iterable[_Identity]:
    for document in documents.of(path):
        tree = document.tree
        if text(tree, "kind") and name(tree):
            yield group(tree), text(tree, "kind"), namespace(tree), name(tree)


def _overlap(declared: Iterable[set[_Identity]]) -> bool:
    union: set[_Identity] = set()
    for identities in declared:
        if union & identities:
            return True
        union |= identities
    return False
