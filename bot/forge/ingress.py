"""What lets requests in: the spec of an Ingress. Used by :mod:`bot.forge.kubernetes`.

Source of names and forms: the Kubernetes API reference, networking.k8s.io/v1, "IngressSpec".
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.assembly.config import Resource
from bot.assembly.values import Value
from bot.forge.bundle import each, fixed, tree
from bot.forge.pods import elements
from bot.model.json import Pointer


def ingress(resource: Resource) -> Value:
    """The spec of an Ingress."""
    default = resource.get("default")
    entries = {
        "ingressClassName": resource.get("class"),
        "defaultBackend": None if default is None else _backend(default),
        "tls": each(resource.get("tls"), _tls),
        "rules": each(resource.get("rule"), _rule),
    }
    return tree(entries, resource.body)


def host_slots(resource: Resource) -> Mapping[Pointer, tuple[Pointer, str]]:
    """Where hosts can be added, as :class:`~bot.assembly.tracing.TracedOrigins` says it."""
    return {
        ("spec", "tls", index, "hosts"): (("tls", index, "hosts"), "map")
        for index in range(len(elements(resource, "tls")))
    }


def _tls(block: Value) -> Value:
    fields = block.mapping
    return tree({"hosts": fields.get("hosts"), "secretName": fields.get("secret")}, block)


def _rule(rule: Value) -> Value:
    paths = each(rule.mapping["path"], _path)
    return tree({"host": rule.mapping.get("host"), "http": tree({"paths": paths}, rule)}, rule)


def _path(block: Value) -> Value:
    fields = block.mapping
    entries = {
        "path": fields.get("path") or fixed("/", block),
        "pathType": fields.get("type") or fixed("Prefix", block),
        "backend": _backend(block),
    }
    return tree(entries, block)


def _backend(block: Value) -> Value:
    fields = block.mapping
    return tree(
        {"service": tree({"name": fields["service"], "port": tree({"number": fields["port"]}, block)}, block)}, block
    )
