"""What Compose files and Terraform modules name beside themselves: files that take part in what is deployed from them.

Called by ``clockwork build``, whose bundle holds them, and before Compose is applied from a checkout, whose files must be those
of the commit. Pure. Sources: the Compose specification ("Services": env_file, label_file, extends, volumes, build; "Configs";
"Secrets"; "Include"); the Terraform language ("Module sources", "Filesystem functions", "Variable definitions files",
"Dependency lock file").
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import yaml

from bot.model.json import JSON, Tree, elements, get, mapping, mappings, text

_MOST_STEPS: Final = 50
# Terraform docs, "Files and configuration structure", "Dependency lock file".
_TERRAFORM: Final = (".tf", ".tf.json", ".tfvars", ".tfvars.json", ".terraform.lock.hcl")
_MODULE: Final = re.compile(
    r'^\s*module\s+"[^"]*"\s*\{.*?^\s*source\s*=\s*"(?P<source>[^"]*)"', re.MULTILINE | re.DOTALL
)
_FUNCTION: Final = re.compile(
    r"\b(?:file|templatefile|filebase64|filebase64gzip|filemd5|filesha1|filesha256|filesha512|filebase64sha256|filebase64sha512)"
    r'\(\s*"(?P<path>[^"]*)"'
)
_HOST: Final = "it is a path of the host"
_OUTSIDE: Final = "it lies outside the repository"
_FILLED_IN: Final = "its path is filled in while it is deployed"
_ABSENT: Final = "it is not in the commit"


class NotHeld(NamedTuple):
    """Something that a file names and that is not in the commit, and why in a few words."""

    name: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class CommitFiles:
    """The files of one commit: their paths, and what reads one."""

    paths: frozenset[str]
    read: Callable[[str], bytes | None]

    def below(self, folder: str) -> list[str]:
        """The files in a folder and its folders."""
        return sorted(path for path in self.paths if not folder or path.startswith(f"{folder}/"))


@dataclass
class DeployedInputs:
    """Collects what is named; ``files`` are paths of the commit."""

    commit: CommitFiles
    files: set[str] = field(default_factory=set)
    not_held: set[NotHeld] = field(default_factory=set)

    def compose(self, files: Sequence[str], folder: str, env_files: Sequence[str] | None) -> None:
        """What the Compose project of ``files`` is made of; relative paths start from ``folder``."""
        for path in (posixpath.join(folder, ".env"),) if env_files is None else env_files:
            if path in self.commit.paths:
                self.files.add(path)
        for path in files:
            self._compose_file(path, folder, _MOST_STEPS)

    def _compose_file(self, path: str, folder: str, steps: int) -> None:
        data = self.commit.read(path) if path in self.commit.paths else None
        if data is None or not steps:
            return
        self.files.add(path)
        tree = _tree(data)
        for name, reason in _named(tree):
            self._take(name, folder, path, reason)
        for name, start in (*_included(tree), *_extended(tree)):
            problem = self._take(name, folder, path, "")
            if problem is not None and problem != path:
                inner = (
                    posixpath.dirname(problem) if start is None else posixpath.normpath(posixpath.join(folder, start))
                )
                self._compose_file(problem, inner, steps - 1)

    def terraform(self, folder: str) -> None:
        """What the root module in ``folder`` is made of: its files, its modules, and what its functions read."""
        waiting, visited = [folder], {folder}
        while waiting:
            current = waiting.pop()
            for path in self.commit.below(current):
                if posixpath.dirname(path) != current or not path.endswith(_TERRAFORM):
                    continue
                self.files.add(path)
                file_text = (self.commit.read(path) or b"").decode("utf-8", "replace")
                for match in _FUNCTION.finditer(file_text):
                    self._function(match["path"], current, folder, path)
                for module in self._modules(file_text, current, path):
                    if module not in visited:
                        visited.add(module)
                        waiting.append(module)

    def _function(self, name: str, module: str, root: str, by: str) -> None:
        for prefix, start in (("${path.module}/", module), ("${path.root}/", root), ("${path.cwd}/", root)):
            if name.startswith(prefix):
                self._take(name.removeprefix(prefix), start, by, "")
                return
        self._take(name, root, by, "")

    def _modules(self, file_text: str, current: str, by: str) -> Iterator[str]:
        for match in _MODULE.finditer(file_text):
            source = match["source"]
            if not source.startswith(("./", "../")):
                self.not_held.add(NotHeld(source, by, "a module of another place, which terraform init fetches"))
                continue
            folder = posixpath.normpath(posixpath.join(current, source))
            folder = "" if folder == "." else folder
            if folder.startswith("..") or not self.commit.below(folder):
                self.not_held.add(NotHeld(source, by, _OUTSIDE if folder.startswith("..") else _ABSENT))
            else:
                yield folder

    def _take(self, name: str, folder: str, by: str, cause: str) -> str | None:
        """Add what ``name`` is in the commit, a file or all of a folder; the file's path."""
        path = posixpath.normpath(posixpath.join(folder, name))
        if cause or "$" in name or name.startswith(("/", "~")) or path.startswith(".."):
            reason = cause or (_FILLED_IN if "$" in name else _HOST if name.startswith(("/", "~")) else _OUTSIDE)
            self.not_held.add(NotHeld(name, by, reason))
            return None
        if path in self.commit.paths:
            self.files.add(path)
            return path
        below = self.commit.below("" if path == "." else path)
        self.files.update(below)
        if not below:
            self.not_held.add(NotHeld(name, by, _ABSENT))
        return None


class _Loader(yaml.SafeLoader):
    """Takes Compose's own tags (``!reset``, ``!override``) for what they stand before."""


def _plainly(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> object:
    match node:
        case yaml.MappingNode():
            return loader.construct_mapping(node, deep=True)
        case yaml.SequenceNode():
            return loader.construct_sequence(node, deep=True)
        case _:
            return node.value


_Loader.add_multi_constructor("!", _plainly)


def _tree(data: bytes) -> Tree:
    """The first document; nothing where it cannot be read, which intake tells."""
    try:
        for document in yaml.load_all(data, Loader=_Loader):
            return mapping(document)
    except (yaml.YAMLError, ValueError, RecursionError):
        pass
    return {}


def _named(tree: Tree) -> Iterator[tuple[str, str]]:
    """Names of files and folders, with why such a thing is never held (empty: it is)."""
    for service in mappings(list(mapping(tree.get("services")).values())):
        yield from ((name, "") for name in (*_env_files(service), *_mounted(service)))
        if context := text(service.get("build")) or text(get(mapping(service.get("build")), "context")):
            yield context, "a build context: the image that is built from it is not held"
    for section in ("configs", "secrets"):
        for entry in mappings(list(mapping(tree.get(section)).values())):
            if name := text(entry.get("file")):
                yield name, ""


def _env_files(service: Tree) -> Iterator[str]:
    for key in ("env_file", "label_file"):
        for entry in _listed(service.get(key)):
            yield text(entry) or text(mapping(entry).get("path"))


def _mounted(service: Tree) -> Iterator[str]:
    """What is mounted of a folder or file, and of no volume."""
    for entry in _listed(service.get("volumes")):
        volume = mapping(entry)
        source = text(volume.get("source")) or text(entry).partition(":")[0]
        if volume.get("type") == "bind" or (not volume and source.startswith((".", "/", "~", "$"))):
            yield source


def _included(tree: Tree) -> Iterator[tuple[str, str | None]]:
    """The files that are included, with the folder that relative paths of theirs start from, where they name one."""
    for entry in _listed(tree.get("include")):
        start = text(mapping(entry).get("project_directory")) or None
        names = [text(entry), *map(text, _listed(mapping(entry).get("path")))]
        names += map(text, _listed(mapping(entry).get("env_file")))
        yield from ((name, start) for name in names if name)


def _extended(tree: Tree) -> Iterator[tuple[str, str | None]]:
    for service in mappings(list(mapping(tree.get("services")).values())):
        if name := text(get(service, "extends", "file")):
            yield name, None


def _listed(value: JSON) -> Sequence[JSON]:
    if value is None:
        return ()
    return [value] if isinstance(value, (str, Mapping)) else elements(value)
