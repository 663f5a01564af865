"""What a resource of a cloud gained: open to the internet, open to everybody, everything allowed.

Used by :mod:`bot.observers.plans` for the values of a Terraform plan. A value is a gain where the live side has it and what
is asked for has not. What opens a rule of a firewall, or grants a role, is judged with what stands beside it: the same
range at another port, the same role for another member. Policies in JSON are judged by :mod:`bot.drift.severity.iam`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from bot.drift import policies
from bot.drift.severity import iam
from bot.drift.values import text
from bot.model.json import JSON, Pointer, Tree
from bot.model.severity import Severity

_WORLD: Final = frozenset({"0.0.0.0/0", "::/0", "internet", "*"})
_RANGES: Final = re.compile(
    r"cidr|source_ranges|source_address|ip_ranges|ingress|authorized_networks|ip_rules|(^|_)ips?(_|$)"
)
_ACLS: Final = frozenset({"public-read", "public-read-write", "authenticated-read", "blob", "container", "publicread"})
_PUBLIC: Final = re.compile(
    r"publicly_accessible|public_network_access|public_access|allow_blob_public|map_public_ip|^public$"
)
_ACCESS: Final = re.compile(r"acl|access")
_EVERYBODY: Final = frozenset({"allusers", "allauthenticatedusers"})
_OWNERS: Final = frozenset({"roles/owner", "arn:aws:iam::aws:policy/administratoraccess", "owner"})

_OPENING: Final = re.compile(
    r"(^|_)(ports?|from_port|to_port)(_|$)|protocol|direction|^type$|^allow$|^access$|^action$|^rule_action$|^disabled$"
)
"""What says which traffic a rule is about, and whether it lets it in."""
_GRANTING: Final = re.compile(
    r"^members?$|^principals?(_id)?$|^(users?|groups?|roles?)$|^scope$|^condition$|^(project|folder|org_id|bucket)$"
)
"""What says to whom and where a role is granted."""
_PLACE: Final = re.compile(r"^roles?$|^scope$|^condition$|^(project|folder|org_id|bucket)$")
"""What says what is granted, and where."""
_PORTS: Final = re.compile(r"^(from_port|to_port|ports)$")
_SCOPES: Final = {"public-exposure": _OPENING, "iam-everybody": _PLACE, "iam-wildcard": _GRANTING}
_ALL_PROTOCOLS: Final = frozenset({"-1", "all", "*"})

_Word: TypeAlias = tuple[str, str]
"""The id of a rule, and the value with its name."""


@dataclass(frozen=True, slots=True)
class CloudGain:
    """One thing that is open or granted. ``block`` is the place of the mapping around it, ``at`` its own place."""

    rule: str
    detail: str
    block: Pointer
    at: Pointer
    around: Tree

    @property
    def names(self) -> tuple[str, ...]:
        """Its place without the numbers in lists."""
        return tuple(part for part in self.at if isinstance(part, str))

    def concerns(self, path: Pointer) -> bool:
        """Whether the difference at ``path`` is the gain itself or part of what makes it one."""
        if path == self.at or self.at[: len(path)] == path or path[: len(self.at)] == self.at:
            return True
        depth = len(self.block)
        name = path[depth] if len(path) > depth and path[:depth] == self.block else None
        return isinstance(name, str) and _SCOPES[self.rule].search(name) is not None


def exposure(live: JSON, asked: JSON) -> tuple[Severity, str] | None:
    """CRITICAL with the rule's id where ``live`` opens or grants what ``asked`` does not; None where it does not."""
    gain = next(iter(gains(live, asked)), None)
    return None if gain is None else (Severity.CRITICAL, gain.rule)


def gains(live: JSON, asked: JSON) -> tuple[CloudGain, ...]:
    """Everything that ``live``, the values of a resource, opens or grants and ``asked`` does not, with its place."""
    before = [*_grants(asked, "", (), (), {})]
    policies_before = [*_policies(asked, ())]
    return (
        *(gain for gain in _grants(live, "", (), (), {}) if not any(_covers(other, gain) for other in before)),
        *(
            CloudGain(rule, "policy", at[:-1], at, {})
            for at, policy in _policies(live, ())
            for rule in iam.gained(policy, [other for place, other in policies_before if place[:1] == at[:1]])
        ),
    )


def _grants(value: JSON, name: str, at: Pointer, block: Pointer, around: Tree) -> Iterator[CloudGain]:
    """Each opening and each grant of plain values. ``around`` is the mapping at ``block``."""
    if isinstance(value, Mapping):
        if "Effect" in value or _denies(value):
            return
        for key, entry in value.items():
            yield from _grants(entry, str(key), (*at, str(key)), at, value)
    elif isinstance(value, (list, tuple)):
        for index, element in enumerate(value):
            yield from _grants(element, name, (*at, index), block, around)
    else:
        for rule, detail in _word(str(text(value)).lower(), name.lower()):
            yield CloudGain(rule, detail, block, at, around)


def _denies(rule: Tree) -> bool:
    """Whether a rule of a firewall keeps traffic out."""
    return any(
        str(rule.get(name)).lower().startswith(("deny", "block")) for name in ("access", "action", "rule_action")
    )


def _word(value: str, name: str) -> Iterator[_Word]:
    opened = value in _WORLD and _RANGES.search(name)
    published = (value in _ACLS and _ACCESS.search(name)) or (value in {"true", "enabled"} and _PUBLIC.search(name))
    if opened or published:
        yield "public-exposure", f"{name}={value}"
    elif value in _EVERYBODY:
        yield "iam-everybody", value
    elif value in _OWNERS and (value != "owner" or "role" in name):
        yield "iam-wildcard", value


def _policies(value: JSON, at: Pointer) -> Iterator[tuple[Pointer, JSON]]:
    """Each text that holds JSON, and each statement, with its place."""
    if isinstance(value, Mapping):
        if "Effect" in value:
            yield at, value
            return
        for key, entry in value.items():
            yield from _policies(entry, (*at, str(key)))
    elif isinstance(value, (list, tuple)):
        for index, element in enumerate(value):
            yield from _policies(element, (*at, index))
    elif isinstance(value, str) and value.lstrip()[:1] in {"{", "["}:
        try:
            yield at, policies.parsed(value)
        except ValueError:
            return


def _covers(before: CloudGain, now: CloudGain) -> bool:
    """Whether ``now`` opens or grants no more than ``before`` did at its place, by what stands beside both."""
    if (before.rule, before.detail, before.names) != (now.rule, now.detail, now.names):
        return False
    scope = _SCOPES[now.rule]
    return _holds(before.around, now.around, {name for name in (*before.around, *now.around) if scope.search(name)})


def _holds(before: Tree, now: Tree, names: Iterable[str]) -> bool:
    """Whether ``now`` says no more than ``before`` by all of ``names``."""
    ports = _within(before, now)
    return all(
        (ports and _PORTS.search(name) is not None)
        or (name == "condition" and not before.get(name))
        or _includes(before.get(name), now.get(name))
        for name in names
    )


def _within(before: Tree, now: Tree) -> bool:
    """Whether the ports are among those of before. All protocols have all ports, and so has a protocol without ports."""
    protocol = before.get("protocol", before.get("ip_protocol"))
    if str(protocol).lower() in _ALL_PROTOCOLS or ("from_port" not in before and protocol and not before.get("ports")):
        return True
    low, high, first, last = before.get("from_port"), before.get("to_port"), now.get("from_port"), now.get("to_port")
    numbers = [each for each in (low, first, last, high) if isinstance(each, int)]
    return len(numbers) == 4 and sorted(numbers) == numbers


def _includes(before: JSON, now: JSON) -> bool:
    """Whether a value beside a grant says no more than it did: the same, all protocols, or fewer of a list."""
    if before == now or (not before and not now) or str(before).lower() in _ALL_PROTOCOLS:
        return True
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return _holds(before, now, {*before, *now})
    if isinstance(before, (list, tuple)) and isinstance(now, (list, tuple)):
        return bool(now) and all(any(_includes(each, element) for each in before) for element in now)
    return False
