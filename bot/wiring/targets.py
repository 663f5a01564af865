"""Targets of a repository: what settings name, who renders them, and who looks at each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from bot.flows.deployment import DeploymentReader, TargetSelection
from bot.model.filetree import FileTree
from bot.model.observation import Observation
from bot.model.resource import Desired
from bot.ports import Meter, Observer, Unmeasured, Upstream
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
from bot.wiring.repository import OpenRepository, cache_root

MIB: Final = 1024 * 1024


def renderers(meter: Meter | None = None) -> Renderers:
    """What renders, and remembers it for everybody who is given it: the loop, who reads what was applied, the guard."""
    return Renderers(Documents(FileTree({}, lambda _blob: b"")), meter=meter or Unmeasured())


def reader(opened: OpenRepository, shared: Renderers) -> DeploymentReader:
    """Finds and renders the targets of a repository."""
    elsewhere = upstream(opened)
    return DeploymentReader(shared, shared.documents, selection(opened), upstream=elsewhere.fetch, known=elsewhere.kept)


def upstream(opened: OpenRepository) -> Upstream:
    """Has what the repository names elsewhere, from the hosts that settings allow."""
    fetch, environment = opened.settings.fetch, opened.options.environment
    web = Web(
        AllowedHosts(tuple(fetch.hosts), tuple(fetch.private_hosts)),
        KeyRing(environment),
        environment,
        fetch.timeout,
    )
    store = Store(cache_root(opened.options) / "upstream", fetch.cache_mib * MIB)
    return Fetcher(web, store, most=fetch.max_mib * MIB, refresh=fetch.refresh)


def selection(opened: OpenRepository) -> TargetSelection:
    """What settings and the command line say of targets. Live state from the command line is everybody's."""
    settings, options = opened.settings, opened.options
    named = options.live is not None or options.live_command is not None
    return TargetSelection(
        named=tuple(
            Named(each.name, each.path, each.namespace, tuple(each.values), each.release) for each in settings.targets
        ),
        observed=frozenset()
        if named
        else frozenset(each.name for each in settings.targets if each.observe is not None),
        own=() if opened.remote is None or _is_path(opened.remote) else (opened.remote,),
        clusters={
            each.name: ArgoCluster(each.name, each.server, each.labels, each.annotations)
            for each in settings.argo.clusters
        },
        capabilities={
            name: {"kubeVersion": helm.kube_version, "apiVersions": helm.api_versions}
            for name, helm in [("", settings.helm), *((each.name, each.helm) for each in settings.targets)]
            if helm is not None and (helm.kube_version or helm.api_versions)
        },
        only=options.target,
    )


def _is_path(remote: str) -> bool:
    return "://" not in remote and "@" not in remote


@dataclass(slots=True)
class Observers:
    """Looks at each target by its own observers, else by the repository's; those are made when they are first needed."""

    opened: OpenRepository
    _made: dict[str, Sequence[Observer]] = field(default_factory=dict)

    def __call__(self, target: str, declared: Sequence[Desired], now: datetime) -> Observation:
        opened = self._of(target)
        if target not in self._made:
            if not target and self._elsewhere():
                return Observation(now)  # what Git declares outside of those targets is told to be not compared
            self._made[target] = observers(opened)
        return observe(opened, self._made[target], declared, now)

    def check(self) -> None:
        """Raise ``Invalid`` when the repository's own observers are asked for and there are none."""
        if not self._elsewhere():
            self._made[""] = observers(self.opened)

    def _of(self, target: str) -> OpenRepository:
        own = next((each.observe for each in self.opened.settings.targets if each.name == target), None)
        if own is None:
            return self.opened
        return replace(self.opened, settings=self.opened.settings.model_copy(update={"observe": own}))

    def _elsewhere(self) -> bool:
        """Whether only targets are observed: then nothing is wrong with a repository that names no observer of its own."""
        configured = self.opened.settings.observe
        named = (
            configured.snapshot,
            configured.docker,
            configured.kubernetes,
            configured.terraform,
            configured.http or None,
        )
        live = self.opened.options.live or self.opened.options.live_command
        return (
            live is None and not any(named) and any(each.observe is not None for each in self.opened.settings.targets)
        )
