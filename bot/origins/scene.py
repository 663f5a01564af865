"""What the search is given, and what it answers. Used by :mod:`bot.origins.search`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from bot.model.drift import Edit
from bot.model.filetree import FileTree
from bot.model.json import Pointer, Tree
from bot.model.resource import ResourceId

Objects: TypeAlias = Mapping[str, Mapping[ResourceId, Tree]]
"""Target name to its rendered objects."""

Render: TypeAlias = Callable[[FileTree, frozenset[str]], Objects | None]
"""The targets that the named changed files touch, rendered with them; None where one of them does not render any more."""


KUSTOMIZATION: Final = frozenset({"images", "replicas", "patches"})
FLUX: Final = frozenset({"images", "patches"})
"""What a Flux ``Kustomization`` takes in its spec of what a kustomization does (kustomize-controller docs)."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Where a new entry for one target may go: below ``pointer`` of a document.

    ``values``: a mapping of Helm values. Else the document is a kustomization, which takes patches. ``defaults`` are
    the values that the chart itself brings, whose keys can be overridden here; ``takes`` are the entries a kustomization takes.
    """

    file: str
    document: int = 0
    pointer: Pointer = ()
    values: bool = False
    defaults: Tree = field(default_factory=dict)
    takes: frozenset[str] = KUSTOMIZATION


@dataclass(frozen=True, slots=True)
class Scene:
    """One commit as the search sees it. ``layers`` are those of the goal's target, nearest first.

    ``inputs`` are the files of each target; ``began`` is the file in which an object began, as the tool told.
    """

    tree: FileTree
    objects: Objects
    render: Render
    inputs: Mapping[str, frozenset[str]]
    layers: Sequence[Layer] = ()
    began: Mapping[ResourceId, str] = field(default_factory=dict)
    carriers: frozenset[ResourceId] = frozenset()
    """Objects that say how others are rendered (a controller's own): an edit of what they say moves them by itself."""
    fast: bool = False
    """Whether rendering takes milliseconds, so that many candidates may be tried."""


@dataclass(frozen=True, slots=True)
class Goal:
    """Edits of rendered objects of one target that are wanted together."""

    target: str
    edits: Mapping[ResourceId, tuple[Edit, ...]]


@dataclass(frozen=True, slots=True)
class Spot:
    """One place in a file that sets a value: a leaf, or where an entry was added. ``line`` counts from 1."""

    file: str
    line: int
    pointer: Pointer
    what: str
    """``values key image.tag``, ``images entry``, ``patch``, ``manifest``."""


@dataclass(frozen=True, slots=True)
class EditPlan:
    """The files that change. ``moves`` are the objects that change beside the wanted ones, by target: none for an exact
    edit.
    """

    files: Mapping[str, bytes]
    spots: tuple[Spot, ...]
    moves: tuple[tuple[str, ResourceId], ...] = ()
    tried: int = 0


@dataclass(frozen=True, slots=True)
class NoEdit:
    """No edit of this repository's files does it, and why in a sentence."""

    reason: str
    tried: int = 0
