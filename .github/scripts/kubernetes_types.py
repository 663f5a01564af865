"""Renews ``bot/drift/kubernetes/openapi.json``: the built-in kinds that no table of ours describes.

Usage: ``python .github/scripts/kubernetes_types.py SWAGGER VERSION``, where SWAGGER is the OpenAPI v2 document of that
Kubernetes release: ``api/openapi-spec/swagger.json`` of kubernetes/kubernetes, or ``kubectl get --raw /openapi/v2``. The
kinds that :mod:`bot.drift.kubernetes.kinds` knows by hand are left out, and so are requests that no server stores.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bot.drift.kubernetes.kinds import by_hand

_OUT: Final = Path(__file__).resolve().parents[2] / "bot" / "drift" / "kubernetes" / "openapi.json"
_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1."
_OURS: Final = {
    f"{_META}ObjectMeta": "Metadata",
    f"{_META}LabelSelector": "Selector",
    "io.k8s.api.core.v1.PodTemplateSpec": "PodTemplate",
    "io.k8s.api.core.v1.Toleration": "Toleration",
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "intstr",
}
"""Definitions that our tables have by another name."""
_STORED_NOT: Final = frozenset(
    [
        "Binding",
        "ComponentStatus",
        "Eviction",
        "LocalSubjectAccessReview",
        "Scale",
        "SelfSubjectAccessReview",
        "SelfSubjectReview",
        "SelfSubjectRulesReview",
        "Status",
        "StorageVersion",
        "SubjectAccessReview",
        "TokenRequest",
        "TokenReview",
    ]
)
_HEAD: Final = {"apiVersion": "ignored:leaf", "kind": "ignored:leaf", "status": "ignored:any"}


def main(swagger: str, version: str) -> None:
    """Write the table."""
    definitions = json.loads(Path(swagger).read_bytes())["definitions"]
    table = _Table(definitions)
    kinds = {f"{group}/{kind}": table.named(name) for (group, kind), name in sorted(_kinds(definitions).items())}
    lines = [f"    {json.dumps(name)}: {json.dumps(fields)}" for name, fields in sorted(table.types.items())]
    _OUT.write_text(
        "{\n"
        f'  "version": {json.dumps(version)},\n'
        '  "source": "Kubernetes OpenAPI v2, api/openapi-spec/swagger.json; made by .github/scripts/kubernetes_types.py",\n'
        f'  "kinds": {json.dumps(kinds, indent=4)[:-1]}  }},\n'
        '  "types": {\n' + ",\n".join(lines) + "\n  }\n}\n",
        encoding="utf-8",
    )


def _kinds(definitions: dict[str, Any]) -> dict[tuple[str, str], str]:
    """The definition of each kind's most stable version, by (group, kind)."""
    best: dict[tuple[str, str], tuple[tuple[int, str], str]] = {}
    for name, definition in definitions.items():
        for served in definition.get("x-kubernetes-group-version-kind", []):
            group, kind, version = served["group"], served["kind"], served["version"]
            stored = "metadata" in definition.get("properties", {}) and not kind.endswith("List")
            if stored and kind not in _STORED_NOT and not by_hand(group, kind):
                rank = (0 if "beta" in version else -1 if "alpha" in version else 1, version)
                best[group, kind] = max(best.get((group, kind), ((-2, ""), "")), (rank, name))
    return {served: name for served, (_, name) in best.items()}


class _Table:
    """The types that the kinds refer to, in the notation of :mod:`bot.drift.shapes`."""

    def __init__(self, definitions: dict[str, Any]) -> None:
        self._definitions = definitions
        self.types: dict[str, dict[str, str]] = {}

    def named(self, definition: str) -> str:
        """The notation of a definition, which becomes a type where it has fields."""
        if definition in _OURS:
            return _OURS[definition]
        properties = self._definitions[definition].get("properties")
        if not properties:
            schema = self._definitions[definition]
            return self._notation(schema) if schema.get("type") != "string" else "leaf"
        *_, group, version, kind = definition.split(".")
        name = f"{group}.{kind}" if version == "v1" else f"{group}.{version}.{kind}"
        if name not in self.types:
            self.types[name] = {}
            self.types[name] = dict(self._fields(properties))
        return name

    def _fields(self, properties: dict[str, Any]) -> Iterator[tuple[str, str]]:
        top = {"apiVersion", "kind", "metadata"} <= set(properties)
        for field, schema in properties.items():
            yield field, _HEAD[field] if top and field in _HEAD else self._notation(schema)

    def _notation(self, schema: dict[str, Any]) -> str:
        if "$ref" in schema:
            return self.named(schema["$ref"].removeprefix("#/definitions/"))
        match schema.get("type"):
            case "array":
                return self._list(schema)
            case "object" if "additionalProperties" in schema:
                return f"map {self._notation(schema['additionalProperties'])}"
            case "string" if schema.get("format") == "byte":
                return "base64"
            case "string" if schema.get("format") == "int-or-string":
                return "intstr"
            case "string" | "integer" | "number" | "boolean":
                return "leaf"
            case _:
                return "any"

    def _list(self, schema: dict[str, Any]) -> str:
        element = self._notation(schema["items"])
        keys = schema.get("x-kubernetes-list-map-keys") or [
            key for key in [schema.get("x-kubernetes-patch-merge-key")] if key
        ]
        if schema.get("x-kubernetes-list-type") == "set":
            return f"set {element}"
        if keys and schema.get("x-kubernetes-list-type") in {"map", None}:
            return f"keyed[{','.join(keys)}] {element}"
        return f"list {element}"


if __name__ == "__main__":
    main(*sys.argv[1:3])
