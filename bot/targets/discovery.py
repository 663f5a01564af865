"""Finds the targets of a repository from its files: Flux, Argo CD, kustomizations that nothing refers to, charts.

What a controller or another kustomization deploys is never deployed by itself, and what belongs to any of them (a base,
a values file, a chart's template) declares nothing by itself. What is left are plain files: those of the one unnamed
target.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.model.filetree import FileTree
from bot.model.json import Tree
from bot.model.resource import SourceError
from bot.model.target import NotCompared, RenderedObject, Target, Unit, UnitKind
from bot.targets import argo, argo_source, chart_folders, flux, kustomization, naming, plain_folders, sourceignore
from bot.targets.clusters import ArgoCluster
from bot.targets.documents import Documents, ManifestDocument
from bot.targets.flux import ObjectIndex
from bot.targets.kustomization import KustomizationFiles
from bot.targets.paths import is_below, joined
from bot.targets.signs import KUSTOMIZATIONS

_NOT_DEPLOYED: Final = frozenset(
    {"test", "tests", "testdata", "fixtures", "ci", "examples", "example", "docs", "vendor", ".github"}
)
"""Folders whose kustomizations and charts are there to be read or tested."""
_FLUX: Final = "flux:"
"""What the cluster of a target begins with that Flux deploys (:attr:`~bot.model.target.Target.cluster`)."""


@dataclass(frozen=True, slots=True)
class Named:
    """A target that settings name: where it lies, and how its charts are called and filled."""

    name: str
    path: str
    namespace: str = ""
    values: tuple[str, ...] = ()
    release: str = ""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a repository deploys. ``rendered`` are the files that some unit is made from: they declare nothing by themselves.

    ``own_urls`` are the repository's URLs, as they were given or as Flux's bootstrap wrote them.
    """

    targets: tuple[Target, ...] = ()
    rendered: frozenset[str] = frozenset()
    left_out: tuple[NotCompared, ...] = ()
    errors: tuple[SourceError, ...] = ()
    own_urls: tuple[str, ...] = ()


def discover(
    documents: Documents,
    *,
    named_targets: Sequence[Named] = (),
    own_urls: Sequence[str] = (),
    clusters: Mapping[str, ArgoCluster] | None = None,
) -> Discovery:
    """The targets of a repository. ``own_urls`` are its URLs, ``clusters`` what settings say of Argo CD's clusters."""
    return _Search(documents, tuple(named_targets), tuple(own_urls), clusters or {}).result()


@dataclass(slots=True)
class _Search:
    documents: Documents
    named: tuple[Named, ...]
    own_urls: tuple[str, ...]
    clusters: Mapping[str, ArgoCluster]
    targets: list[Target] = field(default_factory=list)
    rendered: set[str] = field(default_factory=set)
    left_out: list[NotCompared] = field(default_factory=list)
    claimed: set[str] = field(default_factory=set)
    """Folders that a controller, a setting or another kustomization deploys."""
    closures: dict[str, KustomizationFiles] = field(default_factory=dict)

    @property
    def tree(self) -> FileTree:
        return self.documents.tree

    def result(self) -> Discovery:
        for folder in kustomization.folders(self.documents):
            self.closures[folder] = kustomization.closure(self.documents, folder)
        for folder, closure in self.closures.items():
            self.rendered |= closure.files
            self.claimed.update(
                folder_path for folder_path in closure.folders if folder_path not in {folder, self._head(folder)}
            )
            self.claimed.update(closure.chart_folders)
        charts = chart_folders.folders(self.tree)
        for folder in charts:  # everything in them is a chart's and declares nothing by itself
            self.rendered.update(self.tree.under(folder))
        self._settings()
        self._flux()
        self._argo()
        self._roots()
        self._standalone(chart_folders.outermost(charts))
        self._plain()
        errors = [error for path in sorted(self.rendered) if path.endswith((".yaml", ".yml")) and self._is_kustomization(path)
                  and (error := self.documents.error(path)) is not None]  # fmt: skip
        return Discovery(
            naming.with_unique_names(self.targets),
            frozenset(self.rendered),
            tuple(self.left_out),
            tuple(errors),
            self.own_urls,
        )

    def _head(self, folder: str) -> str:
        """The first of the kustomizations that go round in a circle with this one, which it is itself without such: it
        stands for them, since each is a part of another.
        """
        around = (inner for inner in self.closures[folder].folders if inner in self.closures)
        return min((inner for inner in around if folder in self.closures[inner].folders), default=folder)

    def _is_kustomization(self, path: str) -> bool:
        return path.rpartition("/")[2] in KUSTOMIZATIONS

    # -- what settings name ---------------------------------------------------------------------------------------

    def _settings(self) -> None:
        for named_target in self.named:
            path = named_target.path.strip("/").removeprefix("./")
            unit = self._unit_at(path, named_target)
            if unit is None:
                self.targets.append(
                    Target(named_target.name, declared=True, namespace=named_target.namespace, paths=(path,))
                )
                continue
            self._claim(path)
            self.targets.append(Target(named_target.name, (unit,), declared=True, namespace=named_target.namespace))

    def _unit_at(self, path: str, named_target: Named) -> Unit | None:
        """What renders a folder that settings name; None for plain files."""
        origin = "clockwork.yaml"
        if chart_folders.is_chart(self.tree, path):
            spec: Tree = {
                "releaseName": named_target.release or named_target.name,
                "valueFiles": list(named_target.values),
                "values": {},
            }
            return Unit(UnitKind.HELM, named_target.name, path, named_target.namespace, spec, how=origin)
        if any(is_below(document.file, path) for document in self._flux_objects()):
            return Unit(UnitKind.FLUX_KUSTOMIZATION, named_target.name, path, named_target.namespace, how=origin)
        if kustomization.file_of(self.documents, path) is not None:
            return Unit(UnitKind.KUSTOMIZE, named_target.name, path, named_target.namespace, how=origin)
        return None

    # -- Flux -----------------------------------------------------------------------------------------------------

    def _flux_objects(self) -> list[ManifestDocument]:
        return [document for document in self._objects(flux.KUSTOMIZE_GROUP) if flux.is_kustomization(document.tree)]

    def _of_sources(self, objects: list[ManifestDocument]) -> list[ManifestDocument]:
        """Those in files that some source of the repository takes: what is left out of every artifact is not applied."""
        if not objects:
            return []
        repositories = [
            document for document in self._objects(flux.SOURCE_GROUP) if document.tree.get("kind") == "GitRepository"
        ]
        sources = [flux.source_filters(repository.tree) for repository in repositories] or [{}]
        rules = [sourceignore.rules(self.tree, source) for source in sources]
        return [document for document in objects if not all(rule.hides(document.file) for rule in rules)]

    def _objects(self, group: str) -> list[ManifestDocument]:
        return [
            document
            for document in self.documents.mentioning(group.encode())
            if document.tree.get("kind") and not chart_folders.is_in_chart(self.tree, document.file)
        ]

    def _flux(self) -> None:
        """One target for each place where Flux begins: the objects that no other object of Flux brings along."""
        objects = self._of_sources(self._flux_objects())
        if not objects:
            return
        sources = [*objects, *self._objects(flux.SOURCE_GROUP), *self._objects(flux.EXTENSIONS_GROUP)]
        near = self._flux_near(objects, sources)
        self.own_urls = self.own_urls or self._flux_own(objects, near)
        paths = self._flux_paths(objects, near)
        entries = self._flux_entries(objects, paths)
        unique_names = naming.names(entries)
        for folder, first in sorted(entries.items()):
            self._claim(folder)
            if any(is_below(folder, t.units[0].path) for t in self.targets if t.declared and t.units):
                continue
            itself = paths.get((first.file, first.index)) == folder
            self.targets.append(self._flux_target(folder, first, unique_names[folder], near if itself else None))
        for path in paths.values():
            self._claim(path)
        named_charts = [
            flux.text(document.tree, "spec", "chart", "spec", "chart") for document in self._objects(flux.HELM_GROUP)
        ]
        charts = [document for document in self._objects(flux.SOURCE_GROUP) if document.tree.get("kind") == "HelmChart"]
        for chart in (*named_charts, *(flux.text(document.tree, "spec", "chart") for document in charts)):
            charted = joined("", chart.lstrip("/")) if chart else None
            if charted is not None and chart_folders.file_of(self.tree, charted) is not None:
                self._claim(charted)

    def _flux_target(
        self, folder: str, first: ManifestDocument, name: str, near: Mapping[str | None, ObjectIndex] | None
    ) -> Target:
        """The cluster that begins at ``folder``. With ``near``, ``first`` deploys itself: it is the unit, unless it is not
        applied; and nothing is, where it is taken at another commit.
        """
        unit: Unit | NotCompared | None = None
        if near is not None:
            first_object, index = RenderedObject(first.tree, first.file, first.line), near[_cluster_folder(first.file)]
            if (problem := flux.not_read(first_object, index, self.tree)) is not None:
                self.left_out.append(problem)
                return Target(name, cluster=f"{_FLUX}{folder}")
            (unit,) = flux.kustomizations([first_object], index, self.tree, self.own_urls)
        if not isinstance(unit, Unit):
            origin = f"Flux, from {first.file}:{first.line}"
            unit = Unit(UnitKind.FLUX_KUSTOMIZATION, name, folder, file=first.file, line=first.line, how=origin)
        return Target(name, (unit,), cluster=f"{_FLUX}{folder}")

    @staticmethod
    def _flux_near(
        objects: Sequence[ManifestDocument], sources: Sequence[ManifestDocument]
    ) -> Mapping[str | None, ObjectIndex]:
        """What objects of a cluster's folder see. Two clusters may each have a source of one name: what lies in a
        ``clusters/NAME`` folder sees no other cluster's.
        """
        clusters = {_cluster_folder(document.file) for document in objects}
        return {
            cluster: ObjectIndex.of(
                RenderedObject(source.tree, source.file, source.line)
                for source in sources
                if cluster is None or _cluster_folder(source.file) in {None, cluster}
            )
            for cluster in clusters
        }

    def _flux_own(self, objects: Sequence[ManifestDocument], near: Mapping[str | None, ObjectIndex]) -> tuple[str, ...]:
        """The URLs that Kustomizations which deploy their own file take it from: those of this repository, then.

        One that takes all of its source proves nothing: any path lies in it.
        """
        urls = []
        for document in objects:
            path = joined("", flux.text(document.tree, "spec", "path") or ".")
            if path and self._deploys(path, document.file):
                ref = flux.below(document.tree, "spec", "sourceRef")
                space = flux.text(ref, "namespace") or flux.namespace(document.tree)
                source = near[_cluster_folder(document.file)].find("GitRepository", space, flux.text(ref, "name"))
                urls.append(flux.text(source, "spec", "url"))
        return tuple(dict.fromkeys(url for url in urls if url))

    def _flux_paths(
        self, objects: Sequence[ManifestDocument], near: Mapping[str | None, ObjectIndex]
    ) -> Mapping[tuple[str, int], str]:
        """The repository folder of each ``Kustomization``, by file and document; those of other repositories are left
        out.
        """
        paths = {}
        for document in objects:
            spec, index = flux.below(document.tree, "spec"), near[_cluster_folder(document.file)]
            path = flux.repository_path(spec, flux.namespace(document.tree), index, self.own_urls)
            if isinstance(path, str):
                paths[document.file, document.index] = path
        return paths

    def _flux_entries(
        self, objects: Sequence[ManifestDocument], paths: Mapping[tuple[str, int], str]
    ) -> dict[str, ManifestDocument]:
        """Folders at which Flux begins, each with the object that says so."""
        entries: dict[str, ManifestDocument] = {}
        for document in objects:
            path = paths.get((document.file, document.index))
            if path is not None and self._deploys(path, document.file):
                entries.setdefault(path, document)  # it deploys itself: what `flux bootstrap` writes (gotk-sync.yaml)
        for document in objects:
            by_others = any(
                self._deploys(path, document.file)
                for key, path in paths.items()
                if key != (document.file, document.index)
            )
            if not by_others and not any(self._deploys(folder, document.file) for folder in entries):
                entries.setdefault(self._entry_folder(document.file), document)
        return {f: d for f, d in entries.items() if not any(o != f and self._contains(o, f, d) for o in entries)}

    def _contains(self, outer: str, inner: str, document: ManifestDocument) -> bool:
        return is_below(inner, outer) and self._deploys(outer, document.file)

    def _deploys(self, folder: str, file: str) -> bool:
        """Whether applying ``folder`` as Flux does applies ``file``: by its kustomization, else everything below it."""
        if not is_below(file, folder):
            return False
        closure = self.closures.get(folder)
        return file in closure.files if closure is not None else True

    def _entry_folder(self, file: str) -> str:
        folder = file.rpartition("/")[0]
        owners = [k for k, closure in self.closures.items() if file in closure.files and k not in self.claimed]
        if owners:
            folder = min(owners, key=len)
        return folder.rpartition("/")[0] if folder.rpartition("/")[2] == "flux-system" else folder

    # -- Argo CD --------------------------------------------------------------------------------------------------

    def _argo(self) -> None:
        objects = [
            RenderedObject(document.tree, document.file, document.line) for document in self._objects(argo.GROUP)
        ]
        applications = argo.applications(objects, self.tree, self.own_urls, self.clusters)
        units = [unit for unit in applications if isinstance(unit, Unit)]
        self.left_out += [application for application in applications if isinstance(application, NotCompared)]
        for unit in units:
            for path in argo.paths(unit):
                self._claim(path)
        not_read = {id(unit): out for unit in units if (out := argo.not_read(unit, self.tree)) is not None}
        self.left_out += not_read.values()
        ready = [
            u
            for u in units
            if id(u) not in not_read
            and not any(self._applies(o, u.file) for o in units if o is not u and argo.cluster(o) == argo.cluster(u))
            and not (self._is_flux(u.file) and not argo.cluster(u))
        ]
        local_units = [unit for unit in ready if not argo.cluster(unit)]
        names = naming.of_units(local_units)
        for unit in local_units:
            self.targets.append(Target(names[id(unit)], (unit,), namespace=unit.namespace))
        for cluster in sorted({argo.cluster(unit) for unit in ready} - {""}):
            name = naming.name(argo.cluster_name(cluster, self.clusters))
            self.targets.append(Target(name, tuple(u for u in ready if argo.cluster(u) == cluster), cluster=cluster))

    def _applies(self, unit: Unit, file: str) -> bool:
        return any(self._source_applies(source, file) for source in argo.sources(unit.spec))

    def _source_applies(self, source: Tree, file: str) -> bool:
        """Whether applying a source applies a file: a folder of manifests is read without those below it, unless it says so."""
        path = joined("", flux.text(source, "path")) if flux.text(source, "path") else None
        if path is None or not self._deploys(path, file):
            return False
        if path in self.closures or chart_folders.file_of(self.tree, path) is not None:
            return True
        return argo_source.takes(file, path, flux.below(source, "directory"))

    def _is_flux(self, file: str) -> bool:
        roots = (target.cluster for target in self.targets if target.cluster.startswith(_FLUX))
        return any(is_below(file, root.removeprefix(_FLUX)) for root in roots)

    # -- kustomizations and charts that stand alone ---------------------------------------------------------------

    def _claim(self, folder: str) -> None:
        """Nothing at or below ``folder`` is deployed by itself, nor is what its kustomization is made from."""
        self.claimed.add(folder)
        closure = self.closures.get(folder)
        if closure is not None:
            self.claimed.update(closure.folders)
        self.rendered.update(path for path in self.tree.under(folder) if closure is None or path in closure.files)

    def _roots(self) -> None:
        roots = [f for f in self.closures if not any(is_below(f, c) for c in self.claimed) and not _in_passing(f)]
        roots = [f for f in roots if not self._is_component(f)]
        unique_names = naming.names(roots)
        for folder in roots:
            file = kustomization.file_of(self.documents, folder) or ""
            unit = Unit(
                UnitKind.KUSTOMIZE,
                unique_names[folder],
                folder,
                file=file,
                line=1,
                how="kustomization that nothing refers to",
            )
            self.targets.append(Target(unique_names[folder], (unit,)))

    def _is_component(self, folder: str) -> bool:
        file = kustomization.file_of(self.documents, folder) or ""
        return any(document.tree.get("kind") == "Component" for document in self.documents.of(file))

    def _standalone(self, charts: Sequence[str]) -> None:
        dependencies = chart_folders.needed(self.documents, charts)
        standalone = [c for c in charts if not any(is_below(c, k) for k in self.claimed) and not _in_passing(c)]
        standalone = [
            c for c in standalone if c not in dependencies and not chart_folders.is_library(self.documents, c)
        ]
        unique_names = naming.names(standalone)
        for folder in standalone:
            file = chart_folders.file_of(self.tree, folder) or ""
            for variant, files in (chart_folders.variants(self.tree, folder) or {"": ()}).items():
                name = naming.name(f"{unique_names[folder]}-{variant}" if variant else unique_names[folder])
                spec: Tree = {"releaseName": unique_names[folder], "valueFiles": list(files), "values": {}}
                origin = f"chart with {files[-1].rpartition('/')[2]}" if files else "chart"
                unit = Unit(UnitKind.HELM, name, folder, spec=spec, file=file, line=1, how=origin)
                self.targets.append(Target(name, (unit,)))

    # -- plain manifests ------------------------------------------------------------------------------------------

    def _plain(self) -> None:
        target_paths = [path for target in self.targets for path in target.paths]
        folders = [
            f
            for f in plain_folders.environment_folders(self.documents, self.rendered)
            if not _overlaps(f, target_paths)
        ]
        unique_names = naming.names(folders)
        self.targets += [Target(unique_names[folder], paths=(folder,)) for folder in folders]


def _overlaps(folder: str, other_paths: Iterable[str]) -> bool:
    return any(is_below(folder, other_path) or is_below(other_path, folder) for other_path in other_paths)


def _cluster_folder(file: str) -> str | None:
    match = re.search(r"(?:^|/)clusters?/([^/]+)/", file)
    return match[1] if match else None


def _in_passing(folder: str) -> bool:
    return bool(_NOT_DEPLOYED.intersection(folder.lower().split("/")))
