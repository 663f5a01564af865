"""What the server says that it serves: groups, versions, resources, its own version, and the heads of its OpenAPI.

https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tests.appliers.kube.registry import SHORT
from tests.appliers.kube.schema import Kind

VERSION: Final[Mapping[str, str]] = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.1",
    "gitCommit": "93248f9ae092f571eb870b7664c534bfc7d00f03",
    "gitTreeState": "clean",
    "buildDate": "2025-09-09T19:38:24Z",
    "goVersion": "go1.24.6",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_VERBS: Final = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
AGGREGATED: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def _order(version: str) -> tuple[bool, bool, int]:
    return ("alpha" in version, "beta" in version, -int("".join(filter(str.isdigit, version[:3])) or 0))


def _groups(kinds: Iterable[Kind], *, core: bool) -> dict[str, list[str]]:
    groups: dict[str, set[str]] = {}
    for kind in kinds:
        if (kind.group == "") == core:
            groups.setdefault(kind.group, set()).add(kind.version)
    return {group: sorted(versions, key=_order) for group, versions in groups.items()}


def legacy() -> dict[str, Any]:
    """``/api``."""
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def group(name: str, versions: list[str]) -> dict[str, Any]:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def groups(kinds: Iterable[Kind]) -> dict[str, Any]:
    """``/apis``."""
    named = _groups(kinds, core=False)
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(*each) for each in named.items()]}


def one_group(kinds: Iterable[Kind], name: str) -> dict[str, Any] | None:
    """``/apis/GROUP``."""
    versions = _groups(kinds, core=False).get(name)
    return {"kind": "APIGroup", "apiVersion": "v1", **group(name, versions)} if versions else None


def resources(kinds: Iterable[Kind], group_version: str) -> dict[str, Any] | None:
    """``/apis/GROUP/VERSION`` and ``/api/v1``."""
    served = [kind for kind in kinds if kind.api_version == group_version]
    rows = [row for kind in served for row in _rows(kind)]
    head = {"kind": "APIResourceList", "groupVersion": group_version}
    return {**head, **({"apiVersion": "v1"} if "/" in group_version else {}), "resources": rows} if rows else None


def _rows(kind: Kind) -> list[dict[str, Any]]:
    base = {"namespaced": kind.namespaced, "kind": kind.kind}
    short = kind.names.get("shortNames", SHORT.get(kind.plural, ()))
    singular = kind.names.get("singular", kind.kind.lower())
    whole = {"name": kind.plural, "singularName": singular, **base, "verbs": _VERBS}
    whole |= {"shortNames": list(short)} if short else {}
    below = [
        {"name": f"{kind.plural}/{each}", "singularName": "", **base, "verbs": ["get", "patch", "update"]}
        for each in sorted(kind.subresources)
    ]
    return [whole, *below]


def aggregated(kinds: Iterable[Kind], *, core: bool) -> dict[str, Any]:
    """Both of them in one answer (``apidiscovery.k8s.io/v2``)."""
    kinds = list(kinds)
    items = [
        {
            "metadata": {"name": name, "creationTimestamp": None} if name else {"creationTimestamp": None},
            "versions": [_aggregated_version(kinds, name, version) for version in versions],
        }
        for name, versions in _groups(kinds, core=core).items()
    ]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _aggregated_version(kinds: list[Kind], name: str, version: str) -> dict[str, Any]:
    served = [_aggregated(kind) for kind in kinds if (kind.group, kind.version) == (name, version)]
    return {"version": version, "freshness": "Current", "resources": served}


def _aggregated(kind: Kind) -> dict[str, Any]:
    response = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    scope = "Namespaced" if kind.namespaced else "Cluster"
    row = {
        "resource": kind.plural,
        "responseKind": response,
        "scope": scope,
        "singularResource": kind.names.get("singular", kind.kind.lower()),
        "verbs": _VERBS,
        "shortNames": list(kind.names.get("shortNames", SHORT.get(kind.plural, ()))),
    }
    below = [
        {"subresource": each, "responseKind": response, "verbs": ["get", "patch", "update"]}
        for each in sorted(kind.subresources)
    ]
    return row | ({"subresources": below} if below else {})


def openapi_paths(kinds: Iterable[Kind]) -> dict[str, Any]:
    """``/openapi/v3``."""
    versions = sorted({kind.api_version for kind in kinds})
    where = {each: f"apis/{each}" if "/" in each else f"api/{each}" for each in versions}
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}?hash=0"} for path in where.values()}}


def openapi(kinds: Iterable[Kind], group_version: str) -> dict[str, Any] | None:
    """``/openapi/v3/apis/GROUP/VERSION``: which operations there are and which parameters they take."""
    served = [kind for kind in kinds if kind.api_version == group_version]
    if not served:
        return None
    paths = dict(_operations(kind) for kind in served)
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]}, "paths": paths}


def _operations(kind: Kind) -> tuple[str, dict[str, Any]]:
    root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
    space = "/namespaces/{namespace}" if kind.namespaced else ""
    named = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string"}}
        for name in ("dryRun", "fieldManager", "fieldValidation")
    ]
    operation = {"parameters": parameters, "x-kubernetes-group-version-kind": named}
    verbs = {"put": "put", "patch": "patch"}
    path = f"{root}{space}/{kind.plural}/{{name}}"
    return path, {verb: {**operation, "x-kubernetes-action": action} for verb, action in verbs.items()}
