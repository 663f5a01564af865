"""What a cluster serves, from its own lists or from what a snapshot shows. Used by :mod:`bot.observers.kubernetes` and
:mod:`bot.observers.documents`.

Sources: Kubernetes docs, "The Kubernetes API" ("Aggregated discovery"), "Version Skew Policy" ("kubelet must not be newer
than kube-apiserver"), and the API reference of CustomResourceDefinition. What counts for Helm is ``GetVersionSet`` in its
``pkg/action/action.go``: each version of a group, and each kind in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from bot.model.cluster import ServedApi
from bot.model.json import Tree, get, mapping, mappings, text
from bot.model.semver import parse_version

AGGREGATED: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList, application/json"
"""What is asked for to have all groups in one answer; a server that knows no such list answers with the older one
(Kubernetes docs, "The Kubernetes API", "Aggregated discovery").
"""
FACTS: Final = frozenset({"APIGroupDiscoveryList", "APIGroupList", "APIResourceList", "APIVersions"})
"""Kinds that say what is served and are no objects themselves (``kubectl get --raw /apis``)."""


def in_lists(lists: Iterable[Tree]) -> Iterator[str]:
    """What discovery lists say is served, of any of their forms."""
    for version_list in lists:
        for group in mappings(version_list.get("items")):
            for version in mappings(group.get("versions")):
                name = _joined(text(get(group, "metadata", "name")), text(version.get("version")))
                yield name
                kinds = (text(get(entry, "responseKind", "kind")) for entry in mappings(version.get("resources")))
                yield from (f"{name}/{kind}" for kind in kinds if kind)
        for group in mappings(version_list.get("groups")):
            yield from (text(version.get("groupVersion")) for version in mappings(group.get("versions")))
        if group_version := text(version_list.get("groupVersion")):
            yield group_version
            yield from (
                f"{group_version}/{text(entry.get('kind'))}" for entry in mappings(version_list.get("resources"))
            )


def in_objects(objects: Iterable[Tree]) -> ServedApi:
    """What live objects prove: their own kinds, those that definitions of custom resources serve, and the newest kubelet's
    version, which the API server's is not older than.
    """
    kubelets: list[str] = []
    served: set[str] = set()
    for tree in objects:
        kind, version = text(tree.get("kind")), text(tree.get("apiVersion"))
        served.update({version, f"{version}/{kind}"})
        if kind == "CustomResourceDefinition":
            served.update(_defined(mapping(tree.get("spec"))))
        if kind == "Node":
            kubelets.append(text(get(tree, "status", "nodeInfo", "kubeletVersion")))
    kubelet_versions = [newest for kubelet in kubelets if (newest := parse_version(kubelet)) is not None]
    return ServedApi(max(kubelet_versions).text if kubelet_versions else "", tuple(sorted(served - {""})))


def version_of(facts: Tree) -> str:
    """The server's version in what ``/version`` answers, or what ``kubectl version -o json`` prints."""
    return text(get(facts, "serverVersion", "gitVersion")) or text(facts.get("gitVersion"))


def _defined(spec: Tree) -> Iterator[str]:
    for version in mappings(spec.get("versions")):
        if version.get("served") is True:
            name = _joined(text(spec.get("group")), text(version.get("name")))
            yield from (name, f"{name}/{text(get(spec, 'names', 'kind'))}")


def _joined(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version
