"""The scene of one declaration for the inverse search: what is rendered, from which files, and where new entries may
go.

Called by :mod:`bot.flows.changes` for remedies and by ``clockwork origin``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from bot.flows.deployment import Deployment, DeploymentReader
from bot.intake.scalars import Dialect
from bot.intake.text import NotText, Text
from bot.intake.yamltree import Broken, load
from bot.model.filetree import FileTree
from bot.model.json import Tree
from bot.model.resource import ResourceId
from bot.model.target import Unit, UnitKind
from bot.origins.scene import FLUX, Layer, Scene
from bot.targets.desired import identity
from bot.targets.documents import Documents
from bot.targets.expansion import Expansion
from bot.targets.flux import below, name
from bot.targets.kustomization import file_of

_CONTROLLERS = frozenset({"kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io", "argoproj.io"})


def scene_of(deployment: Deployment, target: str, reader: DeploymentReader) -> Scene:
    """What the search needs to know about ``target`` of this deployment."""
    expansion = deployment.expansions[target]
    objects = {each: _objects(of) for each, of in deployment.expansions.items()}
    return Scene(
        tree=deployment.tree,
        objects=objects,
        render=lambda tree, changed: _rendered(deployment, reader, tree, changed),
        inputs={each: of.inputs for each, of in deployment.expansions.items()},
        layers=tuple(_layers(expansion, reader.documents.on(deployment.tree))),
        began={id_: made.file for _, made in expansion.objects() if (id_ := identity(made)) is not None},
        carriers=frozenset(id_ for id_ in objects[target] if id_.group in _CONTROLLERS),
        fast=all(rendered.unit.kind is UnitKind.HELM for rendered in expansion.units),
    )


def _objects(expansion: Expansion) -> dict[ResourceId, Tree]:
    return {id_: made.tree for _, made in expansion.objects() if (id_ := identity(made)) is not None}


def _rendered(
    deployment: Deployment, reader: DeploymentReader, tree: FileTree, changed: frozenset[str]
) -> Mapping[str, Mapping[ResourceId, Tree]] | None:
    """The targets that read one of the changed files, rendered with it; None where something renders no longer."""
    made: dict[str, Mapping[ResourceId, Tree]] = {}
    for each, before in deployment.expansions.items():
        if before.inputs & changed:
            after = reader.expand(before.target, tree)
            if _broken(after) - _broken(before):
                return None
            made[each] = _objects(after)
    return made


def _broken(expansion: Expansion) -> frozenset[str]:
    return frozenset(each.unit.name for each in expansion.units if each.rendering.error is not None)


def _layers(expansion: Expansion, documents: Documents) -> Iterator[Layer]:
    """Where a new entry for the target may go, the nearest first."""
    for rendered in expansion.units:
        unit = rendered.unit
        match unit.kind:
            case UnitKind.KUSTOMIZE:
                yield from _kustomization(unit, documents)
            case UnitKind.FLUX_KUSTOMIZATION:
                yield from _object(unit, documents, "Kustomization", ("spec",), FLUX)
                yield from _kustomization(unit, documents)
            case UnitKind.HELM:
                yield from _values(unit, documents)
            case UnitKind.FLUX_HELM_RELEASE:
                defaults = _chart_defaults(documents, rendered.rendering.inputs)
                for layer in _object(unit, documents, "HelmRelease", ("spec", "values"), frozenset()):
                    yield Layer(layer.file, layer.document, layer.pointer, values=True, defaults=defaults)
            case UnitKind.ARGO_APPLICATION | UnitKind.DIRECTORY:
                continue


def _kustomization(unit: Unit, documents: Documents) -> Iterator[Layer]:
    file = file_of(documents, unit.path)
    if file is not None:
        yield Layer(file)


def _object(
    unit: Unit, documents: Documents, kind: str, pointer: tuple[str, ...], takes: frozenset[str]
) -> Iterator[Layer]:
    for document in documents.of(unit.file):
        if document.tree.get("kind") == kind and name(document.tree) == unit.name:
            yield Layer(document.file, document.index, pointer, takes=takes)


def _values(unit: Unit, documents: Documents) -> Iterator[Layer]:
    defaults = _chart_values(unit.path, documents)
    files = unit.spec.get("valueFiles")
    for path in reversed(list(files) if isinstance(files, (list, tuple)) else []):
        yield Layer(str(path), values=True, defaults=defaults)
    own = posixpath.join(unit.path, "values.yaml")
    if own in documents.tree:
        yield Layer(own, values=True, defaults=defaults)


def _chart_defaults(documents: Documents, inputs: frozenset[str]) -> Tree:
    chart = next((path.rpartition("/")[0] for path in sorted(inputs) if path.rpartition("/")[2] == "Chart.yaml"), None)
    return {} if chart is None else _chart_values(chart, documents)


def _chart_values(chart: str, documents: Documents) -> Tree:
    path = posixpath.join(chart, "values.yaml")
    data = documents.tree.read(path)
    if data is None:
        return {}
    try:
        loaded = load(Text.of(path, data), Dialect.KUBERNETES)
    except (NotText, Broken):  # its unit does not render either, and says why
        return {}
    value = loaded[0].value if loaded and loaded[0] is not None else {}
    return below(value)
