"""Which files of a repository give a chart its values, as the ``helm`` options of an Argo CD source name them.

Sources: argo-cd docs, "Helm" ("Values Files", "Glob Patterns in Value Files"), "Helm value files from external Git
repository"; ``getResolvedValueFiles`` in argo-cd's ``reposerver/repository/repository.go``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bot.errors import Invalid
from bot.model.filetree import FileTree
from bot.model.json import Tree, mappings, text, texts
from bot.model.target import Unit
from bot.targets.argo import is_here
from bot.targets.argo_source import filled
from bot.targets.globs import doublestar, fixed_folder
from bot.targets.paths import joined

_WILD: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class ValueFiles:
    """The files that ``options`` of one source of ``unit`` name, whose chart lies in ``unit.path``. ``variables`` are those
    of :func:`bot.targets.argo_source.environment`.
    """

    options: Tree
    unit: Unit
    tree: FileTree
    variables: Mapping[str, str]

    def listed(self) -> list[str]:
        """Those of ``valueFiles``, each once, at its first place; what a pattern takes lies where the pattern stands, unless
        it is named by itself too. Raises ``Invalid`` for one that is not there, where that is not to be ignored.
        """
        resolved = [(each, self.path(each)) for each in texts(self.options.get("valueFiles"))]
        named = {path for _, path in resolved if _WILD.search(path) is None}
        files: dict[str, None] = {}
        for each, path in resolved:
            taken = list(self._taken(path))
            if not taken and self.options.get("ignoreMissingValueFiles") is not True:
                raise Invalid(f"the values file {each} is not in this repository")
            files.update(dict.fromkeys(match for match in taken if match == path or match not in named))
        return list(files)

    def _taken(self, path: str) -> Iterator[str]:
        if _WILD.search(path) is None:
            return iter([path] if path in self.tree else [])
        return (each for each in self.tree.under(fixed_folder(path)) if doublestar(path, each))

    def of_parameters(self) -> dict[str, str]:
        """Those of ``fileParameters`` by the parameter's name. Raises ``Invalid`` for one that is not there."""
        files = {}
        for parameter in mappings(self.options.get("fileParameters")):
            path = self.path(text(parameter.get("path")))
            if path not in self.tree:
                raise Invalid(f"the file {text(parameter.get('path'))} of a file parameter is not in this repository")
            files[text(parameter.get("name"))] = path
        return files

    def path(self, written: str) -> str:
        """A file by its repository path: below the chart, from the top, or of a source by its ``ref``. Raises ``Invalid``
        for one that is elsewhere.
        """
        name, _, rest = written.partition("/")
        many = mappings(self.unit.spec.get("sources"))
        referred = next((each for each in many if written.startswith("$") and text(each.get("ref")) == name[1:]), None)
        if referred is not None:
            if not is_here({**referred, "path": ""}, None, texts(self.unit.spec.get("own"))):
                raise Invalid(f"the values file {written} is in another repository, {text(referred.get('repoURL'))}")
            path = joined("", filled(rest, self.variables).lstrip("/"))
        else:
            plain = filled(written, self.variables)
            if "://" in plain:
                raise Invalid(f"the values file {plain} is on the network, from where nothing is fetched")
            path = joined("", plain.lstrip("/")) if plain.startswith("/") else joined(self.unit.path, plain)
        if not path:
            raise Invalid(f"the values file {written} leads out of the repository")
        return path
