"""A chart of the repository as the files that Helm loads: its folder, and the dependencies that lie elsewhere in it.

Sources: Helm docs, "Charts" (the chart file structure, "Chart Dependencies", "Tags and Condition fields in
dependencies"); ``ProcessDependencies`` in helm's ``pkg/chart/v2/util/dependencies.go``.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from bot.errors import Invalid
from bot.model.filetree import FileTree
from bot.model.json import JSON, Tree, get, mapping, mappings, text, texts
from bot.model.semver import parse_constraint, parse_version
from bot.model.target import NotCompared
from bot.model.upstream import NotFetched
from bot.renderers import values
from bot.renderers.objects import as_json
from bot.targets.documents import Documents, ManifestDocument
from bot.targets.paths import is_below, joined
from bot.targets.upstream import dependency_request

ARCHIVES: Final = (".tgz", ".tar.gz")
"""How packed charts end (``isArchive`` and ``LoadFile`` in Helm)."""
_METADATA: Final = ("Chart.yaml", "Chart.yml")
_DEEPEST: Final = 8
_CHANGING: Final = re.compile(
    rb"\{\{[^}]*\b(?:rand(?:Alpha|Numeric|Ascii|AlphaNum|Bytes|Int)|gen(?:CA|SelfSignedCert|SignedCert|PrivateKey)\w*|uuidv4"
    rb"|now|date|htpasswd|bcrypt|encryptAES|shuffle|getHostByName|keys|values)\b"
)
"""Functions of templates that answer differently each time (Helm docs, "Template Function List"; Masterminds/sprig docs).
``keys`` and ``values`` list in no order."""


@dataclass(frozen=True, slots=True)
class Chart:
    """What is written to disk for Helm. ``files`` are names below the chart's folder to repository paths; ``written`` are
    files of other contents than the repository's.
    """

    folder: str
    name: str
    files: Mapping[str, str]
    written: Mapping[str, bytes] = field(default_factory=dict)
    changing: bool = False
    """Whether rendering it twice may give two results."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """The folder names of dependencies by what templates of theirs are called after."""

    @property
    def packed(self) -> bool:
        """Whether it is an archive, which Helm opens itself."""
        return self.folder.endswith(ARCHIVES)

    def id(self, tree: FileTree) -> str:
        """A digest of all that Helm would load."""
        parts = [f"{name}\0{tree.id_of(path)}" for name, path in self.files.items() if name not in self.written]
        parts += [f"{name}\0{hashlib.sha256(data).hexdigest()}" for name, data in self.written.items()]
        return hashlib.sha256("\0\0".join(sorted(parts)).encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def without(self, name: str) -> Chart:
        """The chart without its file of that name, and those of the charts in it that are not packed."""
        remaining = {path: source for path, source in self.files.items() if posixpath.basename(path) != name}
        return replace(self, files=remaining)

    def contents(self, tree: FileTree) -> Mapping[str, bytes]:
        """The bytes of every file."""
        read = {name: tree.read(path) or b"" for name, path in self.files.items() if name not in self.written}
        return {**read, **self.written}

    def source(self, template: str) -> str | None:
        """The repository path of ``CHART/templates/x.yaml``, as Helm names it; of an archive where it lies in one."""
        if self.packed:
            return self.folder
        name = template.partition("/")[2]
        home, alias, below = name.partition("/")[0], *name.partition("/")[2].partition("/")[::2]
        if home == "charts" and alias in self.aliases and name not in self.files:
            name = f"charts/{self.aliases[alias]}/{below}"
        if name in self.files:
            return self.files[name]
        parts = name.split("/")
        for depth in range(len(parts) - 1, 1, -1):  # charts/NAME/templates/x.yaml out of charts/NAME-1.2.3.tgz
            before = "/".join(parts[:depth]) + "-"
            archive = next((n for n in self.files if n.startswith(before) and n.endswith(ARCHIVES)), None)
            if archive is not None:
                return self.files[archive]
        return None


def metadata(tree: FileTree, folder: str) -> str | None:
    """The ``Chart.yaml`` of a folder; None where there is none."""
    return next((path for name in _METADATA if (path := posixpath.join(folder, name)) in tree), None)


def chart(
    documents: Documents, folder: str, given_values: Tree, *, defaults: bytes | None = None
) -> Chart | NotCompared:
    """The chart in ``folder``, or what of it is not in this repository. ``given_values`` are the values of the release: they
    may switch a dependency off. ``defaults`` takes the place of its ``values.yaml``.
    """
    return _chart(documents, folder, given_values, defaults, 0)


def _chart(
    documents: Documents, folder: str, given_values: Tree, defaults: bytes | None, depth: int
) -> Chart | NotCompared:
    tree = documents.tree
    if folder.endswith(ARCHIVES) and folder in tree:
        return _archive(folder, defaults)
    file = metadata(tree, folder)
    if file is None:
        return NotCompared("", f"there is no chart at {folder or '.'}")
    if (error := documents.error(file)) is not None:
        return NotCompared("", error.message, file, error.line)
    about = next((document for document in documents.of(file)), None)
    listing = _listing(documents, folder, about)
    dependencies = [] if listing is None else list(mappings(listing.tree.get("dependencies")))
    files = {posixpath.relpath(path, folder or "."): path for path in tree.under(folder)}
    chart_files: dict[str, bytes] = {} if defaults is None else {"values.yaml": defaults}
    aliases: dict[str, str] = {}
    missing: list[Tree] = []
    changing = False
    for dependency in dependencies:
        name, alias = text(dependency.get("name")), text(dependency.get("alias"))
        aliases |= {alias: name} if alias else {}
        if _is_vendored(files, name, alias):
            continue
        vendored = _beside(documents, folder, dependency, depth)
        if isinstance(vendored, Chart):
            files.update({f"charts/{name}/{below}": path for below, path in vendored.files.items()})
            chart_files.update({f"charts/{name}/{below}": data for below, data in vendored.written.items()})
        elif _is_off(dependency, folder, given_values, defaults, documents):
            missing.append(dependency)
        elif isinstance(vendored, NotCompared):
            return vendored
        else:
            fetched = _fetched(documents, folder, dependency, depth)
            if isinstance(fetched, NotCompared):
                spot = (file, 1) if listing is None else (listing.file, listing.line)
                return replace(fetched, file=spot[0], line=spot[1])
            chart_files.update({f"charts/{alias or name}/{below}": data for below, data in fetched.contents.items()})
            changing = changing or fetched.changing
    if missing and listing is not None:  # as if it did not need what is off: Helm would ask for it all the same
        available = [needed_chart for needed_chart in dependencies if needed_chart not in missing]
        chart_files[posixpath.basename(listing.file)] = as_json({**listing.tree, "dependencies": available}).encode()
    changing = changing or _is_changing(tree, files.items())
    return Chart(folder, text(about.tree.get("name")) if about else "", files, chart_files, changing, aliases)


def _archive(path: str, defaults: bytes | None) -> Chart | NotCompared:
    """A packed chart. Nobody looks into it, so other defaults cannot take the place of its own."""
    if defaults is not None:
        return NotCompared("", f"the chart {path} is packed, and valuesFiles of a packed chart are not read", path, 1)
    return Chart(path, "", {posixpath.basename(path): path}, changing=True)


def _listing(documents: Documents, folder: str, about: ManifestDocument | None) -> ManifestDocument | None:
    """The document that lists a chart's dependencies: one of the older form has a file of its own for them (Helm docs,
    "Charts", ``apiVersion``; ``requirements.yaml``).
    """
    if about is None or about.tree.get("apiVersion") != "v1" or "dependencies" in about.tree:
        return about
    return next(iter(documents.of(posixpath.join(folder, "requirements.yaml"))), about)


def _is_vendored(files: Iterable[str], name: str, alias: str) -> bool:
    """Whether a dependency lies in the chart's ``charts`` folder, unpacked or packed."""
    homes = [f"charts/{folder_name}" for folder_name in {name, alias} if folder_name]
    return any(is_below(path, home) or path.startswith(f"{home}-") for path in files for home in homes)


def _beside(documents: Documents, folder: str, dependency: Tree, depth: int) -> Chart | NotCompared | None:
    """The chart that a dependency names by a ``file://`` path; None where it names none that is in the repository."""
    repository = text(dependency.get("repository"))
    path = joined(folder, repository.removeprefix("file://")) if repository.startswith("file://") else None
    if path is None or depth >= _DEEPEST or metadata(documents.tree, path) is None or is_below(folder, path):
        return None
    return _chart(documents, path, {}, None, depth + 1)


@dataclass(frozen=True, slots=True)
class _Fetched:
    contents: Mapping[str, bytes]
    changing: bool


def _fetched(documents: Documents, folder: str, dependency: Tree, depth: int) -> _Fetched | NotCompared:
    """A dependency from where it is published, in the version of its lock where that names it."""
    name = text(dependency.get("name"))
    problem = f"its chart needs {name}, which is not in its charts folder"
    lock = _lock(documents, folder)
    locked = {} if lock is None else _locked(lock)
    constraint = parse_constraint(text(dependency.get("version")) or "*")
    locked_version = parse_version(locked.get(name, ""))
    if (
        lock is not None
        and locked_version is not None
        and constraint is not None
        and not constraint.takes(locked_version)
    ):
        lock_problem = f"{posixpath.basename(lock.file)} holds another version than it asks for"
        return NotCompared("", f"{problem}, and {lock_problem} (helm dependency update)")
    request = dependency_request(dependency, locked)
    if request is None or depth >= _DEEPEST:
        return NotCompared("", f"{problem}; its repository cannot be asked (helm dependency update)")
    answer = documents.tree.ask(request)
    if isinstance(answer, NotFetched):
        return NotCompared("", f"{problem} and is not fetched: {answer.reason}", again=answer.again)
    tree = answer.tree.with_upstream(documents.tree.ask)
    inner = _chart(documents.on(tree), "", {}, None, depth + 1)
    if isinstance(inner, NotCompared):
        return replace(inner, reason=f"{problem}; of {answer.source}: {inner.reason}")
    return _Fetched(inner.contents(tree), inner.changing)


def _lock(documents: Documents, folder: str) -> ManifestDocument | None:
    """The document that holds what ``helm dependency build`` takes, by the name that it has beside either listing."""
    names = ("Chart.lock", "requirements.lock")
    return next((document for name in names for document in documents.of(posixpath.join(folder, name))), None)


def _locked(lock: ManifestDocument) -> Mapping[str, str]:
    """The versions that a lock holds, by name (Helm docs, "Helm Dependency Build")."""
    return {
        text(dependency.get("name")): text(dependency.get("version"))
        for dependency in mappings(lock.tree.get("dependencies"))
    }


def _is_off(dependency: Tree, folder: str, given_values: Tree, defaults: bytes | None, documents: Documents) -> bool:
    """Whether ``condition``, else ``tags``, switch a dependency off: the first condition that is there decides."""
    default_values = defaults if defaults is not None else documents.tree.read(posixpath.join(folder, "values.yaml"))
    try:
        merged = values.merged(values.read("values.yaml", default_values or b""), given_values)
    except Invalid:
        return False
    for path in text(dependency.get("condition")).split(","):
        value: JSON = get(merged, *path.strip().split("."))
        if isinstance(value, bool):
            return not value
    tags = [mapping(merged.get("tags")).get(tag) for tag in texts(dependency.get("tags"))]
    return False in tags and True not in tags


def _is_changing(tree: FileTree, files: Iterable[tuple[str, str]]) -> bool:
    """Whether a template may answer differently each time. Nobody looks into archives: then it may."""
    return any(
        name.endswith(ARCHIVES) or ("templates/" in name and _CHANGING.search(tree.read(path) or b""))
        for name, path in files
    )
