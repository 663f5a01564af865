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
from bot.targets.documents import Documents, ManifestDocument
from bot.targets.paths import is_remote, joined
from bot.targets.signs import KUSTOMIZATIONS

_DEEPEST: Final = 64


class Refers(Enum):
    """What a field's text may name."""

    RESOURCE = "resource"
    """A file, a folder with a kustomization, or something remote."""
    FILE = "file"


@dataclass(frozen=True, slots=True)
class KustomizationReference:
    """One path that a kustomization names. ``origin`` is the field it stands in."""

    text: str
    refers: Refers
    origin: str


@dataclass(frozen=True, slots=True)
class DanglingReference:
    """A reference that leads to no file of the repository, and from which file it starts."""

    text: str
    file: str
    line: int


@dataclass(slots=True)
class KustomizationFiles:
    """What a kustomization is made from. ``folders`` are the kustomizations in it, itself first, in the order of reading."""

    files: set[str] = field(default_factory=set)
    folders: dict[str, str] = field(default_factory=dict)
    """Each folder's kustomization file."""
    remote: list[DanglingReference] = field(default_factory=list)
    missing: list[DanglingReference] = field(default_factory=list)
    outside: list[DanglingReference] = field(default_factory=list)
    cycle: DanglingReference | None = None
    """The first reference that leads back to a folder that is being built."""
    charts: set[str] = field(default_factory=set)
    """The files of Helm charts that are inflated somewhere in it; they are among ``files`` too."""
    chart_folders: set[str] = field(default_factory=set)


def file_of(documents: Documents, folder: str) -> str | None:
    """The kustomization file of a folder; None when it has none."""
    return next((path for path in _candidates(folder) if path in documents.tree), None)


def _candidates(folder: str) -> Iterator[str]:
    yield from (f"{folder}/{name}" if folder else name for name in KUSTOMIZATIONS)


def folders(documents: Documents) -> list[str]:
    """Every folder that has a kustomization, sorted."""
    return sorted({path.rpartition("/")[0] for path in documents.tree if path.rpartition("/")[2] in KUSTOMIZATIONS})


def closure(documents: Documents, folder: str) -> KustomizationFiles:
    """The files that building ``folder`` reads, and what it names that is not there."""
    result = KustomizationFiles()
    _collect(documents, folder, result, ())
    return result


def references(tree: Tree) -> Iterator[KustomizationReference]:
    """Every path that one kustomization names."""
    for name in ("resources", "bases", "components"):
        yield from (KustomizationReference(text, Refers.RESOURCE, name) for text in _texts(tree.get(name)))
    for name in ("generators", "transformers", "validators"):
        yield from (KustomizationReference(t, Refers.RESOURCE, name) for t in _texts(tree.get(name)) if "\n" not in t)
    for name in ("crds", "configurations", "patchesStrategicMerge"):
        yield from (KustomizationReference(t, Refers.FILE, name) for t in _texts(tree.get(name)) if "\n" not in t)
    for name in ("patches", "patchesJson6902", "replacements"):
        for entry in _mappings(tree.get(name)):
            if isinstance(path := entry.get("path"), str):
                yield KustomizationReference(path, Refers.FILE, name)
    if isinstance(openapi := tree.get("openapi"), Mapping) and isinstance(path := openapi.get("path"), str):
        yield KustomizationReference(path, Refers.FILE, "openapi")
    for name in ("configMapGenerator", "secretGenerator"):
        for entry in _mappings(tree.get(name)):
            yield from _generated(entry, name)
    for entry in _mappings(tree.get("helmCharts")):
        files = [entry.get("valuesFile"), *_texts(entry.get("additionalValuesFiles"))]
        yield from (KustomizationReference(t, Refers.FILE, "helmCharts") for t in files if isinstance(t, str))


def _generated(entry: Tree, origin: str) -> Iterator[KustomizationReference]:
    """``files`` are ``path`` or ``key=path``; ``envs`` and the older ``env`` are files of ``KEY=value`` lines."""
    for text in _texts(entry.get("files")):
        yield KustomizationReference(text.partition("=")[2] or text, Refers.FILE, origin)
    envs = [*_texts(entry.get("envs")), *_texts([entry.get("env")])]
    yield from (KustomizationReference(text, Refers.FILE, origin) for text in envs)


def configured(tree: Tree) -> Iterator[KustomizationReference]:
    """Every path in the configuration of a built-in generator or transformer. They are relative to the folder of the
    kustomization that lists it (kubectl.docs.kubernetes.io, "Builtin Plugins").
    """
    kind = str(tree.get("kind"))
    yield from _generated(tree, kind)
    for key in ("path", "valuesFile"):
        yield from (KustomizationReference(text, Refers.FILE, kind) for text in _texts([tree.get(key)]))
    for key in ("paths", "additionalValuesFiles"):
        yield from (
            KustomizationReference(text, Refers.FILE, kind) for text in _texts(tree.get(key)) if "\n" not in text
        )
    for entry in _mappings(tree.get("replacements")):
        yield from (KustomizationReference(text, Refers.FILE, kind) for text in _texts([entry.get("path")]))


def _collect(documents: Documents, folder: str, into: KustomizationFiles, above: tuple[str, ...]) -> None:
    file = file_of(documents, folder)
    if folder in into.folders or file is None or len(above) > _DEEPEST:
        return
    into.folders[folder] = file
    into.files.update(path for path in _candidates(folder) if path in documents.tree)  # two of them: kustomize says so
    for document in documents.of(file):
        for reference in references(document.tree):
            path = joined(folder, reference.text)
            if path is not None and reference.refers is Refers.RESOURCE and path not in documents.tree:
                if path in (*above, folder) and into.cycle is None:
                    into.cycle = DanglingReference(reference.text, file, document.line)
                _collect(documents, path, into, (*above, folder))
            _note(documents, document, path, reference, into)
        for plugin in _plugins(documents, folder, document.tree):
            for reference in configured(plugin):
                _note(documents, document, joined(folder, reference.text), reference, into)
        for entry in _mappings(document.tree.get("helmCharts")):
            if (chart := chart_folder(folder, document.tree, entry)) is not None:
                into.charts.update(documents.tree.under(chart))
                into.chart_folders.add(chart)
    into.files |= into.charts


def _plugins(documents: Documents, folder: str, tree: Tree) -> Iterator[Tree]:
    """The configurations of generators, transformers and validators that stand in files of their own or in the
    kustomization itself.
    """
    for name in ("generators", "transformers", "validators"):
        for text in _texts(tree.get(name)):
            if "\n" in text:
                yield from documents.inline(text)
            elif (path := joined(folder, text)) is not None:
                yield from (document.tree for document in documents.of(path))


def chart_folder(folder: str, tree: Tree, entry: Tree) -> str | None:
    """Where an entry of ``helmCharts`` looks for its chart before it would fetch one (``absChartHome`` in kustomize's
    ``HelmChartInflationGenerator.go``). None where that is outside of the repository.
    """
    settings, name = tree.get("helmGlobals"), entry.get("name")
    home = settings.get("chartHome") if isinstance(settings, Mapping) else None
    home = home if isinstance(home, str) and home else "charts"
    if entry.get("version") and entry.get("repo"):
        home = f"{home}/{name}-{entry['version']}"
    return joined(folder, f"{home}/{name}")


def _note(
    documents: Documents,
    source: ManifestDocument,
    path: str | None,
    reference: KustomizationReference,
    into: KustomizationFiles,
) -> None:
    """What became of one reference that starts in ``source``: a file, a kustomization, something remote, nothing."""
    dangling = DanglingReference(reference.text, source.file, source.line)
    if path is not None and path in documents.tree:
        into.files.add(path)
    elif path in into.folders and reference.refers is Refers.RESOURCE:
        return
    elif is_remote(reference.text):
        into.remote.append(dangling)
    elif path is None:
        into.outside.append(dangling)
    else:
        into.missing.append(dangling)


def _texts(value: JSON) -> list[str]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [element for element in value if isinstance(element, str)]


def _mappings(value: JSON) -> list[Tree]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [element for element in value if isinstance(element, Mapping)]
