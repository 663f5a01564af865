"""Plain manifests of a folder, as Argo CD's directory source applies them (argo-cd docs, "Directory")."""

from __future__ import annotations

import posixpath

from bot.model.filetree import FileTree
from bot.model.json import Tree, text
from bot.model.target import NotCompared, RenderedObject, Rendering, Unit
from bot.renderers.objects import opened, titled
from bot.renderers.opaque import opaque
from bot.targets.documents import SUFFIXES, Documents
from bot.targets.globs import glob

_JSONNET = (".jsonnet", ".libsonnet")


def render(unit: Unit, tree: FileTree, documents: Documents, options: Tree) -> Rendering:
    """The objects in the files of ``unit.path``. ``options`` are ``recurse``, ``include``, ``exclude``, ``jsonnet``."""
    on = documents.on(tree)
    paths = [path for path in tree.under(unit.path) if _is_chosen(path, unit.path, options)]
    inputs = frozenset(paths)
    made: list[RenderedObject] = []
    left: list[NotCompared] = []
    for path in paths:
        if path.endswith(_JSONNET):
            left.append(NotCompared(path, "Jsonnet is not evaluated", path, 1))
        elif (error := on.error(path)) is not None:
            if _looks_like_objects(tree.read(path) or b""):
                return Rendering(inputs=inputs, error=NotCompared(titled(unit), error.message, path, error.line))
        else:
            for document in on.of(path):
                made += [RenderedObject(each, path, document.line, opaque(each)) for each in opened(document.tree)]
    return Rendering(tuple(made), inputs, tuple(left))


def _is_chosen(path: str, folder: str, options: Tree) -> bool:
    below = posixpath.relpath(path, folder or ".")
    if options.get("recurse") is not True and "/" in below:
        return False
    if not path.endswith((*SUFFIXES, *_JSONNET)):
        return False
    include, exclude = text(options.get("include")), text(options.get("exclude"))
    return (not include or glob(include, below)) and not (exclude and glob(exclude, below))


def _looks_like_objects(data: bytes) -> bool:
    """Whether a file that is no YAML was meant to be applied: any other is passed over (``findManifests`` in argo-cd's
    ``reposerver/repository/repository.go``).
    """
    return all(word in data for word in (b"apiVersion:", b"kind:", b"metadata:"))
