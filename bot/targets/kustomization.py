"""Kustomizations read as data: the files that one is made from, and the others that it refers to.

Fields are those of the kustomization file's reference (kubectl.docs.kubernetes.io, "The Kustomization File") and of
``api/types/kustomization.go`` in kubernetes-sigs/kustomize, deprecated ones included: they still work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from bot.model.json import JSON, Tree
from bot.targets.documents import Document, Documents
from bot.targets.paths import is_remote, joined

FILE_NAMES: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""In the order in which kustomize looks for them; more than one in a folder is an error of its own."""

_DEEPEST: Final = 64


class Refers(Enum):
    """What a field's text may name."""

    RESOURCE = "resource"
    """A file, a folder with a kustomization, or something remote."""
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Reference:
    """One path that a kustomization names. ``origin`` is the field it stands in."""

    text: str
    refers: Refers
    origin: str


@dataclass(frozen=True, slots=True)
class Lost:
    """A reference that leads to no file of the repository, and from which file it starts."""

    text: str
    file: str
    line: int


@dataclass(slots=True)
class Closure:
    """What a kustomization is made from. ``folders`` are the kustomizations in it, itself first."""

    files: set[str] = field(default_factory=set)
    folders: list[str] = field(default_factory=list)
    remote: list[Lost] = field(default_factory=list)
    missing: list[Lost] = field(default_factory=list)
    outside: list[Lost] = field(default_factory=list)
    charts: bool = False
    """Whether Helm charts are inflated somewhere in it."""


def file_of(documents: Documents, folder: str) -> str | None:
    """The kustomization file of a folder; None when it has none."""
    for name in FILE_NAMES:
        path = f"{folder}/{name}" if folder else name
        if path in documents.tree:
            return path
    return None


def folders(documents: Documents) -> list[str]:
    """Every folder that has a kustomization, sorted."""
    return sorted({path.rpartition("/")[0] for path in documents.tree if path.rpartition("/")[2] in FILE_NAMES})


def closure(documents: Documents, folder: str) -> Closure:
    """The files that building ``folder`` reads, and what it names that is not there."""
    result = Closure()
    _collect(documents, folder, result, 0)
    return result


def references(tree: Tree) -> Iterator[Reference]:
    """Every path that one kustomization names."""
    for name in ("resources", "bases", "components"):
        yield from (Reference(text, Refers.RESOURCE, name) for text in _texts(tree.get(name)))
    for name in ("generators", "transformers", "validators"):
        yield from (Reference(t, Refers.RESOURCE, name) for t in _texts(tree.get(name)) if "\n" not in t)
    for name in ("crds", "configurations", "patchesStrategicMerge"):
        yield from (Reference(t, Refers.FILE, name) for t in _texts(tree.get(name)) if "\n" not in t)
    for name in ("patches", "patchesJson6902", "replacements"):
        for entry in _mappings(tree.get(name)):
            if isinstance(path := entry.get("path"), str):
                yield Reference(path, Refers.FILE, name)
    if isinstance(openapi := tree.get("openapi"), Mapping) and isinstance(path := openapi.get("path"), str):
        yield Reference(path, Refers.FILE, "openapi")
    for name in ("configMapGenerator", "secretGenerator"):
        for entry in _mappings(tree.get(name)):
            yield from _generated(entry, name)
    for entry in _mappings(tree.get("helmCharts")):
        files = [entry.get("valuesFile"), *_texts(entry.get("additionalValuesFiles"))]
        yield from (Reference(t, Refers.FILE, "helmCharts") for t in files if isinstance(t, str))


def _generated(entry: Tree, origin: str) -> Iterator[Reference]:
    """``files`` are ``path`` or ``key=path``; ``envs`` and the older ``env`` are files of ``KEY=value`` lines."""
    for text in _texts(entry.get("files")):
        yield Reference(text.partition("=")[2] or text, Refers.FILE, origin)
    envs = [*_texts(entry.get("envs")), *_texts([entry.get("env")])]
    yield from (Reference(text, Refers.FILE, origin) for text in envs)


def _collect(documents: Documents, folder: str, into: Closure, depth: int) -> None:
    if folder in into.folders or depth > _DEEPEST:
        return
    file = file_of(documents, folder)
    if file is None:
        return
    into.folders.append(folder)
    into.files.add(file)
    for document in documents.of(file):
        for reference in references(document.tree):
            path = joined(folder, reference.text)
            if path is not None and reference.refers is Refers.RESOURCE and path not in documents.tree:
                _collect(documents, path, into, depth + 1)
            _note(documents, document, path, reference, into)
        for chart in _charts(document.tree):
            into.charts = True
            into.files.update(documents.tree.under(joined(folder, chart) or "\0"))


def _charts(tree: Tree) -> Iterator[str]:
    """Folders in which ``helmCharts`` looks for charts that are already there (``helmGlobals.chartHome``)."""
    settings = tree.get("helmGlobals")
    home = settings.get("chartHome") if isinstance(settings, Mapping) else None
    for entry in _mappings(tree.get("helmCharts")):
        if isinstance(name := entry.get("name"), str):
            yield f"{home if isinstance(home, str) else 'charts'}/{name}"
            yield f"{home if isinstance(home, str) else 'charts'}/{name}-{entry.get('version')}"


def _note(documents: Documents, source: Document, path: str | None, reference: Reference, into: Closure) -> None:
    """What became of one reference that starts in ``source``: a file, a kustomization, something remote, nothing."""
    lost = Lost(reference.text, source.file, source.line)
    if path is not None and path in documents.tree:
        into.files.add(path)
    elif path in into.folders and reference.refers is Refers.RESOURCE:
        return
    elif is_remote(reference.text):
        into.remote.append(lost)
    elif path is None:
        into.outside.append(lost)
    else:
        into.missing.append(lost)


def _texts(value: JSON) -> list[str]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [element for element in value if isinstance(element, str)]


def _mappings(value: JSON) -> list[Tree]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [element for element in value if isinstance(element, Mapping)]
