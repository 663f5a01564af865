"""Targets of a repository: what settings name, who renders them, and who looks at each."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Final

from bot.errors import Invalid, Unavailable
from bot.flows.declare import RevisionOf, no_branch
from bot.flows.deployment import AskCluster, DeploymentReader, TargetSelection, no_cluster
from bot.model.cluster import ServedApi
from bot.model.filetree import FileTree
from bot.model.observation import Observation
from bot.model.resource import Desired
from bot.model.revision import Revision
from bot.ports import ClusterObserver, Meter, Observer, Unmeasured, Upstream
from bot.renderers.renderers import Renderers
from bot.targets.clusters import ArgoCluster
from bot.targets.discovery import Named
from bot.targets.documents import Documents
from bot.upstream.fetcher import Fetcher
from bot.upstream.hosts import AllowedHosts
from bot.upstream.keys import KeyRing
from bot.upstream.store import Store
from bot.upstream.web import Web
from bot.wiring.observers import observe, observers
from bot.wiring.repository import OpenRepository, Options, cache_root, checkout, renderings_folder

MIB: Final = 1024 * 1024


def renderers(options: Options, meter: Meter | None = None) -> Renderers:
    """What renders, and remembers it for everybody who is given it: the loop, who reads what was applied, the guard; and on
    this machine for the next process.
    """
    documents, folder = Documents(FileTree({}, lambda _blob: b"")), renderings_folder(options)
    return Renderers(documents, cache=folder, meter=meter or Unmeasured())


def reader(open_repo: OpenRepository, shared: Renderers, served: AskCluster = no_cluster) -> DeploymentReader:
    """Finds and renders the targets of a repository. ``served`` tells of the clusters that they are rendered for."""
    elsewhere = upstream(open_repo)
    return DeploymentReader(
        shared,
        shared.documents,
        selection(open_repo),
        upstream=elsewhere.fetch,
        cached=elsewhere.cached,
        served=served,
    )


def upstream(open_repo: OpenRepository) -> Upstream:
    """Has what the repository names elsewhere, from the hosts that settings allow."""
    fetch, environment = open_repo.settings.fetch, open_repo.options.environment
    web = Web(
        AllowedHosts(tuple(fetch.hosts), tuple(fetch.private_hosts)),
        KeyRing(environment),
        environment,
        fetch.timeout,
    )
    store = Store(cache_root(open_repo.options) / "upstream", fetch.cache_mib * MIB)
    return Fetcher(web, store, most=fetch.max_mib * MIB, refresh=fetch.refresh)


def selection(open_repo: OpenRepository) -> TargetSelection:
    """What settings and the command line say of targets. Live state from the command line is everybody's."""
    settings, options = open_repo.settings, open_repo.options
    observes_live = bool(options.snapshots) or options.live_command is not None
    return TargetSelection(
        named=tuple(
            Named(target.name, target.path, target.namespace, tuple(target.values), target.release)
            for target in settings.targets
        ),
        observed=frozenset()
        if observes_live
        else frozenset(target.name for target in settings.targets if target.observe is not None),
        own_urls=() if open_repo.remote is None or _is_path(open_repo.remote) else (open_repo.remote,),
        clusters={
            cluster.name: ArgoCluster(cluster.name, cluster.server, cluster.labels, cluster.annotations)
            for cluster in settings.argo.clusters
        },
        capabilities={
            name: {"kubeVersion": helm.kube_version, "apiVersions": helm.api_versions}
            for name, helm in [("", settings.helm), *((target.name, target.helm) for target in settings.targets)]
            if helm is not None and (helm.kube_version or helm.api_versions)
        },
        only=options.target,
    )


def revisions(open_repo: OpenRepository) -> RevisionOf:
    """Where commits of a repository are read: on its branch. A folder's files count as the commit that is checked out."""
    git = open_repo.git or checkout(Path(open_repo.options.repo))
    if git is None:
        return no_branch
    branch = open_repo.branch if open_repo.git is not None else git.checked_out()

    def revision(commit: str) -> Revision:
        known_commit = git.resolve(commit) or git.resolve("HEAD") or ""
        return Revision(branch, known_commit, git.head, git.resolve, git.tags)

    return revision


def _is_path(remote: str) -> bool:
    return "://" not in remote and "@" not in remote


def of_target(open_repo: OpenRepository, target: str) -> OpenRepository:
    """The repository as ``target`` is observed: by its own observers, else by the repository's."""
    own_observers = next(
        (target_settings.observe for target_settings in open_repo.settings.targets if target_settings.name == target),
        None,
    )
    if own_observers is None:
        return open_repo
    return replace(open_repo, settings=open_repo.settings.model_copy(update={"observe": own_observers}))


@dataclass(slots=True)
class Observers:
    """Looks at each target by its own observers, else by the repository's; those are made when they are first needed."""

    opened: OpenRepository
    _by_target: dict[str, Sequence[Observer]] = field(default_factory=dict)
    _served: dict[str, ServedApi] = field(default_factory=dict)
    _consulted: set[str] = field(default_factory=set)

    def __call__(self, target: str, declared: Sequence[Desired], now: datetime) -> Observation:
        self._consulted.discard(target)
        if not target and self._elsewhere():
            return Observation(now)  # what Git declares outside of those targets is told to be not compared
        return observe(of_target(self.opened, target), self._observers(target), declared, now)

    def served(self, target: str) -> ServedApi:
        """What the cluster of a target serves, asked once until the target is looked at. One that does not answer serves
        what it did: looking at it tells what is wrong.
        """
        if target not in self._consulted and not (not target and self._elsewhere()):
            self._consulted.add(target)
            with suppress(Unavailable, Invalid):
                served_apis = (
                    observer.served(now=datetime.now(UTC))
                    for observer in self._observers(target)
                    if isinstance(observer, ClusterObserver)
                )
                self._served[target] = reduce(ServedApi.beside, served_apis, ServedApi())
        return self._served.get(target, ServedApi())

    def _observers(self, target: str) -> Sequence[Observer]:
        if target not in self._by_target:
            self._by_target[target] = observers(of_target(self.opened, target))
        return self._by_target[target]

    def check(self) -> None:
        """Raise ``Invalid`` when the repository's own observers are asked for and there are none."""
        if not self._elsewhere():
            self._by_target[""] = observers(self.opened)

    def _elsewhere(self) -> bool:
        """Whether only targets are observed: then nothing is wrong with a repository that names no observer of its own."""
        configured = self.opened.settings.observe
        kinds_configured = (
            configured.snapshot,
            configured.docker,
            configured.kubernetes,
            configured.terraform,
            configured.http or None,
        )
        options = self.opened.options
        live = bool(options.snapshots) or options.live_command is not None
        return (
            not live
            and not any(kinds_configured)
            and any(target.observe is not None for target in self.opened.settings.targets)
        )
