"""How the objects of an expanded target came to be, for the search: which files may have a say, and which layers there
are. Called by whoever makes a :class:`~bot.origins.scene.Scene` of what :mod:`bot.targets.expansion` found.
"""

from __future__ import annotations

import posixpath
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from bot.model.generated import base_name
from bot.model.json import JSON, Pointer, Tree
from bot.model.resource import ResourceId
from bot.model.target import Unit, UnitKind
from bot.model.upstream import UpstreamFiles, UpstreamRequest
from bot.origins.application_sources import placed_source
from bot.origins.chart_values import merged
from bot.origins.scene import (
    ARGO,
    FLUX,
    CarriedLayer,
    KustomizationLayer,
    Layer,
    ObjectId,
    Provenance,
    ValuesLayer,
)
from bot.targets import argo, argo_source, flux, upstream
from bot.targets.argo_source import SourceTool
from bot.targets.desired import identity
from bot.targets.documents import Documents, ManifestDocument
from bot.targets.expansion import Expansion, RenderedUnit
from bot.targets.kustomization import KustomizationFiles, closure, file_of, references
from bot.targets.paths import joined
from bot.targets.signs import KUSTOMIZATIONS

_OTHER_VALUES: Final = re.compile(r"(?:\A|/)values[-._][^/]+\.ya?ml\Z")
_CARRIERS: Final = {
    UnitKind.FLUX_HELM_RELEASE: flux.HELM_GROUP,
    UnitKind.FLUX_KUSTOMIZATION: flux.KUSTOMIZE_GROUP,
    UnitKind.ARGO_APPLICATION: argo.GROUP,
}


def inputs(expansion: Expansion, documents: Documents) -> frozenset[str]:
    """The files that a target is made from, those that declare what begins it included (an ``Application``)."""
    declaring_files = [
        argo.declaring(unit) for unit in expansion.target.units if unit.kind is UnitKind.ARGO_APPLICATION
    ]
    return frozenset[str]().union(*declaring_files, *(made_from(unit, documents) for unit in expansion.units))


def made_from(rendered: RenderedUnit, documents: Documents) -> frozenset[str]:
    """The files that a unit is made from; of one that does not render, all that it may be made from once it does."""
    unit, paths = rendered.unit, rendered.rendering.inputs
    if rendered.rendering.error is None:
        return paths
    folder = unit.path or _chart(unit)
    built = closure(documents, folder).files if file_of(documents, folder) is not None else frozenset[str]()
    return paths.union(built, _value_files(unit, documents), documents.tree.under(folder) if folder else ())


def uses(expansions: Iterable[Expansion], documents: Documents) -> dict[str, int]:
    """In how many ways each file comes into all targets: for several units, or by several kustomizations that take it
    in. What deploys the same folder twice counts once.
    """
    parts: dict[tuple[str, str], frozenset[str]] = {}
    for expansion in expansions:
        for rendered in expansion.units:
            unit = rendered.unit
            released = unit.kind is UnitKind.FLUX_HELM_RELEASE
            part = expansion.target.name, f"{unit.space}/{unit.name}" if released else unit.path
            parts[part] = parts.get(part, frozenset()) | _read(unit, made_from(rendered, documents), documents)
    counts: Counter[str] = Counter()
    for paths in parts.values():
        takers = _takers(paths, documents)
        counts.update({path: _multiplicity(path, takers, ()) for path in paths})
    return dict(counts)


def _read(unit: Unit, paths: Iterable[str], documents: Documents) -> frozenset[str]:
    """The files of a unit without the values files that lie in its chart for other places: Helm reads only those that
    it is told to, beside ``values.yaml``.
    """
    value_files = set(_value_files(unit, documents))
    return frozenset(path for path in paths if path in value_files or not _OTHER_VALUES.search(path))


def _takers(paths: Iterable[str], documents: Documents) -> Mapping[str, set[str]]:
    """The kustomization folders that name each file or folder themselves."""
    takers: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        folder, _, name = path.rpartition("/")
        if name in KUSTOMIZATIONS:
            takers[path].add(folder)
            for document in documents.of(path):
                for reference in references(document.tree):
                    if (input_path := joined(folder, reference.text)) is not None:
                        takers[input_path].add(folder)
    return takers


def _multiplicity(path: str, takers: Mapping[str, set[str]], path_so_far: tuple[str, ...]) -> int:
    if path in path_so_far:
        return 0
    return max(1, sum(_multiplicity(taker, takers, (*path_so_far, path)) for taker in takers.get(path, ())))


def objects(expansion: Expansion) -> dict[ResourceId, Tree]:
    """The objects of a target as a scene has them."""
    return {id_: rendered.tree for _, rendered in expansion.objects() if (id_ := identity(rendered)) is not None}


def changing(expansion: Expansion) -> dict[ObjectId, frozenset[Pointer]]:
    """What cannot be compared in the objects of a target, for it is another one each time or nobody can read it."""
    return {
        (expansion.target.name, id_): frozenset(rendered.opaque)
        for _, rendered in expansion.objects()
        if rendered.opaque and (id_ := identity(rendered)) is not None
    }


def provenance(
    expansion: Expansion, documents: Documents, *, cheap_charts: bool = True
) -> dict[ResourceId, Provenance]:
    """The provenance of every object. ``cheap_charts``: charts are rendered in process, within milliseconds."""
    survey = _Survey(expansion, documents, cheap_charts)
    provenances: dict[ResourceId, Provenance] = {}
    for index, rendered in enumerate(expansion.units):
        for rendered_object in rendered.rendering.objects:
            id_ = identity(rendered_object)
            if id_ is not None and id_ not in provenances:
                provenances[id_] = replace(
                    survey.of_file(index, rendered_object.file, id_.scope), line=rendered_object.line
                )
    return provenances


@dataclass(slots=True)
class _Survey:
    expansion: Expansion
    documents: Documents
    cheap_charts: bool
    _provenances: dict[int, Provenance] = field(default_factory=dict)
    _by_file: dict[tuple[int, str, str], Provenance] = field(default_factory=dict)
    _closures: dict[str, KustomizationFiles] = field(default_factory=dict)
    _carriers: dict[tuple[str, str, str], tuple[ResourceId, int]] = field(default_factory=dict)

    def of_file(self, index: int, file: str, scope: str) -> Provenance:
        """What all objects of one unit and namespace that begin in one file have in common."""
        key = index, file, scope
        if key not in self._by_file:
            shared, rendered = self.of_unit(index), self.expansion.units[index]
            kustomizations = tuple(map(KustomizationLayer, self._kustomizations(rendered, file, scope)))
            self._by_file[key] = replace(shared, file=file, layers=(*kustomizations, *shared.layers))
        return self._by_file[key]

    def of_unit(self, index: int) -> Provenance:
        """What all objects of one unit have in common."""
        if index not in self._provenances:
            self._provenances[index] = Provenance()  # objects that bring one another along go round only once
            self._provenances[index] = self._provenance(index)
        return self._provenances[index]

    def _provenance(self, index: int) -> Provenance:
        rendered = self.expansion.units[index]
        unit, paths = rendered.unit, _read(rendered.unit, rendered.rendering.inputs, self.documents)
        carrier = self._carrier(unit)
        above = Provenance()
        if carrier is not None:
            above = self.of_unit(carrier[1])
        elif rendered.parent is not None:
            above = self.of_unit(rendered.parent)
        carriers = above.carriers | ({carrier[0]} if carrier is not None else set())
        file_sets = [frozenset(files) for files in self._levels(unit, paths) if files]
        reach = (*above.reach, *file_sets) if unit.kind is UnitKind.FLUX_HELM_RELEASE else (*file_sets, *above.reach)
        for id_, number in self._referred(unit, carrier):
            carriers |= {id_}
            reach = (*reach, *(files for files in self.of_unit(number).reach if files not in reach))
        layers = tuple(self._layers(unit, None if carrier is None else carrier[0]))
        cheap = self._is_cheap(unit) and carrier is None
        return Provenance(reach=reach, layers=layers, carriers=frozenset(carriers), cheap=cheap)

    def _carrier(self, unit: Unit) -> tuple[ResourceId, int] | None:
        """The rendered object that says how ``unit`` is rendered, and the index of the unit it belongs to."""
        if not self._carriers:
            for number, rendered in enumerate(self.expansion.units):
                for rendered_object in rendered.rendering.objects:
                    id_ = identity(rendered_object)
                    if id_ is not None and id_.group in _CARRIERS.values():
                        self._carriers[id_.group, id_.scope, id_.name] = id_, number
        group = _CARRIERS.get(unit.kind)
        if group is None:
            return None
        return self._carriers.get((group, unit.space, unit.name)) or next(
            (entry for (g, _, name), entry in self._carriers.items() if (g, name) == (group, unit.name)), None
        )

    def _referred(self, unit: Unit, carrier: tuple[ResourceId, int] | None) -> Iterator[tuple[ResourceId, int]]:
        """The ConfigMaps and Secrets from which a controller's object takes values or variables, each with the index of its
        unit. One whose name says what it holds has another name after a change, and carries nothing by itself.
        """
        if carrier is None:
            return
        reference_lists = (unit.spec.get("valuesFrom"), flux.below(unit.spec, "postBuild").get("substituteFrom"))
        reference_names = {
            (flux.text(ref, "kind"), flux.text(ref, "name")) for refs in reference_lists for ref in flux.mappings(refs)
        }
        for number, rendered in enumerate(self.expansion.units if reference_names else ()):
            for rendered_object in rendered.rendering.objects:
                id_ = identity(rendered_object)
                if id_ is None or (id_.kind, id_.name) not in reference_names or id_.scope != carrier[0].scope:
                    continue
                if base_name(id_.name) == id_.name:
                    yield id_, number

    def _levels(self, unit: Unit, paths: frozenset[str]) -> Iterator[set[str]]:
        """The files of a unit, nearest first: values and the folder itself before what they are laid over."""
        files = {path for path in _value_files(unit, self.documents) if path in self.documents.tree}
        if unit.kind is UnitKind.ARGO_APPLICATION:
            files |= argo.declaring(unit)
            overrides = {override for path in argo.paths(unit) for override in argo_source.overriding(unit, path)}
            files |= {override for override in overrides if override in self.documents.tree}
        yield files
        siblings = {path for path in paths if posixpath.dirname(path) == unit.path} - files
        yield siblings
        yield set(paths) - siblings - files

    def _is_cheap(self, unit: Unit) -> bool:
        if unit.kind is UnitKind.HELM:
            return self.cheap_charts
        if unit.kind is UnitKind.ARGO_APPLICATION and file_of(self.documents, unit.path) is None:
            return self.cheap_charts
        return unit.kind is UnitKind.DIRECTORY

    # -- layers ---------------------------------------------------------------------------------------------------

    def _layers(self, unit: Unit, carrier: ResourceId | None) -> Iterator[Layer]:
        match unit.kind:
            case UnitKind.FLUX_KUSTOMIZATION:
                if (declared := self._declared(unit)) is not None:
                    yield KustomizationLayer(declared.file, declared.index, ("spec",), FLUX)
            case UnitKind.HELM:
                yield from self._value_layers(unit.path, _value_files(unit, self.documents), self._defaults(unit.path))
            case UnitKind.FLUX_HELM_RELEASE:
                if carrier is not None:
                    defaults = self._fetched(_flux_request(unit)) or self._defaults(_chart(unit))
                    yield CarriedLayer(carrier, ("spec", "values"), defaults)
            case UnitKind.ARGO_APPLICATION:
                yield from self._application(unit, carrier)
            case UnitKind.KUSTOMIZE | UnitKind.DIRECTORY:
                return
            case _ as never:
                assert_never(never)

    def _kustomizations(self, rendered: RenderedUnit, file: str, scope: str) -> list[str]:
        """The kustomization files that take in ``file`` and do not put it into another namespace: that of the unit's folder
        first, then the one that takes in most.
        """
        taking: list[tuple[int, str]] = []
        for path in rendered.rendering.inputs:
            folder, _, name = path.rpartition("/")
            if name in KUSTOMIZATIONS:
                if folder not in self._closures:
                    self._closures[folder] = closure(self.documents, folder)
                files = self._closures[folder].files
                space = flux.text(self._values(path), "namespace") or scope
                if (file in files and space == scope) or folder == rendered.unit.path:
                    taking.append((-len(files) if folder != rendered.unit.path else -sys.maxsize, path))
        return [path for _, path in sorted(taking)]

    def _value_layers(self, chart: str | None, files: list[str], defaults: Tree) -> Iterator[ValuesLayer]:
        """The values files of a chart, the one that wins first, each over those below it. ``chart`` is its folder; None for
        one that is not in this repository.
        """
        below = defaults
        layers = []
        chart_values_file = "" if chart is None else posixpath.join(chart, "values.yaml")
        if chart_values_file in self.documents.tree and chart_values_file not in files:
            layers.append(ValuesLayer(chart_values_file, defaults=below))
        for file in files:
            layers.append(ValuesLayer(file, defaults=below))
            below = merged(below, self._values(file))
        yield from reversed(layers)

    def _application(self, unit: Unit, carrier: ResourceId | None) -> Iterator[Layer]:
        declared = self._declared(unit)
        prefix: Pointer = ()
        if declared is not None and declared.tree.get("kind") == "ApplicationSet":
            prefix = ("spec", "template")
        single = not flux.mappings(unit.spec.get("sources"))
        for index, source_spec in enumerate(argo.sources(unit.spec)):
            source = placed_source(source_spec, unit, self.documents)
            if source is None:
                continue
            pointer: Pointer = (*prefix, "spec", "source") if single else (*prefix, "spec", "sources", index)
            if source.tool is SourceTool.HELM:
                files = source.value_files
                defaults = _chart_defaults(source.documents, source.path)
                inline = self._inline((defaults, files), (*pointer, "helm"), source.options, declared, carrier)
                has_values = {"values", "valuesObject"} & set(flux.below(source.options, "helm"))
                layers = list(self._value_layers(source.path if source.is_local else None, files, defaults))
                yield from [*inline, *layers] if has_values else [*layers, *inline]
            elif not flux.text(source_spec, "chart"):
                yield from (KustomizationLayer(file, 0, ("kustomize",), ARGO) for file in reversed(source.overriding))
                if declared is not None:
                    yield KustomizationLayer(declared.file, declared.index, (*pointer, "kustomize"), ARGO)

    def _inline(
        self,
        chart: tuple[Tree, list[str]],
        helm: Pointer,
        source: Tree,
        declared: ManifestDocument | None,
        carrier: ResourceId | None,
    ) -> list[Layer]:
        """The values in an application itself, over those of the chart and of its values files. ``valuesObject`` takes the
        place of ``values`` where it is there (argo-cd, ``ApplicationSourceHelm.ValuesYAML``).
        """
        defaults = chart[0]
        for file in chart[1]:
            defaults = merged(defaults, self._values(file))
        helm_options = flux.below(source, "helm")
        key = (
            "values"
            if flux.text(helm_options, "values") and helm_options.get("valuesObject") is None
            else "valuesObject"
        )
        if carrier is not None and key == "valuesObject":
            return [CarriedLayer(carrier, (*helm, key), defaults)]
        return [] if declared is None else [ValuesLayer(declared.file, declared.index, (*helm, key), defaults)]

    def _declared(self, unit: Unit) -> ManifestDocument | None:
        """The document that declares a controller's object, where a file of the repository holds it."""
        documents = (
            [document for document in self.documents.of(unit.file) if document.line == unit.line] if unit.file else []
        )
        kinds = {"Kustomization", "Application", "ApplicationSet"}
        return next((document for document in documents if document.tree.get("kind") in kinds), None)

    def _values(self, file: str) -> Tree:
        documents = self.documents.of(file)
        return documents[0].tree if documents else {}

    def _defaults(self, chart: str) -> Tree:
        """The values of a chart of this repository and of the charts in it."""
        return _chart_defaults(self.documents, chart) if chart else {}

    def _fetched(self, request_and_folder: tuple[UpstreamRequest | None, str]) -> Tree | None:
        """The same for a chart of another place, by its folder there; None where nothing was fetched."""
        request, folder = request_and_folder
        if request is None or not isinstance(answer := self.documents.tree.ask(request), UpstreamFiles):
            return None
        return _chart_defaults(self.documents.on(answer.tree), folder)


def _chart_defaults(documents: Documents, chart: str) -> Tree:
    """The values of a chart and of the charts in it (Helm docs, "Subcharts and Global Values")."""

    def values(path: str) -> Tree:
        return next((document.tree for document in documents.of(path)), {})

    defaults: Tree = {}
    home = posixpath.join(chart, "charts")
    for path in documents.tree.under(home):
        if path.endswith("/values.yaml") and path.count("/") == home.count("/") + 2:
            defaults = merged(defaults, {posixpath.dirname(path).rpartition("/")[2]: values(path)})
    return merged(defaults, values(posixpath.join(chart, "values.yaml")))


def _flux_request(unit: Unit) -> tuple[UpstreamRequest | None, str]:
    """What a release's chart is fetched by, and its folder there: that of a repository, the top of an archive."""
    source = flux.below(unit.spec, "source")
    in_git = flux.text(source, "object", "kind") == "GitRepository"
    return UpstreamRequest.of(flux.below(source, upstream.REQUEST)), _chart(unit) if in_git else ""


def _chart(unit: Unit) -> str:
    """The folder of a release's chart, as far as its source is this repository."""
    chart = flux.text(flux.below(unit.spec, "source", "chart"), "chart") or flux.text(
        unit.spec, "chart", "spec", "chart"
    )
    return joined("", chart.lstrip("/")) or ""


def _value_files(unit: Unit, documents: Documents) -> list[str]:
    """The values files that a unit names, by repository path, the one that wins last."""
    if unit.kind is UnitKind.HELM:
        return _texts(unit.spec.get("valueFiles"))
    if unit.kind is UnitKind.FLUX_HELM_RELEASE:
        value_files = _texts(flux.below(unit.spec, "chart", "spec").get("valuesFiles"))
        return [path for text in value_files if (path := joined("", text.lstrip("/"))) is not None]
    if unit.kind is UnitKind.ARGO_APPLICATION:
        placed = (placed_source(source, unit, documents) for source in argo.sources(unit.spec))
        return [file for source in placed if source is not None for file in source.value_files]
    return []


def _texts(value: JSON) -> list[str]:
    return [element for element in value if isinstance(element, str)] if isinstance(value, (list, tuple)) else []
