"""Where a repository is deployed to, and the units that are rendered for it.

A *target* is one place: a cluster, a namespace of one, a Compose host. It consists of *units*, each rendered by one
tool: a kustomization, a chart with its values, a Flux ``Kustomization`` or ``HelmRelease``, an Argo CD ``Application``.
Rendering one unit may bring others to light (an app of apps, the ``Kustomization`` objects below a Flux root): those
belong to the same target. Discovered by :mod:`bot.targets`, rendered by :mod:`bot.renderers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from bot.model.json import Tree
from bot.model.upstream import UpstreamSource

CAPABILITIES: Final = "capabilities"
"""Where the spec of a unit says for which cluster its charts are rendered: ``{"kubeVersion": …, "apiVersions": […]}``."""


class UnitKind(StrEnum):
    """What renders a unit."""

    KUSTOMIZE = "kustomize"
    HELM = "helm"
    DIRECTORY = "directory"
    """Plain manifests of a folder, as Argo CD's directory source and Flux (which generates a kustomization) apply them."""
    FLUX_KUSTOMIZATION = "flux-kustomization"
    FLUX_HELM_RELEASE = "flux-helm-release"
    ARGO_APPLICATION = "argo-application"


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing that one tool renders.

    ``path`` is the repository folder it is rendered from (empty: the top; a chart's folder for Helm). ``namespace`` is
    where objects go that name none. ``spec`` is what parametrises the rendering: the controller object's ``spec`` for
    Flux and Argo CD, for Helm ``{"releaseName", "valueFiles": [path…], "values": {…}}``. ``file`` and ``line`` say
    where people find it declared; ``how`` says in a few words how it was found (``Kustomization flux-system/apps``,
    ``kustomization that nothing refers to``). ``space`` is the namespace of the object that declares it; empty where
    none does.
    """

    kind: UnitKind
    name: str
    path: str
    namespace: str = ""
    spec: Tree = field(default_factory=dict)
    file: str = ""
    line: int = 0
    how: str = ""
    space: str = ""

    @property
    def identity(self) -> tuple[UnitKind, str, str, str]:
        """What tells it from the other units of its target, whatever else is edited: kind, namespace, name and path."""
        return self.kind, self.space, self.name, self.path


@dataclass(frozen=True, slots=True)
class Target:
    """One place, with the units that it begins with. ``name`` is empty for the one unnamed target of a simple repository.

    ``declared`` tells that settings name it. ``cluster`` tells targets apart that cannot be the same place (an Argo CD
    destination, a Flux root); empty where nothing says so. ``paths`` are the folders of plain sources (manifests,
    Compose, Terraform, ``.cw``) that belong to it as they are.
    """

    name: str
    units: tuple[Unit, ...] = ()
    declared: bool = False
    cluster: str = ""
    namespace: str = ""
    paths: tuple[str, ...] = ()
    observer: str = ""
    """Whose live state it is compared with: its own observers by its name, empty for the repository's."""


@dataclass(frozen=True, slots=True)
class NotCompared:
    """A unit or an object that is left out, and why in a sentence. This is neither drift nor its absence."""

    subject: str
    reason: str
    file: str = ""
    line: int = 0
    missing_tool: bool = False
    """Whether only this machine lacks something: trying on another may work."""
    again: bool = False
    """Whether trying again on this machine may end otherwise: a tool ran out of time or memory."""
    hook: bool = False
    """Whether there is nothing to compare: it runs once."""


@dataclass(frozen=True, slots=True)
class RenderedObject:
    """One Kubernetes object as a tool printed it. ``file`` is the repository file it began in, where the tool tells.

    ``opaque`` holds pointers whose values cannot be compared, with the reason (encrypted, placeholder).
    """

    tree: Tree
    file: str = ""
    line: int = 0
    opaque: Mapping[tuple[str | int, ...], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rendering:
    """What one unit comes to. ``inputs`` are the repository paths it was made from; ``error`` is why it could not be
    rendered at all (then there are no objects, which must never read as "everything was removed").
    """

    objects: tuple[RenderedObject, ...] = ()
    inputs: frozenset[str] = frozenset()
    left_out: tuple[NotCompared, ...] = ()
    error: NotCompared | None = None
    cluster_kinds: frozenset[tuple[str, str]] = frozenset()
    """Group and kind of custom resources that live in no namespace, as CRDs tell that are not among ``objects``."""
    fetched: tuple[UpstreamSource, ...] = ()
    """What it was made from beside files of the repository, each with its digest."""
    hooks: tuple[RenderedObject, ...] = ()
    """What runs around a change of the ``objects``, and is none of them."""
    once: tuple[RenderedObject, ...] = ()
    """What is made where it is not there when the ``objects`` are installed, and never changed: definitions of a chart."""
