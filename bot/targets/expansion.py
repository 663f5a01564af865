"""Everything that one target is sent: its units rendered, and the units that their objects bring along, to the end.

A Flux ``Kustomization``, a ``HelmRelease`` or an Argo CD ``Application`` is an object like any other and says what else
is deployed. Which charts a release takes, and which variables are substituted, other objects of the same target say;
so releases come last, and what waits for variables before them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from bot.model.filetree import FileTree, Reads, WatchedTree
from bot.model.json import Tree, get, mapping, text
from bot.model.target import CAPABILITIES, NotCompared, RenderedObject, Rendering, Target, Unit, UnitKind
from bot.targets import argo, flux, scopes
from bot.targets.clusters import ArgoCluster
from bot.targets.flux import ObjectIndex

RenderAll: TypeAlias = Callable[[Sequence[tuple[Unit, FileTree]]], Sequence[Rendering]]
"""Renders units that do not depend on one another, each from its tree, in their order: ``Renderers.render_all``."""

MOST_UNITS: Final = 2000
"""Of one target. An application that deploys applications without end is an error and not a memory problem."""
_DEEPEST: Final = 12
_KUSTOMIZATIONS: Final = frozenset({UnitKind.KUSTOMIZE, UnitKind.FLUX_KUSTOMIZATION})
_MOST_TARGETS: Final = 2000
"""Targets whose expansions are remembered."""
_VARIANTS: Final = 3
"""Of one target: the branch moves on while changes stay where they began."""


@dataclass(frozen=True, slots=True)
class RenderedUnit:
    """One unit with what it came to. ``parent`` is the index of the unit whose objects brought it along."""

    unit: Unit
    rendering: Rendering
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """One object that a target is sent in different versions, each from another place: nobody can tell which one holds,
    so nothing may be written about it. The first of them is among the objects of the expansion.
    """

    objects: tuple[RenderedObject, ...]

    def __str__(self) -> str:
        first, *other_places = (
            f"{rendered.file}:{rendered.line}" if rendered.file else "an unknown place" for rendered in self.objects
        )
        return f"{_described(self.objects[0].tree)} is declared in {first} and differently in {', '.join(other_places)}"


@dataclass(frozen=True, slots=True)
class Expansion:
    """A target as it is deployed; ``left_out`` is what is not compared, and why. Objects have the namespace that their
    unit's gives them.
    """

    target: Target
    units: tuple[RenderedUnit, ...] = ()
    left_out: tuple[NotCompared, ...] = ()
    conflicts: tuple[Conflict, ...] = ()

    @property
    def misses(self) -> bool:
        """Whether something is left out that runs all the time, so that what is not here may be there."""
        return not all(gap.hook for gap in self.left_out)

    @property
    def inputs(self) -> frozenset[str]:
        """Every repository file that the target is made from."""
        return frozenset().union(*(unit.rendering.inputs for unit in self.units))

    def objects(self) -> Iterator[tuple[Unit, RenderedObject]]:
        """Every object with the unit it comes from; once, where several units bring the same one."""
        seen_identities = set()
        for unit in self.units:
            for rendered in unit.rendering.objects:
                identity = _identity(rendered.tree)
                if identity not in seen_identities:
                    seen_identities.add(identity)
                    yield unit.unit, rendered


@dataclass(frozen=True, slots=True)
class RenderContext:
    """What rendering must know beside the files: the repository's own URLs, Argo CD's clusters, and for which cluster charts
    are rendered, by the target's name (empty: for every other).
    """

    own_urls: Sequence[str] = ()
    clusters: Mapping[str, ArgoCluster] = field(default_factory=dict)
    capabilities: Mapping[str, Tree] = field(default_factory=dict)
    inflating: bool = True
    """Whether kustomizations may inflate charts; else the cluster makes no difference to them."""

    def for_cluster(self, unit: Unit, target: str) -> Unit:
        """``unit`` with the cluster that its charts are rendered for."""
        capabilities = self.capabilities
        cluster = capabilities.get(target) or capabilities.get("")
        if unit.kind is UnitKind.DIRECTORY or (unit.kind in _KUSTOMIZATIONS and not self.inflating):
            return unit
        return replace(unit, spec={**unit.spec, CAPABILITIES: cluster}) if cluster else unit


def expand(target: Target, tree: FileTree, render_all: RenderAll, around: RenderContext) -> Expansion:
    """Every unit of ``target``, rendered."""
    run = _Run(target, WatchedTree.over(tree), around)
    _to_the_end([run], render_all)
    return run.result()


@dataclass(frozen=True, slots=True)
class _Remembered:
    target: Target
    around: RenderContext
    reads: Reads
    expansion: Expansion


@dataclass(slots=True)
class ExpansionMemory:
    """What targets came to, by all that was asked of a tree for it: whoever asks again with a tree that answers the same,
    of whatever commit, gets it from here. Nothing else about a tree counts.
    """

    _remembered: dict[str, tuple[_Remembered, ...]] = field(default_factory=dict)

    def find(self, target: Target, tree: FileTree, around: RenderContext) -> Expansion | None:
        """What ``target`` comes to in ``tree``; None where that is not known. Who observes it makes no difference."""
        unobserved = replace(target, observer="")
        for expansion in self._remembered.get(target.name, ()):
            if expansion.target == unobserved and expansion.around == around and expansion.reads.same_in(tree):
                return (
                    expansion.expansion
                    if expansion.expansion.target == target
                    else replace(expansion.expansion, target=target)
                )
        return None

    def keep(self, expansion: Expansion, reads: Reads, around: RenderContext) -> None:
        """Remember an expansion, unless another try may end otherwise."""
        if any(gap.missing_tool or gap.again for gap in expansion.left_out):
            return
        if len(self._remembered) >= _MOST_TARGETS:
            self._remembered.clear()
        target = replace(expansion.target, observer="")
        earlier = self._remembered.get(target.name, ())[: _VARIANTS - 1]
        self._remembered[target.name] = (_Remembered(target, around, reads, expansion), *earlier)


@dataclass(slots=True)
class Expansions:
    """Expands targets; one none of whose inputs changed is what it was."""

    render_all: RenderAll
    around: RenderContext = field(default_factory=RenderContext)
    memory: ExpansionMemory = field(default_factory=ExpansionMemory)

    def of(self, target: Target, tree: FileTree) -> Expansion:
        """What ``target`` comes to in ``tree``."""
        return self.of_all([target], tree)[0]

    def of_all(self, targets: Sequence[Target], tree: FileTree, *, keep: bool = True) -> list[Expansion]:
        """What each of ``targets`` comes to in ``tree``; those that changed are rendered side by side. ``keep``: whether
        that is to be remembered.
        """
        remembered = [self.memory.find(target, tree, self.around) for target in targets]
        runs = {
            index: _Run(target, WatchedTree.over(tree), self.around)
            for index, target in enumerate(targets)
            if remembered[index] is None
        }
        _to_the_end(list(runs.values()), self.render_all)
        fresh = {index: run.result() for index, run in runs.items()}
        for index, expansion in fresh.items() if keep else ():
            self.memory.keep(expansion, runs[index].tree.reads, self.around)
        return [fresh[index] if expansion is None else expansion for index, expansion in enumerate(remembered)]


def _to_the_end(runs: Sequence[_Run], render_all: RenderAll) -> None:
    """Every unit of every run, rendered in waves: what waits in all of them at once."""
    while any(batches := [run.next() for run in runs]):
        requests = [(unit.unit, run.tree) for run, batch in zip(runs, batches, strict=True) for unit in batch]
        renderings = iter(render_all(requests))
        for run, batch in zip(runs, batches, strict=True):
            run.take([(target_unit, next(renderings)) for target_unit in batch])


@dataclass(frozen=True, slots=True)
class _Waiting:
    unit: Unit
    parent: int | None
    depth: int


@dataclass(slots=True)
class _Run:
    target: Target
    tree: WatchedTree
    around: RenderContext
    units: list[RenderedUnit] = field(default_factory=list)
    left_out: list[NotCompared] = field(default_factory=list)
    identities: set[tuple[UnitKind, str, str, str]] = field(default_factory=set)
    waiting: list[_Waiting] = field(default_factory=list)
    late: list[tuple[RenderedObject, int, int]] = field(default_factory=list)
    """Flux objects whose variables or charts others may tell, each with its unit's index and depth."""
    index: ObjectIndex = field(default_factory=ObjectIndex)
    scopes: dict[tuple[str, str], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for unit in self.target.units:
            self.add(unit, None, 0)

    def add(self, unit: Unit, parent: int | None, depth: int) -> None:
        """Render ``unit`` in its turn, once, however often it is named."""
        if unit.identity in self.identities:
            return
        self.identities.add(unit.identity)
        if depth > _DEEPEST or len(self.identities) > MOST_UNITS:
            self.left_out.append(
                NotCompared(unit.how or unit.name, "too many units deploy one another", unit.file, unit.line)
            )
            return
        self.waiting.append(_Waiting(self.around.for_cluster(unit, self.target.name), parent, depth))

    def next(self) -> list[_Waiting]:
        """What can be rendered now; nothing at the end."""
        if not self.waiting:
            self._late()
        batch, self.waiting = self.waiting, []
        return batch

    def take(self, renderings: Sequence[tuple[_Waiting, Rendering]]) -> None:
        """What became of the last batch, and what it brings along."""
        expansions = []
        for unit, rendering in renderings:
            self.scopes.update(dict.fromkeys(rendering.cluster_kinds, False))
            self.scopes.update(scope for o in rendering.objects if (scope := scopes.declared(o.tree)) is not None)
            self.left_out += rendering.left_out
            if rendering.error is not None:
                self.left_out.append(rendering.error)
            expansions.append((len(self.units), unit.depth))
            self.units.append(RenderedUnit(unit.unit, rendering, unit.parent))
        for index, _ in expansions:
            self.index.add(self._placed(index))
        for index, depth in expansions:
            self._children(index, depth)

    def result(self) -> Expansion:
        """All of it, each object in its namespace, now that all scopes are known."""
        units: list[RenderedUnit] = []
        for index, unit in enumerate(self.units):
            objects = []
            for rendered in self._placed(index):
                if text(get(rendered.tree, "metadata", "name")):
                    objects.append(rendered)
                else:
                    reason = "the API server names it anew each time it is created (generateName)"
                    self.left_out.append(NotCompared(_described(rendered.tree), reason, rendered.file, rendered.line))
            hooks = tuple(_in_namespace(hook, unit.unit.namespace, self.scopes) for hook in unit.rendering.hooks)
            units.append(replace(unit, rendering=replace(unit.rendering, objects=tuple(objects), hooks=hooks)))
        return Expansion(self.target, tuple(units), tuple(dict.fromkeys(self.left_out)), tuple(_conflicts(units)))

    def _placed(self, index: int) -> list[RenderedObject]:
        """The objects of a unit, in the namespace that it gives to those that name none and live in one; in none those
        that live in none, which kustomize puts into one where it does not know their kind.
        """
        unit = self.units[index].unit
        return [
            _in_namespace(rendered, unit.namespace, self.scopes) for rendered in self.units[index].rendering.objects
        ]

    def _children(self, index: int, depth: int) -> None:
        objects = self._placed(index)
        for rendered in objects:
            if flux.is_release(rendered.tree):
                self.late.append((rendered, index, depth))
        for rendered in objects:
            if flux.is_kustomization(rendered.tree):
                (unit,) = flux.kustomizations([rendered], self.index, self.tree, self.around.own_urls)
                if isinstance(unit, Unit) and flux.awaits_variables(unit):
                    self.late.append((rendered, index, depth))
                else:
                    self._take([unit], index, depth + 1)
        applications = argo.applications(objects, self.tree, self.around.own_urls, self.around.clusters)
        self._take(applications, index, depth + 1)

    def _late(self) -> None:
        """Units that no unit before them could tell everything about: releases after all others."""
        late, self.late = self.late, []
        kustomizations = [item for item in late if flux.is_kustomization(item[0].tree)]
        for rendered, index, depth in kustomizations:
            self._take(flux.kustomizations([rendered], self.index, self.tree, self.around.own_urls), index, depth + 1)
        if kustomizations:
            self.late += [item for item in late if flux.is_release(item[0].tree)]
            if not self.waiting:
                self._late()
            return
        for rendered, index, depth in late:
            self._take(flux.releases([rendered], self.index, self.tree, self.around.own_urls), index, depth + 1)

    def _cluster(self) -> str:
        """The cluster that applications of this target go to, as they name it."""
        return self.target.cluster if self.target.cluster.startswith("argo:") else ""

    def _take(self, children: Sequence[Unit | NotCompared], parent: int | None, depth: int) -> None:
        for unit in children:
            if isinstance(unit, NotCompared):
                self.left_out.append(unit)
            elif unit.kind is UnitKind.ARGO_APPLICATION and argo.cluster(unit) != self._cluster():
                cluster_named = argo.cluster(unit).removeprefix("argo:") or "the one that Argo CD runs in"
                reason = f"it goes to another cluster, {cluster_named}"
                self.left_out.append(NotCompared(unit.how, reason, unit.file, unit.line))
            elif unit.kind is UnitKind.ARGO_APPLICATION and (out := argo.not_read(unit, self.tree)) is not None:
                self.left_out.append(out)
            else:
                self.add(unit, parent, depth)


def _in_namespace(rendered: RenderedObject, namespace: str, declared: Mapping[tuple[str, str], bool]) -> RenderedObject:
    meta = mapping(rendered.tree.get("metadata"))
    own_namespace = meta.get("namespace")
    if bool(own_namespace) is scopes.is_namespaced(rendered.tree, declared) or not (own_namespace or namespace):
        return rendered
    placed = {key: value for key, value in meta.items() if key != "namespace"}
    if not own_namespace:
        placed["namespace"] = namespace
    return replace(rendered, tree={**rendered.tree, "metadata": placed})


def _identity(tree: Mapping[str, object]) -> tuple[str, str, str, str]:
    """Group, kind, namespace and name. The API server keeps one object for all versions of a group."""
    meta = tree.get("metadata")
    metadata = meta if isinstance(meta, dict) else {}
    group = str(tree.get("apiVersion")).rpartition("/")[0]
    return group, str(tree.get("kind")), str(metadata.get("namespace") or ""), str(metadata.get("name") or "")


def _conflicts(units: Sequence[RenderedUnit]) -> Iterator[Conflict]:
    by_identity: dict[tuple[str, str, str, str], list[RenderedObject]] = {}
    for unit in units:
        for rendered in unit.rendering.objects:
            by_identity.setdefault(_identity(rendered.tree), []).append(rendered)
    for same in by_identity.values():
        different = [rendered for rendered in same[1:] if rendered.tree != same[0].tree]
        if different:
            yield Conflict((same[0], *different))


def _described(tree: Mapping[str, object]) -> str:
    _, kind, space, name = _identity(tree)
    return f"{kind} {space + '/' if space else ''}{name}".strip()
