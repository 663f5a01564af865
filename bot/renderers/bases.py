"""Remote bases and resources of a kustomization, laid into the tree beside what names them: kustomize finds them as folders.

Each lies below the folder of the kustomization that names it, since kustomize reads no file from outside of that, and the
copy of that kustomization names it there. A base may name others; what is fetched for it leads nowhere but into itself.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from bot.model.filetree import MOUNTS, FileTree, is_mounted
from bot.model.json import JSON, Tree, elements
from bot.model.target import NotCompared, Unit
from bot.model.upstream import UpstreamRequest
from bot.renderers.elsewhere import obtained
from bot.renderers.objects import as_json, titled
from bot.targets.documents import Documents, ManifestDocument
from bot.targets.kustomization import DanglingReference, KustomizationFiles, closure, references
from bot.targets.paths import is_below, joined
from bot.targets.upstream import RemoteBase, remote_base

_LISTS: Final = ("resources", "bases", "components")
"""The fields that may name another repository (kubectl.docs.kubernetes.io, "resources", "components")."""
_MOST: Final = 64
"""Of one build. A base that names itself would go on for ever."""


@dataclass(frozen=True, slots=True)
class CompleteKustomization:
    """A tree in which nothing lies elsewhere any more, and what the kustomization is made from in it."""

    tree: FileTree
    parts: KustomizationFiles


def with_bases(unit: Unit, tree: FileTree, documents: Documents) -> CompleteKustomization | NotCompared:
    """``tree`` with everything that the kustomization at ``unit.path`` names elsewhere, or why something is missing."""
    extended, number = tree, 0
    while True:
        parts = closure(documents.on(extended), unit.path)
        pending = [
            (base_reference, base)
            for base_reference in parts.remote
            if (base := _base(base_reference, documents.on(extended))) is not None
        ]
        if (stray := _stray(parts, documents.on(extended))) is not None:
            return NotCompared(titled(unit), f"{stray.text} leads out of its repository", stray.file, stray.line)
        if not pending:
            return CompleteKustomization(extended, parts)
        reference, base = pending[0]
        number += 1
        if number > _MOST:
            reason = f"it is made from more than {_MOST} remote bases"
            return NotCompared(titled(unit), reason, unit.file, unit.line)
        laid_with = _with_base(unit, extended, documents, reference, base)
        if isinstance(laid_with, NotCompared):
            return laid_with
        extended = laid_with


def _base(reference: DanglingReference, documents: Documents) -> RemoteBase | None:
    """What a remote reference means; None where it stands in a field that nothing is fetched for, or cannot be read."""
    document = next(iter(documents.of(reference.file)), None)
    names_listed = [text for key in _LISTS for text in elements(document.tree.get(key))] if document is not None else []
    return remote_base(reference.text) if reference.text in names_listed else None


def _with_base(
    unit: Unit, tree: FileTree, documents: Documents, reference: DanglingReference, base: RemoteBase
) -> FileTree | NotCompared:
    named_by = replace(unit, file=reference.file, line=reference.line)
    files = obtained(base.request, tree, named_by, reference.text)
    if isinstance(files, NotCompared):
        return files
    home = f"{MOUNTS}/{_short(base.request)}"
    folder = posixpath.dirname(reference.file)
    mounted = tree.with_mounted(posixpath.join(folder, home), files.tree)
    renamed = {reference.text: posixpath.normpath(f"{home}/{base.path}")}
    document = documents.on(tree).of(reference.file)[0]
    return mounted.with_changes({reference.file: as_json(_renamed(document, renamed)).encode()})


def _renamed(document: ManifestDocument, names: Mapping[str, str]) -> Tree:
    lists: dict[str, JSON] = {
        key: [names.get(name, name) if isinstance(name, str) else name for name in elements(document.tree[key])]
        for key in _LISTS
        if key in document.tree
    }
    return {**document.tree, **lists}


def _short(request: UpstreamRequest) -> str:
    return hashlib.sha256(repr(request).encode()).hexdigest()[:16]


def _stray(parts: KustomizationFiles, documents: Documents) -> DanglingReference | None:
    """A reference of a fetched kustomization to something that was not fetched with it: kustomize clones to a folder of
    its own, from where nothing of this repository is to be seen.
    """
    for folder, file in parts.folders.items():
        top = _top(folder)
        for document in documents.of(file) if top else ():
            for reference in references(document.tree):
                path = joined(folder, reference.text)
                if path is not None and not is_below(path, top) and path in documents.tree:
                    return DanglingReference(reference.text, file, document.line)
                if path is not None and not is_below(path, top) and path in parts.folders:
                    return DanglingReference(reference.text, file, document.line)
    return None


def _top(folder: str) -> str:
    """The folder that the innermost fetched repository was laid into; empty for one of this repository."""
    if not is_mounted(folder):
        return ""
    parts = folder.split("/")
    last = len(parts) - 1 - parts[::-1].index(MOUNTS)
    return "/".join(parts[: last + 2])
