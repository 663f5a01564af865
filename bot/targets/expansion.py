"""Everything that one target is sent: its units rendered, and the units that their objects bring along, to the end.

A Flux ``Kustomization``, a ``HelmRelease`` or an Argo CD ``Application`` is an object like any other and says what else
is deployed. Which charts a release takes, and which variables are substituted, other objects of the same target say;
so releases come last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from bot.model.filetree import FileTree
from bot.model.target import NotCompared, RenderedObject, Rendering, Target, Unit
from bot.targets import argo, flux
from bot.targets.clusters import Cluster
from bot.targets.flux import Seen

Render: TypeAlias = Callable[[Unit, FileTree], Rendering]

MOST_UNITS: Final = 2000
"""Of one target. An application that deploys applications without end is an error and not a memory problem."""
_DEEPEST: Final = 12


@dataclass(frozen=True, slots=True)
class RenderedUnit:
    """One unit with what it came to. ``parent`` is the index of the unit whose objects brought it along."""

    unit: Unit
    rendering: Rendering
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class Expansion:
    """A target as it is deployed; ``left_out`` is what is not compared, and why."""

    target: Target
    units: tuple[RenderedUnit, ...] = ()
    left_out: tuple[NotCompared, ...] = ()

    @property
    def inputs(self) -> frozenset[str]:
        """Every repository file that the target is made from."""
        return frozenset().union(*(each.rendering.inputs for each in self.units))

    def objects(self) -> Iterator[tuple[Unit, RenderedObject]]:
        """Every object with the unit it comes from."""
        for each in self.units:
            yield from ((each.unit, made) for made in each.rendering.objects)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What rendering must know beside the files: the repository's own URLs, and Argo CD's clusters."""

    own: Sequence[str] = ()
    clusters: Mapping[str, Cluster] = field(default_factory=dict)


def expand(target: Target, tree: FileTree, render: Render, around: Surroundings) -> Expansion:
    """Every unit of ``target``, rendered."""
    run = _Run(tree, render, around)
    for unit in target.units:
        run.add(unit, None, 0)
    run.to_the_end()
    return Expansion(target, tuple(run.units), tuple(run.left_out))


@dataclass(slots=True)
class _Run:
    tree: FileTree
    render: Render
    around: Surroundings
    units: list[RenderedUnit] = field(default_factory=list)
    left_out: list[NotCompared] = field(default_factory=list)
    known: set[tuple[str, str, str, str]] = field(default_factory=set)
    waiting: list[tuple[Unit, int | None, int]] = field(default_factory=list)
    objects: list[RenderedObject] = field(default_factory=list)
    released: int = 0

    def add(self, unit: Unit, parent: int | None, depth: int) -> None:
        """Render ``unit`` in its turn, once, however often it is named."""
        identity = (unit.kind.value, unit.name, unit.path, unit.how)
        if identity in self.known:
            return
        self.known.add(identity)
        if depth > _DEEPEST or len(self.known) > MOST_UNITS:
            self.left_out.append(
                NotCompared(unit.how or unit.name, "too many units deploy one another", unit.file, unit.line)
            )
            return
        self.waiting.append((unit, parent, depth))

    def to_the_end(self) -> None:
        while self.waiting or self._releases():
            unit, parent, depth = self.waiting.pop(0)
            rendering = self.render(unit, self.tree)
            index = len(self.units)
            self.units.append(RenderedUnit(unit, rendering, parent))
            self.left_out += rendering.left_out
            if rendering.error is not None:
                self.left_out.append(rendering.error)
            self.objects += rendering.objects
            self._children(rendering.objects, index, depth)

    def _children(self, objects: Sequence[RenderedObject], index: int, depth: int) -> None:
        seen = Seen.of(self.objects)
        made = flux.kustomizations(objects, seen, self.around.own)
        made += argo.applications(objects, self.tree, self.around.own, self.around.clusters)
        self._take(made, index, depth + 1)

    def _releases(self) -> bool:
        """Whether releases are waiting that no unit before them could tell everything about."""
        objects, self.released = self.objects[self.released :], len(self.objects)
        self._take(flux.releases(objects, Seen.of(self.objects)), None, 1)
        return bool(self.waiting)

    def _take(self, made: Sequence[Unit | NotCompared], parent: int | None, depth: int) -> None:
        for each in made:
            if isinstance(each, NotCompared):
                self.left_out.append(each)
            else:
                self.add(each, parent, depth)
