"""What Argo CD objects deploy: ``Application`` and ``ApplicationSet`` as units.

Sources: argo-cd docs, "Application Specification", "ApplicationSet Specification" and the pages of its generators;
templates are Go's ``text/template`` with ``goTemplate: true`` and fasttemplate's ``{{name}}`` without.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bot.model.filetree import FileTree
from bot.model.json import Tree, texts
from bot.model.target import NotCompared, RenderedObject, Unit, UnitKind
from bot.targets import applicationset
from bot.targets.clusters import ArgoCluster
from bot.targets.flux import below, group, mappings, name, namespace, normal_url, text
from bot.targets.paths import joined
from bot.targets.upstream import argo_source, other_revision

GROUP: Final = "argoproj.io"


def applications(
    objects: Iterable[RenderedObject], tree: FileTree, own_urls: Sequence[str], clusters: Mapping[str, ArgoCluster]
) -> list[Unit | NotCompared]:
    """A unit for each ``Application`` among ``objects``, written or made by an ``ApplicationSet``."""
    units: list[Unit | NotCompared] = []
    for rendered in objects:
        if group(rendered.tree) != GROUP:
            continue
        if text(rendered.tree, "kind") == "Application":
            units.append(_application(rendered, tree, own_urls))
        elif text(rendered.tree, "kind") == "ApplicationSet":
            generated = applicationset.applications(rendered, tree, own_urls, clusters)
            units += [
                entry if isinstance(entry, NotCompared) else _application(entry.written, tree, own_urls, entry.files)
                for entry in generated
            ]
    return units


def _application(
    written: RenderedObject, tree: FileTree, own_urls: Sequence[str], generators: Sequence[str] = ()
) -> Unit | NotCompared:
    spec, title = below(written.tree, "spec"), f"Application {name(written.tree)}"
    listed = sources(spec)
    if not listed:
        return NotCompared(title, "it has no source", written.file, written.line)
    mine = [source for source in listed if is_here(source, tree, own_urls)]
    path = next((joined("", text(source, "path") or ".") for source in mine if "path" in source), None)
    if path is None:
        path = "" if mine else _elsewhere(listed[0])
    application: Tree = {"name": name(written.tree), "namespace": namespace(written.tree)}
    return Unit(
        UnitKind.ARGO_APPLICATION,
        name(written.tree),
        path,
        namespace=text(spec, "destination", "namespace"),
        spec={**spec, "application": application, "own": list(own_urls), "generators": list(generators)},
        file=written.file,
        line=written.line,
        how=title,
        space=namespace(written.tree),
    )


def declaring(unit: Unit) -> frozenset[str]:
    """The files that declare an application: its own or its set's, and those that the set's generators read for it."""
    return frozenset({unit.file, *texts(unit.spec.get("generators"))} - {""})


def not_read(unit: Unit, tree: FileTree) -> NotCompared | None:
    """Why an application is not compared though its folders are here: it takes them at another commit than ``tree``'s."""
    own_urls = texts(unit.spec.get("own"))
    mine = (source for source in sources(unit.spec) if is_here(source, tree, own_urls))
    reason = next(
        (problem for source in mine if (problem := other_revision(argo_source(source), tree)) is not None), None
    )
    return None if reason is None else NotCompared(unit.how, reason, unit.file, unit.line)


def _elsewhere(source: Tree) -> str:
    """What people call a source of another place."""
    chart, path = text(source, "chart"), text(source, "path")
    return f"{text(source, 'repoURL').rstrip('/')}{'/' if chart else '//'}{chart or path}".rstrip("/")


def sources(spec: Tree) -> list[Tree]:
    """The sources of an application: ``spec.sources``, else ``spec.source``."""
    many = mappings(spec.get("sources"))
    return many or [source for source in [below(spec, "source")] if source]


def is_here(source: Tree, tree: FileTree | None, own_urls: Sequence[str]) -> bool:
    """Whether a source is this repository: by its URL where ``own_urls`` ones are known, else by whether its path is there
    (without ``tree`` it is taken to be).
    """
    if text(source, "chart"):
        return False
    url = text(source, "repoURL")
    if own_urls and url:
        return normal_url(url) in {normal_url(each) for each in own_urls}
    path = joined("", text(source, "path") or ".")
    return tree is None or (path is not None and bool(tree.under(path)))


def paths(unit: Unit) -> list[str]:
    """The folders of this repository that an application is made from."""
    own_urls = texts(unit.spec.get("own"))
    local_sources = [
        source for source in sources(unit.spec) if text(source, "path") and is_here(source, None, own_urls)
    ]
    return [path for source in local_sources if (path := joined("", text(source, "path"))) is not None]


def cluster_name(cluster: str, clusters: Mapping[str, ArgoCluster]) -> str:
    """What a :func:`cluster` is called: as settings or destinations name it, else by the host of its API server."""
    written = cluster.removeprefix("argo:")
    named = next((each.name for each in clusters.values() if written in {each.name, each.server}), "")
    return named or re.sub(r"^https?://|[:/].*$", "", written)


def cluster(unit: Unit) -> str:
    """Which cluster an application goes to; empty for the one that Argo CD runs in."""
    written = text(unit.spec, "destination", "name") or text(unit.spec, "destination", "server")
    return "" if written in {"", "in-cluster", "https://kubernetes.default.svc"} else f"argo:{written}"
