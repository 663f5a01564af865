"""What the rules of a role grant, compared as whole rules: a wildcard counts by what stands beside it in its own rule.

Used by :mod:`bot.drift.severity.grade`. A grant is one API group, resource, verb and object name (all of them where none is
named), or one path and verb. Only *mighty* grants are asked for: those with a wildcard, and those of the power to grant.
How wildcards match: ``pkg/apis/rbac/v1/evaluation_helpers.go`` (``*/scale`` is that subresource of everything, a path may
end with ``*``).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final, TypeAlias

from bot.model.json import JSON, Tree, mappings, texts

Grant: TypeAlias = tuple[str, str, str, str]

POWERS: Final = frozenset({"escalate", "bind", "impersonate"})
"""Verbs that make every other grant reachable (Kubernetes: RBAC good practices, privilege escalation risks)."""

_ALL: Final = "*"
_PATH: Final = "path"


def gained(desired: JSON, observed: JSON) -> Iterator[Grant]:
    """The mighty grants of the rules ``observed`` that no single rule of ``desired`` gives."""
    before = [*mappings(desired)]
    for rule in mappings(observed):
        if rule not in before:
            yield from (grant for grant in _mighty(rule) if not any(_gives(earlier, grant) for earlier in before))


def _mighty(rule: Tree) -> Iterator[Grant]:
    verbs = texts(rule.get("verbs"))
    groups, resources = texts(rule.get("apiGroups")) or ("",), texts(rule.get("resources"))
    paths = texts(rule.get("nonResourceURLs"))
    if not (POWERS.intersection(verbs) or any(_ALL in part for part in (*verbs, *groups, *resources, *paths))):
        return
    names = texts(rule.get("resourceNames")) or ("",)
    for grant in (*product(groups, resources, verbs, names), *product((_PATH,), paths, verbs, ("",))):
        group, resource, verb, _ = grant
        if verb in POWERS or _ALL in {group, verb} or _ALL in resource:
            yield grant


def _gives(rule: Tree, grant: Grant) -> bool:
    group, resource, verb, name = grant
    if not _among(verb, texts(rule.get("verbs"))):
        return False
    if group == _PATH:
        return any(_reaches(path, resource) for path in texts(rule.get("nonResourceURLs")))
    names = texts(rule.get("resourceNames"))
    return (
        _among(group, texts(rule.get("apiGroups")) or ("",))
        and _includes(resource, texts(rule.get("resources")))
        and (not names or name in names)
    )


def _among(part: str, parts: tuple[str, ...]) -> bool:
    return part in parts or _ALL in parts


def _includes(resource: str, resources: tuple[str, ...]) -> bool:
    below = resource.partition("/")[2]
    return _among(resource, resources) or (below != "" and f"*/{below}" in resources)


def _reaches(path: str, other: str) -> bool:
    return path == other or (path.endswith(_ALL) and other.startswith(path[:-1]))
