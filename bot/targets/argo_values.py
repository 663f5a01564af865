"""Which files of a repository give a chart its values, as the ``helm`` options of an Argo CD source name them.

Sources: argo-cd docs, "Helm" ("Values Files", "Glob Patterns in Value Files"), "Helm value files from external Git
repository"; ``getResolvedValueFiles`` in argo-cd's ``reposerver/repository/repository.go``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bot.errors import Invalid
from bot.model.filetree import FileTree
from bot.model.json import Tree, mappings, text, texts
from bot.model.target import Unit
from bot.targets.argo import is_here
from bot.targets.argo_source import filled
from bot.targets.flux import normal_url
from bot.targets.globs import doublestar, fixed_folder
from bot.targets.paths import joined

_WILD: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class ValueFile:
    """One file by its path. ``is_local``: it is of this repository, and not of the one that the chart was fetched from."""

    path: str
    is_local: bool = True


@dataclass(frozen=True, slots=True)
class ValueFiles:
    """The files that ``options`` of one source of ``unit`` name, whose chart lies in ``unit.path`` of ``tree``.
    ``variables`` are those of :func:`bot.targets.argo_source.environment`; ``own_tree`` is this repository where ``tree`` is
    another one.
    """

    options: Tree
    unit: Unit
    tree: FileTree
    variables: Mapping[str, str]
    own_tree: FileTree | None = None

    def inputs(self) -> frozenset[str]:
        """The paths of those that are of this repository. Raises ``Invalid`` as :meth:`listed` does."""
        return frozenset(file.path for file in (*self.listed(), *self.of_parameters().values()) if file.is_local)

    def read(self, file: ValueFile) -> bytes:
        """What a file holds."""
        return self._tree_of(file).read(file.path) or b""

    def listed(self) -> list[ValueFile]:
        """Those of ``valueFiles``, each once, at its first place; what a pattern takes lies where the pattern stands, unless
        it is named by itself too. Raises ``Invalid`` for one that is not there, where that is not to be ignored.
        """
        resolved = [(value_path, self.file(value_path)) for value_path in texts(self.options.get("valueFiles"))]
        plain_paths = {file for _, file in resolved if _WILD.search(file.path) is None}
        files: dict[ValueFile, None] = {}
        for value_file, file in resolved:
            matches = list(self._matches(file))
            if not matches and (url := self._perhaps_elsewhere(value_file)):
                raise Invalid(f"the values file {value_file} is not in this repository, and {url} may be another one")
            if not matches and self.options.get("ignoreMissingValueFiles") is not True:
                raise Invalid(f"the values file {value_file} is not in {self._repository_of(file)}")
            files.update(dict.fromkeys(match for match in matches if match == file or match not in plain_paths))
        return list(files)

    def _matches(self, file: ValueFile) -> Iterator[ValueFile]:
        tree, path = self._tree_of(file), file.path
        if _WILD.search(path) is None:
            return iter([file] if path in tree else [])
        return (
            replace(file, path=candidate) for candidate in tree.under(fixed_folder(path)) if doublestar(path, candidate)
        )

    def _perhaps_elsewhere(self, value_path: str) -> str:
        """The repository of a ``ref`` that nothing tells to be this one: neither is its URL known, nor does another source
        of that URL lie here.
        """
        referred = self._referred(value_path)
        if referred is None or texts(self.unit.spec.get("own")):
            return ""
        url, own_tree = text(referred.get("repoURL")), self.own_tree or self.tree
        local_sources = (
            source
            for source in mappings(self.unit.spec.get("sources"))
            if text(source.get("path")) and is_here(source, own_tree, ())
        )
        return "" if normal_url(url) in {normal_url(text(source.get("repoURL"))) for source in local_sources} else url

    def _referred(self, value_path: str) -> Tree | None:
        """The source that a values file names by its ``ref``."""
        several = mappings(self.unit.spec.get("sources")) if value_path.startswith("$") else ()
        return next((source for source in several if text(source.get("ref")) == value_path.partition("/")[0][1:]), None)

    def _tree_of(self, file: ValueFile) -> FileTree:
        return self.own_tree if file.is_local and self.own_tree is not None else self.tree

    @staticmethod
    def _repository_of(file: ValueFile) -> str:
        return "this repository" if file.is_local else "its source"

    def of_parameters(self) -> dict[str, ValueFile]:
        """Those of ``fileParameters`` by the parameter's name. Raises ``Invalid`` for one that is not there."""
        files = {}
        for parameter in mappings(self.options.get("fileParameters")):
            file = self.file(text(parameter.get("path")))
            if file.path not in self._tree_of(file):
                raise Invalid(
                    f"the file {text(parameter.get('path'))} of a file parameter is not in {self._repository_of(file)}"
                )
            files[text(parameter.get("name"))] = file
        return files

    def file(self, value_path: str) -> ValueFile:
        """A file by its path in its repository: below the chart, from the top, or of a source by its ``ref``. Raises
        ``Invalid`` for one that is elsewhere.
        """
        _, _, remainder = value_path.partition("/")
        referred = self._referred(value_path)
        if referred is not None:
            if not is_here({**referred, "path": ""}, None, texts(self.unit.spec.get("own"))):
                raise Invalid(f"the values file {value_path} is in another repository, {text(referred.get('repoURL'))}")
            path = joined("", filled(remainder, self.variables).lstrip("/"))
        else:
            plain = filled(value_path, self.variables)
            if "://" in plain:
                raise Invalid(f"the values file {plain} is on the network, from where nothing is fetched")
            path = joined("", plain.lstrip("/")) if plain.startswith("/") else joined(self.unit.path, plain)
        if not path:
            raise Invalid(f"the values file {value_path} leads out of the repository")
        return ValueFile(path, referred is not None or self.own_tree is None)
