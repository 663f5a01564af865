"""A custom resource that Git declares in one version of its API and that is live in another.

What its fields come to in the other version only its definition tells: without a conversion of its own the API server
changes nothing but ``apiVersion`` (Kubernetes: Versions in CustomResourceDefinitions, "Specify multiple versions"), so that
what both schemas say alike is compared as ever. Anything else is unknown. Asked by :mod:`bot.drift.kubernetes.objects`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.drift.kubernetes.kinds import is_known
from bot.drift.options import ComparisonOptions, DefinedVersions
from bot.model.json import JSON, Tree, get, mapping, mappings, text
from bot.model.paths import Item, Path
from bot.model.resource import ResourceId

_SAME: Final = frozenset(
    {
        "gateway.networking.k8s.io",
        "networking.istio.io",
        "security.istio.io",
        "telemetry.istio.io",
    }
)
"""Groups whose definitions have no conversion, and whose versions of a kind have the same fields (Gateway API: Versioning;
Istio 1.22: Change Notes, "APIs promoted to v1").
"""
_SCHEMA_TEXTS: Final = frozenset({"description", "example", "examples", "title", "externalDocs"})
"""What a schema says to people."""


def unknown(path: Path, desired: Tree, live: Tree, id_: ResourceId, options: ComparisonOptions) -> str | None:
    """Why nobody can tell whether a difference at ``path`` is one; None where the versions are one, or say the same of it."""
    desired_version, live_version = text(desired.get("apiVersion")), text(live.get("apiVersion"))
    if desired_version == live_version or path[:1] == ("metadata",) or is_known(id_.group, id_.kind):
        return None
    beginning = f"unknown: Git has {desired_version}, the live object is {live_version}, and"
    defined = options.versions.get((id_.group, id_.kind))
    if defined is None:
        return None if id_.group in _SAME else f"{beginning} no definition of the kind is in sight"
    if defined.converted:
        return f"{beginning} a webhook converts between them"
    schemas = [defined.schemas.get(version_text.rpartition("/")[2]) for version_text in (desired_version, live_version)]
    if not all(schemas):
        return f"{beginning} the definition does not say what both of them have"
    before, now = (_at(mapping(schema), path) for schema in schemas)
    return None if before == now else f"{beginning} their schemas differ there"


def defined_versions(tree: Tree) -> DefinedVersions:
    """What a definition says of the versions of its kind."""
    spec = mapping(tree.get("spec"))
    shared = get(spec, "validation", "openAPIV3Schema")  # one for all of them in apiextensions/v1beta1
    schemas = {
        text(version.get("name")): mapping(get(version, "schema", "openAPIV3Schema") or shared)
        for version in mappings(spec.get("versions"))
    }
    strategy = text(get(spec, "conversion", "strategy"))
    return DefinedVersions(converted=strategy not in {"", "None"}, schemas=schemas)


def _at(schema: Tree, path: Path) -> JSON:
    """What ``schema`` says at ``path``, without its words for people."""
    part: JSON = schema
    for step in path:
        part = _below(mapping(part), step)
    return _plain(part)


def _below(schema: Tree, step: str | int | Item) -> JSON:
    if not isinstance(step, str):
        return schema.get("items")
    property_schema = mapping(schema.get("properties")).get(step)
    if property_schema is not None:
        return property_schema
    return schema.get("additionalProperties", schema.get("x-kubernetes-preserve-unknown-fields"))


def _plain(schema: JSON) -> JSON:
    if isinstance(schema, (dict, Mapping)):
        return {
            key: {name: _plain(entry) for name, entry in mapping(value).items()}
            if key == "properties"
            else _plain(value)
            for key, value in schema.items()
            if key not in _SCHEMA_TEXTS
        }
    return [_plain(element) for element in schema] if isinstance(schema, (list, tuple)) else schema
