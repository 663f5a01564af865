"""Which kinds are served: the built-in ones, and those of CustomResourceDefinitions once they are established."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from tests.appliers.kube.schema import Kind, Schema, of_custom, published

_SUBRESOURCES: Final = {
    "deployments": frozenset({"status", "scale"}),
    "statefulsets": frozenset({"status", "scale"}),
    "replicasets": frozenset({"status", "scale"}),
}
_WITHOUT_STATUS: Final = frozenset(
    [
        *("configmaps", "secrets", "serviceaccounts", "roles", "rolebindings", "clusterroles", "clusterrolebindings"),
        *("endpoints", "storageclasses", "priorityclasses", "ingressclasses", "leases", "events", "networkpolicies"),
        *("limitranges", "controllerrevisions", "podtemplates"),
    ]
)
SHORT: Final[Mapping[str, tuple[str, ...]]] = {
    "configmaps": ("cm",),
    "cronjobs": ("cj",),
    "customresourcedefinitions": ("crd", "crds"),
    "daemonsets": ("ds",),
    "deployments": ("deploy",),
    "endpoints": ("ep",),
    "horizontalpodautoscalers": ("hpa",),
    "ingresses": ("ing",),
    "namespaces": ("ns",),
    "networkpolicies": ("netpol",),
    "persistentvolumeclaims": ("pvc",),
    "persistentvolumes": ("pv",),
    "poddisruptionbudgets": ("pdb",),
    "pods": ("po",),
    "replicasets": ("rs",),
    "serviceaccounts": ("sa",),
    "services": ("svc",),
    "statefulsets": ("sts",),
    "storageclasses": ("sc",),
}


def subresources(kind: Kind) -> frozenset[str]:
    """What a built-in kind has below its objects."""
    none: frozenset[str] = frozenset()
    return _SUBRESOURCES.get(kind.plural, none if kind.plural in _WITHOUT_STATUS else frozenset({"status"}))


def built_in() -> list[Kind]:
    """The built-in kinds. Of an autoscaler only the second version is served: nothing here converts the first."""
    kinds = (kind for kind in published()[1] if (kind.group, kind.version) != ("autoscaling", "v1"))
    return [replace(kind, subresources=subresources(kind)) for kind in kinds]


def schema() -> Schema:
    return published()[0]


def established(definition: Mapping[str, Any]) -> bool:
    """Whether a CustomResourceDefinition is served."""
    conditions = definition.get("status", {}).get("conditions", ())
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def custom(definitions: Iterable[Mapping[str, Any]]) -> Iterator[Kind]:
    """The kinds of the established ones among the definitions."""
    for definition in definitions:
        if established(definition):
            yield from _versions(definition["spec"])


def _versions(spec: Mapping[str, Any]) -> Iterator[Kind]:
    names = spec["names"]
    for version in spec["versions"]:
        if version.get("served"):
            yield Kind(
                spec["group"],
                version["name"],
                names["kind"],
                names["plural"],
                spec["scope"] == "Namespaced",
                of_custom(version.get("schema", {}).get("openAPIV3Schema", {})),
                frozenset(version.get("subresources", {})),
                custom=True,
                names=names,
            )
