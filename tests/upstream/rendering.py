"""Repositories rendered with what a fetcher may fetch, as tests look at them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from bot.flows.deployment import Deployment, DeploymentReader, TargetSelection
from bot.model.filetree import FileTree
from bot.model.target import NotCompared
from bot.renderers.renderers import Renderers
from bot.targets.discovery import Named
from bot.targets.documents import Documents
from bot.upstream.fetcher import Fetcher
from tests.gitops import called, tree_of
from tests.upstream.packages import digest, index
from tests.upstream.site import Site

OWN = "https://git.example.com/own"
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\ndata: {a: one}\n"


DEPENDING = "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n"


class Rendered:
    """A repository, rendered with what a fetcher may fetch."""

    def __init__(self, renderers: Renderers, fetcher: Fetcher, *named: Named) -> None:
        documents = Documents(tree_of({}))
        chosen = TargetSelection(named, own_urls=(OWN,))
        self.renderers = renderers
        self.reader = DeploymentReader(renderers, documents, chosen, upstream=fetcher.fetch, cached=fetcher.cached)

    def read(self, files: Mapping[str, str]) -> Deployment:
        return self.reader.read(self.tree(files))

    @staticmethod
    def tree(files: Mapping[str, str]) -> FileTree:
        return tree_of({path: textwrap.dedent(text) for path, text in files.items()})


def objects(deployment: Deployment) -> dict[str, tuple[str, int]]:
    """Every object by ``Kind/name`` with the file and line that it is told to begin at; flux's and argo's own left out."""
    made = [made for expansion in deployment.expansions.values() for _, made in expansion.objects()]
    own = ("fluxcd.io", "argoproj.io")
    return {
        called(each): (each.file, each.line) for each in made if not any(o in str(each.tree["apiVersion"]) for o in own)
    }


def left_out(deployment: Deployment) -> list[NotCompared]:
    return [out for expansion in deployment.expansions.values() for out in expansion.left_out]


def fetched(deployment: Deployment) -> list[str]:
    """What the units were made from, by version and digest."""
    units = [unit for expansion in deployment.expansions.values() for unit in expansion.units]
    return [f"{source.version} {source.digest}" for unit in units for source in unit.rendering.fetched]


def publish(site: Site, versions: Mapping[str, bytes], name: str = "web") -> None:
    """Versions of a chart in an HTTP repository."""
    listed = [{"version": v, "urls": [f"{name}-{v}.tgz"], "digest": digest(data)} for v, data in versions.items()]
    site.put("/charts/index.yaml", index({name: listed}))
    for version, data in versions.items():
        site.put(f"/charts/{name}-{version}.tgz", data)
