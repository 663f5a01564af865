"""Plain manifests of a folder, as Argo CD's directory source applies them (argo-cd docs, "Directory")."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from bot.model.filetree import FileTree
from bot.model.globs import file_matches as matches
from bot.model.json import JSON, Tree
from bot.model.target import NotCompared, RenderedObject, Rendering, Unit
from bot.renderers.opaque import opaque
from bot.targets.documents import Documents

_SUFFIXES = (".yaml", ".yml", ".json")


def render(unit: Unit, tree: FileTree, documents: Documents, options: Tree) -> Rendering:
    """The objects in the files of ``unit.path``. ``options`` are ``recurse``, ``include``, ``exclude``, ``jsonnet``."""
    documents = documents.on(tree)
    paths = [path for path in tree.under(unit.path) if _chosen(path, unit.path, options)]
    inputs = frozenset(paths)
    made: list[RenderedObject] = []
    left: list[NotCompared] = []
    for path in paths:
        if path.endswith((".jsonnet", ".libsonnet")):
            left.append(NotCompared(path, "Jsonnet is not evaluated", path, 1))
            continue
        if (error := documents.error(path)) is not None:
            return Rendering(inputs=inputs, error=NotCompared(unit.how or unit.name, error.message, path, error.line))
        for document in documents.of(path):
            made += [RenderedObject(each, path, document.line, opaque(each)) for each in _objects(document.tree)]
    return Rendering(tuple(made), inputs, tuple(left))


def _chosen(path: str, folder: str, options: Tree) -> bool:
    below = posixpath.relpath(path, folder or ".")
    if options.get("recurse") is not True and "/" in below:
        return False
    if not path.endswith((*_SUFFIXES, ".jsonnet")):
        return False
    include, exclude = options.get("include"), options.get("exclude")
    if isinstance(include, str) and include and not matches(below, [include]):
        return False
    return not (isinstance(exclude, str) and exclude and matches(below, [exclude]))


def _objects(value: JSON) -> Iterator[Tree]:
    if not isinstance(value, Mapping) or not isinstance(value.get("kind"), str) or "apiVersion" not in value:
        return
    items = value.get("items")
    if str(value["kind"]).endswith("List") and isinstance(items, (list, tuple)):
        for item in items:
            yield from _objects(item)
    else:
        yield value
