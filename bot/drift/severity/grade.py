"""How bad a drift is: a table of rules with ids, of which the worst that applies counts.

Two kinds of rules. *Privilege* rules look at what the live side gained over the declared one (``privileged: true``, the
engine's socket, a wildcard in RBAC) and at the restrictions it lost. *Baseline* rules go by where the difference is.
Because the worst counts and gaining is judged entry by entry, adding a privilege to a live value never lowers the
severity. Called by the judges for every drift they make.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from bot.drift import images
from bot.drift.severity import access, rbac
from bot.drift.severity.fields import Weakening
from bot.drift.severity.grants import Grants
from bot.drift.severity.rules import (
    BASELINES,
    BINDINGS,
    CRITICAL,
    HIGH,
    LOW,
    MEDIUM,
    PRIVILEGES,
    RESTRICTIONS,
    SeverityRule,
)
from bot.model.drift import DriftKind
from bot.model.json import JSON, mapping, several
from bot.model.paths import Item, Path
from bot.model.resource import ResourceId
from bot.model.severity import Severity

Leaf = tuple[tuple[str, ...], JSON]

_DATA_BEARING: Final = frozenset(
    [
        "PersistentVolumeClaim",
        "PersistentVolume",
        "StatefulSet",
        "Namespace",
        "CustomResourceDefinition",
        "Secret",
        "StorageClass",
        "VolumeSnapshot",
        "volume",
        "secret",
    ]
)
"""Kinds whose absence means that data are gone, or become unreachable."""
_HARMLESS_KINDS: Final = frozenset(["ConfigMap", "config", "network", "Endpoints", "EndpointSlice"])
"""Kinds that can be made again from Git without loss."""
_CRASHES: Final = re.compile(r"crash|oom|dead|backoff|failed|unavailable|lost|error|exited|restarting", re.IGNORECASE)

"""Reasons of the health of pods and containers that mean that something does not run."""
_COUNTS: Final = frozenset([("spec", "replicas"), ("deploy", "replicas"), ("scale",)])
"""How many copies run: none at all is an outage."""
_ROLES: Final = rbac.ROLE_KINDS
_BY_PART: Final = frozenset({*_ROLES, "ConfigMap"})
"""Kinds of which some parts are judged as a whole: what rules of a role, or a list of access, come to is in no single leaf."""
_WHOLE: Final = ((), ("data",))
"""Where such an object is taken apart: a whole one that nobody declared, or all that a ConfigMap holds."""
_BY_ID: Final = {rule.id: rule for rule in PRIVILEGES}

_NONE: Final = Grants()

FALLBACK: Final = ("field", MEDIUM)


def severity(
    resource: ResourceId,
    kind: DriftKind,
    path: Path,
    desired: JSON,
    observed: JSON,
    *,
    grants: Grants = _NONE,
    weakened: Sequence[Weakening] = (),
    mighty: bool = False,
) -> tuple[Severity, str]:
    """The severity of a drift and the id of the rule that says so. Values come unmasked. ``grants`` tells which metadata
    grant or expose something, ``weakened`` where the live resource gives more by a field; ``mighty``: it binds a role that
    may do everything of a kind.
    """
    names = names_of(path)
    best, rule = _baseline(resource, kind, names, desired, observed)
    weighed = grants.weigh(resource.kind, names, desired, observed)
    if weighed is not None:
        best, rule = weighed.severity, weighed.rule
    gains = [*_gained(resource, names, desired, observed)]
    if mighty and _bound(resource, names, desired, observed):
        gains.append(_BY_ID["mighty-binding"])
    grades = [(gain.severity, gain.id) for gain in gains]
    grades += [(weakening.row.severity, weakening.row.rule) for weakening in weakened if weakening.touches(names)]
    worst, id_ = max(grades, key=lambda graded: graded[0].rank, default=(LOW, ""))
    if worst.rank > best.rank or (id_ and worst is best and weighed is None):
        return (
            worst,
            id_,
        )  # of two that are as bad, the one that names a privilege: nothing is committed without asking for it
    return best, rule


def is_grave(
    resource: ResourceId,
    path: Path,
    desired: JSON,
    observed: JSON,
    *,
    grants: Grants,
    weakened: Sequence[Weakening] = (),
) -> bool:
    """Whether a difference grants something, or takes a restriction away, that is HIGH or worse. Other than the rule of
    :func:`severity`, it tells so as well where the place alone is as severe.
    """
    names = names_of(path)
    weighed = grants.weigh(resource.kind, names, desired, observed)
    grades = [gain.severity for gain in _gained(resource, names, desired, observed)]
    grades += [] if weighed is None else [weighed.severity]
    grades += [weakening.row.severity for weakening in weakened if weakening.touches(names)]
    return any(grade.rank >= HIGH.rank for grade in grades)


def _baseline(
    resource: ResourceId, kind: DriftKind, names: tuple[str, ...], desired: JSON, observed: JSON
) -> tuple[Severity, str]:
    match kind:
        case DriftKind.UNHEALTHY:
            return (HIGH if _CRASHES.search(str(observed)) else MEDIUM), "unhealthy"
        case DriftKind.STALE_ARTIFACT:
            return LOW, "stale-artifact"
        case DriftKind.MISSING if not names:
            return _missing(resource)
        case DriftKind.UNMANAGED:
            return MEDIUM, "unmanaged"
        case DriftKind.REMOVED if not names:
            return MEDIUM, "dropped-from-git"
        case _ if names in _COUNTS and _none(observed) and not _none(desired):
            return HIGH, "scaled-to-zero"
        case _ if names[-1:] == ("image",):
            return _image(desired, observed)
        case _:
            return _by_path(resource, names)


def _none(value: JSON) -> bool:
    return not isinstance(value, bool) and value in (0, "0")


def _missing(resource: ResourceId) -> tuple[Severity, str]:
    if resource.kind in _DATA_BEARING:
        return CRITICAL, "data-deleted"
    return (MEDIUM if resource.kind in _HARMLESS_KINDS else HIGH), "resource-missing"


def _image(desired: JSON, observed: JSON) -> tuple[Severity, str]:
    """Another registry or repository is other software; another tag or digest is another version of it."""
    declared, live = images.parse(desired), images.parse(observed)
    if declared is None or live is None:
        return HIGH, "image"
    if declared.registry != live.registry:
        return CRITICAL, "image-registry"
    if declared.repository != live.repository:
        return CRITICAL, "image-repository"
    return HIGH, "image-tag"


def _by_path(resource: ResourceId, names: tuple[str, ...]) -> tuple[Severity, str]:
    for base in BASELINES:
        if (not base.kinds or resource.kind in base.kinds) and any(_contains(names, tail) for tail in base.path_words):
            return base.severity, base.id
    return FALLBACK[1], FALLBACK[0]


def _contains(names: tuple[str, ...], tail: tuple[str, ...]) -> bool:
    if len(tail) == 1:
        return tail[0] in names
    return any(names[at : at + len(tail)] == tail for at in range(len(names) - len(tail) + 1))


def _gained(resource: ResourceId, names: tuple[str, ...], desired: JSON, observed: JSON) -> Iterator[SeverityRule]:
    """Privilege rules that a live leaf meets and no declared one does, and restrictions the other way round."""
    if resource.kind in _BY_PART and names in _WHOLE:
        for part in dict.fromkeys((*mapping(desired), *mapping(observed))):
            yield from _gained(resource, (*names, part), mapping(desired).get(part), mapping(observed).get(part))
    elif names == ("rules",) and resource.kind in _ROLES:
        yield from _granted(desired, observed)
    elif names[:1] == ("aggregationRule",) and resource.kind in _ROLES:
        yield from _selected(names, desired, observed)
    elif resource.kind == "ConfigMap" and names[:1] == ("data",) and access.is_list(resource.name, names[-1]):
        if access.gained(desired, observed):
            yield _BY_ID["access-list"]
    else:
        yield from _by_leaves(resource, names, desired, observed)


def _by_leaves(resource: ResourceId, names: tuple[str, ...], desired: JSON, observed: JSON) -> Iterator[SeverityRule]:
    live = [*leaves(observed, names)]
    declared = [*leaves(desired, names)]
    for about, gained, before in ((_privileges, live, declared), (_restrictions, declared, live)):
        for leaf in gained:
            for rule in about(resource.kind, leaf[0][-1] if leaf[0] else ""):
                if _meets(rule, leaf) and leaf not in before and not _covered(rule, leaf, before):
                    yield rule


def _bound(resource: ResourceId, names: tuple[str, ...], desired: JSON, observed: JSON) -> bool:
    """Whether a difference of a binding gives its role to somebody, or another role to all of its subjects."""
    if resource.kind not in BINDINGS:
        return False
    return names[:1] == ("roleRef",) or (names == ("subjects",) and rbac.subject_gained(desired, observed))


def _granted(desired: JSON, observed: JSON) -> Iterator[SeverityRule]:
    """The privilege rules about what whole rules of a role gained: verbs and wildcards, what leads to more, anything else."""
    if rbac.grants_more(desired, observed):
        yield _BY_ID["rbac-grant"]
    for grant in rbac.gained(desired, observed):
        yield _BY_ID["rbac-escalation" if grant[2] in rbac.POWERS else "rbac-wildcard"]
    if rbac.reaches_more(desired, observed):
        yield _BY_ID["rbac-reach"]


def _selected(names: tuple[str, ...], desired: JSON, observed: JSON) -> Iterator[SeverityRule]:
    """An aggregated role gains the rules of whatever its selectors come to match: by a new one, or by a condition less."""
    before = [*leaves(desired, ())]
    if observed is None:
        gains = len(names) > 1
    else:
        gains = any(leaf not in before for leaf in leaves(observed, ()))
        gains = gains or (_selects_all(names, observed) and not _selects_all(names, desired))
    if gains:
        yield _BY_ID["rbac-aggregation"]


def _selects_all(names: tuple[str, ...], value: JSON) -> bool:
    """Whether one of the selectors is empty, which matches every role (Kubernetes: Labels and Selectors, LabelSelector)."""
    selectors = mapping(value).get("clusterRoleSelectors") if names == ("aggregationRule",) else value
    return any(isinstance(each, Mapping) and not [*leaves(each, ())] for each in several(selectors))


def _meets(rule: SeverityRule, leaf: Leaf) -> bool:
    names, value = leaf
    return any(_ends(names, tail) for tail in rule.tails) and rule.test(value)


def _covered(rule: SeverityRule, leaf: Leaf, other_leaves: Sequence[Leaf]) -> bool:
    """Whether the other side says as much at the same place."""
    return any(names == leaf[0] and rule.covered(value) for names, value in other_leaves)


def _ends(names: tuple[str, ...], tail: tuple[str, ...]) -> bool:
    if len(names) < len(tail):
        return False
    return all(_is(name, pattern) for name, pattern in zip(names[-len(tail) :], tail, strict=True))


def _is(name: str, pattern: str) -> bool:
    return pattern == name or (pattern[-1] == "*" and name.startswith(pattern[:-1]))


@lru_cache(maxsize=4096)
def _privileges(kind: str, last: str) -> tuple[SeverityRule, ...]:
    """Those that may hold at a leaf which is called ``last``: nearly every leaf is about none."""
    return tuple(_about(PRIVILEGES, kind, last))


@lru_cache(maxsize=4096)
def _restrictions(kind: str, last: str) -> tuple[SeverityRule, ...]:
    return tuple(_about(RESTRICTIONS, kind, last))


def _about(rules: Iterable[SeverityRule], kind: str, last: str) -> Iterator[SeverityRule]:
    for rule in rules:
        if (not rule.kinds or kind in rule.kinds) and any(_is(last, tail[-1]) for tail in rule.tails):
            yield rule


def leaves(value: JSON, names: tuple[str, ...]) -> Iterator[Leaf]:
    """Every scalar below with the names on the way to it. Elements of lists stand at the place of their list, except
    that mappings with an identity of their own (``name``, ``target``) keep it, as the paths of drifts do.
    """
    if isinstance(value, (dict, Mapping)):
        for key, entry in value.items():
            yield from leaves(entry, (*names, key))
    elif isinstance(value, (list, tuple)):
        for element in value:
            at = (*names, "*") if isinstance(element, (dict, Mapping)) and names[-1:] in _BY_KEY else names
            yield from leaves(element, at)
    else:
        yield names, value


_BY_KEY: Final = frozenset(
    (name,)
    for name in [
        "containers",
        "initContainers",
        "ephemeralContainers",
        "volumes",
        "devices",
        "hostAliases",
        "ports",
        "env",
        "volumeMounts",
    ]
)


def names_of(path: Path) -> tuple[str, ...]:
    """The parts of ``path`` as text: of an element of a list its key or its number."""
    return tuple(part.key if isinstance(part, Item) else str(part) for part in path)
