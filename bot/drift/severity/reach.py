"""Whether one selection of an object reaches as far as another: the peers, namespaces, images, hosts that it names.

Used by :mod:`bot.drift.severity.fields`. Policies of Kubernetes and its neighbours select alike: an empty mapping selects
everything, keys of a mapping narrow each other, elements of a list are alternatives, a few lists are conditions of which
all must hold, and some names say what is left out. What is not told apart for sure does not reach.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Final

from bot.drift.canonical import spelled
from bot.drift.values import text
from bot.model.globs import name_matches
from bot.model.json import JSON, Tree, several

_LEFT_OUT: Final = re.compile(r"(not|except|exclude|excluded)(?![a-z])\w*|except\w*|exclude\w*")
"""Names of what is left out: ``notPrincipals`` (Istio: Authorization Policy), ``except`` (Kubernetes: Network Policies),
``exceptCIDRs`` (Cilium: CIDR-based rules), ``exclude`` (Kyverno: Selecting Resources), ``notSelector`` (Calico).
"""
_CONDITIONS: Final = frozenset({"when", "all", "matchExpressions", "matchConditions", "conditions"})
"""Lists of which every element must hold (Istio: Authorization Policy; Kyverno: Selecting Resources; Kubernetes: Labels and
Selectors, Dynamic Admission Control).
"""
_IMPLIED: Final = {"scope": "*", "matchPolicy": "Equivalent"}
"""What the API server fills in (``pkg/apis/admissionregistration/v1/defaults.go``: ``SetDefaults_Rule``,
``SetDefaults_MatchResources``).
"""
_SILENT: Final = frozenset({"description", "comment"})
_MOST: Final = 200_000
"""So many pairs of parts are compared; selections that are larger reach nothing but what is equal."""
_PEERS: Final = re.compile(r"ipBlock|from[A-Z]\w*|to(?!Ports)[A-Z]\w*")
"""Peers of a rule, each an alternative beside the others (Kubernetes: NetworkPolicyPeer; Cilium: Layer 3 Policies)."""


def reaches(wide: JSON, narrow: JSON) -> bool:
    """Whether ``wide`` selects everything that ``narrow`` does. What is empty or not there selects everything."""
    return _is_cheap(wide, narrow) and _reaches(wide, narrow)


def lists(wide: JSON, narrow: JSON) -> bool:
    """Whether each alternative of ``narrow`` is reached by one of ``wide``; one that stands alone is a list of one, and
    nothing is an empty list.
    """
    wide_texts = {spelled(element) for element in several(wide)}
    other_elements = [element for element in several(narrow) if spelled(element) not in wide_texts]
    return not other_elements or (_is_cheap(wide, other_elements) and _lists(wide, other_elements))


def exceeds(wide: JSON, narrow: JSON) -> bool:
    """As :func:`lists`, where an alternative may deny: ``!`` stands before what it names. Whatever is denied is so
    whatever else is allowed (Argo CD: Projects, "Deny" patterns of sources and destinations).
    """
    return lists(_among(wide, denied=False), _among(narrow, denied=False)) and lists(
        _among(narrow, denied=True), _among(wide, denied=True)
    )


def _among(value: JSON, *, denied: bool) -> JSON:
    """The alternatives that deny, or the ones that allow."""
    return [element for element in several(value) if _denies(element) is denied]


def _denies(alternative: JSON) -> bool:
    parts = alternative.values() if isinstance(alternative, Mapping) else (alternative,)
    return any(isinstance(part, str) and part.startswith("!") for part in parts)


def _is_cheap(wide: JSON, narrow: JSON) -> bool:
    """Whether they are small enough to be laid beside each other part by part."""
    return _size(wide) * _size(narrow) <= _MOST


def _size(value: JSON) -> int:
    if isinstance(value, Mapping):
        return 1 + sum(map(_size, value.values()))
    return 1 + sum(map(_size, value)) if isinstance(value, (list, tuple)) else 1


def _reaches(wide: JSON, narrow: JSON) -> bool:
    if _is_empty(wide):
        return True
    if _is_empty(narrow):
        return False
    if isinstance(wide, (list, tuple)) or isinstance(narrow, (list, tuple)):
        return _lists(wide, narrow)
    if isinstance(wide, Mapping) and isinstance(narrow, Mapping):
        return _mapping(wide, narrow)
    return not isinstance(wide, Mapping) and not isinstance(narrow, Mapping) and _scalar(wide, narrow)


def _lists(wide: JSON, narrow: JSON) -> bool:
    alternatives = several(wide)
    return all(any(_reaches(alternative, element) for alternative in alternatives) for element in several(narrow))


def _is_empty(value: JSON) -> bool:
    return value is None or (isinstance(value, (Mapping, list, tuple)) and not value)


def _mapping(wide: Tree, narrow: Tree) -> bool:
    if "operator" in wide and _is_negative(wide):
        same = (wide.get("key"), wide["operator"]) == (narrow.get("key"), narrow.get("operator"))
        return same and _lists(narrow.get("values"), wide.get("values"))
    if _is_elsewhere(wide, narrow):
        return False
    return all(_entry(key, value, narrow.get(key)) for key, value in wide.items() if key not in _SILENT)


def _is_negative(requirement: Tree) -> bool:
    return str(requirement["operator"]).lower().startswith(("notin", "anynotin", "allnotin", "notequal"))


def _is_elsewhere(wide: Tree, narrow: Tree) -> bool:
    """Whether ``narrow`` names other peers than ``wide`` does, which are no condition beside them but peers of their own.

    A selector of pods without one of namespaces is about its own namespace (Kubernetes: Network Policies).
    """
    if "podSelector" in wide and "namespaceSelector" in narrow and "namespaceSelector" not in wide:
        return True
    peers = {key for key in wide if _PEERS.fullmatch(key)}
    return bool(peers) and any(_PEERS.fullmatch(key) and key not in peers for key in narrow)


def _entry(key: str, wide: JSON, narrow: JSON) -> bool:
    narrow = _IMPLIED.get(key) if narrow is None else narrow
    if _LEFT_OUT.fullmatch(key):
        return _is_empty(wide) or (not _is_empty(narrow) and _reaches(narrow, wide))
    if key in _CONDITIONS and not isinstance(wide, Mapping):
        return all(
            any(_reaches(condition, narrow_value) for narrow_value in several(narrow)) for condition in several(wide)
        )
    return _reaches(wide, narrow)


def _scalar(wide: JSON, narrow: JSON) -> bool:
    wide_text, narrow_text = str(text(wide)), str(text(narrow))
    return name_matches(wide_text, narrow_text) or _contains(wide_text, narrow_text)


def _contains(wide: str, narrow: str) -> bool:
    """Whether both are ranges of addresses and one lies in the other."""
    try:
        network, part = ip_network(wide, strict=False), ip_network(narrow, strict=False)
    except ValueError:
        return False
    return network.version == part.version and int(network[0]) <= int(part[0]) and int(part[-1]) <= int(network[-1])
