"""Writes ``schema.json``: the types and kinds of the built-in groups, from the published OpenAPI document.

``python -m tests.appliers.kube.published SWAGGER`` reads ``api/openapi-spec/swagger.json`` of kubernetes/kubernetes, which
``kubernetes/swagger.json.unprocessed`` of kubernetes-client/python carries too. The notation is read by
:mod:`tests.appliers.kube.schema`. How a list or map merges is told by its ``x-kubernetes-list-type``,
``x-kubernetes-list-map-keys`` and ``x-kubernetes-map-type``
(https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy).
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_OUT: Final = Path(__file__).with_name("schema.json")
_GROUPS: Final = frozenset(
    [
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apps",
        "autoscaling",
        "batch",
        "coordination.k8s.io",
        "networking.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
    ]
)
_VERSIONS: Final = frozenset(["v1", "v2"])
_PATH: Final = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>v\d+)/(?P<space>namespaces/\{namespace\}/)?(?P<plural>[a-z]+)$"
)
_UNTYPED: Final = frozenset(
    ["JSON", "JSONSchemaPropsOrArray", "JSONSchemaPropsOrBool", "JSONSchemaPropsOrStringArray", "RawExtension"]
)
_DEFAULTS: Final = {
    ("core.v1.ContainerPort", "protocol"): "TCP",
    ("core.v1.ServicePort", "protocol"): "TCP",
}
"""Defaults of key fields, ``+default`` in the types' sources; the second version of OpenAPI does not carry them."""


def main(swagger: str) -> None:
    """Write the table."""
    document = json.loads(Path(swagger).read_bytes())
    table = _Table(document["definitions"])
    kinds = sorted(_kinds(document, table))
    types = [f"    {json.dumps(name)}: {json.dumps(fields)}" for name, fields in sorted(table.types.items())]
    rows = [f"    {json.dumps(kind)}" for kind in kinds]
    _OUT.write_text(
        '{\n  "kinds": [\n' + ",\n".join(rows) + '\n  ],\n  "types": {\n' + ",\n".join(types) + "\n  }\n}\n",
        encoding="utf-8",
    )


def _kinds(document: dict[str, Any], table: _Table) -> Iterator[tuple[str, str, str, str, bool, str]]:
    """(group, version, kind, plural, namespaced, type) of each kind that can be listed and created."""
    types = {
        (served["group"], served["version"], served["kind"]): name
        for name, definition in document["definitions"].items()
        for served in definition.get("x-kubernetes-group-version-kind", [])
    }
    for path, operations in document["paths"].items():
        where = _PATH.fullmatch(path)
        if where is None or not {"get", "post"} <= set(operations) or (where["group"] or "") not in _GROUPS:
            continue
        served = operations["post"]["x-kubernetes-group-version-kind"]
        key = (served["group"], served["version"], served["kind"])
        if where["version"] in _VERSIONS and key in types:
            yield *key, where["plural"], bool(where["space"]), table.named(types[key])


class _Table:
    def __init__(self, definitions: dict[str, Any]) -> None:
        self._definitions = definitions
        self.types: dict[str, dict[str, Any]] = {}

    def named(self, definition: str) -> str:
        """The notation of a definition, which becomes a type where it has fields."""
        schema = self._definitions[definition]
        short = definition.rpartition(".")[2]
        if short in _UNTYPED or short == "FieldsV1":
            return "untyped"
        if short == "Quantity":
            return "quantity"
        if not schema.get("properties"):
            return self._notation(schema)
        name = ".".join(definition.split(".")[-3:])
        if name not in self.types:
            self.types[name] = {}
            fields = {field: self._field(name, field, of) for field, of in sorted(schema["properties"].items())}
            self.types[name] = {"fields": fields}
            if schema.get("x-kubernetes-map-type") == "atomic":
                self.types[name]["atomic"] = True
            if schema.get("required"):
                self.types[name]["required"] = schema["required"]
        return f"@{name}"

    def _field(self, name: str, field: str, schema: dict[str, Any]) -> str | list[Any]:
        notation = self._notation(schema)
        default = _DEFAULTS.get((name, field))
        return notation if default is None else [notation, default]

    def _notation(self, schema: dict[str, Any]) -> str:
        if "$ref" in schema:
            notation = self.named(schema["$ref"].removeprefix("#/definitions/"))
            return f"atomic {notation}" if schema.get("x-kubernetes-map-type") == "atomic" else notation
        match schema.get("type"):
            case "array":
                return f"[{_relationship(schema)}] {self._notation(schema['items'])}"
            case "object" if "additionalProperties" in schema:
                atomic = "atomic" if schema.get("x-kubernetes-map-type") == "atomic" else ""
                return f"{{{atomic}}} {self._notation(schema['additionalProperties'])}"
            case "string" if schema.get("format") == "int-or-string":
                return "untyped"
            case "string":
                return "string"
            case "integer" | "number":
                return "numeric"
            case "boolean":
                return "boolean"
            case _:
                return "untyped"


def _relationship(schema: dict[str, Any]) -> str:
    match schema.get("x-kubernetes-list-type"):
        case "map":
            return ",".join(schema["x-kubernetes-list-map-keys"])
        case "set":
            return "set"
        case None if "merge" in schema.get("x-kubernetes-patch-strategy", ""):
            return str(schema.get("x-kubernetes-patch-merge-key", "set"))
        case _:
            return "atomic"


if __name__ == "__main__":
    main(sys.argv[1])
