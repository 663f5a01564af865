"""What the search is given, and what it answers. Used by everything in this package and by those who ask it.

An *object* is what rendering brings forth; a *layer* is a part of a file into which an entry for one target can go; a
*carrier* is an object that says how others are rendered (Flux's ``HelmRelease``, Argo CD's ``Application``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

from bot.model.drift import Edit
from bot.model.filetree import FileTree
from bot.model.json import JSON, Pointer, Tree
from bot.model.resource import ResourceId

Objects: TypeAlias = Mapping[str, Mapping[ResourceId, Tree]]
"""Target name to its rendered objects."""

Render: TypeAlias = Callable[[FileTree, frozenset[str]], Objects | None]
"""The named targets, rendered from a tree; None where one of them does not render any more, or not all of it."""

ObjectId: TypeAlias = tuple[str, ResourceId]
"""An object by its target's name and its own."""

RenderNear: TypeAlias = Callable[[FileTree, ObjectId], Objects | None]
"""One object's target from a tree, where only what brings that object forth is rendered again; else as :data:`Render`."""

KUSTOMIZATION: Final = frozenset({"images", "replicas", "patches", "configMapGenerator", "secretGenerator"})
"""The entries of a kustomization that change an object (kustomize docs, "The Kustomization File")."""
FLUX: Final = frozenset({"images", "patches"})
"""What the spec of a Flux ``Kustomization`` takes of them (kustomize-controller docs, "Patches", "Images")."""
ARGO: Final = frozenset({"replicas", "patches"})
"""What ``spec.source.kustomize`` of an ``Application`` takes of them in kustomize's own form (argo-cd docs,
"Kustomize").
"""


@dataclass(frozen=True, slots=True)
class KustomizationLayer:
    """A kustomization, or the part of another object that takes the same entries, below ``pointer`` of a document.
    ``takes`` names the entries.
    """

    file: str
    document: int = 0
    pointer: Pointer = ()
    takes: frozenset[str] = KUSTOMIZATION


@dataclass(frozen=True, slots=True)
class ValuesLayer:
    """A mapping of a chart's values below ``pointer`` of a document; where that holds text, the YAML in it.

    ``defaults`` are the values that lie below it, the chart's own above all: their keys can be overridden here.
    """

    file: str
    document: int = 0
    pointer: Pointer = ()
    defaults: Tree = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CarriedLayer:
    """Values that another rendered object carries below ``pointer``. They are changed where that object is: in its own
    manifests and patches, or by a new patch in the layers of that object.
    """

    carrier: ResourceId
    pointer: Pointer
    defaults: Tree = field(default_factory=dict)


Layer: TypeAlias = KustomizationLayer | ValuesLayer | CarriedLayer


@dataclass(frozen=True, slots=True)
class Provenance:
    """How one object came to be.

    ``file`` and ``line`` are where it begins (its manifest or template), as the tool told. ``reach`` are the files that
    may have a say in it, nearest first: those of the folder that is rendered, the others it is made from, then those
    that brought it along. ``layers`` are the nearest first as well. ``carriers`` change as a matter of course when what
    they say about this object does. ``cheap``: rendering takes milliseconds, so that many candidates may be tried.
    """

    file: str = ""
    line: int = 0
    reach: tuple[frozenset[str], ...] = ()
    layers: tuple[Layer, ...] = ()
    carriers: frozenset[ResourceId] = frozenset()
    cheap: bool = False

    @property
    def is_template(self) -> bool:
        """Whether the object begins in a chart's template (Helm docs, "Chart File Structure")."""
        return "/templates/" in f"/{self.file}"


Noise: TypeAlias = Mapping[ObjectId, frozenset[Pointer]]
"""The places in objects that each rendering of the same files makes anew: passwords, certificates, dates."""
NO_NOISE: Final[Noise] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Scene:
    """One commit as the search sees it. ``objects`` are all targets rendered from ``tree``, ``inputs`` the files that
    each is made from, ``noise`` what each rendering of it makes anew. ``uses`` counts the
    parts of all targets that a file is read for; where it says nothing, the targets are counted. ``near`` saves the
    rendering of what has nothing to do with an object, where a target is made of many parts.
    """

    tree: FileTree
    objects: Objects
    render: Render
    inputs: Mapping[str, frozenset[str]]
    provenance: Mapping[str, Mapping[ResourceId, Provenance]] = field(default_factory=dict)
    noise: Noise = field(default_factory=dict)
    uses: Mapping[str, int] = field(default_factory=dict)
    near: RenderNear | None = None

    def provenance_of(self, target: str, id_: ResourceId) -> Provenance:
        """How an object came to be; nothing is known of one that nobody described, but that its target's files may
        have a say in it.
        """
        provenances = self.provenance.get(target, {}).get(id_)
        return provenances if provenances is not None else Provenance(reach=(self.inputs.get(target, frozenset()),))

    def is_shared(self, file: str) -> bool:
        """Whether more than one part of what is deployed is made from a file."""
        return (self.uses[file] if file in self.uses else len(self.readers(file))) > 1

    def readers(self, file: str) -> frozenset[str]:
        """The targets that a file is an input of."""
        return frozenset(target for target, inputs in self.inputs.items() if file in inputs)


@dataclass(frozen=True, slots=True)
class Goal:
    """Edits of rendered objects of one target that are wanted together."""

    target: str
    edits: Mapping[ResourceId, tuple[Edit, ...]]


@dataclass(frozen=True, slots=True)
class Spot:
    """One place in a file that sets a value: a leaf, or where an entry was added. ``line`` counts from 1.

    ``label`` says what it is to people: ``values key image.tag``, ``new entry in images``, ``patch``, ``manifest``.
    """

    file: str
    line: int
    pointer: Pointer
    label: str


@dataclass(frozen=True, slots=True)
class EditPlan:
    """The files that change, and where.

    ``moves`` are the objects that change beside what is wanted, of every target; none for an exact edit. A goal's own
    object is among them where more of it changes than was wanted. ``renamed`` are objects that get another name
    because what they hold is part of it (a generated ConfigMap); they, and those who use them, are among ``moves`` too:
    those are the ``followers``. ``through`` are the carriers that change on the way. ``tried`` counts renderings.
    """

    files: Mapping[str, bytes]
    spots: tuple[Spot, ...]
    moves: tuple[ObjectId, ...] = ()
    renamed: Mapping[ResourceId, ResourceId] = field(default_factory=dict)
    through: tuple[ResourceId, ...] = ()
    tried: int = 0
    followers: frozenset[ObjectId] = frozenset()


@dataclass(frozen=True, slots=True)
class NoEdit:
    """No edit of this repository's files does it, and why in a sentence. ``file`` and ``line`` are where the object
    begins, as far as known.
    """

    reason: str
    tried: int = 0
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """One line that says something about a rendered value, with what it says. ``decides``: changing it changes the
    rendered value, which a rendering proved; the others are overridden by those before them, or only lead there.
    """

    spot: Spot
    value: JSON
    decides: bool = False


@dataclass(frozen=True, slots=True)
class Feed:
    """Another rendered value that the same line sets; the whole object where ``pointer`` is empty."""

    target: str
    id: ResourceId
    pointer: Pointer


@dataclass(frozen=True, slots=True)
class Chain:
    """Where one rendered value comes from: ``value`` ← ``links`` (the deciding one first), what else that line
    ``feeds``, and the ``edit`` that would set another value. ``note`` says why, where no line decides.
    """

    target: str
    id: ResourceId
    pointer: Pointer
    value: JSON
    links: tuple[Link, ...] = ()
    feeds: tuple[Feed, ...] = ()
    edit: EditPlan | NoEdit | None = None
    note: str = ""
