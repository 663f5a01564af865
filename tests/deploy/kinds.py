"""Whether an object is as Kubernetes describes its kind: the generated models of its Python client, read strictly.

The models are made from the OpenAPI that Kubernetes publishes (github.com/kubernetes-client/python, "generator"): each has
``openapi_types`` and ``attribute_map``, and its setters refuse what is required and missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

_PLAIN: Final[dict[str, tuple[type, ...]]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "float": (int, float),
    "object": (object,),
    "datetime": (str, datetime),
}
_BEYOND: Final = frozenset({"monitoring.coreos.com", "gateway.networking.k8s.io"})
"""Groups of custom resources, which the client knows nothing of."""


def problems(tree: dict[str, Any]) -> list[str]:
    """Fields that the kind does not have, that are of another type, or that are missing, each with its path."""
    from kubernetes import client

    group, _, version = tree["apiVersion"].rpartition("/")
    if group in _BEYOND:
        return []
    model = getattr(client, f"{version.capitalize()}{tree['kind']}", None)
    if model is None:
        return [f"{tree['apiVersion']} {tree['kind']} is unknown"]
    return list(_wrong(tree, model.__name__, tree["kind"]))


def _wrong(value: Any, type_name: str, path: str) -> Iterator[str]:
    if (inner := re.fullmatch(r"[Ll]ist\[(.+)\]", type_name)) is not None:
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
            return
        for index, item in enumerate(value):
            yield from _wrong(item, inner[1], f"{path}[{index}]")
    elif (inner := re.fullmatch(r"[Dd]ict[\[(]str, (.+)[\])]", type_name)) is not None:
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no mapping"
            return
        for key, item in value.items():
            yield from _wrong(item, inner[1], f"{path}.{key}")
    elif type_name in _PLAIN:
        allowed = _PLAIN[type_name]
        if not isinstance(value, allowed) or (
            isinstance(value, bool) and bool not in allowed and object not in allowed
        ):
            yield f"{path}: {value!r} is no {type_name}"
    else:
        yield from _wrong_object(value, type_name, path)


def _wrong_object(value: Any, type_name: str, path: str) -> Iterator[str]:
    from kubernetes import client

    model = getattr(client, type_name)
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no {type_name}"
        return
    attributes = {name: attribute for attribute, name in model.attribute_map.items()}
    known = {attributes[name]: item for name, item in value.items() if name in attributes}
    yield from (f"{path}.{name} is unknown" for name in value.keys() - attributes.keys())
    try:
        model(**known)
    except ValueError as exc:
        yield f"{path}: {exc}"
    for attribute, item in known.items():
        yield from _wrong(item, model.openapi_types[attribute], f"{path}.{model.attribute_map[attribute]}")
