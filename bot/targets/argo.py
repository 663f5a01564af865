"""What Argo CD objects deploy: ``Application`` and ``ApplicationSet`` as units.

Sources: argo-cd docs, "Application Specification", "ApplicationSet Specification" and the pages of its generators;
templates are Go's ``text/template`` with ``goTemplate: true`` and fasttemplate's ``{{name}}`` without.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bot.model.filetree import FileTree
from bot.model.json import Tree
from bot.model.target import NotCompared, RenderedObject, Unit, UnitKind
from bot.targets import applicationset
from bot.targets.clusters import Cluster
from bot.targets.flux import below, group, mappings, name, namespace, normal_url, text
from bot.targets.paths import joined

GROUP: Final = "argoproj.io"


def applications(
    objects: Iterable[RenderedObject], tree: FileTree, own: Sequence[str], clusters: Mapping[str, Cluster]
) -> list[Unit | NotCompared]:
    """A unit for each ``Application`` among ``objects``, written or made by an ``ApplicationSet``."""
    found: list[Unit | NotCompared] = []
    for each in objects:
        if group(each.tree) != GROUP:
            continue
        if text(each.tree, "kind") == "Application":
            found.append(_application(each, tree, own))
        elif text(each.tree, "kind") == "ApplicationSet":
            made = applicationset.applications(each, tree, own, clusters)
            found += [_application(one, tree, own) if isinstance(one, RenderedObject) else one for one in made]
    return found


def _application(found: RenderedObject, tree: FileTree, own: Sequence[str]) -> Unit | NotCompared:
    spec, title = below(found.tree, "spec"), f"Application {name(found.tree)}"
    listed = sources(spec)
    if not listed:
        return NotCompared(title, "it has no source", found.file, found.line)
    mine = [each for each in listed if _is_ours(each, tree, own)]
    if not mine and not any(text(each, "chart") for each in listed):
        return NotCompared(
            title, f"its source is another repository, {text(listed[0], 'repoURL')}", found.file, found.line
        )
    path = next((joined("", text(each, "path") or ".") for each in mine if "path" in each), "") or ""
    return Unit(
        UnitKind.ARGO_APPLICATION,
        name(found.tree),
        path,
        namespace=text(spec, "destination", "namespace"),
        spec={**spec, "application": {"name": name(found.tree), "namespace": namespace(found.tree)}, "own": list(own)},
        file=found.file,
        line=found.line,
        how=title,
    )


def sources(spec: Tree) -> list[Tree]:
    """The sources of an application: ``spec.sources``, else ``spec.source``."""
    many = mappings(spec.get("sources"))
    return many or [source for source in [below(spec, "source")] if source]


def _is_ours(source: Tree, tree: FileTree, own: Sequence[str]) -> bool:
    if text(source, "chart"):
        return False
    url = text(source, "repoURL")
    if own and url:
        return normal_url(url) in {normal_url(each) for each in own}
    path = joined("", text(source, "path") or ".")
    return path is not None and bool(path in tree or tree.under(path))


def paths(unit: Unit) -> list[str]:
    """The folders of this repository that an application is made from."""
    listed = [joined("", text(each, "path")) for each in sources(unit.spec) if text(each, "path")]
    return [path for path in listed if path is not None]


def cluster(unit: Unit) -> str:
    """Which cluster an application goes to; empty for the one that Argo CD runs in."""
    where = text(unit.spec, "destination", "name") or text(unit.spec, "destination", "server")
    return "" if where in {"", "in-cluster", "https://kubernetes.default.svc"} else f"argo:{where}"
