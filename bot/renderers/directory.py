"""Plain manifests of a folder, as Argo CD's directory source applies them (argo-cd docs, "Directory")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.model.filetree import FileTree
from bot.model.json import Tree
from bot.model.target import NotCompared, RenderedObject, Rendering, Unit
from bot.renderers.objects import opened, titled
from bot.renderers.opaque import opaque
from bot.targets.argo_source import takes
from bot.targets.documents import Documents, ManifestDocument

_JSONNET: Final = ".jsonnet"
_SKIPPED: Final = b"+argocd:skip-file-rendering"
"""A file that says so is passed over (argo-cd docs, "Directory")."""


def render(unit: Unit, tree: FileTree, documents: Documents, options: Tree) -> Rendering:
    """The objects in the files of ``unit.path``. ``options`` are ``recurse``, ``include``, ``exclude``, ``jsonnet``."""
    on = documents.on(tree)
    paths = [path for path in tree.under(unit.path) if takes(path, unit.path, options)]
    paths = [path for path in paths if _SKIPPED not in (tree.read(path) or b"")]
    inputs = frozenset(paths)
    objects: list[RenderedObject] = []
    left_out: list[NotCompared] = []
    for path in paths:
        if path.endswith(_JSONNET):
            left_out.append(NotCompared(path, "Jsonnet is not evaluated", path, 1))
        elif (error := on.error(path)) is not None:
            if _looks_like_objects(tree.read(path) or b""):
                return Rendering(inputs=inputs, error=NotCompared(titled(unit), error.message, path, error.line))
        elif (stray := _stray(on.of(path))) is not None:
            reason = "it has no kind, and stands behind objects, so Argo CD refuses the whole file"
            return Rendering(inputs=inputs, error=NotCompared(titled(unit), reason, path, stray.line))
        else:
            for document in on.of(path):
                objects += [
                    RenderedObject(document_tree, path, document.line, opaque(document_tree))
                    for document_tree in opened(document.tree)
                ]
    return Rendering(tuple(objects), inputs, tuple(left_out))


def _looks_like_objects(data: bytes) -> bool:
    """Whether a file that is no YAML was meant to be applied: any other is passed over (``findManifests`` in argo-cd's
    ``reposerver/repository/repository.go``).
    """
    return all(key in data for key in (b"apiVersion:", b"kind:", b"metadata:"))


def _stray(documents: Sequence[ManifestDocument]) -> ManifestDocument | None:
    """A document that is no object, behind one that is (``getObjsFromYAMLOrJSON`` in the same file)."""
    first = next((index for index, document in enumerate(documents) if document.tree.get("kind")), len(documents))
    return next((document for document in documents[first:] if not document.tree.get("kind")), None)
