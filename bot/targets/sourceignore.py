"""Which files of a repository Flux takes: its source-controller leaves some out of the artifact that everything is made from.

Sources: source-controller docs, ``GitRepository``, "Excluding files", "Default exclusions", "Sparse checkout";
``sourceignore`` and ``artifact/storage/archive.go`` of fluxcd/pkg, whose patterns these are: those of gitignore(5) as go-git
reads them, where ``**`` is a whole part of a pattern and every file is asked for by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from bot.model.filetree import Ask, FileTree
from bot.model.json import Tree, text, texts
from bot.model.upstream import NotFetched, UpstreamFiles, UpstreamRequest
from bot.targets.globs import go_match

NAME: Final = ".sourceignore"
_GIT: Final = (".git/", ".gitignore", ".gitmodules", ".gitattributes")
"""Left out always, before anything else is said."""
_DEFAULT: Final = (
    "*.jpg", "*.jpeg", "*.gif", "*.png", "*.wmv", "*.flv", "*.tar.gz", "*.zip",
    ".github/", ".circleci/", ".travis.yml", ".gitlab-ci.yml", "appveyor.yml", ".drone.yml", "cloudbuild.yaml",
    "codeship-services.yml", "codeship-steps.yml", "**/.goreleaser.yml", "**/.sops.yaml", "**/.flux.yaml",
)  # fmt: skip
"""Left out where neither a file nor the source says anything."""


@dataclass(frozen=True, slots=True)
class IgnorePattern:
    """One pattern, for what lies below the folder ``domain``. ``includes``: what it takes is not left out."""

    parts: tuple[str, ...]
    domain: str = ""
    includes: bool = False
    folders: bool = False
    """Whether only folders match, and so what lies in them."""

    @staticmethod
    def of(line: str, domain: str = "") -> IgnorePattern:
        """A line of a file (``ParsePattern``)."""
        includes = line.startswith("!")
        line = line.removeprefix("!")
        line = line if line.endswith("\\ ") else line.rstrip(" ")
        folders = line.endswith("/")
        return IgnorePattern(tuple(line.removesuffix("/").split("/")), domain, includes, folders)

    def matches(self, path: str) -> bool:
        """Whether the file at ``path`` is meant."""
        if self.domain and not path.startswith(f"{self.domain}/"):
            return False
        below = path[len(self.domain) + 1 :] if self.domain else path
        names = below.split("/")
        return self._named(names) if len(self.parts) == 1 else self._located(names)

    def _named(self, names: list[str]) -> bool:
        first = next((index for index, name in enumerate(names) if _fits(self.parts[0], name)), None)
        return first is not None and not (self.folders and first == len(names) - 1)

    def _located(self, names: list[str]) -> bool:
        """``globMatch``: part by part from the top, with ``**`` for any folders between."""
        matched, anywhere = False, False
        for index, part in enumerate(self.parts):
            if part == "":
                anywhere = False
                continue
            if part == "**":
                if index == len(self.parts) - 1:
                    break
                anywhere = True
                continue
            if "**" in part or not names:
                return False
            if anywhere:
                at = next((i for i, name in enumerate(names) if _fits(part, name)), None)
                matched, names = (False, []) if at is None else (True, names[at + 1 :])
                anywhere = False
            elif _fits(part, names[0]):
                matched, names = True, names[1:]
            else:
                return False
        return matched and not (self.folders and not names)


@lru_cache(maxsize=65_536)
def _fits(pattern: str, name: str) -> bool:
    """One part of a pattern and one name of a path: the same few come again with every file."""
    return go_match(pattern, name)


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """What is left out: the last pattern that means a file decides. ``only`` are beginnings of the paths that are checked
    out at all; empty for all.
    """

    patterns: tuple[IgnorePattern, ...]
    only: tuple[str, ...] = ()
    _hidden: dict[str, bool] = field(default_factory=dict, init=False, compare=False, repr=False)

    def hides(self, path: str) -> bool:
        """Whether the file at ``path`` is not there for Flux."""
        hidden = self._hidden.get(path)
        if hidden is None:
            hidden = self._hidden[path] = self._hides(path)
        return hidden

    def _hides(self, path: str) -> bool:
        if self.only and not path.startswith(self.only):
            return True
        return next((not pattern.includes for pattern in reversed(self.patterns) if pattern.matches(path)), False)


def rules(tree: FileTree, source: Tree) -> IgnoreRules:
    """What is left out of a source of ``tree``. ``source`` is the ``spec`` of its ``GitRepository``, as far as known: its
    ``ignore`` comes over all files.
    """
    only = texts(source.get("sparseCheckout"))
    files = sorted(tree.under(f"**/{NAME}"), key=lambda path: path.split("/")[:-1])
    ignore_files = tuple((path, tree.read(path) or b"") for path in files if not only or path.startswith(only))
    return _rules(ignore_files, text(source.get("ignore")), only)


@lru_cache(maxsize=64)
def _rules(files: tuple[tuple[str, bytes], ...], ignore: str, only: tuple[str, ...]) -> IgnoreRules:
    """The same rules for the same words: they remember what they said of each path."""
    own_patterns = [
        pattern
        for path, data in files
        for pattern in _patterns(data.decode("utf-8", "replace"), path.rpartition("/")[0])
    ]
    own_patterns += _patterns(ignore, "")
    defaults = _GIT if own_patterns else (*_GIT, *_DEFAULT)
    return IgnoreRules((*map(IgnorePattern.of, defaults), *own_patterns), only)


def _patterns(raw_line: str, domain: str) -> Iterator[IgnorePattern]:
    lines: Iterable[str] = (line.removesuffix("\r") for line in raw_line.split("\n"))
    return (IgnorePattern.of(line, domain) for line in lines if line.strip() and not line.startswith("#"))


def artifact(tree: FileTree, source: Tree) -> SiftedTree:
    """``tree`` as far as Flux has it."""
    return SiftedTree.over(tree, rules(tree, source).hides)


@dataclass(frozen=True, slots=True)
class SiftedTree(FileTree):
    """A tree without the files that ``hides`` names. What is laid over it is there in any case."""

    unsifted: FileTree = field(default_factory=lambda: FileTree({}, lambda _blob: b""), compare=False, repr=False)
    hides: Callable[[str], bool] = field(default=lambda _path: False, compare=False, repr=False)
    laid: frozenset[str] = frozenset()

    @staticmethod
    def over(tree: FileTree, hides: Callable[[str], bool], mounted: frozenset[str] = frozenset()) -> SiftedTree:
        """``tree``, sifted."""
        return SiftedTree(
            tree.blobs, tree.load, tree.changed, [], {}, tree.upstream, tree.revision, tree.links, tree, hides, mounted
        )

    def _is_hidden(self, path: object) -> bool:
        return isinstance(path, str) and path not in self.laid and self.hides(path)

    def __contains__(self, path: object) -> bool:
        return not self._is_hidden(path) and path in self.unsifted

    def under(self, folder: str) -> list[str]:
        """As :meth:`FileTree.under`, without what is hidden."""
        return [path for path in self.unsifted.under(folder) if not self._is_hidden(path)]

    def read(self, path: str) -> bytes | None:
        """As :meth:`FileTree.read`; None for what is hidden."""
        return None if self._is_hidden(path) else self.unsifted.read(path)

    def id_of(self, path: str) -> str | None:
        """As :meth:`FileTree.id_of`; None for what is hidden."""
        return None if self._is_hidden(path) else self.unsifted.id_of(path)

    def with_changes(self, changed: Mapping[str, bytes | None]) -> SiftedTree:
        """As :meth:`FileTree.with_changes`."""
        return SiftedTree.over(self.unsifted.with_changes(changed), self.hides, self.laid | set(changed))

    def with_mounted(self, folder: str, mounted_tree: FileTree) -> SiftedTree:
        """As :meth:`FileTree.with_mounted`: nothing says anything of files that come from elsewhere."""
        mounted = self.laid.union(f"{folder}/{path}" for path in mounted_tree.under(""))
        return SiftedTree.over(self.unsifted.with_mounted(folder, mounted_tree), self.hides, mounted)

    def with_upstream(self, upstream: Ask) -> SiftedTree:
        """As :meth:`FileTree.with_upstream`."""
        return SiftedTree.over(self.unsifted.with_upstream(upstream), self.hides, self.laid)

    def ask(self, request: UpstreamRequest) -> UpstreamFiles | NotFetched:
        """As :meth:`FileTree.ask`."""
        return self.unsifted.ask(request)

    def is_meant(self, request: UpstreamRequest) -> bool:
        """As :meth:`FileTree.is_meant`."""
        return self.unsifted.is_meant(request)
