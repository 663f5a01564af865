"""The sources of an Argo CD ``Application``, each where it lies: in this repository, or in what is fetched for it.

Called by :mod:`bot.origins.expanded`, which looks for the files and options that a value may be written in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.errors import Invalid
from bot.model.filetree import FileTree
from bot.model.json import Tree, texts
from bot.model.target import Unit
from bot.model.upstream import UpstreamFiles, UpstreamRequest
from bot.targets import argo, argo_source, flux, upstream
from bot.targets.argo_source import SourceTool
from bot.targets.argo_values import ValueFiles
from bot.targets.documents import Documents
from bot.targets.paths import joined


@dataclass(frozen=True, slots=True)
class PlacedSource:
    """One source of an application. ``unit`` lies where it does, ``options`` are those that count, ``documents`` what its
    folder is of (nothing, where nothing was fetched) and ``own_documents`` those of this repository.
    """

    unit: Unit
    options: Tree
    documents: Documents
    own_documents: Documents

    @property
    def path(self) -> str:
        """Its folder."""
        return self.unit.path

    @property
    def is_local(self) -> bool:
        """Whether it is of this repository."""
        return self.documents is self.own_documents

    @property
    def tool(self) -> SourceTool | None:
        """What renders it; None where Argo CD would refuse it."""
        try:
            return argo_source.tool(self.options, self.path, self.documents.tree)
        except Invalid:
            return None

    @property
    def overriding(self) -> list[str]:
        """The files of this repository that change its options."""
        return [
            path
            for path in argo_source.overriding(self.unit, self.path)
            if self.is_local and path in self.own_documents.tree
        ]

    @property
    def value_files(self) -> list[str]:
        """Its values files in this repository, the one that wins last; none where one of them is not there."""
        options, own_tree = flux.below(self.options, "helm"), self.own_documents.tree
        variables = argo_source.environment(self.unit, self.options)
        files = ValueFiles(options, self.unit, own_tree, variables)
        if not self.is_local:
            options = {**options, "ignoreMissingValueFiles": True}
            files = ValueFiles(options, self.unit, self.documents.tree, variables, own_tree)
        try:
            return [value_file.path for value_file in files.listed() if value_file.is_local]
        except Invalid:
            return []


def placed_source(source_spec: Tree, unit: Unit, documents: Documents) -> PlacedSource | None:
    """A source where it lies, with what files beside it say of it; as it is written where they cannot be read. None for one
    that only names files for the others.
    """
    chart = flux.text(source_spec, "chart")
    path = joined("", "." if chart else flux.text(source_spec, "path"))
    if path is None or not (chart or flux.text(source_spec, "path")):
        return None
    on, at = documents, replace(unit, path=path)
    if not argo.is_here(source_spec, documents.tree, texts(unit.spec.get("own"))):
        on = documents.on(_fetched(upstream.argo_source(source_spec), documents))
    try:
        options = argo_source.overridden(source_spec, at, path, on)
    except Invalid:
        options = source_spec
    return PlacedSource(at, options, on, documents)


def _fetched(request: UpstreamRequest | None, documents: Documents) -> FileTree:
    """What a request comes to; a tree without files where that is nothing."""
    answer = None if request is None else documents.tree.ask(request)
    return answer.tree if isinstance(answer, UpstreamFiles) else FileTree({}, lambda _blob: b"")
