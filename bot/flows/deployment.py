"""What a commit deploys where: targets found, rendered, and read as resources. Called by :mod:`bot.flows.declare`.

Nothing is read that is not deployed: what belongs to a kustomization, a chart or an Argo CD application declares
nothing by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from bot.errors import Invalid
from bot.intake.declared import nearest
from bot.model.cluster import ServedApi
from bot.model.drift import IgnoreNote
from bot.model.filetree import Ask, FileTree, fact
from bot.model.json import Tree
from bot.model.resource import RENDERER, Desired, ResourceId, SourceError, Unreachable
from bot.model.target import NotCompared, Rendering, Target, Unit, UnitKind
from bot.model.upstream import NotFetched, UpstreamFiles, UpstreamRequest, UpstreamSource, nowhere
from bot.origins.plans import Plans
from bot.ports import UnitRenderer
from bot.targets.clusters import ArgoCluster
from bot.targets.desired import clashes, declared, identity
from bot.targets.discovery import Discovery, Named, discover
from bot.targets.documents import Documents
from bot.targets.expansion import Expansion, ExpansionMemory, Expansions, RenderContext, expand

_ARGO: Final = "argo:"
"""What the cluster of a target begins with that an Argo CD application names (:attr:`~bot.model.target.Target.cluster`)."""

_INFLATES: Final = (b"helmChart", b"HelmChartInflationGenerator")
"""What a kustomization says that takes in a chart (kubectl.docs.kubernetes.io, "helmCharts")."""
_HAS_CHARTS: Final = (b"helm.toolkit.fluxcd.io", b"argoproj.io")

KnownRendering: TypeAlias = Callable[[Unit], Rendering | None]
"""What a unit is taken to come to; None where it must be rendered."""


AskCluster: TypeAlias = Callable[[str], ServedApi]
"""What the cluster serves that the named target's own observer looks at (empty: the repository's)."""


def no_cluster(_observer: str) -> ServedApi:
    """Nothing is known of any cluster."""
    return ServedApi()


@dataclass(frozen=True, slots=True)
class TargetSelection:
    """What settings and the command line say of targets. ``observed`` have observers of their own; ``only`` is one by
    name.
    """

    named: tuple[Named, ...] = ()
    observed: frozenset[str] = frozenset()
    own_urls: tuple[str, ...] = ()
    clusters: Mapping[str, ArgoCluster] = field(default_factory=dict)
    capabilities: Mapping[str, Tree] = field(default_factory=dict)
    only: str | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """The targets of one commit. ``compared_names`` are those that are compared; the resources are theirs alone."""

    tree: FileTree
    discovery: Discovery
    expansions: Mapping[str, Expansion] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()
    resources: tuple[Desired, ...] = ()
    errors: tuple[SourceError, ...] = ()
    notes: tuple[IgnoreNote, ...] = ()
    unreachable: tuple[Unreachable, ...] = ()
    only: str | None = None
    """The one target that was asked for; None for all."""

    @property
    def compared_names(self) -> frozenset[str]:
        """The names of the targets that are compared."""
        return frozenset(target.name for target in self.targets)

    def without_clashes(self, plain: Sequence[Desired]) -> Deployment:
        """This, without the targets of one observer of which two declare an object in ``plain`` files or otherwise."""
        default = {target.name: target for target in self.targets if not target.observer}
        if not any(target.paths for target in default.values()):
            return self
        ids: dict[str, list[ResourceId]] = {name: [] for name in default}
        for desired in (*self.resources, *plain):
            if desired.id.target in ids:
                ids[desired.id.target].append(desired.id)
        clashing = clashes((default[name], shared_ids) for name, shared_ids in ids.items())
        return replace(
            self,
            targets=tuple(target for target in self.targets if target.name not in clashing),
            resources=tuple(desired for desired in self.resources if desired.id.target not in clashing),
            notes=(*self.notes, *(_clash(name, *clashing[name]) for name in sorted(clashing))),
        )

    @property
    def tasks(self) -> frozenset[str]:
        """What every target is sent, by task, compared now or not: what people may give orders about."""
        return frozenset(
            id_._replace(target=name).qualified
            for name, expansion in self.expansions.items()
            for _, rendered in expansion.objects()
            if (id_ := identity(rendered)) is not None
        )


@dataclass(slots=True)
class DeploymentReader:
    """Finds and renders targets. One per process: its renderer remembers, and so do the ``plans`` of edits and the
    ``memory`` of what targets came to, which readers of other settings may share.
    """

    renderer: UnitRenderer
    documents: Documents
    selection: TargetSelection = field(default_factory=TargetSelection)
    plans: Plans = field(default_factory=Plans)
    memory: ExpansionMemory = field(default_factory=ExpansionMemory)
    upstream: Ask = nowhere
    """Has what the repository names and does not hold."""
    cached: Ask = nowhere
    """Has of it what was fetched before."""
    served: AskCluster = no_cluster
    """Has what the cluster serves that an observer looks at, by the observer's name."""
    _served: dict[str, ServedApi] = field(default_factory=dict)
    _answers: dict[UpstreamRequest, UpstreamSource | NotFetched] = field(default_factory=dict)
    _expansions: Expansions = field(init=False)

    def __post_init__(self) -> None:
        self._expansions = Expansions(self.renderer.render_all, self._around(), self.memory)

    def read(self, tree: FileTree) -> Deployment:
        """The targets of ``tree``. Raises ``Invalid`` when the one that was asked for is not among them."""
        selection = self.selection
        self._answers.clear()
        tree = self.reaching(tree)
        discovery = self.discovery(tree)
        targets = [self._observed(target) for target in discovery.targets]
        if selection.only is not None and selection.only not in {target.name for target in targets}:
            raise Invalid(_unknown(selection.only, targets))
        if not targets:
            return Deployment(tree, discovery, errors=discovery.errors)
        self._ask_clusters(targets)
        rendered = self._expansions.of_all(targets, tree)
        expansions = {target.name: expansion for target, expansion in zip(targets, rendered, strict=True)}
        looked_at = [target for target in uncovered(targets, expansions) if target.units or target.paths]
        if selection.only is not None:
            looked_at = [target for target in looked_at if target.name == selection.only]
        return replace(_deployment(tree, discovery, expansions, looked_at), only=selection.only)

    def reaching(self, tree: FileTree) -> FileTree:
        """``tree`` with what it names elsewhere to be fetched when it is rendered."""
        return tree.with_upstream(self._fetched)

    def with_cached_only(self, tree: FileTree) -> FileTree:
        """``tree`` with no more to be had from elsewhere than what was fetched before: for many tries."""
        return tree.with_upstream(self.cached)

    def is_outdated(self) -> bool:
        """Whether what was fetched is another thing by now: a branch went on, or a host answers again; or a cluster serves
        something else.
        """
        served = {observer: self.served(observer) for observer in self._served}
        if served != self._served:
            self._served = served
            return True
        return any(fact(self.upstream(request)) != answer for request, answer in list(self._answers.items()))

    def _fetched(self, request: UpstreamRequest) -> UpstreamFiles | NotFetched:
        answer = self.upstream(request)
        self._answers[request] = fact(answer)
        return answer

    def discovery(self, tree: FileTree) -> Discovery:
        """What ``tree`` deploys; nothing is rendered for it."""
        selection = self.selection
        self.documents = self.documents.on(tree)
        inflating = self.documents.mentions(*_INFLATES)
        if inflating is not self._expansions.around.inflating:
            self._expansions.around = replace(self._expansions.around, inflating=inflating)
        return discover(
            self.documents, named_targets=selection.named, own_urls=selection.own_urls, clusters=selection.clusters
        )

    def expansions(self, targets: Sequence[Target], tree: FileTree, *, keep: bool) -> list[Expansion]:
        """What each of ``targets`` comes to in ``tree``: what it is known to come to, and only else rendered. ``keep``:
        whether that is to be known from now on.
        """
        return self._expansions.of_all(targets, tree, keep=keep)

    def expand(self, target: Target, tree: FileTree, known_rendering: KnownRendering = lambda _unit: None) -> Expansion:
        """One target as it would be with other files; nothing about it is remembered but what its units come to. Units
        that ``known_rendering`` answers for are not rendered.
        """

        def render_all(requests: Sequence[tuple[Unit, FileTree]]) -> list[Rendering]:
            renderings = [known_rendering(unit) for unit, _ in requests]
            waiting = [request for request, rendering in zip(requests, renderings, strict=True) if rendering is None]
            fresh = iter(self.renderer.render_all(waiting))
            return [next(fresh) if rendering is None else rendering for rendering in renderings]

        return expand(target, tree, render_all, self._expansions.around)

    def _ask_clusters(self, targets: Sequence[Target]) -> None:
        """Learn for which clusters charts are rendered, where there are charts; what settings say of one counts first."""
        around = self._expansions.around
        charts = around.inflating or any(unit.kind is UnitKind.HELM for target in targets for unit in target.units)
        if not charts and not self.documents.mentions(*_HAS_CHARTS):
            return
        only = self.selection.only
        for observer in dict.fromkeys(target.observer for target in targets if only in {None, target.name}):
            if observer not in self._served:
                self._served[observer] = self.served(observer)
        clusters = {target.name: self._cluster(target) for target in targets}
        capabilities = {name: cluster for name, cluster in clusters.items() if cluster}
        if capabilities != around.capabilities:
            self._expansions.around = replace(around, capabilities=capabilities)

    def _cluster(self, target: Target) -> Tree:
        """What is known of a target's cluster: what settings say of it, else what it says of itself."""
        given_capabilities = self.selection.capabilities.get(target.name) or self.selection.capabilities.get("") or {}
        served = self._served.get(target.observer, ServedApi()).as_tree()
        return {**served, **{key: value for key, value in given_capabilities.items() if value}}

    def _around(self) -> RenderContext:
        return RenderContext(self.selection.own_urls, self.selection.clusters, self.selection.capabilities)

    def _observed(self, target: Target) -> Target:
        is_observed = target.name in self.selection.observed
        return replace(target, observer=target.name) if is_observed else target


def _unknown(name: str, targets: Sequence[Target]) -> str:
    names = [target.name for target in targets]
    suggestion = nearest(name, names)
    name_list = ", ".join(names) or "none; see `clockwork targets`"
    return f"there is no target {name!r}" + (
        f"; did you mean {suggestion!r}?" if suggestion else f"; this repository has {name_list}"
    )


def uncovered(targets: Sequence[Target], expansions: Mapping[str, Expansion]) -> list[Target]:
    """The targets that nothing else deploys: what an application brought to light takes its folder with it, unless that goes
    to another cluster.
    """
    paths: dict[str, list[Target]] = {}
    for target in targets:
        for rendered in expansions[target.name].units:
            if rendered.parent is not None:
                paths.setdefault(rendered.unit.path, []).append(target)
    return [target for target in targets if target.declared or not target.units or not _is_covered(target, paths)]


def _is_covered(target: Target, paths: Mapping[str, Sequence[Target]]) -> bool:
    covering = paths.get(target.units[0].path, ())
    return target not in covering and any(
        target.cluster in {"", covering_target.cluster} for covering_target in covering
    )


def _deployment(
    tree: FileTree, discovery: Discovery, expansions: Mapping[str, Expansion], targets: Sequence[Target]
) -> Deployment:
    read = {target.name: declared(expansions[target.name]) for target in targets}
    default = [target for target in targets if not target.observer]
    clashing = clashes((target, [desired.id for desired in read[target.name].resources]) for target in default)
    foreign = [target for target in default if _is_foreign(target, default) and target.name not in clashing]
    notes = [*map(_elsewhere, foreign), *(_clash(name, *clashing[name]) for name in sorted(clashing))]
    kept_targets = [target for target in targets if target.name not in clashing and target not in foreign]
    left_out = [out for target in kept_targets for out in expansions[target.name].left_out]
    notes += [_left_out(out) for out in dict.fromkeys([*discovery.left_out, *left_out]) if not out.missing_tool]
    return Deployment(
        tree,
        discovery,
        expansions,
        tuple(kept_targets),
        tuple(desired for target in kept_targets for desired in read[target.name].resources),
        (*discovery.errors, *(error for target in kept_targets for error in read[target.name].errors)),
        tuple(notes),
        tuple(Unreachable(RENDERER, out.subject, out.reason) for out in dict.fromkeys(left_out) if out.missing_tool),
    )


def _is_foreign(target: Target, other_targets: Sequence[Target]) -> bool:
    """Whether a target goes to another cluster than the one that Argo CD runs in, while others do not: one configured live
    state cannot be of both.
    """
    return target.cluster.startswith(_ARGO) and any(
        target_beside.cluster != target.cluster for target_beside in other_targets
    )


def _elsewhere(target: Target) -> IgnoreNote:
    cluster = target.cluster.removeprefix(_ARGO)
    detail = f"it goes to another cluster, {cluster}; name its observer under targets: in clockwork.yaml"
    return IgnoreNote(target.name, "not compared", detail)


def _clash(name: str, clashing_name: str, first: object) -> IgnoreNote:
    detail = (
        f"targets {name} and {clashing_name} both declare {first}, and nothing says which of them the configured live state "
        f"is; choose one with --target, or name each one's observer under targets: in clockwork.yaml"
    )
    return IgnoreNote(name, "not compared", detail)


def _left_out(out: NotCompared) -> IgnoreNote:
    location = f"{out.file}:{out.line}" if out.file and out.line else out.file
    state = "runs once" if out.hook else "not compared"
    return IgnoreNote(f"{out.subject} ({location})" if location else out.subject, state, out.reason)
