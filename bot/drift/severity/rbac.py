"""What the rules of a role grant, compared as whole rules: a wildcard counts by what stands beside it in its own rule.

Used by :mod:`bot.drift.severity.grade`. A grant is one API group, resource, verb and object name (all of them where none is
named), or one path and verb. Only *mighty* grants are asked for: those with a wildcard, and those of the power to grant.
How wildcards match: ``pkg/apis/rbac/v1/evaluation_helpers.go`` (``*/scale`` is that subresource of everything, a path may
end with ``*``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Final, TypeAlias

from bot.model.json import JSON, Tree, get, mappings, text, texts
from bot.model.resource import ResourceId

Grant: TypeAlias = tuple[str, str, str, str]
RoleName: TypeAlias = tuple[str, str, str]
"""Kind, namespace and name; the namespace of a ClusterRole is empty."""

ROLE_KINDS: Final = frozenset({"Role", "ClusterRole"})
ADMIN: Final = "cluster-admin"
"""The role that may do everything (Kubernetes: Using RBAC Authorization, user-facing roles)."""

POWERS: Final = frozenset({"escalate", "bind", "impersonate"})
"""Verbs that make every other grant reachable (Kubernetes: RBAC good practices, privilege escalation risks)."""

REACHING: Final[tuple[tuple[str, str, frozenset[str]], ...]] = (
    ("", "secrets", frozenset({"get", "list", "watch"})),
    ("", "pods/exec", frozenset({"create", "get"})),
    ("", "pods/attach", frozenset({"create", "get"})),
    ("", "pods/ephemeralcontainers", frozenset({"update", "patch"})),
    ("", "serviceaccounts/token", frozenset({"create"})),
    ("", "nodes/proxy", frozenset({"get", "create"})),
    ("", "persistentvolumes", frozenset({"create"})),
    ("certificates.k8s.io", "certificatesigningrequests/approval", frozenset({"update", "patch"})),
    ("certificates.k8s.io", "signers", frozenset({"approve", "sign"})),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations", frozenset({"create", "update", "patch"})),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", frozenset({"create", "update", "patch"})),
)
"""API group, resource and verbs that lead to other accounts and secrets (Kubernetes: RBAC good practices, privilege
escalation risks), but for the creation of workloads, which is what most roles are for.
"""

_ALL: Final = "*"
_PATH: Final = "path"


def gained(desired: JSON, observed: JSON) -> Iterator[Grant]:
    """The mighty grants of the rules ``observed`` that no single rule of ``desired`` gives."""
    before = [*mappings(desired)]
    for rule in mappings(observed):
        if rule not in before:
            yield from (grant for grant in _mighty(rule) if not any(_gives(earlier, grant) for earlier in before))


def reaches_more(desired: JSON, observed: JSON) -> bool:
    """Whether the rules ``observed`` grant something of :data:`REACHING` that no rule of ``desired`` gives."""
    before = [*mappings(desired)]
    grants = (
        (group, resource, verb, name)
        for rule in mappings(observed)
        if rule not in before
        for name in texts(rule.get("resourceNames")) or ("",)
        for group, resource, verbs in REACHING
        for verb in verbs
        if _gives(rule, (group, resource, verb, name))
    )
    return any(not any(_gives(earlier, grant) for earlier in before) for grant in grants)


def grants_more(desired: JSON, observed: JSON) -> bool:
    """Whether the rules ``observed`` grant anything that no rule of ``desired`` gives."""
    before = [*mappings(desired)]
    return any(not _is_given(rule, before) for rule in mappings(observed) if rule not in before)


def _is_given(rule: Tree, before: Sequence[Tree]) -> bool:
    """Whether ``before`` gives all of ``rule``. One of so many grants that nobody would write them apart counts as more."""
    verbs, paths = texts(rule.get("verbs")), texts(rule.get("nonResourceURLs"))
    groups, resources = texts(rule.get("apiGroups")) or ("",), texts(rule.get("resources"))
    names = texts(rule.get("resourceNames")) or ("",)
    if (len(groups) * len(resources) * len(names) + len(paths)) * len(verbs) * len(before) > _MOST:
        return False
    grants = (*product(groups, resources, verbs, names), *product((_PATH,), paths, verbs, ("",)))
    return all(any(_gives(earlier, grant) for earlier in before) for grant in grants)


_MOST: Final = 20_000
"""So many grants are laid beside rules."""


def privileged_roles(trees: Iterable[tuple[ResourceId, Tree]]) -> frozenset[RoleName]:
    """The roles among ``trees`` with a wildcard or the power to grant."""
    return frozenset(
        (id_.kind, id_.scope if id_.kind == "Role" else "", id_.name)
        for id_, tree in trees
        if id_.kind in ROLE_KINDS and next(gained(None, tree.get("rules")), None) is not None
    )


def binds_privileged(binding: Tree, mighty: frozenset[RoleName]) -> bool:
    """Whether ``binding`` refers to cluster-admin or to one of the ``mighty`` roles."""
    kind, name = text(get(binding, "roleRef", "kind")), text(get(binding, "roleRef", "name"))
    scope = text(get(binding, "metadata", "namespace")) if kind == "Role" else ""
    return name == ADMIN or (kind, scope, name) in mighty


def subject_gained(desired: JSON, observed: JSON) -> bool:
    """Whether a binding has a subject that it is not to have, each compared as a whole."""
    before = {_subject(subject) for subject in mappings(desired)}
    return any(_subject(subject) not in before for subject in mappings(observed))


def _subject(subject: Tree) -> tuple[str, str, str]:
    kind = text(subject.get("kind"))
    return kind, text(subject.get("name")), text(subject.get("namespace")) if kind == "ServiceAccount" else ""


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


def _reaches(path: str, target: str) -> bool:
    return path == target or (path.endswith(_ALL) and target.startswith(path[:-1]))
