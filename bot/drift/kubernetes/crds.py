"""Shapes of custom resources, read from their CustomResourceDefinition.

``x-kubernetes-list-type`` and ``x-kubernetes-list-map-keys`` say how a list compares, ``default`` what absence means,
``x-kubernetes-int-or-string`` which texts are numbers. Called by :mod:`bot.drift.compare` for every definition that is
declared or live.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from bot.drift.kubernetes.kinds import is_known, shape_of
from bot.drift.kubernetes.other_version import defined_versions
from bot.drift.options import ComparisonOptions
from bot.drift.shapes import COMPARATORS, FREE, Default, FilledBy, Form, Shape
from bot.drift.typed_texts import quantities_agree
from bot.model.json import JSON, Tree, get, mapping, mappings, text, texts
from bot.model.resource import Desired, Observed, Platform, ResourceId

_QUANTITY: Final = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
"""How the pattern of a quantity begins (``resource.Quantity`` in ``pkg/crd/known_types.go`` of controller-tools)."""


def with_definitions(
    options: ComparisonOptions, desired: Sequence[Desired], resources: Mapping[ResourceId, Observed]
) -> ComparisonOptions:
    """``options`` with the shapes of every definition in sight; the options' own shapes win."""
    trees = [resource.tree for resource in desired if _is_definition(resource.id)]
    trees += [resource.tree for id_, resource in resources.items() if _is_definition(id_)]
    if not trees:
        return options
    shapes = {key: shape for tree in trees for key, shape in shapes_of_crd(tree)}
    versions = {key: defined_versions(tree) for tree in trees if (key := _kind_of(tree))[1]}
    return replace(options, shapes={**shapes, **options.shapes}, versions={**versions, **options.versions})


def with_schemas(options: ComparisonOptions, documents: Sequence[Tree]) -> ComparisonOptions:
    """``options`` with the shapes of the custom kinds that a cluster's OpenAPI documents describe; known ones win."""
    shapes = {key: shape for document in documents for key, shape in shapes_of_openapi(document)}
    return replace(options, shapes={**shapes, **options.shapes}) if shapes else options


def shapes_of_openapi(document: Tree) -> Iterator[tuple[tuple[str, str], Shape]]:
    """The (group, kind) of every custom kind of an OpenAPI v3 document, with its shape (Kubernetes: OpenAPI V3,
    ``/openapi/v3/apis/GROUP/VERSION``).
    """
    for schema in map(mapping, mapping(get(document, "components", "schemas")).values()):
        for served in mappings(schema.get("x-kubernetes-group-version-kind")):
            group, kind = text(served.get("group")), text(served.get("kind"))
            if not is_known(group, kind) and "metadata" in mapping(schema.get("properties")):
                yield (group, kind), _object(schema)


def _is_definition(id_: ResourceId) -> bool:
    return id_.kind == "CustomResourceDefinition" and id_.platform is Platform.KUBERNETES


def shapes_of_crd(tree: Tree) -> Iterator[tuple[tuple[str, str], Shape]]:
    """The (group, kind) that a definition defines, with the shape of its stored version."""
    spec = mapping(tree.get("spec"))
    versions = [*mappings(spec.get("versions"))]
    stored_version = next(
        (version for version in versions if version.get("storage") is True), versions[0] if versions else {}
    )
    schema = mapping(get(stored_version, "schema", "openAPIV3Schema") or get(spec, "validation", "openAPIV3Schema"))
    group, kind = _kind_of(tree)
    if kind:
        yield (group, kind), _object(schema)


def _kind_of(tree: Tree) -> tuple[str, str]:
    spec = mapping(tree.get("spec"))
    return text(spec.get("group")), text(get(spec, "names", "kind"))


def _object(schema: Tree) -> Shape:
    metadata_shape = shape_of("", "")
    fields = {key: _shape(mapping(part)) for key, part in mapping(schema.get("properties")).items()}
    return replace(metadata_shape, fields={**fields, **metadata_shape.fields})


def _shape(schema: Tree) -> Shape:
    shape = _form(schema)
    if "default" not in schema:
        return shape
    source = "default in the CustomResourceDefinition"
    return replace(
        shape, default=Default(source, schema["default"]), zero=schema["default"] not in (None, False, 0, "")
    )


def _form(schema: Tree) -> Shape:
    match text(schema.get("type")):
        case "array":
            return _list(schema, _shape(mapping(schema.get("items"))))
        case "object" if "properties" in schema:
            fields = {key: _shape(mapping(part)) for key, part in mapping(schema.get("properties")).items()}
            return Shape(Form.STRUCT, FilledBy.UNKNOWN, fields=fields)
        case "object" if isinstance(extra := schema.get("additionalProperties"), (dict, Mapping)):
            return Shape(Form.MAP, FilledBy.UNKNOWN, item=_shape(extra))
        case "object" | "" if schema.get("x-kubernetes-preserve-unknown-fields") is True:
            return FREE
        case "object" | "":
            return _number_or_text(schema)
        case _:
            return Shape(Form.LEAF, FilledBy.UNKNOWN)


def _number_or_text(schema: Tree) -> Shape:
    """A field without a type; one that is a number or a text is a quantity where its pattern says so."""
    if schema.get("x-kubernetes-int-or-string") is not True:
        return Shape(Form.ANY, FilledBy.UNKNOWN)
    agrees = quantities_agree if text(schema.get("pattern")).startswith(_QUANTITY) else None
    return Shape(Form.ANY, FilledBy.UNKNOWN, canonical=COMPARATORS["intstr"], agrees=agrees)


def _list(schema: Tree, item: Shape) -> Shape:
    match text(schema.get("x-kubernetes-list-type")):
        case "map":
            properties = mapping(get(schema, "items", "properties"))
            keys = tuple((key, _default(properties, key)) for key in texts(schema.get("x-kubernetes-list-map-keys")))
            return Shape(Form.KEYED, FilledBy.UNKNOWN, item=item, keys=keys)
        case "set":
            return Shape(Form.SET, FilledBy.UNKNOWN, item=item)
        case "atomic":
            return Shape(Form.LIST, FilledBy.UNKNOWN, item=item)
        case _:
            return Shape(Form.ANY, FilledBy.UNKNOWN, item=item)


def _default(properties: Tree, key: str) -> JSON:
    return mapping(properties.get(key)).get("default")
